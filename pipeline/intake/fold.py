"""All that was said of one visit, as the claims that follow from it.

A refund (退费) is a claim that takes another back. It is a settlement of its own if its amounts are negative, or if it names what
it takes back; the flag on that other one then says no more. A settlement that only carries the flag is followed by a version of
the other sign.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from pipeline.inputs.forms import division_of
from pipeline.intake.classes import Found, VisitClasses
from pipeline.intake.facts import Fact, LineFact, SettlementFact, VisitFact, insurance_of
from pipeline.intake.fields import plain
from pipeline.intake.history import Made, Outcome, Refusal, Settled, Version, lines_of, settlements_of, visit_of
from pipeline.intake.lines import Share, Shares, shares_of
from rules.vocabulary import EncounterType
from topics.claims.beyond_doubt import is_right
from topics.claims.codec import examine
from topics.claims.errors import ClaimError
from topics.dead_letters import Code
from topics.objects import MAX_VALUE_BYTES

_ROOM = MAX_VALUE_BYTES - 50_000
"""Bytes of a claim's lines above which they are summed by person and day."""


def claims_of(facts: Iterable[Fact], classes: VisitClasses) -> Outcome:
    """The claims of one visit, from everything that was said of it."""
    out = Outcome()
    ordered = sorted(facts, key=lambda fact: (fact.told.time, fact.told.position))
    for fact in ordered:
        out.doubts.update(fact.doubts)
    visit = visit_of([fact for fact in ordered if isinstance(fact, VisitFact)], out)
    lines = lines_of([fact for fact in ordered if isinstance(fact, LineFact)], out)
    settlements = [fact for fact in ordered if isinstance(fact, SettlementFact)]
    out.of_settlements = len({fact.number for fact in settlements})
    settled = settlements_of(settlements, out)
    shares = shares_of(lines, [one.newest for one in settled if not one.is_refund], [one.newest for one in settled])
    out.doubts.update(shares.doubts)
    out.unsettled = len(shares.unsettled)
    _Claims(visit, lines, shares, classes, out).make(settled)
    return out


class _Claims:
    """The claims of a visit as they are made."""

    def __init__(
        self, visit: VisitFact | None, lines: Sequence[LineFact], shares: Shares, classes: VisitClasses, out: Outcome
    ) -> None:
        self._visit = visit
        self._lines = lines
        self._shares = shares
        self._classes = classes
        self._out = out

    def make(self, settled: Sequence[Settled]) -> None:
        """Makes them all: settlements in their order, then what takes them back."""
        newest: dict[str, dict[str, Any]] = {}
        refunds = [one for one in settled if one.is_refund]
        for one in settled:
            if not one.is_refund:
                share = self._shares.of.get(one.newest.number, Share())
                for number, version in enumerate(one.versions, 1):
                    claim = self._claim(version, number, share)
                    if claim is not None and self._add(claim, version):
                        newest[one.newest.number] = claim
        taken: set[str] = set()
        for one in refunds:
            original = self._original(one, settled, taken)
            if original is not None:
                taken.add(original)
            else:
                self._out.doubts["refund_of_unknown_settlement"] += 1
            for number, version in enumerate(one.versions, 1):
                self._refund(version, number, original, newest.get(original or ""))
        for one in settled:
            claim = newest.get(one.newest.number)
            if not one.is_refund and one.flagged and one.newest.number not in taken and claim is not None:
                back = {**_taken_back(claim), "claim_version": claim["claim_version"] + 1}
                self._add(back, Version(one.newest, 0))

    def _original(self, refund: Settled, settled: Sequence[Settled], taken: set[str]) -> str | None:
        """The settlement that a refund takes back: the one that it names, else the only one of the opposite amounts."""
        fact = refund.newest
        if fact.takes_back is not None:
            return fact.takes_back
        found = [
            one.newest.number
            for one in settled
            if not one.is_refund
            and one.newest.number not in taken
            and Decimal(one.newest.total) == -Decimal(fact.total)
            and Decimal(one.newest.fund) == -Decimal(fact.fund)
        ]
        return found[0] if len(found) == 1 else None

    def _refund(
        self, version: Version[SettlementFact], number: int, original: str | None, claim: dict[str, Any] | None
    ) -> None:
        fact = version.fact
        amounts = {"total_amount": _negative(fact.total), "fund_amount": _negative(fact.fund)}
        if claim is not None:
            # What is taken back is judged as it was given: by its own people on its own days.
            back = _taken_back(claim)
            if amounts["total_amount"] != back["total_amount"]:
                back.pop("lines", None)
            made: dict[str, Any] | None = {**back, **amounts, "claim_id": fact.number, "settlement_time": fact.at}
        else:
            share = self._shares.of.get(fact.number, Share())
            made = self._claim(version, number, share)
            if made is not None:
                made |= amounts
                if original is not None:
                    self._out.doubts["refund_of_settlement_not_seen"] += 1
                    made["reverses"] = {"institution_code": fact.key[0], "claim_id": original, "claim_version": 1}
        if made is not None:
            self._add({**made, "claim_version": number}, version)

    def _claim(self, version: Version[SettlementFact], number: int, share: Share) -> dict[str, Any] | None:
        visit, fact = self._visit, version.fact
        care = fact.care or (visit.care if visit else None) or self._any("care") or division_of(fact.key[0])
        if care is None:
            told = "mdtrtarea_admvs: missing, and the institution's code names no division"
            return self._refuse(version, Code.MISSING_FIELD, told)
        person = fact.person or (visit.person if visit else None)
        insurance = fact.insurance or (visit.insurance if visit else None)
        if person is None or insurance is None:
            return self._refuse(version, Code.MISSING_FIELD, f"{'psn_no' if person is None else 'insutype'}: missing")
        first, last = self._days(fact, share)
        if first is not None and first > last:
            if fact.begun is not None and fact.ended is not None:
                return self._refuse(version, Code.INVALID_VALUE, "begndate: must not be after enddate")
            self._out.doubts["visit_begins_after_service"] += 1
            first = None
        code = fact.code or (visit.code if visit else None)
        found = self._classes.find(care, code, dt.date.fromisoformat(last))
        named = (None if visit is None else visit.attending) or fact.attending
        attending = named or (None if visit is None else visit.diagnosing)
        seen = attending is not None or (visit is not None and bool(visit.registered))
        claim: dict[str, Any] = {
            "claim_id": fact.number,
            "claim_version": number,
            "region": care,
            "institution_code": fact.key[0],
            "physician_code": attending,
            "encounter_type": found.encounter.value,
            "service_date": last,
            "service_start": first,
            "settlement_time": fact.at,
            "insured_id": person,
            "insurance_type": insurance_of(insurance),
            "total_amount": fact.total,
            "fund_amount": fact.fund,
        }
        claim |= self._further(fact, share, found, code, attending, seen=seen)
        return claim

    def _further(
        self, fact: SettlementFact, share: Share, found: Found, code: str | None, attending: str | None, *, seen: bool
    ) -> dict[str, Any]:
        visit = self._visit
        pharmacy = found.encounter is EncounterType.PHARMACY
        insured = fact.insured or (visit.insured if visit else None) or self._any("insured")
        given: dict[str, Any] = {
            "people": _people(visit, share, attending, pharmacy=pharmacy),
            "lines": _wired(share.lines),
            "insured_region": insured,
            "department": visit.department if visit else None,
            "emergency_origin": True if found.from_emergency else None,
            # A pharmacy's customers are on no visit.
            "visit": None if seen or pharmacy else "not_seen",
            "encounter_code": code if found.encounter is EncounterType.UNKNOWN else None,
            "interim": fact.interim,
        }
        return {name: value for name, value in given.items() if value}

    def _days(self, fact: SettlementFact, share: Share) -> tuple[str | None, str]:
        """First and last day of the service: as the settlement says, else as the visit and the fee lines show."""
        visit = self._visit
        begun = None if visit is None or visit.begun is None else visit.begun[:10]
        last = fact.ended or max((line.at[:10] for line in share.lines), default=None)
        if last is None:
            last = begun if begun is not None and visit is not None and not visit.stay else fact.at[:10]
        return fact.begun or begun, last

    def _any(self, name: str) -> str | None:
        """What the fee lines say of the place, if they agree."""
        said = {getattr(line, name) for line in self._lines} - {None}
        return said.pop() if len(said) == 1 else None

    def _refuse(self, version: Version[SettlementFact], code: Code, reason: str) -> dict[str, Any] | None:
        """Refuses a settlement, which becomes no claim."""
        fact = version.fact
        self._out.refused.append(
            Refusal(fact.told, code, f"settlement {fact.number}: {reason}", version.rows, "settlement")
        )
        return None

    def _add(self, claim: dict[str, Any], version: Version[SettlementFact]) -> bool:
        """Adds a claim if the contract takes it; whether it does."""
        value = msgspec.json.encode(claim)
        if len(value) > _ROOM and "lines" in claim:
            claim = {**claim, "lines": _summed(claim["lines"])}
            value = msgspec.json.encode(claim)
            self._out.doubts["lines_summed_by_person_and_day"] += 1
        if not (is_right(claim) and len(value) <= MAX_VALUE_BYTES):
            try:
                examine(value)
            except ClaimError as error:
                self._refuse(version, Code(error.kind), error.reason)
                return False
        self._out.claims.append(Made(value, claim, version.fact.told))
        return True


def _people(
    visit: VisitFact | None, share: Share, attending: str | None, *, pharmacy: bool
) -> list[dict[str, Any]] | None:
    """Who else is named: those who diagnosed, those who took orders, and at a pharmacy those who prescribed (P6)."""
    found: set[tuple[str, str, str | None]] = set()
    if visit is not None:
        day = None if visit.begun is None else visit.begun[:10]
        found |= {(person, "other", day) for person in visit.others if person != attending}
    for line in share.lines:
        if line.receiver is not None and line.receiver != attending:
            found.add((line.receiver, "other", line.at[:10]))
        if pharmacy and line.person is not None:
            found.add((line.person, "prescriber", line.at[:10]))
    people = [{"person": person, "role": role, "day": day} for person, role, day in found]
    told = [{name: value for name, value in one.items() if value is not None} for one in people]
    return sorted(told, key=lambda one: (one["role"], one["person"], one.get("day", ""))) or None


def _wired(lines: Sequence[LineFact]) -> list[dict[str, Any]] | None:
    """The lines that name somebody, as the contract has them."""
    return [
        {
            "person": line.person,
            "role": "billing",
            "day": line.at[:10],
            "amount": f"{line.amount:.2f}",
            **({} if line.item is None else {"item": line.item}),
            **({} if line.quantity is None else {"quantity": plain(line.quantity)}),
            **({} if line.prescription is None else {"prescription": line.prescription}),
        }
        for line in lines
        if line.person is not None
    ] or None


def _summed(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    sums: dict[tuple[str, str, str], Decimal] = {}
    for line in lines:
        who = (line["person"], line["role"], line["day"])
        sums[who] = sums.get(who, Decimal(0)) + Decimal(line["amount"])
    return [
        {"person": person, "role": role, "day": day, "amount": f"{amount:.2f}"}
        for (person, role, day), amount in sorted(sums.items())
    ]


def _taken_back(claim: dict[str, Any]) -> dict[str, Any]:
    """The claim that takes a whole claim back."""
    named = ("institution_code", "claim_id", "claim_version")
    back = {
        **claim,
        "total_amount": _opposite(claim["total_amount"]),
        "fund_amount": _opposite(claim["fund_amount"]),
        "reverses": {name: claim[name] for name in named},
    }
    if "lines" in claim:
        back["lines"] = [
            {
                **line,
                "amount": _opposite(line["amount"]),
                **({"quantity": plain(-Decimal(line["quantity"]))} if "quantity" in line else {}),
            }
            for line in claim["lines"]
        ]
    return back


def _opposite(amount: str) -> str:
    return f"{-Decimal(amount) + 0:.2f}"


def _negative(amount: str) -> str:
    return f"{-abs(Decimal(amount)) + 0:.2f}"
