"""Insured persons and departments in the running product: what a decision suspends, the gate refuses from then on (S1, 001 篇1)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.auditing import audit, named
from tests.support.cluster import Cluster
from tests.support.commands import screening
from tests.support.control import Controls, last_values, wait_taken
from tests.support.explaining import event
from tests.support.runs import wait_judged
from tests.support.workers import Crew
from tests.unit.rules.test_subjects import CITY, OWN, department, here, insured
from topics.events.acceptance import Refused, owner_code, read_event

pytestmark = pytest.mark.kafka

CLAIMS = [
    here(claim_id="suspended", department="内科"),
    here(claim_id="emergency", encounter_type="emergency", department="内科"),
    here(claim_id="another", insured_id="P2", department="内科"),
    here(claim_id="not-named", insured_id="P3"),
    here(claim_id="department", insured_id="P4", department="骨科"),
    here("2025-05-10", claim_id="earlier", department="内科"),
]
PERSON = {"region": CITY, "insured_id": "P1", "physician_code": None, "institution": None}
DECISIONS = [insured(), department()]


def sent(line: bytes) -> dict[str, Any]:
    """An event as its sender writes it, under the code of whom it concerns."""
    event = read_event(line)
    assert not isinstance(event, Refused)
    return {"key": owner_code(event), "value": line}


def verdicts(cluster: Cluster, since: int) -> dict[str, dict[str, Any]]:
    """By claim what the gate said of the claims from an offset of one partition on."""
    told = [json.loads(item.value or b"") for item in cluster.read("claim-verdicts")]
    return {one["claim_id"]: one for one in told if one["source"]["offset"] >= since}


def test_the_gate_refuses_whom_a_decision_suspends_as_the_replay_of_the_same_files_does(
    cluster: Cluster, controls: Controls, crew: Crew, tmp_path: Path
) -> None:
    controls.start().wait_ready()
    crew.start().wait_ready()

    def record(*events: bytes) -> None:
        cluster.send("physician-events", map(sent, events))
        wait_taken(cluster, controls)

    def judged() -> dict[str, dict[str, Any]]:
        since = cluster.ends("claims", "read_committed")[0]
        cluster.send("claims", [{"key": "k", "value": line, "partition": 0} for line in CLAIMS])
        wait_judged(cluster, crew)
        return verdicts(cluster, since)

    record(OWN)
    assert {one["disposition"] for one in judged().values()} == {"pay"}
    record(*DECISIONS)
    after = judged()
    assert {name: (one["disposition"], one["reason"]) for name, one in after.items()} == {
        "suspended": ("reject", "insured_suspended"),
        "emergency": ("review", "insured_suspended"),
        "another": ("pay", "ok"),
        "not-named": ("review", "department_not_named"),
        "department": ("reject", "department_suspended"),
        "earlier": ("pay", "ok"),
    }
    assert after["suspended"]["register"]["insured_revision"] == 1
    assert after["department"]["register"]["department_revisions"] == {"骨科": 1}
    assert after["another"]["register"].keys() == {"as_of", "progress"}, "nothing is recorded of these"
    assert last_values(cluster, "insured-standing").keys() == {f"{CITY}|P1"}
    assert last_values(cluster, "department-standing").keys() == {f"{CITY}|H1|骨科"}
    shown = crew.running[0].metrics()
    for owner in ("insured", "department"):
        assert shown["screening_standing_subjects", frozenset({("owner", owner)})] == 1

    (tmp_path / "claims.ndjson").write_bytes(b"\n".join(CLAIMS) + b"\n")
    (tmp_path / "events.ndjson").write_bytes(b"\n".join([OWN, *DECISIONS]) + b"\n")
    files = ("--events", tmp_path / "events.ndjson", "--out", tmp_path / "files", "--no-report")
    replayed = screening("replay", tmp_path / "claims.ndjson", *files)
    assert replayed.returncode == 0, replayed.stderr
    rows = pl.read_parquet(tmp_path / "files" / "verdicts" / "*.parquet")
    for name in ("disposition", "reason", "rule_pack", "cost_bearer"):
        told = dict(rows.select("claim_id", pl.col(name).cast(pl.String)).iter_rows())
        assert told == {claim: one[name] for claim, one in after.items()}, name

    record(event("x3", "insured_restored", "2025-06-20", ref="x1", **PERSON, **{"from": "2025-05-11"}))
    assert judged()["suspended"]["disposition"] == "pay", "the decision was taken back, as if it had never bound"
    assert crew.stop() == [0]
    assert controls.stop() == [0]
    for part in ("standings", "claims"):
        told = audit(cluster, part)
        assert not told["differences"], named(told)

    topic = ("replay", "--from-topic", "--no-report", "--json", "--out")
    proved = screening(*topic, tmp_path / "proof", bootstrap_servers=cluster.bootstrap)
    assert proved.returncode == 0, proved.stdout + proved.stderr
    assert json.loads(proved.stdout)["recorded"] == {"compared": 18, "equal": 18, "differing": 0, "by_cause": {}}
    now = screening(*topic, tmp_path / "now", "--as-known-now", bootstrap_servers=cluster.bootstrap)
    # Of the first round two are known to be of a suspended department now; of the second two were of a person who never was.
    assert json.loads(now.stdout)["recorded"]["by_cause"] == {"later_event": 4}, now.stdout + now.stderr


def test_decisions_that_an_earlier_control_plane_set_aside_bind_after_they_were_sent_again(
    cluster: Cluster, controls: Controls
) -> None:
    """It knew of no insured persons and departments, and refused their events (see the operations guide)."""
    headers = [("error", "unknown_type: type: 'insured_suspended' is not known"), ("source.topic", "physician-events"),
               ("source.partition", "0"), ("source.offset", "0")]  # fmt: skip
    cluster.send("physician-events-dead-letter", [{**sent(line), "headers": headers} for line in DECISIONS])
    controls.start().wait_ready()
    done = cluster.screening("dlq", "redrive", "--topic", "events", "--json")
    assert json.loads(done.stdout)["sent"] == 2, done.stderr
    again = cluster.screening("dlq", "redrive", "--topic", "events", "--json")
    assert json.loads(again.stdout)["sent"] == 0, "none is sent twice"
    wait_taken(cluster, controls)
    assert last_values(cluster, "insured-standing").keys() == {f"{CITY}|P1"}
    assert last_values(cluster, "department-standing").keys() == {f"{CITY}|H1|骨科"}
    assert controls.stop() == [0]
