"""Files of metrics as a node exporter reads them."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
"""Values by name and labels."""


def samples(file: Path) -> Samples:
    """Every sample of the file that is there now, by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(file.read_text("utf-8"))
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float | None:
    """The value of one series; None where there is none."""
    return found.get((name, frozenset(labels.items())))


def of(found: Samples, name: str) -> dict[frozenset[tuple[str, str]], float]:
    """The series of one metric."""
    return {labels: number for (metric, labels), number in found.items() if metric == name}
