"""Students' cover by year and tier, and what the fund owes of a claim (001 篇4). Money is yuan, rounded to the cent, half up.

What was due of earlier claims of the year uses its caps up, not what was paid: one wrong payment gives one case, and not a case
of every later claim.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from rules.calendar import WorkingCalendar
from rules.longitudinal.claims import Finding, Found, Ground, NotExamined, PastClaim
from rules.longitudinal.facts import Approval, Benefit, Cover, Hospital, Notice, Referral, Settlement, StudentFacts
from rules.longitudinal.pack import Counted, StudentPack, Tier
from rules.longitudinal.wording import calculation, not_payable
from rules.text import Text
from rules.vocabulary import EncounterType

CENT = Decimal("0.01")

_NEEDS_APPROVAL = (Benefit.CHRONIC_OUTPATIENT, Benefit.MAJOR_OUTPATIENT, Benefit.MAJOR_INPATIENT)
_STAYS = (Benefit.INPATIENT, Benefit.MAJOR_INPATIENT)
_SHARES = {
    Benefit.ORDINARY_OUTPATIENT: "ordinary_outpatient",
    Benefit.CHRONIC_OUTPATIENT: "chronic_outpatient",
    Benefit.ACCIDENT_OUTPATIENT: "accident_outpatient",
    Benefit.INPATIENT: "inpatient",
    Benefit.MAJOR_OUTPATIENT: "major",
    Benefit.MAJOR_INPATIENT: "major",
}
"""Which cap of the year a benefit uses up: major outpatient and inpatient care share one."""


def insurance_year(day: dt.date) -> int:
    """The calendar year in which a day's insurance year began: it lasts from 1 September to 31 August."""
    return day.year if day.month >= 9 else day.year - 1


class Due(NamedTuple):
    """How what is due was found: `full` by the formula, `left` of the cap that bound it, `due` in the end."""

    full: Decimal
    left: Decimal
    due: Decimal


@dataclass(slots=True)
class _Used:
    """What the claims of a year have used up, by cap."""

    by_cap: dict[str, Decimal] = field(default_factory=dict)
    overall: Decimal = Decimal()


@dataclass(frozen=True, slots=True)
class StudentIndex:
    """The facts by whom and what they are about."""

    covers: dict[tuple[str, int], Cover]
    students: frozenset[str]
    hospitals: dict[str, list[Hospital]]
    referrals: dict[str, list[Referral]]
    notices: dict[str, list[Notice]]
    approvals: dict[str, list[Approval]]
    settlements: dict[tuple[str, str], Settlement]

    @classmethod
    def of(cls, facts: StudentFacts) -> StudentIndex:
        """The facts, indexed."""
        found = cls(
            {(one.insured, one.year): one for one in facts.covers},
            frozenset(one.insured for one in facts.covers),
            {}, {}, {}, {},
            {(one.institution, one.claim): one for one in facts.settlements},
        )  # fmt: skip
        for hospital in facts.hospitals:
            found.hospitals.setdefault(hospital.institution, []).append(hospital)
        for referral in facts.referrals:
            found.referrals.setdefault(referral.insured, []).append(referral)
        for notice in facts.notices:
            found.notices.setdefault(notice.insured, []).append(notice)
        for approval in facts.approvals:
            found.approvals.setdefault(approval.insured, []).append(approval)
        return found

    def hospital(self, institution: str, day: dt.date) -> Hospital | None:
        """What is known of an institution on a day; the entry that begins last governs."""
        known = [one for one in self.hospitals.get(institution, ()) if one.holds(day)]
        return max(known, key=lambda one: one.start or dt.date.min, default=None)


class StudentCheck:
    """Examines one student's claims, which are given in their order."""

    def __init__(self, pack: StudentPack, facts: StudentFacts, calendar: WorkingCalendar) -> None:
        self._pack = pack
        self._known = StudentIndex.of(facts)
        self._calendar = calendar
        self._exclusions = {one.id: one for one in pack.exclusions}

    def examine(self, claims: Sequence[PastClaim]) -> Iterator[Found]:
        """The findings about a person's claims. Nobody of whom no cover was ever told is a student."""
        used: dict[int, _Used] = {}
        for claim in claims:
            if claim.insured in self._known.students and self._pack.in_force.holds(claim.day):
                yield from self._claim(claim, used.setdefault(insurance_year(claim.day), _Used()))

    def _claim(self, claim: PastClaim, used: _Used) -> Iterator[Found]:
        cover = self._known.covers.get((claim.insured, insurance_year(claim.day)))
        bar = self._uncovered(claim, cover)
        if bar is not None or cover is None:
            if bar is not None:
                yield from self._nothing_due(claim, *bar)
            return
        hospital = self._known.hospital(claim.institution, claim.first_day)
        settled = self._known.settlements.get(claim.key)
        if hospital is None or settled is None:
            what = "hospital" if hospital is None else "settlement"
            yield NotExamined(claim, self._pack.name, what)
            return
        bar = self._barred(claim, hospital, settled)
        if bar is not None:
            yield from self._nothing_due(claim, *bar)
            return
        tier = self._pack.tiers[cover.tier]
        due = self._due(claim, hospital, settled, tier, cover, used)
        cap = _SHARES[settled.benefit]
        used.by_cap[cap] = used.by_cap.get(cap, Decimal()) + due.due
        used.overall += due.due
        if due.due != claim.fund:
            articles = (self._pack.articles[settled.benefit], self._pack.articles["overall"])
            figures = {
                "fund_amount": f"{claim.fund:.2f}",
                "due": f"{due.due:.2f}",
                "by_formula": f"{due.full:.2f}",
                "left_of_cap": f"{due.left:.2f}",
            }
            rate, deductible = self._terms(settled.benefit, hospital, tier)
            text = calculation(claim, settled.self_borne, deductible, rate, due.full, due.left, due.due)
            yield Finding(claim, Ground.BENEFIT_DIFFERS, self._pack.name, articles, text, figures)

    def _terms(self, benefit: Benefit, hospital: Hospital, tier: Tier) -> tuple[Decimal, Decimal]:
        """The rate and the deductible."""
        level = 0 if hospital.campus else hospital.level - 1
        rate = Decimal(1) if benefit is Benefit.ORDINARY_OUTPATIENT else tier.rates[level]
        return rate, self._pack.deductibles[level] if benefit in _STAYS else Decimal()

    def _due(
        self, claim: PastClaim, hospital: Hospital, settled: Settlement, tier: Tier, cover: Cover, used: _Used
    ) -> Due:
        rate, deductible = self._terms(settled.benefit, hospital, tier)
        full = max((claim.total - settled.self_borne - deductible) * rate, Decimal())
        full = full.quantize(CENT, ROUND_HALF_UP)
        cap = _SHARES[settled.benefit]
        most: Decimal = getattr(tier, cap)
        if settled.benefit is Benefit.ORDINARY_OUTPATIENT:
            most = tier.hardship if cover.hardship else most
            most = most if hospital.campus else Decimal()
        left = min(most - used.by_cap.get(cap, Decimal()), tier.overall - used.overall)
        left = max(left, Decimal())
        return Due(full, left, min(full, left))

    def _nothing_due(self, claim: PastClaim, ground: Ground, article: str, why: Text) -> Iterator[Finding]:
        if claim.fund != 0:
            figures = {"fund_amount": f"{claim.fund:.2f}", "due": "0.00"}
            text = not_payable(claim, why, article)
            yield Finding(claim, ground, self._pack.name, (article,), text, figures)

    def _uncovered(self, claim: PastClaim, cover: Cover | None) -> tuple[Ground, str, Text] | None:
        articles = self._pack.articles
        if cover is None:
            return Ground.NO_COVER, articles["cover"], Text("当年未参保", "not insured in this year")
        if not dt.date(cover.year, 9, 1) <= cover.paid <= dt.date(cover.year, 9, 30):
            late = Text(
                f"{cover.paid}缴费，不在9月1日至30日内", f"paid on {cover.paid}, not between 1 and 30 September"
            )
            return Ground.NO_COVER, articles["cover"], late
        if cover.withdrawn is not None and claim.first_day > cover.withdrawn:
            left = Text(f"{cover.withdrawn}退学", f"withdrawn on {cover.withdrawn}")
            return Ground.NO_COVER, articles["withdrawn"], left
        return None

    def _barred(self, claim: PastClaim, hospital: Hospital, settled: Settlement) -> tuple[Ground, str, Text] | None:
        articles = self._pack.articles
        for cause in settled.causes:
            known = self._exclusions.get(cause)
            if known is not None:
                return Ground.EXCLUDED_SERVICE, known.citation, known.text
        if not hospital.campus and not self._referred(claim):
            if not claim.urgent:
                which = articles["referral"] if hospital.designated else articles["unreferred"]
                return Ground.NOT_REFERRED, which, Text("未经校医院转诊", "no referral of the campus hospital")
            if (claim.encounter is EncounterType.INPATIENT or settled.benefit in _STAYS) and not self._told(claim):
                rule = self._pack.notification
                return Ground.NOT_NOTIFIED, rule.citation, _LATE
            if not hospital.designated and not self._told(claim):
                return Ground.NOT_NOTIFIED, articles["unreferred"], _LATE
        if settled.benefit in _NEEDS_APPROVAL and not self._approved(claim, settled.benefit):
            none = Text("未经审批或非所选定点医院", "not approved, or not at the hospital that was chosen")
            return Ground.NOT_APPROVED, articles["approval"], none
        return None

    def _referred(self, claim: PastClaim) -> bool:
        for one in self._known.referrals.get(claim.insured, ()):
            named = one.institution is None or one.institution == claim.institution
            year = insurance_year(one.start) == insurance_year(claim.first_day)
            if named and one.holds(claim.first_day) and (one.end is not None or year):
                return True
        return False

    def _told(self, claim: PastClaim) -> bool:
        """Whether the campus hospital was told in time of what began on the claim's first day."""
        rule = self._pack.notification
        for one in self._known.notices.get(claim.insured, ()):
            if one.admitted != claim.first_day:
                continue
            if rule.counted is Counted.CALENDAR_DAYS:
                if (one.told - one.admitted).days <= rule.days:
                    return True
            elif self._calendar.within(one.admitted, one.told, rule.days):
                return True
        return False

    def _approved(self, claim: PastClaim, benefit: Benefit) -> bool:
        """Whether the disease was approved for the hospital; an approval of one major benefit is one of the other."""
        major = (Benefit.MAJOR_OUTPATIENT, Benefit.MAJOR_INPATIENT)
        kinds = major if benefit in major else (benefit,)
        return any(
            one.benefit in kinds and one.institution == claim.institution and one.holds(claim.first_day)
            for one in self._known.approvals.get(claim.insured, ())
        )


_LATE = Text("入院后未按时报校医院备案", "the campus hospital was not told in time")
