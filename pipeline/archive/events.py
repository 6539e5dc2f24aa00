"""What happens in a process of the archive: each event with what the log says of it and the metrics that it moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.telemetry.archive_metrics import ArchiveMetrics
from pipeline.telemetry.events import UNLOGGED, ErrorEvent, Event, WarningEvent


@dataclass(frozen=True, slots=True)
class ArchiveStarted(Event[ArchiveMetrics]):
    """The process goes on where the tables end; `place` is the archive's folder or URL, `metrics` the address of its pages."""

    place: str
    metrics: str


@dataclass(frozen=True, slots=True)
class RowsArchived(Event[ArchiveMetrics]):
    """Rows are in a table, together with how far it has come; `excluded` are the records that have no row."""

    table: str
    rows: int
    excluded: int
    version: int
    seconds: float
    why: Mapping[str, int] = field(default_factory=Counter, metadata=UNLOGGED)

    def measure(self, metrics: ArchiveMetrics) -> None:
        metrics.rows.labels(self.table).inc(self.rows)
        for why, number in self.why.items():
            if number:
                metrics.excluded.labels(self.table, why).inc(number)


@dataclass(frozen=True, slots=True)
class ArchiveCommitFailed(WarningEvent[ArchiveMetrics]):
    """A table could not be written to; what became of the commit is read from the table, and the batch is tried again."""

    table: str
    error: str

    def measure(self, metrics: ArchiveMetrics) -> None:
        metrics.failed.labels(self.table).inc()


@dataclass(frozen=True, slots=True)
class RecordsExpiredUnarchived(ErrorEvent[ArchiveMetrics]):
    """A topic's retention deleted records before they were archived: so many offsets below `first_left`."""

    topic: str
    partition: int
    first_left: int
    offsets: int

    def measure(self, metrics: ArchiveMetrics) -> None:
        metrics.expired.inc(self.offsets)


@dataclass(frozen=True, slots=True)
class ArchiveTidied(Event[ArchiveMetrics]):
    """Small files of a table were joined, and files that no reader needs any more were removed."""

    table: str
    joined: int
    written: int
    removed: int
    seconds: float

    def measure(self, metrics: ArchiveMetrics) -> None:
        metrics.tidied.labels(self.table).set_to_current_time()


@dataclass(frozen=True, slots=True)
class ArchiveTidyFailed(WarningEvent[ArchiveMetrics]):
    """The upkeep of a table did not come to its end; it is tried again at its next time, and nothing is lost."""

    table: str
    error: str


@dataclass(frozen=True, slots=True)
class ArchiveReadFailed(WarningEvent[ArchiveMetrics]):
    """The brokers could not be read from; the client goes on trying."""

    error: str


@dataclass(frozen=True, slots=True)
class ArchiveFailed(ErrorEvent[ArchiveMetrics]):
    """The archive could not go on, and the process ends with exit code 1."""

    error: str


@dataclass(frozen=True, slots=True)
class ArchiveStopped(Event[ArchiveMetrics]):
    """The process ends; all that it had read is in the tables."""
