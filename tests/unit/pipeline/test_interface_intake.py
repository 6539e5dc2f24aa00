"""Messages of the national interface as claims: what becomes of each, and how every line is accounted for."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from pipeline.inputs.errors import MappingError
from pipeline.inputs.mapping import load_mapping
from pipeline.intake.batch import Taken, take_files
from pipeline.intake.classes import load_classes, parse_classes
from rules.vocabulary import EncounterType
from tests.support.commands import screening
from tests.support.interface_messages import (
    DOCTOR,
    HOSPITAL,
    OTHER,
    VISIT,
    Row,
    accounted,
    asked,
    lines,
    message,
    read,
    row,
    settled,
    visit,
)

CLASSES = load_classes()


@pytest.fixture
def take(tmp_path: Path) -> Any:
    def run(*messages: Row) -> tuple[list[Row], Taken]:
        given, out = tmp_path / "given.ndjson", tmp_path / "claims.ndjson"
        given.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in messages), "utf-8")
        out.unlink(missing_ok=True)
        taken = take_files([str(given)], out, CLASSES)
        assert taken.lines + taken.further == accounted(taken)
        return read(out), taken

    return run


def sums(claims: Iterable[Row]) -> float:
    return sum(float(claim["fund_amount"]) for claim in claims)


# -- joining ------------------------------------------------------------------------------------------------------


def test_a_settlement_gets_its_physician_from_the_visit_and_its_lines_from_the_fee_lines(take: Any) -> None:
    [claim], _ = take(settled(), lines({}), visit())
    assert claim["claim_id"] == "S1"
    assert claim["physician_code"] == DOCTOR
    assert claim["department"] == "A02"
    assert (claim["region"], claim["encounter_type"], claim["insurance_type"]) == ("522701", "outpatient", "resident")
    assert claim["lines"] == [
        {"person": OTHER, "role": "billing", "day": "2024-03-14", "amount": "20.00", "item": "X1", "quantity": "2"}
    ]
    assert "visit" not in claim


@pytest.mark.parametrize("backwards", [False, True])
def test_request_and_response_in_documents_of_their_own_are_joined_by_the_number_of_the_message(
    take: Any, backwards: bool
) -> None:
    parts = []
    for whole in (visit(), settled()):
        answer = {"infcode": "0", "inf_refmsgid": whole["msgid"], "err_msg": "温馨提示", "output": whole.pop("output")}
        parts += [{name: value for name, value in whole.items() if name != "infcode"}, answer]
    [claim], taken = take(*(reversed(parts) if backwards else parts))
    assert (claim["claim_id"], claim["physician_code"]) == ("S1", DOCTOR)
    assert taken.joined == 2


def test_a_request_whose_response_never_comes_is_set_aside_by_name(take: Any) -> None:
    alone = visit()
    del alone["output"], alone["infcode"]
    [claim], taken = take(alone, settled())
    assert claim["visit"] == "not_seen"
    assert taken.set_aside["missing_field"].reason.startswith("mdtrt_id: stands in the response")


def test_what_the_other_side_refused_says_nothing(take: Any) -> None:
    refused = visit(OTHER)
    answer = {"infcode": -1, "inf_refmsgid": refused["msgid"], "err_msg": "医师编码错误"}
    request = {name: value for name, value in refused.items() if name not in ("infcode", "output")}
    [claim], taken = take(request, answer, settled())
    assert (claim["visit"], claim["physician_code"], taken.failed) == ("not_seen", None, 2)


def test_input_and_output_may_be_text_that_holds_json(take: Any) -> None:
    told, answer = visit(), settled()
    told["input"], answer["output"] = json.dumps(told["input"]), json.dumps(answer["output"])
    [claim], _ = take(told, answer)
    assert claim["physician_code"] == DOCTOR


def test_a_settlement_without_a_visit_says_so_and_one_whose_visit_names_nobody_does_not(take: Any) -> None:
    [alone], taken = take(settled())
    assert (alone["visit"], alone["physician_code"], taken.visit_not_seen) == ("not_seen", None, 1)


@pytest.mark.parametrize("nobody", ["", None, "-", "00000", "99999"])
def test_a_visit_that_names_nobody_was_seen(take: Any, nobody: str | None) -> None:
    [claim], _ = take(visit(nobody), settled())
    assert claim["physician_code"] is None
    assert "visit" not in claim


def test_who_made_the_main_diagnosis_is_responsible_where_no_attending_physician_is_named(take: Any) -> None:
    doctors = [{"dise_dor_no": OTHER, "maindise_flag": "0"}, {"dise_dor_no": DOCTOR, "maindise_flag": 1}]
    told = message("2203", {"mdtrtinfo": {"mdtrt_id": VISIT, "begntime": "2024-03-14 08:30:00"}, "diseinfo": doctors})
    [claim], _ = take(told, settled())
    assert claim["physician_code"] == DOCTOR
    assert claim["people"] == [{"person": OTHER, "role": "other", "day": "2024-03-14"}]


def test_the_attending_physician_goes_before_whoever_diagnosed(take: Any) -> None:
    node = {"mdtrtinfo": {"mdtrt_id": VISIT}, "diseinfo": [{"dise_dor_no": OTHER, "maindise_flag": "1"}]}
    [claim], _ = take(message("2203", node), visit(DOCTOR), settled())
    assert claim["physician_code"] == DOCTOR
    assert claim["people"] == [{"person": OTHER, "role": "other", "day": "2024-03-14"}]


def test_a_settlement_of_an_export_that_names_its_physician_needs_no_visit(take: Any) -> None:
    joined = {**row(atddr_no=OTHER), "fixmedins_code": HOSPITAL}
    [claim], _ = take(joined)
    assert claim["physician_code"] == OTHER
    assert "visit" not in claim
    [claim], _ = take(joined, visit(DOCTOR))
    assert claim["physician_code"] == DOCTOR


def test_two_visits_that_contradict_each_other_at_one_time_leave_the_physician_to_a_person(take: Any) -> None:
    [claim], taken = take(visit(DOCTOR), visit(OTHER), settled())
    assert (claim["physician_code"], claim["visit"]) == (None, "not_seen")
    assert taken.set_aside["id_conflict"].rows == 1


def test_the_same_visit_number_of_two_institutions_is_two_visits(take: Any) -> None:
    elsewhere = visit(OTHER, fixmedins_code="H52272300002")
    [claim], taken = take(elsewhere, visit(), settled())
    assert (claim["physician_code"], taken.visits_without_settlement) == (DOCTOR, 1)


def test_without_a_place_of_care_the_division_in_the_institutions_code_counts(take: Any) -> None:
    [claim], _ = take({**settled(), "mdtrtarea_admvs": "", "insuplc_admdvs": "110101"})
    assert (claim["region"], claim["insured_region"]) == ("522701", "110101")
    claims, taken = take({**settled(), "mdtrtarea_admvs": "", "fixmedins_code": "12345"})
    assert claims == []
    assert "mdtrtarea_admvs: missing" in taken.set_aside["missing_field"].reason


# -- lines --------------------------------------------------------------------------------------------------------


def test_a_cancelled_line_is_netted_wholly_or_in_part_wherever_its_cancellation_stands(take: Any) -> None:
    first = {"feedetl_sn": "A"}, {"feedetl_sn": "B", "cnt": "3", "det_item_fee_sumamt": "30.00"}
    back = (
        {"feedetl_sn": "A-", "init_feedetl_sn": "A", "cnt": -2, "det_item_fee_sumamt": -20},
        {"feedetl_sn": "B-", "init_feedetl_sn": "B", "cnt": "-1", "det_item_fee_sumamt": "-10"},
    )
    [claim], taken = take(visit(), lines(*back), lines(*first), settled())
    assert [(line["amount"], line["quantity"]) for line in claim["lines"]] == [("20.00", "2")]
    assert taken.fee_lines == 4


def test_both_spellings_of_the_billing_physician_are_known_and_a_line_that_names_nobody_is_counted(take: Any) -> None:
    [claim], taken = take(
        visit(), lines({"bilg_dr_codg": "", "bilg_dr_code": DOCTOR}, {"bilg_dr_codg": None}), settled()
    )
    assert [line["person"] for line in claim["lines"]] == [DOCTOR]
    assert taken.doubts["lines_without_person"] == 1


def test_lines_belong_to_the_settlement_that_came_after_them_or_to_that_of_their_batch(take: Any) -> None:
    rows = (
        {"feedetl_sn": "early", "fee_ocur_time": "2024-03-10 10:00:00", "bilg_dr_codg": DOCTOR},
        {"feedetl_sn": "late", "fee_ocur_time": "2024-03-13 10:00:00"},
        {"feedetl_sn": "after", "fee_ocur_time": "2024-03-16 10:00:00"},
    )
    interim = settled("2024-03-11 09:00:00", 2304, setl_id="S0", setl_time="2024-03-11 09:00:00", mid_setl_flag="1")
    claims, taken = take(lines(*rows), interim, settled(infno=2304))
    found = {claim["claim_id"]: [line["person"] for line in claim["lines"]] for claim in claims}
    assert found == {"S0": [DOCTOR], "S1": [OTHER]}
    assert [claim.get("interim") for claim in claims] == [True, None]
    assert taken.lines_not_settled == 1

    batch = {"feedetl_sn": "b", "fee_ocur_time": "2024-03-10 10:00:00", "chrg_bchno": "7"}
    claims, _ = take(lines(batch), interim, settled(infno=2304, chrg_bchno="7"))
    assert {claim["claim_id"]: "lines" in claim for claim in claims} == {"S0": False, "S1": True}


def test_a_stay_with_more_lines_than_a_message_may_hold_names_its_people_by_day(take: Any) -> None:
    many = [{"feedetl_sn": f"{number:020}", "bilg_dr_codg": DOCTOR if number % 2 else OTHER} for number in range(9000)]
    [claim], taken = take(visit(), lines(*many), settled())
    assert sorted((line["person"], line["amount"]) for line in claim["lines"]) == [
        (DOCTOR, "90000.00"), (OTHER, "90000.00"),
    ]  # fmt: skip
    assert taken.doubts["lines_summed_by_person_and_day"] == 1


# -- classes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "code", "kind"),
    [
        ("522701", "13", "emergency"), ("522701", "21", "inpatient"), ("522701", "51", "maternity"),
        ("430102", "9902", "rescue"), ("500101", "9902", "inpatient"), ("522701", "9902", "unknown"),
        ("430102", "9903", "unknown"), ("500101", "9903", "outpatient"), ("500101", "9922", "rescue"), ("522701", "77", "unknown"),
    ],
)  # fmt: skip
def test_a_visit_class_means_what_the_table_of_its_area_says(take: Any, place: str, code: str, kind: str) -> None:
    [claim], taken = take(visit(), {**settled(med_type=code), "mdtrtarea_admvs": place})
    assert claim["encounter_type"] == kind
    assert claim.get("encounter_code") == (code if kind == "unknown" else None)
    assert dict(taken.encounter_unknown) == ({code: 1} if kind == "unknown" else {})


def test_a_stay_that_began_as_an_emergency_says_so(take: Any) -> None:
    [claim], _ = take(settled(med_type=24, infno=2304))
    assert (claim["encounter_type"], claim["emergency_origin"]) == ("inpatient", True)


def test_a_pharmacy_waits_for_no_visit_and_names_who_prescribed(take: Any) -> None:
    [claim], _ = take(lines({}), settled(med_type="41"))
    assert claim["encounter_type"] == "pharmacy"
    assert "visit" not in claim
    assert claim["people"] == [{"person": OTHER, "role": "prescriber", "day": "2024-03-14"}]


def test_the_table_knows_every_class_of_the_shipped_mapping_as_the_same(take: Any) -> None:
    values = load_mapping("national-settlement").fields["encounter_type"].values or {}
    day = dt.date(2024, 3, 14)
    assert {code: CLASSES.find("522700", code, day).encounter.value for code in values} == values


def test_a_table_of_ones_own_goes_first_and_holds_for_its_days(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    line = '{code: "9977", name: 抢救, encounter: rescue, area: "5227", from: 2023-01-01, to: 2023-12-31, sources: [州医保局]}'
    own.write_text(f"classes:\n  - {line}\n", "utf-8")
    made = load_classes(own)
    assert made.find("522701", "9977", dt.date(2023, 12, 31)).encounter is EncounterType.RESCUE
    assert made.find("522701", "9977", dt.date(2024, 1, 1)).encounter is EncounterType.UNKNOWN
    assert made.find("520100", "9977", dt.date(2023, 12, 31)).encounter is EncounterType.UNKNOWN


def test_codes_of_before_the_national_platform_are_not_read_by_its_table() -> None:
    assert CLASSES.find("522701", "12", dt.date(2019, 12, 31)).encounter is EncounterType.UNKNOWN


def test_everything_wrong_in_a_table_is_told_at_once() -> None:
    text = 'classes:\n  - {code: "1", name: x, encounter: kind, area: "x", from: 2020-01-01, sources: [y]}\n'
    with pytest.raises(MappingError) as told:
        parse_classes(text, "own.yaml")
    assert len(told.value.problems) == 2


@pytest.mark.parametrize("how", ["option", "setting"])
def test_a_process_that_is_given_a_table_which_cannot_be_used_says_so_and_does_not_begin(
    tmp_path: Path, how: str
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("classes:\n  - {code: x}\n", "utf-8")
    options, settings = (["--classes", own], {}) if how == "option" else ([], {"intake_classes_file": own})
    done = screening("intake", "--live", *options, **settings)
    assert done.returncode == 2
    assert "own.yaml" in done.stderr
    assert "encounter" in done.stderr


# -- corrections and refunds --------------------------------------------------------------------------------------


def test_a_later_message_that_says_otherwise_is_a_further_version(take: Any) -> None:
    claims, _ = take(asked("2024-03-15 08:00:00", fund_pay_sumamt=60), settled(), visit())
    assert [(claim["claim_version"], claim["fund_amount"]) for claim in claims] == [(1, "70.00"), (2, "60.00")]


def test_a_later_message_that_only_adds_is_the_same_version(take: Any) -> None:
    days = {"begndate": "2024-03-12", "enddate": "2024-03-13"}
    [claim], _ = take(settled(), asked("2024-03-15 08:00:00", **days), visit())
    assert (claim["service_start"], claim["service_date"]) == ("2024-03-12", "2024-03-13")


def test_two_settlements_of_one_number_that_contradict_each_other_at_one_time_make_no_claim(take: Any) -> None:
    claims, taken = take(settled(), settled(fund_pay_sumamt=60), settled(), visit())
    assert claims == []
    assert taken.set_aside["id_conflict"].rows == 3
    assert taken.settlements == 0


def test_a_settlement_that_carries_the_flag_is_taken_back_by_a_version_of_the_other_sign(take: Any) -> None:
    claims, taken = take(visit(), lines({}), settled(), asked("2024-03-15 08:00:00", refd_setl_flag="1"))
    assert [(claim["claim_version"], claim["fund_amount"]) for claim in claims] == [(1, "70.00"), (2, "-70.00")]
    assert claims[1]["reverses"] == {"institution_code": HOSPITAL, "claim_id": "S1", "claim_version": 1}
    assert claims[1]["lines"][0]["amount"] == "-20.00"
    assert claims[1]["physician_code"] == DOCTOR
    assert taken.refunds == 1


@pytest.mark.parametrize("named", ["S1", None])
def test_a_refund_of_its_own_takes_back_what_it_names_or_the_only_one_of_its_amounts(
    take: Any, named: str | None
) -> None:
    back = {
        "setl_id": "S2", "medfee_sumamt": -100, "fund_pay_sumamt": -70, "refd_setl_flag": 1, "init_setl_id": named,
        "setl_time": "2024-03-15 08:00:00",
    }  # fmt: skip
    claims, _ = take(
        asked("2024-03-15 08:01:00", refd_setl_flag=1), asked("2024-03-15 08:00:00", **back), settled(), visit()
    )
    assert [(claim["claim_id"], claim["fund_amount"]) for claim in claims] == [("S1", "70.00"), ("S2", "-70.00")]
    assert claims[1]["reverses"]["claim_id"] == "S1"
    assert claims[1]["service_date"] == claims[0]["service_date"]


def test_a_part_that_is_paid_back_is_a_refund_of_that_amount(take: Any) -> None:
    back = {"setl_id": "S2", "medfee_sumamt": 40, "fund_pay_sumamt": 30, "refd_setl_flag": "1", "init_setl_id": "S1"}
    claims, _ = take(visit(), settled(), asked("2024-03-15 08:00:00", **back))
    assert sums(claims) == 40
    assert claims[1]["reverses"]["claim_id"] == "S1"


@pytest.mark.parametrize("flag", ["2", "yes please", 1.5])
def test_an_unknown_flag_is_set_aside_and_never_taken_for_not_refunded(take: Any, flag: Any) -> None:
    claims, taken = take(settled(refd_setl_flag=flag))
    assert claims == []
    assert "refd_setl_flag" in taken.set_aside["invalid_value"].reason


@pytest.mark.parametrize("infno", ["2202", "2205", 2208, "2302", "2305", "2404"])
def test_a_cancellation_that_no_document_describes_is_named_and_not_passed_over(take: Any, infno: Any) -> None:
    _, taken = take(settled(), message(infno, {"data": {"mdtrt_id": VISIT, "setl_id": "S1"}}))
    assert taken.set_aside["unknown_type"].rows == 1
