"""The standing of a day (当日状态): may this physician give services of the fund at this institution, and until when.

It is the gate's own decision, asked of an ordinary outpatient visit of that day and of the days after it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from pipeline.precheck.answers import next_of
from pipeline.precheck.shapes import HORIZON, DayAnswer
from pipeline.screening.gate import Gate
from rules.areas import pooling_area
from rules.screens.facts import EPOCH, STANDINGS, ClaimColumns
from rules.screens.rows import LAST_DAY, SITE_UNDECLARED
from rules.text import Lang
from rules.vocabulary import Disposition
from rules.wording.explanation import explain
from topics.verdicts.codec import penalty_period

_ORDINARY, _EMERGENCY = "outpatient", "emergency"


@dataclass(frozen=True, slots=True)
class AskedDay:
    """Who is asked about, where and when. `own` says that the asker may see its own physicians only."""

    region: str
    physician: str
    institution: str
    on: dt.date
    own: bool


@dataclass(frozen=True, slots=True)
class DayTold:
    """The standing of a day. `absent`: another register, with one more entry, might have said something else; `foreign`: the
    institution has not declared the physician, whom others have, and the asker may see its own only."""

    answer: DayAnswer
    absent: bool
    foreign: bool


_MAY = {Disposition.PAY: True, Disposition.REJECT: False, Disposition.REVIEW: None}


def day_of(gate: Gate, asked: AskedDay, lang: Lang, *, stale: bool) -> DayTold:
    """Asks the decision."""
    first = asked.on.toordinal() - EPOCH
    days = [*range(first, min(first + HORIZON, LAST_DAY)), first]
    count = len(days)
    columns = ClaimColumns.of_lists(
        gate.screen.packs,
        regions=[asked.region] * count,
        physicians=[asked.physician] * count,
        institutions=[asked.institution] * count,
        encounters=[_ORDINARY] * (count - 1) + [_EMERGENCY],
        days=days,
        start_days=[None] * count,
        drugs=None,
    )
    decided = gate.screen.rule(columns, gate.index, stale=stale)
    rulings = [gate.screen.rulings[number] for number in decided.ruling.tolist()]
    standings = decided.standing.tolist()
    told = [(ruling.disposition, ruling.reason, standing) for ruling, standing in zip(rulings, standings, strict=True)][
        :-1
    ]
    changed = next((number for number, one in enumerate(told) if one != told[0]), None)
    ruling, standing = rulings[0], STANDINGS[standings[0]].value
    period = penalty_period(int(decided.window_start[0]), int(decided.window_end[0]))
    on = asked.on.isoformat()
    row = columns.take(np.array([0], np.intp))
    undeclared = bool(gate.index.look_up(row).site[0] == SITE_UNDECLARED) and bool(gate.index.practises(row)[0])
    answer = DayAnswer(
        region=asked.region,
        area=pooling_area(asked.region, asked.on),
        physician_code=asked.physician,
        institution_code=asked.institution,
        on=on,
        may_serve=_MAY[ruling.disposition],
        in_emergency=_MAY[rulings[-1].disposition],
        disposition=ruling.disposition.value,
        reason=ruling.reason.value,
        standing=standing,
        penalty_period=period,
        until=None if changed is None else _date(days[changed - 1]),
        looked_until=_date(days[-2]),
        rule_pack=ruling.pack.name,
        citations=ruling.citations,
        explanation=explain(ruling, asked.physician, asked.institution, _ORDINARY, on, standing, period, "0.00")[lang],
        next=next_of(ruling, period, lang),
    )
    foreign = asked.own and undeclared and ruling.disposition is not Disposition.PAY
    return DayTold(answer, absent=bool(gate.absent(decided)[0]), foreign=foreign)


def _date(day: int) -> str:
    return dt.date.fromordinal(day + EPOCH).isoformat()
