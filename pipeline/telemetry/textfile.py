"""Metrics of runs that end, in a file that node_exporter's textfile collector passes on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile
from prometheus_client.parser import text_string_to_metric_families


class RunMetrics:
    """What every run tells: when it ended, whether it came to its end, and how long it took; in a registry of its own.

    `what` is the kind of run and begins the names; `label` names the run in every series, so that files of several runs can lie
    in one folder. What does not hold for a run is absent, never zero.
    """

    def __init__(self, what: str, label: str) -> None:
        self.registry = CollectorRegistry()
        self._prefix, self._label = f"screening_{what}_", label
        self.last_run = self.gauge(
            "last_run_timestamp_seconds", "When the last run ended, completed or not, in seconds since 1970 UTC"
        )
        self.completed = self.gauge("completed", "1 when the last run came to its end, whatever it found")
        self.last_completed = self.gauge(
            "last_completed_timestamp_seconds",
            "When the last run that came to its end ended, in seconds since 1970 UTC",
        )
        self.duration = self.gauge(
            "duration_seconds", "How long the last run took; of one that was taken up again, the last stretch"
        )

    def gauge(self, name: str, documentation: str, *labels: str) -> Gauge:
        """A gauge of this kind of run."""
        return Gauge(self._prefix + name, documentation, [self._label, *labels], registry=self.registry)

    def ended(self, path: Path, run: str, *, completed: bool, seconds: float) -> None:
        """Sets what every run tells. Of the file that is there, only the time of the last completed run is kept."""
        now = time.time()
        self.last_run.labels(run).set(now)
        self.duration.labels(run).set(seconds)
        self.completed.labels(run).set(completed)
        name = f"{self._prefix}last_completed_timestamp_seconds"
        last = now if completed else _last_value(path, name, {self._label: run})
        if last is not None:
            self.last_completed.labels(run).set(last)

    def write(self, path: Path) -> None:
        """Puts the file there whole or not at all. Raises OSError."""
        write_to_textfile(str(path), self.registry)


def _last_value(path: Path, name: str, labels: Mapping[str, str]) -> float | None:
    """One sample of the file that is there now; None when there is no such file or it does not have it."""
    try:
        for family in text_string_to_metric_families(path.read_text("utf-8")):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return float(sample.value)
    except (OSError, ValueError):
        return None
    return None
