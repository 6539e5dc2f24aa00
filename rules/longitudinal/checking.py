"""All checks over time of a set of claims, in one order, and the records that follow. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rules.calendar import WorkingCalendar
from rules.longitudinal.claims import Finding, Found, Ground, NotExamined, PastClaim, by_person, counting
from rules.longitudinal.dual_channel import DualChannelCheck
from rules.longitudinal.facts import Facts
from rules.longitudinal.pack import DualChannelPack, LongitudinalPack, StudentPack
from rules.longitudinal.repeats import RepeatCheck
from rules.longitudinal.students import StudentCheck
from rules.vocabulary import Disposition


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the checks have found: findings and claims that could not be examined, in the order of the claims."""

    findings: tuple[Finding, ...]
    not_examined: tuple[NotExamined, ...]
    counted: int


class Checks:
    """The checks of the packs that are on, with the facts that they ask about."""

    def __init__(self, packs: Sequence[LongitudinalPack], facts: Facts, calendar: WorkingCalendar) -> None:
        self._checks: list[StudentCheck | DualChannelCheck | RepeatCheck] = []
        for pack in packs:
            if isinstance(pack, StudentPack):
                self._checks.append(StudentCheck(pack, facts.students, calendar))
            elif isinstance(pack, DualChannelPack):
                self._checks.append(DualChannelCheck(pack, facts.dual_channel))
            else:
                self._checks.append(RepeatCheck(pack, facts.recognition))

    def person(self, claims: Sequence[PastClaim]) -> list[Found]:
        """What is found about one insured person's claims that count, given in their order."""
        return [found for check in self._checks for found in check.examine(claims)]

    def all(self, claims: Iterable[PastClaim]) -> Outcome:
        """What is found about everybody's claims, whatever the order in which they are given."""
        kept = counting(claims)
        found = [one for own in by_person(kept).values() for one in self.person(own)]
        grounds = list(Ground)
        findings = sorted(
            (one for one in found if isinstance(one, Finding)),
            key=lambda one: (one.claim.order, grounds.index(one.ground)),
        )
        others = sorted(
            (one for one in found if isinstance(one, NotExamined)), key=lambda one: (one.claim.order, one.pack)
        )
        return Outcome(tuple(findings), tuple(others), len(kept))


def record(finding: Finding, case_id: str) -> dict[str, Any]:
    """A finding as a case for people, in the form of the wire: a review of which nobody has decided who bears it."""
    claim = finding.claim
    return {
        "case_id": case_id,
        "claim_id": claim.claim_id,
        "claim_version": claim.version,
        "area": claim.area,
        "institution_code": claim.institution,
        "insured_id": claim.insured,
        "encounter_type": claim.encounter.value,
        "service_date": claim.day.isoformat(),
        "fund_amount": f"{claim.fund:.2f}",
        "disposition": Disposition.REVIEW.value,
        "reason": finding.ground.value,
        "rule_pack": finding.pack,
        "citations": list(finding.citations),
        "figures": dict(finding.figures),
        "claims": [{"institution_code": institution, "claim_id": name} for institution, name in finding.others],
        "explanation": {"zh": finding.text.zh, "en": finding.text.en},
    }


def differing(
    before: Iterable[dict[str, Any]], after: Iterable[dict[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """What changed between two runs, by the id of the case: `opened`, `changed`, or `closed` where it does not hold any more."""
    old = {one["case_id"]: one for one in before}
    new = {one["case_id"]: one for one in after}
    for name, one in new.items():
        if name not in old:
            yield "opened", one
        elif old[name] != one:
            yield "changed", one
    for name, one in old.items():
        if name not in new:
            yield "closed", one
