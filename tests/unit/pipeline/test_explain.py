"""`screening explain`: the gate's own decision on one claim, and everything behind it, as an adjudicator would sign it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec

from pipeline.conformance.cases import REGIONS, Case, read_case
from pipeline.conformance.run import run_cases
from pipeline.explain.explaining import explain_claim
from pipeline.explain.view import as_data
from pipeline.settings.packs import load_pack_set
from rules.calendar import MONDAY_TO_FRIDAY
from rules.events import CHINA, Event, encode
from tests.support.explaining import TWELVE, claim, event

CASES = Path(__file__).parents[1] / "rules" / "cases"
PACKS = load_pack_set(switched_on=("shantou-2022-draft",))


def told(wanted: bytes, *lines: bytes, as_of: str | None = None, today: str = "2026-01-01") -> dict[str, Any]:
    day = None if as_of is None else dt.date.fromisoformat(as_of)
    done = explain_claim(wanted, lines, PACKS, as_of=day, today=day or dt.date.fromisoformat(today))
    return as_data(done.chain, done.verdict, done.as_of)


def wire(case: Case) -> tuple[bytes, list[bytes]]:
    """A worked case as a claim and events on the wire."""
    facts = case.claim
    fields: dict[str, Any] = {
        "region": REGIONS[case.locality],
        "institution_code": facts["institution"],
        "physician_code": facts.get("physician_code"),
        "encounter_type": facts["encounter_type"],
        "service_start": facts.get("service_start"),
    }
    if facts.get("drug"):
        fields["drug"] = facts["drug"]
    return claim(facts["service_date"], **fields), [
        encode(recorded(item, place)) for place, item in enumerate(case.events)
    ]


def recorded(item: Event, place: int) -> Event:
    """Recorded on its own day, in the order of the history (determination G1)."""
    at = dt.datetime.combine(item.date, dt.time(8), CHINA) + dt.timedelta(seconds=place)
    return msgspec.structs.replace(item, recorded_at=at)


def cases() -> list[Case]:
    files = (CASES / "cases-open.jsonl", CASES / "cases-generated.jsonl")
    return [read_case(msgspec.json.decode(line)) for file in files for line in file.read_bytes().splitlines()]


def test_every_worked_case_is_explained_by_the_decision_that_conformance_takes() -> None:
    """Law 2: one law. And every explanation has its ground, its article and both languages."""
    every = cases()
    answers = run_cases(every, PACKS, MONDAY_TO_FRIDAY)
    for case, answer in zip(every, answers, strict=True):
        wanted, lines = wire(case)
        done = explain_claim(wanted, lines, PACKS, as_of=None, today=dt.date(2026, 1, 1))
        verdict, chain = done.verdict, done.chain
        got = {name: verdict[name] for name in ("disposition", "reason", "standing", "cost_bearer", "penalty_period")}
        assert got == {name: answer[name] for name in got}, case.id
        assert done.unusable == (), (case.id, done.unusable)
        assert chain.ground.zh.endswith("。"), case.id
        assert chain.ground.en.endswith("."), case.id
        assert verdict["rule_pack"] in chain.articles.en, case.id
        if verdict["disposition"] != "pay":
            assert verdict["citations"], case.id
            assert all(article in chain.articles.en for article in verdict["citations"]), case.id
            marked = {line.event_id for line in chain.history if line.cause}
            assert set(marked) <= {item.event_id for item in case.events}, case.id
        if verdict["penalty_period"] is not None:
            assert any(verdict["penalty_period"][0] in said.en for said in chain.window), case.id


def test_a_penalty_is_told_with_its_points_its_window_and_what_comes_next() -> None:
    answer = told(claim(), *TWELVE, event("n3", "notice_received", "2023-05-15", ref="d3"), as_of="2023-05-20")
    assert answer["decision"] == {
        "zh": "医保基金应支付部分不予结算（基金支付部分98.70元）；该部分由医疗机构自行承担，不得转嫁给参保人员。",
        "en": "The fund share is not settled (98.70 yuan); the institution bears it and may not shift it to the patient.",
    }
    assert answer["ground"]["zh"] == "服务日期处于该医师责罚期内。"
    totals = [
        (line["event_id"], line["total"], line["year_total"]) for line in answer["history"] if line["total"] is not None
    ]
    assert totals == [("d1", 6, 6), ("b1", 6, 6), ("d2", 8, 8), ("d3", 12, 12)]
    assert answer["history"][-2]["effects"] == [
        {
            "zh": "满12分：责罚期2023-05-11至2023-08-10，重新累计（三(二)1）",
            "en": "12 reached: penalty period 2023-05-11 to 2023-08-10, counting starts again (三(二)1)",
        }
    ]
    assert answer["window"][0]["en"] == (
        "The decision of 2023-05-10 (d3): 3 months, counted from the day after the decision to the corresponding day, both "
        "included: 2023-05-11 to 2023-08-10 (三(二)1)."
    )
    assert answer["window"][1]["zh"] == "服务日期2023-05-12是92天中的第2天。"
    review, lock, apply, decide = answer["next"]
    assert (review["until"], review["citation"]) == ("2023-05-24", "三(二)4")
    assert review["when"]["zh"] == "2023-05-15（n3）起7个工作日，至2023-05-24"
    assert lock["when"]["zh"] == "及时（未定天数）"
    assert (apply["from"], apply["actor"]["en"]) == ("2023-08-11", "institution")
    assert decide["when"]["en"] == "within 5 working days of the application for reinstatement (none is recorded)"


def test_a_limit_over_a_holiday_is_counted_in_working_days_of_the_official_calendar() -> None:
    """Notice on 2023-09-27; Mid-Autumn and National Day run from 09-29 to 10-06, 10-07 and 10-08 are made up."""
    lines = [
        event("r1", "registration", "2023-01-03"),
        event("d1", "deduction", "2023-09-25", points=12, violation_id="QN-T12-01"),
    ]
    answer = told(
        claim("2023-09-26"), *lines, event("n1", "notice_received", "2023-09-27", ref="d1"), as_of="2023-09-28"
    )
    assert answer["next"][0]["until"] == "2023-10-12"


def test_a_limit_in_a_year_without_a_holiday_notice_says_so() -> None:
    lines = [
        event("r1", "registration", "2030-01-03"),
        event("d1", "deduction", "2030-05-06", points=12, violation_id="QN-T12-01"),
    ]
    answer = told(
        claim("2030-05-07"), *lines, event("n1", "notice_received", "2030-05-08", ref="d1"), as_of="2030-05-09"
    )
    assert (
        "the notice of 2030 is not known yet: counted by weekends and statutory holidays alone"
        in answer["next"][0]["when"]["en"]
    )


def test_a_review_request_in_time_and_one_too_late_are_told_apart() -> None:
    notice = event("n3", "notice_received", "2023-05-15", ref="d3")
    in_time = told(claim(), *TWELVE, notice, event("a3", "appeal_filed", "2023-05-24", ref="d3"))
    assert in_time["next"][0]["when"]["en"].endswith("until 2023-05-24; done on 2023-05-24 (a3)")
    late = told(claim(), *TWELVE, notice, event("a3", "appeal_filed", "2023-05-25", ref="d3"))
    assert late["next"][0]["when"]["zh"].endswith("至2023-05-24；已于2023-05-25办理（a3），逾期")
    never = told(claim(), *TWELVE, notice, as_of="2023-06-01")
    assert never["next"][0]["when"]["zh"].endswith("期限已过，未行使"), "a right is not missed (D1)"


def test_after_the_penalty_the_application_sets_the_agency_five_working_days() -> None:
    """000 三(二)5: applied on Friday 2023-08-18, so the agency decides by Friday 2023-08-25."""
    answer = told(
        claim("2023-08-20"), *TWELVE, event("p1", "reinstatement_application", "2023-08-18"), as_of="2023-08-21"
    )
    assert answer["verdict"]["reason"] == "pending_reinstatement"
    assert answer["window"][1]["en"] == "The service date 2023-08-20 is day 10 after its end."
    agency = answer["next"][-1]
    assert (agency["until"], agency["actor"]["zh"]) == ("2023-08-25", "属地医保经办机构")


def test_a_blacklisted_physician_learns_the_first_day_of_a_new_application() -> None:
    lines = (
        event("r1", "registration", "2023-01-03"),
        event("d1", "deduction", "2023-05-10", points=12, violation_id="QN-T12-01"),
    )
    answer = told(claim("2023-12-01"), *lines)
    assert answer["verdict"]["reason"] == "blacklisted"
    assert "no new application from 2023-08-11 to 2026-08-10: 36 months" in " ".join(
        said["en"] for said in answer["window"]
    )
    assert [step["from"] for step in answer["next"] if step["from"]] == ["2026-08-11"]
    assert [said["zh"] for said in answer["history"][-1]["effects"]][-1] == "一次性扣12分：列入黑名单（四(二)）"


def test_the_years_are_counted_apart_and_the_long_penalty_is_told_once() -> None:
    """12 in each of two consecutive years: twelve months in place of three (000 三(二)1)."""
    lines = [
        event("r1", "registration", "2023-01-03"),
        event("d1", "deduction", "2023-02-01", points=6, violation_id="QN-T6-01"),
        event("d2", "deduction", "2023-03-01", points=6, violation_id="QN-T6-01"),
        event("v1", "reinstatement", "2023-07-01"),
        event("d3", "deduction", "2024-02-01", points=6, violation_id="QN-T6-01"),
        event("d4", "deduction", "2024-03-01", points=6, violation_id="QN-T6-01"),
    ]
    answer = told(claim("2024-12-01"), *lines)
    last = answer["history"][-1]
    assert (last["total"], last["year_total"]) == (12, 12)
    assert [said["en"] for said in last["effects"]] == [
        "12 in each of two consecutive years: penalty period 2024-03-02 to 2025-03-01 (三(二)1)",
        "12 reached: counting starts again (三(二)1)",
    ]
    assert answer["window"][0]["zh"].startswith("2024-03-01的决定（d4）：12个月，决定次日起至对应日止")


def test_a_second_cycle_in_one_year_starts_from_zero() -> None:
    lines = [
        event("r1", "registration", "2023-01-03"),
        event("d1", "deduction", "2023-02-01", points=12, cases=2, violation_id="QN-T6-01"),
        event("v1", "reinstatement", "2023-06-01"),
        event("d2", "deduction", "2023-07-01", points=2, violation_id="QN-T2-01"),
        event("d3", "deduction", "2023-08-01", points=12, cases=2, violation_id="QN-T6-01"),
    ]
    answer = told(claim("2023-08-05"), *lines)
    totals = [(line["total"], line["year_total"]) for line in answer["history"] if line["total"] is not None]
    assert totals == [(12, 12), (2, 14), (14, 26)]


def test_a_stay_over_the_edge_says_how_many_days_lie_inside() -> None:
    answer = told(claim("2023-05-12", service_start="2023-05-08", encounter_type="inpatient"), *TWELVE)
    assert answer["verdict"]["reason"] == "straddles_penalty"
    assert answer["window"][1]["zh"] == "住院2023-05-08至2023-05-12共5天，其中2天在期限内。"


def test_an_emergency_in_the_penalty_period_is_paid_and_says_why() -> None:
    answer = told(claim(encounter_type="emergency"), *TWELVE)
    assert answer["ground"] == {
        "zh": "服务日期处于该医师责罚期内；但急诊属除外情形。",
        "en": "The service date lies in the physician's penalty period; but emergency care is exempted.",
    }
    assert answer["next"] == []


def test_a_cancelled_physician_of_lanzhou_learns_the_bar_and_the_earliest_return() -> None:
    """002 第十八条: one year after the first cancellation, D = 2015-03-10, so from 2016-03-11."""
    lines = [
        event("r1", "registration", "2015-01-05", "620100"),
        event("g1", "agreement", "2015-01-05", "620100", start="2015-01-05", end="2017-01-04"),
        event("d1", "deduction", "2015-03-10", "620100", points=10, violation_id="LZ-T10-01"),
    ]
    answer = told(claim("2015-06-01", region="620100"), *lines)
    assert answer["verdict"]["reason"] == "cancelled"
    assert (
        answer["window"][0]["zh"]
        == "2015-03-10取消资格（第1次），自次日起12个月内不得再次取得资格：最早2016-03-11（第十八条）。"
    )
    assert {step["from"] for step in answer["next"]} == {"2016-03-11"}
    assert answer["decision"]["zh"].endswith("条文未规定由谁承担。")


def test_a_suspension_in_lanzhou_ends_by_itself() -> None:
    lines = [
        event("r1", "registration", "2015-01-05", "620100"),
        event("g1", "agreement", "2015-01-05", "620100", start="2015-01-05", end="2017-01-04"),
        event("d1", "deduction", "2015-03-10", "620100", points=5, violation_id="LZ-T5-01"),
        event("d2", "deduction", "2015-03-31", "620100", points=1, violation_id="LZ-T13-06"),
    ]
    answer = told(claim("2015-06-01", region="620100"), *lines)
    assert answer["verdict"]["reason"] == "suspended"
    assert answer["next"][0]["from"] == "2015-07-01"
    assert "without any application" in answer["next"][0]["act"]["en"]
    assert answer["window"][-1]["en"] == "On 2015-06-01: 6 points in the term, 4 of 10 left."


def test_an_institution_whose_agreement_ended_is_told_with_its_headcount() -> None:
    """002 第二十二条: 1 of 20 is 5 %."""
    lines = [
        event("r1", "registration", "2015-01-05", "620100"),
        event("g1", "agreement", "2015-01-05", "620100", start="2015-01-05", end="2017-01-04"),
        event(
            "s1",
            "institution_snapshot",
            "2015-05-04",
            "620100",
            physician_code=None,
            approved_physicians=20,
            cancelled_in_term=1,
        ),
    ]
    answer = told(claim("2015-06-01", region="620100"), *lines)
    assert answer["verdict"]["reason"] == "institution_agreement_terminated"
    assert answer["history"][-1]["text"]["zh"] == "H1：核定医师20人，协议期内取消1人（5.0%）"
    assert answer["history"][-1]["cause"]
    assert "from 2015-05-05 on" in answer["window"][-1]["en"]


def test_a_late_review_upheld_is_told_as_a_contradiction() -> None:
    lines = (
        *TWELVE,
        event("n3", "notice_received", "2023-05-11", ref="d3"),
        event("a3", "appeal_filed", "2023-06-20", ref="d3"),
        event("u3", "appeal_upheld", "2023-06-28", ref="d3"),
    )
    answer = told(claim(), *lines)
    assert (answer["verdict"]["disposition"], answer["verdict"]["reason"]) == ("review", "data_conflict")
    assert [issue["code"] for issue in answer["issues"]] == ["late_review_upheld"]


def test_a_review_with_two_answers_is_told_as_a_contradiction() -> None:
    lines = (
        *TWELVE,
        event("a3", "appeal_filed", "2023-05-15", ref="d3"),
        event("u3", "appeal_upheld", "2023-05-28", ref="d3"),
        event("r3", "appeal_rejected", "2023-05-29", ref="d3"),
    )
    answer = told(claim(), *lines)
    assert (answer["verdict"]["disposition"], answer["verdict"]["reason"]) == ("review", "data_conflict")
    assert [(issue["code"], issue["event_id"]) for issue in answer["issues"]] == [("answered_both_ways", "r3")]


def test_only_what_was_known_counts() -> None:
    upheld = (event("a3", "appeal_filed", "2023-05-15", ref="d3"), event("u3", "appeal_upheld", "2023-06-01", ref="d3"))
    assert told(claim(), *TWELVE, *upheld, as_of="2023-05-31")["verdict"]["disposition"] == "reject"
    after = told(claim(), *TWELVE, *upheld, as_of="2023-06-01")
    assert after["verdict"]["disposition"] == "pay"
    assert "复核后按0分计" in next(line for line in after["history"] if line["event_id"] == "d3")["text"]["zh"]


def test_a_missing_physician_has_no_history_and_a_duty_to_name_one() -> None:
    answer = told(claim(physician_code=" "), *TWELVE)
    assert answer["verdict"]["reason"] == "physician_missing"
    assert answer["history"] == []
    assert answer["next"][0]["act"]["zh"] == "上传主要负责医师信息"
