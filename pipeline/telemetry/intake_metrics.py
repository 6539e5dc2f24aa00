"""Metrics of the intake. Labels are bounded: never a visit, a claim or a person."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

MOST_CODES = 200
"""Codes of visit classes, and of transactions, that are counted by name. A sender's slip can make many; others are `other`."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class IntakeMetrics:
    """Everything that a process of the intake tells about itself, in a registry of its own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self._codes: dict[str, set[str]] = {}
        self.messages = Counter(
            "screening_intake_messages",
            "Messages taken, by outcome: used, joined, waiting, repeated, answer, passed, failed, sent_on, set_aside",
            ["outcome"],
            registry=registry,
        )
        self.passed = Counter(
            "screening_intake_passed", "Messages of transactions that claims do not need", ["infno"], registry=registry
        )
        self.claims = Counter(
            "screening_intake_claims", "Claims written: first, version, refund", ["kind"], registry=registry
        )
        self.not_seen = Counter(
            "screening_intake_visit_not_seen", "Claims written without their visit", registry=registry
        )
        self.unknown = Counter(
            "screening_intake_encounter_unknown",
            "Claims of visit classes that no table knows, by code",
            ["code"],
            registry=registry,
        )
        self.doubts = Counter(
            "screening_intake_doubts", "In spite of what claims were written, by name", ["doubt"], registry=registry
        )
        self.dead_letters = Counter(
            "screening_intake_dead_letters", "Messages set aside, by error", ["error"], registry=registry
        )
        self.forgotten = Counter(
            "screening_intake_forgotten",
            "Visits and messages forgotten because nothing came any more",
            registry=registry,
        )
        self.expired = Counter(
            "screening_intake_expired_unread", "Offsets deleted by retention before they were read", registry=registry
        )
        self.aborted = Counter(
            "screening_intake_transactions_aborted", "Transactions rolled back, by cause", ["cause"], registry=registry
        )
        self.take_seconds = Histogram(
            "screening_intake_take_seconds", "Time to decide a batch", buckets=_SECONDS, registry=registry
        )
        self.commit_seconds = Histogram(
            "screening_intake_commit_seconds", "Time to commit a batch", buckets=_SECONDS, registry=registry
        )
        self.kept = Gauge("screening_intake_states", "Visits and messages that are known here", registry=registry)
        self.lag = Gauge(
            "screening_intake_lag_records",
            "Messages of a partition that are not taken",
            ["partition"],
            registry=registry,
        )
        self.ready = Gauge("screening_intake_ready", "1 while messages are taken", registry=registry)
        self.info = Info("screening_intake", "Versions", registry=registry)
        self.info.info({"version": version("claims-screening")})

    def add(self, counter: Counter, found: Mapping[str, int]) -> None:
        """Adds to a counter by its label, of which no more than MOST_CODES are named."""
        known = self._codes.setdefault(counter._name, set())
        for code, number in found.items():
            if number and len(known) < MOST_CODES:
                known.add(code)
            counter.labels(code if code in known else "other").inc(number)
