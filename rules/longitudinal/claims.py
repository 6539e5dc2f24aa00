"""Claims as the checks over time see them, which of them count in the end, and in which order. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from rules.text import Text
from rules.vocabulary import EncounterType

Key = tuple[str, str]
"""A claim within the fund: its institution and its claim_id."""


class Line(NamedTuple):
    """A line (费用明细) that names what was given: the amount in yuan, the quantity in units (None: not told)."""

    day: dt.date
    item: str | None
    quantity: Decimal | None
    prescription: str | None
    amount: Decimal


class Reversal(NamedTuple):
    """The claim that a refund (退费) takes back."""

    institution: str
    claim_id: str
    version: int


@dataclass(frozen=True, slots=True)
class PastClaim:
    """A claim with what these checks ask about. `settled` is microseconds since 1970 UTC, money is yuan, `first_day` that of a
    stay. `rejected`: the gate has rejected it, so that the fund does not pay it."""

    area: str
    institution: str
    claim_id: str
    version: int
    insured: str
    encounter: EncounterType
    first_day: dt.date
    day: dt.date
    settled: int
    total: Decimal
    fund: Decimal
    physician: str | None = None
    emergency_origin: bool = False
    lines: tuple[Line, ...] = ()
    reverses: Reversal | None = None
    rejected: bool = False

    @property
    def key(self) -> Key:
        """Its name within the fund."""
        return self.institution, self.claim_id

    @property
    def order(self) -> tuple[dt.date, int, str, str, int]:
        """Service day, then settlement time, then identity."""
        return self.day, self.settled, self.institution, self.claim_id, self.version

    @property
    def urgent(self) -> bool:
        """Whether the care was an emergency (急诊), or a stay that began as one."""
        return self.emergency_origin or self.encounter in (
            EncounterType.EMERGENCY,
            EncounterType.RESCUE,
            EncounterType.PUBLIC_HEALTH_EMERGENCY,
        )


class Ground(StrEnum):
    """Why a person has to look at a claim that was judged already. Names on the wire never change their meaning."""

    NO_COVER = "no_cover"
    EXCLUDED_SERVICE = "excluded_service"
    NOT_REFERRED = "not_referred"
    NOT_NOTIFIED = "not_notified"
    NOT_APPROVED = "not_approved"
    BENEFIT_DIFFERS = "benefit_differs"
    PRESCRIPTION_UNKNOWN = "prescription_unknown"
    PRESCRIPTION_USED_AGAIN = "prescription_used_again"
    OVER_PRESCRIBED = "over_prescribed"
    PRESCRIBER_NOT_LISTED = "prescriber_not_listed"
    OVER_LIMITED_SCOPE = "over_limited_scope"
    OVER_DOSAGE = "over_dosage"
    PRICE_ABOVE_PAYMENT_STANDARD = "price_above_payment_standard"
    PHARMACY_NOT_CONNECTED = "pharmacy_not_connected"
    DRUG_FILE_MISSING = "drug_file_missing"
    PURCHASE_IN_STAY = "purchase_in_stay"
    REPEAT_EXAMINATION = "repeat_examination"


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim for people (`review`), with the reason, the articles, the figures and the other claims that it rests on.

    `figures` are decimal strings by name: money in yuan, quantities in units, days as ISO dates.
    """

    claim: PastClaim
    ground: Ground
    pack: str
    citations: tuple[str, ...]
    text: Text
    figures: dict[str, str]
    others: tuple[Key, ...] = ()


class NotExamined(NamedTuple):
    """A claim about which a check cannot say anything, and what it would need to know."""

    claim: PastClaim
    pack: str
    needs: str


Found = Finding | NotExamined


def counting(claims: Iterable[PastClaim]) -> list[PastClaim]:
    """The claims that count in the end, in order: of each the newest version, without what was taken back or rejected.

    A refund that names the newest version takes its amounts and quantities off; what is left of the total must be above zero for
    the claim to count. A refund of an earlier version has no effect, because the correction was made after it. The order and
    the repetition of what is given do not matter.
    """
    newest: dict[Key, PastClaim] = {}
    refunds: dict[tuple[str, str, Reversal], PastClaim] = {}
    for claim in claims:
        if claim.reverses is None:
            held = newest.get(claim.key)
            if held is None or _later(claim, held):
                newest[claim.key] = claim
        else:
            name = (*claim.key, claim.reverses)
            known = refunds.get(name)
            if known is None or _later(claim, known):
                refunds[name] = claim
    back: dict[tuple[Key, int], list[PastClaim]] = {}
    for refund in refunds.values():
        target = refund.reverses
        if target is not None:
            back.setdefault(((target.institution, target.claim_id), target.version), []).append(refund)
    left = (_less(claim, back.get((claim.key, claim.version), ())) for claim in newest.values() if not claim.rejected)
    return sorted((claim for claim in left if claim is not None), key=lambda claim: claim.order)


def _later(claim: PastClaim, other: PastClaim) -> bool:
    """Whether a claim takes the place of another of its name; of two with one version, the one settled later."""
    return (claim.version, claim.settled) > (other.version, other.settled)


def _less(claim: PastClaim, refunds: Iterable[PastClaim]) -> PastClaim | None:
    """A claim without what refunds, and its own lines below zero, take off; None where nothing is left."""
    taken = sorted(refunds, key=lambda refund: refund.order)
    back = [line for refund in taken for line in refund.lines]
    own = [line for line in claim.lines if not _negative(line)]
    back += [line for line in claim.lines if _negative(line)]
    lines = _net(own, back) if back else claim.lines
    if not taken:
        return claim if lines == claim.lines else replace(claim, lines=lines)
    total = claim.total - sum((abs(refund.total) for refund in taken), Decimal())
    if total <= 0:
        return None
    fund = claim.fund - sum((abs(refund.fund) for refund in taken), Decimal())
    return replace(claim, total=total, fund=fund, lines=lines)


def _negative(line: Line) -> bool:
    return line.amount < 0 or (line.quantity is not None and line.quantity < 0)


def _net(lines: Sequence[Line], back: Iterable[Line]) -> tuple[Line, ...]:
    """Lines without what others of the same item and prescription take back, from the first line on."""
    left = list(lines)
    for one in back:
        amount = abs(one.amount)
        quantity = None if one.quantity is None else abs(one.quantity)
        for place, line in enumerate(left):
            if (line.item, line.prescription) != (one.item, one.prescription):
                continue
            less = min(amount, line.amount)
            many = None if quantity is None or line.quantity is None else min(quantity, line.quantity)
            held = None if line.quantity is None else line.quantity - (many or 0)
            left[place] = line._replace(amount=line.amount - less, quantity=held)
            amount -= less
            quantity = None if quantity is None else quantity - (many or 0)
    return tuple(line for line in left if (line.amount > 0 if line.quantity is None else line.quantity > 0))


def by_person(claims: Iterable[PastClaim]) -> dict[str, list[PastClaim]]:
    """Claims of each insured person, in the order that they have."""
    found: dict[str, list[PastClaim]] = {}
    for claim in claims:
        found.setdefault(claim.insured, []).append(claim)
    return found
