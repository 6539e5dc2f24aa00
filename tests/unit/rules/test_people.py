"""P4, P5 and P6: people besides the responsible one, whom a claim names or who head the pharmacy."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from pipeline.explain.explaining import explain_claim
from pipeline.screening.gate import Gate, Judged
from pipeline.settings.packs import load_pack_set
from rules.dossier import fold
from rules.events import Event, decode
from rules.standing import institution_timeline, statement
from rules.timeline import Head
from tests.support.explaining import PHYSICIAN, claim, event
from tests.support.judging import AT
from topics.events.acceptance import Accepted, Refused, accept
from topics.messages.cases import Case

PACKS = load_pack_set()
QIANNAN, LANZHOU, XIAMEN, NATIONAL = "522700", "620100", "350200", "120000"
OTHER, NURSE = "D522701000002", "D522701000009"


def _of(code: str, event_id: str, kind: str, date: str, **fields: Any) -> bytes:
    return event(event_id, kind, date, physician_code=code, **fields)


OWN = [event("r1", "registration", "2023-01-04")]
BARRED = [
    _of(OTHER, "r2", "registration", "2023-01-04"),
    _of(OTHER, "d1", "deduction", "2023-05-10", points=12, violation_id="QN-T12-01"),
]
"""A penalty from 2023-05-11 to 2023-08-10, and a ban."""


def _register(gate: Gate, lines: list[bytes]) -> Gate:
    events: dict[tuple[str, str], list[Event]] = {}
    places: dict[tuple[str, str], list[Event]] = {}
    for line in lines:
        one = decode(line)
        if one.of_institution:
            places.setdefault((one.region, one.institution or ""), []).append(one)
        else:
            events.setdefault((one.region, one.physician_code or ""), []).append(one)
    for (region, code), own in events.items():
        gate.index.put(statement(fold(own), PACKS.law(region), region=region, physician_code=code).timeline)
    for (region, code), own in places.items():
        gate.index.put_institution(
            institution_timeline(fold(own), PACKS.law(region), region=region, institution_code=code)
        )
    return gate


def _judged(lines: list[bytes], *claims: bytes, stale: bool = False) -> Judged:
    """Judged one by one and as a frame, which must give the same bytes."""
    told = [
        _register(Gate(PACKS, few=few), lines).judge(
            list(claims),
            topic="claims",
            partitions=[0] * len(claims),
            offsets=range(len(claims)),
            screened_at=AT,
            stale=stale,
        )
        for few in (200, 0)
    ]
    assert (told[0].verdicts, told[0].cases) == (told[1].verdicts, told[1].cases)
    assert told[0].unknown_people == told[1].unknown_people
    return told[0]


def _answer(lines: list[bytes], wanted: bytes, *, stale: bool = False) -> tuple[str, str]:
    verdict = json.loads(_judged(lines, wanted, stale=stale).verdicts[0]["value"])
    return verdict["disposition"], verdict["reason"]


def _line(person: str, day: str, amount: str = "10.00", role: str = "operator") -> dict[str, str]:
    return {"person": person, "role": role, "day": day, "amount": amount}


REVIEW = ("review", "line_person_barred")
PAY = ("pay", "ok")


def test_a_line_of_somebody_barred_on_its_day_is_a_review_that_names_the_lines_and_the_sum_of_their_amounts():
    lines = [
        _line(NURSE, "2023-05-12"),
        _line(OTHER, "2023-05-10", "5.00"),
        _line(OTHER, "2023-05-11", "20.50"),
        _line(OTHER, "2023-05-12", "9.40"),
    ]
    told = _judged([*OWN, *BARRED], claim("2023-05-12", lines=lines))
    case = json.loads(told.cases[0]["value"])
    assert (case["disposition"], case["reason"], case["cost_bearer"]) == (*REVIEW, "undetermined")
    assert (case["standing"], case["penalty_period"], case["citations"]) == ("normal", None, ["三(二)2"])
    assert case["people"] == [
        {"person": OTHER, "day": "2023-05-11", "line": 3, "amount": "20.50"},
        {"person": OTHER, "day": "2023-05-12", "line": 4, "amount": "9.40"},
    ]
    assert "29.90 yuan in all" in case["explanation"]["en"]
    assert "合计29.90元" in case["explanation"]["zh"]
    assert "d1" in case["evidence"]
    assert told.unknown_people == 1
    Case.model_validate_json(told.cases[0]["value"])


@pytest.mark.parametrize(
    ("day", "kind", "expected"),
    [
        ("2023-05-10", "outpatient", PAY),  # the day of the decision
        ("2023-05-11", "outpatient", REVIEW),
        ("2023-08-10", "outpatient", REVIEW),
        ("2023-08-11", "outpatient", REVIEW),  # the penalty is over, the ban and the wait are not
        ("2023-05-11", "emergency", PAY),  # the text exempts it
        ("2023-05-11", "rescue", PAY),
    ],
)
def test_the_bar_is_that_of_the_lines_own_day_with_the_exemptions_of_the_encounter(day, kind, expected):
    wanted = claim("2023-08-20", encounter_type=kind, lines=[_line(OTHER, day)])
    assert _answer([*OWN, *BARRED], wanted) == expected


@pytest.mark.parametrize("code", [NURSE, "N-17", "B0042"])
def test_somebody_of_whom_the_register_knows_nothing_changes_nothing_and_is_counted(code):
    told = _judged(OWN, claim("2023-05-12", lines=[_line(code, "2023-05-12", role="nurse")]))
    assert json.loads(told.verdicts[0]["value"])["reason"] == "ok"
    assert (told.cases, told.unknown_people) == ([], 1)


def test_a_line_of_the_responsible_physician_is_no_line_of_another_person():
    suspended = [
        event("r1", "registration", "2023-01-04"),
        event("d1", "deduction", "2023-05-10", points=6, violation_id="QN-T6-01"),
        event("d2", "deduction", "2023-05-10", points=6, violation_id="QN-T6-02"),
        event("b1", "reinstatement", "2023-08-11"),
    ]
    assert _answer(suspended, claim("2023-08-12", lines=[_line(PHYSICIAN, "2023-06-01")])) == PAY


def test_a_claim_that_is_no_payment_keeps_its_own_ground():
    lines = [_line(OTHER, "2023-05-12")]
    assert _answer(BARRED, claim("2023-05-12", lines=lines)) == ("reject", "physician_unregistered")
    assert _answer([*OWN, *BARRED], claim("2022-12-01", lines=lines)) == ("pay", "rule_not_in_force")


def test_a_suspension_of_the_national_scheme_bars_a_line_in_every_area():
    far = [
        event("r9", "registration", "2025-01-02", region="310000", physician_code=NURSE),
        event(
            "s9", "status", "2025-03-01", region="310000", physician_code=NURSE, status="suspended", until="2025-04-30"
        ),
    ]
    wanted = claim("2025-05-02", lines=[_line(NURSE, "2025-04-30", role="nurse")])
    told = _judged([*OWN, *far], wanted)
    case = json.loads(told.cases[0]["value"])
    assert (case["reason"], case["citations"]) == ("line_person_barred", ["003 三¶2"])
    assert _answer([*OWN, *far], claim("2025-05-02", lines=[_line(NURSE, "2025-05-01")])) == PAY
    home = [event("r1", "registration", "2025-01-02", region=NATIONAL)]
    assert _answer([*home, *far], claim("2025-05-02", region=NATIONAL, lines=[_line(NURSE, "2025-04-01")])) == REVIEW


def test_a_blacklisted_person_on_a_line_bars_in_xiamen_too():
    listed = [event("c1", "criminal_liability", "2023-02-01", region=XIAMEN, physician_code=OTHER)]
    assert _answer(listed, claim("2023-05-12", region=XIAMEN, lines=[_line(OTHER, "2023-02-01")])) == PAY
    assert _answer(listed, claim("2023-05-12", region=XIAMEN, lines=[_line(OTHER, "2023-02-02")])) == REVIEW


def test_a_register_that_is_too_old_or_unreadable_cannot_answer_for_a_line():
    # An emergency without a physician is paid by the claim alone; the line has to be asked about all the same.
    wanted = claim("2023-05-12", physician_code=None, encounter_type="emergency", lines=[_line(OTHER, "2023-05-12")])
    assert _answer([*OWN, *BARRED], wanted, stale=True) == ("review", "standing_stale")
    gate = _register(Gate(PACKS), OWN)
    gate.index.put_unreadable(f"{QIANNAN}|{OTHER}")
    told = gate.judge(
        [claim("2023-05-12", lines=[_line(OTHER, "2023-05-12")])],
        topic="claims",
        partitions=[0],
        offsets=[0],
        screened_at=AT,
    )
    assert json.loads(told.verdicts[0]["value"])["reason"] == "standing_unreadable"


# -- prescribers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2023-05-10", PAY),
        ("2023-05-11", ("review", "prescriber_barred")),
        (None, ("review", "prescriber_barred")),  # not told: the day of the sale
    ],
)
def test_a_pharmacy_that_fills_the_prescription_of_somebody_barred_on_its_day_is_a_review(day, expected):
    prescriber = {"person": OTHER, "role": "prescriber", **({"day": day} if day else {})}
    wanted = claim("2023-05-20", physician_code=None, encounter_type="pharmacy", people=[prescriber])
    assert _answer(BARRED, wanted) == expected


def test_another_role_than_the_prescribers_is_not_asked_about():
    assert _answer([*OWN, *BARRED], claim("2023-05-20", people=[{"person": OTHER, "role": "attending"}])) == PAY


def test_the_prescriber_goes_before_the_lines():
    wanted = claim(
        "2023-05-20", people=[{"person": OTHER, "role": "prescriber"}], lines=[_line(OTHER, "2023-05-20", "7.00")]
    )
    told = _judged([*OWN, *BARRED], wanted)
    case = json.loads(told.cases[0]["value"])
    assert (case["reason"], case["people"]) == ("prescriber_barred", [{"person": OTHER, "day": "2023-05-20"}])
    assert "Named: " in case["explanation"]["en"]


# -- settlement audit and pharmacy heads --------------------------------------------------------------------------


@pytest.mark.parametrize("status", [None, "suspended", "terminated"])
def test_who_audits_settlements_gives_no_care_whatever_the_status(status):
    lines = [event("r1", "registration", "2025-01-02", region=NATIONAL)]
    if status:
        lines.append(event("s1", "status", "2025-02-01", region=NATIONAL, status=status))
    wanted = claim("2025-06-01", region=NATIONAL, staff_category="settlement_audit")
    assert _answer(lines, wanted) == ("review", "data_conflict")
    assert _answer(OWN, claim("2023-06-01", staff_category="settlement_audit")) == PAY  # 000 knows no such staff


HEAD = [
    event("r8", "registration", "2025-01-02", region=NATIONAL, physician_code=OTHER),
    event("s8", "status", "2025-02-01", region=NATIONAL, physician_code=OTHER, status="suspended", until="2025-03-31"),
    event("h1", "pharmacy_head", "2025-01-02", region=NATIONAL, physician_code=OTHER),
]


def _sale(day: str, code: str | None = None, **fields: Any) -> bytes:
    return claim(day, region=NATIONAL, physician_code=code, encounter_type="pharmacy", **fields)


def test_an_abnormal_head_makes_the_pharmacys_claims_a_review_and_his_own_a_reject():
    assert _answer(HEAD, _sale("2025-01-31")) == PAY
    told = _judged(HEAD, _sale("2025-02-01"))
    case = json.loads(told.cases[0]["value"])
    assert (case["disposition"], case["reason"]) == ("review", "pharmacy_head_abnormal")
    assert case["people"] == [{"person": OTHER, "day": "2025-02-01"}]
    assert "s8" in case["evidence"]
    assert _answer(HEAD, _sale("2025-02-01", OTHER)) == ("reject", "status_abnormal")
    assert _answer(HEAD, _sale("2025-04-01")) == PAY
    assert _answer(HEAD, _sale("2025-02-01", institution_code="H2")) == PAY


def test_a_new_head_takes_over_from_one_whose_last_day_is_not_written():
    events = [
        decode(HEAD[-1]),
        decode(event("h2", "pharmacy_head", "2025-02-10", region=NATIONAL, physician_code=NURSE)),
    ]
    heads = institution_timeline(fold(events), PACKS.law(NATIONAL), institution_code="H1").headed
    assert heads == (Head(OTHER, dt.date(2025, 1, 2), dt.date(2025, 2, 9)), Head(NURSE, dt.date(2025, 2, 10), None))
    assert _answer([*HEAD, event("h2", "pharmacy_head", "2025-02-10", region=NATIONAL, physician_code=NURSE)],
                   _sale("2025-02-10")) == PAY  # fmt: skip


def test_the_pharmacys_agreement_goes_before_its_head():
    ended = event("e1", "institution_ended", "2025-01-20", region=NATIONAL)
    assert _answer([*HEAD, ended], _sale("2025-02-01")) == ("reject", "institution_agreement_terminated")


def _refused(value: bytes) -> str:
    found = accept(value, PACKS)
    assert isinstance(found, Refused)
    return found.reason


def test_a_head_needs_a_name_and_a_scheme_that_knows_of_heads():
    nameless = event("h1", "pharmacy_head", "2025-01-02", region=NATIONAL, physician_code=" ")
    assert "says who heads the pharmacy" in _refused(nameless)
    local = event("h1", "pharmacy_head", "2016-01-04", region=LANZHOU, physician_code=OTHER)
    assert "does not exist in this scheme" in _refused(local)
    turned = event("h1", "pharmacy_head", "2025-01-02", region=NATIONAL, to="2025-01-01")
    assert "lies before the first day" in _refused(turned)


@pytest.mark.parametrize("region", [QIANNAN, XIAMEN])
def test_the_head_of_a_pharmacy_is_recorded_in_every_area_and_the_status_of_the_head_binds_there(region):
    """P5 with P3: recorded of the pharmacy under its own area, whose law says nothing of heads."""
    head = event("h1", "pharmacy_head", "2025-01-02", region=region, physician_code=OTHER)
    assert isinstance(accept(head, PACKS), Accepted)
    lines = [head, _of(OTHER, "s1", "status", "2025-03-01", region=NATIONAL, status="suspended", until=None)]
    wanted = claim("2025-06-01", region=region, physician_code=None, encounter_type="pharmacy")
    assert _answer(lines, wanted) == ("review", "pharmacy_head_abnormal")


# -- the same told -------------------------------------------------------------------------------------------------


def test_an_explanation_tells_the_lines_as_the_case_does():
    done = explain_claim(
        claim("2023-05-12", lines=[_line(OTHER, "2023-05-11", "20.50")]),
        [*OWN, *BARRED],
        PACKS,
        as_of=None,
        today=dt.date(2026, 1, 5),
    )
    assert done.verdict["reason"] == "line_person_barred"
    assert "line 1 D522701000002 (2023-05-11, 20.50 yuan); 20.50 yuan in all" in done.chain.ground.en
    assert "第1行D522701000002（2023-05-11，20.50元）" in done.chain.summary.zh
    assert done.others == 0
