"""N4: an inpatient claim that began as an emergency (急诊转住院) goes to a person where an emergency would get another answer."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from pipeline.explain.explaining import explain_claim
from pipeline.screening.gate import Gate
from pipeline.settings.packs import load_pack_set
from rules.dossier import fold
from rules.events import decode
from rules.standing import statement
from tests.support.explaining import claim, event

PACKS = load_pack_set()
QIANNAN, NATIONAL = "522700", "120000"
REGISTERED = event("r1", "registration", "2023-01-04")
TWELVE = [
    REGISTERED,
    event("d1", "deduction", "2023-05-09", points=6, violation_id="QN-T6-01"),
    event("d2", "deduction", "2023-05-10", points=6, violation_id="QN-T6-02"),
]


def _told(service: str, lines: list[bytes], **fields: Any) -> Any:
    wanted = claim(service, **{"encounter_type": "inpatient", "emergency_origin": True, **fields})
    return explain_claim(wanted, lines, PACKS, as_of=None, today=dt.date(2026, 1, 5))


def test_a_penalty_that_an_emergency_would_be_spared_is_a_review_in_the_place_of_the_ground():
    done = _told("2023-05-12", TWELVE)
    assert (done.verdict["disposition"], done.verdict["reason"]) == ("review", "emergency_origin")
    assert (done.verdict["cost_bearer"], done.verdict["standing"]) == ("undetermined", "penalty")
    assert (done.verdict["penalty_period"], done.verdict["citations"]) == (["2023-05-11", "2023-08-10"], ["三(二)2"])
    assert "began as an emergency" in done.chain.summary.en
    assert "急诊转入" in done.chain.summary.zh
    assert _told("2023-05-12", TWELVE, emergency_origin=False).verdict["reason"] == "in_penalty_period"
    assert _told("2023-05-12", TWELVE, encounter_type="emergency").verdict["reason"] == "exempt_emergency"


def test_where_an_emergency_gets_the_same_answer_nothing_changes():
    assert _told("2023-05-12", [REGISTERED]).verdict["reason"] == "ok"
    assert _told("2023-05-12", [REGISTERED], institution_code="H9").verdict["reason"] == "site_not_declared"
    assert _told("2022-05-12", TWELVE).verdict["reason"] == "rule_not_in_force"


def test_under_the_national_opinion_an_abnormal_status_is_softened_too():
    lines = [event("r1", "registration", "2025-01-06", NATIONAL)]
    lines.append(event("s1", "status", "2025-05-01", NATIONAL, status="suspended", until=None))
    assert _told("2025-06-01", lines, region=NATIONAL).verdict["reason"] == "emergency_origin"
    assert _told("2025-04-30", lines, region=NATIONAL).verdict["reason"] == "ok"


@pytest.mark.parametrize("few", [0, 200])
def test_small_and_large_batches_say_the_same(few):
    gate = Gate(PACKS, few=few)
    file = fold([decode(line) for line in TWELVE])
    gate.index.put(statement(file, PACKS.law(QIANNAN), region=QIANNAN).timeline)
    given: list[dict[str, Any]] = [
        {"emergency_origin": True}, {}, {"emergency_origin": False}, {"department": "A01"},
    ]  # fmt: skip
    values = [
        claim("2023-05-12", claim_id=f"C{number}", encounter_type="inpatient", **fields)
        for number, fields in enumerate(given)
    ]
    ruled = gate.rule(values)
    reasons = [str(gate.screen.rulings[number].reason) for number in ruled.decided.ruling.tolist()]
    assert reasons == ["emergency_origin", *["in_penalty_period"] * 3]
