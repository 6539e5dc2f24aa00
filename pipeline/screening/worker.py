"""The worker: reads claims in batches, judges them, and commits each batch exactly once.

While one batch is being committed on a thread of its own, the next is read and judged. At most one batch is in commit and
one waits behind it. Whenever partitions go away, the batch in commit is finished first; whenever a transaction is rolled
back, everything read since the last commit is read again. A batch whose register is not complete until shortly before it
came waits for that; meanwhile partitions are paused, and the worker stays a member of its group.
"""

from __future__ import annotations

import gc
import time
from collections import deque
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from pipeline.garbage import collect_seldom
from pipeline.kafka.transactions import ReadUpTo
from pipeline.screening.batches import Batch, Records
from pipeline.screening.committing import Committer
from pipeline.screening.events import (
    BatchDecided,
    GateHeld,
    GateReleased,
    RegisterFoundEmpty,
    StandingViewLoaded,
    WaitForRegisterBegan,
    WorkerStarted,
    WorkerStopped,
)
from pipeline.screening.gate import Gate, Ruled
from pipeline.screening.ownership import Ownership
from pipeline.screening.reporting import Reporter
from pipeline.screening.status import status_page
from pipeline.screening.view import StandingView
from pipeline.settings.model import Settings, StalenessPolicy
from pipeline.telemetry.events import Teller
from pipeline.telemetry.gate_metrics import GateMetrics
from pipeline.telemetry.logs import logger
from pipeline.web.server import process_pages
from rules.packs.pack_set import PackSet
from topics.claims.codec import ClaimError
from topics.dead_letters import Code

_PATIENCE_S = 0.3
"""So long a batch waits for the register before the partitions are paused: a pause throws away what was fetched ahead."""
_LOOK_AGAIN_S = 0.01


class Worker:
    """One process of the gate. `run` returns when `stop` was called and everything judged is committed."""

    def __init__(self, settings: Settings, packs: PackSet) -> None:
        self.settings = settings
        self.instance = settings.unique_instance()
        self.metrics = GateMetrics()
        self.gate = Gate(packs)
        self._teller = Teller(logger(component="worker", instance=self.instance), self.metrics)
        self._stopping = False
        self._held = False
        self._lag_s = settings.lag_allowed_s()
        self._waiting: deque[Records] = deque()
        self._ruled: tuple[Ruled, float, int, bool] | None = None
        self._wait_told = False
        self._absence_is_usual = False
        self.view = StandingView(settings, self.gate.index, self.metrics)
        self._ownership = Ownership(
            settings,
            self.metrics,
            self.instance,
            settle=self._settle,
            void=self._void,
            stopping=lambda: self._stopping,
        )
        self._reporter = Reporter(settings, self.metrics, self.instance, self.gate, self.view, self._ownership)
        self._committer = Committer(
            settings,
            self.gate,
            self.metrics,
            self.instance,
            epoch=lambda: self._ownership.epoch,
            forget=self._ownership.forget,
            give_back=self._take_back,
            committed=self._reporter.committed,
            same_topic=self._ownership.watch.same_topic,
        )
        self.metrics.info.info(
            {
                "version": version("claims-screening"),
                "instance": self.instance,
                "packs": ",".join(pack.name for pack in packs.packs),
            }
        )
        self._status = status_page(self.metrics, self._reporter.ready, packs, version("claims-screening"))
        self.pages = process_pages(settings, self.metrics.registry, self._healthy, self._reporter.ready, self._status)

    # -- life ---------------------------------------------------------------------------------------------------

    def _healthy(self) -> tuple[bool, dict[str, Any]]:
        return True, {"instance": self.instance, "stopping": self._stopping}

    def stop(self) -> None:
        """Asks the worker to finish what it has judged and leave. Safe to call from a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Loads the register, then judges until stopped. Raises WorkerError, ViewError or TransactionFatal."""
        try:
            self._teller.tell(WorkerStarted(f"{self.pages.address}/metrics"))
            started = time.monotonic()
            collect_seldom()
            if not self._load_view():
                return
            index, seconds = self.gate.index, round(time.monotonic() - started, 3)
            self._teller.tell(StandingViewLoaded(len(index), index.institutions, seconds))
            gc.collect()
            gc.freeze()
            if not len(index):
                self._teller.tell(RegisterFoundEmpty())
            self._committer.start()
            self._ownership.join()
            self._reporter.set_judging(on=True)
            while not self._stopping:
                self._turn()
            self._committer.settle()
        finally:
            self._leave()

    def _load_view(self) -> bool:
        if not self.view.load(lambda: self._stopping, self._reporter.loading):
            return False
        while len(self.gate.index) < self.settings.min_standings:
            if self._stopping:
                return False
            self.view.refresh()
            time.sleep(0.05)
        return True

    def _leave(self) -> None:
        self._reporter.set_judging(on=False)
        self._ownership.leave()
        self.view.close()
        self.pages.close()
        self._status.close()
        self._teller.tell(WorkerStopped())

    # -- one turn -----------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        """Refresh the register, read a batch, judge it, hand it to the committer."""
        self.view.refresh()
        stale = self._is_stale()
        self._hold(on=stale and self.settings.staleness_policy is StalenessPolicy.HOLD)
        if self._held:
            self._read(0.05)  # only what was fetched before the pause took hold still comes
        elif not self._waiting:
            self._ownership.pause(on=False)
            self._read(self.settings.batch_max_wait_ms / 1000)
        if self._ownership.rewind_needed:
            self._ownership.rewind(self._committer.failures)
        elif self._waiting and not self._held:
            self._judge(self._waiting[0], stale=stale)
        elif self._committer.busy and self._committer.idle:
            self._committer.settle()
        self._reporter.look(self._waiting, held=self._held, trouble=self._committer.trouble)

    def _read(self, wait_s: float) -> None:
        records = self._ownership.read(self.settings.batch_max_claims, wait_s)
        if records.messages:
            self._waiting.append(records)
            if self._absence_is_usual or not self._lag_s:
                self.view.demand()  # while the batch is ruled on, the brokers are asked

    def _judge(self, records: Records, *, stale: bool) -> None:
        """Rules on the batch that waits first, and hands it over once the register is complete enough for it.

        `stale` is the answer by which this turn did not hold. The clock is not asked again: a limit that is passed between two
        looks would let a batch through that the policy `hold` keeps back.
        """
        if not (stale or self.view.covers(records.arrived - self._lag_s)):
            self._wait(records)
            return
        review = stale and self.settings.staleness_policy is StalenessPolicy.REVIEW
        if self._ruled is None or self._ruled[2:] != (self.view.changes, review):
            started = time.monotonic()
            ruled = self._rule(records, review=review)
            self._ruled = ruled, time.monotonic() - started, self.view.changes, review
        ruled, seconds = self._ruled[:2]
        absent = self.gate.rests_on_absence(ruled)
        if absent and not (stale or self.view.covers(records.arrived)):
            self._wait(records)
            return
        self._absence_is_usual = absent
        ruled = replace(ruled, register=self.view.register)
        read = ReadUpTo(self._ownership.offsets(records), self._ownership.generation())
        batch = Batch(records, ruled, read, self._ownership.epoch, seconds, self._ownership.topic_id)
        self._ruled, self._wait_told = None, False
        if not self._committer.settle() or batch.epoch != self._ownership.epoch:
            return  # what waited is void, or waits behind the parts of a batch that was given back
        self._waiting.popleft()
        self._teller.tell(BatchDecided(len(records.messages), max(0.0, time.monotonic() - records.arrived - seconds)))
        self._committer.begin(batch)

    def _rule(self, records: Records, *, review: bool) -> Ruled:
        if records.unwritable is not None:
            return self.gate.set_aside(ClaimError(Code.NOT_WRITABLE, records.unwritable))
        return self.gate.rule([message.value() for message in records.messages], stale=review)

    def _take_back(self, parts: list[Records]) -> None:
        """Puts parts of a batch that was refused before everything that waits."""
        self._waiting.extendleft(reversed(parts))
        self._ruled = None

    def _wait(self, records: Records) -> None:
        """Waits a little for the register; after a while without fetching more."""
        if time.monotonic() - records.arrived < _PATIENCE_S:
            self.view.wait(_LOOK_AGAIN_S)
            return
        if not self._wait_told:
            self._wait_told = True
            self._teller.tell(WaitForRegisterBegan(*self.view.cause()))
        self.view.demand()
        self._ownership.pause(on=True)
        self._read(_LOOK_AGAIN_S)
        if self._committer.busy and self._committer.idle:
            self._committer.settle()

    def _settle(self) -> None:
        self._committer.settle()

    def _void(self) -> bool:
        """Forgets what was read and waits."""
        there = bool(self._waiting)
        self._waiting.clear()
        self._ruled = None
        return there

    def _is_stale(self) -> bool:
        return self.view.staleness() > self.settings.staleness_limit_s

    def _hold(self, *, on: bool) -> None:
        """Stops or restarts reading claims, without leaving the group."""
        if on:
            self._ownership.pause(on=True)
        if on != self._held:
            self._held = on
            told = GateHeld if on else GateReleased
            self._teller.tell(told(round(self.view.staleness(), 1), *self.view.cause()))
