"""Statutory deadlines: by when somebody has to act, computed from the events and the pack's limits.

Missing one has no stated consequence (`qiannan` section 8): a deadline is a reminder, never a ground.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rules.calendar import WorkingCalendar, corresponding_day, first_day_after, official_calendar
from rules.dossier import Dossier, fold
from rules.events import AppealFiled, AppealRejected, AppealUpheld, Deduction, Event, NoticeReceived
from rules.packs.pack import Pack, PackError
from rules.schemes.sections import Deadline


@dataclass(frozen=True, slots=True)
class Due:
    """A running or met deadline: who has to do what by the end of `due_on`. `met_by` is the event that did it."""

    deadline: Deadline
    trigger_id: str
    trigger_date: dt.date
    due_on: dt.date
    met_by: str | None = None

    def overdue(self, today: dt.date) -> bool:
        """Whether the limit has passed on `today` without the act being recorded."""
        return self.met_by is None and today > self.due_on


def due_on(deadline: Deadline, trigger: dt.date, calendar: WorkingCalendar) -> dt.date | None:
    """Last day of a limit that runs from `trigger` (day 0); None where the text gives no number.

    Raises CalendarError when working days of a year without data are needed and no fallback is declared.
    """
    if deadline.working_days is not None:
        return calendar.deadline(trigger, deadline.working_days)
    if deadline.months is not None:
        return corresponding_day(trigger, deadline.months)
    return None


def earliest_return(decision: dt.date, months: int) -> dt.date:
    """First day after a bar of `months` months: one year, three years (36) or five years (60) after the decision."""
    return first_day_after(decision, months)


def deadlines(
    events: Dossier | Iterable[Event], pack: Pack, calendar: WorkingCalendar | None = None
) -> tuple[Due, ...]:
    """Every deadline that the events of one dossier set running, in the order of their triggers."""
    if pack.ledger is None:
        raise PackError(f"{pack.name}: has no ledger section; expected one with deadlines")
    if calendar is None:
        calendar = official_calendar(pack.ledger.working_calendar.value)
    file = events if isinstance(events, Dossier) else fold(events)
    running = []
    for place, event in enumerate(file.events):
        for item in pack.ledger.deadlines:
            if item.trigger != event.type_name:
                continue
            last = due_on(item, event.date, calendar)
            if last is not None:
                met = act_of(item, event, file.events[place + 1 :])
                running.append(Due(item, event.event_id, event.date, last, None if met is None else met.event_id))
    return tuple(running)


def subject(event: Event) -> str | None:
    """The decision that an event is about: a deduction itself, or the one that a notice or a review names."""
    if isinstance(event, Deduction):
        return event.event_id
    if isinstance(event, NoticeReceived | AppealFiled | AppealUpheld | AppealRejected):
        return event.ref
    return None


def act_of(item: Deadline, trigger: Event, later: Sequence[Event]) -> Event | None:
    """The first of the later events that did what the deadline asks, about the same decision; None: none is recorded."""
    for event in later:
        if event.type_name in item.acts and subject(event) == subject(trigger):
            return event
    return None
