"""A run of a gate, a control plane and people who act on cases, once for the session; each test spoils a copy of its topics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from pipeline.kafka.partitioner import partition_of
from tests.support import auditing
from tests.support.cluster import CONTROL_GROUP, GROUP, SMALL, Cluster
from tests.support.control import Controls, record, wait_taken
from tests.support.histories import make
from tests.support.published import commit
from tests.support.runs import wait_judged
from tests.support.spoiled import claim
from tests.support.waiting import wait_for
from tests.support.workers import Crew

CODE, DECISION = "D522701000001", "ev-17"
VERDICTS, CASES, ACTIONS, STATES = "claim-verdicts", "claim-cases", "case-actions", "case-state"
LETTERS, EVENTS = "case-actions-dead-letter", "physician-events"
TOPICS = (VERDICTS, CASES, ACTIONS, STATES, LETTERS, EVENTS)

Record = dict[str, Any]


def action(number: int, what: str, name: str, **more: object) -> Record:
    """What somebody did, where its case lies."""
    told = {"action_id": f"{name}-a{number}", "case_id": name, "action": what, "by": "reviewer-3",
            "at": f"2023-06-{number + 1:02}T10:00:00+08:00", **more}  # fmt: skip
    return {"key": name, "value": json.dumps(told).encode(), "partition": partition_of(name.encode(), SMALL)}


def say_done(cluster: Cluster, group: str, topic: str, offsets: dict[int, int]) -> None:
    """Says that a group has come so far, as soon as it has forgotten its members: those that another test killed."""

    def said() -> bool:
        try:
            commit(cluster, group, topic, offsets)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_MEMBER_ID:
                raise
            return False
        return True

    wait_for(f"{group} has no members", said, every=0.3)


@dataclass
class Run:
    """The topics that a gate and a control plane have left, to be spoiled before they are written again."""

    topics: dict[str, list[Record]] = field(default_factory=dict)
    first_audit: dict[str, Any] = field(default_factory=dict)
    """What the audit said while both were still running."""

    @classmethod
    def of(cls, cluster: Cluster) -> Run:
        """What is in the topics now."""
        return cls({
            topic: [
                {"key": item.key, "value": item.value, "partition": item.partition, "headers": list(item.headers)}
                for item in sorted(records, key=lambda item: item.place)
            ]
            for topic, records in cluster.read_all(*TOPICS).items()
        })  # fmt: skip

    def write(self, cluster: Cluster) -> None:
        """Writes everything, and says that both groups are done with it."""
        for topic, records in self.topics.items():
            cluster.send(topic, records)
        say_done(cluster, GROUP, "claims", dict.fromkeys(range(6), 10_000))
        for topic in (CASES, ACTIONS):
            say_done(cluster, CONTROL_GROUP, topic, dict(enumerate(cluster.ends(topic, "read_committed"))))

    def find(self, topic: str, holds: str) -> Record:
        """The first record whose value holds a text."""
        return next(item for item in self.topics[topic] if holds.encode() in (item["value"] or b""))

    def change(self, topic: str, holds: str, old: str, new: str) -> None:
        """Replaces a text in the first record that holds another."""
        found = self.find(topic, holds)
        assert old.encode() in found["value"]
        found["value"] = found["value"].replace(old.encode(), new.encode())

    def remove(self, topic: str, holds: str) -> Record:
        """Takes every record away that holds a text; returns the first."""
        first = self.find(topic, holds)
        self.topics[topic] = [item for item in self.topics[topic] if holds.encode() not in (item["value"] or b"")]
        return first

    def case_of(self, claim_id: str) -> str:
        """The name of a claim's case."""
        return str(json.loads(self.find(CASES, f'"{claim_id}"')["value"])["case_id"])

    def source_of(self, claim_id: str) -> str:
        """Where a claim stands."""
        source = json.loads(self.find(VERDICTS, f'"{claim_id}"')["value"])["source"]
        return f"claims/{source['partition']}/{source['offset']}"

    def place_of(self, wanted: Record, topic: str = ACTIONS) -> tuple[str, int, int]:
        """Topic, partition and offset of a record, as it will be written."""
        before = [item for item in self.topics[topic] if item["partition"] == wanted["partition"]]
        return topic, wanted["partition"], next(number for number, item in enumerate(before) if item is wanted)


def audit(cluster: Cluster, **settings: Any) -> dict[str, Any]:
    """What the audit of the cases says."""
    return auditing.audit(cluster, "cases", **settings)


def named(told: dict[str, Any]) -> list[str]:
    return [f"{item['part']} {item['kind']}: {item['where']}: {item['detail']}" for item in told["differences"]]


def figures(told: dict[str, Any], part: str) -> dict[str, int]:
    return next(dict(row) for row in told["figures"] if row["part"] == part)


def done_with(cluster: Cluster, topic: str) -> bool:
    """Whether the control plane has committed every record of a topic."""
    committed = cluster.committed(CONTROL_GROUP, topic)
    return all(committed.get(item.partition, 0) > item.offset for item in cluster.read(topic))


def claims() -> Iterator[Record]:
    """Sixty claims: a third in a penalty, a third without physician, a third paid; one came twice."""
    for number in range(60):
        changes: dict[str, object] = {"claim_id": f"C{number:04}"}
        if number % 3 == 1:
            changes |= {"physician_code": None}
        elif number % 3 == 2:
            changes |= {"service_date": "2023-05-09", "service_start": None}
        yield {"key": f"C{number:04}", "value": claim(**changes)}
    yield {"key": "C0000", "value": claim(claim_id="C0000")}


def act(cluster: Cluster, controls: Controls) -> None:
    """Everything that people can do about cases, possible and not."""
    opened = {json.loads(item.value or b"")["claim_id"]: (item.key or b"").decode() for item in cluster.read(CASES)}
    name, other, third = opened["C0000"], opened["C0001"], opened["C0003"]
    again = action(4, "close", name)
    wrong = (partition_of(third.encode(), SMALL) + 1) % SMALL
    cluster.send(ACTIONS, [
        action(1, "assign", name, assignee="reviewer-7"), action(2, "note", name, note="telephoned"),
        action(3, "overturn", name, appeal={"ref": DECISION, "outcome": "upheld", "date": "2023-05-20"}), again, again,
        action(1, "close", other), action(2, "assign", other), action(3, "uphold", other),
        action(1, "assign", "nobody"), {"key": other, "value": b"{"}, {**action(1, "assign", third), "partition": wrong},
    ])  # fmt: skip
    # What lay in the wrong partition comes back at the end of the right one.
    wait_for("actions are taken", lambda: done_with(cluster, ACTIONS) and len(cluster.read(ACTIONS)) == 12, every=0.2,
             detail=lambda: controls.all[-1].output[-3000:])  # fmt: skip
    cluster.send(ACTIONS, [action(1, "close", other)])
    wait_for("the last one is taken", lambda: done_with(cluster, ACTIONS), every=0.2)


_RUNS: dict[str, Run] = {}


def case_run(kafka: Cluster, folder: Path) -> Run:
    """A copy of the session's run on this broker. The first time it is made, which takes the topics; they are left fresh."""
    if kafka.bootstrap not in _RUNS:
        _RUNS[kafka.bootstrap] = _make(kafka, folder)
        kafka.reset()
    return deepcopy(_RUNS[kafka.bootstrap])


def _make(kafka: Cluster, folder: Path) -> Run:
    kafka.reset()
    controls, crew = Controls(kafka, folder), Crew(kafka, folder)
    try:
        controls.start().wait_ready()
        common = {"region": "522700", "physician_code": CODE}
        site = {"institution": "H52270100001"}
        kafka.send(EVENTS, [
            record(make("registration", "2023-01-03", 1, **common, **site)),
            record(make("deduction", "2023-05-09", 2, **common, event_id=DECISION, points=12, violation_id="QN-T12-01")),
            record(make("notice_received", "2023-05-10", 3, **common, ref=DECISION)),
            record(make("appeal_filed", "2023-05-12", 4, **common, ref=DECISION)),
        ])  # fmt: skip
        wait_taken(kafka, controls)
        crew.start().wait_ready()
        kafka.send("claims", claims())
        wait_judged(kafka, crew)
        wait_for("cases are opened", lambda: done_with(kafka, CASES), every=0.2)
        act(kafka, controls)
        wait_taken(kafka, controls)
        told = audit(kafka)
        run = Run.of(kafka)
        run.first_audit = told
        assert (crew.stop(), controls.stop()) == ([0], [0])
    finally:
        crew.dismiss()
        controls.dismiss()
    return run


def after(cluster: Cluster, run: Run, **settings: Any) -> list[str]:
    """What the audit names once these topics are written."""
    run.write(cluster)
    return named(audit(cluster, **settings))
