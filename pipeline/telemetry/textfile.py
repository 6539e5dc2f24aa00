"""Metrics of what runs and ends, in a file that node_exporter's textfile collector passes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, write_to_textfile
from prometheus_client.parser import text_string_to_metric_families


def write_metrics(path: Path, registry: CollectorRegistry) -> None:
    """Puts the file there whole or not at all. Raises OSError."""
    write_to_textfile(str(path), registry)


def last_value(path: Path, name: str, labels: Mapping[str, str]) -> float | None:
    """One sample of the file that is there now; None when there is no such file or it does not have it."""
    try:
        for family in text_string_to_metric_families(path.read_text("utf-8")):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return float(sample.value)
    except (OSError, ValueError):
        return None
    return None
