"""Metrics of looking back. Labels are bounded: never a claim, an insured person or a physician."""

from __future__ import annotations

from importlib.metadata import version

from prometheus_client import Counter, Gauge, Histogram, Info

from pipeline.telemetry.gate_metrics import RegisterMetrics

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class ReconcileMetrics(RegisterMetrics):
    """Everything that a process that looks back tells about itself, in a registry of its own."""

    def __init__(self) -> None:
        super().__init__()
        registry = self.registry
        self.revisions = Gauge(
            "screening_reconcile_revisions",
            "Revisions that are published, by kind and by the ground that arose or, for a release, fell away",
            ["kind", "cause"],
            registry=registry,
        )
        self.to_fund = Gauge(
            "screening_reconcile_to_fund_yuan",
            "Money that all revisions move to the fund (negative: from it), by area, month of service and kind",
            ["area", "month", "kind"],
            registry=registry,
        )
        self.judged = Counter(
            "screening_reconcile_judged", "Claims judged again, by what was looked at", ["scope"], registry=registry
        )
        self.passes = Histogram(
            "screening_reconcile_pass_seconds",
            "Time of one look back, by what was looked at",
            ["scope"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.lag = Gauge(
            "screening_reconcile_lag_seconds",
            "How long the oldest change waits that has not been looked at",
            registry=registry,
        )
        self.held = Gauge(
            "screening_reconcile_held_revisions",
            "Revisions that are not written because a pass may not write so many",
            registry=registry,
        )
        self.failed = Counter(
            "screening_reconcile_failures", "Looks back that failed and were tried again", registry=registry
        )
        self.ready = Gauge("screening_reconcile_ready", "1 while the process looks back", registry=registry)
        self.info = Info("screening_reconcile", "Versions", registry=registry)
        self.info.info({"version": version("claims-screening")})
