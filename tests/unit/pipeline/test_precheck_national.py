"""Transactions 3101, 3102 and 3103 as integrators send them: findings by the same decision, and nothing guessed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.screening.gate import Gate
from rules.events import CHINA
from tests.support.prechecks import (
    INSTITUTION,
    NORMAL,
    OTHER,
    PHYSICIAN,
    Desk,
    desk,
    gate_of_one,
    registered,
    tokens_file,
)

COLLEAGUE = "D522701000002"
NOW = dt.datetime(2023, 6, 10, 9, 30, tzinfo=CHINA)


@pytest.fixture(scope="module")
def gate() -> Gate:
    made = gate_of_one()
    made.index.put(registered({**NORMAL, "to": None}, code=COLLEAGUE))
    return made


@pytest.fixture
def counter(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with desk(gate) as made:
        monkeypatch.setattr(made.api, "now", lambda: NOW)
        yield made


def order(number: int, doctor: Any = COLLEAGUE, **more: Any) -> dict:
    told = {"rx_id": f"R{number}", "hilist_code": "X1", "sumamt": 10 * number, "drord_dr_codg": doctor, "cnt": "1"}
    return told | more


def encounter(*orders: dict, **more: Any) -> dict:
    told = {
        "mdtrt_id": "M1", "medins_id": INSTITUTION, "medins_admdvs": 522701, "adm_date": "2023-06-10 08:30:00",
        "dr_codg": COLLEAGUE, "med_type": 11, "medfee_sumamt": 123.4, "hifp_payamt": "98.70", "insutype": 390,
        "fsi_order_dtos": list(orders),
    }  # fmt: skip
    return {name: value for name, value in (told | more).items() if value is not None}


def request(*encounters: dict, infno: Any = "3101", **head: Any) -> dict:
    patient = {"patn_id": "P1", "patn_name": "张三", "fsi_encounter_dtos": list(encounters)}
    data = {"syscode": "HIS", "task_id": 77, "trig_scen": 2, "patient_dtos": [patient]}
    return {"infno": infno, "msgid": "H52270100001202306100930000001", "input": {"data": data}} | head


def send(counter: Desk, body: Any, path: str = "/v1/national", **more: Any) -> Any:
    return counter.http.post(path, content=json.dumps(body), **more)


def result(counter: Desk, *encounters: dict) -> list[dict]:
    told = send(counter, request(*encounters))
    assert (told.status_code, told.json()["infcode"]) == (200, "0"), told.text
    found: list[dict] = told.json()["output"]["result"]
    return found


def test_where_nothing_is_found_the_result_is_empty(counter: Desk) -> None:
    told = send(counter, request(encounter(order(1))), "/v1/national/3101").json()
    assert (told["infcode"], told["output"], told["err_msg"]) == ("0", {"result": []}, "")
    assert told["inf_refmsgid"] == "H52270100001202306100930000001"
    assert told["register"]["current"] is True


def test_a_barred_physician_of_an_encounter_is_one_finding_with_the_order_lines_that_they_prescribed(
    counter: Desk,
) -> None:
    (found,) = result(
        counter, encounter(order(1), order(2, PHYSICIAN), order(3, f" {PHYSICIAN.lower()} "), dr_codg=PHYSICIAN)
    )
    assert (found["rule_id"], found["rule_name"]) == ("in_penalty_period", "服务日期处于该医师责罚期内")
    assert "2023-05-11至2023-08-10" in found["vola_cont"]
    assert "三(二)2" in found["vola_evid"]
    assert (found["vola_amt"], found["patn_id"], found["mdtrt_id"], found["task_id"]) == ("98.70", "P1", "M1", "77")
    assert [(one["rx_id"], one["vola_item_type"], one["vola_amt"]) for one in found["judge_result_detail_dtos"]] == [
        ("R2", "1", "20"), ("R3", "1", "30"),
    ]  # fmt: skip
    assert (found["sev_deg"], found["vola_bhvr_type"]) == ("", ""), "code tables that are not public are not guessed"


def test_a_barred_prescriber_of_an_order_is_a_finding_although_the_encounter_is_another_physicians(
    counter: Desk,
) -> None:
    (found,) = result(counter, encounter(order(1), order(2, PHYSICIAN)))
    assert found["rule_id"] == "line_person_barred"
    assert [one["rx_id"] for one in found["judge_result_detail_dtos"]] == ["R2"]


def test_an_encounter_that_begins_tomorrow_cannot_be_settled_now_and_goes_to_a_person(counter: Desk) -> None:
    """It is judged as if it were settled at this moment (decision 0090), and nothing is settled before it began."""
    (found,) = result(counter, encounter(order(1), adm_date="2023-06-11 08:30:00"))
    assert found["rule_id"] == "implausible"
    assert result(counter, encounter(order(1), adm_date="2023-06-10 23:30:00")) == []


def test_every_text_keeps_its_limit(counter: Desk) -> None:
    many = [order(number, PHYSICIAN, rx_id=f"R-{number:040}") for number in range(1, 120)]
    (found,) = result(counter, encounter(*many))
    for name, most in (("jr_id", 50), ("rule_id", 50), ("rule_name", 200), ("vola_cont", 500), ("vola_evid", 500)):
        assert 0 < len(found[name]) <= most
    assert len(found["vola_cont"]) == 500, "the explanation of so many lines is longer"
    assert {len(one["jrd_id"]) <= 50 for one in found["judge_result_detail_dtos"]} == {True}
    assert len(found["judge_result_detail_dtos"]) == 119


@pytest.mark.parametrize("med_type", ["9999", 9903, None, ""])
def test_a_visit_class_that_no_table_knows_goes_to_a_person(counter: Desk, med_type: Any) -> None:
    (found,) = result(counter, encounter(med_type=med_type))
    assert found["rule_id"] == "encounter_unknown"


def test_an_emergency_is_one_by_its_class(counter: Desk) -> None:
    assert result(counter, encounter(dr_codg=PHYSICIAN, med_type="13")) == []


def test_a_local_staff_number_is_a_code_that_the_register_does_not_know_and_a_filler_is_none(counter: Desk) -> None:
    assert [one["rule_id"] for one in result(counter, encounter(dr_codg=10023))] == ["physician_unregistered"]
    assert [one["rule_id"] for one in result(counter, encounter(dr_codg="99999"))] == ["physician_missing"]


def test_a_stay_that_goes_on_is_judged_until_today(counter: Desk) -> None:
    (found,) = result(counter, encounter(dr_codg=PHYSICIAN, med_type="21", adm_date="2023-05-01"))
    assert found["rule_id"] == "straddles_penalty"


@pytest.mark.parametrize("infno", ["3101", 3102])
def test_requests_are_taken_as_integrators_send_them(counter: Desk, infno: Any) -> None:
    one = encounter(order(1, PHYSICIAN), med_type="11", medfee_sumamt=None, insutype=None, medins_admdvs=None)
    single = request(one, infno=infno)
    (patient,) = single["input"]["data"]["patient_dtos"]
    patient["fsi_encounter_dtos"] = one | {"fsi_order_dtos": one["fsi_order_dtos"][0]}
    single["input"]["data"]["patient_dtos"] = patient
    as_list = {**single, "input": {"data": [single["input"]["data"]]}}
    as_text = {**single, "input": json.dumps(single["input"])}
    for body in (single, as_list, as_text):
        told = send(counter, body).json()
        assert [found["rule_id"] for found in told["output"]["result"]] == ["line_person_barred"], told


def test_what_cannot_be_read_is_told_in_the_envelope_all_at_once(counter: Desk) -> None:
    bad = request(encounter(hifp_payamt="viel"), encounter(adm_date="gestern"), encounter(medins_id=None), msgid="N1")
    told = send(counter, bad)
    assert (told.status_code, told.json()["infcode"]) == (422, "-1")
    for part in ("hifp_payamt", "adm_date", "medins_id: missing", "/input/data/patient_dtos/0/fsi_encounter_dtos/2"):
        assert part in told.json()["err_msg"]
    for body, status in ((17, 400), ({}, 422), (request(infno="2201"), 422), (request(), 422)):
        assert (send(counter, body).status_code, send(counter, body).json()["infcode"]) == (status, "-1")
    assert send(counter, request(encounter()), "/v1/national/3102").status_code == 422, (
        "the address and the message differ"
    )


def test_the_policy_of_a_register_that_is_too_old_reaches_the_integrator(gate: Gate) -> None:
    with desk(gate, staleness_policy="hold", staleness_limit_s=30) as counter:
        counter.view.age_s = 31
        told = send(counter, request(encounter()))
        assert (told.status_code, told.json()["infcode"], told.headers["retry-after"]) == (503, "-1", "2")
        assert "the ledger is behind by 3 events" in told.json()["err_msg"]


def test_an_institution_asks_only_for_itself_in_the_national_shape_too(gate: Gate, tmp_path) -> None:
    own, other = tokens_file(tmp_path / "tokens", INSTITUTION, OTHER)
    with desk(gate, precheck_tokens_file=tmp_path / "tokens") as counter:
        assert send(counter, request(encounter()), headers=own).status_code == 200
        told = send(counter, request(encounter()), headers=other)
        assert (told.status_code, told.json()["infcode"]) == (403, "-1")
        assert send(counter, request(encounter())).status_code == 401
        assert send(counter, feedback(), headers=own).status_code == 200
        assert [one.institution_code for one in counter.kept] == [INSTITUTION]
        assert send(counter, feedback() | {"fixmedins_code": INSTITUTION}, headers=other).status_code == 403


# -- 3103 ---------------------------------------------------------------------------------------------------------


def feedback(*rows: dict) -> dict:
    warns = list(rows) or [{"warn_type": 1, "warn_rslt_id": "case-1", "dspo_way": "1", "dspo_way_rea": " 急诊 "}]
    return {"infno": "3103", "msgid": "N1", "input": {"data": {"warns": warns}}}


def test_what_a_doctor_did_about_a_finding_is_kept_with_the_reason(counter: Desk) -> None:
    back = {"warn_type": "2", "warn_rslt_id": "case-2", "dspo_way": 2}
    first = {"warn_type": 1, "warn_rslt_id": "case-1", "dspo_way": "1", "dspo_way_rea": " 急诊 "}
    told = send(counter, feedback(first, back) | {"fixmedins_code": INSTITUTION})
    assert (told.status_code, told.json()["infcode"]) == (200, "0")
    assert [(one.finding, one.stage, one.choice, one.reason) for one in counter.kept] == [
        ("case-1", "before", "continued", "急诊"), ("case-2", "during", "returned", None),
    ]  # fmt: skip
    assert {(one.institution_code, one.message) for one in counter.kept} == {(INSTITUTION, "N1")}


def test_who_carries_on_has_to_say_why_and_nothing_is_kept_of_feedback_that_is_wrong(counter: Desk) -> None:
    good = {"warn_type": "1", "warn_rslt_id": "case-1", "dspo_way": "2"}
    silent = {"warn_type": "1", "warn_rslt_id": "case-2", "dspo_way": "1", "dspo_way_rea": "  "}
    nameless = {"warn_type": "1", "dspo_way": "2"}
    told = send(counter, feedback(good, silent, nameless))
    assert told.status_code == 422
    assert "/input/data/warns/1 dspo_way_rea" in told.json()["err_msg"]
    assert "/input/data/warns/2 warn_rslt_id" in told.json()["err_msg"]
    assert counter.kept == []
