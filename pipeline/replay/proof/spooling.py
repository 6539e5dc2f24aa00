"""What a topic's records come to while they are copied: files of bounded size, and the outcomes that name a range of claims."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from confluent_kafka import Message

from pipeline.kafka.partitioner import partition_of
from pipeline.kafka.records import headers, place
from pipeline.replay.files import write_table
from pipeline.replay.output import RECORDED_SCHEMA
from pipeline.replay.proof.topic_range import Ranges
from topics.catalogue import CLAIMS
from topics.dead_letters import opened
from topics.verdicts.shape import VERDICT

_PART_RECORDS = 131_072
_PART_BYTES = 64 << 20
_GROUP_ROWS = 8_192
"""Recorded outcomes are sorted by the claim's place in groups of this size, so that a part finds its own without reading all."""


class Spool:
    """Rows on their way to numbered files of bounded size."""

    def __init__(self, folder: Path, stem: str, schema: Any, sort: bool = False) -> None:
        self._folder, self._stem, self._schema, self._sort = folder, stem, schema, sort
        self._rows: list[tuple[Any, ...]] = []
        self._bytes = 0
        self.files: list[Path] = []

    def add(self, row: tuple[Any, ...], size: int) -> None:
        """Takes a row; `size` is about how many bytes it has."""
        self._rows.append(row)
        self._bytes += size
        if len(self._rows) >= _PART_RECORDS or self._bytes >= _PART_BYTES:
            self.flush()

    def flush(self) -> Path | None:
        """Writes what waits as one file; None when nothing does."""
        if not self._rows:
            return None
        frame = pl.DataFrame(self._rows, schema=self._schema, orient="row")
        path = self._folder / f"{self._stem}-{len(self.files):05d}.parquet"
        write_table(frame.sort("partition", "offset") if self._sort else frame, path, _GROUP_ROWS)
        self.files.append(path)
        self._rows, self._bytes = [], 0
        return path


class _Source(msgspec.Struct):
    topic: str
    partition: int
    offset: int


class _Sourced(msgspec.Struct):
    source: _Source


class _Register(msgspec.Struct):
    progress: dict[str, int]
    institution_revision: int | None = None
    insured_revision: int | None = None
    department_revisions: dict[str, int] | None = None


_Verdict = msgspec.defstruct(
    "_Verdict",
    [*((field.name, field.wire) for field in VERDICT), ("screened_at", str), ("register", _Register | None, None)],
    module=__name__,
)


_source = msgspec.json.Decoder(_Sourced).decode
_verdict = msgspec.json.Decoder(_Verdict).decode
_NO_VERDICT = (None,) * (len(_Verdict.__struct_fields__) + 3)


class Recorder:
    """Keeps the outcomes that name a record of the range. `event_partitions` are those of the events behind the register."""

    def __init__(self, folder: Path, ranges: Ranges, event_partitions: int) -> None:
        self._partition_of = lru_cache(1 << 16)(lambda code: str(partition_of(code.encode(), event_partitions)))
        self.spool = Spool(folder, "part", RECORDED_SCHEMA, sort=True)
        self.counts = {"verdicts": 0, "dead_letters": 0, "unreadable": 0}
        self._ranges = ranges

    def verdict(self, message: Message) -> None:
        """A record of the topic of verdicts. One that does not even name its source is counted and belongs to no claim."""
        value = message.value() or b""
        try:
            source = _source(value).source
        except msgspec.MsgspecError:
            self.counts["unreadable"] += 1
            return
        if not self._wanted(source.topic, source.partition, source.offset):
            return
        try:
            told: Any = _verdict(value)
        except msgspec.MsgspecError as error:
            self.counts["unreadable"] += 1
            self._keep(message, source.partition, source.offset, "unreadable", str(error), _NO_VERDICT)
            return
        self.counts["verdicts"] += 1
        *fields, register = msgspec.structs.astuple(told)
        by: tuple[int | str | None, ...] = (None, None, 0, "{}")  # before it told of them, nobody kept their standings
        if register is not None:
            # What it does not name had no events.
            at = register.progress.get(self._partition_of(told.institution_code), 0)
            departments = msgspec.json.encode(register.department_revisions or {}).decode()
            by = (at, register.institution_revision, register.insured_revision or 0, departments)
        self._keep(message, source.partition, source.offset, "verdict", None, (*fields, *by))

    def dead_letter(self, message: Message) -> None:
        """A record of the topic of dead letters."""
        named = opened(headers(message))
        if named is not None and self._wanted(named.topic, named.partition, named.offset):
            self.counts["dead_letters"] += 1
            self._keep(message, named.partition, named.offset, "dead_letter", named.error, _NO_VERDICT)

    def _wanted(self, topic: str, partition: int, offset: int) -> bool:
        begin, end = self._ranges.get(partition, (0, 0))
        return topic == CLAIMS.name and begin <= offset < end

    def _keep(
        self, message: Message, partition: int, offset: int, outcome: str, error: str | None, fields: tuple[Any, ...]
    ) -> None:
        _, at_partition, at_offset = place(message)
        row = (partition, offset, outcome, at_partition, at_offset, message.timestamp()[1], error, *fields)
        self.spool.add(row, 400)
