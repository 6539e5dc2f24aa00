"""One run of the control plane: from joining the group to leaving it.

The agents only collect records; one task takes them in batches, decides, writes and acknowledges, so that there is a single
order of writing and a batch is never half done when partitions go away.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections import deque
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from faust.types import TP

from pipeline.control.cases import CaseDesk, CaseTally
from pipeline.control.clock import Clock
from pipeline.control.faust.app import SOURCES, make_app, make_tables, owned, source
from pipeline.control.faust.state_store import StateStore
from pipeline.control.foreign_writes import Place, beyond, gaps, settle
from pipeline.control.ledger import Ledger, Tally
from pipeline.control.liveness import Pulse
from pipeline.control.publisher import Publisher
from pipeline.control.timer_queue import TimerQueue
from pipeline.control.write_batch import Received, WriteBatch
from pipeline.settings.model import Settings
from pipeline.telemetry.control_metrics import ControlMetrics
from pipeline.telemetry.logs import logger
from rules.packs.pack import PackSet
from topics.catalogue import (
    CASE_ACTIONS_DEAD_LETTER,
    CLAIM_CASES,
    DOSSIERS,
    INSTITUTION_STANDING,
    PHYSICIAN_EVENTS,
    PHYSICIAN_EVENTS_DEAD_LETTER,
    PHYSICIAN_STANDING,
)

_TICK_S = 0.5
_FIRST_FETCH_S = 2.0
_CATCHING_UP_S = 1.0
"""What is missing may stand in the log already: nobody is reminded before the log was first looked at, nor while it is read."""
_MOST_REMINDERS = 500
_FILLED_AT_ONCE = 200
_START_WITHIN_S = 120.0
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
        self._log = logger(component="control", instance=instance)
        events = partitions[PHYSICIAN_EVENTS.name]
        self.packs = packs
        self.event_partitions = events
        self.ledger = Ledger(packs, events)
        self._cases = CaseDesk(packs, partitions[CLAIM_CASES.name], events)
        self._publisher = Publisher(settings)
        self._app = make_app(settings, folder)
        self._tables = make_tables(self._app, settings, folder)
        self._pulse = Pulse(settings.session_timeout_ms / 1000)
        self._timers = TimerQueue()
        self._doubt: dict[Place, int] = {}
        self._suspects: dict[Place, set[bytes]] = {}
        self._asked_at = 0.0
        self._many_due = False
        self._admin = AdminClient(settings.client())
        self._unread: deque[tuple[int, bytes]] = deque()
        self._inbox: deque[Any] = deque()
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._turn = asyncio.Lock()
        self._joined_at: float | None = None
        self._recovering = True
        self._quiet_until = 0.0
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
        work: list[asyncio.Task[None]] = []
        try:
            await asyncio.wait_for(self._app.start(), _START_WITHIN_S)
            self._pulse = Pulse(self._settings.session_timeout_ms / 1000)
            work = [
                asyncio.create_task(task)
                for task in (self._take_batches(), self._keep_time(), self._watch(), self._pulse.beat())
            ]
            stopped = asyncio.create_task(stop.wait())
            done, _ = await asyncio.wait([*work, stopped], return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            for task in done - {stopped}:
                await task
        finally:
            async with self._turn:
                for task in work:
                    task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            await self._leave()

    async def _leave(self) -> None:
        try:
            await asyncio.wait_for(self._app.stop(), 20)
        except Exception as error:  # whatever Faust says while it goes, it goes
            self._log.warning("leaving_failed", error=repr(error))
        for table in self._tables.values():
            await table.kept.on_stop()
        await asyncio.to_thread(self._publisher.close)

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
        """The batch in hand is finished first; what has not been begun is read again by whoever comes."""
        self._doubt.clear()
        self._suspects.clear()
        self._recovering = True
        self._inbox.clear()
        self._room.set()
        async with self._turn:
            pass
        self._log.info("partitions_revoked", partitions=sorted(owned(revoked, PHYSICIAN_EVENTS.name)))

    async def _assigned(self, _app: Any, assigned: Any, **_signal: Any) -> None:
        self._joined_at = time.monotonic()
        self._metrics.rebalances.inc()
        for spec in SOURCES:
            self._metrics.partitions.labels(spec.name).set(len(owned(assigned, spec.name)))
        self._log.info("partitions_assigned", partitions=sorted(owned(assigned, PHYSICIAN_EVENTS.name)))

    async def _recovered(self, _app: Any, **_signal: Any) -> None:
        mine = self.partitions
        closed = self._tables[DOSSIERS.name].kept.closed
        for partition in (self._timers.partitions - mine) | closed:
            self._timers.forget(partition)
        closed.clear()
        for partition in mine - self._timers.partitions:
            self._timers.open(partition)
            self._unread.append((partition, b""))
        restored = sum(table.kept.restored for table in self._tables.values())
        seconds = time.monotonic() - (self._joined_at or time.monotonic())
        self._metrics.recovered.inc(restored)
        self._metrics.recovery_seconds.set(seconds)
        for table in self._tables.values():
            table.kept.restored = 0
        self._recovering = False
        self._quiet_until = time.monotonic() + _FIRST_FETCH_S
        self._log.info("control_recovered", partitions=sorted(mine), records=restored, seconds=round(seconds, 2))

    # -- records ------------------------------------------------------------------------------------------------

    async def _collect(self, stream: Any) -> None:
        async for event in stream.noack().events():
            self._inbox.append(event)
            self._work.set()
            if len(self._inbox) >= 2 * self._settings.control_batch_events:
                self._room.clear()
                await self._room.wait()

    async def _take_batches(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            while self._inbox:
                async with self._turn:
                    await self._take_batch()

    async def _take_batch(self) -> None:
        generation = self._app.consumer_generation_id
        taken: list[Any] = []
        while self._inbox and len(taken) < self._settings.control_batch_events:
            event = self._inbox.popleft()
            if event.message.generation_id == generation:
                taken.append(event)
        self._room.set()
        if not taken:
            return
        records = [_received(event.message) for event in taken]
        batch = WriteBatch(self.store)
        today = self._clock.today()
        with self._metrics.fold_seconds.time():
            events = (record for record in records if record.topic == PHYSICIAN_EVENTS.name)
            tally, looks = self.ledger.take(events, batch, today, self._behind(records))
            cases = self._cases.take((r for r in records if r.topic != PHYSICIAN_EVENTS.name), batch)
        await self._write(batch)
        for event in taken:
            event.ack()
        for (partition, key), day in looks.items():
            self._timers.note(partition, key, day)
        self._metrics.batch_records.observe(len(taken))
        self._count(tally)
        self._count_cases(cases)
        self._log.debug("batch_taken", records=len(taken), written=len(batch.entries()))

    def _behind(self, records: list[Received]) -> set[int]:
        """Partitions of the events whose log goes on after these records."""
        last = {record.partition: record.offset for record in records if record.topic == PHYSICIAN_EVENTS.name}
        found = {
            partition
            for partition, offset in last.items()
            if offset + 1 < (self._app.consumer.highwater(TP(PHYSICIAN_EVENTS.name, partition)) or 0)
        }
        if found:
            self._quiet_until = max(self._quiet_until, time.monotonic() + _CATCHING_UP_S)
        return found

    async def _write(self, batch: WriteBatch) -> None:
        """1. the brokers  2. the stores. The caller acknowledges the input after that (3)."""
        entries = batch.entries()
        if not entries:
            return
        before = {where: self.store(*where).offset for where in batch.changes}
        with self._metrics.write_seconds.time():
            written = await asyncio.to_thread(self._publisher.write, entries, self._pulse.check)
        for where, start in gaps(written, before).items():
            self._doubt.setdefault(where, start)
        for (table, partition), changes in batch.changes.items():
            self.store(table, partition).write(changes, written.last[table, partition])

    # -- the calendar -------------------------------------------------------------------------------------------

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(0 if self._unread or self._many_due else _TICK_S)
            if not self.ready:
                await asyncio.sleep(_TICK_S)
                continue
            async with self._turn:
                if not self.ready:
                    continue
                if self._unread:
                    self._fill_timers()
                else:
                    await self._remind()
                    await self._correct()
                await self._look_for_strangers()

    async def _look_for_strangers(self) -> None:
        """Finds what another process wrote into our partitions, and puts right what it made wrong."""
        if time.monotonic() - self._asked_at > _STRANGERS_EVERY_S:
            self._asked_at = time.monotonic()
            known = {
                (name, partition): store.offset
                for name, table in self._tables.items()
                for partition, store in table.kept.stores.items()
            }
            try:
                for where, start in (await asyncio.to_thread(beyond, self._admin, known)).items():
                    self._doubt.setdefault(where, start)
            except (KafkaException, TimeoutError) as error:
                self._log.warning("ends_not_told", error=str(error))
        doubt, self._doubt = self._doubt, {}
        for where, start in doubt.items():
            store = self.store(*where)
            adopt, rewrite, last = await asyncio.to_thread(settle, self._settings, where, start, store)
            store.write(adopt, max(last, store.offset))
            self._metrics.foreign.inc(len(adopt) + len(rewrite))
            self._suspects.setdefault(where, set()).update(adopt)
            if rewrite:
                batch = WriteBatch(self.store)
                batch.changes[where] = dict(rewrite)
                await self._write(batch)
            if adopt or rewrite:
                self._log.error(
                    "strangers_records",
                    table=where[0],
                    partition=where[1],
                    taken_over=len(adopt),
                    written_over=len(rewrite),
                )

    async def _correct(self) -> None:
        """Judges by the dossiers what was taken over, once the log has been read to its end."""
        if not self._suspects or time.monotonic() < self._quiet_until:
            return
        suspects, self._suspects = self._suspects, {}
        batch, corrected = WriteBatch(self.store), 0
        for (topic, partition), keys in suspects.items():
            for spec in (PHYSICIAN_STANDING, INSTITUTION_STANDING):
                if topic == spec.name and partition in self.partitions:
                    corrected += self.ledger.correct(spec, partition, keys, batch)
        await self._write(batch)
        if corrected:
            self._log.error("strangers_standings_corrected", standings=corrected)

    def _fill_timers(self) -> None:
        """Goes on noting the days of dossiers that were kept before this process had them."""
        today = self._clock.today()
        partition, after = self._unread.popleft()
        if partition not in self.partitions:
            return
        batch = WriteBatch(self.store)
        for count, (key, value) in enumerate(self.store(DOSSIERS.name, partition).items_from(after), 1):
            if not self._timers.knows(partition, key):
                self._timers.note(partition, key, self.ledger.next_look(partition, key, value, today, batch))
            if count == _FILLED_AT_ONCE:
                self._unread.append((partition, key + b"\x00"))
                return

    async def _remind(self) -> None:
        if time.monotonic() < self._quiet_until:
            return
        today = self._clock.today()
        due = self._timers.due(today, _MOST_REMINDERS)
        self._many_due = len(due) == _MOST_REMINDERS
        self._metrics.timers.set(len(self._timers))
        for name, table in self._tables.items():
            self._metrics.table_keys.labels(name).set(sum(store.size for store in table.kept.stores.values()))
        if not due:
            self._metrics.timers_late.set(0)
            return
        batch, tallies, looks = WriteBatch(self.store), [], {}
        try:
            for partition in {partition for partition, _key, _day in due}:
                keys = [key for where, key, _day in due if where == partition]
                tally, more = self.ledger.remind(partition, keys, batch, today)
                tallies.append(tally)
                looks.update(more)
            await self._write(batch)
        except BaseException:
            for partition, key, day in due:
                self._timers.note(partition, key, day)
            raise
        for (partition, key), look in looks.items():
            self._timers.note(partition, key, look)
        for tally in tallies:
            self._count(tally)
        self._metrics.timers_due.inc(len(due))
        late = max((today - day).days for _partition, _key, day in due)
        self._metrics.timers_late.set(late)
        self._log.info(
            "deadlines_looked_at", day=today.isoformat(), dossiers=len(due), late_days=late,
            notices=sum(sum(tally.notices.values()) for tally in tallies),
        )  # fmt: skip

    # -- counting -----------------------------------------------------------------------------------------------

    def _count(self, tally: Tally) -> None:
        for (kind, outcome), number in tally.events.items():
            self._metrics.events.labels(kind, outcome).inc(number)
        for flag, number in tally.flags.items():
            self._metrics.flags.labels(flag).inc(number)
        for error, number in tally.refused.items():
            self._metrics.dead_letters.labels(PHYSICIAN_EVENTS_DEAD_LETTER.name, error).inc(number)
        for owner, number in tally.published.items():
            self._metrics.standings.labels(owner).inc(number)
        for (kind, phase), number in tally.notices.items():
            self._metrics.notices.labels(kind, phase).inc(number)

    def _count_cases(self, tally: CaseTally) -> None:
        for outcome, number in tally.cases.items():
            self._metrics.cases.labels(outcome).inc(number)
        for (action, outcome), number in tally.actions.items():
            self._metrics.actions.labels(action, outcome).inc(number)
        for error, number in tally.refused.items():
            self._metrics.dead_letters.labels(CASE_ACTIONS_DEAD_LETTER.name, error).inc(number)

    # -- looking ------------------------------------------------------------------------------------------------

    def today(self) -> dt.date:
        """The day by the clock of this plane."""
        return self._clock.today()


def _received(message: Any) -> Received:
    headers = message.headers or []
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers)
    return Received(message.topic, message.partition, message.offset, message.key, message.value, pairs)
