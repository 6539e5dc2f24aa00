"""Keeps millions of records as columns of hashes, and reads the few wrong ones again in full.

Comparing takes a hash of each record, so that a case costs about a hundred bytes. Whatever differs is read again by its key and
named field by field.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import polars as pl
from confluent_kafka import Message

from pipeline.audit.findings import EVERY, Fault, Findings, Progress
from pipeline.kafka.offsets import asking, offsets_of
from pipeline.kafka.reading import TOOLS_GROUP, read_to_end
from pipeline.kafka.records import key, place
from pipeline.settings.model import Settings

MOST_NAMED = 10_000
"""Wrong records of one topic that are read again and named; the rest is counted."""

OFFSETS = 1 << 48
"""More offsets than a partition has: partition and offset are one number, partition * OFFSETS + offset."""

_CHUNK = 50_000
_SLACK_MS = 3_600_000
"""Records of one transaction differ in their times, and lie beside those of others: by no more than a commit may take."""


class Rows:
    """A frame that grows by rows."""

    def __init__(self, **schema: Any) -> None:
        self._schema = schema
        self._rows: list[tuple[Any, ...]] = []
        self._chunks: list[pl.DataFrame] = []

    def add(self, *row: Any) -> None:
        """Adds a row; its values stand in the order of the columns."""
        self._rows.append(row)
        if len(self._rows) == _CHUNK:
            self._flush()

    def _flush(self) -> None:
        self._chunks.append(pl.DataFrame(self._rows, schema=self._schema, orient="row"))
        self._rows = []

    def frame(self) -> pl.DataFrame:
        """Everything added, in order."""
        self._flush()
        return pl.concat(self._chunks)


class Kept:
    """How much of a topic is still there, told from its first records as they were read and from where its partitions begin."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}
        self.begun: set[int] = set()
        """Partitions whose oldest records have expired."""
        self.emptied: set[int] = set()
        """Those of them that hold nothing any more."""
        self.partitions = 0

    def saw(self, partition: int, at: int) -> None:
        """A record of this time, in milliseconds, was read."""
        self._first.setdefault(partition, at)

    def close(self, settings: Settings, topic: str) -> None:
        """Asks where the partitions begin: after reading, since records may have expired meanwhile. Raises ClusterError."""
        with asking(settings, TOOLS_GROUP) as consumer:
            found = offsets_of(consumer, settings, topic)
        self.partitions = len(found)
        self.begun = {number for number, offsets in found.items() if offsets.low}
        self.emptied = self.begun - self._first.keys()

    @property
    def since(self) -> int:
        """The time (ms) from which on nothing has expired, whatever the partition; 0 when nothing has.

        Partitions that were emptied are left out: nobody can tell when their last record was written.
        """
        firsts = [self._first[number] for number in self.begun & self._first.keys()]
        return max(firsts) + _SLACK_MS if firsts else 0

    def expired(self, at: int) -> bool:
        """Whether a record of this time (ms) may have been there and has expired."""
        return bool(self.emptied) or at < self.since


class Found(NamedTuple):
    """A record read again."""

    partition: int
    offset: int
    key: bytes
    value: bytes | None


def again(
    settings: Settings, topic: str, of: Callable[[Message], Hashable | None], wanted: set[Any], progress: Progress
) -> dict[Any, list[Found]]:
    """Reads a topic once more and keeps the records that are wanted, by what `of` says of them. Raises ClusterError."""
    found: dict[Any, list[Found]] = {}
    if not wanted:
        return found
    for number, message in enumerate(read_to_end(settings, topic), 1):
        name = of(message)
        if name in wanted:
            _, partition, offset = place(message)
            found.setdefault(name, []).append(Found(partition, offset, key(message) or b"", message.value()))
        if number % EVERY == 0:
            progress(f"{topic} again", number)
    return found


def beyond(part: str, wrong: pl.DataFrame, topic: str, findings: Findings) -> None:
    """Counts the wrong records (column `kind`) that are too many to be named."""
    for kind, count in wrong[MOST_NAMED:].group_by("kind").len().sort("kind").iter_rows():
        findings.differ(part, Fault(kind), topic, f"{count:,} further, too many to be named")


def timestamp(message: Message) -> int:
    """When a record was written, in milliseconds."""
    return int(message.timestamp()[1])
