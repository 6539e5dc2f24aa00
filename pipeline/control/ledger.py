"""Decides one batch of events without Kafka: standings, notices and dead letters follow from it.

Whatever has been decided before is decided again in the same way, so that a batch may be repeated after any failure: what
stands in the tables already is not written a second time, and what was lost is written now.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from pipeline.control.contradictions import contradictions
from pipeline.control.dossier_view import View, view_of
from pipeline.control.dossiers import (
    dossier_key,
    file_of,
    of_later_version,
    owner_of,
    read_whole,
    revision_of,
    standing_key,
    with_event,
    write_dossier,
)
from pipeline.control.notices import due_notices, measure_notices, next_look
from pipeline.control.standing_notices import Holding, given_in
from pipeline.control.standings import foreign, physician_statement, publication
from pipeline.control.tally import Tally
from pipeline.control.withdrawals import Lately, Told, calendars_before, withdrawals
from pipeline.control.write_batch import Received, WriteBatch
from pipeline.kafka.partitioner import partition_of, standing_partition
from pipeline.kinds import KINDS, OF_TOPIC
from rules.dossier import Dossier, regions_sent
from rules.duties import Counted, duties
from rules.events import Event
from rules.measures import measures
from rules.packs.pack_set import PackSet
from rules.text import Text
from rules.timeline import AnyTimeline
from topics.catalogue import (
    DOSSIER_MAX_BYTES,
    DOSSIERS,
    PHYSICIAN_EVENTS_DEAD_LETTER,
    TopicSpec,
)
from topics.dead_letters import Code
from topics.events.acceptance import MOST_EVENTS, Accepted, OwnerKind, Refused, accept


@dataclass(slots=True)
class _Open:
    """A dossier that the batch touches: what it held before, the records that came, and the events that are new."""

    kind: OwnerKind
    region: str
    code: str
    before: tuple[Event, ...]
    now: tuple[Event, ...]
    fresh: list[tuple[Received, Event]] = field(default_factory=list)
    unread: tuple[bytes, ...] = ()
    """Kept events that this version cannot read; they stay in the dossier."""


UNCOUNTABLE = (ValueError, OverflowError, ArithmeticError, LookupError)
"""What the law raises on dates that no calendar has, and the like."""


class Ledger:
    """Folds batches of events. `looks` tells, by partition and dossier, when the calendar may say more of it."""

    def __init__(self, packs: PackSet, partitions: int) -> None:
        self._packs = packs
        self._partitions = partitions
        self._lately = Lately()

    # -- events -------------------------------------------------------------------------------------------------

    def take(
        self, records: Iterable[Received], batch: WriteBatch, today: dt.date, behind: Container[int] = ()
    ) -> tuple[Tally, dict[tuple[int, bytes], dt.date | None]]:
        """Takes records of `physician-events` into the batch; returns what was done, and when to look again.

        Of partitions that are `behind`, whose next events are in the log already, no notice is given yet: the answer that is
        missing may be the next record.
        """
        tally = Tally()
        touched: dict[tuple[int, bytes], _Open] = {}
        for record in records:
            self._sort(record, batch, tally, touched)
        looks = {}
        for (partition, key), dossier in touched.items():
            looks[partition, key] = self._settle(
                partition, key, dossier, batch, today, tally, quiet=partition in behind
            )
        return tally, looks

    def _sort(self, record: Received, batch: WriteBatch, tally: Tally, touched: dict[tuple[int, bytes], _Open]) -> None:
        found = accept(record.value, self._packs)
        if isinstance(found, Refused):
            self._refuse(record, found, batch, tally)
            return
        name = found.event.type_name
        right = partition_of(found.code.encode(), self._partitions)
        if record.partition != right:
            batch.forward(record, found.code.encode(), right)
            tally.events[name, "forwarded"] += 1
            return
        dossier = self._opened(found, right, batch, touched)
        grown = with_event(dossier.now, found.event)
        if grown is dossier.now:
            tally.events[name, "repeated"] += 1
        elif len(grown) > MOST_EVENTS:
            self._refuse(
                record, Refused(Code.DOSSIER_FULL, (f"the dossier holds {MOST_EVENTS} events already",)), batch, tally
            )
        else:
            dossier.now = grown
            dossier.fresh.append((record, found.event))

    @staticmethod
    def _refuse(record: Received, why: Refused, batch: WriteBatch, tally: Tally) -> None:
        batch.dead_letter(PHYSICIAN_EVENTS_DEAD_LETTER, record, why.code, why.reason)
        tally.refused[why.code] += 1

    @staticmethod
    def _opened(found: Accepted, partition: int, batch: WriteBatch, touched: dict[tuple[int, bytes], _Open]) -> _Open:
        where = (partition, dossier_key(found.kind, found.area, found.code))
        if where not in touched:
            events, unread = read_whole(batch.get(DOSSIERS, *where))
            touched[where] = _Open(found.kind, found.area, found.code, events, events, unread=unread)
        return touched[where]

    # -- one dossier --------------------------------------------------------------------------------------------

    def _settle(
        self,
        partition: int,
        key: bytes,
        dossier: _Open,
        batch: WriteBatch,
        today: dt.date,
        tally: Tally,
        *,
        quiet: bool,
    ) -> dt.date | None:
        try:
            kept = write_dossier(dossier.now, dossier.unread) if dossier.now is not dossier.before else b""
            if len(kept) > DOSSIER_MAX_BYTES:
                raise OverflowError(f"the dossier would have more than {DOSSIER_MAX_BYTES:,} bytes")
            look = self._publish(partition, dossier, batch, today, tally, quiet=quiet)
        except UNCOUNTABLE as error:
            if not dossier.fresh:
                raise
            self._leave_out(dossier, batch, tally, error)
            return self._settle(partition, key, dossier, batch, today, tally, quiet=quiet)
        if kept:
            batch.put(DOSSIERS, partition, key, kept)
        for _record, event in dossier.fresh:
            tally.events[event.type_name, "accepted"] += 1
        return look

    def _leave_out(self, dossier: _Open, batch: WriteBatch, tally: Tally, error: Exception) -> None:
        """The law cannot count the dossier with the events that came: those that spoil it are set aside, the others stay."""
        fresh, dossier.fresh, dossier.now = dossier.fresh, [], dossier.before
        for record, event in fresh:
            grown = with_event(dossier.now, event)
            try:
                if len(write_dossier(grown, dossier.unread)) > DOSSIER_MAX_BYTES:
                    raise OverflowError(str(error))
                self._count(grown, dossier)
            except UNCOUNTABLE as problem:
                reason = f"the dossier cannot be counted with this event: {type(problem).__name__}: {problem}"
                self._refuse(record, Refused(Code.UNCOUNTABLE, (reason,)), batch, tally)
                continue
            dossier.now = grown
            dossier.fresh.append((record, event))

    def _publish(
        self,
        partition: int,
        dossier: _Open,
        batch: WriteBatch,
        today: dt.date,
        tally: Tally,
        *,
        quiet: bool = False,
        owner: bool = False,
    ) -> dt.date | None:
        if dossier.unread and of_later_version(dossier.unread):
            # What was published may rest on an event that only a later version knows; that version publishes what follows now.
            tally.flags["of_later_version"] += 1
            return None
        if dossier.kind != "physician":
            self._put(partition, dossier, self._standing(dossier.now, dossier), batch, tally, owner=owner)
            if KINDS[dossier.kind].subject is not None:
                return None  # a penalty decision that suspends sets no limit running
            now = self._figures(file_of(dossier.now), dossier, today)
            given = Holding(batch, partition)
            told = measure_notices(dossier.region, dossier.code, now.measures, today, given, now.sent)
            fallen = self._fallen(dossier, now, owner=owner and not quiet)
            tally.put(partition, [*told, *withdrawals(fallen, given_in(batch, partition), today)], batch)
            return min((one.day for one in now.measures if one.day > today), default=None)
        known = self._lately.of(dossier_key(dossier.kind, dossier.region, dossier.code), dossier.before)
        view = self.view(dossier.now, dossier.region, dossier.code, None if known is None else known.counted)
        fallen = self._fallen(dossier, view.told(today), owner=owner and not quiet)
        withdrawn = withdrawals(fallen, given_in(batch, partition), today)
        notices = self._notices(partition, dossier.region, dossier.code, view, batch, today)
        self._put(partition, dossier, view.statement.timeline, batch, tally, owner=owner)
        tally.put(partition, withdrawn, batch)
        if quiet and notices:
            return today
        tally.put(partition, notices, batch)
        return next_look(view.duties, today)

    def _put(
        self, partition: int, dossier: _Open, told: AnyTimeline, batch: WriteBatch, tally: Tally, *, owner: bool
    ) -> None:
        """Publishes the standing of a dossier, unless what is published says so already."""
        topic, key = KINDS[dossier.kind].topic, standing_key(dossier.region, dossier.code)
        old = batch.get(topic, partition, key)
        new = publication(told, old, owner=owner)
        if new is not None:
            tally.corrected += owner and foreign(old, new)
            batch.put(topic, partition, key, new)
            tally.published[dossier.kind] += 1

    def _standing(self, events: tuple[Event, ...], dossier: _Open) -> AnyTimeline:
        """What follows from these events of a dossier. Raises what the law cannot count."""
        kind, revision = KINDS[dossier.kind], revision_of(events)
        return kind.follows(file_of(events), self._packs, dossier.region, dossier.code, revision)

    def publish_quietly(
        self,
        partition: int,
        owner: tuple[OwnerKind, str, str],
        events: tuple[Event, ...],
        batch: WriteBatch,
        today: dt.date,
    ) -> None:
        """Publishes the standing that follows from these events; nobody is told of duties yet. Raises what cannot be counted."""
        dossier = _Open(*owner, events, events)
        self._publish(partition, dossier, batch, today, Tally(), quiet=True, owner=True)

    def _fallen(self, dossier: _Open, now: Told, *, owner: bool) -> Iterator[tuple[str, Text]]:
        """What the notices of a dossier told and no longer holds: because of what is new in it, or for any other reason if it is
        looked at without an event."""
        key = dossier_key(dossier.kind, dossier.region, dossier.code)
        if dossier.fresh and dossier.before:
            before = self._lately.of(key, dossier.before)
            with suppress(*UNCOUNTABLE):  # then nothing was told of it under this law
                before = before or self._told(dossier, dossier.before, now.today)
            if before is not None:
                yield from before.lost(now, dossier.region, dossier.code)
        self._lately.keep(key, dossier.now, now)
        if owner:
            yield from now.untrue(dossier.region, dossier.code)
            law = self._packs.law(dossier.region)
            for calendar in calendars_before(law, now.duties):
                file = file_of(dossier.now)
                said = physician_statement(dossier.now, file, law, dossier.region, dossier.code)
                counted = Told(now.today, duties(file, said, law, calendar), sent=now.sent)
                yield from counted.lost(now, dossier.region, dossier.code)

    def _told(self, dossier: _Open, events: tuple[Event, ...], today: dt.date) -> Told:
        if KINDS[dossier.kind].subject is not None:
            return Told(today)
        if dossier.kind == "institution":
            return self._figures(file_of(events), dossier, today)
        return self.view(events, dossier.region, dossier.code).told(today)

    def _figures(self, file: Dossier, dossier: _Open, today: dt.date) -> Told:
        """What notices tell of an institution on a day."""
        found = measures(file, self._packs.law(dossier.region), dossier.code)
        return Told(today, measures=found, sent=regions_sent(file))

    def view(self, events: tuple[Event, ...], region: str, code: str, before: Counted | None = None) -> View:
        """What the law says of a physician's events: standing, contradictions and duties. `before`: what was counted of fewer of
        them, to be counted on."""
        return view_of(self._packs, events, region, code, before)

    def _notices(
        self, partition: int, region: str, code: str, view: View, batch: WriteBatch, today: dt.date
    ) -> list[tuple[str, bytes]]:
        already = Holding(batch, partition)
        pack = self._packs.for_region(region, view.events[-1].date if view.events else None)
        return [
            *contradictions(region, code, view.issues, pack, already, view.sent),
            *due_notices(region, code, view.duties, today, already, view.sent),
        ]

    # -- the calendar -------------------------------------------------------------------------------------------

    def remind(
        self, partition: int, keys: Iterable[bytes], batch: WriteBatch, today: dt.date
    ) -> tuple[Tally, dict[tuple[int, bytes], dt.date | None]]:
        """Looks at dossiers without a new event: because of the day, because the law has changed since they were published, or
        because somebody else has written or removed their standing.

        To be asked when the log has been read to its end: then nothing can know more than the dossier.
        """
        tally = Tally()
        looks: dict[tuple[int, bytes], dt.date | None] = {}
        for key in keys:
            dossier = self._kept(key, batch.get(DOSSIERS, partition, key))
            if not dossier.now:
                continue
            try:
                looks[partition, key] = self._publish(partition, dossier, batch, today, tally, owner=True)
            except UNCOUNTABLE:
                # What was published stays; the events were countable under the law that they were accepted under.
                tally.flags["uncountable"] += 1
        return tally, looks

    def withdraw_stray(self, topic: TopicSpec, partition: int, key: bytes, batch: WriteBatch) -> bool:
        """Withdraws a published standing that no dossier explains; whether it did.

        One that lies in the wrong partition stays: to withdraw it there would hide the true one.
        """
        region, _, code = key.decode("utf-8", "replace").partition("|")
        kind = OF_TOPIC[topic.name].name
        if not self.lies_right(key, partition):
            return False
        if batch.get(DOSSIERS, partition, dossier_key(kind, region, code)) is not None:
            return False
        batch.put(topic, partition, key, None)
        return True

    def lies_right(self, key: bytes, partition: int) -> bool:
        """Whether a standing's key belongs into this partition."""
        return standing_partition(key, self._partitions) == partition

    def _count(self, events: tuple[Event, ...], dossier: _Open) -> None:
        """Counts a dossier with these events. Raises what the law cannot count."""
        if dossier.kind == "physician":
            self.view(events, dossier.region, dossier.code)
        else:
            self._standing(events, dossier)

    def next_look(
        self, partition: int, key: bytes, value: bytes, today: dt.date, batch: WriteBatch, unasked: set[bytes]
    ) -> dt.date | None:
        """When a kept dossier has to be looked at: today, if something of it is not published as it should be, or later.

        None: not until something is recorded. What the dossier asks for is struck out of `unasked`, names of notices that stand.
        """
        dossier = self._kept(key, value)
        trial = WriteBatch(batch.store_of)
        try:
            look = self._publish(partition, dossier, trial, today, Tally(), owner=True)
        except UNCOUNTABLE:
            return today
        told = self._lately.of(key, dossier.now) if unasked else None
        if told is not None:
            unasked.difference_update(name.encode() for name in told.holding(dossier.region, dossier.code))
        return today if trial.changes else look

    def holding(self, partition: int, owners: Iterable[bytes], batch: WriteBatch, today: dt.date) -> set[str] | None:
        """The names of the notices that these dossiers of one owner ask for; None: there is no dossier, or none that this version
        and this law can count."""
        kept = [self._kept(key, batch.get(DOSSIERS, partition, key)) for key in owners]
        found = [dossier for dossier in kept if dossier.now or dossier.unread]
        if not found or any(of_later_version(dossier.unread) for dossier in found):
            return None
        names: set[str] = set()
        for dossier in found:
            try:
                told = self._told(dossier, dossier.now, today)
            except UNCOUNTABLE:
                return None
            names.update(told.holding(dossier.region, dossier.code))
        return names

    def _kept(self, key: bytes, value: bytes | None) -> _Open:
        kind, region, code = owner_of(key)
        events, unread = read_whole(value)
        return _Open(kind, region, code, events, events, unread=unread)
