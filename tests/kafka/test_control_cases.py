"""Cases on a real Kafka: opened by the gate's messages, moved by people's actions, each once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cluster import Cluster
from tests.support.control import MORTAL, WRITTEN, Controls, last_values, record, wait_taken
from tests.support.histories import make
from tests.support.waiting import wait_for

pytestmark = pytest.mark.kafka

GOLDEN = Path(__file__).parent.parent / "unit" / "topics" / "golden" / "claim-cases.json"
CODE, DECISION = "D522701000001", "ev-17"


def case(name: str = "case-1", **changes: object) -> dict:
    """A case as the gate sends it; its evidence is the deduction `ev-17`."""
    return {"key": name, "value": json.dumps({**json.loads(GOLDEN.read_bytes()), "case_id": name, **changes}).encode()}


def action(number: int, what: str, name: str = "case-1", **more: object) -> dict:
    """What somebody did."""
    told = {"action_id": f"{name}-a{number}", "case_id": name, "action": what, "by": "reviewer-3",
            "at": f"2023-06-{number + 1:02}T10:00:00+08:00", **more}  # fmt: skip
    return {"key": name, "value": json.dumps(told).encode()}


def handled(cluster: Cluster, controls: Controls) -> dict[str, dict]:
    """Waits until cases, actions and events are taken; the state of each case."""

    def done() -> bool:
        for topic in ("claim-cases", "case-actions", "physician-events"):
            committed = cluster.committed("claims-screening-control", topic)
            ends = cluster.ends(topic, "read_uncommitted")
            if any(end and committed.get(number, 0) < end for number, end in enumerate(ends)):
                return False
        return True

    wait_for("cases and actions are taken", done, every=0.2, detail=lambda: controls.all[-1].output[-3000:])
    cluster.wait_shown(WRITTEN)
    return last_values(cluster, "case-state")


def test_a_case_is_opened_assigned_decided_closed_and_reopened_by_whom_and_when(
    cluster: Cluster, controls: Controls
) -> None:
    controls.start().wait_ready()
    cluster.send("claim-cases", [case(), case(), case("case-2")])
    assert {name: state["state"] for name, state in handled(cluster, controls).items()} == {
        "case-1": "open", "case-2": "open",
    }  # fmt: skip
    steps = [("assign", "assigned"), ("request_evidence", "awaiting_evidence"), ("uphold", "upheld"), ("close", "closed"),
             ("reopen", "reopened")]  # fmt: skip
    for number, (what, expected) in enumerate(steps):
        cluster.send("case-actions", [action(number, what), action(number, what)])
        state = handled(cluster, controls)["case-1"]
        assert (state["state"], state["revision"], state["updated_by"]) == (expected, number + 1, "reviewer-3")
        assert state["updated_at"] == f"2023-06-{number + 1:02}T10:00:00+08:00"
    cluster.send("case-actions", [action(number, what) for number, what in enumerate(("assign", "uphold", "close"), 5)])
    assert handled(cluster, controls)["case-1"]["state"] == "closed"
    cluster.send("claim-cases", [case(), case(evidence=["ev-17", "ev-18"]), case(evidence=["ev-17", "ev-18"])])
    wait_for("it is open again", lambda: handled(cluster, controls)["case-1"]["state"] == "reopened")
    state = handled(cluster, controls)["case-1"]
    assert (state["updated_by"], state["assignee"]) == ("screening-control", None)
    cluster.send("case-actions", [action(8, "assign"),
                                  action(9, "uphold", appeal={"ref": "ev-18", "outcome": "rejected"})])  # fmt: skip
    assert handled(cluster, controls)["case-1"]["state"] == "upheld", "a review of the new decision is possible"
    published = [
        json.loads(item.value or b"")["revision"] for item in cluster.read("case-state") if item.key == b"case-1"
    ]
    assert published == sorted(set(published)), "an action sent twice changes nothing"
    assert cluster.read("case-actions-dead-letter") == []
    other = {**case(), "value": case()["value"].replace(b'"98.70"', b'"9870.00"')}
    assert other != case()
    cluster.send("claim-cases", [other])
    assert handled(cluster, controls)["case-1"]["state"] == "upheld", "another claim under its name changes nothing"
    found = controls.all[-1].wait_event("case_conflict_found")
    assert (found["case_id"], found["problem"].endswith("fund_amount differ")) == ("case-1", True)
    [letter] = cluster.read("case-actions-dead-letter")
    assert letter.value == other["value"]


def test_an_action_that_is_not_possible_is_set_aside_and_says_what_is(cluster: Cluster, controls: Controls) -> None:
    controls.start().wait_ready()
    cluster.send("claim-cases", [case()])
    handled(cluster, controls)
    wrong = [action(1, "close"), action(2, "assign", "nobody"), {"key": "case-1", "value": b"{"}]
    cluster.send("case-actions", wrong)
    cluster.send("case-actions", [action(3, "assign")])
    assert handled(cluster, controls)["case-1"]["state"] == "assigned"
    letters = {item.value: dict(item.headers)["error"] for item in cluster.read("case-actions-dead-letter")}
    assert letters.keys() == {item["value"] for item in wrong}
    assert b"assign" in (letters[wrong[0]["value"]] or b"")
    assert b"nobody" in (letters[wrong[1]["value"]] or b"")


def test_a_review_decided_on_a_case_becomes_an_event_and_gives_the_standing_back(
    cluster: Cluster, controls: Controls
) -> None:
    control = controls.start(**MORTAL).wait_ready()
    common = {"region": "522700", "physician_code": CODE}
    cluster.send("physician-events", [
        record(make("registration", "2023-01-03", 1, **common)),
        record(make("deduction", "2023-05-10", 2, **common, event_id=DECISION, points=12, violation_id="QN-T12-01")),
        record(make("notice_received", "2023-05-10", 3, **common, ref=DECISION)),
        record(make("appeal_filed", "2023-05-12", 4, **common, ref=DECISION)),
    ])  # fmt: skip
    cluster.send("claim-cases", [case()])
    handled(cluster, controls)
    cluster.send("case-actions", [action(1, "assign")])
    decided = action(2, "overturn", appeal={"ref": DECISION, "outcome": "upheld", "date": "2023-05-20"})
    cluster.send("case-actions", [decided, decided])
    control.kill()
    controls.start().wait_ready()
    assert handled(cluster, controls)["case-1"]["state"] == "overturned"
    wait_taken(cluster, controls)
    standing = last_values(cluster, "physician-standing")[f"522700|{CODE}"]
    assert {span["standing"] for span in standing["spans"]} == {"normal"}
    answers = {json.loads(item.value or b"")["event_id"] for item in cluster.read("physician-events")
               if b"appeal_upheld" in (item.value or b"")}  # fmt: skip
    assert len(answers) == 1, "sent again or not, it is one event"
