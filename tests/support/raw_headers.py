"""A record with a header whose name is not UTF-8, as some client wrote it; ours can neither write nor read such a name."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaProducer
from aiokafka.producer import message_accumulator
from aiokafka.record import default_records


class _Raw(str):
    __slots__ = ()

    def encode(self, _encoding: str = "utf-8", _errors: str = "strict") -> bytes:
        return bytes(ord(sign) for sign in self)


async def _send(bootstrap: str, topic: str, value: bytes, name: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait(topic, value, headers=[(_Raw(name.decode("latin-1")), b"v")])
    finally:
        await producer.stop()


def send_with_header(bootstrap: str, topic: str, value: bytes, name: bytes) -> None:
    """Writes one record."""
    builder = message_accumulator.DefaultRecordBatchBuilder
    message_accumulator.DefaultRecordBatchBuilder = default_records._DefaultRecordBatchBuilderPy
    try:
        asyncio.run(_send(bootstrap, topic, value, name))
    finally:
        message_accumulator.DefaultRecordBatchBuilder = builder
