"""The pre-check over HTTP: the gate's answer, by the same law, in the asker's language, and never silent about the register."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import date
from itertools import cycle
from typing import Any

import msgspec
import pytest

from pipeline.screening.gate import Gate
from tests.support.judging import bare, judge, make_gate
from tests.support.prechecks import (
    AS_OF,
    INSTITUTION,
    OTHER,
    Desk,
    ask,
    desk,
    gate_of_one,
    standing,
)
from tests.support.runs import sample
from tests.support.spoiled import SPOILED, claim
from tests.support.thorough import share
from tests.support.waiting import wait_for
from topics.messages.verdicts import Verdict


@pytest.fixture(scope="module")
def gate() -> Gate:
    return gate_of_one()


@pytest.fixture
def counter(gate: Gate) -> Iterator[Desk]:
    with desk(gate) as made:
        yield made


IN_PENALTY = {"service_date": "2023-06-10", "settlement_time": "2023-06-10T09:00:00+08:00"}


# -- the answer ---------------------------------------------------------------------------------------------------


def test_one_claim_is_answered_with_its_verdict_why_and_what_can_be_done(counter: Desk) -> None:
    told = ask(counter, claim(**IN_PENALTY), headers={"Accept-Language": "en"})

    assert (told.status_code, told.headers["content-language"], told.headers["cache-control"]) == (
        200,
        "en",
        "no-store",
    )
    body = told.json()
    assert body["register"] == {"as_of": AS_OF, "progress": {"0": 7}, "current": True}
    (answer,) = body["answers"]
    Verdict.model_validate_json(json.dumps(answer["verdict"]))
    assert (answer["verdict"]["disposition"], answer["verdict"]["reason"]) == ("reject", "in_penalty_period")
    assert answer["verdict"]["source"] == {"topic": "precheck", "partition": 0, "offset": 0}
    assert "penalty period (2023-05-11 to 2023-08-10)" in answer["explanation"]
    assert answer["evidence"] == ["ev-2", "ev-3"]
    assert answer["case_id"].startswith("case-")
    after = [step for step in answer["next"] if "from" in step]
    assert [step["from"] for step in after] == ["2023-08-11"], "the day after the penalty period"
    assert {step["actor"] for step in answer["next"]} >= {"institution", "local agency"}


def test_the_answer_is_in_the_language_that_was_asked_for(counter: Desk) -> None:
    chinese = ask(counter, claim(**IN_PENALTY)).json()["answers"][0]
    english = ask(counter, claim(**IN_PENALTY), params={"lang": "en"}).json()["answers"][0]
    assert "服务日期处于该医师责罚期内" in chinese["explanation"]
    assert english["explanation"].startswith("Outpatient service")
    assert chinese["verdict"] | {"screened_at": 0} == english["verdict"] | {"screened_at": 0}


def test_a_claim_that_is_paid_has_nothing_to_be_done(counter: Desk) -> None:
    (answer,) = ask(counter, claim()).json()["answers"]
    assert (answer["verdict"]["disposition"], answer.get("next", []), answer.get("case_id")) == ("pay", [], None)


def test_thousands_of_claims_have_the_verdicts_that_the_gate_gives_them() -> None:
    """One law: whatever the size of a request, and with what is no claim among them."""
    register, claims = sample(seed=18, claims=share(50_000), physicians=200)
    spoiled = [one.value for one in SPOILED if one.value is not None and len(one.value) < 10_000]
    readable = [value for value in spoiled if _is_json(value)]
    for number, value in enumerate(readable):
        claims.insert(number * 150, value)
    gate = make_gate(register)
    judged = judge(gate, claims)
    expected = [bare(json.loads(record["value"])) for record in judged.verdicts]
    cases: list[str] = []
    found: list[dict] = []
    refused = 0
    with desk(gate, precheck_claims_per_s=10_000_000, log_level="warning") as counter:
        at = 0
        for size in cycle((1, 1, 3, 40, 200, 201, 700, 1000)):
            sent = claims[at : at + size]
            if not sent:
                break
            answers = ask(counter, sent)
            assert answers.status_code in (200, 422), answers.text[:300]
            for one in answers.json().get("answers", []):
                if "problem" in one:
                    refused += 1
                else:
                    found.append(bare(one["verdict"]))
                    cases += [one["case_id"]] if "case_id" in one else []
            refused += len(sent) if answers.status_code == 422 else 0
            at += size
    assert found == expected
    assert cases == [record["key"] for record in judged.cases], "a case has the id that was told at the counter"
    assert refused == len(readable)
    assert len({(one["disposition"], one["reason"]) for one in found}) > 25


def _is_json(value: bytes) -> bool:
    try:
        msgspec.json.decode(value)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return False
    return True


# -- the standing of a day ----------------------------------------------------------------------------------------


def test_a_physician_in_a_penalty_period_may_not_serve_until_its_end_save_in_an_emergency(counter: Desk) -> None:
    told = standing(counter, on="2023-06-10", institution=INSTITUTION, lang="en").json()
    answer = told["answer"]
    assert (answer["may_serve"], answer["in_emergency"], answer["until"]) == (False, True, "2023-08-10")
    assert (answer["standing"], answer["reason"]) == ("penalty", "in_penalty_period")
    assert told["register"]["current"] is True


def test_the_day_before_a_penalty_period_is_the_last_on_which_the_physician_may_serve(counter: Desk) -> None:
    answer = standing(counter, on="2023-05-01", institution=INSTITUTION).json()["answer"]
    assert (answer["may_serve"], answer["until"]) == (True, "2023-05-10")
    later = standing(counter, on="2024-01-01", institution=INSTITUTION).json()["answer"]
    assert (later["may_serve"], later["until"], later["looked_until"]) == (True, None, "2024-12-31")


def test_a_standing_is_that_of_a_claim_of_the_day(counter: Desk) -> None:
    for day in ("2022-03-01", "2023-05-10", "2023-05-11", "2023-08-10", "2023-08-11"):
        for place in (INSTITUTION, OTHER):
            answer = standing(counter, on=day, institution=place).json()["answer"]
            sent = claim(service_date=day, settlement_time=f"{day}T10:00:00+08:00", institution_code=place)
            verdict = ask(counter, sent).json()["answers"][0]["verdict"]
            shared = ("disposition", "reason", "standing", "penalty_period", "rule_pack", "citations")
            assert {name: answer[name] for name in shared} == {name: verdict[name] for name in shared}


def test_what_is_wrong_with_a_question_about_a_day_is_told_all_at_once(counter: Desk) -> None:
    told = counter.http.get("/v1/physicians/52/D1", params={"on": "2023-02-30"})
    assert (told.status_code, told.headers["content-type"]) == (422, "application/problem+json")
    assert {error["parameter"] for error in told.json()["errors"]} == {"region", "institution", "on"}


def test_without_a_day_it_is_today_in_china(counter: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counter.api, "now", lambda: date_time(2023, 6, 10))
    assert standing(counter, institution=INSTITUTION).json()["answer"]["on"] == "2023-06-10"


def date_time(*day: int) -> Any:
    class Now:
        @staticmethod
        def date() -> date:
            return date(*day)

    return Now


# -- what is no claim ---------------------------------------------------------------------------------------------


def test_everything_wrong_with_a_claim_is_told_at_once_field_by_field_and_no_value_is_repeated(counter: Desk) -> None:
    bad = claim(fund_amount="12,30", service_date="2023-02-30", insured_id=17, region="52").replace(b'"C0001"', b'" "')
    told = ask(counter, bad, headers={"Accept-Language": "en"})
    assert (told.status_code, told.headers["content-type"]) == (422, "application/problem+json")
    body = told.json()
    assert (body["type"], body["status"]) == ("urn:screening:problem:not_valid", 422)
    assert {error["pointer"]: error["code"] for error in body["errors"]} == {
        "/claim_id": "invalid_value", "/region": "invalid_value", "/service_date": "invalid_value",
        "/insured_id": "wrong_type", "/fund_amount": "invalid_value",
    }  # fmt: skip
    assert "12,30" not in told.text


def test_a_bad_claim_of_a_list_costs_no_good_one(counter: Desk) -> None:
    told = ask(counter, [claim(claim_id="A"), claim(fund_amount=""), claim(claim_id="B")]).json()["answers"]
    assert [one.get("verdict", {}).get("claim_id") for one in told] == ["A", None, "B"]
    assert [one["verdict"]["source"]["offset"] for one in told if "verdict" in one] == [0, 2]
    assert told[1]["problem"]["errors"][0]["pointer"] == "/fund_amount"
    nothing_good = ask(counter, [b"17", claim(region=None)])
    assert nothing_good.status_code == 422
    assert [error["pointer"] for error in nothing_good.json()["errors"]] == ["/0", "/1/region"]


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"", 400, "unreadable"), (b"{", 400, "unreadable"), (b"[{}", 400, "unreadable"), (b"[]", 422, "not_valid"),
        (b"[" + b"1," * 1000 + b"1]", 413, "too_many_claims"), (b'"' + b"x" * 20_000 + b'"', 413, "too_large"),
        (b"[" * 100_000, 413, "too_large"), (b"[" * 9_000, 400, "unreadable"), (b"null", 422, "not_valid"),
    ],
)  # fmt: skip
def test_a_body_that_is_no_question_is_refused_with_its_reason(gate: Gate, body: bytes, status: int, kind: str) -> None:
    with desk(gate, precheck_max_body_bytes=10_000) as counter:
        told = ask(counter, body)
        assert (told.status_code, told.json()["type"]) == (status, f"urn:screening:problem:{kind}")


def test_an_unknown_path_and_a_wrong_method_are_problems_too(counter: Desk) -> None:
    assert counter.http.get("/v2/x").json()["type"] == "urn:screening:problem:not_found"
    told = counter.http.get("/v1/precheck")
    assert (told.status_code, told.headers["allow"], told.json()["status"]) == (405, "POST", 405)


# -- the register -------------------------------------------------------------------------------------------------

ABSENT = claim(physician_code="D522701999999")


@pytest.mark.parametrize(
    ("policy", "status", "reason"),
    [("hold", 503, None), ("review", 200, "standing_stale"), ("proceed", 200, "in_penalty_period")],
)
def test_by_a_register_that_is_too_old_the_policy_decides_and_the_answer_says_so(gate, policy, status, reason) -> None:
    with desk(gate, staleness_policy=policy, staleness_limit_s=30) as counter:
        counter.view.age_s = 31
        told = ask(counter, claim(**IN_PENALTY), params={"lang": "en"})
        assert told.status_code == status
        if status == 503:
            assert (told.headers["retry-after"], told.json()["type"]) == ("2", "urn:screening:problem:register_held")
            assert "the ledger is behind by 3 events" in told.json()["detail"]
            assert not counter.judge.ready()
            return
        register, (answer,) = told.json()["register"], told.json()["answers"]
        assert (register["current"], register["cause"]) == (False, "ledger_behind")
        assert answer["verdict"]["reason"] == reason
        assert answer.get("next"), "also then something can be done"
        assert counter.metric("screening_precheck_not_current_total") == 1


def test_a_verdict_that_rests_on_absence_waits_for_a_view_of_its_own_arrival(gate: Gate) -> None:
    with desk(gate, register_lag_ms=60_000, precheck_wait_ms=60_000) as counter:
        counter.view.age_s = 5
        assert ask(counter, claim(**IN_PENALTY)).json()["register"]["current"] is True, (
            "who has a standing is judged at once"
        )
        answers: list[Any] = []
        asking = threading.Thread(target=lambda: answers.append(ask(counter, ABSENT)))
        asking.start()
        wait_for("it waits", lambda: counter.metric("screening_precheck_waiting_claims") == 1)
        assert not answers
        counter.view.age_s = None
        asking.join(30)
        (verdict,) = [answer.json()["answers"][0]["verdict"] for answer in answers]
        assert (verdict["reason"], answers[0].json()["register"]["current"]) == ("physician_unregistered", True)


@pytest.mark.parametrize(
    ("policy", "status", "reason"),
    [("hold", 503, None), ("review", 200, "standing_stale"), ("proceed", 200, "physician_unregistered")],
)
def test_a_counter_waits_only_so_long_for_the_register_and_then_the_policy_decides(
    gate, policy, status, reason
) -> None:
    with desk(gate, staleness_policy=policy, register_lag_ms=60_000, precheck_wait_ms=100) as counter:
        counter.view.age_s = 5
        told = ask(counter, ABSENT)
        assert told.status_code == status
        if reason is not None:
            assert told.json()["answers"][0]["verdict"]["reason"] == reason
            assert told.json()["register"]["current"] is False
        day = standing(counter, code="D522701999999", on="2023-06-01", institution=INSTITUTION)
        assert day.status_code == status


def test_before_the_register_is_read_nothing_is_answered(counter: Desk) -> None:
    counter.api.refusing = "starting"
    told = ask(counter, claim())
    assert (told.status_code, told.headers["retry-after"]) == (503, "2")


# -- bounds -------------------------------------------------------------------------------------------------------


def test_more_than_the_queue_takes_is_told_to_come_again(gate: Gate) -> None:
    with desk(gate, precheck_queue_claims=1_000) as counter:
        counter.paused.set()
        assert counter.still.wait(30)
        first = threading.Thread(target=lambda: ask(counter, [claim()] * 600))
        first.start()
        wait_for("six hundred wait", lambda: counter.waiting.size >= 600)
        told = ask(counter, [claim()] * 600)
        assert (told.status_code, told.headers["retry-after"]) == (429, "1")
        assert told.json()["type"] == "urn:screening:problem:queue_full"
        counter.paused.clear()
        first.join(30)
        assert ask(counter, claim()).status_code == 200
        assert counter.metric("screening_precheck_requests_total", route="precheck", outcome="limited") == 1


def test_an_error_of_ours_is_told_as_one_and_the_next_request_is_answered(counter, monkeypatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as spoiled:
        spoiled.setattr(counter.judge._gate, "rule", broken)
        told = ask(counter, claim())
    assert (told.status_code, told.json()["type"]) == (500, "urn:screening:problem:failed")
    assert "a fault of ours" not in told.text
    assert "a fault of ours" in counter.log.getvalue()
    assert ask(counter, claim()).status_code == 200
