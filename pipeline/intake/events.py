"""What happens in a process of the intake: each event with what the log says of it and the metrics that it moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.intake.visits import Tally
from pipeline.telemetry.events import UNLOGGED, ErrorEvent, Event, WarningEvent
from pipeline.telemetry.intake_metrics import IntakeMetrics


@dataclass(frozen=True, slots=True)
class IntakeStarted(Event[IntakeMetrics]):
    """The process runs and its pages answer; `metrics` is their address."""

    group: str
    metrics: str


@dataclass(frozen=True, slots=True)
class IntakePartitionsAssigned(Event[IntakeMetrics]):
    """Partitions of the messages came to this process, which has read back what is known of their visits."""

    partitions: Sequence[int]
    states: int
    seconds: float


@dataclass(frozen=True, slots=True)
class IntakePartitionsRevoked(Event[IntakeMetrics]):
    """Partitions of the messages go to another process."""

    partitions: Sequence[int]


@dataclass(frozen=True, slots=True)
class IntakePartitionsLost(WarningEvent[IntakeMetrics]):
    """Partitions of the messages went to another process before this one knew: nothing read of them counts."""

    partitions: Sequence[int]


@dataclass(frozen=True, slots=True)
class IntakeAssignmentDelayed(WarningEvent[IntakeMetrics]):
    """The brokers do not yet tell where to go on, or a dead process's transaction is still open; it is asked again."""

    partitions: Sequence[int]
    error: str


@dataclass(frozen=True, slots=True)
class MessagesTaken(Event[IntakeMetrics]):
    """A batch is committed: how many messages, what they became, and how many claims were written."""

    messages: int
    claims: int
    dead_letters: int
    tally: Tally = field(metadata=UNLOGGED)

    def measure(self, metrics: IntakeMetrics) -> None:
        tally = self.tally
        for counter, found in (
            (metrics.messages, tally.records),
            (metrics.passed, tally.passed),
            (metrics.claims, tally.claims),
            (metrics.unknown, tally.encounter_unknown),
            (metrics.doubts, tally.doubts),
            (metrics.dead_letters, tally.letters),
        ):
            metrics.add(counter, found)
        metrics.not_seen.inc(tally.visit_not_seen)
        metrics.forgotten.inc(tally.forgotten)


@dataclass(frozen=True, slots=True)
class MessagesExpiredUnread(ErrorEvent[IntakeMetrics]):
    """The topic's retention deleted messages that nobody had read: so many offsets below `first_left`."""

    partition: int
    first_left: int
    offsets: int

    def measure(self, metrics: IntakeMetrics) -> None:
        metrics.expired.inc(self.offsets)


@dataclass(frozen=True, slots=True)
class IntakeTransactionAborted(WarningEvent[IntakeMetrics]):
    """A transaction was rolled back; nothing of the batch is visible, and it is read again."""

    cause: str
    error: str

    def measure(self, metrics: IntakeMetrics) -> None:
        metrics.aborted.labels(self.cause).inc()


@dataclass(frozen=True, slots=True)
class MessageNotWritable(ErrorEvent[IntakeMetrics]):
    """What follows from one message is larger than the brokers take; the message is set aside."""

    partition: int
    offset: int
    error: str


@dataclass(frozen=True, slots=True)
class MessagesReadFailed(WarningEvent[IntakeMetrics]):
    """The brokers could not be read from; the client goes on trying."""

    error: str


@dataclass(frozen=True, slots=True)
class IntakeFailed(ErrorEvent[IntakeMetrics]):
    """The intake could not go on, and the process ends with exit code 1."""

    error: str


@dataclass(frozen=True, slots=True)
class IntakeStopped(Event[IntakeMetrics]):
    """The process ends; all that was begun is committed."""
