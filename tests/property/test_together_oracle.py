"""Part two of the determinations against an evaluation written from them alone: place, person, agreements and people at once.

The suite asks some hundred histories a scheme; ORACLE_HISTORIES=20000 is the long run. The examples below are what it found.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest

from pipeline.conformance.cases import read_case
from pipeline.conformance.run import run_cases
from tests.oracle.made_together import generate_together
from tests.oracle.together import LOCALITIES, judge
from tests.support.against_oracle import arriving
from tests.support.thorough import share

HISTORIES = int(os.environ.get("ORACLE_HISTORIES", "0")) * len(LOCALITIES) or share(5_000)
HOLDS_EVERY_GROUND = 2_000
"""So many histories meet each ground in every locality; `make quick` draws fewer, and may leave a rare one out."""
CHUNK = 5_000
Json = dict[str, Any]


def test_laws_places_and_people_together_are_judged_as_the_documents_say():
    reasons: Counter[tuple[str, str]] = Counter()
    differing: list[Any] = []
    for first in range(0, HISTORIES, CHUNK):
        seeds = range(first, min(first + CHUNK, HISTORIES))
        cases = [generate_together(seed) for seed in seeds]
        for case, mine in zip(cases, run_cases([arriving(case, i) for i, case in enumerate(cases)]), strict=True):
            expected = judge(case)
            reasons[case["locality"], expected["reason"]] += 1
            if mine != expected:
                differing.append((case["id"], case["history"], case["claim"], case["as_of"], expected, mine))
    assert differing[:2] == []
    everywhere = ("line_person_barred", "prescriber_barred", "emergency_origin", "institution_agreement_terminated",
                  "institution_agreement_unknown", "status_abnormal", "status_abnormal_emergency")  # fmt: skip
    if HISTORIES >= HOLDS_EVERY_GROUND:
        assert {(locality, reason) for locality in LOCALITIES for reason in everywhere} <= set(reasons), reasons


def registered(**more: Any) -> Json:
    return {"type": "registration", "date": "2025-01-02", "institution": "H1", **more}


def status(**more: Any) -> Json:
    told = {"type": "status", "id": "s1", "date": "2025-02-01", "status": "suspended", "until": "2025-03-31"}
    return {**told, **more}


def answer(locality: str, history: list[Json], **claim: Any) -> Json:
    given = {"service_date": "2025-03-01", "settlement_date": "2025-03-02", "physician_code": "P1", "institution": "H1",
             "encounter_type": "outpatient", **claim}  # fmt: skip
    case = {"id": "X", "locality": locality, "source": "x", "as_of": "2026-01-01", "history": history, "claim": given,
            "note": ""}  # fmt: skip
    return run_cases([read_case(case)])[0]


@pytest.mark.parametrize("encounter", ["outpatient", "emergency"])
def test_whoever_is_registered_in_one_area_is_not_unregistered_where_a_status_was_recorded(encounter):
    """P3: one person, one file. The claim's own area knows the status alone."""
    found = answer("national", [registered(region="110000"), status()], encounter_type=encounter)
    reason = {"outpatient": "status_abnormal", "emergency": "status_abnormal_emergency"}[encounter]
    assert (found["reason"], found["standing"]) == (reason, "suspended")


def test_whom_nobody_has_registered_is_unregistered_whatever_status_another_area_recorded():
    """README section 1: `physician_unregistered` goes before `status_abnormal`, and in emergencies, too."""
    found = answer("national", [status(region="110000")], encounter_type="emergency")
    assert (found["disposition"], found["reason"]) == ("reject", "physician_unregistered")


@pytest.mark.parametrize("name", ["suspended", "terminated"])
@pytest.mark.parametrize("until", ["2025-03-31", None])
@pytest.mark.parametrize("locality", ["national", "qiannan", "xiamen"])
def test_a_status_recorded_where_nobody_registered_the_person_is_shown_by_its_name(name, until, locality):
    found = answer(locality, [registered(), status(region="110000", status=name, until=until)])
    assert (found["reason"], found["standing"]) == ("status_abnormal", name)


def test_a_stay_that_one_status_covers_whole_is_not_straddling_because_a_second_one_began_in_it():
    history = [registered(), status(region="110000"), status(id="s2", date="2025-02-28", region="310000")]
    found = answer("qiannan", history, encounter_type="inpatient", service_start="2025-02-10")
    assert (found["disposition"], found["reason"]) == ("reject", "status_abnormal")


def test_a_cancellation_under_an_agreement_signed_before_the_first_day_of_the_law_ends_the_registration():
    """S3: the registration that the cancellation of 2015 ended does not go over to the opinion."""
    history = [
        {"type": "agreement", "date": "2014-04-21", "start": "2014-05-01", "end": "2016-04-30"},
        registered(date="2014-05-01"),
        {"type": "deduction", "id": "d1", "date": "2015-03-02", "points": 10, "violation_id": "LZ-T10-01",
         "institution": "H1"},
    ]  # fmt: skip
    found = answer("lanzhou", history)
    assert (found["disposition"], found["reason"]) == ("reject", "physician_unregistered")


@pytest.mark.parametrize("locality", ["qiannan", "xiamen", "national"])
def test_a_pharmacys_abnormal_head_makes_its_claims_a_review_in_every_area(locality):
    """P5 with P3: the status of the head binds everywhere, beside a local law as well."""
    head = {"type": "pharmacy_head", "date": "2025-01-02", "institution": "H1", "physician_code": "P2",
            "from": "2025-01-02"}  # fmt: skip
    history = [head, status(region="110000", physician_code="P2")]
    found = answer(locality, history, encounter_type="pharmacy", physician_code=None)
    assert (found["disposition"], found["reason"]) == ("review", "pharmacy_head_abnormal")


def test_a_status_that_decides_beside_a_ban_shows_no_ban():
    """README section 3: `ban_period` is there exactly when the standing is that of the ban."""
    banned = {"type": "deduction", "id": "d1", "date": "2024-12-20", "points": 12, "violation_id": "QN-T12-01",
              "institution": "H1"}  # fmt: skip
    history = [registered(date="2023-01-02"), banned, status(region="110000")]
    found = answer("qiannan", history, encounter_type="rescue")  # the penalty spares a rescue, the status does not
    assert (found["reason"], found["standing"]) == ("status_abnormal_emergency", "suspended")
    assert "ban_period" not in found
    assert "ban_period" in answer("qiannan", [registered(date="2023-01-02"), banned])
