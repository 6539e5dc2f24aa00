"""Duties of a dossier under a shipped pack, as the tests ask for them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from rules.calendar import WorkingCalendar, official_calendar
from rules.dossier import fold
from rules.duties import Duty, duties
from rules.events import Event
from rules.standing import statement
from tests.support.histories import make
from tests.support.law import pack

D = dt.date.fromisoformat
"""A day."""


def owed(locality: str, *events: Event, calendar: WorkingCalendar | None = None) -> tuple[Duty, ...]:
    """Every duty of the dossier of these events."""
    rules, file = pack(locality), fold(events)
    return duties(
        file, statement(file, rules), rules, calendar or official_calendar(rules.ledger.working_calendar.value)
    )


def of(kind: str, found: tuple[Duty, ...]) -> list[Duty]:
    """Those of one kind."""
    return [duty for duty in found if duty.kind == kind]


def deducted(day: str, number: int, points: int, **fields: Any) -> Event:
    """A deduction of 1, 2, 3, 6 or 12 points under Qiannan's rules."""
    item = {1: "QN-T1-01", 2: "QN-T2-01", 3: "QN-T3-01", 6: "QN-T6-01", 12: "QN-T12-01"}[points]
    return make("deduction", day, number, points=points, violation_id=item, **fields)


REGISTERED = make("registration", "2023-01-03", 0)
