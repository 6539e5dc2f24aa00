"""The one way in which the control plane writes: to the brokers first, then to the stores, then the input may be committed.

Faust queues a table's changelog record, writes the table at once and may commit the input offset before the record is
acknowledged; a kill in between loses a publication for good. Here a batch is over only when every record was taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from pipeline.kafka.records import Headers, place
from pipeline.settings.model import Settings
from topics.catalogue import MAX_DEAD_LETTER_BYTES


class PublisherError(RuntimeError):
    """Records were not taken by the brokers. Nothing of the batch counts; its input will be read again."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One record to write; `partition` None leaves the choice to the key."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: Headers | None = None


@dataclass(slots=True)
class Written:
    """Where a batch came to stand: first and last offset by topic and partition, and the number of records there."""

    first: dict[tuple[str, int], int] = field(default_factory=dict)
    last: dict[tuple[str, int], int] = field(default_factory=dict)
    count: dict[tuple[str, int], int] = field(default_factory=dict)


class Publisher:
    """An idempotent producer that answers when a whole batch was acknowledged. One batch at a time."""

    def __init__(self, settings: Settings) -> None:
        # A process that was frozen must not send on waking what was queued before: by then the partition has another owner.
        self._patience_s = max(2.0, settings.session_timeout_ms * 0.8 / 1000)
        self._producer = Producer(
            settings.client(
                enable__idempotence=True,
                partitioner="murmur2_random",
                linger__ms=0,
                compression__type="lz4",
                batch__size=1_000_000,
                message__max__bytes=MAX_DEAD_LETTER_BYTES,
                message__timeout__ms=int(self._patience_s * 1000),
                queue__buffering__max__messages=1_000_000,
            )
        )
        self._written = Written()
        self._failed: list[str] = []

    def write(self, entries: list[Entry], owner: Callable[[], None]) -> Written:
        """Writes a batch, after `owner` has not objected. Blocks until the brokers have all of it.

        Raises PublisherError if they do not take it in time, and whatever `owner` raises when this process may no longer write.
        """
        owner()
        self._written, self._failed = Written(), []
        for entry in entries:
            self._produce(entry)
        left = self._producer.flush(self._patience_s + 5)
        if left or self._failed:
            self._producer.purge()
            self._producer.flush(1)
            raise PublisherError(self._failed[0] if self._failed else f"{left} records were not taken in time")
        return self._written

    def _produce(self, entry: Entry) -> None:
        more: dict[str, Any] = {} if entry.partition is None else {"partition": entry.partition}
        if entry.headers:
            more["headers"] = entry.headers
        while True:
            try:
                self._producer.produce(entry.topic, entry.value, entry.key, on_delivery=self._delivered, **more)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failed.append(f"{message.topic()}: {error.str()}")
            return
        topic, partition, offset = place(message)
        where, written = (topic, partition), self._written
        written.first.setdefault(where, offset)
        written.last[where] = max(offset, written.last.get(where, -1))
        written.count[where] = written.count.get(where, 0) + 1

    def close(self) -> None:
        """Lets go; nothing is left to be sent."""
        self._producer.purge()
        self._producer.flush(1)
