"""What happens in a process of the control plane: each event with what the log says of it and the metrics that it moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.control.cases import CaseTally
from pipeline.control.counting import count_cases, count_events
from pipeline.control.tally import Tally
from pipeline.telemetry.control_metrics import ControlMetrics
from pipeline.telemetry.events import UNLOGGED, DebugEvent, ErrorEvent, Event, WarningEvent
from topics.dead_letters import Code

# -- a process's life -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ControlStarted(Event[ControlMetrics]):
    """The process runs and its pages answer; `metrics` is their address, `folder` is where its tables are."""

    group: str
    store: str
    folder: str
    metrics: str


@dataclass(frozen=True, slots=True)
class ControlReady(Event[ControlMetrics]):
    """The group has settled, the tables are complete, and events are taken."""

    partitions: Sequence[int]


@dataclass(frozen=True, slots=True)
class ControlRestarted(ErrorEvent[ControlMetrics]):
    """Something ended the plane, which begins anew inside the process."""

    error: str

    def measure(self, metrics: ControlMetrics) -> None:
        metrics.restarts.inc()


@dataclass(frozen=True, slots=True)
class ControlStopped(Event[ControlMetrics]):
    """The process ends; all that was begun is written."""


@dataclass(frozen=True, slots=True)
class ControlFailed(ErrorEvent[ControlMetrics]):
    """The control plane could not go on, and the process ends with exit code 1."""

    error: str


@dataclass(frozen=True, slots=True)
class ControlStopTimedOut(WarningEvent[ControlMetrics]):
    """The process ends although the brokers have not answered: what is unfinished is done by whoever comes next."""

    after_s: float


@dataclass(frozen=True, slots=True)
class LeaveFailed(WarningEvent[ControlMetrics]):
    """Faust did not end in order; the group drops this member by itself."""

    error: str


@dataclass(frozen=True, slots=True)
class LibraryWarned(WarningEvent[ControlMetrics]):
    """A library warned of something through Python's own logging."""

    library: str
    message: str
    error: str | None


@dataclass(frozen=True, slots=True)
class LibraryFailed(ErrorEvent[ControlMetrics]):
    """A library told of an error through Python's own logging."""

    library: str
    message: str
    error: str | None


@dataclass(frozen=True, slots=True)
class ClockRefused(ErrorEvent[ControlMetrics]):
    """The brokers refuse the time that this host's clock shows."""

    detail: str


# -- the group ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PartitionsAssigned(Event[ControlMetrics]):
    """The group gave the process these partitions of the events."""

    partitions: Sequence[int]
    sources: Mapping[str, int] = field(metadata=UNLOGGED)

    def measure(self, metrics: ControlMetrics) -> None:
        metrics.rebalances.inc()
        for source, count in self.sources.items():
            metrics.partitions.labels(source).set(count)


@dataclass(frozen=True, slots=True)
class PartitionsRevoked(Event[ControlMetrics]):
    """The process gave these partitions of the events back; the batches in hand had come to their end."""

    partitions: Sequence[int]


@dataclass(frozen=True, slots=True)
class DossiersFoldedByArea(Event[ControlMetrics]):
    """Owners whose dossiers an earlier version kept by region have one for the area now; those `left` are larger than a dossier
    may be, or the law cannot count them together, and stay as they are."""

    partition: int
    folded: int
    left: int


@dataclass(frozen=True, slots=True)
class ControlRecovered(Event[ControlMetrics]):
    """The tables of the partitions that are here were read back to their ends."""

    partitions: Sequence[int]
    records: int
    seconds: float

    def measure(self, metrics: ControlMetrics) -> None:
        metrics.recovered.inc(self.records)
        metrics.recovery_seconds.set(self.seconds)


@dataclass(frozen=True, slots=True)
class InputReadFromItsStart(ErrorEvent[ControlMetrics]):
    """The progress lies beyond the end of its input, or the table that was made from it is empty: all of it is read again."""

    topic: str
    partition: int
    progress: int


@dataclass(frozen=True, slots=True)
class GroupNotJoined(WarningEvent[ControlMetrics]):
    """The brokers do not show a topic of the group, as just after one of them was started; the group is joined again at once."""

    error: str


@dataclass(frozen=True, slots=True)
class GroupOffsetsNotCommitted(WarningEvent[ControlMetrics]):
    """The group's offsets, which only people and tools read, could not be written; the next commit has them all."""

    error: str


# -- records --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BatchTaken(DebugEvent[ControlMetrics]):
    """A batch is decided, and all that follows from it is written."""

    records: int
    sources: Sequence[str]
    partition: int
    tally: Tally | CaseTally = field(metadata=UNLOGGED)

    def measure(self, metrics: ControlMetrics) -> None:
        metrics.batch_records.observe(self.records)
        if isinstance(self.tally, Tally):
            count_events(metrics, self.tally)
        else:
            count_cases(metrics, self.tally)


@dataclass(frozen=True, slots=True)
class CaseConflictFound(ErrorEvent[ControlMetrics]):
    """A case came under the name of one that was opened for another claim; it is a dead letter, and the first stands."""

    case_id: str
    partition: int
    offset: int
    problem: str


@dataclass(frozen=True, slots=True)
class PartitionReminded(DebugEvent[ControlMetrics]):
    """The dossiers of one partition whose day had come were looked at, and what follows is written."""

    partition: int
    dossiers: int
    tally: Tally = field(metadata=UNLOGGED)

    def measure(self, metrics: ControlMetrics) -> None:
        count_events(metrics, self.tally)


@dataclass(frozen=True, slots=True)
class NoticesWithdrawn(WarningEvent[ControlMetrics]):
    """Notices of one partition stood that nothing asks for, as after a change of the law, and are withdrawn."""

    partition: int
    notices: int
    tally: Tally = field(metadata=UNLOGGED)

    def measure(self, metrics: ControlMetrics) -> None:
        count_events(metrics, self.tally)


@dataclass(frozen=True, slots=True)
class ClockWentBack(WarningEvent[ControlMetrics]):
    """The day is an earlier one than before: every dossier is looked at again, and what was told too early is withdrawn."""

    before: str
    now: str


@dataclass(frozen=True, slots=True)
class DeadlinesLookedAt(Event[ControlMetrics]):
    """Dossiers were looked at because their day had come."""

    day: str
    dossiers: int
    late_days: int
    notices: int

    def measure(self, metrics: ControlMetrics) -> None:
        metrics.timers_due.inc(self.dossiers)
        metrics.timers_late.set(self.late_days)


@dataclass(frozen=True, slots=True)
class RecordNotWritable(ErrorEvent[ControlMetrics]):
    """What follows from a record is larger than its topic takes; the record became a dead letter, its neighbours were taken."""

    topic: str
    partition: int
    offset: int
    error: str
    letters: str = field(metadata=UNLOGGED)

    def measure(self, metrics: ControlMetrics) -> None:
        metrics.dead_letters.labels(self.letters, Code.NOT_WRITABLE).inc()


@dataclass(frozen=True, slots=True)
class TopicsQueryFailed(WarningEvent[ControlMetrics]):
    """The brokers did not answer which topics there are; it is asked again."""

    error: str


@dataclass(frozen=True, slots=True)
class PartitionsAdded(ErrorEvent[ControlMetrics]):
    """Partitions were added to topics of the ledger while it runs: events there are not read, and claims wait."""

    detail: str


# -- what somebody else wrote ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TableEndsQueryFailed(WarningEvent[ControlMetrics]):
    """The brokers did not answer where the tables' topics end; whether somebody else wrote there is asked again."""

    error: str


@dataclass(frozen=True, slots=True)
class ForeignRecordsNotRead(WarningEvent[ControlMetrics]):
    """What somebody else wrote into a table's topic could not be read; it is tried again."""

    table: str
    partition: int
    error: str


@dataclass(frozen=True, slots=True)
class ForeignRecordsPutRight(ErrorEvent[ControlMetrics]):
    """Somebody else wrote so many records into a table's topic, and what the events say was written over them."""

    table: str
    partition: int
    records: int

    def measure(self, metrics: ControlMetrics) -> None:
        metrics.foreign.inc(self.records)


@dataclass(frozen=True, slots=True)
class ForeignStandingsWithdrawn(ErrorEvent[ControlMetrics]):
    """Standings that no event explains were published, and are withdrawn."""

    topic: str
    partition: int
    standings: int

    def measure(self, metrics: ControlMetrics) -> None:
        metrics.foreign.inc(self.standings)


@dataclass(frozen=True, slots=True)
class ForeignStandingsCorrected(ErrorEvent[ControlMetrics]):
    """Standings that were published say something else than the events, and are published anew."""

    partition: int
    standings: int

    def measure(self, metrics: ControlMetrics) -> None:
        metrics.foreign.inc(self.standings)
