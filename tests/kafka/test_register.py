"""The register that a worker judges by: complete before the first claim, kept up to date, never guessed."""

from __future__ import annotations

import json
import random

import pytest
from confluent_kafka.admin import NewPartitions

from tests.oracle.gate import judge_claim
from tests.support.balance import balance
from tests.support.cluster import Cluster
from tests.support.register import ELSEWHERE, QIANNAN, XIAMEN, Register, make_claim, make_physician, make_register, wire
from tests.support.runs import publish, sample, send_claims, wait_judged
from tests.support.spoiled import claim
from tests.support.waiting import wait_for
from tests.support.workers import Crew, WorkerProcess

pytestmark = pytest.mark.kafka

PHYSICIAN, INSTITUTION = "D522701000001", "H52270100001"


def standing(revision: int, *spans: dict, code: str = PHYSICIAN) -> dict:
    """A Qiannan physician with one site."""
    return {
        "region": QIANNAN,
        "physician_code": code,
        "revision": revision,
        "spans": list(spans),
        "sites": [INSTITUTION],
    }


NORMAL = {"from": "2022-01-01", "to": None, "standing": "normal", "causes": ["ev-1"]}
WINDOW = ["2023-05-01", "2023-07-31"]
PENALTY = {"from": WINDOW[0], "to": WINDOW[1], "standing": "penalty", "penalty_period": WINDOW, "causes": ["ev-2"]}


def put(
    cluster: Cluster,
    worker: WorkerProcess,
    key: str,
    value: bytes | None,
    effect: str,
    topic: str = "physician-standing",
) -> None:
    """Writes one standing record and waits until the worker has taken it in."""
    before = worker.metric("screening_standing_updates_total", effect=effect)
    cluster.send(topic, [{"key": key, "value": value}])
    wait_for(
        f"the worker has {effect} the record of {key}",
        lambda: worker.metric("screening_standing_updates_total", effect=effect) > before,
    )


def ask(cluster: Cluster, crew: Crew, number: int, **changes: object) -> dict:
    """Sends one claim and returns its verdict."""
    send_claims(cluster, [claim(claim_id=f"Q{number}", **changes)])
    wait_judged(cluster, crew)
    return next(
        verdict
        for verdict in (json.loads(record.value or b"") for record in cluster.read("claim-verdicts"))
        if verdict["claim_id"] == f"Q{number}"
    )


def test_no_claim_is_judged_before_the_register_was_read_to_its_end(cluster: Cluster, crew: Crew) -> None:
    """Law 4. Claims wait already; each physician's last record, at the very end of the topic, is the one that counts."""
    rng = random.Random(11)
    register = make_register(rng, 3000, regions=(QIANNAN,))
    codes = list(register.physicians)
    for _ in range(25):
        cluster.send(
            "physician-standing",
            (
                {
                    "key": key,
                    "value": json.dumps(standing(0, PENALTY, code=key[7:]) | {"revision": rng.randrange(1000)}),
                }
                for key in codes
            ),
        )
    publish(cluster, register)
    send_claims(cluster, [wire(make_claim(rng, register, number, (QIANNAN,))) for number in range(4000)])

    worker = crew.start(batch_max_claims=300)
    wait_for("it reads the register and says that it is not ready", lambda: worker.get("/readyz")[0] == 503)
    assert cluster.committed() == {}
    worker.wait_ready()
    wait_judged(cluster, crew)
    crew.stop()

    order = [event["event"] for event in worker.events()]
    assert order.index("standing_view_loaded") < order.index("worker_ready") < order.index("batch_committed")
    assert worker.events("standing_view_loaded")[0]["physicians"] == 3000
    assert balance(cluster, register).verdicts == 4000


def test_a_worker_waits_for_as_many_physicians_as_it_was_told_to_expect(cluster: Cluster, crew: Crew) -> None:
    register, claims = sample(seed=12, claims=400, physicians=50, regions=(QIANNAN,))
    some = list(register.physicians)[:20]
    cluster.send("physician-standing", [{"key": key, "value": json.dumps(register.physicians[key])} for key in some])
    send_claims(cluster, claims)

    worker = crew.start(min_standings=50)
    wait_for("it has read what is there", lambda: json.loads(worker.get("/readyz")[1])["physicians"] == 20)
    assert worker.get("/readyz")[0] == 503
    publish(cluster, register)
    worker.wait_ready()
    wait_judged(cluster, crew)
    crew.stop()

    balance(cluster, register)


def test_changes_of_standing_and_tombstones_take_effect_while_the_gate_runs(cluster: Cluster, crew: Crew) -> None:
    worker = crew.start().wait_ready()
    key = f"{QIANNAN}|{PHYSICIAN}"
    assert ask(cluster, crew, 1)["reason"] == "physician_unregistered"

    put(cluster, worker, key, json.dumps(standing(1, NORMAL)).encode(), "applied")
    paid = ask(cluster, crew, 2)
    assert (paid["disposition"], paid["reason"], paid["standing_revision"]) == ("pay", "ok", 1)

    put(cluster, worker, key, json.dumps(standing(2, PENALTY)).encode(), "applied")
    rejected = ask(cluster, crew, 3)
    assert (rejected["reason"], rejected["penalty_period"]) == ("in_penalty_period", WINDOW)
    assert ask(cluster, crew, 4, encounter_type="rescue")["reason"] == "exempt_rescue"

    put(cluster, worker, key, None, "removed")
    gone = ask(cluster, crew, 5)
    assert (gone["reason"], gone["standing"], gone["standing_revision"]) == (
        "physician_unregistered",
        "unregistered",
        None,
    )

    put(cluster, worker, key, json.dumps(standing(3, NORMAL)).encode(), "applied")
    ended = {"region": QIANNAN, "institution_code": INSTITUTION, "revision": 1,
             "spans": [{"from": "2023-01-01", "to": None, "standing": "terminated", "causes": ["ev-9"]}]}  # fmt: skip
    place = f"{QIANNAN}|{INSTITUTION}"
    put(cluster, worker, place, json.dumps(ended).encode(), "applied", "institution-standing")
    assert ask(cluster, crew, 6)["reason"] == "institution_agreement_terminated"
    put(cluster, worker, place, None, "removed", "institution-standing")
    assert ask(cluster, crew, 7)["reason"] == "ok"
    crew.stop()

    cases = [json.loads(record.value or b"") for record in cluster.read("claim-cases")]
    assert {case["claim_id"]: case["evidence"] for case in cases} == {
        "Q1": [],
        "Q3": ["ev-2"],
        "Q5": [],
        "Q6": ["ev-1", "ev-9"],
    }


def test_a_standing_that_cannot_be_read_sends_claims_to_people_until_it_is_mended(cluster: Cluster, crew: Crew) -> None:
    worker = crew.start().wait_ready()
    key = f"{QIANNAN}|{PHYSICIAN}"
    put(cluster, worker, key, json.dumps(standing(1, NORMAL)).encode(), "applied")
    overlapping = standing(2, NORMAL, PENALTY)
    foreign = standing(2, NORMAL, code="D522701000002")
    for number, bad in enumerate(
        (
            b"{",
            json.dumps(overlapping).encode(),
            json.dumps(foreign).encode(),
            b'{"revision":"x"}',
            b'{"x":' * 3_000 + b"1" + b"}" * 3_000,
            '{"region":"黔南"}'.encode("gbk"),
        )
    ):
        put(cluster, worker, key, bad, "unreadable")
        verdict = ask(cluster, crew, number)
        assert (verdict["disposition"], verdict["reason"]) == ("review", "standing_unreadable")
        assert verdict["standing_revision"] is None
    assert ask(cluster, crew, 10, physician_code=None)["reason"] == "physician_missing", "it needs no register"
    put(cluster, worker, key, json.dumps(standing(3, NORMAL)).encode(), "applied")
    assert ask(cluster, crew, 11)["reason"] == "ok"

    put(cluster, worker, f"{QIANNAN}|{INSTITUTION}", b"[]", "unreadable", "institution-standing")
    assert ask(cluster, crew, 12)["reason"] == "standing_unreadable"
    assert ask(cluster, crew, 13, region=ELSEWHERE, service_date="2025-02-01")["reason"] == "physician_unregistered"
    crew.stop()

    told = worker.events("standing_record_unreadable")
    assert len(told) == 7
    assert {"topic", "partition", "offset", "error"} <= told[0].keys()


def test_partitions_added_to_the_register_are_read_too(cluster: Cluster, crew: Crew) -> None:
    worker = crew.start().wait_ready()
    before = len(cluster.ends("physician-standing", "read_committed"))
    cluster.admin.create_partitions([NewPartitions("physician-standing", before + 1)])["physician-standing"].result(30)
    wait_for(
        "the new partition exists", lambda: len(cluster.ends("physician-standing", "read_committed")) == before + 1
    )
    record = {"key": f"{QIANNAN}|{PHYSICIAN}", "value": json.dumps(standing(1, NORMAL)), "partition": before}
    cluster.send("physician-standing", [record])
    wait_for("the worker has found it", lambda: worker.metric("screening_standing_physicians") == 1)

    assert ask(cluster, crew, 1)["reason"] == "ok"


def test_a_register_that_changes_under_full_load_gives_each_claim_one_of_its_states(
    cluster: Cluster, crew: Crew
) -> None:
    rng = random.Random(13)
    first = make_register(rng, 60, regions=(QIANNAN, XIAMEN))
    second = Register(dict(first.physicians), dict(first.institutions), first.edges)
    for key in list(first.physicians)[::2]:
        region, _, code = key.partition("|")
        second.physicians[key] = make_physician(rng, region, code, [f"H{region}{number:05}" for number in range(12)])
    publish(cluster, first)
    worker = crew.start(batch_max_claims=100).wait_ready()
    claims = [wire(make_claim(rng, first, number, (QIANNAN, XIAMEN))) for number in range(6000)]
    send_claims(cluster, claims[:3000])
    publish(cluster, second)
    wait_judged(cluster, crew)
    wait_for(
        "the second register is in",
        lambda: (
            worker.metric("screening_standing_updates_total", effect="applied")
            == 2 * (len(first.physicians) + len(first.institutions))
        ),
    )
    send_claims(cluster, claims[3000:])
    wait_judged(cluster, crew)
    crew.stop()

    balance(cluster, first, second)
    later = [json.loads(record.value or b"") for record in cluster.read("claim-verdicts")]
    by_id = {item["claim_id"]: item for item in map(json.loads, claims[3000:])}
    for verdict in later:
        if verdict["claim_id"] in by_id:
            asked = by_id[verdict["claim_id"]]
            answer = judge_claim(asked, second.physician(asked), second.institution(asked))
            assert verdict["reason"] == answer["reason"]


OLDER_THAN_ALLOWED = 0.000_001
"""Seconds. A view is always a little old, so under this limit it is always too old."""

WITHOUT_REGISTER = {"rule_not_in_force", "visit_not_seen", "physician_missing", "missing_emergency_no_rule"}
CLAIM_ALONE = {"implausible", "encounter_unknown"}


def test_a_gate_told_to_hold_judges_nothing_while_its_register_is_too_old(cluster: Cluster, crew: Crew) -> None:
    register, claims = sample(seed=14, claims=300)
    publish(cluster, register)
    worker = crew.start(staleness_limit_s=OLDER_THAN_ALLOWED, staleness_policy="hold")
    worker.wait_event("gate_held")
    send_claims(cluster, claims)
    wait_for("it holds and still owns its partitions", lambda: worker.metric("screening_partitions_owned") == 6.0)

    status, page = worker.get("/readyz")
    assert (status, json.loads(page)["held"]) == (503, True)
    assert worker.get("/healthz")[0] == 200
    assert worker.metric("screening_held") == 1
    assert worker.terminate() == 0
    assert cluster.committed() == {}
    assert not cluster.read("claim-verdicts")

    crew.start().wait_ready()
    wait_judged(cluster, crew)
    crew.stop()
    balance(cluster, register)


def test_a_gate_told_to_review_sends_to_people_what_would_have_asked_an_old_register(
    cluster: Cluster, crew: Crew
) -> None:
    register, claims = sample(seed=15, claims=2000)
    publish(cluster, register)
    send_claims(cluster, claims)
    crew.start(staleness_limit_s=OLDER_THAN_ALLOWED, staleness_policy="review").wait_ready()
    wait_judged(cluster, crew)
    crew.stop()

    sent = {item["claim_id"]: item for item in map(json.loads, claims)}
    verdicts = [json.loads(record.value or b"") for record in cluster.read("claim-verdicts")]
    assert len(verdicts) == 2000
    for verdict in verdicts:
        asked = sent[verdict["claim_id"]]
        lawful = judge_claim(asked, register.physician(asked), register.institution(asked))
        on_claim_alone = {lawful["reason"], lawful["exempted_ground"]} & WITHOUT_REGISTER and asked["region"] != XIAMEN
        if on_claim_alone or lawful["reason"] in CLAIM_ALONE:
            assert {name: verdict[name] for name in lawful} == lawful
        else:
            assert (verdict["disposition"], verdict["reason"]) == ("review", "standing_stale")
            assert (verdict["standing"], verdict["cost_bearer"]) == ("not_applicable", "undetermined")
    assert len(cluster.read("claim-cases")) == sum(verdict["disposition"] != "pay" for verdict in verdicts)


def test_a_gate_told_to_proceed_judges_by_the_register_that_it_has(cluster: Cluster, crew: Crew) -> None:
    register, claims = sample(seed=16, claims=1000)
    publish(cluster, register)
    send_claims(cluster, claims)
    crew.start(staleness_limit_s=OLDER_THAN_ALLOWED, staleness_policy="proceed").wait_ready()
    wait_judged(cluster, crew)
    crew.stop()

    assert balance(cluster, register).verdicts == 1000
