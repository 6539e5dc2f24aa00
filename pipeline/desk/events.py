"""What happens in a process of the desk: each event with what the log says of it and the metrics that it moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.telemetry.desk_metrics import DeskMetrics
from pipeline.telemetry.events import UNLOGGED, DebugEvent, ErrorEvent, Event, WarningEvent


@dataclass(frozen=True, slots=True)
class DeskStarted(Event[DeskMetrics]):
    """The process runs and its pages answer; `metrics` is their address. It is ready when the read model and the journal are."""

    metrics: str


@dataclass(frozen=True, slots=True)
class DeskReady(Event[DeskMetrics]):
    """Everything that the topics held at the start is in the read model, and the journal goes on behind its entry `journal`."""

    journal: int

    def measure(self, metrics: DeskMetrics) -> None:
        metrics.ready.set(1)


@dataclass(frozen=True, slots=True)
class DeskStopped(Event[DeskMetrics]):
    """The process ends."""

    def measure(self, metrics: DeskMetrics) -> None:
        metrics.ready.set(0)


@dataclass(frozen=True, slots=True)
class DeskFailed(ErrorEvent[DeskMetrics]):
    """The desk could not go on, and the process ends with exit code 1."""

    error: str


@dataclass(frozen=True, slots=True)
class DeskReadFailed(WarningEvent[DeskMetrics]):
    """The brokers could not be read from; the client goes on trying, and pages say as of when they are."""

    error: str


@dataclass(frozen=True, slots=True)
class DeskOvertaken(WarningEvent[DeskMetrics]):
    """The database is further, or was rebuilt, by another process; nothing was written, and this process goes on from there."""


@dataclass(frozen=True, slots=True)
class RowsTaken(DebugEvent[DeskMetrics]):
    """Records are in the read model; `rows` is their number by topic."""

    rows: Mapping[str, int]

    def measure(self, metrics: DeskMetrics) -> None:
        for topic, number in self.rows.items():
            metrics.rows.labels(topic).inc(number)


@dataclass(frozen=True, slots=True)
class RecordUnreadable(WarningEvent[DeskMetrics]):
    """A record could not be read and has no row; a desk of a later version may know it."""

    topic: str
    partition: int
    offset: int
    error: str

    def measure(self, metrics: DeskMetrics) -> None:
        metrics.unreadable.labels(self.topic).inc()


@dataclass(frozen=True, slots=True)
class JournalWritten(DebugEvent[DeskMetrics]):
    """Entries are in the journal; `head` is the number of the newest."""

    head: int
    acts: tuple[str, ...] = field(metadata=UNLOGGED)

    def measure(self, metrics: DeskMetrics) -> None:
        metrics.head.set(self.head)
        for act in self.acts:
            metrics.entries.labels(act).inc()


@dataclass(frozen=True, slots=True)
class JournalUnwritten(ErrorEvent[DeskMetrics]):
    """So many entries of the journal could not be written, and what they were about was not shown or done."""

    entries: int
    error: str

    def measure(self, metrics: DeskMetrics) -> None:
        metrics.unwritten.inc(self.entries)


@dataclass(frozen=True, slots=True)
class JournalHeadKept(Event[DeskMetrics]):
    """The number and the hash of the newest entry were written to the file of heads, and stand here once more."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class PageAnswered(DebugEvent[DeskMetrics]):
    """A request was answered. Who asked, and for what, is told by the journal alone."""

    route: str
    status: int
    ms: float
    outcome: str = field(metadata=UNLOGGED)

    def measure(self, metrics: DeskMetrics) -> None:
        metrics.pages.labels(self.route, self.outcome).inc()
        metrics.latency.labels(self.route).observe(self.ms / 1000)


@dataclass(frozen=True, slots=True)
class DeskPageFailed(ErrorEvent[DeskMetrics]):
    """A page ended in an error of ours, and its reader was answered with 500."""

    route: str
    error: str
    exc_info: BaseException


@dataclass(frozen=True, slots=True)
class LogInTried(Event[DeskMetrics]):
    """Somebody tried to log in; `outcome` is done, refused or limited. The journal tells who."""

    outcome: str

    def measure(self, metrics: DeskMetrics) -> None:
        metrics.log_ins.labels(self.outcome).inc()


@dataclass(frozen=True, slots=True)
class ActionSent(Event[DeskMetrics]):
    """An action on a case is in its topic; the control plane takes or refuses it."""

    action: str
    case_id: str
    action_id: str

    def measure(self, metrics: DeskMetrics) -> None:
        metrics.actions.labels(self.action).inc()
