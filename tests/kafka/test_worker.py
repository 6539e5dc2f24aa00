"""The gate end to end: a real worker process on a real Kafka, every record accounted for, every verdict judged by the oracle."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.support.balance import balance, expected_case_id
from tests.support.cluster import Cluster
from tests.support.register import QIANNAN
from tests.support.runs import publish, sample, screen, send_claims, wait_judged
from tests.support.spoiled import GOOD, SPOILED, UNUSUAL, claim
from tests.support.waiting import wait_for
from tests.support.workers import QUICK, Crew

pytestmark = pytest.mark.kafka


def test_every_claim_gets_exactly_the_verdict_of_the_law(cluster: Cluster, crew: Crew) -> None:
    register, claims = sample(seed=1, claims=8000)

    screen(cluster, crew, claims, register, batch_max_claims=1500)

    figures = balance(cluster, register)
    assert figures.verdicts == 8000
    assert figures.cases > 1000
    assert len({pack for pack, _, _ in figures.reasons}) == 4, (
        "Shantou's draft is off and judged by the national opinion"
    )


def test_the_shantou_draft_judges_only_when_it_is_switched_on(cluster: Cluster, crew: Crew) -> None:
    register, claims = sample(seed=2, claims=1500)

    screen(cluster, crew, claims, register, packs_on='["shantou-2022-draft"]')

    figures = balance(cluster, register, shantou_on=True)
    assert any(pack == "shantou-2022-draft@1" for pack, _, _ in figures.reasons)


def test_a_bad_record_costs_no_good_one_and_keeps_its_bytes(cluster: Cluster, crew: Crew) -> None:
    register, claims = sample(seed=3, claims=600, regions=(QIANNAN,))
    records = [{"key": f"k{number}", "value": value} for number, value in enumerate(claims)]
    for number, spoiled in enumerate(SPOILED):
        own = [("trace", f"t{number}".encode()), ("error", b"the sender's own header"), ("empty", None)]
        key = None if number % 3 == 0 else b"\xff\x00key" if number % 3 == 1 else b""
        records.insert(number * 5, {"key": key, "value": spoiled.value, "headers": own})
    records += [{"key": name, "value": value} for name, value in UNUSUAL.items()]
    publish(cluster, register)
    cluster.send("claims", records)

    crew.start().wait_ready()
    wait_judged(cluster, crew)
    crew.stop()

    figures = balance(cluster, register)
    assert figures.dead_letters == len(SPOILED)
    assert figures.verdicts == len(claims) + len(UNUSUAL)
    assert figures.errors == Counter(spoiled.kind for spoiled in SPOILED)


def test_the_same_claim_twice_gives_the_same_verdict_twice_and_one_case(cluster: Cluster, crew: Crew) -> None:
    register, claims = sample(seed=4, claims=500)
    publish(cluster, register)
    send_claims(cluster, [*claims, *claims])
    crew.start(batch_max_claims=70).wait_ready()
    wait_judged(cluster, crew)
    send_claims(cluster, claims)
    wait_judged(cluster, crew)
    crew.stop()

    figures = balance(cluster, register)
    assert figures.verdicts == 1500
    seen: dict[tuple[str, int], set[str]] = {}
    for record in cluster.read("claim-verdicts"):
        verdict = json.loads(record.value or b"")
        place = (verdict["claim_id"], verdict["claim_version"])
        seen.setdefault(place, set()).add(
            json.dumps({**verdict, "source": None, "screened_at": None, "register": None})
        )
    assert {len(verdicts) for verdicts in seen.values()} == {1}
    cases = Counter(record.key for record in cluster.read("claim-cases"))
    assert set(cases.values()) == {3}
    assert len(cases) == figures.cases // 3


def test_a_corrected_claim_opens_a_case_of_its_own(cluster: Cluster, crew: Crew) -> None:
    register, _ = sample(seed=5, claims=0)
    unknown = {"physician_code": "D522701999999"}

    screen(cluster, crew, [claim(**unknown), claim(**unknown, claim_version=2)], register)

    balance(cluster, register)
    cases = [json.loads(record.value or b"") for record in cluster.read("claim-cases")]
    assert {case["claim_version"] for case in cases} == {1, 2}
    assert len({case["case_id"] for case in cases}) == 2
    assert cases[0]["case_id"] == expected_case_id(cases[0])


def test_sigterm_in_full_flow_loses_and_repeats_nothing(cluster: Cluster, crew: Crew) -> None:
    register, claims = sample(seed=6, claims=12_000)
    publish(cluster, register)
    send_claims(cluster, claims)

    for _ in range(3):
        worker = crew.start(**QUICK | {"batch_max_claims": 200})
        worker.wait_event("batch_committed", count=3)
        assert worker.terminate() == 0
        assert worker.events()[-1]["event"] == "worker_stopped"
    stopped_early = len(cluster.read("claim-verdicts"))
    crew.start().wait_ready()
    wait_judged(cluster, crew)
    crew.stop()

    assert 0 < stopped_early < 12_000, "the workers were to be stopped in the middle"
    assert balance(cluster, register).verdicts == 12_000


def test_a_worker_that_is_stopped_while_it_has_nothing_to_do_ends_at_once(cluster: Cluster, crew: Crew) -> None:
    worker = crew.start().wait_ready()

    assert worker.terminate() == 0

    assert worker.events("register_found_empty"), "an empty register is worth a warning"


def test_two_workers_share_the_partitions_and_the_verdicts_are_those_of_one(cluster: Cluster, crew: Crew) -> None:
    register, claims = sample(seed=7, claims=6000)
    publish(cluster, register)
    # Neither may lose its partitions because a busy machine does not let it run for some seconds.
    lively = QUICK | {"session_timeout_ms": 30_000}
    first = crew.start(**lively).wait_ready()
    wait_for("the first owns all", lambda: first.metric("screening_partitions_owned") == 6)
    second = crew.start(**lively).wait_ready()
    wait_for(
        "both own partitions",
        lambda: {worker.metric("screening_partitions_owned") for worker in (first, second)} == {3.0},
    )
    assert [len(worker.events("partitions_assigned")) for worker in (first, second)] == [2, 1], "one round of the group"
    send_claims(cluster, claims)
    wait_judged(cluster, crew)

    assert crew.stop() == [0, 0]
    assert min(len(worker.events("batch_committed")) for worker in (first, second)) > 0
    assert balance(cluster, register).verdicts == 6000


def test_a_shadow_run_writes_beside_the_real_outputs(cluster: Cluster, crew: Crew) -> None:
    register, _ = sample(seed=8, claims=0)
    applied = cluster.screening("topics", "apply", "--json", output_prefix="shadow-")
    assert {state["name"] for state in json.loads(applied.stdout) if state["state"] == "created"} == {
        "shadow-claim-verdicts", "shadow-claim-cases", "shadow-claims-dead-letter", "shadow-claims-redriven",
    }  # fmt: skip

    publish(cluster, register)
    send_claims(cluster, [claim(), b"spoiled"])
    crew.start(output_prefix="shadow-", group_id="shadow").wait_ready()
    wait_judged(cluster, crew, group="shadow")
    crew.stop()

    assert not cluster.read("claim-verdicts")
    assert [json.loads(record.value or b"")["claim_id"] for record in cluster.read("shadow-claim-verdicts")] == [
        GOOD["claim_id"]
    ]
    assert len(cluster.read("shadow-claims-dead-letter")) == 1
