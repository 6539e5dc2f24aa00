"""Service agreements of institutions: Lanzhou's shares and headcounts (`002 第二十二条`), Xiamen's orders and ratio (`004`).

The event that meets a condition stands for the agency's decision (T4); the agreement has ended from the next day on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from rules.events import (
    Event,
    InstitutionResigned,
    InstitutionSnapshot,
    InstitutionViolationRatio,
    RectificationOrder,
)
from rules.schemes.account import corresponding, day, year_of
from rules.schemes.ledgers import Ledger
from rules.schemes.values import HeadcountValues, XiamenValues
from rules.timeline import InstitutionSpan
from rules.vocabulary import InstitutionStanding


@dataclass(frozen=True, slots=True)
class Assessment:
    """What `002 第二十二条` makes of a headcount: agreement ended, no A rating, points off the annual assessment."""

    ends_agreement: bool
    bars_rating: bool
    minus: int


def assess(approved: int, cancelled: int, values: HeadcountValues) -> Assessment:
    """Judges n cancelled of N approved physicians, in integers: 100 n >= 5 N.

    Quirk of the text, kept: N = 20 needs one cancellation (5 %), N = 19 needs two.
    """
    if approved >= values.percent_from:
        ends = cancelled > 0 and 100 * cancelled >= values.end_percent * approved
    elif approved >= values.small_below:
        ends = cancelled >= values.medium_cancelled
    else:
        ends = cancelled >= values.small_cancelled
    rating = cancelled > 0 and 100 * cancelled >= values.rating_percent * approved
    minus = values.end_minus if ends else 0
    if rating:
        minus = minus + values.rating_minus if values.marks_add_up else max(minus, values.rating_minus)
    return Assessment(ends_agreement=ends, bars_rating=rating, minus=minus)


def run(events: Sequence[Event], ledger: Ledger) -> tuple[InstitutionSpan, ...]:
    """Folds one institution's events, in the law's order, into the spans on which its agreement has ended.

    Schemes that say nothing of institutions give none.
    """
    if ledger.scheme == "lanzhou":
        return _lanzhou(events, ledger.headcounts, ledger.institution_end_percent.citation)
    if ledger.scheme == "xiamen":
        return _xiamen(events, ledger.values, ledger.rectification_orders.citation)
    return ()


def _span(first: int, last: int | None, citation: str, causes: tuple[str, ...]) -> InstitutionSpan:
    end: dt.date | None = None if last is None else day(last)
    return InstitutionSpan(day(first), end, InstitutionStanding.TERMINATED, (citation,), causes)


def _lanzhou(events: Sequence[Event], values: HeadcountValues, citation: str) -> tuple[InstitutionSpan, ...]:
    """L4: once ended, only a new agreement (that day included) restores; a better headcount does not."""
    spans: list[InstitutionSpan] = []
    ended: tuple[int, str] | None = None
    for event in events:
        t = event.date.toordinal()
        if isinstance(event, InstitutionSnapshot):
            meets = assess(event.approved_physicians, event.cancelled_in_term, values).ends_agreement
            if meets and ended is None:
                ended = (t + 1, event.event_id)
        elif isinstance(event, InstitutionResigned) and ended is not None:
            if ended[0] < t:
                spans.append(_span(ended[0], t - 1, citation, (ended[1],)))
            ended = None
    if ended is not None:
        spans.append(_span(ended[0], None, citation, (ended[1],)))
    return tuple(spans)


def _xiamen(events: Sequence[Event], values: XiamenValues, citation: str) -> tuple[InstitutionSpan, ...]:
    """Three orders within twelve months (T7: [d, d + 12 months)), or a ratio of 40 %; the first that is met ends it."""
    if not values.automatic:
        return ()
    orders: list[tuple[int, str]] = []
    for event in events:
        t = event.date.toordinal()
        if isinstance(event, InstitutionViolationRatio):
            if event.ratio >= values.ratio:
                return (_span(t + 1, None, citation, (event.event_id,)),)
        elif isinstance(event, RectificationOrder):
            orders.append((t, event.event_id))
            met = orders[-values.orders :]
            if len(met) == values.orders and _within(met[0][0], t, values):
                return (_span(t + 1, None, citation, tuple(event_id for _, event_id in met)),)
    return ()


def _within(first: int, last: int, values: XiamenValues) -> bool:
    if values.calendar_year:
        return year_of(first) == year_of(last)
    return last < corresponding(first, values.orders_months)
