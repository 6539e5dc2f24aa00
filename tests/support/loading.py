"""Claims that keep coming while something is done to the workers or the broker."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from confluent_kafka import Producer

from tests.support.cluster import Cluster

_QUEUE = 2_000
"""Records that wait for a broker that is away: each of them is judged afterwards, by the gate and by the oracle."""


class Loading:
    """Sends record values from a thread of its own, some at a time, until left.

    The broker may be away for a while: the sender waits and goes on.
    """

    def __init__(
        self, cluster: Cluster, values: Iterator[bytes | None], at_once: int = 30, every: float = 0.04
    ) -> None:
        self._values = values
        self._at_once = at_once
        self._every = every
        self._leave = threading.Event()
        self.sent = 0
        self._producer = Producer(
            {
                "bootstrap.servers": cluster.bootstrap,
                "enable.idempotence": True,
                "linger.ms": 5,
                "queue.buffering.max.messages": _QUEUE,
                "log_level": 0,
            }
        )
        self._thread = threading.Thread(target=self._send, name="loading", daemon=True)

    def _send(self) -> None:
        while not self._leave.wait(self._every):
            self._producer.poll(0)
            for value in itertools.islice(self._values, self._at_once):
                self._produce(value)

    def _produce(self, value: bytes | None) -> None:
        while True:
            try:
                self._producer.produce("claims", key=f"k{self.sent}", value=value)
            except BufferError:  # the broker is away
                if self._leave.is_set():
                    return
                self._producer.poll(0.1)
            else:
                self.sent += 1
                return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave.set()
        self._thread.join()
        left = self._producer.flush(90)
        assert left == 0 or kind is not None, f"{left} claims could not be sent"
