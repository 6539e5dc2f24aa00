"""The pre-check as a process on a real Kafka: the register that it answers by moves on, grows old, and is never written to."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest

from tests.kafka.test_register import INSTITUTION, NORMAL, PENALTY, PHYSICIAN
from tests.kafka.test_register_time import publish_standing, record_event
from tests.support.cluster import Cluster
from tests.support.ledger import tell_progress
from tests.support.prechecks import PrecheckProcess, Prechecks, tokens_file
from tests.support.spoiled import claim
from tests.support.waiting import wait_for
from topics.catalogue import CATALOGUE
from topics.messages.precheck import PrecheckFeedback

pytestmark = pytest.mark.kafka


def ask(process: PrecheckProcess, **changes: object) -> httpx.Response:
    return httpx.post(
        f"{process.address}/v1/precheck", content=claim(**changes), params={"lang": "en"}, timeout=30, trust_env=False
    )


def reason(answer: httpx.Response) -> tuple[str, bool]:
    told: dict[str, Any] = answer.json()
    return told["answers"][0]["verdict"]["reason"], told["register"]["current"]


def test_answers_follow_the_events_and_nothing_is_written(cluster: Cluster, prechecks: Prechecks) -> None:
    """An event that is recorded and not taken yet makes the counter wait; what it waited for is in the answer."""
    record_event(cluster)
    publish_standing(cluster, NORMAL)
    tell_progress(cluster)
    process = prechecks.start(register_lag_ms=0, precheck_wait_ms=20_000, staleness_limit_s=30).wait_ready()
    before = {spec.name: cluster.ends(spec.name, "read_committed") for spec in CATALOGUE}
    assert reason(ask(process)) == ("ok", True)
    assert reason(ask(process, physician_code="D522701000009")) == ("physician_unregistered", True)
    after = {spec.name: cluster.ends(spec.name, "read_committed") for spec in CATALOGUE}
    assert after == before, "nothing was written to any topic"
    assert cluster.committed() == {}

    record_event(cluster)
    answers: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: answers.append(ask(process)))
    asking.start()
    wait_for("it waits for the ledger", lambda: process.metric("screening_precheck_waiting_claims") == 1)
    publish_standing(cluster, PENALTY)
    tell_progress(cluster)
    asking.join(60)
    assert [reason(one) for one in answers] == [("in_penalty_period", True)]
    assert answers[0].json()["register"]["progress"]["0"] == 2
    day = httpx.get(
        f"{process.address}/v1/physicians/522700/{PHYSICIAN}", params={"on": "2023-05-10", "institution": INSTITUTION},
        trust_env=False,
    )  # fmt: skip
    assert (day.json()["answer"]["may_serve"], day.json()["answer"]["until"]) == (False, "2023-07-31")
    assert prechecks.stop() == [0]
    assert process.events()[-1]["event"] == "precheck_stopped"


def test_by_a_ledger_that_is_dead_each_policy_answers_in_its_way_and_says_so(
    cluster: Cluster, prechecks: Prechecks
) -> None:
    record_event(cluster)
    tell_progress(cluster, at={0: 0})
    publish_standing(cluster, PENALTY)
    held, reviewing, proceeding = (
        prechecks.start(staleness_policy=policy, precheck_wait_ms=300, staleness_limit_s=600)
        for policy in ("hold", "review", "proceed")
    )
    for process in (held, reviewing, proceeding):
        process.wait_ready()
    told = ask(held)
    assert (told.status_code, told.headers["retry-after"]) == (503, "2")
    assert "ledger_behind" in told.json()["detail"]
    assert reason(ask(reviewing)) == ("standing_stale", False)
    assert reason(ask(proceeding)) == ("in_penalty_period", False)
    assert ask(proceeding).json()["register"]["cause"] == "ledger_behind"
    assert prechecks.stop() == [0, 0, 0]


def test_a_process_that_is_stopped_answers_what_it_has_accepted(
    cluster: Cluster, prechecks: Prechecks, tmp_path
) -> None:
    (own,) = tokens_file(tmp_path / "tokens", INSTITUTION)
    record_event(cluster)
    publish_standing(cluster, NORMAL)
    tell_progress(cluster)
    process = prechecks.start(
        register_lag_ms=0, precheck_wait_ms=20_000, precheck_tokens_file=tmp_path / "tokens"
    ).wait_ready()
    record_event(cluster)
    answers: list[httpx.Response] = []
    asking = threading.Thread(
        target=lambda: answers.append(
            httpx.post(f"{process.address}/v1/precheck", content=claim(), headers=own, timeout=30, trust_env=False)
        )
    )
    asking.start()
    wait_for("it waits for the ledger", lambda: process.metric("screening_precheck_waiting_claims") == 1)
    process.tell_to_stop()
    wait_for("it refuses what comes now", lambda: process.get("/readyz")[0] != 200)
    tell_progress(cluster)
    asking.join(60)
    assert [one.status_code for one in answers] == [200]
    assert process.wait() == 0


def test_what_doctors_say_of_findings_is_on_its_topic_when_it_is_answered(
    cluster: Cluster, prechecks: Prechecks
) -> None:
    tell_progress(cluster)
    process = prechecks.start().wait_ready()
    warn = {"warn_type": "1", "warn_rslt_id": "case-1", "dspo_way": "1", "dspo_way_rea": "急诊"}
    body = {"infno": "3103", "fixmedins_code": INSTITUTION, "input": {"data": {"warns": [warn]}}}
    told = httpx.post(f"{process.address}/v1/national", json=body, timeout=30, trust_env=False)
    assert (told.status_code, told.json()["infcode"]) == (200, "0")
    (record,) = cluster.read("precheck-feedback")
    kept = PrecheckFeedback.model_validate_json(record.value or b"")
    assert (record.key, kept.choice, kept.reason, kept.institution_code) == (
        b"case-1",
        "continued",
        "急诊",
        INSTITUTION,
    )
    assert prechecks.stop() == [0]
