"""What happens in a process of the pre-check: each event with what the log says of it and the metrics that it moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.telemetry.events import UNLOGGED, DebugEvent, ErrorEvent, Event, WarningEvent
from pipeline.telemetry.precheck_metrics import PrecheckMetrics


@dataclass(frozen=True, slots=True)
class PrecheckStarted(Event[PrecheckMetrics]):
    """The process runs and its pages answer; `metrics` is their address. It is ready when the register is read."""

    metrics: str
    tokens: bool


@dataclass(frozen=True, slots=True)
class PrecheckReady(Event[PrecheckMetrics]):
    """The process has begun to answer."""

    def measure(self, metrics: PrecheckMetrics) -> None:
        metrics.ready.set(1)


@dataclass(frozen=True, slots=True)
class PrecheckStopped(Event[PrecheckMetrics]):
    """Everything that was accepted is answered, and the process has left the brokers."""

    def measure(self, metrics: PrecheckMetrics) -> None:
        metrics.ready.set(0)


@dataclass(frozen=True, slots=True)
class PrecheckFailed(ErrorEvent[PrecheckMetrics]):
    """The pre-check could not go on, and the process ends with exit code 1."""

    error: str


@dataclass(frozen=True, slots=True)
class RequestAnswered(Event[PrecheckMetrics]):
    """A request was answered. Nothing of what it said is told: whose token it carried (`caller`), how many claims, and what
    came of it."""

    route: str
    caller: str
    status: int
    claims: int
    current: bool | None
    ms: float
    outcome: str = field(metadata=UNLOGGED)

    def measure(self, metrics: PrecheckMetrics) -> None:
        metrics.requests.labels(self.route, self.outcome).inc()
        metrics.latency.labels(self.route).observe(self.ms / 1000)
        if self.current is False:
            metrics.not_current.inc()


@dataclass(frozen=True, slots=True)
class ClaimsAnswered(DebugEvent[PrecheckMetrics]):
    """The claims of a request are judged; how many, by disposition and reason, is counted alone."""

    claims: int
    tally: Mapping[tuple[str, str], int] = field(metadata=UNLOGGED)

    def measure(self, metrics: PrecheckMetrics) -> None:
        for (disposition, reason), number in self.tally.items():
            metrics.claims.labels(disposition, reason).inc(number)


@dataclass(frozen=True, slots=True)
class RequestFailed(ErrorEvent[PrecheckMetrics]):
    """A request ended in an error of ours; it was answered with 500."""

    route: str
    error: str
    exc_info: BaseException


@dataclass(frozen=True, slots=True)
class TokensRead(Event[PrecheckMetrics]):
    """The file of tokens was read, at the start or because it has changed."""

    tokens: int


@dataclass(frozen=True, slots=True)
class TokensUnreadable(WarningEvent[PrecheckMetrics]):
    """The file of tokens has changed and cannot be used; those read before go on counting."""

    error: str
