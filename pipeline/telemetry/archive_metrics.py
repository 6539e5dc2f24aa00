"""Metrics of the archive. Labels are bounded: never a claim or a physician."""

from __future__ import annotations

from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class ArchiveMetrics:
    """Everything that a process of the archive tells about itself, in a registry of its own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.rows = Counter(
            "screening_archive_rows", "Rows written to a table: claims or verdicts", ["table"], registry=registry
        )
        self.excluded = Counter(
            "screening_archive_excluded",
            "Records without a row, by why: not_a_claim stands in the dead letters, unreadable is not ours",
            ["table", "why"],
            registry=registry,
        )
        self.failed = Counter(
            "screening_archive_commits_failed", "Commits to a table that failed", ["table"], registry=registry
        )
        self.expired = Counter(
            "screening_archive_expired_unread", "Offsets deleted by retention before they were read", registry=registry
        )
        self.commit_seconds = Histogram(
            "screening_archive_commit_seconds", "Time to write a batch to a table", buckets=_SECONDS, registry=registry
        )
        self.files = Gauge("screening_archive_files", "Files that a table has now", ["table"], registry=registry)
        self.tidied = Gauge(
            "screening_archive_last_tidied_timestamp_seconds",
            "When the small files of a table were last joined, in seconds since 1970 UTC",
            ["table"],
            registry=registry,
        )
        self.lag = Gauge(
            "screening_archive_lag_records",
            "Records of a topic's partition that are not in the archive",
            ["topic", "partition"],
            registry=registry,
        )
        self.ready = Gauge("screening_archive_ready", "1 while records are archived", registry=registry)
        self.info = Info("screening_archive", "Versions", registry=registry)
        self.info.info({"version": version("claims-screening")})
