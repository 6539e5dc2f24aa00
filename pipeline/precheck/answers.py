"""What is answered about a claim: the verdict in its one shape, in words, and what can be done next."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from pipeline.precheck.shapes import Step
from pipeline.screening.gate import Gate, Ruled
from rules.screens.people import Mention, mentions
from rules.screens.table import Ruling
from rules.text import Lang, pick
from rules.timeline import Window
from rules.vocabulary import Disposition, Reason
from rules.wording.chain_next import first_steps
from rules.wording.explanation import explain
from topics.verdicts.codec import CaseFacts, case_of

SOURCE = "precheck"
"""The source's topic in verdicts of the pre-check: no topic has this name. The offset is the claim's place in its request."""

MOST_EVIDENCE = 50
"""Events that an answer names; of more the newest."""

_MOST_KNOWN = 10_000

Period = tuple[str | None, str | None] | None


class ClaimAnswer(msgspec.Struct, omit_defaults=True):
    """The answer about one claim as it is written. `case_id` is that of the case which the gate would open."""

    verdict: msgspec.Raw
    explanation: str
    next: tuple[Step, ...] = ()
    case_id: str | None = None
    evidence: tuple[str, ...] = ()
    evidence_omitted: int = 0


@dataclass(slots=True)
class Told:
    """One claim answered. `absent`: another register, with one more entry, might have said something else."""

    institution: str
    disposition: Disposition
    reason: Reason
    absent: bool
    facts: CaseFacts
    ruling: Ruling
    people: Sequence[Mention]
    answer: ClaimAnswer


class Answers:
    """Writes the answers of one process."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._steps: dict[tuple[int, Lang, Period], tuple[Step, ...]] = {}

    def of(self, ruled: Ruled, langs: Sequence[Lang], places: Sequence[int], screened_at: str) -> dict[int, Told]:
        """The answer about every claim of a batch, by its row; `langs` and `places` are by row, too."""
        decided = ruled.decided
        made = self._gate.documents(
            ruled, topic=SOURCE, partitions=[0] * len(places), offsets=places, screened_at=screened_at
        )
        evidence = dict(zip(ruled.flagged, ruled.evidence, strict=True))
        rulings, absent = self._gate.screen.rulings, self._gate.absent(decided).tolist()
        found = {}
        for number, (row, document, fact, ruling) in enumerate(
            zip(made.rows, made.texts, made.facts(range(len(made.rows))), decided.ruling.tolist(), strict=True)
        ):
            who = decided.people.get(number)
            lang = langs[row]
            found[row] = _told(
                rulings[ruling], document, fact, lang, absent[number], evidence.get(number, ()),
                () if who is None else mentions(who.text), self._next(ruling, fact.penalty_period, lang),
            )  # fmt: skip
        return found

    def _next(self, number: int, period: Sequence[str | None] | None, lang: Lang) -> tuple[Step, ...]:
        """`next_of` of a ruling's number, of which the same few are asked again and again."""
        key = number, lang, None if period is None else (period[0], period[1])
        known = self._steps.get(key)
        if known is None:
            if len(self._steps) >= _MOST_KNOWN:
                self._steps.clear()
            known = self._steps[key] = next_of(self._gate.screen.rulings[number], period, lang)
        return known


def _told(
    ruling: Ruling,
    document: str,
    fact: CaseFacts,
    lang: Lang,
    absent: bool,
    causes: tuple[str, ...],
    people: Sequence[Mention],
    steps: tuple[Step, ...],
) -> Told:
    return Told(
        institution=fact.institution_code,
        disposition=ruling.disposition,
        reason=ruling.reason,
        absent=absent,
        facts=fact,
        ruling=ruling,
        people=people,
        answer=ClaimAnswer(
            verdict=msgspec.Raw(document.encode()),
            explanation=explain(ruling, *fact.told, people=people)[lang],
            next=steps,
            case_id=case_of(fact, ruling) if ruling.disposition.opens_case else None,
            evidence=causes[-MOST_EVIDENCE:],
            evidence_omitted=max(0, len(causes) - MOST_EVIDENCE),
        ),
    )


def next_of(ruling: Ruling, period: Sequence[str | None] | None, lang: Lang) -> tuple[Step, ...]:
    """What can be done next, by the pack that decided, with the first day that follows from the reported window."""
    if ruling.disposition is Disposition.PAY:
        return ()
    if ruling.ground is Reason.STANDING_STALE:
        return (Step(pick(("定点医疗机构", "institution"), lang), pick(_AGAIN, lang)),)
    window: Window | None = None if period is None else (_day(period[0]), _day(period[1]))
    return tuple(
        Step(
            pick(step.actor, lang), pick(step.act, lang), step.citation,
            None if step.opens is None else step.opens.isoformat(),
        )
        for step in first_steps(ruling, window)
    )  # fmt: skip


_AGAIN = (
    "稍后再次查询；登记数据恢复最新之前，结论仅供人工参考",
    "ask again a little later; until the register is current again a person has to look",
)


def _day(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(text)


def counted(told: Iterable[Told]) -> Counter[tuple[str, str]]:
    """How many answers there are of each disposition and reason."""
    return Counter((one.disposition.value, one.reason.value) for one in told)
