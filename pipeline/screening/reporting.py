"""What a worker tells of itself: metrics, one log event a batch, and whether it is ready."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.screening.batches import Commit, Records
from pipeline.screening.events import BatchCommitted, WorkerNotReady, WorkerReady
from pipeline.screening.freshness import WaitCause
from pipeline.screening.gate import Gate
from pipeline.screening.ownership import Ownership
from pipeline.screening.view import StandingView
from pipeline.settings.model import Settings, StalenessPolicy
from pipeline.telemetry.events import Teller
from pipeline.telemetry.gate_metrics import GateMetrics
from pipeline.telemetry.logs import logger

_LAG_EVERY_S = 1.0
_LONG_WAIT_S = 0.5


class Reporter:
    """Tells of one worker. `ready` answers the threads of its pages; everything else belongs to the reading thread."""

    def __init__(
        self,
        settings: Settings,
        metrics: GateMetrics,
        instance: str,
        gate: Gate,
        view: StandingView,
        ownership: Ownership,
    ) -> None:
        self._settings, self._metrics, self._instance = settings, metrics, instance
        self._gate, self._view, self._ownership = gate, view, ownership
        self._teller = Teller(logger(component="worker", instance=instance), metrics)
        self._judging = False
        self._held = False
        self._loaded = 0
        self._lag_due = 0.0
        self._moved_at = time.monotonic()
        self._waiting: tuple[int, float | None] = (0, None)
        self._cause = WaitCause.NONE
        self._trouble: str | None = None

    def loading(self, read: int) -> None:
        """How many standing records were read so far."""
        self._loaded = read

    def set_judging(self, *, on: bool) -> None:
        """The worker begins or ends to judge."""
        self._judging = on
        self._moved_at = time.monotonic()
        self._teller.tell(WorkerReady() if on else WorkerNotReady())

    def look(self, waiting: Sequence[Records], *, held: bool, trouble: str | None) -> None:
        """Notes what waits; once a second publishes how much is left to read."""
        self._held, self._trouble = held, trouble
        count = sum(len(records.messages) for records in waiting)
        self._waiting = (count, waiting[0].arrived if waiting else None)
        now = time.monotonic()
        if now < self._lag_due:
            return
        self._lag_due = now + _LAG_EVERY_S
        left = sum(self._ownership.lag().values()) + sum(self._ownership.watch.pinned.values())
        if not left:
            self._moved_at = now
        long = bool(waiting) and now - waiting[0].arrived > _LONG_WAIT_S
        cause = self._view.cause()[0] if long else WaitCause.NONE
        if self._cause is not WaitCause.NONE and cause is not self._cause:
            self._metrics.waiting.labels(self._cause.value).set(0)
        if cause is not WaitCause.NONE:
            self._metrics.waiting.labels(cause.value).set(count)
        self._cause = cause

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether the worker judges what comes, with the reason where it does not."""
        staleness = self._view.staleness()
        # Without brokers the turn waits for its commit and does not get to hold; a probe must be told all the same.
        hold = self._settings.staleness_policy is StalenessPolicy.HOLD
        held = self._held or (hold and staleness > self._settings.staleness_limit_s)
        stalled = time.monotonic() - self._moved_at > self._settings.stall_s
        cause, detail = self._view.cause()
        count, since = self._waiting
        missing = self._ownership.watch.missing
        trouble = "the topic of claims does not exist" if missing else self._trouble
        judges = self._judging and self._view.oriented
        return judges and not held and not stalled and trouble is None, {
            "instance": self._instance,
            "physicians": len(self._gate.index),
            "institutions": self._gate.index.institutions,
            "standing_records_read": self._loaded,
            "standing_staleness_seconds": None if staleness == float("inf") else round(staleness, 3),
            "held": held,
            "stalled": stalled,
            "trouble": trouble,
            "behind_open_transactions": sum(self._ownership.watch.pinned.values()),
            "waiting_for_register": {
                "records": count if since is not None and time.monotonic() - since > _LONG_WAIT_S else 0,
                "cause": cause.value,
                "detail": detail,
            },
            "partitions": sorted(self._ownership.owned),
        }

    def committed(self, commit: Commit) -> None:
        """Publishes what a committed batch came to: one event, one set of metrics."""
        self._moved_at = time.monotonic()
        batch, judged = commit.batch, commit.judged
        self._ownership.committed(batch.records)
        messages = batch.records.messages
        self._teller.tell(
            BatchCommitted(
                records=len(messages),
                verdicts=len(judged.verdicts),
                cases=len(judged.cases),
                dead_letters=len(judged.dead_letters),
                judge_ms=round((batch.rule_seconds + commit.write_seconds) * 1000, 1),
                commit_ms=round(commit.commit_seconds * 1000, 1),
                tally=judged.tally,
                dead_by_kind=judged.dead_by_kind,
                past_transition=judged.past_transition,
                unknown_people=judged.unknown_people,
                latencies_s=np.maximum(0.0, time.time() - batch.records.stamps / 1000),
            )
        )
