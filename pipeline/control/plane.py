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

from confluent_kafka.admin import AdminClient
from faust.types import TP

from pipeline.control.cases import CaseDesk
from pipeline.control.clock import Clock
from pipeline.control.corrections import put_right
from pipeline.control.counting import forget_lag, set_lag
from pipeline.control.events import (
    ControlRecovered,
    GroupNotJoined,
    GroupOffsetsNotCommitted,
    LeaveFailed,
    PartitionsAssigned,
    PartitionsRevoked,
)
from pipeline.control.faust.app import EVENT_TABLES, TABLES, make_app, make_tables, owned, source
from pipeline.control.faust.consumer import SOURCES, Reading
from pipeline.control.faust.state_store import StateStore
from pipeline.control.ledger import Ledger
from pipeline.control.ownership import EVENT_SOURCES, Ownership
from pipeline.control.stream_task import StreamTask
from pipeline.control.taking import BatchTaker
from pipeline.control.timekeeper import Timekeeper
from pipeline.control.topic_watch import TopicWatch
from pipeline.control.write_batch import WriteBatch
from pipeline.settings.model import Settings
from pipeline.telemetry.control_metrics import ControlMetrics
from pipeline.telemetry.events import Teller
from pipeline.telemetry.logs import logger
from rules.packs.pack_set import PackSet
from topics.catalogue import (
    CLAIM_CASES,
    DOSSIERS,
    LEDGER_PROGRESS,
    PHYSICIAN_EVENTS,
)

_TICK_S = 0.5
_POSITION_EVERY_S = 0.1
"""How often the reader's position is looked at. Whoever judges by the register waits for it after a transaction's mark."""
_CASE_POSITION_EVERY_S = 1.0
"""The same for cases, where every transaction of the gate leaves a mark and nobody waits."""
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
        self._taker = BatchTaker(
            self._app,
            packs,
            self.ledger,
            CaseDesk(packs, partitions[CLAIM_CASES.name], events),
            self._timekeeper,
            self.store,
            self._teller,
            metrics,
            self.today,
            settings.control_batch_events,
        )
        self._workers: dict[StreamTask, asyncio.Task[None]] = {}
        self._failed: asyncio.Queue[BaseException] = asyncio.Queue()
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
        await self._app.abandon()
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
    def has_written(self) -> bool:
        """Whether the brokers have taken anything from this run."""
        return any(task.publisher.has_written for task in self._ownership)

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
        self._taker.readings = {}
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
        self._taker.sees_more()
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
            await self._taker.work(task)
        except Exception as error:
            self._failed.put_nowait(error)

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
            self._taker.readings = readings
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
        set_lag(self._metrics, task, readings)
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
        await put_right(task, known, self._admin, self._settings, self.ledger, self.store, self._teller.tell)

    # -- looking ------------------------------------------------------------------------------------------------

    def today(self) -> dt.date:
        """The day by the clock of this plane."""
        return self._clock.today()


def _keeps(task: StreamTask, table: str) -> bool:
    """Whether a table is kept by a task's partition number."""
    events = table in {spec.name for spec in EVENT_TABLES}
    return events == (task.sources == EVENT_SOURCES)
