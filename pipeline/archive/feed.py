"""One topic on its way into its table: what has been read and is not yet written, and how far both are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl
from confluent_kafka import Message

from pipeline.archive.layout import CLAIM_TABLE, IN_ORDER, VERDICT_TABLE
from pipeline.archive.rows import Records, Rows, claim_rows, verdict_rows
from pipeline.archive.table import ArchiveTable
from pipeline.kafka.records import place

_MAKERS: dict[str, Callable[[Records], Rows]] = {
    CLAIM_TABLE.folder: claim_rows,
    VERDICT_TABLE.folder: verdict_rows,
}


@dataclass(slots=True)
class Feed:
    """A topic (`topic`, with its id), its table, and by partition the next offset to be read (`read`) and written (`kept`)."""

    topic: str
    topic_id: str | None
    table: ArchiveTable
    read: dict[int, int]
    kept: dict[int, int]
    frames: list[pl.DataFrame] = field(default_factory=list)
    excluded: Counter[str] = field(default_factory=Counter)
    waiting: int = 0

    def take(self, messages: list[Message]) -> None:
        """Takes records of this topic, each partition's in its order."""
        partitions, offsets, times, values = [], [], [], []
        for message in messages:
            _, partition, offset = place(message)
            partitions.append(partition)
            offsets.append(offset)
            times.append(max(0, message.timestamp()[1]) * 1_000)
            values.append(message.value())
            self.read[partition] = offset + 1
        made = _MAKERS[self.table.spec.folder](Records(self.topic_id, partitions, offsets, times, values))
        self.frames.append(made.frame)
        self.excluded += made.excluded
        self.waiting += len(messages)

    def progress(self) -> dict[int, int]:
        """The partitions that have come further than their table."""
        return {number: at for number, at in self.read.items() if at != self.kept[number]}

    def rows(self) -> pl.DataFrame:
        """What is to be written, in the order of the files."""
        frame = pl.concat(self.frames) if self.frames else pl.DataFrame(schema=self.table.spec.columns)
        return frame.sort(IN_ORDER)

    def written(self) -> None:
        """What was read is in the table."""
        self.kept = dict(self.read)
        self.frames, self.excluded, self.waiting = [], Counter(), 0
