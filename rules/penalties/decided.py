"""A penalty decision held against the tier of its case: whether its fine and its suspension lie within.

A suspension begins on the day after the decision (T4); so many months of it end on the corresponding day (T3), which is included.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import StrEnum

from rules.calendar import corresponding_day
from rules.penalties.pack import Band
from rules.penalties.weighing import Assessment, FactsError


class Outside(StrEnum):
    """In what a decision leaves the tier of its case."""

    FINE = "fine"
    """The fine is none that the tier allows."""
    NO_FINE = "no_fine"
    """The tier has no fine."""
    SUSPENSION = "suspension"
    """The suspension is longer or shorter than the tier allows."""
    NO_SUSPENSION = "no_suspension"
    """The tier, or the offender who is no insured person, knows no suspension."""


def outside(
    found: Assessment, *, decided: dt.date | None = None, last: dt.date | None = None, fine: Decimal | None = None
) -> tuple[Outside, ...]:
    """In what a decision of a day, with a fine in yuan or a suspension until a last day, leaves the tier that was found.

    What is not given is not looked at. Raises FactsError for a fine of a case whose amount was not told.
    """
    if found.tier is None:
        raise FactsError("a decision can be held against a tier only, and none was found")
    faults = []
    if fine is not None:
        if found.tier.fine is None:
            faults.append(Outside.NO_FINE)
        elif found.fine is None:
            raise FactsError("amount: the fine is a multiple of it, and it was not told")
        elif not found.fine.holds(fine):
            faults.append(Outside.FINE)
    if decided is not None and last is not None:
        if last <= decided:
            raise FactsError(f"the suspension ends on {last}, before it can begin after the decision of {decided}")
        if found.suspension is None:
            faults.append(Outside.NO_SUSPENSION)
        elif not _lasts(found.suspension.months, decided, last):
            faults.append(Outside.SUSPENSION)
    return tuple(faults)


def _lasts(months: Band, decided: dt.date, last: dt.date) -> bool:
    """Whether the days until the last one are within a band of months."""

    def end(number: Decimal) -> dt.date:
        return corresponding_day(decided, int(number))

    if months.exactly is not None:
        return last == end(months.exactly)
    return (months.over is None or last > end(months.over)) and (months.up_to is None or last <= end(months.up_to))
