"""Finds what is due by the calendar and has to be examined without a new event.

At start every dossier is looked at once: its day is noted, and the standings and notices published are held against the dossiers,
so that what somebody wrote or removed while no owner was there is put right and reported, and what nothing asks for is withdrawn.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import deque
from collections.abc import Callable

from pipeline.control.clock import Clock
from pipeline.control.events import (
    ClockWentBack,
    DeadlinesLookedAt,
    ForeignStandingsCorrected,
    ForeignStandingsWithdrawn,
    NoticesWithdrawn,
    PartitionReminded,
)
from pipeline.control.faust.state_store import StateStore
from pipeline.control.ledger import Ledger
from pipeline.control.ownership import Ownership
from pipeline.control.standing_notices import stands
from pipeline.control.sweep import Sweep, withdraw_unasked
from pipeline.control.timer_queue import TimerQueue
from pipeline.control.write_batch import WriteBatch
from pipeline.telemetry.control_metrics import ControlMetrics
from pipeline.telemetry.events import Teller
from pipeline.telemetry.logs import logger
from topics.catalogue import DOSSIERS, NOTICES, STANDING_TOPICS, TopicSpec

_AT_ONCE = 200
_NOTICES_AT_ONCE = 20_000
_UNASKED_AT_ONCE = 2_000
_MOST_REMINDERS = 500
_FILL_S = 0.05
"""Seconds that one step of the first look may take: the events wait for it."""


class Timekeeper:
    """Looks at dossiers whose day has come, a few at a time."""

    def __init__(
        self,
        ledger: Ledger,
        ownership: Ownership,
        store_of: Callable[[str, int], StateStore],
        clock: Clock,
        metrics: ControlMetrics,
        instance: str,
    ) -> None:
        self._ledger = ledger
        self._ownership = ownership
        self._store_of = store_of
        self._clock = clock
        self._metrics = metrics
        self._teller = Teller(logger(component="control", instance=instance), metrics)
        self._timers = TimerQueue()
        self._unread: deque[tuple[int, TopicSpec, bytes]] = deque()
        self._strays: deque[tuple[int, TopicSpec, bytes]] = deque()
        self._sweep = Sweep()
        self._many_due = False
        self._latest = dt.date.min
        self.quiet_until = 0.0
        """Nobody is reminded before, on the monotonic clock: the answer that is missing may stand in the log already."""

    @property
    def busy(self) -> bool:
        """Whether there is more to do than one step."""
        return bool(self._unread) or (not self._quiet and (bool(self._strays) or bool(self._sweep) or self._many_due))

    @property
    def _quiet(self) -> bool:
        return time.monotonic() < self.quiet_until

    def note(self, looks: dict[tuple[int, bytes], dt.date | None]) -> None:
        """Notes when dossiers have to be looked at again."""
        for (partition, key), day in looks.items():
            self._timers.note(partition, key, day)

    def own(self, partitions: set[int], closed: set[int]) -> None:
        """These partitions are here now; those `closed` were away, if only for a while."""
        for partition in (self._timers.partitions - partitions) | closed:
            self._timers.forget(partition)
        for partition in (self._sweep.partitions - partitions) | closed:
            self._sweep.forget(partition)
        for waiting in (self._unread, self._strays):
            kept = [item for item in waiting if item[0] in partitions and item[0] not in closed]
            waiting.clear()
            waiting.extend(kept)
        for partition in partitions - self._timers.partitions:
            self._timers.open(partition)
            self._unread.append((partition, NOTICES, b""))
            self._strays.extend((partition, spec, b"") for spec in STANDING_TOPICS)

    async def step(self) -> None:
        """Does a little of what is to be done. Raises whatever publishing raises."""
        today = self._clock.today()
        if today < self._latest:
            # The clock was ahead: what went out by it is withdrawn, and the next days are others than were noted.
            self._teller.tell(ClockWentBack(self._latest.isoformat(), today.isoformat()))
            self.own(self._timers.partitions, self._timers.partitions)
        self._latest = today
        if self._unread:
            await self._first_look(self._unread)
        elif not self._quiet:
            if self._strays:
                await self._first_look(self._strays)
            if self._sweep:
                await self._withdraw_unasked(min(self._sweep.partitions))
            await self._remind()

    async def _first_look(self, waiting: deque[tuple[int, TopicSpec, bytes]]) -> None:
        """Goes on noting which notices stand and the days of dossiers that were kept before, or looking for stray standings."""
        partition, spec, after = waiting.popleft()
        task = self._ownership.events(partition)
        if task is None:
            return
        today, begun = self._clock.today(), time.monotonic()
        most = _NOTICES_AT_ONCE if spec is NOTICES else _AT_ONCE
        unasked = self._sweep.unasked(partition)
        async with task.turn:
            batch, withdrawn = WriteBatch(self._store_of), 0
            for count, (key, value) in enumerate(self._store_of(spec.name, partition).items_from(after), 1):
                if spec is NOTICES:
                    self._sweep.note(partition, (key,) if stands(value) else ())
                elif spec is not DOSSIERS:
                    withdrawn += self._ledger.withdraw_stray(spec, partition, key, batch)
                elif not self._timers.knows(partition, key):
                    look = self._ledger.next_look(partition, key, value, today, batch, unasked)
                    self._timers.note(partition, key, look)
                if count == most or time.monotonic() - begun > _FILL_S:
                    waiting.append((partition, spec, key + b"\x00"))
                    break
            else:
                if spec is NOTICES:
                    waiting.append((partition, DOSSIERS, b""))
            await task.publish(batch, {})
        if withdrawn:
            self._teller.tell(ForeignStandingsWithdrawn(spec.name, partition, withdrawn))

    async def _withdraw_unasked(self, partition: int) -> None:
        """Withdraws some of the notices that stand and that no dossier has asked for."""
        task = self._ownership.events(partition)
        if task is None:
            self._sweep.forget(partition)
            return
        begun = time.monotonic()
        async with task.turn:
            names = self._sweep.take(partition, _UNASKED_AT_ONCE)
            batch = WriteBatch(self._store_of)
            tally, left = withdraw_unasked(
                self._ledger, partition, names, batch, self._clock.today(), lambda: time.monotonic() - begun < _FILL_S
            )
            await task.publish(batch, {})
        if left:
            self._sweep.note(partition, left)
        if tally.notices:
            self._teller.tell(NoticesWithdrawn(partition, sum(tally.notices.values()), tally))

    async def _remind(self) -> None:
        today = self._clock.today()
        due = self._timers.due(today, _MOST_REMINDERS)
        self._many_due = len(due) == _MOST_REMINDERS
        self._metrics.timers.set(len(self._timers))
        if not due:
            self._metrics.timers_late.set(0)
            return
        notices = 0
        left = {(partition, key): day for partition, key, day in due}
        try:
            for partition in sorted({partition for partition, _key, _day in due}):
                keys = [key for where, key, _day in due if where == partition]
                notices += await self._remind_of(partition, keys)
                for key in keys:
                    left.pop((partition, key))
        finally:
            for (partition, key), day in left.items():
                self._timers.note(partition, key, day)
        late = max((today - day).days for _partition, _key, day in due)
        self._teller.tell(DeadlinesLookedAt(today.isoformat(), len(due), late, notices))

    async def _remind_of(self, partition: int, keys: list[bytes]) -> int:
        """Looks at dossiers of one partition; returns how many notices were given."""
        task = self._ownership.events(partition)
        if task is None:
            return 0
        async with task.turn:
            batch = WriteBatch(self._store_of)
            tally, looks = self._ledger.remind(partition, keys, batch, self._clock.today())
            await task.publish(batch, {})
        for (where, key), day in looks.items():
            self._timers.note(where, key, day)
        self._teller.tell(PartitionReminded(partition, len(keys), tally))
        if tally.corrected:
            self._teller.tell(ForeignStandingsCorrected(partition, tally.corrected))
        return sum(tally.notices.values())
