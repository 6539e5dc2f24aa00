"""No verdict by a register that is behind its own log: the gate waits for what was recorded before a claim came, and no longer."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.kafka.test_register import INSTITUTION, NORMAL, PENALTY, PHYSICIAN, ask, standing
from tests.support.cluster import Cluster
from tests.support.ledger import EVENTS, tell_progress, transaction
from tests.support.register import QIANNAN
from tests.support.runs import send_claims, wait_judged
from tests.support.spoiled import claim
from tests.support.waiting import wait_for
from tests.support.workers import Crew, WorkerProcess

pytestmark = pytest.mark.kafka

KEY = f"{QIANNAN}|{PHYSICIAN}"


def record_event(cluster: Cluster, partition: int = 0, **more: Any) -> None:
    """Something that the ledger has to take; what it says does not matter here."""
    cluster.send(EVENTS, [{"key": PHYSICIAN, "value": b"{}", "partition": partition, **more}])


def publish_standing(cluster: Cluster, *spans: dict) -> None:
    cluster.send("physician-standing", [{"key": KEY, "value": json.dumps(standing(1, *spans))}])


def cause(worker: WorkerProcess) -> tuple[str, str]:
    told = json.loads(worker.get("/readyz")[1])["waiting_for_register"]
    return told["cause"], told["detail"]


def wait_for_cause(worker: WorkerProcess, wanted: str) -> str:
    wait_for(f"the worker waits: {wanted}", lambda: cause(worker)[0] == wanted, detail=lambda: str(cause(worker)))
    return cause(worker)[1]


def verdict(cluster: Cluster, claim_id: str) -> dict:
    read = [json.loads(record.value or b"") for record in cluster.read("claim-verdicts")]
    return next(one for one in read if one["claim_id"] == claim_id)


def test_a_claim_that_comes_after_an_event_waits_for_what_follows_from_it(cluster: Cluster, crew: Crew) -> None:
    """The registration is recorded, the ledger has not taken it yet: nobody may be called unregistered."""
    record_event(cluster)
    tell_progress(cluster, at={0: 0})
    worker = crew.start().wait_ready()
    send_claims(cluster, [claim(claim_id="Q1")])
    assert "1 events" in wait_for_cause(worker, "ledger_behind")
    wait_for("the wait is a metric", lambda: worker.metric(
        "screening_waiting_for_register_records", cause="ledger_behind") == 1)  # fmt: skip
    assert worker.metric("screening_ledger_behind_events") == 1
    assert cluster.committed() == {}

    publish_standing(cluster, NORMAL)
    tell_progress(cluster)
    wait_judged(cluster, crew)

    told = verdict(cluster, "Q1")
    assert (told["disposition"], told["reason"]) == ("pay", "ok")
    assert told["register"]["progress"] == {"0": 1, "1": 0, "2": 0}
    assert told["register"]["as_of"] <= told["screened_at"]
    assert "ledger_behind" in {one["cause"] for one in worker.events("wait_for_register_began")}
    assert worker.metric("screening_register_wait_seconds_count") == 1
    crew.stop()


def test_with_no_event_under_way_claims_flow_although_no_control_plane_lives(cluster: Cluster, crew: Crew) -> None:
    record_event(cluster)
    tell_progress(cluster)
    publish_standing(cluster, NORMAL)
    worker = crew.start(register_lag_ms=0).wait_ready()

    assert ask(cluster, crew, 1)["reason"] == "ok"
    assert ask(cluster, crew, 2, physician_code="D522701000009")["reason"] == "physician_unregistered"
    assert cause(worker) == ("none", "")
    crew.stop()


@pytest.mark.parametrize(("policy", "outcome"), [("review", "standing_stale"), ("proceed", "physician_unregistered")])
def test_a_dead_control_plane_with_an_event_under_way_leaves_the_claims_to_the_policy(
    cluster: Cluster, crew: Crew, policy: str, outcome: str
) -> None:
    record_event(cluster)
    tell_progress(cluster, at={0: 0})
    worker = crew.start(staleness_limit_s=12, staleness_policy=policy).wait_ready()
    send_claims(cluster, [claim(claim_id="Q1")])
    wait_judged(cluster, crew)

    assert verdict(cluster, "Q1")["reason"] == outcome
    assert worker.events("wait_for_register_began"), "it waited before the policy decided"
    crew.stop()


def test_a_holding_gate_waits_for_a_dead_control_plane_and_says_so(cluster: Cluster, crew: Crew) -> None:
    record_event(cluster)
    tell_progress(cluster, at={0: 0})
    worker = crew.start(staleness_limit_s=1)
    send_claims(cluster, [claim(claim_id="Q1")])
    worker.wait_event("gate_held")  # a slow machine may still read the register then
    wait_for_cause(worker, "ledger_behind")
    assert worker.get("/readyz")[0] == 503
    assert "ledger_behind" in worker.get("/?lang=en")[1]
    assert cluster.committed() == {}

    publish_standing(cluster, PENALTY)
    tell_progress(cluster)
    wait_judged(cluster, crew)
    assert verdict(cluster, "Q1")["reason"] == "in_penalty_period"
    assert worker.wait_ready()
    crew.stop()


def test_absence_waits_for_the_next_view_whatever_the_lag_and_presence_does_not(cluster: Cluster, crew: Crew) -> None:
    """Under a lag of ten minutes: who has a standing is judged at once, who has none only by a view of that moment."""
    record_event(cluster)
    tell_progress(cluster)
    publish_standing(cluster, NORMAL)
    worker = crew.start(register_lag_ms=600_000, staleness_limit_s=600).wait_ready()
    assert ask(cluster, crew, 1)["reason"] == "ok"
    record_event(cluster)
    assert ask(cluster, crew, 2)["reason"] == "ok"

    send_claims(cluster, [claim(claim_id="Q3", physician_code="D522701000002")])
    wait_for_cause(worker, "ledger_behind")
    record = {"key": f"{QIANNAN}|D522701000002", "value": json.dumps(standing(1, NORMAL, code="D522701000002"))}
    cluster.send("physician-standing", [record])
    tell_progress(cluster)
    wait_judged(cluster, crew)
    assert verdict(cluster, "Q3")["reason"] == "ok"
    crew.stop()


@pytest.mark.parametrize("how", ["committed", "aborted"])
def test_an_event_topic_that_ends_in_a_marker_is_reached_by_the_position_behind_it(
    cluster: Cluster, crew: Crew, how: str
) -> None:
    record_event(cluster)
    sender = transaction(cluster)
    sender.produce(EVENTS, b"{}", PHYSICIAN, partition=0)
    sender.flush(30)
    (sender.commit_transaction if how == "committed" else sender.abort_transaction)(30)
    assert cluster.ends(EVENTS, "read_committed")[0] == 3, "one event, one of a transaction, its marker"
    publish_standing(cluster, NORMAL)
    tell_progress(cluster)
    crew.start(register_lag_ms=0).wait_ready()

    told = ask(cluster, crew, 1)
    assert (told["reason"], told["register"]["progress"]["0"]) == ("ok", 3)
    crew.stop()


def test_standings_of_a_transaction_count_only_when_its_last_marker_is_there(cluster: Cluster, crew: Crew) -> None:
    """Progress may be visible before the standings of the same transaction are: partitions get their markers one by one."""
    record_event(cluster)
    sender = transaction(cluster, "ledger")
    sender.produce("physician-standing", json.dumps(standing(1, NORMAL)), KEY, partition=0)
    sender.flush(30)
    tell_progress(cluster)
    worker = crew.start(register_lag_ms=0).wait_ready()
    send_claims(cluster, [claim(claim_id="Q1")])
    assert "physician-standing/0" in wait_for_cause(worker, "standing_topics_unread")

    sender.commit_transaction(30)
    wait_judged(cluster, crew)
    assert verdict(cluster, "Q1")["reason"] == "ok"
    crew.stop()


def test_an_event_behind_an_open_transaction_is_recorded_and_holds_the_gate(cluster: Cluster, crew: Crew) -> None:
    sender = transaction(cluster)
    sender.produce(EVENTS, b"{}", PHYSICIAN, partition=0)
    sender.flush(30)
    record_event(cluster)
    publish_standing(cluster, NORMAL)
    tell_progress(cluster)
    worker = crew.start().wait_ready()
    send_claims(cluster, [claim(claim_id="Q1")])
    assert f"{EVENTS}/0" in wait_for_cause(worker, "open_transaction_on_events")

    sender.abort_transaction(30)
    publish_standing(cluster, PENALTY)
    tell_progress(cluster)
    wait_judged(cluster, crew)
    assert verdict(cluster, "Q1")["reason"] == "in_penalty_period"
    crew.stop()


def test_senders_clocks_an_hour_apart_change_nothing(cluster: Cluster, crew: Crew) -> None:
    hour = 3_600_000
    now = int(time.time() * 1000)
    record_event(cluster, timestamp=now + hour)
    tell_progress(cluster)
    publish_standing(cluster, NORMAL)
    crew.start(register_lag_ms=0).wait_ready()
    cluster.send("claims", [
        {"key": f"k{number}", "value": claim(claim_id=f"Q{number}"), "timestamp": now + shift}
        for number, shift in enumerate((-hour, hour, 0))
    ])  # fmt: skip
    wait_judged(cluster, crew)
    assert [verdict(cluster, f"Q{number}")["reason"] for number in range(3)] == ["ok"] * 3
    crew.stop()


def test_an_empty_event_topic_awaits_no_ledger(cluster: Cluster, crew: Crew) -> None:
    """A trial without a control plane: standings loaded by hand, no event anywhere."""
    publish_standing(cluster, NORMAL)
    crew.start(register_lag_ms=0).wait_ready()

    told = ask(cluster, crew, 1)
    assert (told["reason"], told["register"]["progress"]) == ("ok", {})
    assert told["institution_code"] == INSTITUTION
    crew.stop()
