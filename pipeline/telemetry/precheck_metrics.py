"""Metrics of the pre-check. Labels are bounded: never a claim, an insured person, a physician or an institution."""

from __future__ import annotations

from importlib.metadata import version

from prometheus_client import Counter, Gauge, Histogram, Info

from pipeline.telemetry.gate_metrics import RegisterMetrics

_SECONDS = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class PrecheckMetrics(RegisterMetrics):
    """Every metric of a process of the pre-check, in a registry of its own."""

    def __init__(self) -> None:
        super().__init__()
        registry = self.registry
        self.requests = Counter(
            "screening_precheck_requests",
            "Requests answered, by route and outcome: answered, refused, forbidden, limited, held, failed",
            ["route", "outcome"],
            registry=registry,
        )
        self.claims = Counter(
            "screening_precheck_claims", "Claims answered, by verdict", ["disposition", "reason"], registry=registry
        )
        self.latency = Histogram(
            "screening_precheck_latency_seconds",
            "Time from the first byte of a request's body to its answer, by route",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.not_current = Counter(
            "screening_precheck_not_current",
            "Requests answered by a register that was not current, as the policy says",
            registry=registry,
        )
        self.waiting = Gauge(
            "screening_precheck_waiting_claims", "Claims asked about that wait for their answer", registry=registry
        )
        self.ready = Gauge("screening_precheck_ready", "1 while the pre-check answers", registry=registry)
        self.info = Info("screening_precheck", "Versions", registry=registry)
        self.info.info({"version": version("claims-screening")})
