"""Rounds of registration in Lanzhou (`002 第六条(五)`, D6): they begin on the calendar, and the agency reports on each.

They concern no physician and no institution, and no event could record that a report was given, so that none is ever called
missed (D1).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from rules.calendar import corresponding_day
from rules.schemes.lanzhou.parameters import LanzhouLedger
from rules.schemes.scheme import Round
from rules.schemes.sections import Deadline
from rules.vocabulary import DerivedTrigger

_ONE = dt.timedelta(days=1)


def rounds(ledger: LanzhouLedger, start: dt.date, end: dt.date) -> Iterator[Round]:
    """Every round that begins on a day of the law, from `start` to `end`: the first one within its months, later ones in theirs.

    The later rounds begin after the first one is over (T3: on the corresponding day).
    """
    first, report = _limit(ledger, DerivedTrigger.IN_FORCE), _limit(ledger, DerivedTrigger.END_OF_ROUND)
    over = start
    if first is not None and first.months is not None:
        over = corresponding_day(start, first.months)
        yield _round(start, over, first.citation, report)
    if ledger.round_months is None:
        return
    for year in range(start.year, end.year + 1):
        known = ledger.round_months.on(dt.date(year, 1, 1))
        for month in known.value:
            begin = dt.date(year, month, 1)
            if over < begin <= end:
                yield _round(begin, corresponding_day(begin, 1) - _ONE, known.citation, report)


def _limit(ledger: LanzhouLedger, trigger: DerivedTrigger) -> Deadline | None:
    return next((item for item in ledger.deadlines if item.trigger == trigger), None)


def _round(start: dt.date, last: dt.date, citation: str, report: Deadline | None) -> Round:
    by = None if report is None or report.months is None else corresponding_day(last, report.months)
    return Round(start, last, by, citation)
