"""Metrics of the audit: the last run, as a file tells it. Labels are bounded: never a physician, a claim or an offset.

Every series names its `scope` (all, or the one part that was audited), so that files of several audits can lie in one folder.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

LAST_COMPLETED = "screening_audit_last_completed_timestamp_seconds"


class AuditMetrics:
    """What an audit tells about itself, in a registry of its own. What could not be counted is absent, never zero."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.last_run = Gauge(
            "screening_audit_last_run_timestamp_seconds",
            "When the last audit ended, completed or not, in seconds since 1970 UTC",
            ["scope"],
            registry=registry,
        )
        self.completed = Gauge(
            "screening_audit_completed",
            "1 when the last audit could be completed, with or without differences",
            ["scope"],
            registry=registry,
        )
        self.last_completed = Gauge(
            LAST_COMPLETED,
            "When the last audit that could be completed ended, in seconds since 1970 UTC",
            ["scope"],
            registry=registry,
        )
        self.duration = Gauge(
            "screening_audit_duration_seconds", "How long the last audit took", ["scope"], registry=registry
        )
        self.differences = Gauge(
            "screening_audit_differences",
            "Differences that the last audit found, by part and kind, those at zero too; absent when it was not completed",
            ["scope", "part", "kind"],
            registry=registry,
        )
        self.records = Gauge(
            "screening_audit_records",
            "What the last audit compared, by part and figure; `waiting` is what nobody is done with yet",
            ["scope", "part", "figure"],
            registry=registry,
        )
