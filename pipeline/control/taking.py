"""Takes the records of stream tasks in batches: decides each, and writes all that follows from it in one transaction."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable

from faust.types import TP

from pipeline.control.aside import aside
from pipeline.control.cases import CaseDesk, CaseTally
from pipeline.control.events import BatchTaken, CaseConflictFound, DossiersFoldedByArea, RecordNotWritable
from pipeline.control.faust.app import ControlApp
from pipeline.control.faust.consumer import Reading
from pipeline.control.ledger import Ledger
from pipeline.control.ownership import EVENT_SOURCES
from pipeline.control.regrouping import fold_by_area
from pipeline.control.stream_task import StreamTask
from pipeline.control.tally import Tally
from pipeline.control.timekeeper import Timekeeper
from pipeline.control.write_batch import Received, StoreOf, WriteBatch
from pipeline.kafka.transactions import BEHIND_ONE_TOO_LARGE, TOO_LARGE, TransactionAborted
from pipeline.telemetry.control_metrics import ControlMetrics
from pipeline.telemetry.events import Teller
from rules.packs.pack_set import PackSet
from topics.catalogue import CASE_ACTIONS_DEAD_LETTER, PHYSICIAN_EVENTS, PHYSICIAN_EVENTS_DEAD_LETTER
from topics.dead_letters import Code

_GATHER_S = 0.05
"""While the log is known to go on, a task waits so long for more records: each batch costs a transaction."""
_CATCHING_UP_S = 1.0
"""Nobody is reminded so long after the log was last known to go on: what is missing may stand in it already."""


class BatchTaker:
    """Takes batches for every task of a process. `readings` is what was last known of how far the sources are read."""

    def __init__(
        self,
        app: ControlApp,
        packs: PackSet,
        ledger: Ledger,
        cases: CaseDesk,
        timekeeper: Timekeeper,
        store_of: StoreOf,
        teller: Teller[ControlMetrics],
        metrics: ControlMetrics,
        today: Callable[[], dt.date],
        most: int,
    ) -> None:
        self.readings: dict[TP, Reading] = {}
        self._app = app
        self._packs = packs
        self._ledger = ledger
        self._cases = cases
        self._timekeeper = timekeeper
        self._store_of = store_of
        self._teller = teller
        self._metrics = metrics
        self._today = today
        self._most = most

    async def work(self, task: StreamTask) -> None:
        """Takes a task's batches until it is cancelled. Raises whatever goes wrong."""
        await self._fold_by_area(task)
        while True:
            await task.work.wait()
            task.work.clear()
            while task.inbox:
                if len(task.inbox) < self._most and self._goes_on(task):
                    await asyncio.sleep(_GATHER_S)
                async with task.turn:
                    await self._take_batch(task)

    def sees_more(self) -> None:
        """The log is known to go on: nobody is reminded for a while."""
        self._timekeeper.quiet_until = max(self._timekeeper.quiet_until, time.monotonic() + _CATCHING_UP_S)

    async def _fold_by_area(self, task: StreamTask) -> None:
        """Before the first record is taken, what an earlier version kept by region goes into the dossiers of the areas."""
        if task.sources == EVENT_SOURCES:
            async with task.turn:
                done = await fold_by_area(task, self._ledger, self._packs, self._store_of, self._today())
            if done.folded or done.left:
                self._teller.tell(DossiersFoldedByArea(task.partition, done.folded, done.left))

    def _goes_on(self, task: StreamTask) -> bool:
        """Whether more is recorded than waits in the task's inbox, as far as was last known."""
        known = [self.readings.get(TP(name, task.partition)) for name in task.sources]
        return any(reading is not None and reading.behind for reading in known)

    async def _take_batch(self, task: StreamTask) -> None:
        records, at = task.next_records(self._most)
        if not records:
            return
        try:
            await self._take(task, records, at)
        except TransactionAborted as aborted:
            if aborted.cause not in (TOO_LARGE, BEHIND_ONE_TOO_LARGE):
                raise
            # What follows from one of them is larger than its topic takes: alone it costs itself, and not its neighbours.
            await aside(task.publisher.renew)
            for record in records:
                await self._take_alone(task, record, at)

    async def _take_alone(self, task: StreamTask, record: Received, at: float | None) -> None:
        """Takes one record; if what follows from it cannot be written, it is set aside."""
        try:
            await self._take(task, [record], at)
        except TransactionAborted as aborted:
            if aborted.cause != TOO_LARGE:
                raise
            letters = PHYSICIAN_EVENTS_DEAD_LETTER if task.sources == EVENT_SOURCES else CASE_ACTIONS_DEAD_LETTER
            batch, why = WriteBatch(self._store_of), f"the brokers do not take what follows from this record: {aborted}"
            batch.dead_letter(letters, record, Code.NOT_WRITABLE, why)
            await aside(task.publisher.renew)
            await task.publish(batch, {record.topic: record.offset + 1}, at)
            self._teller.tell(RecordNotWritable(record.topic, record.partition, record.offset, why, letters.name))

    async def _take(self, task: StreamTask, records: list[Received], at: float | None) -> None:
        self.readings = await self._app.reading()
        at_hand = {name: self.readings.get(TP(name, task.partition)) for name in task.sources}
        readings = {name: reading for name, reading in at_hand.items() if reading is not None}
        batch, today = WriteBatch(self._store_of), self._today()
        looks: dict[tuple[int, bytes], dt.date | None] = {}
        tally: Tally | CaseTally
        with self._metrics.fold_seconds.time():
            if task.sources == EVENT_SOURCES:
                tally, looks = self._ledger.take(records, batch, today, self._behind(task, records[-1].offset))
            else:
                tally = self._cases.take(records, batch)
        with self._metrics.write_seconds.time():
            await task.publish(batch, task.next_offsets(records, readings), at)
        self._timekeeper.note(looks)
        self._teller.tell(BatchTaken(len(records), task.sources, task.partition, tally))
        for found in tally.conflicts if isinstance(tally, CaseTally) else ():
            self._teller.tell(CaseConflictFound(found.case_id, found.partition, found.offset, found.problem))

    def _behind(self, task: StreamTask, last: int) -> set[int]:
        """The task's partition, if its log is known to go on after the batch, whose last offset is given."""
        reading = self.readings.get(TP(PHYSICIAN_EVENTS.name, task.partition))
        if reading is not None and not reading.behind and reading.handed == last:
            return set()
        self.sees_more()
        return {task.partition}
