"""Messages on a real Kafka become the claims of the oracle, each written once, whoever is killed and whenever."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.support.centre_day import a_day, messages_of
from tests.support.cluster import SMALL, Cluster
from tests.support.intakes import QUICK, Intakes, prove_claims, set_aside, without_key, written_claims
from tests.support.interface_messages import DOCTOR, HOSPITAL, settled, visit
from tests.support.waiting import wait_for

pytestmark = pytest.mark.kafka

KILLS = 3


def test_a_centres_day_becomes_the_oracles_claims_though_processes_are_killed(
    cluster: Cluster,
    intakes: Intakes,
    tmp_path: Path,
) -> None:
    random = Random(41)
    plan = a_day(41, 60)
    messages = messages_of(plan, 42)
    file = tmp_path / "day.ndjson"
    half = len(messages) // 2
    file.write_text("".join(json.dumps(message, ensure_ascii=False) + "\n" for message in messages[:half]), "utf-8")
    loaded = cluster.screening("load", "messages", str(file))
    assert loaded.returncode == 0, loaded.stderr
    cluster.send("interface-messages", without_key(messages[half:]))
    cluster.send("interface-messages", [{"key": b"k", "value": "就诊".encode("gbk")}])

    for _ in range(KILLS):
        process = intakes.start(**QUICK)
        process.wait_event("messages_taken", count=random.randint(1, 5))
        process.kill()
    intakes.start(**QUICK)
    intakes.start(**QUICK)
    prove_claims(cluster, plan, within=180)
    (unreadable,) = [letter for letter in set_aside(cluster) if letter["kind"] == "invalid_utf8"]
    assert unreadable["source"]["topic"] == "interface-messages"
    assert intakes.stop() == [0, 0]


def test_a_settlement_goes_on_without_its_visit_and_anew_when_it_comes(
    cluster: Cluster,
    intakes: Intakes,
) -> None:
    def send(message: dict[str, Any]) -> None:
        cluster.send("interface-messages", [{"key": HOSPITAL.encode(), "value": json.dumps(message).encode()}])

    send(settled())
    process = intakes.start(**{**QUICK, "intake_visit_wait_s": 1})
    wait_for("the claim is written", lambda: len(written_claims(cluster)) == 1)
    process.kill()
    for _ in range(SMALL + 1):  # one more than there are partitions: it stands by
        intakes.start(**QUICK)
    send(visit())
    wait_for("a further version is written", lambda: len(written_claims(cluster)) == 2)
    first, second = written_claims(cluster)
    assert (first["claim_version"], first["visit"], first["physician_code"]) == (1, "not_seen", None)
    assert (second["claim_version"], second.get("visit"), second["physician_code"]) == (2, None, DOCTOR)
    for running in intakes.running:
        running.wait_ready()
    assert intakes.stop() == [0] * (SMALL + 1)
