"""Where a local Kafka lives: ports of this machine and a folder of its own."""

from __future__ import annotations

import contextlib
import fcntl
import random
import socket
from pathlib import Path

import click

from pipeline.devtools.kafka_jars import LocalKafkaError

HOST = "127.0.0.1"
LOGS = "data"

# Below the range that Linux hands out to outgoing connections: a client's own socket cannot take the port of a stopped
# broker, so that `restart` finds it free again.
_PORTS = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Pick distinct ports of the loopback address that nobody listens on."""
    chooser = random.SystemRandom()
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        for _ in range(1_000):
            if len(ports) == count:
                return ports
            probe = held.enter_context(socket.socket())
            port = chooser.choice(_PORTS)
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                ports.append(port)
    raise LocalKafkaError("no free port was found for Apache Kafka")


def check_free(folder: Path, port: int) -> None:
    """Raises ClickException where another broker has the folder or the port, or the folder cannot be written."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise click.ClickException(f"port {port}: {error.strerror}; give another with --port") from error
    try:
        (folder / LOGS).mkdir(parents=True, exist_ok=True)
        with (folder / LOGS / ".lock").open("a") as lock:  # Kafka's own lock of its data
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise click.ClickException(
            f"{folder}: another broker runs on this folder; give another with --data-dir"
        ) from error
    except OSError as error:
        raise click.ClickException(f"{folder}: cannot be used as a folder of data: {error.strerror}") from error
