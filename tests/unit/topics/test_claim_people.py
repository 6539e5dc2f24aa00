"""What a claim may say of its people, lines and origin: checked with the rest, and judged as if it were not there."""

from __future__ import annotations

import pytest

from tests.support.judging import AT, bare, judge, make_gate
from tests.support.spoiled import GOOD, claim
from topics.claims.codec import decode_claims, examine
from topics.messages.verdicts import Verdict

MORE: dict[str, object] = {
    "people": [{"person": " d1", "role": "attending", "day": "2023-05-10"}, {"person": "D2", "role": "nurse"}],
    "lines": [
        {"person": "D1", "role": "operator", "day": "2023-05-09", "amount": "-1.50", "item": "X1", "quantity": "0.5"}
    ],
    "insured_region": "520100",
    "department": "内科",
    "emergency_origin": True,
    "visit": "not_seen",
    "reverses": {"institution_code": "h1", "claim_id": "C0", "claim_version": 2},
    "encounter_code": "24",
}


def test_people_lines_and_origin_are_taken_in_their_normal_form() -> None:
    read = examine(claim(**MORE))
    assert read.people is not None
    assert [(item.person, item.role) for item in read.people] == [("D1", "attending"), ("D2", "nurse")]
    assert read.lines is not None
    assert (read.lines[0].amount, read.lines[0].quantity) == ("-1.50", "0.5")
    assert read.reverses is not None
    assert (read.reverses.institution_code, read.reverses.claim_version) == ("H1", 2)


def test_a_claim_is_judged_as_it_would_be_without_them() -> None:
    with_them, without = judge(make_gate(), [claim(**MORE), claim()]).verdicts
    both = [bare(Verdict.model_validate_json(record["value"]).model_dump()) for record in (with_them, without)]
    assert both[0] == both[1]
    assert AT in with_them["value"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"people": [{"person": "", "role": "nurse"}]}, "people.0.person"),
        ({"people": [{"person": "D1", "role": "surgeon"}]}, "people.0.role"),
        ({"lines": [{"person": "D1", "role": "nurse", "day": "2023-02-30", "amount": "1"}]}, "lines.0.day"),
        ({"lines": [{"person": "D1", "role": "nurse", "day": "2023-02-03", "amount": 1}]}, "lines.0.amount"),
        ({"visit": "perhaps"}, "visit"),
        ({"emergency_origin": "yes"}, "emergency_origin"),
        ({"reverses": {"claim_id": "C0"}}, "reverses.institution_code"),
    ],
)
def test_a_wrong_one_makes_a_dead_letter_that_names_it(changes: dict[str, object], told: str) -> None:
    decoded = decode_claims([claim(**changes), claim(**dict.fromkeys(changes))])
    assert [row for row, _ in decoded.errors] == [0]
    assert decoded.errors[0][1].reason.startswith(told)
    assert decoded.claims["claim_id"].to_list() == [GOOD["claim_id"]], "null says nothing and is no error"
