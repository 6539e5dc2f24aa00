"""`screening dlq`: dead letters can be looked at and sent again, each at most once however often that is asked."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from pipeline.dlq import FilterError, letters, parse_where, redrive
from tests.support.balance import balance
from tests.support.cluster import Cluster
from tests.support.runs import sample, screen, send_claims, wait_judged
from tests.support.spoiled import SPOILED, claim
from tests.support.workers import Crew

pytestmark = pytest.mark.kafka


def listed(cluster: Cluster, *conditions: str) -> list[dict]:
    """What `dlq list --json` shows."""
    where = [part for condition in conditions for part in ("--where", condition)]
    done = cluster.screening("dlq", "list", "--json", *where)
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

    assert redriven(cluster, "--dry-run") == {"matched": 5, "already": 0, "sent": 0, "dry_run": True}
    assert redriven(cluster, "--where", "error~fund_amount")["sent"] == 1
    assert redriven(cluster, "--where", "error~fund_amount") == {
        "matched": 1,
        "already": 1,
        "sent": 0,
        "dry_run": False,
    }
    again = [record for record in cluster.read("claims") if record.place not in before]
    assert [(record.key, record.value, record.headers) for record in again] == [
        (b"bad0", spoiled[0], (("trace", b"t1"),))
    ]

    assert redriven(cluster)["sent"] == 4
    assert redriven(cluster) == {"matched": 5, "already": 5, "sent": 0, "dry_run": False}
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
