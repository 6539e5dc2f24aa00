"""Situations of operation that stopped a control plane or let events vanish elsewhere. Here they cost what they must and are told."""

from __future__ import annotations

import json
import random

import pytest
from confluent_kafka.admin import NewPartitions, NewTopic

from pipeline.kafka.partitioner import partition_of
from tests.kafka.test_gate_faults import configure
from tests.kafka.test_ledger_progress import EVENTS, progress, qiannan
from tests.support.cluster import SMALL, Cluster
from tests.support.control import Controls, last_values, wait_taken
from tests.support.raw_headers import send_with_header
from tests.support.waiting import wait_for

pytestmark = pytest.mark.kafka


def published(cluster: Cluster) -> set[str]:
    """The physicians whose standing is published."""
    return {key.partition("|")[2] for key in last_values(cluster, "physician-standing")}


def test_an_event_whose_standing_its_topic_does_not_take_costs_itself_alone(
    cluster: Cluster, controls: Controls
) -> None:
    """A cluster whose topic takes less than the catalogue says; the neighbours in the same batch are published."""
    configure(cluster, "physician-standing", "max.message.bytes", "5000")
    chance = random.Random(1)
    crowd = [
        qiannan("site_declaration", "2023-01-04", number, code="D522701000009", institution=chance.randbytes(60).hex())
        for number in range(1, 70)
    ]
    others = [f"D52270100001{number}" for number in range(8)]
    cluster.send(EVENTS, [*(qiannan("registration", "2023-01-03", 0, code=code) for code in others), *crowd,
                          *(qiannan("registration", "2023-01-03", 0, code=f"{code[:-1]}9{code[-1]}") for code in others)])  # fmt: skip
    control = controls.start().wait_ready()
    wait_taken(cluster, controls)

    letters = cluster.read("physician-events-dead-letter")
    assert {(dict(letter.headers)["error"] or b"").partition(b":")[0] for letter in letters} == {b"not_writable"}
    assert 0 < len(letters) < len(crowd), "those that fit are counted"
    assert published(cluster) >= {*others, *(f"{code[:-1]}9{code[-1]}" for code in others)}
    assert control.events("record_not_writable")
    assert not control.events("control_restarted")
    audit = cluster.screening("audit", "--json")
    assert audit.returncode == 0, audit.stdout[-3000:]


def test_an_event_with_a_header_that_is_not_utf8_stops_nothing_and_its_dead_letter_is_written(
    cluster: Cluster, controls: Controls
) -> None:
    """A bad record with a header name of some client in GBK; the name is kept as bytes, and the next event counts."""
    send_with_header(cluster.bootstrap, EVENTS, b"no event", b"\xd6\xd0\xce\xc4")
    cluster.send(EVENTS, [qiannan("registration", "2023-01-03", 0)])
    control = controls.start().wait_ready()
    wait_for("the bad record is a letter", lambda: cluster.read("physician-events-dead-letter"), every=0.3,
             detail=lambda: control.output[-3000:])  # fmt: skip
    wait_taken(cluster, controls)

    (letter,) = cluster.read("physician-events-dead-letter")
    assert (letter.value, letter.headers[0]) == (b"no event", ("headers.unreadable", b"\xd6\xd0\xce\xc4"))
    assert len(published(cluster)) == 1
    assert not control.events("control_restarted")


def test_events_deleted_and_made_again_are_read_from_their_start_though_there_are_more_of_them_now(
    cluster: Cluster, controls: Controls
) -> None:
    """The log has grown beyond the old progress by the time that a plane starts: only the topic's id tells the two apart."""
    controls.start().wait_ready()
    cluster.send(EVENTS, [qiannan("registration", "2023-01-03", 0)])
    wait_taken(cluster, controls)
    assert controls.stop() == [0]
    cluster.admin.delete_topics([EVENTS], operation_timeout=30)[EVENTS].result(30)
    wait_for("the topic is gone", lambda: EVENTS not in cluster.topics())
    cluster.admin.create_topics([NewTopic(EVENTS, SMALL, 1)])[EVENTS].result(30)
    wait_for("it can be written to", lambda: len(cluster.ends(EVENTS, "read_committed")) == SMALL)
    again = [f"D5227010001{number:02}" for number in range(60)]
    cluster.send(EVENTS, [qiannan("registration", "2023-01-03", 0, code=code) for code in again])
    assert all(
        end > progress(cluster)[number].next_offset for number, end in enumerate(cluster.ends(EVENTS, "read_committed"))
    )

    control = controls.start().wait_ready()
    wait_for("every event of the new log is taken", lambda: published(cluster) >= {*again}, every=0.3,
             detail=lambda: control.output[-3000:])  # fmt: skip
    assert control.events("input_read_from_its_start")


def test_partitions_that_are_added_to_the_events_are_told_at_once(cluster: Cluster, controls: Controls) -> None:
    control = controls.start().wait_ready()
    cluster.admin.create_partitions([NewPartitions(EVENTS, SMALL + 2)])[EVENTS].result(30)

    assert f"{EVENTS} has {SMALL + 2}" in control.wait_event("partitions_added")["detail"]
    wait_for("it is not ready", lambda: control.get("/readyz")[0] == 503)
    assert "partitions were added" in json.loads(control.get("/readyz")[1])["trouble"]
    assert controls.stop() == [0]
    refused = cluster.screening("control", metrics_port=0)
    assert (refused.returncode, "equally many partitions" in refused.stderr) == (1, True)


def test_what_a_stranger_writes_into_the_register_is_written_over_with_what_is_true(
    cluster: Cluster, controls: Controls
) -> None:
    control = controls.start().wait_ready()
    cluster.send("physician-events", [qiannan("registration", "2023-01-03", 0)])
    wait_taken(cluster, controls)
    old = cluster.read("physician-standing")[-1]
    cluster.send("physician-events", [qiannan("deduction", "2023-03-01", 1, points=3, violation_id="QN-T3-01")])
    wait_taken(cluster, controls)
    right = cluster.read("physician-standing")[-1]
    assert right.value != old.value
    # As somebody would who loads a standing from a file while the control plane runs.
    cluster.send("physician-standing", [{"key": old.key, "value": old.value, "partition": old.partition}])
    wait_for("the true standing is the last again", lambda: cluster.read("physician-standing")[-1].value == right.value,
             every=0.2, detail=lambda: control.output[-2000:])  # fmt: skip
    assert control.wait_event("foreign_records_put_right")["records"] == 1
    # Behind a record of a stranger's that nobody has noticed yet, the next publication counts all the same.
    cluster.send("physician-standing", [{"key": old.key, "value": old.value, "partition": old.partition}])
    cluster.send("physician-events", [qiannan("deduction", "2023-04-01", 2, points=1, violation_id="QN-T1-01")])
    wait_for("the newest standing is the last",
             lambda: json.loads(cluster.read("physician-standing")[-1].value or b"")["revision"] == 3, every=0.2,
             detail=lambda: control.output[-2000:])  # fmt: skip


def test_a_standing_that_no_event_explains_is_put_right_however_new_it_claims_to_be(
    cluster: Cluster, controls: Controls
) -> None:
    control = controls.start().wait_ready()
    cluster.send("physician-events", [qiannan("registration", "2023-01-03", 0)])
    cluster.send("physician-events", [qiannan("deduction", "2023-03-01", 1, points=12, violation_id="QN-T12-01")])
    wait_taken(cluster, controls)
    (key, true), *_ = last_values(cluster, "physician-standing").items()
    partition = cluster.read("physician-standing")[-1].partition
    false = {**true, "revision": 99, "spans": true["spans"][:1]}
    ghost = {**false, "physician_code": "GHOST"}
    place = partition_of(b"GHOST", len(cluster.ends("physician-standing", "read_committed")))
    cluster.send(
        "physician-standing",
        [
            {"key": key, "value": json.dumps(false).encode(), "partition": partition},
            {"key": "522700|GHOST", "value": json.dumps(ghost).encode(), "partition": place},
        ],
    )

    def settled() -> bool:
        last = last_values(cluster, "physician-standing")
        return last["522700|GHOST"] is None and {**last[key], "changed": []} == {**true, "changed": []}

    wait_for("the register says again what the events say", settled, every=0.2, detail=lambda: control.output[-2000:])
    audit = json.loads(cluster.screening("audit", "--standings", "--json").stdout)
    assert "from 99" in json.dumps(audit), "the trace of what happened stays in the log, and is the only difference"
    assert len(audit["differences"]) == 1
    # The next event is not held back by the revision that the stranger claimed.
    cluster.send("physician-events", [qiannan("registration", "2024-03-01", 2)])
    wait_for("it goes on", lambda: last_values(cluster, "physician-standing")[key]["revision"] == 3, every=0.2)
