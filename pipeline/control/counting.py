"""Metrics of what batches did and how far the ledger has come."""

from __future__ import annotations

import time
from collections.abc import Mapping

from faust.types import TP

from pipeline.control.cases import CaseTally
from pipeline.control.faust.consumer import Reading
from pipeline.control.stream_task import StreamTask
from pipeline.control.tally import Tally
from pipeline.telemetry.control_metrics import ControlMetrics
from topics.catalogue import CASE_ACTIONS_DEAD_LETTER, PHYSICIAN_EVENTS_DEAD_LETTER


def count_events(metrics: ControlMetrics, tally: Tally) -> None:
    """Adds what the ledger did."""
    for (kind, outcome), number in tally.events.items():
        metrics.events.labels(kind, outcome).inc(number)
    for flag, number in tally.flags.items():
        metrics.flags.labels(flag).inc(number)
    for error, number in tally.refused.items():
        metrics.dead_letters.labels(PHYSICIAN_EVENTS_DEAD_LETTER.name, error).inc(number)
    for owner, number in tally.published.items():
        metrics.standings.labels(owner).inc(number)
    for (kind, phase), number in tally.notices.items():
        metrics.notices.labels(kind, phase).inc(number)


def count_cases(metrics: ControlMetrics, tally: CaseTally) -> None:
    """Adds what was done about cases."""
    for outcome, number in tally.cases.items():
        metrics.cases.labels(outcome).inc(number)
    for (action, outcome), number in tally.actions.items():
        metrics.actions.labels(action, outcome).inc(number)
    for error, number in tally.refused.items():
        metrics.dead_letters.labels(CASE_ACTIONS_DEAD_LETTER.name, error).inc(number)


def set_lag(metrics: ControlMetrics, task: StreamTask, readings: Mapping[TP, Reading]) -> None:
    """Sets how far a task is, and how far behind, for each of its sources."""
    for source in task.sources:
        reading, progress = readings.get(TP(source, task.partition)), task.progress.get(source)
        if reading is None or progress is None:
            continue
        labels = (source, str(task.partition))
        stable = reading.position if reading.stable_end is None else max(reading.stable_end, reading.position)
        lag = max(0, stable - progress.next_offset)
        metrics.progress_offset.labels(*labels).set(progress.next_offset)
        metrics.lag_events.labels(*labels).set(lag)
        metrics.lag_seconds.labels(*labels).set(time.monotonic() - task.caught_up_at[source] if lag else 0.0)
        metrics.open_events.labels(*labels).set(max(0, (reading.end or 0) - stable))


def forget_lag(metrics: ControlMetrics, source: str, partition: int) -> None:
    """The partition belongs to another process now."""
    for gauge in (metrics.progress_offset, metrics.lag_events, metrics.lag_seconds, metrics.open_events):
        if (source, str(partition)) in gauge._metrics:
            gauge.remove(source, str(partition))
