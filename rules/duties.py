"""Statutory duties (法定义务): every step that the text asks of somebody after what is recorded in one dossier.

Steps and their triggers are data of the pack (`ledger: deadlines`). A trigger is the recording of an event or something that
the account or the timeline says: a mark reached, a penalty period over, a ban that ends. Missing a step has no stated
consequence (`qiannan` section 8); a duty reminds people and never decides a claim.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

from rules.calendar import WorkingCalendar, corresponding_day, first_day_after
from rules.dossier import Dossier
from rules.events import (
    AppealFiled,
    AppealRejected,
    AppealUpheld,
    Deduction,
    Event,
    NoticeReceived,
    PointsRecorded,
    StatusCorrected,
    StatusRecorded,
)
from rules.packs.pack import Law, Pack, PackError
from rules.schemes.account import Entry
from rules.schemes.sections import Deadline
from rules.standing import Statement
from rules.text import Text
from rules.timeline import Site
from rules.vocabulary import LONG_PERIOD, DerivedTrigger, Effect, EventType, SiteStatus, Standing

_ONE = dt.timedelta(days=1)

Phase = Literal["raised", "due", "missed"]
State = Literal[
    "to_come", "running", "last_day", "missed", "met", "met_late", "no_limit", "possible", "void", "provisional"
]


@dataclass(frozen=True, slots=True)
class Duty:
    """One step that somebody owes, or may take from a day on.

    `raised_on` is the day that set it running and `due_on` its last day (with `opens`, the first day on which the actor may
    act); None: the text gives no number. `late_on` is the first day on which the act would be too late: a weekend or holiday
    after the last working day adds nothing (worked case QN-G0992). `met_by` and `met_on` tell the event that recorded the
    act; without `met_on` it proves that the act was done, not when. `recordable` is false where no event could tell.
    `void`: a review or an objection took the decision behind it away.
    `site` is the institution where every institution of practice owes the step on its own. `provisional`: the working days were
    counted in a year whose notice of public holidays is not known, so that nothing is called missed yet.
    """

    kind: str
    actor: Text
    act: Text
    trigger_id: str
    raised_on: dt.date
    due_on: dt.date | None
    met_by: str | None
    met_on: dt.date | None
    citation: str
    institution: str | None
    late_on: dt.date | None = None
    opens: bool = False
    recordable: bool = False
    void: bool = False
    site: str | None = None
    provisional: bool = False

    def state(self, today: dt.date) -> State:
        """Where the duty stands on a day."""
        if self.void:
            return "void"
        if self.met_by is not None:
            late = self.late_on is not None and self.met_on is not None and self.met_on >= self.late_on
            return "met_late" if late else "met"
        if today < self.raised_on or (self.opens and self.due_on is not None and today < self.due_on):
            return "to_come"
        return "possible" if self.opens else self._owed(today)

    def phases(self) -> Iterator[tuple[Phase, dt.date]]:
        """The notices that the duty still gives, with the day of each.

        Of one that was met, also too late, only the first; of one whose decision was voided none. Of a step that opens, the
        second says that the day has come, and there is no third.
        """
        if self.void:
            return
        yield "raised", self.raised_on
        if self.met_by is None and self.due_on is not None:
            yield "due", self.due_on
            if self.late_on is not None and not self.opens and not self.provisional:
                yield "missed", self.late_on

    def notice_id(self, region: str, physician_code: str, phase: Phase) -> str:
        """A notice's name: it follows from the duty, its last day and the phase alone, so that no restart makes another."""
        last = "" if self.due_on is None else self.due_on.isoformat()
        parts = (region, physician_code, self.kind, self.trigger_id, self.site or "", phase, last)
        return "notice-" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:24]

    def _owed(self, today: dt.date) -> State:
        if self.due_on is None:
            return "no_limit"
        if self.late_on is not None and today >= self.late_on:
            return "provisional" if self.provisional else "missed"
        return "last_day" if today >= self.due_on else "running"


@dataclass(frozen=True, slots=True)
class _Raised:
    """A trigger that was met: by `event`, on `day`. `due` where the trigger itself knows the day."""

    event: Event
    day: dt.date
    due: dt.date | None = None
    void: bool = False


class _File:
    """One physician's events and account, looked up in the ways that triggers need."""

    def __init__(self, dossier: Dossier, statement: Statement) -> None:
        self.events = tuple(event for event in dossier.events if not event.of_institution)
        self.statement = statement
        self.by_id = {event.event_id: event for event in self.events}
        self.place = {event.event_id: number for number, event in enumerate(self.events)}
        self.entries = statement.entries
        # A deduction that counts nothing was taken away by its review.
        self.void = {entry.event_id for entry in self.entries if entry.kind is EventType.DEDUCTION and not entry.points}
        self.void |= {event.ref for event in self.events if isinstance(event, StatusCorrected)}
        self._acts: dict[tuple[tuple[EventType, ...], bool], dict[str | None, list[int]]] = {}

    def recorded(self, name: str) -> Iterator[_Raised]:
        """The events of a type."""
        for event in self.events:
            if event.type_name == name:
                # A request has to be answered whatever the answer does to the decision.
                about = event.event_id if isinstance(event, AppealFiled) else _subject(event) or event.event_id
                yield _Raised(event, event.date, void=about in self.void)

    def effect(self, *names: Effect) -> Iterator[Entry]:
        """The entries that set off one of the effects."""
        return (entry for entry in self.entries if any(name in entry.effects for name in names))

    def next_act(
        self, acts: tuple[EventType, ...], event: Event, earliest: dt.date, *, same_subject: bool
    ) -> Event | None:
        """The first event of these types after another in the law's order, not dated before `earliest`; with `same_subject`
        about the same decision."""
        if (acts, same_subject) not in self._acts:
            found: dict[str | None, list[int]] = {}
            for number, one in enumerate(self.events):
                if one.type_name in acts:
                    found.setdefault(_subject(one) if same_subject else None, []).append(number)
            self._acts[acts, same_subject] = found
        # The law's order begins with the date.
        start = max(self.place[event.event_id] + 1, bisect_left(self.events, earliest, key=attrgetter("date")))
        places = self._acts[acts, same_subject].get(_subject(event) if same_subject else None, [])
        at = bisect_left(places, start)
        return self.events[places[at]] if at < len(places) else None

    def institution_of(self, event: Event) -> str | None:
        """The institution that an event, or the decision it is about, names."""
        if event.institution:
            return event.institution
        about = self.by_id.get(_subject(event) or "")
        return None if about is None else about.institution

    def sites(self, event: Event, day: dt.date) -> tuple[str, ...]:
        """The institutions of practice on a day (`000 三(二)3`: a penalty binds at all of them), in order of their codes."""
        named = {event.institution} if event.institution else set()
        for item in self.statement.timeline.sites:
            site = Site(item) if isinstance(item, str) else item
            begun = site.start is None or site.start <= day
            if site.status is SiteStatus.DECLARED and begun and (site.end is None or day <= site.end):
                named.add(site.institution_code)
        return tuple(sorted(named))


def _subject(event: Event) -> str | None:
    """The decision that an event is about: a deduction itself, or the one that a notice or a review names."""
    if isinstance(event, Deduction):
        return event.event_id
    if isinstance(event, NoticeReceived | AppealFiled | AppealUpheld | AppealRejected):
        return event.ref
    return None


# -- derived triggers ---------------------------------------------------------------------------------------------


def _entries(*names: Effect) -> Callable[[_File], Iterator[_Raised]]:
    def find(file: _File) -> Iterator[_Raised]:
        for entry in file.effect(*names):
            yield _Raised(file.by_id[entry.event_id], entry.date)

    return find


def _penalties(file: _File) -> Iterator[_Raised]:
    for entry in file.entries:
        if entry.window is not None and entry.kind is EventType.DEDUCTION:
            yield _Raised(file.by_id[entry.event_id], entry.date)


def _penalties_over(file: _File) -> Iterator[_Raised]:
    """The day after a penalty period that no reinstatement has followed; one duty a period."""
    told: set[str] = set()
    for span in file.statement.timeline.spans:
        if span.standing is not Standing.PENDING_REINSTATEMENT or span.penalty_period is None or span.start is None:
            continue
        decision = _decision(file, span.penalty_period, span.causes)
        if decision is not None and decision.event_id not in told:
            told.add(decision.event_id)
            yield _Raised(decision, span.start)


def _decision(file: _File, window: tuple[dt.date | None, dt.date | None], causes: tuple[str, ...]) -> Event | None:
    for entry in reversed(file.entries):
        if entry.window == window:
            return file.by_id[entry.event_id]
    return next((file.by_id[cause] for cause in reversed(causes) if cause in file.by_id), None)


def _listings(file: _File) -> Iterator[_Raised]:
    """The decision that listed: later ones that meet the test again list nobody anew. A ban for good (Xiamen) has no end."""
    for ban in file.statement.bans:
        yield _Raised(file.by_id[ban.event_id], file.by_id[ban.event_id].date)
    yield from _entries(Effect.BLACKLISTED)(file)


def _bans_over(file: _File) -> Iterator[_Raised]:
    """The first day after a ban, as its last penalty leaves it."""
    for ban in file.statement.bans:
        event = file.by_id[ban.event_id]
        yield _Raised(event, event.date, due=ban.end + _ONE)


def _cancellation(*, first: bool) -> Callable[[_File], Iterator[_Raised]]:
    def find(file: _File) -> Iterator[_Raised]:
        for number, entry in enumerate(file.effect(Effect.CANCELLED)):
            if (number == 0) == first:
                yield _Raised(file.by_id[entry.event_id], entry.date)

    return find


def _abnormal(file: _File) -> Iterator[_Raised]:
    for event in file.events:
        if isinstance(event, StatusRecorded) and event.status != "normal":
            yield _Raised(event, event.date, void=event.event_id in file.void)


def _points_or_status(file: _File) -> Iterator[_Raised]:
    yield from _abnormal(file)
    for event in file.events:
        if isinstance(event, PointsRecorded):
            yield _Raised(event, event.date)


def _never(_file: _File) -> Iterator[_Raised]:
    """The agency's own rounds (`002 第六条(五)`): no event records them and they concern no physician."""
    return iter(())


DERIVED: dict[DerivedTrigger, Callable[[_File], Iterator[_Raised]]] = {
    DerivedTrigger.IN_FORCE: _never,
    DerivedTrigger.END_OF_ROUND: _never,
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
}
"""How each derived trigger is found in a file."""


# -- duties -------------------------------------------------------------------------------------------------------


def duties(
    dossier: Dossier, statement: Statement, law: Pack | Law, calendar: WorkingCalendar | None = None
) -> tuple[Duty, ...]:
    """Every duty that one physician's dossier sets running, in the order of their days; under each pack those of its own days.

    `calendar` must be given for a single pack; a law has one for each of its packs.
    `statement` is the dossier's own (`rules.standing.statement`). What happened outside the pack's validity, or before the
    article holds, sets nothing running. Raises PackError for a pack without a ledger, CalendarError when working days of a
    year without data are needed and no fallback is declared.
    """
    file = _File(dossier, statement)
    found = [
        pair for pack in (law.packs if isinstance(law, Law) else (law,)) for pair in _of_pack(pack, law, file, calendar)
    ]
    found.sort(key=lambda pair: (pair[1].raised_on, file.place[pair[1].trigger_id], pair[0], pair[1].site or ""))
    return tuple(duty for _, duty in found)


def _of_pack(pack: Pack, law: Pack | Law, file: _File, calendar: WorkingCalendar | None) -> Iterator[tuple[int, Duty]]:
    """What one pack asks for, each with the place of its limit in the pack."""
    if pack.ledger is None:
        raise PackError(f"{pack.name}: has no ledger section; expected one with deadlines")
    days = law.calendar(pack) if calendar is None and isinstance(law, Law) else calendar
    for order, item in enumerate(pack.ledger.deadlines):
        trigger = item.trigger
        for raised in DERIVED[trigger](file) if isinstance(trigger, DerivedTrigger) else file.recorded(trigger):
            if _holds(item, pack, raised.event.date):
                if days is None:
                    raise PackError(f"{pack.name}: its limits need a calendar of working days; none was given")
                yield from ((order, duty) for duty in _duties(item.on(raised.day), raised, file, days))


def last_day(item: Deadline, trigger: dt.date, calendar: WorkingCalendar) -> dt.date | None:
    """Last day of a limit that runs from `trigger` (day 0); None where the text gives no number.

    Raises CalendarError when working days of a year without data are needed and no fallback is declared.
    """
    if item.working_days is not None:
        return calendar.deadline(trigger, item.working_days)
    return None if item.months is None else corresponding_day(trigger, item.months)


def _holds(item: Deadline, pack: Pack, day: dt.date) -> bool:
    return pack.in_force.holds(day) and (item.start is None or day >= item.start)


def _duties(item: Deadline, raised: _Raised, file: _File, calendar: WorkingCalendar) -> Iterator[Duty]:
    due = raised.due
    late = None
    if due is None and item.opens and item.months is not None:
        due = first_day_after(raised.day, item.months)
    elif due is None:
        due = last_day(item, raised.day, calendar)
        if due is not None:
            late = calendar.deadline(raised.day, item.working_days + 1) if item.working_days else due + _ONE
    met = _met(item, raised, due, file)
    sites: tuple[str | None, ...] = file.sites(raised.event, raised.day) if item.each_site else ()
    for site in sites or (None,):
        yield Duty(
            kind=item.id,
            actor=item.actor,
            act=item.act,
            trigger_id=raised.event.event_id,
            raised_on=raised.day,
            due_on=due,
            met_by=None if met is None else met.event_id,
            met_on=met.date if met is not None and met.type_name in item.met_by else None,
            citation=item.citation,
            institution=site or file.institution_of(raised.event),
            late_on=late,
            opens=item.opens,
            recordable=bool(item.met_by or item.proved_by),
            void=raised.void,
            site=site,
            provisional=late is not None and item.working_days is not None and calendar.provisional(raised.day, late),
        )


def _met(item: Deadline, raised: _Raised, due: dt.date | None, file: _File) -> Event | None:
    """The event that did what is asked; what somebody may do from a day on cannot be done before it."""
    earliest = due if item.opens and due is not None else raised.day
    return file.next_act(item.acts, raised.event, earliest, same_subject=item.trigger == raised.event.type_name)
