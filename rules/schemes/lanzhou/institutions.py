"""Service agreements of institutions in Lanzhou: shares and headcounts of cancelled physicians (`002 第二十二条`).

The snapshot that meets the condition stands for the agency's decision (T4); the agreement has ended from the next day on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rules.events import Event, InstitutionResigned, InstitutionSnapshot
from rules.schemes.account import ended_agreement
from rules.schemes.lanzhou.parameters import HeadcountValues
from rules.schemes.ledger import Dated
from rules.timeline import InstitutionSpan


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


def run(events: Sequence[Event], law: Dated[HeadcountValues], citation: str) -> tuple[InstitutionSpan, ...]:
    """Folds one institution's events, in the law's order, into the spans on which its agreement has ended.

    L4: once ended, only a new agreement (that day included) restores; a better headcount does not.
    """
    spans: list[InstitutionSpan] = []
    ended: tuple[int, str] | None = None
    for event in events:
        t = event.date.toordinal()
        if isinstance(event, InstitutionSnapshot):
            meets = assess(event.approved_physicians, event.cancelled_in_term, law.on(t)).ends_agreement
            if meets and ended is None:
                ended = (t + 1, event.event_id)
        elif isinstance(event, InstitutionResigned) and ended is not None:
            if ended[0] < t:
                spans.append(ended_agreement(ended[0], t - 1, citation, (ended[1],)))
            ended = None
    if ended is not None:
        spans.append(ended_agreement(ended[0], None, citation, (ended[1],)))
    return tuple(spans)
