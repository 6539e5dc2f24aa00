"""One Delta table: how far it has come in each partition of its topic, rows added with that progress in one commit, and upkeep.

The progress is the table's own application transaction (`txn` in the Delta protocol): a partition of a topic is an application,
and the next offset its version. So rows and progress become visible together, and a commit that another process's progress
contradicts is refused by the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import polars as pl
from deltalake import DeltaTable, Field, Schema, WriterProperties, write_deltalake
from deltalake.exceptions import TableNotFoundError
from deltalake.schema import ArrayType, PrimitiveType, StructType
from deltalake.transaction import CommitProperties, Transaction

from pipeline.archive.layout import PARTITIONED_BY, TableSpec
from topics.verdicts.shape import DataType

_GROUP_ROWS = 16_384
"""Rows that a reader must take at once, whatever it looks for."""

_FILE_BYTES = 128 * 1024 * 1024
"""Files are joined up to this size, and those that have it are left alone."""

_MANY_FILES = 8
"""Files of one partition from which on it is worth joining them."""

_CHECKPOINT_EVERY = 100
_WRITING = WriterProperties(compression="ZSTD", compression_level=1, max_row_group_size=_GROUP_ROWS)


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What joining files and removing old ones came to."""

    joined: int
    written: int
    removed: int


class ArchiveTable:
    """One table at a place (a folder or a URL), made on demand. Not for several threads."""

    def __init__(self, place: str, spec: TableSpec) -> None:
        self.spec = spec
        self.place = f"{place.rstrip('/')}/{spec.folder}"
        self._table = self._opened()

    def _opened(self) -> DeltaTable:
        try:
            return DeltaTable(self.place)
        except TableNotFoundError:
            return DeltaTable.create(
                self.place,
                Schema([Field(name, _delta(kind)) for name, kind in self.spec.columns.items()]),
                mode="ignore",
                partition_by=PARTITIONED_BY,
                name=f"screening {self.spec.folder}",
                description=self.spec.spec.purpose,
                configuration={"delta.checkpointInterval": str(_CHECKPOINT_EVERY)},
            )

    def reopen(self) -> None:
        """Looks at the table as it is now."""
        self._table = self._opened()

    def position(self, topic_id: str | None, partition: int) -> int | None:
        """The next offset of a partition that is not in the table yet; None where nothing of it is."""
        return self._table.transaction_version(self._application(topic_id, partition))

    def append(self, rows: pl.DataFrame, topic_id: str | None, progress: Mapping[int, int]) -> None:
        """Adds rows, and with them that each partition is in the table up to, not including, an offset.

        Raises deltalake's errors. What has become of the commit then only `reopen` and `position` tell.
        """
        marks = [Transaction(self._application(topic_id, number), offset) for number, offset in progress.items()]
        # Commits of two processes would not contradict each other where they are about other partitions; by this mark they do,
        # and the later one looks before it tries again.
        marks.append(Transaction(f"screening/{self.spec.spec.name}/writer", self.version + 1))
        known = {field.name for field in self._table.schema().fields}
        write_deltalake(
            self._table,
            rows,
            mode="append",
            schema_mode="merge" if known != set(rows.columns) else None,
            writer_properties=_WRITING,
            commit_properties=CommitProperties(app_transactions=marks),
        )

    def tidy(self, keep_hours: int) -> Upkeep:
        """Joins small files, and removes what was joined more than `keep_hours` ago. Raises deltalake's errors."""
        self.reopen()
        joined = written = 0
        for year, bucket in self._crowded():
            done = self._table.optimize.compact(
                partition_filters=[("year", "=", year), ("bucket", "=", bucket)],
                target_size=_FILE_BYTES,
                max_concurrent_tasks=1,
                writer_properties=_WRITING,
            )
            joined += done["numFilesRemoved"]
            written += done["numFilesAdded"]
        removed = self._table.vacuum(keep_hours, dry_run=False, enforce_retention_duration=False)
        return Upkeep(joined, written, len(removed))

    def _crowded(self) -> list[tuple[str, str]]:
        """The partitions that have many files, in order."""
        files = pl.DataFrame(self._table.get_add_actions(flatten=True))
        if files.is_empty():
            return []
        crowded = (
            files.filter(pl.col("size_bytes") < _FILE_BYTES)
            .group_by("partition.year", "partition.bucket")
            .len()
            .filter(pl.col("len") >= _MANY_FILES)
            .sort("partition.year", "partition.bucket")
        )
        return [(str(year), str(bucket)) for year, bucket, _ in crowded.iter_rows()]

    @property
    def files(self) -> int:
        """How many files the table has."""
        return len(self._table.file_uris())

    @property
    def version(self) -> int:
        """The table's version."""
        return int(self._table.version())

    def _application(self, topic_id: str | None, partition: int) -> str:
        # A topic that was deleted and made again begins at offset 0 anew, and is another one.
        return f"screening/{self.spec.spec.name}/{topic_id or '-'}/{partition}"


def _delta(kind: DataType) -> PrimitiveType | ArrayType | StructType:
    """A column's type in the Delta protocol."""
    if isinstance(kind, pl.Decimal):
        return PrimitiveType(f"decimal({kind.precision},{kind.scale})")
    if isinstance(kind, pl.List):
        return ArrayType(_delta(cast("DataType", kind.inner)), contains_null=True)
    if isinstance(kind, pl.Struct):
        return StructType([Field(item.name, _delta(cast("DataType", item.dtype))) for item in kind.fields])
    if isinstance(kind, pl.Datetime):
        return PrimitiveType("timestamp")
    return PrimitiveType(_PRIMITIVE[kind if isinstance(kind, type) else type(kind)])


_PRIMITIVE: dict[type[pl.DataType], str] = {
    pl.String: "string", pl.Int32: "integer", pl.Int64: "long", pl.Date: "date", pl.Binary: "binary",
}  # fmt: skip
