"""The client of the pre-check: typed answers, another try where it may help, and none where it cannot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date

import httpx
import pytest

from pipeline.precheck.client import PrecheckClient, PrecheckRefused, PrecheckUnavailable
from tests.support.prechecks import INSTITUTION, PHYSICIAN, Desk, desk, gate_of_one
from tests.support.spoiled import GOOD
from tests.unit.pipeline.test_precheck import IN_PENALTY


@pytest.fixture
def counter() -> Iterator[Desk]:
    with desk(gate_of_one()) as made:
        yield made


def test_a_program_asks_about_claims_and_days_and_is_answered_in_types(counter: Desk) -> None:
    with PrecheckClient(counter.address, lang="en") as client:
        told = client.ask([GOOD | IN_PENALTY, GOOD | {"fund_amount": 1}])
        assert told.register.current
        first, second = told.answers
        assert first.verdict is not None
        assert first.verdict["reason"] == "in_penalty_period"
        assert {step.opens for step in first.next} == {None, "2023-08-11"}
        assert second.problem is not None
        assert [error.pointer for error in second.problem.errors] == ["/fund_amount"]
        day = client.standing("522700", PHYSICIAN, on=date(2023, 6, 10), institution=INSTITUTION).answer
        assert (day.may_serve, day.until) == (False, "2023-08-10")
        with pytest.raises(PrecheckRefused, match="/region"):
            client.ask({**GOOD, "region": "x"})
        with pytest.raises(PrecheckRefused, match="institution"):
            client.standing("522700", PHYSICIAN)


class Scripted(httpx.BaseTransport):
    """Answers as it is told, one after the other."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


GOOD_ANSWER = {"register": {"as_of": None, "progress": {}, "current": True}, "answers": []}


def test_what_may_be_better_in_a_moment_is_tried_again_after_the_time_that_was_asked_for() -> None:
    paused: list[float] = []
    script = Scripted(
        httpx.Response(429, headers={"Retry-After": "2"}),
        httpx.ConnectError("refused"),
        httpx.Response(200, json=GOOD_ANSWER),
    )
    client = PrecheckClient("http://precheck", transport=script, pause=paused.append)
    assert client.ask(dict(GOOD)).answers == ()
    assert paused == [2.0, 0.4]


def test_after_so_many_tries_it_is_told_that_there_was_no_answer_and_why() -> None:
    held = {"type": "urn:screening:problem:register_held", "title": "held", "status": 503, "detail": "ledger_behind"}
    script = Scripted(httpx.ReadTimeout("slow"), httpx.Response(503, text=json.dumps(held)))
    client = PrecheckClient("http://precheck", transport=script, tries=2, pause=lambda _: None)
    with pytest.raises(PrecheckUnavailable, match="2 tries; the last: held: ledger_behind"):
        client.ask(dict(GOOD))


def test_what_would_be_refused_again_is_asked_once() -> None:
    script = Scripted(httpx.Response(403, text="<html>"))
    with pytest.raises(PrecheckRefused, match="Forbidden"):
        PrecheckClient("http://precheck", transport=script).ask(dict(GOOD))
    assert script.answers == []
