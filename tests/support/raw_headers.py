"""A record with a header whose name is not UTF-8, as some client wrote it; ours can neither write nor read such a name.

aiokafka in plain Python asks a header's name to encode itself, which lets a test give it any bytes. Whether it runs in plain
Python it reads from the environment when it is imported, so the record is written by a process of its own.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys


class _Raw(str):
    __slots__ = ()

    def encode(self, _encoding: str = "utf-8", _errors: str = "strict") -> bytes:
        return bytes(ord(sign) for sign in self)


async def _send(bootstrap: str, topic: str, value: bytes, name: bytes) -> None:
    from aiokafka import AIOKafkaProducer  # noqa: PLC0415  the environment of this process is set for it

    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait(topic, value, headers=[(_Raw(name.decode("latin-1")), b"v")])
    finally:
        await producer.stop()


def send_with_header(bootstrap: str, topic: str, value: bytes, name: bytes) -> None:
    """Writes one record."""
    command = [sys.executable, "-m", "tests.support.raw_headers", bootstrap, topic, value.hex(), name.hex()]
    subprocess.run(command, env={**os.environ, "AIOKAFKA_NO_EXTENSIONS": "1"}, check=True, timeout=120)


if __name__ == "__main__":
    asyncio.run(_send(sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3]), bytes.fromhex(sys.argv[4])))
