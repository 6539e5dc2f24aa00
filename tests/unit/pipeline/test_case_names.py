"""A case is named by its whole claim and its ground, and a case that was named before keeps its name."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pipeline.audit.cases import CaseNames, NamedCase
from tests.support.balance import expected_case_id
from tests.support.judging import judge, make_gate
from tests.support.register import Register
from tests.support.spoiled import claim
from topics.verdicts.codec import case_id, first_case_id

CLAIM: dict[str, Any] = {"claim_id": "C1", "claim_version": 1, "institution_code": "H52270100001"}
FIRST = first_case_id("C1", 1, "physician_unregistered")


def named(name: str, region: str, area: str | None) -> bool:
    """Whether the audit takes this name for that of a rejected claim."""
    told = CLAIM | {
        "region": region,
        "reason": "physician_unregistered",
        "source": {"topic": "claims", "partition": 0, "offset": 0},
        "screened_at": "2026-01-01T00:00:00.000Z",
        "opened_at": "2026-01-01T00:00:00.000Z",
        "case_id": name,
    }
    return CaseNames().right(msgspec.convert(told | ({} if area is None else {"area": area}), NamedCase))


def test_two_institutions_that_use_one_number_have_a_case_each() -> None:
    """One number at two institutions is two claims: the second must not hide behind the case of the first."""
    values = [claim(institution_code=code, physician_code="D000000000009") for code in ("H1", "H2")]

    judged = judge(make_gate(Register({}, {})), values)

    cases = [msgspec.json.decode(record["value"]) for record in judged.cases]
    assert len({case["case_id"] for case in cases}) == 2
    assert [case["case_id"] for case in cases] == [record["key"] for record in judged.cases]
    assert [case["case_id"] for case in cases] == [
        expected_case_id(msgspec.json.decode(record["value"])) for record in judged.verdicts
    ]


@pytest.mark.parametrize("region", ["522700", "522701"])
def test_a_case_tells_the_area_by_which_it_is_named_also_where_that_is_its_region(region: str) -> None:
    judged = judge(make_gate(Register({}, {})), [claim(region=region, physician_code="D000000000009")])

    assert msgspec.json.decode(judged.cases[0]["value"])["area"] == "522700"


def test_the_audit_takes_the_names_of_cases_written_before_and_no_others() -> None:
    whole = case_id("522700", "H52270100001", "C1", 1, "physician_unregistered")

    assert named(whole, "522700", "522700")
    assert named(whole, "522701", "522700")
    assert named(FIRST, "522700", None), "a case of before areas"
    assert named(FIRST, "522701", "522700"), "a case that told an area while its name did not follow from it"
    assert not named(FIRST, "522700", "522700"), "such a case was never written"
    assert not named(whole, "522700", None), "without an area nobody could have named it so"
    assert not named(case_id("522700", "H2", "C1", 1, "physician_unregistered"), "522700", "522700")
