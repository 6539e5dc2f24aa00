"""Metrics of the audit: the last run, as a file tells it. Labels are bounded: never a physician, a claim or an offset.

Every series names its `scope`: all, or the one part that was audited.
"""

from __future__ import annotations

from pipeline.telemetry.textfile import RunMetrics


class AuditMetrics(RunMetrics):
    """What an audit tells about itself."""

    def __init__(self) -> None:
        super().__init__("audit", "scope")
        self.differences = self.gauge(
            "differences",
            "Differences that the last audit found, by part and kind, those at zero too; absent when it was not completed",
            *("part", "kind"),
        )
        self.records = self.gauge(
            "records",
            "What the last audit compared, by part and figure; `waiting` is what nobody is done with yet",
            *("part", "figure"),
        )
        self.waiting_since = self.gauge(
            "oldest_waiting_timestamp_seconds",
            "When the oldest record came that nobody was done with at the last audit, by part, in seconds since 1970 UTC; absent "
            "where none waited",
            "part",
        )
