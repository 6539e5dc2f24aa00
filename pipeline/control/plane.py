"""One run of the control plane: from joining the group to leaving it.

Faust's agents only collect records; each stream task takes its own in batches, decides and writes them, so that there is a single
order of writing in each partition, several partitions write at the same time, and a batch is never half done.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from faust.types import TP

from pipeline.control.aside import aside
from pipeline.control.cases import CaseDesk, CaseTally
from pipeline.control.clock import Clock
from pipeline.control.counting import forget_lag, tell_lag
from pipeline.control.events import (
    BatchTaken,
    CaseConflictFound,
    ControlRecovered,
    DossiersFoldedByArea,
    ForeignRecordsNotRead,
    ForeignRecordsPutRight,
    GroupNotJoined,
    GroupOffsetsNotCommitted,
    LeaveFailed,
    PartitionsAssigned,
    PartitionsRevoked,
    RecordNotWritable,
    TableEndsQueryFailed,
)
from pipeline.control.faust.app import EVENT_TABLES, SOURCES, TABLES, Reading, make_app, make_tables, owned, source
from pipeline.control.faust.restore import RestoreError
from pipeline.control.faust.state_store import StateStore
from pipeline.control.foreign_writes import look
from pipeline.control.ledger import Ledger, Tally
from pipeline.control.ownership import EVENT_SOURCES, Ownership
from pipeline.control.regrouping import fold_by_area
from pipeline.control.stream_task import StreamTask
from pipeline.control.timekeeper import Timekeeper
from pipeline.control.topic_watch import TopicWatch
from pipeline.control.write_batch import Received, WriteBatch
from pipeline.kafka.transactions import BEHIND_ONE_TOO_LARGE, TOO_LARGE, TransactionAborted
from pipeline.settings.model import Settings
from pipeline.telemetry.control_metrics import ControlMetrics
from pipeline.telemetry.events import Teller
from pipeline.telemetry.logs import logger
from rules.packs.pack import PackSet
from topics.catalogue import (
    CASE_ACTIONS_DEAD_LETTER,
    CLAIM_CASES,
    DOSSIERS,
    INSTITUTION_STANDING,
    LEDGER_PROGRESS,
    PHYSICIAN_EVENTS,
    PHYSICIAN_EVENTS_DEAD_LETTER,
    PHYSICIAN_STANDING,
)
from topics.dead_letters import Code

_TICK_S = 0.5
_GATHER_S = 0.05
"""While the log is known to go on, a task waits so long for more records: each batch costs a transaction."""
_POSITION_EVERY_S = 0.1
"""How often the reader's position is looked at. Whoever judges by the register waits for it after a transaction's mark."""
_CASE_POSITION_EVERY_S = 1.0
"""The same for cases, where every transaction of the gate leaves a mark and nobody waits."""
_CATCHING_UP_S = 1.0
"""Nobody is reminded so long after the log was last known to go on: what is missing may stand in it already."""
_START_WITHIN_S = 120.0
_LEAVE_WITHIN_S = 6.0
_STRANGERS_EVERY_S = 5.0


class Plane:
    """Faust's app with the desks behind it. `start`, `run` until it returns or raises, `stop`; then it is done for."""

    def __init__(
        self,
        settings: Settings,
        packs: PackSet,
        partitions: dict[str, int],
        folder: Path,
        clock: Clock,
        metrics: ControlMetrics,
        instance: str,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._teller = Teller(logger(component="control", instance=instance), metrics)
        events = partitions[PHYSICIAN_EVENTS.name]
        self.packs = packs
        self.event_partitions = events
        self.ledger = Ledger(packs, events)
        self._cases = CaseDesk(packs, partitions[CLAIM_CASES.name], events)
        self._app = make_app(settings, folder)
        self._tables = make_tables(self._app, settings, folder, self._take_over)
        self._admin = AdminClient(settings.client())
        self._ownership = Ownership(
            settings, self._admin, self.store, instance, metrics, partitions[LEDGER_PROGRESS.name]
        )
        self._app.starts = self._ownership.starts
        kept = {spec.name: partitions[spec.name] for spec in (*SOURCES, *TABLES)}
        self.topics = TopicWatch(self._admin, self._ownership.topic_ids, kept, self._teller)
        self._app.offsets_not_committed = lambda error: self._teller.tell(GroupOffsetsNotCommitted(error))
        self._timekeeper = Timekeeper(self.ledger, self._ownership, self.store, clock, metrics, instance)
        self._workers: dict[StreamTask, asyncio.Task[None]] = {}
        self._failed: asyncio.Queue[BaseException] = asyncio.Queue()
        self._readings: dict[TP, Reading] = {}
        self._joined_at: float | None = None
        self._recovering = True
        for spec in SOURCES:
            self._app.agent(source(self._app, spec), name=f"{spec.name}-agent")(self._collect)
        listeners: list[tuple[Any, Any]] = [
            (self._app.on_partitions_revoked, self._revoked),
            (self._app.on_partitions_assigned, self._assigned),
            (self._app.on_rebalance_complete, self._recovered),
        ]
        for listened, listener in listeners:
            listened.connect(listener)

    # -- life ---------------------------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set. Raises whatever ends it before that."""
        work: list[asyncio.Task[Any]] = []
        stopped = asyncio.create_task(stop.wait())
        try:
            begun = asyncio.create_task(self._app.start())
            joining = asyncio.create_task(
                self._app.keep_joining(lambda error: self._teller.tell(GroupNotJoined(error)))
            )
            work = [joining]
            await asyncio.wait([begun, joining, stopped], timeout=_START_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
            if stopped.done():
                begun.cancel()
                return
            if joining.done():
                begun.cancel()
                await joining
            if not begun.done():
                raise TimeoutError(f"Faust has not started within {_START_WITHIN_S:.0f} s")
            await begun
            tasks = (
                self._keep_positions(),
                self._keep_time(),
                self._keep_strangers_out(),
                self.topics.keep(),
                self._watch(),
                self._failed.get(),
            )
            work += [asyncio.create_task(task) for task in tasks]
            done, _ = await asyncio.wait([*work, stopped], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                error = await task
                if isinstance(error, BaseException):
                    raise error
        finally:
            stopped.cancel()
            await self._leave(work)

    async def _leave(self, work: list[asyncio.Task[Any]]) -> None:
        """What was begun is finished if the brokers answer soon; what is not will be done again by whoever comes."""
        self._recovering = True
        begun = time.monotonic()
        turns = [asyncio.create_task(task.turn.acquire()) for task in self._ownership]
        if turns:
            _, late = await asyncio.wait(turns, timeout=_LEAVE_WITHIN_S / 2)
            for turn in late:
                turn.cancel()
        for running in (*work, *self._workers.values()):
            running.cancel()
        try:
            await asyncio.wait_for(self._app.stop(), max(2.0, _LEAVE_WITHIN_S - (time.monotonic() - begun)))
        except Exception as error:  # whatever Faust says while it goes, it goes
            self._teller.tell(LeaveFailed(repr(error)))
        self._ownership.close()
        for table in self._tables.values():
            await table.kept.on_stop()

    async def _watch(self) -> None:
        """Ends the run when Faust has ended by itself."""
        while not self._app.should_stop:
            await asyncio.sleep(0.1)
        raise RuntimeError(f"Faust has stopped: {self._app.crash_reason or 'no reason given'!r}")

    @property
    def ready(self) -> bool:
        """Whether the group has settled and every table of this process is complete."""
        return (
            self._joined_at is not None
            and not self._recovering
            and not self._app.rebalancing
            and not self._app.should_stop
            and self._app.tables.actives_ready
        )

    @property
    def partitions(self) -> set[int]:
        """Partitions of the events that this process has."""
        return set(self._tables[DOSSIERS.name].kept.stores)

    def store(self, table: str, partition: int) -> StateStore:
        """A table's partition. Raises KeyError when this process does not have it."""
        return self._tables[table].kept.stores[partition]

    # -- the group ----------------------------------------------------------------------------------------------

    async def _revoked(self, _app: Any, revoked: Any, **_signal: Any) -> None:
        """The batches in hand are finished first; what has not been begun is read again by whoever comes."""
        self._recovering = True
        self._readings = {}
        for task in self._ownership:
            task.rewind()
            async with task.turn:
                task.rewind()
        self._teller.tell(PartitionsRevoked(sorted(owned(revoked, PHYSICIAN_EVENTS.name))))

    async def _take_over(self, assigned: set[TP], generation: int) -> None:
        before = list(self._ownership)
        await self._ownership.take_over(assigned, generation)
        for task in set(before) - set(self._ownership):
            for name in task.sources:
                forget_lag(self._metrics, name, task.partition)

    async def _assigned(self, _app: Any, assigned: Any, **_signal: Any) -> None:
        self._joined_at = time.monotonic()
        sources = {spec.name: len(owned(assigned, spec.name)) for spec in SOURCES}
        self._teller.tell(PartitionsAssigned(sorted(owned(assigned, PHYSICIAN_EVENTS.name)), sources))

    async def _recovered(self, _app: Any, **_signal: Any) -> None:
        mine = self.partitions
        closed = self._tables[DOSSIERS.name].kept.closed
        self._timekeeper.own(mine, closed)
        self._timekeeper.quiet_until = time.monotonic() + _CATCHING_UP_S
        closed.clear()
        tasks = set(self._ownership)
        for task in self._workers.keys() - tasks:
            self._workers.pop(task).cancel()
        for task in tasks:
            task.rewind()
            if task not in self._workers:
                for spec in TABLES:
                    store = self._tables[spec.name].kept.stores.get(task.partition)
                    if store is not None and _keeps(task, spec.name):
                        task.watch.begin((spec.name, task.partition), store.offset)
                self._workers[task] = asyncio.create_task(self._work(task))
        restored = sum(table.kept.restored for table in self._tables.values())
        seconds = time.monotonic() - (self._joined_at or time.monotonic())
        for table in self._tables.values():
            table.kept.restored = 0
        self._recovering = False
        self._teller.tell(ControlRecovered(sorted(mine), restored, round(seconds, 2)))

    # -- records ------------------------------------------------------------------------------------------------

    async def _collect(self, stream: Any) -> None:
        async for event in stream.noack().events():
            message = event.message
            if message.generation_id != self._app.consumer_generation_id:
                continue
            task = self._ownership.of(message.topic, message.partition)
            if task is None:
                continue
            task.accept(event, 2 * self._settings.control_batch_events)
            await task.room.wait()

    async def _work(self, task: StreamTask) -> None:
        """Takes a task's batches until it is cancelled; what goes wrong ends the run."""
        try:
            await self._fold_by_area(task)
            while True:
                await task.work.wait()
                task.work.clear()
                while task.inbox:
                    if len(task.inbox) < self._settings.control_batch_events and self._goes_on(task):
                        await asyncio.sleep(_GATHER_S)
                    async with task.turn:
                        await self._take_batch(task)
        except Exception as error:
            self._failed.put_nowait(error)

    async def _fold_by_area(self, task: StreamTask) -> None:
        """Before the first record is taken, what an earlier version kept by region goes into the dossiers of the areas."""
        if task.sources == EVENT_SOURCES:
            async with task.turn:
                done = await fold_by_area(task, self.ledger, self.packs, self.store, self._clock.today())
            if done.folded or done.left:
                self._teller.tell(DossiersFoldedByArea(task.partition, done.folded, done.left))

    def _goes_on(self, task: StreamTask) -> bool:
        """Whether more is recorded than waits in the task's inbox, as far as was last known."""
        known = [self._readings.get(TP(name, task.partition)) for name in task.sources]
        return any(reading is not None and reading.behind for reading in known)

    async def _take_batch(self, task: StreamTask) -> None:
        records, at = task.next_records(self._settings.control_batch_events)
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
            batch, why = WriteBatch(self.store), f"the brokers do not take what follows from this record: {aborted}"
            batch.dead_letter(letters, record, Code.NOT_WRITABLE, why)
            await aside(task.publisher.renew)
            await task.publish(batch, {record.topic: record.offset + 1}, at)
            self._teller.tell(RecordNotWritable(record.topic, record.partition, record.offset, why, letters.name))

    async def _take(self, task: StreamTask, records: list[Received], at: float | None) -> None:
        self._readings = await self._app.reading()
        at_hand = {name: self._readings.get(TP(name, task.partition)) for name in task.sources}
        readings = {name: reading for name, reading in at_hand.items() if reading is not None}
        batch, today = WriteBatch(self.store), self._clock.today()
        looks: dict[tuple[int, bytes], dt.date | None] = {}
        tally: Tally | CaseTally
        with self._metrics.fold_seconds.time():
            if task.sources == EVENT_SOURCES:
                tally, looks = self.ledger.take(records, batch, today, self._behind(task, records[-1].offset))
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
        reading = self._readings.get(TP(PHYSICIAN_EVENTS.name, task.partition))
        if reading is not None and not reading.behind and reading.handed == last:
            return set()
        self._timekeeper.quiet_until = max(self._timekeeper.quiet_until, time.monotonic() + _CATCHING_UP_S)
        return {task.partition}

    async def _keep_positions(self) -> None:
        """Writes the progress also when only the reader's position has moved, and tells the lag."""
        cases_at = 0.0
        while True:
            await asyncio.sleep(_POSITION_EVERY_S)
            if not self.ready:
                continue
            generation = self._app.consumer_generation_id
            readings = await self._app.reading()
            if not self.ready or self._app.consumer_generation_id != generation:
                continue
            self._readings = readings
            with_cases = time.monotonic() - cases_at > _CASE_POSITION_EVERY_S
            tasks = [task for task in self._ownership if with_cases or task.sources == EVENT_SOURCES]
            await asyncio.gather(*(self._keep_position(task, readings, generation) for task in tasks))
            if with_cases:
                cases_at = time.monotonic()
                for name, table in self._tables.items():
                    size = sum(store.size for store in table.kept.stores.values())
                    self._metrics.table_keys.labels(name).set(size)

    async def _keep_position(self, task: StreamTask, readings: dict[TP, Reading], generation: int) -> None:
        moved = {
            name: reading.position
            for name in task.sources
            if (reading := readings.get(TP(name, task.partition))) is not None and task.position_moved(name, reading)
        }
        tell_lag(self._metrics, task, readings)
        if not moved or task.turn.locked():
            return
        async with task.turn:
            if self.ready and self._app.consumer_generation_id == generation:
                still = {
                    name: position
                    for name, position in moved.items()
                    if task.position_moved(name, readings[TP(name, task.partition)])
                }
                await task.publish(WriteBatch(self.store), still)

    # -- the calendar, and strangers ----------------------------------------------------------------------------

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(0.01 if self._timekeeper.busy else _TICK_S)
            if self.ready:
                await self._timekeeper.step()

    async def _keep_strangers_out(self) -> None:
        """Finds what somebody else wrote into our partitions, and puts it right."""
        while True:
            await asyncio.sleep(_STRANGERS_EVERY_S)
            for task in self._ownership:
                if self.ready:
                    async with task.turn:
                        if self.ready:
                            await self._keep_out(task)

    async def _keep_out(self, task: StreamTask) -> None:
        known = {
            (name, task.partition): table.kept.stores[task.partition].offset
            for name, table in self._tables.items()
            if _keeps(task, name) and task.partition in table.kept.stores
        }
        try:
            await aside(task.watch.compare, self._admin, known)
        except (KafkaException, TimeoutError) as error:
            self._teller.tell(TableEndsQueryFailed(str(error)))
            return
        doubts, task.watch.doubts = task.watch.doubts, {}
        for where, start in doubts.items():
            store = self.store(*where)
            try:
                wrong, last = await aside(look, self._settings, where, start, store)
            except RestoreError as error:
                self._teller.tell(ForeignRecordsNotRead(*where, str(error)))
                task.watch.doubts.setdefault(where, start)
                continue
            store.write({}, max(last, store.offset))
            task.watch.begin(where, store.offset)
            if where[0] in (PHYSICIAN_STANDING.name, INSTITUTION_STANDING.name):
                # To withdraw a standing that lies in the wrong partition would hide the true one.
                wrong = {key: value for key, value in wrong.items() if self.ledger.lies_right(key, where[1])}
            if wrong:
                batch = WriteBatch(self.store)
                batch.changes[where] = wrong
                await task.publish(batch, {})
                self._teller.tell(ForeignRecordsPutRight(*where, len(wrong)))

    # -- looking ------------------------------------------------------------------------------------------------

    def today(self) -> dt.date:
        """The day by the clock of this plane."""
        return self._clock.today()


def _keeps(task: StreamTask, table: str) -> bool:
    """Whether a table is kept by a task's partition number."""
    events = table in {spec.name for spec in EVENT_TABLES}
    return events == (task.sources == EVENT_SOURCES)
