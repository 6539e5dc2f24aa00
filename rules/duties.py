"""Statutory duties (法定义务): every step that the text asks of somebody after what is recorded in one dossier.

Steps and their triggers are data of the pack (`ledger: deadlines`). A trigger is the recording of an event or something that
the account or the timeline says: a mark reached, a penalty period over, a ban that ends. Missing a step has no stated
consequence (`qiannan` section 8); a duty reminds people and never decides a claim.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Literal

from rules.calendar import WorkingCalendar, corresponding_day, first_day_after
from rules.dossier import Dossier
from rules.events import ActDone, Event, ObjectionAnswered, ObjectionFiled
from rules.packs.pack import Pack, PackError
from rules.packs.pack_set import Law
from rules.schemes.sections import Deadline
from rules.standing import Statement
from rules.text import Text
from rules.triggers import DERIVED, File, Raised, subject_of
from rules.vocabulary import DerivedTrigger, EventType

_ONE = dt.timedelta(days=1)

Phase = Literal["raised", "due", "missed", "lapsed"]
_TOO_LATE = ("missed", "lapsed")
State = Literal[
    "to_come",
    "running",
    "last_day",
    "missed",
    "lapsed",
    "met",
    "met_late",
    "no_limit",
    "possible",
    "void",
    "provisional",
]


@dataclass(frozen=True, slots=True)
class Duty:
    """One step that somebody owes, or may take from a day on.

    `raised_on` is the day that set it running and `due_on` its last day (with `opens`, the first day on which the actor may
    act); None: the text gives no number. `late_on` is the first day on which the act would be too late: a weekend or holiday
    after the last working day adds nothing (worked case QN-G0992). `met_by` and `met_on` tell the event that recorded the
    act; without `met_on` it proves that the act was done, not when. `recordable` is false where no event could tell.
    `right`: somebody may act and need not, so that nothing is missed when the limit passes (D1).
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
    right: bool = False

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
        for phase, day in () if self.void else self.occasions():
            if phase == "raised" or (self.met_by is None and not (phase in _TOO_LATE and self.provisional)):
                yield phase, day

    def occasions(self) -> Iterator[tuple[Phase, dt.date]]:
        """Every notice that the duty may give in its life, with the day of each, whatever has become of it."""
        yield "raised", self.raised_on
        if self.due_on is not None:
            yield "due", self.due_on
            if self.late_on is not None and not self.opens:
                yield "lapsed" if self.right else "missed", self.late_on

    def stands(self, phase: Phase, day: dt.date, today: dt.date) -> bool:
        """Whether a notice that was given for an occasion on `day` still holds.

        One does not if a review or an objection took the decision away, if its day has not come, or if it says that a step was
        missed which was done in time, or whose last day nobody can tell yet. A reminder of what was done since was right.
        """
        if self.void or day > today:
            return False
        return phase not in _TOO_LATE or (
            not self.provisional and self.state(today) in ("missed", "lapsed", "met_late")
        )

    def notice_id(self, region: str, physician_code: str, phase: Phase) -> str:
        """A notice's name: it follows from the duty, its last day and the phase alone, so that no restart makes another."""
        last = "" if self.due_on is None else self.due_on.isoformat()
        # A right whose end was told as missed, by a version that did not know rights, is not told anew.
        told = "missed" if phase == "lapsed" else phase
        parts = (region, physician_code, self.kind, self.trigger_id, self.site or "", told, last)
        return "notice-" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:24]

    def _owed(self, today: dt.date) -> State:
        if self.due_on is None:
            return "no_limit"
        if self.late_on is not None and today >= self.late_on:
            return "provisional" if self.provisional else "lapsed" if self.right else "missed"
        return "last_day" if today >= self.due_on else "running"


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
    return count(dossier, statement, law, calendar).duties


Key = tuple[str, dt.date, dt.date | None, bool]
"""What was raised: the event, the day, the day that the trigger itself knows, and whether it is void."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The duties of a dossier with what each was counted from, so that the next count of the same dossier may take them over."""

    law: Pack | Law
    calendar: WorkingCalendar | None
    file: File
    duties: tuple[Duty, ...]
    found: dict[tuple[int, int], dict[Key, tuple[Duty, ...]]]
    """By the pack and the limit, in their order there."""


def count(
    dossier: Dossier,
    statement: Statement,
    law: Pack | Law,
    calendar: WorkingCalendar | None = None,
    before: Counted | None = None,
) -> Counted:
    """The same as `duties`. What an earlier count of this dossier, with fewer events, has found is taken over where no further
    event can have changed it; the result does not depend on `before`."""
    file = File(dossier, statement)
    if before is not None and (before.law is not law or before.calendar != calendar):
        before = None
    same = None if before is None else _Same.between(before.file, file)
    found: dict[tuple[int, int], dict[Key, tuple[Duty, ...]]] = {}
    every: list[tuple[dt.date, int, int, str, Duty]] = []
    for number, pack in enumerate(law.packs if isinstance(law, Law) else (law,)):
        if pack.ledger is None:
            raise PackError(f"{pack.name}: has no ledger section; expected one with deadlines")
        days = law.calendar(pack) if calendar is None and isinstance(law, Law) else calendar
        can_record = EventType.ACT_DONE in pack.ledger.events
        for order, item in enumerate(pack.ledger.deadlines):
            known = {} if before is None or same is None else before.found[number, order]
            changed = None if same is None else same.changed(item)
            made = found[number, order] = {}
            for raised in _raised(item, file):
                if not _holds(item, pack, raised.event.date):
                    continue
                if days is None:
                    raise PackError(f"{pack.name}: its limits need a calendar of working days; none was given")
                key = (raised.event.event_id, raised.day, raised.due, raised.void)
                owed = known.get(key) if changed is not None and not changed.touches(raised.event) else None
                if owed is None:
                    owed = tuple(_duties(item.on(raised.day), raised, file, days, can_record=can_record))
                made[key] = owed
                place = file.place[raised.event.event_id]
                every += [(duty.raised_on, place, order, duty.site or "", duty) for duty in owed]
    every.sort(key=itemgetter(0, 1, 2, 3))
    return Counted(law, calendar, file, tuple(one[4] for one in every), found)


def _raised(item: Deadline, file: File) -> Iterator[Raised]:
    trigger = item.trigger
    return DERIVED[trigger](file) if isinstance(trigger, DerivedTrigger) else file.recorded(trigger)


@dataclass(frozen=True, slots=True)
class _Changed:
    """The decisions of which one limit may have been met otherwise by the further events; None among them: any."""

    about: frozenset[str | None]

    def touches(self, event: Event) -> bool:
        """Whether a duty that an event has raised has to be counted again."""
        return bool(self.about) and (
            None in self.about or event.event_id in self.about or subject_of(event) in self.about
        )


@dataclass(frozen=True, slots=True)
class _Same:
    """How a file differs from an earlier one of the same dossier, whose events are all in it: by further events alone."""

    further: tuple[Event, ...]
    file: File
    sites: bool
    """Whether the person practised at the same institutions on the same days."""

    @classmethod
    def between(cls, before: File, now: File) -> _Same | None:
        """None: the files differ in more than that, so that everything has to be counted again.

        What an event is about may be another one when the event it names has come, and answers to objections move limits.
        """
        if any(now.by_id.get(name) != event for name, event in before.by_id.items()):
            return None
        further = tuple(event for event in now.events if event.event_id not in before.by_id)
        named = {event.event_id for event in further}
        if any(isinstance(event, ObjectionFiled | ObjectionAnswered) for event in further) or any(
            getattr(event, "ref", None) in named for event in before.events
        ):
            return None
        return cls(further, now, before.statement.timeline.practised == now.statement.timeline.practised)

    def changed(self, item: Deadline) -> _Changed | None:
        """What the further events may have changed of a limit's duties; None: anything."""
        if item.each_site and not self.sites:
            return None
        acts = [self.file.about(event) for event in self.further if event.type_name in item.acts]
        done = [event.ref for event in self.further if isinstance(event, ActDone) and event.duty == item.id]
        return _Changed(frozenset((*acts, *done)))


def last_day(item: Deadline, trigger: dt.date, calendar: WorkingCalendar) -> dt.date | None:
    """Last day of a limit that runs from `trigger` (day 0); None where the text gives no number.

    Raises CalendarError when working days of a year without data are needed and no fallback is declared.
    """
    if item.working_days is not None:
        return calendar.deadline(trigger, item.working_days)
    return None if item.months is None else corresponding_day(trigger, item.months)


def _holds(item: Deadline, pack: Pack, day: dt.date) -> bool:
    return pack.in_force.holds(day) and (item.start is None or day >= item.start)


def _duties(
    item: Deadline, raised: Raised, file: File, calendar: WorkingCalendar, *, can_record: bool
) -> Iterator[Duty]:
    due = raised.due
    late = None
    if due is None and item.opens and item.months is not None:
        due = first_day_after(raised.day, item.months)
    elif due is None:
        due = last_day(item, raised.day, calendar)
        if due is not None:
            late = calendar.deadline(raised.day, item.working_days + 1) if item.working_days else due + _ONE
    if isinstance(raised.event, ObjectionFiled) and file.with_experts(raised.event):
        due = late = None
    sites: tuple[str | None, ...] = file.sites(raised.event, raised.day) if item.each_site else ()
    for site in sites or (None,):
        met, on = _met(item, raised, due, file, site if len(sites) > 1 else None)
        yield Duty(
            kind=item.id,
            actor=item.actor,
            act=item.act,
            trigger_id=raised.event.event_id,
            raised_on=raised.day,
            due_on=due,
            met_by=None if met is None else met.event_id,
            met_on=on,
            citation=item.citation,
            institution=site or file.institution_of(raised.event),
            late_on=late,
            opens=item.opens,
            recordable=bool(item.acts) or can_record,
            void=raised.void,
            site=site,
            provisional=late is not None and item.working_days is not None and calendar.provisional(raised.day, late),
            right=item.right,
        )


def _met(
    item: Deadline, raised: Raised, due: dt.date | None, file: File, site: str | None
) -> tuple[Event | None, dt.date | None]:
    """The event that tells that the act was done, and the day of the act; no day where it proves the act and not when.

    What somebody may do from a day on cannot be done before it, and nothing before what set it running (D5).
    """
    earliest = due if item.opens and due is not None else raised.day
    done = _act(item, raised, earliest, file, site)
    told = file.next_act(item.acts, raised.event, earliest)
    if done is not None and (told is None or done.day <= told.date):
        return done, done.day
    return told, told.date if told is not None and told.type_name in item.met_by else None


def _act(item: Deadline, raised: Raised, earliest: dt.date, file: File, site: str | None) -> ActDone | None:
    """The first act recorded of this duty: it names the event that set the duty running, or the decision behind it.

    `site`: one of several institutions that owe it; then the act must name its own.
    """
    named = {raised.event.event_id, subject_of(raised.event) or raised.event.event_id}
    acts = [act for ref in sorted(named) for act in file.acts.get((item.id, ref), ())]
    fit = [act for act in acts if act.day >= earliest and (site is None or act.institution == site)]
    return min(fit, key=lambda act: (act.day, file.place[act.event_id]), default=None)
