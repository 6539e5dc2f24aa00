"""Metrics of the gate. Labels are bounded: never a claim, an insured person or a physician."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter as Counts
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

MOST_REGIONS = 500
"""Regions counted by name. A sender's slip can name a million; what comes after the first so many is counted as `other`."""

MOST_INSTITUTIONS = 2_000
"""Institutions counted by name; the others together as `other`. A province has more."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class BulkHistogram(Collector):
    """A histogram that takes a whole batch of observations at once; observing claim by claim would cost a tenth of the gate."""

    def __init__(self, name: str, documentation: str, buckets: tuple[float, ...], registry: CollectorRegistry) -> None:
        self._name, self._documentation = name, documentation
        self._edges = np.array((*buckets, np.inf))
        self._counts = np.zeros(len(self._edges), np.int64)
        self._sum = 0.0
        registry.register(self)

    def observe(self, values: npt.NDArray[np.float64]) -> None:
        """Adds observations, in seconds."""
        places = np.searchsorted(self._edges, values, side="left")
        self._counts = self._counts + np.bincount(places, minlength=len(self._edges))
        self._sum += float(values.sum())

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Answers a scrape."""
        running = np.cumsum(self._counts)
        buckets = [
            ("+Inf" if np.isinf(edge) else str(edge), int(count))
            for edge, count in zip(self._edges, running, strict=True)
        ]
        yield HistogramMetricFamily(self._name, self._documentation, buckets=buckets, sum_value=self._sum)


class InstitutionCounts(Collector):
    """Claims, and those paid by an exemption, by institution.

    The busiest are counted by name. A name once given is kept, so that its counters never fall.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lock = threading.Lock()
        self._claims: Counts[str] = Counts()
        self._exempted: Counts[str] = Counts()
        self._named: set[str] = set()
        registry.register(self)

    def add(self, counts: Iterable[tuple[str, int, int]]) -> None:
        """Adds a batch: of each institution its code, its claims, and how many of them an exemption paid."""
        with self._lock:
            for code, claims, exempted in counts:
                self._claims[code] += claims
                self._exempted[code] += exempted

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Answers a scrape."""
        claims = CounterMetricFamily(
            "screening_institution_claims", "Claim records judged, by institution", labels=["institution"]
        )
        exempted = CounterMetricFamily(
            "screening_institution_exempted_claims",
            "Claims paid because of an exemption, by institution",
            labels=["institution"],
        )
        others = [0, 0]
        with self._lock:
            busiest = sorted(self._claims.items(), key=lambda item: (item[1], item[0]), reverse=True)
            for code, count in busiest:
                lifted = self._exempted[code]
                if len(self._named) < MOST_INSTITUTIONS:
                    self._named.add(code)
                if code in self._named:
                    claims.add_metric([code], count)
                    exempted.add_metric([code], lifted)
                else:
                    others[0] += count
                    others[1] += lifted
        claims.add_metric(["other"], others[0])
        exempted.add_metric(["other"], others[1])
        yield claims
        yield exempted


class RegisterMetrics:
    """What every process that judges by a view of the register tells of that view."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.standing_physicians = Gauge(
            "screening_standing_physicians", "Physicians in the standing view", registry=registry
        )
        self.standing_institutions = Gauge(
            "screening_standing_institutions", "Institutions in the standing view", registry=registry
        )
        self.standing_subjects = Gauge(
            "screening_standing_subjects",
            "Insured persons and departments of whom the standing view has anything recorded, by owner",
            ["owner"],
            registry=registry,
        )
        self.standing_revision = Gauge(
            "screening_standing_revision", "Highest revision seen in the standing view", registry=registry
        )
        self.standing_updates = Counter(
            "screening_standing_updates", "Standing records applied, by effect", ["effect"], registry=registry
        )
        self.standing_staleness = Gauge(
            "screening_standing_staleness_seconds",
            "Time since the standing view was last known to be complete",
            registry=registry,
        )
        self.ledger_behind = Gauge(
            "screening_ledger_behind_events",
            "Events recorded that the ledger has not taken yet, as the gate last asked",
            registry=registry,
        )


class GateMetrics(RegisterMetrics):
    """Every metric of a worker, in a registry of its own."""

    def __init__(self) -> None:
        super().__init__()
        registry = self.registry
        self._regions: set[str] = set()
        self.claims = Counter(
            "screening_claims",
            "Claim records judged, in committed transactions",
            ["region", "disposition", "reason"],
            registry=registry,
        )
        self.fund_amount = Counter(
            "screening_fund_amount_yuan",
            "Fund share of judged claims in yuan, reversals (negative amounts) counted apart",
            ["disposition", "kind"],
            registry=registry,
        )
        self.exempted = Counter(
            "screening_exempted_claims",
            "Claims paid because of an exemption, by the ground that it lifted",
            ["ground", "reason"],
            registry=registry,
        )
        self.past_transition = Counter(
            "screening_claims_past_transition",
            "Services after the national transition that a local pack still judged, by pack",
            ["pack"],
            registry=registry,
        )
        self.unknown_people = Counter(
            "screening_unknown_people",
            "People named on claims that would be paid, of whom the register knows nothing: nurses, local staff numbers",
            registry=registry,
        )
        self.institutions = InstitutionCounts(registry)
        self.dead_letters = Counter(
            "screening_dead_letters", "Records set aside, by kind of error", ["error"], registry=registry
        )
        self.cases = Counter("screening_cases", "Cases opened", registry=registry)
        self.batch_claims = Histogram(
            "screening_batch_claims",
            "Records in a batch",
            buckets=(1, 10, 50, 100, 500, 1000, 5000, 10000, 50000),
            registry=registry,
        )
        self.judge_seconds = Histogram(
            "screening_judge_seconds",
            "Time to decode, gather, decide and encode a batch",
            buckets=_SECONDS,
            registry=registry,
        )
        self.commit_seconds = Histogram(
            "screening_commit_seconds",
            "Time from the beginning of a transaction to its commit",
            buckets=_SECONDS,
            registry=registry,
        )
        self.latency = BulkHistogram(
            "screening_latency_seconds",
            "Time from a claim's Kafka timestamp to the commit of its verdict",
            (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0),
            registry,
        )
        self.committed = Counter("screening_transactions_committed", "Transactions committed", registry=registry)
        self.aborted = Counter(
            "screening_transactions_aborted", "Transactions aborted, by cause", ["cause"], registry=registry
        )
        self.lag = Gauge(
            "screening_consumer_lag_records", "Records not yet judged, by partition", ["partition"], registry=registry
        )
        self.pinned = Gauge(
            "screening_claims_behind_open_transaction_records",
            "Records that nobody can read yet because somebody's transaction before them is open, by partition",
            ["partition"],
            registry=registry,
        )
        self.expired = Counter(
            "screening_claims_expired_unread",
            "Records that retention deleted before they were read, by partition",
            ["partition"],
            registry=registry,
        )
        self.partitions = Gauge(
            "screening_partitions_owned", "Partitions of claims that this worker owns", registry=registry
        )
        self.register_wait = Histogram(
            "screening_register_wait_seconds",
            "Time that a batch waited for the register to be complete until its arrival, less the lag allowed",
            buckets=(0.001, *_SECONDS, 30.0, 60.0),
            registry=registry,
        )
        self.waiting = Gauge(
            "screening_waiting_for_register_records",
            "Claim records that were read and wait for the register, by cause",
            ["cause"],
            registry=registry,
        )
        self.held = Gauge(
            "screening_held", "1 while the gate judges nothing because its view is too old", registry=registry
        )
        self.national_codes = Counter(
            "screening_physician_codes",
            "Physician codes seen, by whether they have the national form",
            ["form"],
            registry=registry,
        )
        self.ready = Gauge("screening_ready", "1 while the worker is ready to judge", registry=registry)
        self.info = Info("screening_worker", "Versions", registry=registry)

    @staticmethod
    def forget(metric: Gauge, *labels: str) -> None:
        """Takes a sample away, if it was ever there."""
        with contextlib.suppress(KeyError):
            metric.remove(*labels)

    def region(self, region: str) -> str:
        """The label of a region."""
        if len(self._regions) < MOST_REGIONS:
            self._regions.add(region)
        return region if region in self._regions else "other"
