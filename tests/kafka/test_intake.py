"""Messages on a real Kafka become the claims of the oracle, each written once, whoever is killed and whenever."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.oracle.centre import claims_of
from tests.property.test_intake_stream import said
from tests.support.centre_day import a_day, messages_of
from tests.support.cluster import SMALL, Cluster
from tests.support.intakes import Intakes
from tests.support.interface_messages import DOCTOR, HOSPITAL, settled, visit
from tests.support.waiting import wait_for

pytestmark = pytest.mark.kafka

QUICK = {
    "session_timeout_ms": 3000, "transaction_timeout_ms": 3000, "intake_batch_messages": 25, "intake_visit_wait_s": 8,
}  # fmt: skip
KILLS = 3


def claims(cluster: Cluster) -> list[dict[str, Any]]:
    """All claims, each with its key as its name."""
    found = []
    for record in cluster.read("claims"):
        claim = json.loads(record.value or b"")
        assert record.key == claim["claim_id"].encode()
        found.append(claim)
    return found


def letters(cluster: Cluster) -> list[dict[str, Any]]:
    done = cluster.screening("dlq", "list", "--topic", "messages", "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


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
    # As integrators send them, without a key: they are sent on to the partition of their institution.
    cluster.send("interface-messages", [{"value": json.dumps(message).encode()} for message in messages[half:]])
    cluster.send("interface-messages", [{"key": b"k", "value": "就诊".encode("gbk")}])

    for _ in range(KILLS):
        process = intakes.start(**QUICK)
        process.wait_event("messages_taken", count=random.randint(1, 5))
        process.kill()
    intakes.start(**QUICK)
    intakes.start(**QUICK)
    expected = said(claims_of(plan))

    def whole() -> bool:
        if any(letter["kind"] == "missing_field" and not letter["redriven"] for letter in letters(cluster)):
            # A request and its response that missed each other, because a process was dead for so long.
            cluster.screening("dlq", "redrive", "--topic", "messages", "--where", "kind=missing_field")
        return said(claims(cluster)) == expected

    wait_for("the newest claims are those of the oracle", whole, within=180)
    found = claims(cluster)
    names = Counter((claim["institution_code"], claim["claim_id"], claim["claim_version"]) for claim in found)
    assert set(names.values()) == {1}, "each version is written once"
    newest = {name[:2]: max(version for *one, version in names if tuple(one) == name[:2]) for name in names}
    assert sum(newest.values()) == len(found), "versions count without a gap"
    (unreadable,) = [letter for letter in letters(cluster) if letter["kind"] == "invalid_utf8"]
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
    wait_for("the claim is written", lambda: len(claims(cluster)) == 1)
    process.kill()
    for _ in range(SMALL + 1):  # one more than there are partitions: it stands by
        intakes.start(**QUICK)
    send(visit())
    wait_for("a further version is written", lambda: len(claims(cluster)) == 2)
    first, second = claims(cluster)
    assert (first["claim_version"], first["visit"], first["physician_code"]) == (1, "not_seen", None)
    assert (second["claim_version"], second.get("visit"), second["physician_code"]) == (2, None, DOCTOR)
    for running in intakes.running:
        running.wait_ready()
    assert intakes.stop() == [0] * (SMALL + 1)
