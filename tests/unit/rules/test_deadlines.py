"""Statutory deadlines from the packs' limits."""

from __future__ import annotations

import datetime as dt

import pytest

from rules.calendar import CalendarError, WithoutData, first_day_after, official_calendar
from rules.dossier import fold
from rules.duties import Duty, duties, last_day
from rules.standing import statement
from tests.support.histories import make
from tests.support.law import pack

D = dt.date.fromisoformat
LEDGER = pack("qiannan").ledger


def owed(events, calendar=None) -> dict[str, Duty]:
    """The duties of a file under Qiannan's rules by their names."""
    file, law = fold(events), pack("qiannan")
    found = duties(file, statement(file, law), law, calendar or official_calendar(law.ledger.working_calendar.value))
    return {duty.kind: duty for duty in found}


@pytest.mark.parametrize(
    ("deadline", "trigger", "last"),
    [
        ("tell_physician", "2023-06-02", "2023-06-07"),
        ("review_request", "2023-06-02", "2023-06-13"),
        (
            "review_answer",
            "2023-06-02",
            "2023-06-26",
        ),  # the Dragon Boat holiday lies in between, Sunday 25 June is worked
        ("reinstatement_decision", "2023-09-28", "2023-10-11"),  # so does National Day with two make-up days
        ("tell_bonus", "2023-06-02", "2023-06-07"),
    ],
)
def test_working_days_of_qiannan(deadline, trigger, last):
    """三(二)4, 三(二)5, 四(一): 3, 7, 15 and 5 working days; the trigger is day 0 (T6)."""
    assert last_day(LEDGER.deadline(deadline), D(trigger), official_calendar()) == D(last)


def test_promptly_is_no_number():
    assert last_day(LEDGER.deadline("lock_code"), D("2023-06-02"), official_calendar()) is None


def test_bars_of_one_three_and_five_years():
    assert first_day_after(D("2015-03-10"), 12) == D("2016-03-11")
    assert first_day_after(D("2023-08-10"), 36) == D("2026-08-11")
    assert first_day_after(D("2016-12-01"), 60) == D("2021-12-02")
    first_round = pack("lanzhou").ledger.deadline("first_round")
    assert last_day(first_round, D("2014-05-01"), official_calendar()) == D("2014-07-01")


def test_a_dossiers_deadlines_know_what_met_them():
    events = [
        make("registration", "2023-01-03", 0),
        make("deduction", "2023-06-01", 1, event_id="d1", points=6, violation_id="QN-T6-01"),
        make("notice_received", "2023-06-02", 2, ref="d1"),
        make("appeal_filed", "2023-06-08", 3, ref="d1"),
        make("reinstatement_application", "2023-09-01", 4),
    ]
    found = owed(events)
    assert found["review_request"].met_by == "e3"
    assert found["review_request"].state(D("2023-12-31")) == "met"
    assert found["review_answer"].met_by is None
    assert found["review_answer"].due_on == D("2023-06-30")
    assert found["review_answer"].state(D("2023-07-03")) == "missed"
    assert found["review_answer"].state(D("2023-06-30")) == "last_day"
    assert found["reinstatement_decision"].due_on == D("2023-09-08")
    assert owed([*events, make("reinstatement_refused", "2023-09-05", 5)])["reinstatement_decision"].met_by == "e5"


def test_a_year_without_holidays_follows_the_packs_declared_setting():
    events = [
        make("bonus", "2035-06-01", 1, points=1, bonus_id="QN-B1"),
        make("notice_received", "2035-06-01", 2, ref="e1"),
    ]
    assert owed(events)["tell_bonus"].due_on == D("2035-06-06")
    with pytest.raises(CalendarError, match="2035"):
        owed(events, official_calendar(WithoutData.ERROR))
