"""What two records of one claim have to agree in to be the same (同一结算单): every field that a claim has beside its name.

A claim is named by pooling area, institution, claim_id and version. Another content under one name is a conflict, which nobody
but people can settle: they send a later version, or learn why the sender used a name twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from rules.areas import pooling_area
from topics.messages.claims import Claim

Name = tuple[str, str, str, int]
"""Pooling area, institution, claim_id, version."""

_AS: dict[str, Callable[[str], Any]] = {
    "total_amount": Decimal,
    "fund_amount": Decimal,
    "settlement_time": lambda at: dt.datetime.fromisoformat(at.upper()),
}
"""Fields that say the same in several forms: 98.7 and 98.70, one moment in two offsets."""


def name_of(claim: Claim) -> Name:
    """By what a claim is known."""
    return pooling_area(claim.region), claim.institution_code, claim.claim_id, claim.claim_version


def same(field: str, one: Any, other: Any) -> bool:
    """Whether two values of a claim's field say the same."""
    if one == other:
        return True
    read = _AS.get(field)
    return bool(read is not None and read(one) == read(other))


def differing(one: Claim, other: Claim) -> list[str]:
    """The fields in which two claims differ, in the order of the contract."""
    return [field for field in Claim.model_fields if not same(field, getattr(one, field), getattr(other, field))]
