"""Metrics of the desk. Labels are bounded: never an account, a case, a physician or an institution."""

from __future__ import annotations

from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)


class DeskMetrics:
    """Everything that a process of the desk tells about itself, in a registry of its own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.pages = Counter(
            "screening_desk_pages",
            "Requests answered, by route and outcome: shown, refused, limited, failed",
            ["route", "outcome"],
            registry=registry,
        )
        self.latency = Histogram(
            "screening_desk_latency_seconds",
            "Time to answer a request, by route",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.rows = Counter(
            "screening_desk_rows", "Records taken into the read model, by topic", ["topic"], registry=registry
        )
        self.unreadable = Counter(
            "screening_desk_unreadable", "Records of a topic that could not be read", ["topic"], registry=registry
        )
        self.lag = Gauge(
            "screening_desk_lag_records", "Records of all topics that are not in the read model", registry=registry
        )
        self.entries = Counter(
            "screening_desk_journal_entries", "Entries written to the journal, by act", ["act"], registry=registry
        )
        self.unwritten = Counter(
            "screening_desk_journal_failures",
            "Entries that could not be written; their pages were not shown",
            registry=registry,
        )
        self.head = Gauge("screening_desk_journal_head", "Number of the newest entry of the journal", registry=registry)
        self.actions = Counter(
            "screening_desk_actions", "Actions on cases that were sent, by action", ["action"], registry=registry
        )
        self.log_ins = Counter(
            "screening_desk_log_ins",
            "Attempts to log in, by outcome: done, refused, limited",
            ["outcome"],
            registry=registry,
        )
        self.ready = Gauge("screening_desk_ready", "1 while pages are shown", registry=registry)
        self.info = Info("screening_desk", "Versions", registry=registry)
        self.info.info({"version": version("claims-screening")})
