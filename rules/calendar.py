"""Time as the law counts it: corresponding days, sanction windows, working days (工作日) and deadlines.

Pure: the public holidays are data (`rules.holidays`); no clock is read. Days are plain calendar days in China.
"""

from __future__ import annotations

import calendar as gregorian
import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from rules.holidays import Holidays, shipped_holidays


class CalendarError(ValueError):
    """A working day was asked for in a year of which the calendar has no data, and no fallback was declared."""


class Counting(StrEnum):
    """How a sanction of n months is counted from the decision day D (`qiannan` section 7, README T3)."""

    NEXT_DAY_TO_CORRESPONDING_DAY = "next_day_to_corresponding_day"
    """[D+1, corr(D, n)]: neither reaches back over D nor leaves a gap before the lock. The default."""
    FROM_DECISION_DAY = "from_decision_day"
    """Rival A: [D, corr(D, n) - 1 day]."""
    FULL_CALENDAR_MONTHS = "full_calendar_months"
    """Rival B: n whole calendar months from the next 1st (自然月 read literally)."""


class WithoutData(StrEnum):
    """What to do with a year of which no holiday notice is known."""

    ERROR = "error"
    MONDAY_TO_FRIDAY = "monday_to_friday"


@lru_cache(maxsize=65536)
def corresponding_day(day: dt.date, months: int) -> dt.date:
    """The same day number `months` calendar months later, or the last day of that month when it has no such day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    if day.day <= 28:
        return dt.date(year, month, day.day)
    return dt.date(year, month, min(day.day, gregorian.monthrange(year, month)[1]))


@lru_cache(maxsize=65536)
def sanction_window(
    decision: dt.date, months: int, counting: Counting = Counting.NEXT_DAY_TO_CORRESPONDING_DAY
) -> tuple[dt.date, dt.date]:
    """First and last day, both inclusive, of a sanction of `months` months decided on `decision`.

    No holiday roll-over: a sanction window is not an act to be done by a deadline (README T3).
    """
    one = dt.timedelta(days=1)
    if counting is Counting.FROM_DECISION_DAY:
        return decision, corresponding_day(decision, months) - one
    if counting is Counting.FULL_CALENDAR_MONTHS:
        first = corresponding_day(decision.replace(day=1), 1)
        return first, corresponding_day(first, months) - one
    return decision + one, corresponding_day(decision, months)


def first_day_after(decision: dt.date, months: int) -> dt.date:
    """The first day on which a bar of `months` months, decided on `decision`, no longer holds: corr(D, n) + 1 day."""
    return corresponding_day(decision, months) + dt.timedelta(days=1)


@dataclass(frozen=True)
class WorkingCalendar:
    """Working days (T6): Monday to Friday, minus `holidays`, plus `make_up_days` (调休), for the years in `years`.

    `without_data` says what holds in any other year: an error, or Monday to Friday minus the days that are free by law whatever
    the year's notice will say (`statutory`). What is counted in such a year is provisional. Years are never guessed.
    """

    name: str
    years: frozenset[int]
    holidays: frozenset[dt.date]
    make_up_days: frozenset[dt.date]
    without_data: WithoutData
    statutory: frozenset[dt.date] = frozenset()

    def is_working_day(self, day: dt.date) -> bool:
        """Whether the agency works on this day.

        Raises CalendarError for a year without data when no fallback is declared.
        """
        if day.year not in self.years:
            if self.without_data is WithoutData.ERROR:
                first, last = (min(self.years), max(self.years)) if self.years else (None, None)
                raise CalendarError(
                    f"calendar {self.name} has no public holidays for {day.year} (it covers {first} to {last}); "
                    "give the year's notice as a file or declare without_data: monday_to_friday"
                )
            return day.weekday() < 5 and day not in self.statutory
        if day in self.make_up_days:
            return True
        return day.weekday() < 5 and day not in self.holidays

    def covers(self, day: dt.date) -> bool:
        """Whether the year's public holidays are known, so that no fallback is involved."""
        return day.year in self.years

    def provisional(self, first: dt.date, last: dt.date) -> bool:
        """Whether any of these days lies in a year whose notice is not known yet, so that the notice may move what was counted.

        A calendar without public holidays at all knows everything that it will ever know.
        """
        return bool(self.years) and any(year not in self.years for year in range(first.year, last.year + 1))

    def deadline(self, trigger: dt.date, working_days: int) -> dt.date:
        """The last day of a limit of `working_days` working days; the trigger is day 0, day 1 the next working day."""
        day = trigger
        left = working_days
        one = dt.timedelta(days=1)
        while left > 0:
            day += one
            if self.is_working_day(day):
                left -= 1
        return day

    def within(self, trigger: dt.date, day: dt.date, working_days: int) -> bool:
        """Whether an act on `day` keeps a limit of `working_days` working days from `trigger`.

        It does until the next working day after the limit begins: a weekend or holiday that follows the last working day
        of the limit adds none (worked case QN-G0992: notice on a Wednesday, request on the second Sunday, in time).
        """
        if day <= trigger:
            return True
        return day < self.deadline(trigger, working_days + 1)


@lru_cache(maxsize=16)
def official_calendar(
    without_data: WithoutData = WithoutData.ERROR, holidays: Holidays | None = None
) -> WorkingCalendar:
    """The calendar of the State Council's yearly notices: those shipped, or those given."""
    known = shipped_holidays() if holidays is None else holidays
    return WorkingCalendar(
        name="china",
        years=known.years,
        holidays=known.free,
        make_up_days=known.worked,
        without_data=without_data,
        statutory=known.statutory,
    )


MONDAY_TO_FRIDAY = WorkingCalendar(
    name="monday_to_friday",
    years=frozenset(),
    holidays=frozenset(),
    make_up_days=frozenset(),
    without_data=WithoutData.MONDAY_TO_FRIDAY,
)
"""No public holidays at all. The worked cases of the spec are worded for it (README T6)."""
