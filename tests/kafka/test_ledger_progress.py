"""The ledger tells how far it is, in one transaction with what follows; and what it says may be believed."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from pipeline.kafka.partitioner import partition_of
from tests.support.cluster import CONTROL_GROUP, Cluster, Record
from tests.support.control import MORTAL, WRITTEN, Controls, last_values, record, wait_taken
from tests.support.histories import make
from tests.support.waiting import wait_for
from tests.support.workers import WorkerProcess
from topics.messages.ledger import LedgerProgress
from topics.progress import behind

pytestmark = pytest.mark.kafka

QIANNAN = "522700"
EVENTS = "physician-events"


def qiannan(kind: str, day: str, number: int, code: str = "D522701000001", **fields: object) -> dict:
    """A record of one physician's event in Qiannan, in the partition where it belongs."""
    made = record(make(kind, day, number, region=QIANNAN, physician_code=code, event_id=f"{code}-{number}", **fields))
    return {**made, "partition": partition_of(code.encode(), 3)}


def progress(cluster: Cluster, topic: str = EVENTS) -> dict[int, LedgerProgress]:
    """The newest progress of each partition of a topic."""
    found = {}
    for item in cluster.read("ledger-progress"):
        told = LedgerProgress.model_validate_json(item.value or b"")
        assert item.key == f"{told.topic}-{told.partition}".encode()
        if told.topic == topic:
            found[told.partition] = told
    return found


def missing(cluster: Cluster, topic: str = EVENTS) -> dict[int, int]:
    """What is still to be taken of a topic to its end as of now, asked for in the order that the contract says."""
    ends = dict(enumerate(cluster.ends(topic, "read_committed")))
    return behind(progress(cluster, topic), ends)


def wait_reached(cluster: Cluster, control: WorkerProcess, topic: str = EVENTS) -> None:
    """Waits until the progress has reached the end of a topic, and readers see what was written with it."""
    wait_for(f"the progress reaches the end of {topic}", lambda: not missing(cluster, topic), every=0.2,
             detail=lambda: f"{progress(cluster, topic)}\n{control.output[-3000:]}")  # fmt: skip
    cluster.wait_shown(WRITTEN)


def transaction(cluster: Cluster, records: list[dict], *, commit: bool) -> None:
    """Sends records in a transaction of somebody else's."""
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "transactional.id": "an-agency", "log_level": 0})
    producer.init_transactions(30)
    producer.begin_transaction()
    for item in records:
        producer.produce(EVENTS, **item)
    producer.flush(30)
    if commit:
        producer.commit_transaction(30)
    else:
        producer.abort_transaction(30)


def test_the_progress_reaches_the_end_of_a_topic_whatever_stands_there(cluster: Cluster, controls: Controls) -> None:
    control = controls.start().wait_ready()
    wait_reached(cluster, control)
    assert {place.next_offset for place in progress(cluster).values()} == {0}, "of an empty partition it is 0"
    wait_reached(cluster, control, "claim-cases")
    wait_reached(cluster, control, "case-actions")

    cluster.send(EVENTS, [qiannan("registration", "2023-01-03", 0)])
    wait_reached(cluster, control)
    transaction(cluster, [qiannan("registration", "2023-01-03", 0, code="D522701000002")], commit=True)
    wait_reached(cluster, control)
    ends = cluster.ends(EVENTS, "read_committed")
    transaction(cluster, [qiannan("registration", "2023-01-03", 0, code="D522701000003")], commit=False)
    assert cluster.ends(EVENTS, "read_committed") != ends, "a transaction rolled back has moved the end"
    wait_reached(cluster, control)

    assert last_values(cluster, "physician-standing").keys() == {f"{QIANNAN}|D52270100000{n}" for n in (1, 2)}
    assert sum(place.revisions for place in progress(cluster).values()) == 2
    wait_for("people see the same in the group", lambda: {n: place.next_offset for n, place in progress(cluster).items()
             if place.next_offset} == {n: at for n, at in cluster.committed(CONTROL_GROUP, EVENTS).items() if at})  # fmt: skip


def test_whatever_follows_from_an_event_is_visible_when_the_progress_says_so(
    cluster: Cluster, controls: Controls
) -> None:
    """Read in the contract's order while events flow: no standing may be missing of which the progress has the event."""
    control = controls.start(control_batch_events=20).wait_ready()
    codes = [f"D5227010{number:05}" for number in range(600)]
    for start in range(0, len(codes), 50):
        cluster.send(
            EVENTS, [qiannan("registration", "2023-01-03", 0, code=code) for code in codes[start : start + 50]]
        )
        said = progress(cluster)
        inputs = [item for item in cluster.read(EVENTS) if item.offset < _next(said, item)]
        known = last_values(cluster, "physician-standing")
        assert {f"{QIANNAN}|{(item.key or b'').decode()}" for item in inputs} <= known.keys()
    wait_reached(cluster, control)
    assert len(last_values(cluster, "physician-standing")) == len(codes)


def _next(said: dict[int, LedgerProgress], item: Record) -> int:
    return said[item.partition].next_offset if item.partition in said else 0


def test_an_event_that_lay_wrong_is_not_passed_over_by_whoever_waits_for_the_end(
    cluster: Cluster, controls: Controls
) -> None:
    control = controls.start().wait_ready()
    code = "D522701000001"
    right = partition_of(code.encode(), 3)
    wrong = (right + 1) % 3
    cluster.send(EVENTS, [{**qiannan("registration", "2023-01-03", 0), "partition": wrong}])
    wait_reached(cluster, control)
    assert progress(cluster)[wrong].sent_on == {str(right): 1}
    assert last_values(cluster, "physician-standing").keys() == {f"{QIANNAN}|{code}"}
    # Who asked for the ends before it was sent on, and looks at the wrong partition's progress alone, would have judged too soon.
    early = {
        number: at.model_copy(update={"next_offset": 0}) for number, at in progress(cluster).items() if number == right
    }
    assert behind({**progress(cluster), **early}, {wrong: 1, right: 0}) == {right: 1}


def test_a_process_frozen_while_it_joined_tells_its_group_all_that_it_has_taken(
    cluster: Cluster, controls: Controls
) -> None:
    """Between its first assignment and the one after its expulsion it may have taken events without telling the group."""
    control = controls.start(**MORTAL)
    control.wait_event("partitions_assigned")
    control.signal(signal.SIGSTOP)
    wait_for("the group has expelled it", lambda: not cluster.members(CONTROL_GROUP), every=0.2)
    cluster.send(EVENTS, [qiannan("registration", "2023-01-03", 0)])
    control.signal(signal.SIGCONT)
    control.wait_ready()
    wait_taken(cluster, controls)


def remember(cluster: Cluster, places: list[TopicPartition]) -> bool:
    """Commits offsets of the control plane's group; False while a member of the last test is not yet forgotten."""
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": CONTROL_GROUP, "log_level": 0})
    try:
        consumer.commit(offsets=places, asynchronous=False)
    except KafkaException:
        return False
    finally:
        consumer.close()
    return True


def test_offsets_remembered_of_topics_that_were_deleted_skip_no_event_of_the_new_ones(
    cluster: Cluster, controls: Controls
) -> None:
    """Brokers forget a deleted topic's offsets a moment later, or never when the group wrote once more."""
    codes = [f"D52270100000{number}" for number in range(6)]
    cluster.send(EVENTS, [qiannan("registration", "2023-01-03", 0, code=code) for code in codes])
    places = [TopicPartition(EVENTS, n, end) for n, end in enumerate(cluster.ends(EVENTS, "read_committed"))]
    wait_for("the group is empty and may be told", lambda: remember(cluster, places), every=0.3)
    wait_reached(cluster, controls.start().wait_ready())
    assert last_values(cluster, "physician-standing").keys() == {f"{QIANNAN}|{code}" for code in codes}


def test_a_cluster_written_by_the_release_before_is_gone_on_with_and_nothing_is_taken_twice(
    cluster: Cluster, controls: Controls
) -> None:
    """The release before kept its place in the group's offsets alone."""
    control = controls.start().wait_ready()
    codes = [f"D52270100000{number}" for number in range(6)]
    cluster.send(EVENTS, [qiannan("registration", "2023-01-03", 0, code=code) for code in codes])
    cluster.send(EVENTS, [{"key": "?", "value": b"{"}])
    wait_taken(cluster, controls)
    assert control.terminate() == 0
    places = range(len(cluster.ends("ledger-progress", "read_committed")))
    cluster.send("ledger-progress", [{"key": item.key, "value": None, "partition": n} for n in places
                                     for item in cluster.read("ledger-progress") if item.partition == n])  # fmt: skip
    before = cluster.ends("physician-standing", "read_committed")

    anew = controls.start(data_dir=controls.all[0].settings["data_dir"]).wait_ready()
    wait_for("the progress is written", lambda: _said(cluster).keys() == {0, 1, 2}, every=0.2,
             detail=lambda: anew.output[-2000:])  # fmt: skip
    cluster.send(EVENTS, [qiannan("deduction", "2023-03-01", 1, points=3, violation_id="QN-T3-01")])
    wait_taken(cluster, controls)
    assert len(cluster.read("physician-events-dead-letter")) == 1, "what was set aside is not set aside again"
    published = sum(cluster.ends("physician-standing", "read_committed")) - sum(before)
    assert published <= 2, "one standing and the mark of its transaction: nothing was published again"


def _said(cluster: Cluster) -> dict[int, LedgerProgress]:
    newest = {item.key: item.value for item in cluster.read("ledger-progress")}
    told = [LedgerProgress.model_validate_json(value) for value in newest.values() if value]
    return {place.partition: place for place in told if place.topic == EVENTS}


@pytest.fixture
def emptied(cluster: Cluster, controls: Controls) -> WorkerProcess:
    """A control plane that has taken one physician's registration and 12 points, and then was stopped."""
    control = controls.start().wait_ready()
    cluster.send(EVENTS, [qiannan("registration", "2023-01-03", 0),
                          qiannan("deduction", "2023-03-01", 1, points=12, violation_id="QN-T12-01")])  # fmt: skip
    wait_taken(cluster, controls)
    assert control.terminate() == 0
    return control


@pytest.mark.parametrize("stranger", ["a standing of a later revision", "a tombstone"])
def test_what_a_stranger_did_to_the_register_while_no_owner_was_there_is_put_right_at_start_and_reported(
    cluster: Cluster, controls: Controls, emptied: WorkerProcess, stranger: str
) -> None:
    (key, true), *_ = last_values(cluster, "physician-standing").items()
    partition = partition_of(key.partition("|")[2].encode(), 3)
    false = json.dumps({**true, "revision": 99, "spans": true["spans"][:1]}).encode()
    ghost = json.dumps({**true, "physician_code": "GHOST"}).encode()
    cluster.send("physician-standing", [
        {"key": key, "value": false if "standing" in stranger else None, "partition": partition},
        {"key": "522700|GHOST", "value": ghost, "partition": partition_of(b"GHOST", 3)},
    ])  # fmt: skip
    control = controls.start(data_dir=emptied.settings["data_dir"]).wait_ready()

    def settled() -> bool:
        last = last_values(cluster, "physician-standing")
        return last["522700|GHOST"] is None and {**(last[key] or {}), "changed": []} == {**true, "changed": []}

    wait_for("the register says again what the events say", settled, every=0.2, detail=lambda: control.output[-3000:])
    control.wait_event("foreign_standings_corrected")
    control.wait_event("foreign_standings_withdrawn")
    assert control.metric("screening_control_foreign_records_total") == 2


def test_somebodys_tombstone_in_the_register_is_written_over_while_the_plane_runs(
    cluster: Cluster, controls: Controls
) -> None:
    control = controls.start().wait_ready()
    cluster.send(EVENTS, [qiannan("registration", "2023-01-03", 0)])
    wait_taken(cluster, controls)
    (key, true), *_ = last_values(cluster, "physician-standing").items()
    cluster.send("physician-standing", [{"key": key, "value": None, "partition": partition_of(b"D522701000001", 3)}])
    wait_for("the standing is there again", lambda: last_values(cluster, "physician-standing")[key] == true, every=0.2,
             detail=lambda: control.output[-3000:])  # fmt: skip
    assert control.wait_event("foreign_records_put_right")["records"] == 1


def test_the_lag_tells_what_is_still_to_be_taken_and_what_waits_behind_an_open_transaction(
    cluster: Cluster, controls: Controls
) -> None:
    control = controls.start().wait_ready()
    place = partition_of(b"D522701000001", 3)
    labels = {"topic": EVENTS, "partition": str(place)}
    cluster.send(EVENTS, [qiannan("registration", "2023-01-03", 0)])
    wait_reached(cluster, control)
    wait_for("nothing is behind", lambda: control.metric("screening_control_progress_offset", **labels) == 1)
    assert control.metric("screening_control_lag_events", **labels) == 0
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "transactional.id": "an-agency", "log_level": 0})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(EVENTS, **qiannan("deduction", "2023-03-01", 1, points=3, violation_id="QN-T3-01"))
    producer.flush(30)
    wait_for(
        "somebody's open transaction is seen", lambda: control.metric("screening_control_open_offsets", **labels) == 1
    )
    producer.commit_transaction(30)
    wait_reached(cluster, control)
    wait_for("it is over", lambda: control.metric("screening_control_open_offsets", **labels) == 0)
    assert control.metric("screening_control_progress_offset", **labels) == 3


def test_loading_events_with_wait_returns_when_the_register_holds_them_and_tells_what_became_dead_letters(
    cluster: Cluster, controls: Controls, tmp_path: Path
) -> None:
    controls.start().wait_ready()
    good = [qiannan("registration", "2023-01-03", 0, code=f"D5227010{number:05}")["value"] for number in range(200)]
    uncountable = qiannan("deduction", "9999-12-31", 2, points=12, violation_id="QN-T12-01")["value"]
    file = tmp_path / "events.ndjson"
    file.write_bytes(b"\n".join([*good, uncountable]) + b"\n")
    told = cluster.screening("load", "events", str(file), "--wait", "--json")
    assert len(last_values(cluster, "physician-standing")) == len(good), told.stderr
    said = json.loads(told.stdout)
    assert (said["sent"], said["dead_letters"], told.returncode) == (201, 1, 1)
    file.write_bytes(good[0] + b"\n")
    again = cluster.screening("load", "events", str(file), "--wait")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "taken by the control plane" in again.stdout
