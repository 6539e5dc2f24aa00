"""What happens in a worker: each event with what the log says of it and the metrics that it moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pipeline.screening.tally import Tally
from pipeline.telemetry.events import UNLOGGED, DebugEvent, ErrorEvent, Event, WarningEvent
from pipeline.telemetry.gate_metrics import GateMetrics, RegisterMetrics

# -- a worker's life ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WorkerStarted(Event[GateMetrics]):
    """The process runs and its pages answer; `metrics` is their address."""

    metrics: str


@dataclass(frozen=True, slots=True)
class StandingViewLoaded(Event[RegisterMetrics]):
    """The register was read to its end as of the start."""

    physicians: int
    institutions: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RegisterFoundEmpty(WarningEvent[RegisterMetrics]):
    """The register has no physician."""

    consequence: str = "as long as nothing is recorded, every physician counts as unregistered"


@dataclass(frozen=True, slots=True)
class WorkerReady(Event[GateMetrics]):
    """The worker has begun to judge."""

    def measure(self, metrics: GateMetrics) -> None:
        metrics.ready.set(1)


@dataclass(frozen=True, slots=True)
class WorkerNotReady(Event[GateMetrics]):
    """The worker has ended judging."""

    def measure(self, metrics: GateMetrics) -> None:
        metrics.ready.set(0)


@dataclass(frozen=True, slots=True)
class WorkerStopped(Event[GateMetrics]):
    """The worker has left its group and the brokers."""


@dataclass(frozen=True, slots=True)
class WorkerFailed(ErrorEvent[GateMetrics]):
    """The worker could not go on, and the process ends with exit code 1."""

    error: str
    exc_info: BaseException | None = None


# -- batches --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BatchDecided(DebugEvent[GateMetrics]):
    """The register is new enough for a batch, whose decision stands; the batch waited so long for it."""

    records: int
    waited_s: float

    def measure(self, metrics: GateMetrics) -> None:
        metrics.register_wait.observe(self.waited_s)


@dataclass(frozen=True, slots=True)
class BatchCommitted(Event[GateMetrics]):
    """A batch's verdicts, cases, dead letters and offsets are committed."""

    records: int
    verdicts: int
    cases: int
    dead_letters: int
    judge_ms: float
    commit_ms: float
    tally: Tally = field(metadata=UNLOGGED)
    dead_by_kind: Mapping[str, int] = field(metadata=UNLOGGED)
    past_transition: Mapping[str, int] = field(metadata=UNLOGGED)
    unknown_people: int = field(metadata=UNLOGGED)
    latencies_s: npt.NDArray[np.float64] = field(metadata=UNLOGGED)
    """Of each record, seconds from its Kafka timestamp to the commit."""

    def measure(self, metrics: GateMetrics) -> None:
        for region, disposition, reason, exempted, claims, charged, reversed_ in self.tally.sums:
            metrics.claims.labels(metrics.region(region), disposition, reason).inc(claims)
            metrics.fund_amount.labels(disposition, "charge").inc(charged)
            metrics.fund_amount.labels(disposition, "reversal").inc(reversed_)
            if exempted is not None:
                metrics.exempted.labels(exempted, reason).inc(claims)
        metrics.institutions.add(self.tally.institutions)
        for kind, count in self.dead_by_kind.items():
            metrics.dead_letters.labels(kind).inc(count)
        for form, count in self.tally.code_forms.items():
            metrics.national_codes.labels(form).inc(count)
        for pack, count in self.past_transition.items():
            metrics.past_transition.labels(pack).inc(count)
        metrics.unknown_people.inc(self.unknown_people)
        metrics.cases.inc(self.cases)
        metrics.committed.inc()
        metrics.batch_claims.observe(self.records)
        metrics.judge_seconds.observe(self.judge_ms / 1000)
        metrics.commit_seconds.observe(self.commit_ms / 1000)
        metrics.latency.observe(self.latencies_s)


@dataclass(frozen=True, slots=True)
class TransactionAborted(WarningEvent[GateMetrics]):
    """A batch's transaction was rolled back; what was read since the last commit is read again."""

    cause: str
    detail: str

    def measure(self, metrics: GateMetrics) -> None:
        metrics.aborted.labels(self.cause).inc()


@dataclass(frozen=True, slots=True)
class ProducerReplaced(WarningEvent[GateMetrics]):
    """Another producer of the same transactional name goes on, because the last one could not."""

    cause: str
    detail: str


@dataclass(frozen=True, slots=True)
class ClockRefused(ErrorEvent[GateMetrics]):
    """The brokers refuse the time that this host's clock shows."""

    detail: str


@dataclass(frozen=True, slots=True)
class DeadLettersCutShorter(ErrorEvent[GateMetrics]):
    """The brokers take smaller dead letters than the catalogue says; from now on at most `bytes` of a record are kept."""

    bytes: int


@dataclass(frozen=True, slots=True)
class DeadLetterRefused(ErrorEvent[GateMetrics]):
    """The brokers refuse even the shortest dead letter; its partition stands still until their limit is raised."""

    detail: str


@dataclass(frozen=True, slots=True)
class ClaimNotWritable(ErrorEvent[GateMetrics]):
    """What follows from a claim is larger than its topic takes; the claim became a dead letter, its neighbours were judged."""

    partition: int
    offset: int
    error: str


@dataclass(frozen=True, slots=True)
class LessSentAtOnce(WarningEvent[GateMetrics]):
    """A topic takes less at once than the catalogue says; from now on at most `bytes` are sent together to a partition."""

    bytes: int


# -- partitions of claims -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PartitionsChanged(Event[GateMetrics]):
    """Partitions came or went."""

    partitions: Sequence[int]
    owned: Sequence[int]
    """All that the worker owns now."""

    def measure(self, metrics: GateMetrics) -> None:
        metrics.partitions.set(len(self.owned))


@dataclass(frozen=True, slots=True)
class PartitionsAssigned(PartitionsChanged):
    """The group gave these partitions to the worker."""


@dataclass(frozen=True, slots=True)
class PartitionsRevoked(PartitionsChanged):
    """The worker gave these partitions back; what was in commit had come to its end."""


@dataclass(frozen=True, slots=True)
class PartitionsLost(PartitionsChanged):
    """The group had given these partitions to others before the worker knew."""


@dataclass(frozen=True, slots=True)
class AssignmentDelayed(WarningEvent[GateMetrics]):
    """The brokers cannot tell yet where to go on in partitions that the worker was given."""

    partitions: Sequence[int]
    error: str


@dataclass(frozen=True, slots=True)
class RewindFailed(WarningEvent[GateMetrics]):
    """The way back to the committed offsets failed; it is tried again."""

    error: str


@dataclass(frozen=True, slots=True)
class ClaimsTopicNotFound(ErrorEvent[GateMetrics]):
    """The brokers have no topic of claims."""

    advice: str = "create it with `screening topics apply`"


@dataclass(frozen=True, slots=True)
class ClaimsReadFailed(WarningEvent[GateMetrics]):
    """Reading claims failed; it is tried again."""

    error: str


@dataclass(frozen=True, slots=True)
class ClaimsExpiredUnread(ErrorEvent[GateMetrics]):
    """Retention deleted so many records, from the offset `first` on, before anybody had read them."""

    partition: int
    first: int
    records: int

    def measure(self, metrics: GateMetrics) -> None:
        metrics.expired.labels(str(self.partition)).inc(self.records)


@dataclass(frozen=True, slots=True)
class ClaimsTopicMadeAgain(ErrorEvent[GateMetrics]):
    """The topic of claims was deleted and made again: all of the new one is read, from its start. Both are topic ids."""

    before: str | None
    now: str | None
    partitions: Sequence[int]


@dataclass(frozen=True, slots=True)
class ClaimsTopicQueryFailed(WarningEvent[GateMetrics]):
    """The brokers did not answer what was asked about the topic of claims; told once for each error."""

    error: str


@dataclass(frozen=True, slots=True)
class CommittedOffsetNotUsed(ErrorEvent[GateMetrics]):
    """The group's offset belongs to an earlier topic of the same name, or lies behind the end of this one."""

    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class StartTakenFromOutcomes(WarningEvent[GateMetrics]):
    """The group had no offset of these partitions: the worker goes on behind the last record that has an outcome."""

    starts: Mapping[str, int]


# -- the register ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WaitForRegisterBegan(WarningEvent[GateMetrics]):
    """Claims were read that are not judged before the register is complete until they came."""

    cause: str
    detail: str


@dataclass(frozen=True, slots=True)
class GateHeld(WarningEvent[GateMetrics]):
    """The register is older than the limit, and by the policy `hold` nothing is judged."""

    staleness_seconds: float
    cause: str
    detail: str

    def measure(self, metrics: GateMetrics) -> None:
        metrics.held.set(1)


@dataclass(frozen=True, slots=True)
class GateReleased(WarningEvent[GateMetrics]):
    """The register is young enough again, and judging goes on."""

    staleness_seconds: float
    cause: str
    detail: str

    def measure(self, metrics: GateMetrics) -> None:
        metrics.held.set(0)


@dataclass(frozen=True, slots=True)
class StandingReadFailed(WarningEvent[RegisterMetrics]):
    """Reading a standing topic failed; it is tried again."""

    error: str


@dataclass(frozen=True, slots=True)
class StandingsTaken(DebugEvent[RegisterMetrics]):
    """Standings that were published since are in the view, or removed from it."""

    applied: int
    removed: int
    unreadable: int

    def measure(self, metrics: RegisterMetrics) -> None:
        metrics.standing_updates.labels("applied").inc(self.applied)
        metrics.standing_updates.labels("removed").inc(self.removed)


@dataclass(frozen=True, slots=True)
class StandingRecordUnreadable(ErrorEvent[RegisterMetrics]):
    """A record of a standing topic could not be understood; claims of its owner go to people until a readable one comes."""

    topic: str
    partition: int
    offset: int
    error: str

    def measure(self, metrics: RegisterMetrics) -> None:
        metrics.standing_updates.labels("unreadable").inc()


@dataclass(frozen=True, slots=True)
class RegisterQueryFailed(WarningEvent[RegisterMetrics]):
    """The brokers did not answer how far the register is; told once for each error."""

    error: str


@dataclass(frozen=True, slots=True)
class RegisterQueryRecovered(Event[RegisterMetrics]):
    """The brokers answer again how far the register is."""


@dataclass(frozen=True, slots=True)
class ProgressRecordUnreadable(ErrorEvent[RegisterMetrics]):
    """A record of the ledger's progress could not be understood; the last readable one counts."""

    partition: int
    offset: int
    error: str


@dataclass(frozen=True, slots=True)
class EventPartitionsGrew(ErrorEvent[RegisterMetrics]):
    """The event topic was given more partitions."""

    before: int
    now: int
    consequence: str = "claims wait until the control plane reads the new partitions"
