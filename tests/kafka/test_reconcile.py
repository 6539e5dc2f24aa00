"""When a standing changes after claims were answered, each claim with another answer is revised, once."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.kafka.test_subjects import CLAIMS, DECISIONS, PERSON, sent
from tests.support.cluster import Cluster
from tests.support.commands import screening
from tests.support.control import Controls, last_values, wait_taken
from tests.support.explaining import event
from tests.support.judging import fill, make_gate, verdicts
from tests.support.runs import publish, sample, screen, wait_judged
from tests.support.waiting import wait_for
from tests.support.workers import QUICK, Crew
from tests.unit.rules.test_subjects import OWN, insured

pytestmark = pytest.mark.kafka

ANSWER = ("disposition", "reason", "exempted_ground", "cost_bearer")


def _reconcile(cluster: Cluster, place: Path, *options: str) -> tuple[int, dict[str, Any]]:
    done = cluster.screening("reconcile", "--json", *options, archive_url=place, packs_on='["shantou-2022-draft"]')
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def _revisions(cluster: Cluster) -> list[dict[str, Any]]:
    return [json.loads(record.value or b"") for record in cluster.read("claim-revisions")]


def test_each_claim_is_answered_again_when_its_standing_has_changed_and_no_revision_is_written_twice(
    cluster: Cluster, crew: Crew, tmp_path: Path
) -> None:
    register, values = sample(23, 400)
    screen(cluster, crew, values, register, **QUICK, packs_on='["shantou-2022-draft"]')
    place = tmp_path / "archive"
    done = cluster.screening("archive", "--until-end", "--metrics-port", "0", archive_url=place)
    assert done.returncode == 0, done.stderr
    code, told = _reconcile(cluster, place, "--packs-changed", "--dry-run")
    assert (code, told["revisions"]) == (0, 0), "what was answered follows from the register"

    later, _ = sample(29, 400)
    for message in (*later.physicians.values(), *later.institutions.values()):
        message["revision"] += 1_000
    publish(cluster, later)
    code, dry = _reconcile(cluster, place, "--dry-run")
    assert (code, dry["written"]) == (1, 0)
    assert not _revisions(cluster)
    refused = cluster.screening("reconcile", "--at-most", "1", archive_url=place, packs_on='["shantou-2022-draft"]')
    assert refused.returncode == 1
    assert "--at-most" in refused.stderr
    assert not _revisions(cluster)

    code, told = _reconcile(cluster, place)
    assert (code, told["written"]) == (0, dry["revisions"])
    revisions = _revisions(cluster)
    assert len(revisions) == told["written"] > 0
    gate = fill(make_gate(register), later)
    now = {verdict["claim_id"]: verdict for verdict in verdicts(gate, values)}
    before = {verdict["claim_id"]: verdict for verdict in map(_value, cluster.read("claim-verdicts"))}
    changed = {name for name in now if _answer(now[name]) != _answer(before[name])}
    assert {revision["claim_id"] for revision in revisions} == changed
    for revision in revisions:
        name = revision["claim_id"]
        assert _answer(revision["earlier"]) == _answer(before[name])
        assert _answer(revision["new"]) == _answer(now[name])
        assert revision["number"] == 1
        assert Decimal(revision["to_fund"]) == _moved(before[name], now[name])
        assert revision["explanation"]["zh"]

    for options in ((), ("--packs-changed",)):
        code, again = _reconcile(cluster, place, *options)
        assert (code, again["revisions"]) == (0, 0), "nothing is doubled"
    publish(cluster, register)
    _, back = _reconcile(cluster, place, "--packs-changed")
    assert back["written"] == len(changed), "what was changed back has a second revision"
    assert {revision["number"] for revision in _revisions(cluster)} == {1, 2}


def test_what_a_decision_on_an_insured_person_stops_stays_stopped_and_what_a_late_one_would_have_stopped_is_clawed_back(
    cluster: Cluster, controls: Controls, crew: Crew, tmp_path: Path
) -> None:
    controls.start().wait_ready()
    crew.start().wait_ready()
    place = tmp_path / "archive"

    def record(*events: bytes) -> None:
        cluster.send("physician-events", map(sent, events))
        wait_taken(cluster, controls)

    def answers() -> dict[str, tuple[Any, ...]]:
        """Screens the claims and keeps them; tells how each of them is answered."""
        since = cluster.ends("claims", "read_committed")[0]
        cluster.send("claims", [{"key": "k", "value": line, "partition": 0} for line in CLAIMS])
        wait_judged(cluster, crew)
        done = cluster.screening("archive", "--until-end", "--metrics-port", "0", archive_url=place)
        assert done.returncode == 0, done.stderr
        told = map(_value, cluster.read("claim-verdicts"))
        return {one["claim_id"]: _answer(one) for one in told if one["source"]["offset"] >= since}

    def revised() -> dict[str, tuple[str, tuple[Any, ...]]]:
        return {one["claim_id"]: (one["kind"], _answer(one["new"])) for one in _revisions(cluster)}

    record(OWN)
    paid = answers()
    record(*DECISIONS)
    code, told = _reconcile(cluster, place)
    assert (code, told["written"], told["left"]) == (0, 4, 0)
    stopped = answers()
    assert revised() == {
        "suspended": ("claw_back", stopped["suspended"]),
        "emergency": ("to_review", stopped["emergency"]),
        "not-named": ("to_review", stopped["not-named"]),
        "department": ("claw_back", stopped["department"]),
    }
    for options in ((), ("--packs-changed",)):
        code, told = _reconcile(cluster, place, *options)
        assert (code, told["revisions"]) == (0, 0), "nobody is released by a run that knows of the decision"

    opened = {one["claim_id"]: one for one in map(_value, cluster.read("claim-cases")) if one.get("revision") == 1}
    assert opened.keys() == {"suspended", "emergency", "not-named", "department"}

    record(event("x3", "insured_restored", "2025-06-20", ref="x1", **PERSON, **{"from": "2025-05-11"}))
    _, told = _reconcile(cluster, place)
    assert told["written"] == 4, "two claims of each round were of the person"
    released = [
        (one["claim_id"], one["number"], _answer(one["new"])) for one in _revisions(cluster) if one["kind"] == "release"
    ]
    assert sorted(released) == [(name, number, paid[name]) for name in ("emergency", "suspended") for number in (1, 2)]
    wait_for(
        "the cases of who is released are closed",
        lambda: (
            {
                last_values(cluster, "case-state")[opened[name]["case_id"]]["state"]
                for name in ("suspended", "emergency")
            }
            == {"closed"}
        ),
    )
    states = last_values(cluster, "case-state")
    assert {states[opened[name]["case_id"]]["state"] for name in ("not-named", "department")} == {"open"}
    record(insured("x4"))
    _, told = _reconcile(cluster, place)
    assert told["written"] == 4
    wait_for(
        "a case that stands again is opened again",
        lambda: last_values(cluster, "case-state")[opened["suspended"]["case_id"]]["state"] == "reopened",
    )
    assert crew.stop() == [0]
    assert controls.stop() == [0]
    for part in ("cases", "revisions"):
        proved = screening("audit", f"--{part}", "--json", bootstrap_servers=cluster.bootstrap, archive_url=place)
        assert proved.returncode == 0, proved.stdout + proved.stderr


def test_nothing_is_judged_by_a_register_that_lacks_what_was_recorded_before(cluster: Cluster, tmp_path: Path) -> None:
    cluster.send("physician-events", map(sent, [OWN]))
    done = cluster.screening("reconcile", archive_url=tmp_path, staleness_limit_s=1)
    assert done.returncode == 1
    assert "see that the control plane runs" in done.stderr


def _value(record: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(record.value or b"")
    return told


def _answer(told: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(told[name] for name in ANSWER)


def _moved(before: dict[str, Any], now: dict[str, Any]) -> Decimal:
    amount = Decimal(now["fund_amount"])
    if now["disposition"] == "pay" and before["disposition"] != "pay":
        return -amount
    return amount if (before["disposition"], now["disposition"]) == ("pay", "reject") else Decimal(0)
