"""Dates, windows and the choice of the events that count (spec README section 2, T1-T7)."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

Event = dict
Claim = dict

ONE_DAY = timedelta(days=1)


@lru_cache(maxsize=100_000)
def day(text: str) -> date:
    """An ISO date."""
    return date.fromisoformat(text)


def corr(start: date, months: int) -> date:
    """T3: the same day number `months` later, or the last day of that month if there is none."""
    index = start.year * 12 + (start.month - 1) + months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))


@dataclass(frozen=True)
class Window:
    """Days `start` to `end`, both included, opened by the decision of day `decided`."""

    decided: date
    start: date
    end: date

    def covers(self, d: date) -> bool:
        """Whether `d` is one of its days."""
        return self.start <= d <= self.end

    def pair(self) -> list[str]:
        """As the case files write it."""
        return [self.start.isoformat(), self.end.isoformat()]


def window_after(decided: date, months: int) -> Window:
    """T3, T4: a sanction of `months` decided on a day runs from the next day to the corresponding day."""
    return Window(decided, decided + ONE_DAY, corr(decided, months))


def chosen(windows: list[Window]) -> list[str] | None:
    """Q8: of several windows the one with the later end; on equal ends the one with the earlier start."""
    if not windows:
        return None
    latest = max(w.end for w in windows)
    return min((w for w in windows if w.end == latest), key=lambda w: w.start).pair()


def each_day(first: date, last: date) -> Iterator[date]:
    """Every day from `first` to `last`, both included."""
    for number in range(first.toordinal(), last.toordinal() + 1):
        yield date.fromordinal(number)


def stay(claim: Claim) -> list[date]:
    """The days of the claim's stay: `service_start` to `service_date`, or the one service day."""
    last = day(claim["service_date"])
    return list(each_day(day(claim.get("service_start") or claim["service_date"]), last))


def known(case: dict) -> list[Event]:
    """T2, G1: the events recorded by `as_of`, by date and, on one date, by their place in `history`."""
    as_of = day(case["as_of"])
    events = [e for e in case["history"] if day(e.get("recorded") or e["date"]) <= as_of]
    return sorted(events, key=lambda e: e["date"])  # sorted() keeps the order of equals


def until(events: list[Event], last: date) -> list[Event]:
    """T2: without the events dated after `last`."""
    return [e for e in events if day(e["date"]) <= last]


def of(events: list[Event], *types: str) -> list[Event]:
    """The events of the given types, in their order."""
    return [e for e in events if e["type"] in types]


def working_days_passed(start: date, d: date) -> int:
    """T6: how many working days lie after `start` (day 0) up to `d`. Monday to Friday; no public holidays.

    A Saturday or Sunday has no number of its own: it still belongs to the working day before it.
    """
    return sum(1 for x in each_day(start + ONE_DAY, d) if x.weekday() < 5)
