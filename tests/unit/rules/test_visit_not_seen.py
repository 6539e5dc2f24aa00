"""A settlement whose visit was never seen: nobody can say that it had no physician, so it goes to a person (就诊信息未见)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from pipeline.conformance.cases import read_case
from pipeline.conformance.run import run_cases
from pipeline.explain.explaining import explain_claim
from pipeline.screening.gate import Gate
from pipeline.settings.packs import load_pack_set
from tests.support.explaining import claim

PACKS = load_pack_set()


def _told(service: str, **fields: Any) -> Any:
    wanted = claim(service, **{"physician_code": None, "visit": "not_seen", **fields})
    return explain_claim(wanted, [], PACKS, as_of=None, today=dt.date(2026, 1, 5))


@pytest.mark.parametrize(
    ("region", "service", "without"),
    [("522700", "2023-05-12", "reject"), ("620100", "2016-05-12", "reject"), ("120000", "2025-05-12", "review")],
)
@pytest.mark.parametrize("encounter", ["outpatient", "inpatient", "emergency"])
def test_a_missing_physician_is_a_review_and_never_a_reject(
    region: str, service: str, without: str, encounter: str
) -> None:
    done = _told(service, region=region, encounter_type=encounter)
    assert (done.verdict["disposition"], done.verdict["reason"]) == ("review", "visit_not_seen")
    assert (done.verdict["cost_bearer"], done.verdict["exempted_ground"]) == ("undetermined", None)
    assert done.verdict["citations"], "the article is the one that asks for the physician"
    assert "was not seen" in done.chain.summary.en
    if encounter != "emergency":
        seen = _told(service, region=region, encounter_type=encounter, visit="seen").verdict
        assert (seen["disposition"], seen["reason"]) == (without, "physician_missing")


def test_whoever_is_named_all_the_same_is_judged_as_ever() -> None:
    assert _told("2023-05-12", physician_code="D1").verdict["reason"] == "physician_unregistered"


def test_what_goes_before_a_missing_physician_goes_before_this_too() -> None:
    assert _told("2022-05-12").verdict["reason"] == "rule_not_in_force"
    assert _told("2023-05-12", encounter_type="unknown").verdict["reason"] == "encounter_unknown"
    assert _told("2023-05-12", fund_amount="9999999.00").verdict["reason"] == "implausible"


def test_a_pharmacy_misses_no_physician_and_so_no_visit() -> None:
    assert _told("2023-05-12", encounter_type="pharmacy").verdict["reason"] == "ok"


def test_a_worked_case_is_judged_by_what_it_says_of_the_visit() -> None:
    common = {"encounter_type": "outpatient", "service_date": "2023-05-12", "institution": "H1", "physician_code": None}
    cases = [
        read_case(
            {
                "id": str(visit),
                "locality": "qiannan",
                "history": [],
                "as_of": "2023-06-01",
                "claim": {**common, "visit": visit},
            }
        )
        for visit in ("not_seen", "seen", None)
    ]
    assert [told["reason"] for told in run_cases(cases)] == ["visit_not_seen", "physician_missing", "physician_missing"]


@pytest.mark.parametrize("few", [0, 200])
def test_small_and_large_batches_say_the_same(few: int) -> None:
    gate = Gate(PACKS, few=few)
    given: list[dict[str, Any]] = [{"visit": "not_seen"}, {}, {"visit": "seen"}, {"department": "A01"}]
    values = [
        claim("2023-05-12", claim_id=f"C{number}", physician_code=None, **fields) for number, fields in enumerate(given)
    ]
    ruled = gate.rule(values)
    reasons = [str(gate.screen.rulings[number].reason) for number in ruled.decided.ruling.tolist()]
    assert reasons == ["visit_not_seen", *["physician_missing"] * 3]
