"""Where two laws that bind side by side both stop a claim, its verdict and its case name the ground that did not decide (P3)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.screening.gate import Gate
from rules.dossier import fold
from rules.events import Event
from rules.standing import timeline
from tests.support.control import PACKS
from tests.support.histories import make
from tests.support.judging import judge
from topics.messages.cases import Case
from topics.messages.verdicts import Verdict

CODE, SITE = "D522701000001", "H52270100001"


def event(kind: str, day: str, number: int, region: str = "522700", **fields: Any) -> Event:
    return make(kind, day, number, region=region, physician_code=CODE, event_id=f"e{number}", **fields)


def claim(encounter: str) -> bytes:
    made = {
        "claim_id": f"C-{encounter}", "region": "522701", "institution_code": SITE, "physician_code": CODE,
        "encounter_type": encounter, "service_date": "2025-03-01", "settlement_time": "2025-03-01T18:00:00+08:00",
        "insured_id": "P1", "insurance_type": "resident", "total_amount": "100.00", "fund_amount": "70.00",
    }  # fmt: skip
    return json.dumps(made).encode()


def gate(*events: Event) -> Gate:
    made = Gate(PACKS)
    for region in sorted({one.region for one in events}):
        own = [one for one in events if one.region == region]
        made.index.put(timeline(fold(own), PACKS.law(region), region=region, physician_code=CODE, revision=len(own)))
    return made


REGISTERED = event("registration", "2023-01-03", 1, institution=SITE)
TWELVE = event("deduction", "2025-02-10", 2, points=12, violation_id="QN-T6-01", cases=2, institution=SITE)
SUSPENDED = event("status", "2025-02-01", 3, "110000", status="suspended", until="2025-06-30")
MISSED = event("opt_out", "2025-02-01", 4, institution=SITE)


def told(few: int, *events: Event) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    made = gate(*events)
    made._few = few
    judged = judge(made, [claim("outpatient"), claim("emergency")])
    for record in judged.verdicts:
        Verdict.model_validate_json(record["value"])
    for record in judged.cases:
        Case.model_validate_json(record["value"])
    return [json.loads(one["value"]) for one in judged.verdicts], [json.loads(one["value"]) for one in judged.cases]


@pytest.mark.parametrize("few", [0, 200])
def test_of_two_rejections_the_local_one_decides_and_the_verdict_names_the_other(few: int) -> None:
    verdicts, cases = told(few, REGISTERED, TWELVE, SUSPENDED)
    assert [(one["reason"], one.get("second_ground")) for one in verdicts] == [
        ("in_penalty_period", "status_abnormal"),
        ("status_abnormal_emergency", None),  # the local law spares an emergency: one ground is left
    ]
    assert [one.get("second_ground") for one in cases] == ["status_abnormal", None]
    assert [list(one)[-1] for one in verdicts] == ["second_ground", "area"]


@pytest.mark.parametrize("few", [0, 200])
def test_of_a_rejection_and_a_review_the_rejection_decides_and_the_verdict_names_the_review(few: int) -> None:
    verdicts, _ = told(few, REGISTERED, MISSED, SUSPENDED)
    assert [(one["disposition"], one["reason"], one.get("second_ground")) for one in verdicts] == [
        ("reject", "opted_out", "status_abnormal"),
        ("review", "opted_out_emergency", "status_abnormal_emergency"),
    ]


@pytest.mark.parametrize("few", [0, 200])
def test_where_one_ground_holds_there_is_no_second(few: int) -> None:
    for events in ([REGISTERED], [REGISTERED, TWELVE], [REGISTERED, SUSPENDED]):
        verdicts, cases = told(few, *events)
        assert not any("second_ground" in one for one in [*verdicts, *cases])
