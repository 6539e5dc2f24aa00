"""Looking back as a process: while events and claims come and processes die, the last answer of every claim follows from the whole
history, as an evaluation written from the documents alone says it."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.kafka.test_two_planes import CODE, OTHER, REGION, SITE, STORY, case, claim
from tests.oracle.law import judge_case
from tests.support.archives import QUICK, Archives
from tests.support.cluster import Cluster
from tests.support.commands import screening
from tests.support.control import Controls, record, wait_taken
from tests.support.flow import Flow
from tests.support.histories import make
from tests.support.reconciles import Reconciles, last_answers, revisions
from tests.support.runs import wait_judged
from tests.support.waiting import wait_for
from tests.support.workers import Crew

pytestmark = pytest.mark.kafka

TOLD = ("disposition", "reason", "cost_bearer")


@pytest.fixture
def archives(cluster: Cluster, tmp_path: Path) -> Iterator[Archives]:
    made = Archives(cluster, tmp_path)
    yield made
    made.dismiss()


@pytest.fixture
def reconciles(cluster: Cluster, tmp_path: Path) -> Iterator[Reconciles]:
    made = Reconciles(cluster, tmp_path)
    yield made
    made.dismiss()


def test_whoever_is_killed_the_last_answer_of_every_claim_is_the_oracles_for_the_whole_history(
    cluster: Cluster, controls: Controls, crew: Crew, archives: Archives, reconciles: Reconciles
) -> None:
    rng = random.Random(17)
    controls.start().wait_ready()
    crew.start().wait_ready()
    archive, place = archives.start(**QUICK).wait_ready(), archives.place
    follower = reconciles.start(archive_url=place).wait_ready()
    own = [
        make(kind, day, number, region=REGION, physician_code=CODE, institution=SITE, **fields)
        for number, (kind, day, fields) in enumerate(STORY)
    ]
    other = make("registration", "2023-01-03", 90, region=REGION, physician_code=OTHER, institution=SITE)
    first, later = [other, *own[:3]], own[3:]
    rng.shuffle(first)
    rng.shuffle(later)
    with Flow(cluster, claim) as flow:
        for number, event in enumerate((*first, *later)):
            flow.more(40)
            cluster.send("physician-events", [record(event)])
            if number % 2 == 0:
                follower.wait_ready()
                flow.more(rng.randrange(5, 60))  # somewhere in what the event has set going
                follower.kill()
                follower = reconciles.start(archive_url=place)
            elif number == 3:
                wait_for("somebody who was paid is not any more", lambda: revisions(cluster))
                archive.kill()
                archive = archives.start(**QUICK)
        flow.more(80)
    wait_taken(cluster, controls)
    wait_judged(cluster, crew)

    histories = {
        CODE: [json.loads(record(event)["value"]) for event in own],
        OTHER: [json.loads(record(other)["value"])],
    }
    lawful: dict[str, dict[str, Any]] = {}
    for number in range(flow.sent):
        one = claim(number)
        lawful[one["claim_id"]] = judge_case(case(histories[one["physician_code"]], one))
    wanted = {name: tuple(answer[field] for field in TOLD) for name, answer in lawful.items()}

    def told() -> dict[str, tuple[Any, ...]]:
        return {one["claim_id"]: tuple(one[field] for field in TOLD) for one in last_answers(cluster).values()}

    wait_for("the last answers are those of the whole history", lambda: told() == wanted, every=0.5)
    verdicts = {
        one["claim_id"]: one for one in (json.loads(item.value or b"") for item in cluster.read("claim-verdicts"))
    }
    for part in ("--cases", "--revisions"):
        proved = screening("audit", part, "--json", bootstrap_servers=cluster.bootstrap, archive_url=place)
        assert proved.returncode == 0, proved.stdout + proved.stderr
    assert json.loads(proved.stdout)["figures"][0]["judged"] == flow.sent

    chains: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in revisions(cluster):
        chains[one["claim_id"]].append(one)
    moved = Decimal(0)
    for name, chain in chains.items():
        chain.sort(key=lambda one: one["number"])
        assert [one["number"] for one in chain] == list(range(1, len(chain) + 1)), "nothing is doubled"
        for before, after in zip([verdicts[name], *(one["new"] for one in chain)], chain, strict=False):
            assert all(before[field] == after["earlier"][field] for field in TOLD), "each replaces the one before"
        moved += sum((Decimal(one["to_fund"]) for one in chain), Decimal(0))
    paid_first = sum(Decimal("70") for one in verdicts.values() if one["disposition"] == "pay")
    paid_last = sum(Decimal("70") for answer in lawful.values() if answer["disposition"] == "pay")
    to_review = sum(
        Decimal("70")
        for name, chain in chains.items()
        for before, after in zip([verdicts[name], *(one["new"] for one in chain)], chain, strict=False)
        if before["disposition"] == "pay" and after["kind"] == "to_review"
    )
    assert moved + to_review == paid_first - paid_last, "what revisions move is what the oracle pays less"
    assert any(len(chain) > 1 for chain in chains.values()), "a claim was answered more than twice"
    follower.wait_ready()
    assert follower.metric("screening_reconcile_lag_seconds") == 0
    assert follower.terminate() == 0


def test_who_looks_back_is_ended_by_another_that_does_and_nothing_is_written_twice(
    cluster: Cluster, controls: Controls, crew: Crew, archives: Archives, reconciles: Reconciles
) -> None:
    controls.start().wait_ready()
    crew.start().wait_ready()
    archives.start(**QUICK).wait_ready()
    first = reconciles.start(archive_url=archives.place).wait_ready()
    second = reconciles.start(archive_url=archives.place).wait_ready()
    make_one = make("registration", "2023-01-03", 91, region=REGION, physician_code=OTHER, institution=SITE)
    cluster.send("claims", [{"key": f"k{number}", "value": json.dumps(claim(number))} for number in range(40)])
    wait_judged(cluster, crew)
    cluster.send("physician-events", [record(make_one)])
    assert first.wait() == 1
    assert "FENCED" in first.events("reconcile_failed")[-1]["error"]
    wait_for("the other has written", lambda: revisions(cluster))
    assert {one["number"] for one in revisions(cluster)} == {1}
    assert second.terminate() == 0


def test_more_than_one_look_back_may_write_waits_until_somebody_has_allowed_it(
    cluster: Cluster, controls: Controls, crew: Crew, archives: Archives, reconciles: Reconciles
) -> None:
    controls.start().wait_ready()
    crew.start().wait_ready()
    archives.start(**QUICK).wait_ready()
    own = [
        make(kind, day, number, region=REGION, physician_code=CODE, institution=SITE, **fields)
        for number, (kind, day, fields) in enumerate(STORY)
    ]
    cluster.send("physician-events", [record(own[0])])
    wait_taken(cluster, controls)
    cluster.send("claims", [{"key": f"k{number}", "value": json.dumps(claim(number))} for number in range(18, 58)])
    wait_judged(cluster, crew)
    follower = reconciles.start("--at-most", "1", archive_url=archives.place).wait_ready()
    wait_for("it has seen every claim", lambda: sum(one["answered"] for one in follower.events("looked_back")) >= 40)
    cluster.send("physician-events", map(record, own[1:3]))
    held = follower.wait_event("revisions_held")
    assert not revisions(cluster)
    assert follower.get("/readyz")[0] == 503
    assert follower.metric("screening_reconcile_held_revisions") == held["revisions"] > 1

    allowed = ("reconcile", "--at-most", str(held["revisions"]), "--json")
    done = screening(*allowed, bootstrap_servers=cluster.bootstrap, archive_url=archives.place)
    assert done.returncode == 0, done.stderr
    assert len(revisions(cluster)) == held["revisions"]
