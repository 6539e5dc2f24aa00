"""What is called right beyond doubt the contract takes, too."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.support.spoiled import GOOD
from topics.claims.beyond_doubt import is_right
from topics.claims.codec import ClaimError, examine

WHOLE: dict[str, Any] = {
    **GOOD, "service_start": "2023-05-09", "insured_region": "520100", "department": "A02", "emergency_origin": True, "interim": True,
    "people": [{"person": "D1", "role": "other", "day": "2023-05-10"}], "visit": "not_seen", "encounter_code": "99",
    "lines": [{"person": "D1", "role": "billing", "day": "2023-05-10", "amount": "-1.50", "item": "X", "quantity": "0.5", "prescription": "R"}],
    "reverses": {"institution_code": "H52270100001", "claim_id": "C0", "claim_version": 2},
}  # fmt: skip
ODD: tuple[Any, ...] = (
    None, "", " ", "无", "d1", "D1\n", "x" * 257, "2023-02-30", "2023-5-10", "0000-01-01", "2024-01-01", "1.234", "1e3", "-", "12345678901234567.00",
    "2023-02-30T09:30:00+08:00", "2023-05-11T24:00:00+08:00", "2023-05-11 09:30:00", "52270", "teleport", 0, -1, 2**31, 1.5, True, [], {}, [{}], ["x"],
)  # fmt: skip


def refused(claim: dict[str, Any]) -> bool:
    try:
        examine(msgspec.json.encode(claim))
    except ClaimError:
        return True
    return False


def places(claim: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    inner = (claim, claim["people"][0], claim["lines"][0], claim["reverses"])
    return [(holder, name) for holder in inner for name in holder]


def test_a_claim_with_all_that_the_intake_writes_is_right_beyond_doubt() -> None:
    assert is_right(GOOD)
    assert is_right(WHOLE)


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_what_the_contract_refuses_is_never_right_beyond_doubt(odd: Any) -> None:
    for at in range(len(places(WHOLE))):
        claim = msgspec.json.decode(msgspec.json.encode(WHOLE))
        holder, name = places(claim)[at]
        holder[name] = odd
        assert not (is_right(claim) and refused(claim)), name
        del holder[name]
        assert not (is_right(claim) and refused(claim)), f"without {name}"


def test_what_the_contract_does_not_know_is_left_to_the_model() -> None:
    for claim in ({**GOOD, "drug": {}}, {**GOOD, "other": 1}, {**GOOD, "physician_code": ""}):
        assert not is_right(claim)
        assert not refused(claim)
