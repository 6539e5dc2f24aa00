"""What one batch reads and changes: reading goes through what the batch itself has changed so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.control.faust.state_store import StateStore
from pipeline.control.publisher import Entry
from pipeline.kafka.records import Headers
from topics.catalogue import TopicSpec
from topics.dead_letters import Code, enclose

StoreOf = Callable[[str, int], StateStore]
"""The store of a table's partition. Raises KeyError when this process does not have it."""


@dataclass(frozen=True, slots=True)
class Received:
    """One record as it came."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(slots=True)
class WriteBatch:
    """Changes of tables by topic and partition, and records of no table."""

    store_of: StoreOf
    changes: dict[tuple[str, int], dict[bytes, bytes | None]] = field(default_factory=dict)
    loose: list[Entry] = field(default_factory=list)

    def get(self, table: TopicSpec, partition: int, key: bytes) -> bytes | None:
        """The value of a key, as this batch leaves it so far."""
        changed = self.changes.get((table.name, partition))
        if changed is not None and key in changed:
            return changed[key]
        return self.store_of(table.name, partition).get(key)

    def put(self, table: TopicSpec, partition: int, key: bytes, value: bytes | None) -> None:
        """Changes a key; None removes it."""
        self.changes.setdefault((table.name, partition), {})[key] = value

    def dead_letter(self, topic: TopicSpec, record: Received, code: Code, reason: str) -> None:
        """Sets a record aside, byte for byte, with the code and the reason."""
        letter = enclose(
            code,
            reason,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            key=record.key,
            value=record.value,
            headers=record.headers,
            limit=topic.max_record_bytes,
        )
        self.loose.append(Entry(topic.name, letter.key, letter.value, headers=letter.headers))

    def forward(self, record: Received, key: bytes, partition: int) -> None:
        """Sends a record that lies in the wrong partition to the right one of its own topic."""
        self.loose.append(Entry(record.topic, key, record.value, partition, record.headers or None))

    def entries(self) -> list[Entry]:
        """Every record to write, those of no table first."""
        tables = [
            Entry(topic, key, value, partition)
            for (topic, partition), changed in self.changes.items()
            for key, value in changed.items()
        ]
        return [*self.loose, *tables]
