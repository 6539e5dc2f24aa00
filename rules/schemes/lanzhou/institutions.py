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
from rules.schemes.scheme import Measure
from rules.text import Text
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


def shares(events: Sequence[Event], law: Dated[HeadcountValues], citations: tuple[str, str]) -> tuple[Measure, ...]:
    """P8: what a headcount at a mark means for the institution's rating and assessment.

    `citations` are those of the lower and of the upper mark.
    """
    found = []
    for event in events:
        if not isinstance(event, InstitutionSnapshot):
            continue
        meets = assess(event.approved_physicians, event.cancelled_in_term, law.on(event.date.toordinal()))
        if meets.bars_rating or meets.ends_agreement:
            found.append(
                Measure(
                    "institution_share",
                    event.event_id,
                    event.date,
                    citations[meets.ends_agreement],
                    _told(event, meets),
                )
            )
    return tuple(found)


def _told(event: InstitutionSnapshot, meets: Assessment) -> Text:
    zh = f"核定医师{event.approved_physicians}人，协议期内取消{event.cancelled_in_term}人：年度考核扣{meets.minus}分"
    en = (
        f"{event.cancelled_in_term} of {event.approved_physicians} approved physicians cancelled in the term: "
        f"minus {meets.minus} in the annual assessment"
    )
    if meets.bars_rating:
        zh, en = f"{zh}，不得评A级", f"{en}, no A rating"
    return (
        Text(f"{zh}，已达终止协议的标准", f"{en}; the mark that ends the agreement is met")
        if meets.ends_agreement
        else Text(zh, en)
    )


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
