"""What a new answer changes: its kind, and the money that moves. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from rules.vocabulary import CostBearer, Disposition
from topics.messages.revisions import Kind

ANSWER = ("disposition", "reason", "exempted_ground", "cost_bearer")
"""The fields in which two answers differ. Another standing or pack that decides the same is no revision."""


class Moved(NamedTuple):
    """What the fund and the institution get, in yuan; negative where they give. The institution's is None where nobody says."""

    to_fund: Decimal
    to_institution: Decimal | None


def kind_of(earlier: Disposition, new: Disposition) -> Kind:
    """What becomes of a claim whose answer changes from one disposition to another, or only its ground."""
    if earlier is new:
        return "ground_changed"
    if new is Disposition.REVIEW:
        return "to_review"
    if new is Disposition.PAY:
        return "release"
    return "claw_back" if earlier is Disposition.PAY else "ground_changed"


def moved(kind: Kind, amount: Decimal, earlier: CostBearer, new: CostBearer) -> Moved:
    """The money that a revision moves. `amount` is the claim's fund share; a bearer is who bears it under each answer."""
    if kind == "claw_back":
        return Moved(amount, _borne(-amount, new))
    if kind == "release":
        return Moved(-amount, _borne(amount, earlier))
    nothing = Decimal(0)
    return Moved(nothing, nothing)


def _borne(amount: Decimal, bearer: CostBearer) -> Decimal | None:
    if bearer is CostBearer.INSTITUTION:
        return amount
    return None if bearer in (CostBearer.UNSPECIFIED, CostBearer.UNDETERMINED) else Decimal(0)
