"""`screening dlq`: dead letters can be looked at and sent again, each at most once however often that is asked."""

from __future__ import annotations

import json
from collections import Counter
from importlib import resources
from pathlib import Path
from shutil import copytree

import pytest

from pipeline.dead_letters import BOXES, FilterError, letters, parse_where, redrive
from tests.kafka.test_control_cases import action, case
from tests.support.balance import balance
from tests.support.cluster import Cluster
from tests.support.control import Controls, last_values, record
from tests.support.histories import make
from tests.support.runs import sample, screen, send_claims, wait_judged
from tests.support.spoiled import SPOILED, claim
from tests.support.waiting import wait_for
from tests.support.workers import Crew

pytestmark = pytest.mark.kafka


def listed(cluster: Cluster, *conditions: str, topic: str = "claims") -> list[dict]:
    """What `dlq list --json` shows."""
    where = [part for condition in conditions for part in ("--where", condition)]
    done = cluster.screening("dlq", "list", "--json", "--topic", topic, *where)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def redriven(cluster: Cluster, *options: str) -> dict:
    """What `dlq redrive --json` answers."""
    done = cluster.screening("dlq", "redrive", "--json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_letter_is_listed_with_its_place_and_reason_and_can_be_picked(cluster: Cluster, crew: Crew) -> None:
    register, _ = sample(seed=21, claims=0)
    screen(cluster, crew, [spoiled.value for spoiled in SPOILED], register)
    inputs = {record.place: record for record in cluster.read("claims")}

    found = listed(cluster)

    assert Counter(letter["kind"] for letter in found) == Counter(spoiled.kind for spoiled in SPOILED)
    for letter in found:
        source = inputs[letter["source"]["partition"], letter["source"]["offset"]]
        assert letter["key"] == source.key.decode()
        assert letter["bytes"] == (None if source.value is None else len(source.value))
        assert len(letter["preview"] or "") <= 800
        assert letter["redriven"] is False
    by_field = listed(cluster, "kind=invalid_value", "error~fund_amount")
    assert len(by_field) == sum(
        spoiled.tells.startswith("fund_amount:") and spoiled.kind == "invalid_value" for spoiled in SPOILED
    )
    elsewhere = listed(cluster, "kind!=invalid_value", "key=k0")
    assert [letter["kind"] for letter in elsewhere] == [SPOILED[0].kind]

    table = cluster.screening("dlq", "list", "--limit", "5")
    assert table.returncode == 0
    assert f"{len(SPOILED)} dead letters, 5 shown" in table.stdout


@pytest.mark.parametrize("condition", ["kind", "colour=red", "kind<3", ""])
def test_a_condition_that_cannot_be_used_is_told_with_those_that_can(condition: str) -> None:
    with pytest.raises(FilterError, match=r"FIELD one of kind, error, key, partition"):
        parse_where([condition])


def test_letters_are_sent_again_byte_for_byte_and_only_once(cluster: Cluster, crew: Crew) -> None:
    register, claims = sample(seed=22, claims=200)
    headers = [("trace", b"t1"), ("error", b"the sender's own")]
    screen(cluster, crew, claims, register)
    spoiled = [claim(fund_amount="12,30"), b"\xff", None, b"{", b"x" * 10_000_000]
    cluster.send(
        "claims", [{"key": f"bad{number}", "value": value, "headers": headers} for number, value in enumerate(spoiled)]
    )
    crew.start().wait_ready()
    wait_judged(cluster, crew)
    crew.stop()
    before = {record.place for record in cluster.read("claims")}

    assert redriven(cluster, "--dry-run") == {
        "matched": 5, "already": 0, "to_send": 5, "not_sendable": 0, "sent": 0, "dry_run": True,
    }  # fmt: skip
    assert redriven(cluster, "--where", "error~fund_amount")["sent"] == 1
    assert redriven(cluster, "--where", "error~fund_amount") == {
        "matched": 1, "already": 1, "to_send": 0, "not_sendable": 0, "sent": 0, "dry_run": False,
    }  # fmt: skip
    again = [record for record in cluster.read("claims") if record.place not in before]
    assert [(record.key, record.value, record.headers) for record in again] == [
        (b"bad0", spoiled[0], (("trace", b"t1"), ("error", b"the sender's own")))
    ]

    assert redriven(cluster)["sent"] == 4
    assert redriven(cluster) == {
        "matched": 5, "already": 5, "to_send": 0, "not_sendable": 0, "sent": 0, "dry_run": False,
    }  # fmt: skip
    crew.start().wait_ready()
    wait_judged(cluster, crew)
    crew.stop()

    figures = balance(cluster, register)
    assert (figures.verdicts, figures.dead_letters) == (200, 10)
    assert Counter(letter["redriven"] for letter in listed(cluster)) == {True: 5, False: 5}


def test_a_redrive_that_started_before_another_ended_sends_nothing_twice(cluster: Cluster, crew: Crew) -> None:
    register, _ = sample(seed=23, claims=0)
    screen(cluster, crew, [b"{", b"[", b"}"], register)
    settings = cluster.settings()
    seen_by_the_first = list(letters(settings, parse_where([])))
    seen_by_the_second = list(letters(settings, parse_where([])))

    assert redrive(settings, seen_by_the_first, lambda _sent: None) == 3
    assert redrive(settings, seen_by_the_second, lambda _sent: None) == 0

    assert len(cluster.read("claims")) == 6
    assert len(cluster.read("claims-redriven")) == 3


def test_a_claim_that_was_mended_upstream_is_judged_when_it_is_sent_again(cluster: Cluster, crew: Crew) -> None:
    """The record is spoiled for a gate of today; a redrive gives it to the gate of tomorrow, which judges it like any other."""
    register, _ = sample(seed=24, claims=0)
    screen(cluster, crew, [claim(claim_id="")], register)
    send_claims(cluster, [claim(claim_id="C2")])
    crew.start().wait_ready()
    redriven(cluster)
    wait_judged(cluster, crew)
    crew.stop()

    figures = balance(cluster, register)
    assert (figures.inputs, figures.verdicts, figures.dead_letters) == (3, 1, 2)


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("kind=nosuch", "kind is one of"),
        ("error=invalid_json", "give kind="),
        ("offset=abc", "offset is a number"),
        ("redriven=perhaps", "true, false"),
    ],
)
def test_a_condition_that_no_letter_can_meet_is_a_slip_and_not_an_empty_topic(condition: str, says: str) -> None:
    with pytest.raises(FilterError, match=says):
        parse_where([condition])


def test_letters_of_the_control_plane_are_listed_and_sent_again_once_their_cause_is_gone(
    cluster: Cluster, controls: Controls, tmp_path: Path
) -> None:
    """An action that came before its case, and an event of a violation that the law of the day did not know."""
    packs = tmp_path / "packs"
    copytree(Path(str(resources.files("rules") / "packs")), packs)
    pack = packs / "qiannan-2022.yaml"
    full = pack.read_text("utf-8")
    pack.write_text("\n".join(line for line in full.splitlines() if "id: QN-T6-02," not in line), "utf-8")
    code = "D522701000001"
    common = {"region": "522700", "physician_code": code}
    deduction = record(make("deduction", "2023-05-10", 2, points=6, violation_id="QN-T6-02", **common))
    too_early = action(1, "assign")
    first = controls.start(packs_dir=packs).wait_ready()
    cluster.send("physician-events", [record(make("registration", "2023-01-03", 1, **common)), deduction])
    cluster.send("case-actions", [too_early, {"key": "case-1", "value": b"{"}])
    cluster.send("claim-cases", [{"key": "case-9", "value": b"no case"}])
    wait_for("the records are set aside", lambda: (
        len(cluster.read("physician-events-dead-letter")) == 1 and len(cluster.read("case-actions-dead-letter")) == 3
    ), detail=lambda: first.output[-2000:])  # fmt: skip

    [letter] = listed(cluster, topic="events")
    assert (letter["key"], letter["kind"], letter["source"]["topic"]) == (code, "outside_scheme", "physician-events")
    assert letter["reason"].startswith("violation_id: 'QN-T6-02'")
    assert [item["source"]["topic"] for item in listed(cluster, "source.topic=claim-cases", topic="case-actions")] == [
        "claim-cases"
    ]
    everything = cluster.screening("dlq", "list", "--topic", "all")
    assert "4 dead letters: 0 of claims, 1 of events, 3 of case-actions" in everything.stdout
    assert "…" not in everything.stdout
    assert "QN-T6-02' is not an item of this scheme" in everything.stdout

    assert first.terminate() == 0
    pack.write_text(full, "utf-8")
    second = controls.start(packs_dir=packs).wait_ready()
    cluster.send("claim-cases", [case()])
    wait_for("the case is open", lambda: "case-1" in last_values(cluster, "case-state"))
    event = ("--topic", "events", "--where", "error~QN-T6-02")
    assert redriven(cluster, *event) == {
        "matched": 1, "already": 0, "to_send": 1, "not_sendable": 0, "sent": 1, "dry_run": False,
    }  # fmt: skip
    assert redriven(cluster, *event) == {
        "matched": 1, "already": 1, "to_send": 0, "not_sendable": 0, "sent": 0, "dry_run": False,
    }  # fmt: skip
    actions = cluster.screening("dlq", "redrive", "--topic", "case-actions")
    assert "3 dead letters sent again" in actions.stdout, actions.stderr
    wait_for("both count", lambda: (
        last_values(cluster, "case-state")["case-1"]["state"] == "assigned"
        and last_values(cluster, "physician-standing")[f"522700|{code}"]["revision"] == 2
    ), detail=lambda: second.output[-2000:])  # fmt: skip

    sent = [item for item in cluster.read("physician-events") if item.value == deduction["value"]]
    assert [(item.key, item.headers) for item in sent] == [(code.encode(), ())] * 2
    told = json.loads(cluster.screening("audit", "--standings", "--json").stdout)
    assert {item["kind"] for item in told["differences"]} <= {"missing"}, told["differences"]
    cases = [item.value for item in cluster.read("claim-cases")]
    assert cases.count(b"no case") == 2, "whatever became a letter can be sent again, cases too"
    wait_for("what is no JSON is a letter again", lambda: len(cluster.read("case-actions-dead-letter")) == 5)
    assert {(item.key or b"").decode().split("|")[0] for item in cluster.read("claims-redriven")} == {
        "physician-events-dead-letter", "case-actions-dead-letter",
    }  # fmt: skip


def test_letters_of_two_topics_at_one_place_are_not_taken_for_each_other(cluster: Cluster) -> None:
    """Partition 0, offset 0 of three topics: what was sent again of one is still to be sent of the others."""
    for topic in ("claims-dead-letter", "physician-events-dead-letter", "case-actions-dead-letter"):
        cluster.send(topic, [{"key": "k", "value": topic, "partition": 0, "headers": [("error", b"invalid_json: x")]}])
    for name, origin in (("events", "physician-events"), ("claims", "claims"), ("case-actions", "case-actions")):
        assert redriven(cluster, "--topic", name)["sent"] == 1
        assert redriven(cluster, "--topic", name)["sent"] == 0
        assert [item.value for item in cluster.read(origin)] == [f"{BOXES[name].spec.name}".encode()]


def test_the_code_picks_letters_of_every_topic_and_those_without_one_are_sent_again_all_the_same(
    cluster: Cluster,
) -> None:
    old = "a case takes at most 500 actions of 16384 bytes"
    for topic in ("claims-dead-letter", "physician-events-dead-letter", "case-actions-dead-letter"):
        errors = ("invalid_json: x", old)
        cluster.send(topic, [{"key": "k", "value": error, "headers": [("error", error.encode())]} for error in errors])
    for name in ("claims", "events", "case-actions"):
        assert [item["kind"] for item in listed(cluster, topic=name)] == ["invalid_json", "uncoded"]
        assert [item["reason"] for item in listed(cluster, "kind=uncoded", topic=name)] == [old]
        assert redriven(cluster, "--topic", name, "--where", "kind=uncoded")["sent"] == 1
        assert redriven(cluster, "--topic", name, "--where", "kind=invalid_json")["sent"] == 1
        assert redriven(cluster, "--topic", name)["sent"] == 0
