"""How the law counts months and working days."""

from __future__ import annotations

import datetime as dt

import pytest

from pipeline.devtools import calendar_data
from rules.calendar import (
    MONDAY_TO_FRIDAY,
    CalendarError,
    Counting,
    WithoutData,
    corresponding_day,
    first_day_after,
    official_calendar,
    sanction_window,
)
from rules.holidays import HolidaysError, parse_holidays, shipped_holidays

D = dt.date.fromisoformat

# The table of qiannan section 7.
TABLE = [
    ("2023-04-03", 3, "2023-04-04..2023-07-03", "2023-04-03..2023-07-02", "2023-05-01..2023-07-31"),
    ("2023-05-10", 3, "2023-05-11..2023-08-10", "2023-05-10..2023-08-09", "2023-06-01..2023-08-31"),
    ("2023-05-31", 3, "2023-06-01..2023-08-31", "2023-05-31..2023-08-30", "2023-06-01..2023-08-31"),
    ("2023-11-30", 3, "2023-12-01..2024-02-29", "2023-11-30..2024-02-28", "2023-12-01..2024-02-29"),
    ("2024-11-30", 3, "2024-12-01..2025-02-28", "2024-11-30..2025-02-27", "2024-12-01..2025-02-28"),
    ("2024-01-31", 3, "2024-02-01..2024-04-30", "2024-01-31..2024-04-29", "2024-02-01..2024-04-30"),
    ("2023-12-31", 3, "2024-01-01..2024-03-31", "2023-12-31..2024-03-30", "2024-01-01..2024-03-31"),
    ("2024-02-29", 12, "2024-03-01..2025-02-28", "2024-02-29..2025-02-27", "2024-03-01..2025-02-28"),
]


@pytest.mark.parametrize(("decision", "months", "default", "rival_a", "rival_b"), TABLE)
def test_a_sanction_is_counted_as_in_the_table_of_section_7(decision, months, default, rival_a, rival_b):
    for counting, expected in zip(Counting, (default, rival_a, rival_b), strict=True):
        start, end = sanction_window(D(decision), months, counting)
        assert f"{start}..{end}" == expected


def test_a_month_without_the_day_ends_on_its_last_day():
    assert corresponding_day(D("2024-08-31"), 6) == D("2025-02-28")
    assert corresponding_day(D("2023-08-31"), 6) == D("2024-02-29")
    assert corresponding_day(D("2024-02-29"), 36) == D("2027-02-28")


def test_a_bar_ends_the_day_after_the_corresponding_day():
    assert first_day_after(D("2015-03-10"), 12) == D("2016-03-11")
    assert first_day_after(D("2016-02-29"), 12) == D("2017-03-01")
    assert first_day_after(D("2016-12-01"), 60) == D("2021-12-02")


def test_the_seventh_working_day_from_a_friday():
    """Worked cases QN-117, QN-119: received Friday 2023-06-02, the seventh working day is Tuesday 2023-06-13."""
    assert MONDAY_TO_FRIDAY.deadline(D("2023-06-02"), 7) == D("2023-06-13")
    assert official_calendar().deadline(D("2023-06-02"), 7) == D("2023-06-13")


def test_a_weekend_after_the_last_working_day_still_keeps_the_limit():
    """Worked case QN-G0992."""
    received = D("2023-03-01")
    assert MONDAY_TO_FRIDAY.deadline(received, 7) == D("2023-03-10")
    assert MONDAY_TO_FRIDAY.within(received, D("2023-03-12"), 7)
    assert not MONDAY_TO_FRIDAY.within(received, D("2023-03-13"), 7)
    assert MONDAY_TO_FRIDAY.within(received, D("2023-02-20"), 7)


def test_public_holidays_do_not_count_and_make_up_days_do():
    """National Day 2023: holiday from 29 September to 6 October, Saturday 7 and Sunday 8 October worked."""
    calendar = official_calendar()
    assert not calendar.is_working_day(D("2023-10-02"))
    assert calendar.is_working_day(D("2023-10-07"))
    assert calendar.is_working_day(D("2023-10-08"))
    assert calendar.deadline(D("2023-09-28"), 3) == D("2023-10-09")
    assert MONDAY_TO_FRIDAY.deadline(D("2023-09-28"), 3) == D("2023-10-03")


def test_the_calendar_says_which_years_it_knows():
    assert set(range(2004, 2027)) <= official_calendar().years
    assert official_calendar().covers(D("2023-10-01"))
    assert not official_calendar().covers(D("1999-10-01"))


def test_a_year_without_data_is_an_error_or_the_declared_fallback_never_a_guess():
    with pytest.raises(CalendarError, match="no public holidays for 1999"):
        official_calendar(WithoutData.ERROR).deadline(D("1999-10-01"), 5)
    fallback = official_calendar(WithoutData.MONDAY_TO_FRIDAY)
    assert fallback.deadline(D("1999-10-01"), 5) == D("1999-10-08")


# -- a year whose notice is not out -----------------------------------------------------------------------------------


def test_days_that_are_free_by_law_count_before_the_years_notice_is_out():
    """1 January and the eve to the third day of Spring Festival, in 2027 from Friday 5 to Monday 8 February (国务院令第795号)."""
    calendar = official_calendar(WithoutData.MONDAY_TO_FRIDAY)
    assert not calendar.is_working_day(D("2027-01-01"))
    assert [calendar.is_working_day(D(f"2027-02-0{day}")) for day in (4, 5, 8, 9)] == [True, False, False, True]
    assert calendar.deadline(D("2027-02-04"), 3) == D("2027-02-11")
    assert MONDAY_TO_FRIDAY.deadline(D("2027-02-04"), 3) == D("2027-02-09")


def test_what_is_counted_in_such_a_year_is_provisional():
    calendar = official_calendar(WithoutData.MONDAY_TO_FRIDAY)
    assert calendar.provisional(D("2026-12-30"), D("2027-01-05"))
    assert not calendar.provisional(D("2026-12-01"), D("2026-12-31"))
    assert not MONDAY_TO_FRIDAY.provisional(D("2027-02-04"), D("2027-02-09"))


NOTICE = """
years:
  2027:
    source: 国务院办公厅关于2027年部分节假日安排的通知
    holidays: [01-01, 02-05, 02-06, 02-07, 02-08, 02-09, 02-10, 02-11, 02-12]
    make_up_days: [02-14]
"""


def test_a_years_notice_comes_as_a_file_and_ends_the_doubt():
    known = shipped_holidays().with_notices(parse_holidays(NOTICE, "2027.yaml"))
    calendar = official_calendar(WithoutData.ERROR, known)
    assert calendar.deadline(D("2027-02-04"), 1) == D("2027-02-14")
    assert not calendar.provisional(D("2027-02-04"), D("2027-02-14"))
    assert calendar.is_working_day(D("2023-10-07")), "the years shipped stay"
    assert known.digest != shipped_holidays().digest


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("01-01, 02-05", "01-32, 02-05"), "years.2027.holidays.0: "),
        (("[02-14]", "[02-12]"), "02-12 stands there as free and as worked"),
        (("[02-14]", "[02-15]"), "2027-02-15 is no weekend day"),
        (("source:", "sauce:"), "years.2027.source: Field required"),
        (("years:", "year:"), "years: Field required"),
    ],
)
def test_a_wrong_file_of_holidays_is_refused_with_the_place(change, told):
    with pytest.raises(HolidaysError) as error:
        parse_holidays(NOTICE.replace(*change), "2027.yaml")
    assert str(error.value).startswith("2027.yaml: ")
    assert told in str(error.value)


def test_the_shipped_file_is_what_its_generator_writes_from_the_packages_it_names():
    """An upgrade of either package fails here and moves no day elsewhere: the file is read and committed like a pack."""
    assert calendar_data.render() == calendar_data.FILE.read_text("utf-8")
