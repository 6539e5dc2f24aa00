"""What starts duties (`rules.duties`): the recording of an event, or what the account or the timeline says."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter

from rules.dossier import Dossier
from rules.events import (
    ActDone,
    AppealFiled,
    AppealRejected,
    AppealUpheld,
    Bonus,
    Deduction,
    Event,
    NoticeReceived,
    ObjectionAnswered,
    ObjectionFiled,
    PointsRecorded,
    StatusCorrected,
    StatusRecorded,
)
from rules.objections import objections_upheld
from rules.schemes.account import Entry
from rules.standing import Statement
from rules.vocabulary import LONG_PERIOD, DerivedTrigger, Effect, EventType, SiteStatus, Standing

_ONE = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Raised:
    """A trigger that was met: by `event`, on `day`. `due` where the trigger itself knows the day."""

    event: Event
    day: dt.date
    due: dt.date | None = None
    void: bool = False


class File:
    """One physician's events and account, looked up in the ways that triggers need."""

    def __init__(self, dossier: Dossier, statement: Statement) -> None:
        self.events = tuple(event for event in dossier.events if not event.of_institution)
        self.statement = statement
        self.by_id = {event.event_id: event for event in self.events}
        self.place = {event.event_id: number for number, event in enumerate(self.events)}
        self.entries = statement.entries
        # A deduction that counts nothing was taken away by its review.
        self.void = {entry.event_id for entry in self.entries if entry.kind is EventType.DEDUCTION and not entry.points}
        # A correction that names points takes their status away, and leaves the points.
        corrected = {event.ref for event in self.events if isinstance(event, StatusCorrected)}
        self.void |= {ref for ref in corrected if not isinstance(self.by_id.get(ref), PointsRecorded)}
        self.void |= objections_upheld(self.events)
        self._told: dict[tuple[EventType, ...], dict[str | None, list[int]]] = {}
        self.acts: dict[tuple[str, str], list[ActDone]] = {}
        self._of_type: dict[str, list[Event]] = {}
        for event in self.events:
            self._of_type.setdefault(event.type_name, []).append(event)
            if isinstance(event, ActDone):
                self.acts.setdefault((event.duty, event.ref), []).append(event)
        self._set_off: dict[Effect, list[int]] = {}
        for number, entry in enumerate(self.entries):
            for effect in {*entry.effects, *entry.passed}:
                self._set_off.setdefault(effect, []).append(number)

    def with_experts(self, objection: ObjectionFiled) -> bool:
        """Whether an objection went to experts, which stops the clock of its answer (D4)."""
        named = (objection.event_id, objection.ref)
        return any(
            only_to_experts(event) and event.ref in named
            for event in self.events
            if isinstance(event, ObjectionAnswered)
        )

    def recorded(self, name: str) -> Iterator[Raised]:
        """The events of a type."""
        for event in self._of_type.get(name, ()):
            # A request has to be answered whatever the answer does to the decision.
            about = (
                event.event_id
                if isinstance(event, AppealFiled | ObjectionFiled)
                else subject_of(event) or event.event_id
            )
            yield Raised(event, event.date, void=about in self.void)

    def effect(self, *names: Effect) -> Iterator[Entry]:
        """The entries that set off one of the effects."""
        found = {number for name in names for number in self._set_off.get(name, ())}
        return (self.entries[number] for number in sorted(found))

    def next_act(self, acts: tuple[EventType, ...], event: Event, earliest: dt.date) -> Event | None:
        """The first event of these types after another in the law's order, not dated before `earliest`; one that is about a
        decision counts for the event's own decision alone."""
        if acts not in self._told:
            found: dict[str | None, list[int]] = {}
            for number, one in enumerate(self.events):
                if one.type_name in acts and not only_to_experts(one):
                    found.setdefault(self.about(one), []).append(number)
            self._told[acts] = found
        # The law's order begins with the date.
        start = max(self.place[event.event_id] + 1, bisect_left(self.events, earliest, key=attrgetter("date")))
        first: int | None = None
        for about in dict.fromkeys((None, event.event_id, subject_of(event))):
            places = self._told[acts].get(about, [])
            at = bisect_left(places, start)
            if at < len(places) and (first is None or places[at] < first):
                first = places[at]
        return None if first is None else self.events[first]

    def about(self, event: Event) -> str | None:
        """The decision that an act is about; an answer may name the objection in its place."""
        if isinstance(event, ObjectionAnswered):
            filed = self.by_id.get(event.ref)
            return filed.ref if isinstance(filed, ObjectionFiled) else event.ref
        return subject_of(event)

    def institution_of(self, event: Event) -> str | None:
        """The institution that an event, or the decision it is about, names."""
        if event.institution:
            return event.institution
        about = self.by_id.get(subject_of(event) or "")
        return None if about is None else about.institution

    def sites(self, event: Event, day: dt.date) -> tuple[str, ...]:
        """The institutions of practice on a day (`000 三(二)3`: a penalty binds at all of them), in order of their codes."""
        named = {event.institution} if event.institution else set()
        for site in self.statement.timeline.practised:
            begun = site.start is None or site.start <= day
            if site.status is SiteStatus.DECLARED and begun and (site.end is None or day <= site.end):
                named.add(site.institution_code)
        return tuple(sorted(named))


def subject_of(event: Event) -> str | None:
    """The decision that an event is about: a deduction or bonus itself, or the one that a notice, review or objection names."""
    if isinstance(event, Deduction | Bonus):
        return event.event_id
    if isinstance(event, NoticeReceived | AppealFiled | AppealUpheld | AppealRejected | ObjectionFiled):
        return event.ref
    return None


# -- derived triggers ---------------------------------------------------------------------------------------------


def _entries(*names: Effect) -> Callable[[File], Iterator[Raised]]:
    def find(file: File) -> Iterator[Raised]:
        for entry in file.effect(*names):
            yield Raised(file.by_id[entry.event_id], entry.date)

    return find


def _penalties(file: File) -> Iterator[Raised]:
    for entry in file.entries:
        if entry.window is not None and entry.kind is EventType.DEDUCTION:
            yield Raised(file.by_id[entry.event_id], entry.date)


def _penalties_over(file: File) -> Iterator[Raised]:
    """The day after a penalty period that no reinstatement has followed; one duty a period."""
    told: set[str] = set()
    for span in file.statement.timeline.spans:
        if span.standing is not Standing.PENDING_REINSTATEMENT or span.penalty_period is None or span.start is None:
            continue
        decision = _decision(file, span.penalty_period, span.causes)
        if decision is not None and decision.event_id not in told:
            told.add(decision.event_id)
            yield Raised(decision, span.start)


def _decision(file: File, window: tuple[dt.date | None, dt.date | None], causes: tuple[str, ...]) -> Event | None:
    for entry in reversed(file.entries):
        if entry.window == window:
            return file.by_id[entry.event_id]
    return next((file.by_id[cause] for cause in reversed(causes) if cause in file.by_id), None)


def _listings(file: File) -> Iterator[Raised]:
    """The decision that listed: later ones that meet the test again list nobody anew. A ban for good (Xiamen) has no end."""
    for ban in file.statement.bans:
        yield Raised(file.by_id[ban.event_id], file.by_id[ban.event_id].date)
    yield from _entries(Effect.BLACKLISTED)(file)


def _bans_over(file: File) -> Iterator[Raised]:
    """The first day after a ban, as its last penalty leaves it."""
    for ban in file.statement.bans:
        event = file.by_id[ban.event_id]
        yield Raised(event, event.date, due=ban.end + _ONE)


def _cancellation(*, first: bool) -> Callable[[File], Iterator[Raised]]:
    def find(file: File) -> Iterator[Raised]:
        for number, entry in enumerate(file.effect(Effect.CANCELLED)):
            if (number == 0) == first:
                yield Raised(file.by_id[entry.event_id], entry.date)

    return find


def _statuses(file: File) -> Iterator[Raised]:
    for event in file.events:
        if isinstance(event, StatusRecorded) and event.status != "normal":
            yield Raised(event, event.date, void=event.event_id in file.void)


def _abnormal(file: File) -> Iterator[Raised]:
    """A status that was recorded, or points that brought one."""
    yield from _statuses(file)
    for entry in file.entries:
        if entry.window is not None and entry.kind is EventType.POINTS_RECORDED:
            yield Raised(file.by_id[entry.event_id], entry.date)


def _terminated(file: File) -> Iterator[Raised]:
    """A termination by points, with the day from which a new filing is possible, as repairs leave it."""
    for entry in file.effect(Effect.TERMINATED, Effect.TERMINATED_AT_ONCE):
        bars = [span.reapply_not_before for span in file.statement.timeline.spans if entry.event_id in span.causes]
        yield Raised(file.by_id[entry.event_id], entry.date, due=next((bar for bar in reversed(bars) if bar), None))


def _points_or_status(file: File) -> Iterator[Raised]:
    yield from _statuses(file)
    for event in file.events:
        if isinstance(event, PointsRecorded):
            yield Raised(event, event.date, void=event.event_id in file.void)


def _notices(*, of_bonus: bool) -> Callable[[File], Iterator[Raised]]:
    """Receipts of the notice of a bonus, or of any other decision (D2)."""

    def find(file: File) -> Iterator[Raised]:
        for raised in file.recorded(EventType.NOTICE_RECEIVED):
            about = file.by_id.get(subject_of(raised.event) or "")
            if isinstance(about, Bonus) == of_bonus:
                yield raised

    return find


def _never(_file: File) -> Iterator[Raised]:
    """The agency's own rounds (`002 第六条(五)`): no event records them and they concern no physician."""
    return iter(())


DERIVED: dict[DerivedTrigger, Callable[[File], Iterator[Raised]]] = {
    DerivedTrigger.IN_FORCE: _never,
    DerivedTrigger.END_OF_ROUND: _never,
    DerivedTrigger.NOTICE_OF_DEDUCTION: _notices(of_bonus=False),
    DerivedTrigger.NOTICE_OF_BONUS: _notices(of_bonus=True),
    DerivedTrigger.CAUTION_LOW: _entries(Effect.CAUTION_6),
    DerivedTrigger.CAUTION_HIGH: _entries(Effect.CAUTION_10),
    DerivedTrigger.FULL: _entries(Effect.FULL),
    DerivedTrigger.PENALTY: _penalties,
    DerivedTrigger.LONG_PENALTY: _entries(*LONG_PERIOD),
    DerivedTrigger.PENALTY_OVER: _penalties_over,
    DerivedTrigger.BLACKLISTED: _listings,
    DerivedTrigger.BAN_OVER: _bans_over,
    DerivedTrigger.FIRST_CANCELLATION: _cancellation(first=True),
    DerivedTrigger.SECOND_CANCELLATION: _cancellation(first=False),
    DerivedTrigger.POINTS_OR_STATUS: _points_or_status,
    DerivedTrigger.STATUS_ABNORMAL: _abnormal,
    DerivedTrigger.TERMINATED: _terminated,
}
"""How each derived trigger is found in a file."""


def only_to_experts(event: Event) -> bool:
    """An objection that went to experts is not answered yet (D4)."""
    return isinstance(event, ObjectionAnswered) and event.answer == "to_experts"
