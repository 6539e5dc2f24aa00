"""A statement counted on from an earlier one is the one that a count from the beginning gives, whatever comes and whenever."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace

import pytest

from rules.calendar import MONDAY_TO_FRIDAY, WorkingCalendar
from rules.dossier import fold, law_order
from rules.events import Event
from rules.packs.pack import Pack, PackError
from rules.packs.pack_set import Law
from rules.packs.readings import settings, with_readings
from rules.schemes.account import Account
from rules.standing import Statement, statement
from tests.property.test_duties_counted_on import CHANGED, LOCALITIES, coming
from tests.support.law import pack
from tests.support.thorough import share

DOSSIERS = share(30)


def in_order(events: list[Event], chance: random.Random) -> list[Event]:
    """Mostly in the law's order, as events are recorded; some come late."""
    waiting = sorted(events, key=law_order)
    for _ in range(len(waiting) // 8):
        waiting.append(waiting.pop(chance.randrange(len(waiting))))
    return waiting


def grow(rules: Pack | Law, calendar: WorkingCalendar | None, locality: str, seed: int) -> int:
    """Adds the events one by one, sometimes two at once; returns how many accounts went on from the one before."""
    chance, known = random.Random(seed), list[Event]()
    before: Statement | None = None
    went_on = 0
    waiting = in_order(coming(locality, seed), chance)
    while waiting:
        for _ in range(chance.choice((1, 1, 2))):
            known += [waiting.pop(0)] if waiting else []
        file = fold(known)
        anew = statement(file, rules, calendar=calendar, physician_code="D1", region="522700")
        told = statement(file, rules, calendar=calendar, physician_code="D1", region="522700", before=before)
        assert told == anew, (locality, seed, len(known))
        went_on += before is not None and shares(before, told)
        before = told
    return went_on


def shares(before: Statement, now: Statement) -> bool:
    """Whether an account has taken the days before the new events over, rather than counted them again."""
    pairs: list[tuple[Account, Account]] = [
        (one.account, other.account) for one, other in zip(before.parts, now.parts, strict=True)
    ]
    return any(one.spans and one.spans[0] is other.spans[0] for one, other in pairs if other.spans)


@pytest.mark.parametrize("locality", LOCALITIES)
def test_a_statement_counted_on_is_the_one_counted_from_the_beginning(locality: str) -> None:
    went_on = sum(grow(pack(locality), MONDAY_TO_FRIDAY, locality, seed) for seed in range(DOSSIERS))
    assert locality != "qiannan" or went_on > DOSSIERS, "most events in the law's order are counted on"


@pytest.mark.long
def test_it_is_so_under_every_reading_of_an_open_point() -> None:
    chance, rules = random.Random(0), []
    while len(rules) < DOSSIERS:
        chosen = {
            one.id: chance.choice(list(one.options)) for one in settings(pack("qiannan")) if chance.random() < 0.5
        }
        try:
            rules.append(with_readings(pack("qiannan"), chosen))
        except PackError:  # some rivals need what no event tells
            continue
    for seed, one in enumerate(rules):
        grow(one, MONDAY_TO_FRIDAY, "qiannan", seed)


def test_it_is_so_under_a_law_that_follows_another_one() -> None:
    assert sum(grow(CHANGED, None, "qiannan", seed) for seed in range(DOSSIERS)) > 0


def test_a_statement_under_another_law_or_calendar_is_not_counted_on() -> None:
    file = fold(coming("qiannan", 1))
    before = statement(file, pack("qiannan"), calendar=MONDAY_TO_FRIDAY)
    reading = with_readings(pack("qiannan"), {"penalty_counting": "from_decision_day"})
    days = frozenset(dt.date(2023, 1, 1) + dt.timedelta(days=number) for number in range(0, 365, 2))
    holiday = replace(MONDAY_TO_FRIDAY, years=frozenset({2023}), holidays=days)
    for rules, calendar in ((reading, MONDAY_TO_FRIDAY), (pack("qiannan"), holiday)):
        anew = statement(file, rules, calendar=calendar)
        assert statement(file, rules, calendar=calendar, before=before) == anew
