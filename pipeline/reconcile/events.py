"""What happens in a process that looks back: each event with what the log says of it and the metrics that it moves."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.telemetry.events import ErrorEvent, Event, WarningEvent
from pipeline.telemetry.reconcile_metrics import ReconcileMetrics


@dataclass(frozen=True, slots=True)
class ReconcileStarted(Event[ReconcileMetrics]):
    """The process takes its name over and reads back what it has written; `place` is the archive, `metrics` its address."""

    place: str
    metrics: str


@dataclass(frozen=True, slots=True)
class LookedBack(Event[ReconcileMetrics]):
    """Claims that a change may concern were judged again, and what differs is written. `scope` is what was looked at: `whole`,
    `owners` (whose standing changed) or `files` (newly archived)."""

    scope: str
    answered: int
    judged: int
    left: int
    revisions: int
    seconds: float

    def measure(self, metrics: ReconcileMetrics) -> None:
        metrics.judged.labels(self.scope).inc(self.judged)
        metrics.passes.labels(self.scope).observe(self.seconds)


@dataclass(frozen=True, slots=True)
class RevisionsHeld(ErrorEvent[ReconcileMetrics]):
    """More claims have another answer than one pass may write; nothing is written until somebody has looked at it."""

    revisions: int
    at_most: int


@dataclass(frozen=True, slots=True)
class RevisionsRolledBack(WarningEvent[ReconcileMetrics]):
    """A transaction was rolled back; nothing of it is visible, and the claims are judged again."""

    cause: str
    detail: str

    def measure(self, metrics: ReconcileMetrics) -> None:
        metrics.failed.inc()


@dataclass(frozen=True, slots=True)
class LookingBackFailed(WarningEvent[ReconcileMetrics]):
    """The archive could not be read; it is tried again."""

    error: str

    def measure(self, metrics: ReconcileMetrics) -> None:
        metrics.failed.inc()


@dataclass(frozen=True, slots=True)
class ReconcileFailed(ErrorEvent[ReconcileMetrics]):
    """The process could not go on, and ends with exit code 1."""

    error: str


@dataclass(frozen=True, slots=True)
class ReconcileStopped(Event[ReconcileMetrics]):
    """The process ends; what it has found is written."""
