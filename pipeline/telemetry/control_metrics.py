"""Metrics of the control plane. Labels are bounded: never a physician, an institution or a case."""

from __future__ import annotations

from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class ControlMetrics:
    """Everything that a process of the control plane tells about itself, in a registry of its own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.events = Counter(
            "screening_control_events",
            "Events taken, by type and outcome: accepted, repeated, forwarded to their partition",
            ["type", "outcome"],
            registry=registry,
        )
        self.flags = Counter(
            "screening_control_flags", "Contradictions told to people, by kind", ["flag"], registry=registry
        )
        self.dead_letters = Counter(
            "screening_control_dead_letters",
            "Records set aside, by topic and error",
            ["topic", "error"],
            registry=registry,
        )
        self.standings = Counter(
            "screening_control_standings_published", "Standings published, by owner", ["owner"], registry=registry
        )
        self.notices = Counter(
            "screening_control_notices", "Notices published, by kind and phase", ["kind", "phase"], registry=registry
        )
        self.cases = Counter("screening_control_cases", "Cases, by outcome", ["outcome"], registry=registry)
        self.actions = Counter(
            "screening_control_case_actions", "Actions on cases, by outcome", ["action", "outcome"], registry=registry
        )
        self.fold_seconds = Histogram(
            "screening_control_fold_seconds", "Time to decide a batch", buckets=_SECONDS, registry=registry
        )
        self.write_seconds = Histogram(
            "screening_control_write_seconds",
            "Time until the brokers have acknowledged a batch",
            buckets=_SECONDS,
            registry=registry,
        )
        self.batch_records = Histogram(
            "screening_control_batch_records",
            "Records in a batch",
            buckets=(1, 10, 50, 100, 500, 1000, 5000),
            registry=registry,
        )
        self.table_keys = Gauge(
            "screening_control_table_keys",
            "Keys in the partitions of a table that are here, about",
            ["table"],
            registry=registry,
        )
        self.partitions = Gauge(
            "screening_control_partitions_owned", "Partitions owned, by topic", ["topic"], registry=registry
        )
        place = ["topic", "partition"]
        self.progress_offset = Gauge(
            "screening_control_progress_offset",
            "The ledger's progress in a partition of its input: the offset that it goes on at",
            place,
            registry=registry,
        )
        self.lag_events = Gauge(
            "screening_control_lag_events",
            "Offsets of a partition that the ledger has still to take, up to where committed records go",
            place,
            registry=registry,
        )
        self.lag_seconds = Gauge(
            "screening_control_lag_seconds",
            "Seconds since the ledger had last taken everything of a partition; 0 when it has",
            place,
            registry=registry,
        )
        self.open_events = Gauge(
            "screening_control_open_offsets",
            "Offsets of a partition that nobody may read yet, because somebody's transaction is open before them",
            place,
            registry=registry,
        )
        self.timers = Gauge("screening_control_timers", "Dossiers that wait for a day to come", registry=registry)
        self.timers_due = Counter(
            "screening_control_timers_due", "Dossiers looked at because their day had come", registry=registry
        )
        self.timers_late = Gauge(
            "screening_control_timers_late_days",
            "Days by which the oldest dossier looked at was late",
            registry=registry,
        )
        self.recovery_seconds = Gauge(
            "screening_control_recovery_seconds", "Time from the last assignment to readiness", registry=registry
        )
        self.recovered = Counter(
            "screening_control_recovered_records", "Records read back from the tables' topics", registry=registry
        )
        self.rebalances = Counter("screening_control_rebalances", "Rebalances of the group", registry=registry)
        self.restarts = Counter(
            "screening_control_restarts", "Times that the plane was begun anew inside the process", registry=registry
        )
        self.foreign = Counter(
            "screening_control_foreign_records",
            "Records that somebody else wrote into a table's partition, or removed there, and that were put right",
            registry=registry,
        )
        self.ready = Gauge("screening_control_ready", "1 while events are taken", registry=registry)
        self.info = Info("screening_control", "Versions", registry=registry)
        self.info.info({"version": version("claims-screening"), "faust": version("faust-streaming")})
