"""The audit of cases on a real Kafka: a real run finds nothing, and each record that is spoiled afterwards is found and named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message, TopicPartition

from pipeline.audit import case_actions, case_states, cases, rows
from pipeline.kafka.admin import TopicAdmin
from pipeline.kafka.reading import read_to_end
from pipeline.settings.model import Settings
from tests.support.case_run import (
    ACTIONS,
    CASES,
    CODE,
    LETTERS,
    STATES,
    VERDICTS,
    Run,
    action,
    after,
    audit,
    case_run,
    done_with,
    figures,
    named,
)
from tests.support.cluster import CONTROL_GROUP, GROUP, SMALL, Cluster
from tests.support.control import Controls
from tests.support.flow import Flow
from tests.support.published import commit
from tests.support.runs import wait_judged
from tests.support.spoiled import claim
from tests.support.waiting import wait_for
from tests.support.workers import Crew
from topics.catalogue import CLAIM_CASES, CLAIM_VERDICTS

pytestmark = pytest.mark.kafka


@pytest.fixture
def run(cluster: Cluster, tmp_path: Path) -> Run:
    """The session's run, to be spoiled."""
    return case_run(cluster, tmp_path)


def test_a_gate_and_a_control_plane_at_work_leave_nothing_to_find(run: Run) -> None:
    told = run.first_audit
    assert named(told) == []
    assert figures(told, "cases") == {
        "part": "cases", "what": CASES, "demanded": 41, "cases": 41, "same": 41, "waiting": 0, "expired": 0,
    }  # fmt: skip
    assert figures(told, "case_states") == {
        "part": "case_states", "what": STATES, "cases": 40, "states": 40, "same": 40, "waiting": 0, "expired": 0,
    }  # fmt: skip
    assert figures(told, "case_actions") == {
        "part": "case_actions", "what": ACTIONS, "read": 13, "applied": 7, "repeated": 1, "refused": 4, "forwarded": 1,
        "dead_letters": 4, "waiting": 0,
    }  # fmt: skip


def test_the_same_topics_written_again_and_asked_for_by_command_find_nothing(cluster: Cluster, run: Run) -> None:
    run.write(cluster)
    done = cluster.screening("audit", "--cases")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing found" in done.stdout
    told = json.loads(cluster.screening("audit", "--cases", "--json").stdout)
    assert [row["part"] for row in told["figures"]] == ["cases", "case_actions", "case_states"]


# -- cases against verdicts ---------------------------------------------------------------------------------------


def test_a_reject_that_opened_no_case_is_named_with_its_claim(cluster: Cluster, run: Run) -> None:
    name, source = run.case_of("C0006"), run.source_of("C0006")
    run.remove(CASES, '"C0006"')
    assert after(cluster, run) == [
        f"cases missing: {source}: C0006 version 1: reject (in_penalty_period), 1 verdicts and 0 cases",
        f"case_states invented: {STATES} {name}: {CASES} holds no case of this name",
    ]


def test_a_case_of_a_replay_has_no_verdict_in_the_log_and_is_no_difference(cluster: Cluster, run: Run) -> None:
    """Its row in the replayed file may be the offset of another claim."""
    first = run.find(CASES, '"C0006"')
    told = json.loads(first["value"])
    told["source"]["topic"] = "replay"
    run.topics[CASES].append({**first, "value": json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()})
    run.write(cluster)
    found = audit(cluster)
    assert named(found) == []
    assert f"{CASES}: 1 cases of replays, which have no verdict, are not compared" in found["notes"]


def test_of_a_claim_that_came_twice_each_verdict_has_its_own_case(cluster: Cluster, run: Run) -> None:
    first = run.find(CASES, '"C0000"')
    run.topics[CASES] = [item for item in run.topics[CASES] if item is not first]
    (told,) = after(cluster, run)
    assert told.startswith("cases missing: claims/")
    assert "C0000 version 1" in told


def test_a_case_that_stands_twice_is_doubled(cluster: Cluster, run: Run) -> None:
    run.topics[CASES].append(dict(run.find(CASES, '"C0006"')))
    (told,) = after(cluster, run)
    assert told.startswith(f"cases doubled: {CASES} {run.case_of('C0006')}: of {run.source_of('C0006')}, 1 verdicts")


def test_a_case_that_says_something_else_than_its_verdict_is_named_with_the_field(cluster: Cluster, run: Run) -> None:
    run.change(CASES, '"C0006"', '"fund_amount":"98.70"', '"fund_amount":"9.87"')
    assert after(cluster, run) == [
        f"cases differs: {CASES} {run.case_of('C0006')}: fund_amount is '9.87', its verdict says '98.70'"
    ]


def test_a_verdict_that_was_changed_after_its_case_was_opened_is_named(cluster: Cluster, run: Run) -> None:
    run.change(VERDICTS, '"C0006"', '"disposition":"reject"', '"disposition":"pay"')
    assert after(cluster, run) == [
        f"cases invented: {CASES} {run.case_of('C0006')}: names {run.source_of('C0006')}, whose verdict pays"
    ]


def test_a_case_without_any_verdict_is_invented_also_beyond_what_was_judged(cluster: Cluster, run: Run) -> None:
    run.topics[CASES].append(dict(run.find(CASES, '"C0006"')))
    source = json.loads(run.topics[CASES][-1]["value"])["source"]
    old, new = f'"offset":{source["offset"]}', '"offset":20000'
    run.topics[CASES][-1]["value"] = run.topics[CASES][-1]["value"].replace(old.encode(), new.encode())
    assert after(cluster, run) == [
        f"cases invented: {CASES} {run.case_of('C0006')}: names claims/{source['partition']}/20000, where no verdict stands"
    ]


@pytest.mark.parametrize(("old", "new", "told"), [
    ('"opened_at":"2', '"opened_at":"1', "opened_at is '1"),
    ('"case_id":"case-', '"case_id":"case-0', "does not follow from its claim and any ground"),
])  # fmt: skip
def test_a_case_has_the_name_and_the_hour_of_its_verdict(
    cluster: Cluster, run: Run, old: str, new: str, told: str
) -> None:
    run.change(CASES, '"C0006"', old, new)
    found = [line for line in after(cluster, run) if line.startswith("cases ")]
    assert len(found) == 1
    assert found[0].startswith("cases differs")
    assert told in found[0]


def test_a_case_under_another_key_is_named(cluster: Cluster, run: Run) -> None:
    run.find(CASES, '"C0006"')["key"] = b"case-of-nobody"
    assert after(cluster, run) == [f"cases differs: {CASES} {run.case_of('C0006')}: its key is 'case-of-nobody'"]


def test_what_cannot_be_read_is_named_with_its_place(cluster: Cluster, run: Run) -> None:
    run.topics[CASES].append({"key": b"x", "value": b"{", "partition": 0})
    run.topics[VERDICTS].append({"key": b"x", "value": b"[]", "partition": 0})
    kinds = [line.split(":")[0] for line in after(cluster, run)]
    assert kinds == ["cases unreadable_case", "cases unreadable_verdict"]


def test_a_verdict_that_the_gate_had_not_committed_when_the_audit_began_waits(cluster: Cluster, run: Run) -> None:
    name = run.case_of("C0006")
    run.remove(CASES, '"C0006"')
    run.remove(STATES, name)
    run.write(cluster)
    _, partition, offset = run.source_of("C0006").split("/")
    commit(cluster, GROUP, "claims", {int(partition): int(offset)})
    told = audit(cluster)
    assert named(told) == []
    assert figures(told, "cases")["waiting"] == 1


def test_under_a_group_that_has_judged_nothing_a_lost_case_is_still_found(cluster: Cluster, run: Run) -> None:
    run.remove(CASES, '"C0006"')
    kinds = [line.split(":")[0] for line in after(cluster, run, group_id="misspelt", control_group_id=CONTROL_GROUP)]
    assert kinds == ["cases missing", "case_states invented"]


def test_what_has_expired_from_either_log_is_no_difference_and_it_is_said(cluster: Cluster, run: Run) -> None:
    """All but the last two cases of a partition are gone, which are a day younger than what was written before them."""
    lost = [item for item in run.topics[CASES] if item["partition"] == 0]
    for item in run.topics[CASES]:
        item["timestamp"] = 1_700_000_000_000 + (86_400_000 if item in lost[-2:] else 0)
    young = {json.loads(item["value"])["claim_id"] for item in lost[-2:]}
    for item in run.topics[VERDICTS]:
        late = json.loads(item["value"])["claim_id"] in young
        item["timestamp"] = 1_700_000_000_000 + (86_400_000 if late else 0)
    run.write(cluster)
    cut = [TopicPartition(CASES, 0, len(lost) - 2)]
    for future in cluster.admin.delete_records(cut).values():
        future.result(30)
    told = audit(cluster)
    assert named(told) == []
    assert f"{CASES}: older verdicts or cases have expired; what is left is compared" in told["notes"]
    assert figures(told, "cases")["expired"] == len(lost) - 2
    assert figures(told, "case_states")["expired"] > 0


def test_a_shadow_runs_cases_are_compared_with_its_verdicts_and_states_are_left_alone(
    cluster: Cluster, run: Run
) -> None:
    run.remove(CASES, '"C0006"')
    shadows = [replace(spec.prefixed("next-"), partitions=SMALL) for spec in (CLAIM_VERDICTS, CLAIM_CASES)]
    TopicAdmin(cluster.settings()).apply(shadows)
    wait_for("the shadow topics are there", lambda: cluster.topics() >= {spec.name for spec in shadows})
    for topic in (VERDICTS, CASES):
        cluster.send(f"next-{topic}", run.topics[topic])
    told = audit(cluster, output_prefix="next-", group_id="shadow")
    assert [line.split(":")[0] for line in named(told)] == ["cases missing"]
    assert "and are not compared" in " ".join(told["notes"])


def test_more_than_can_be_named_is_counted(cluster: Cluster, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cases, rows):
        monkeypatch.setattr(module, "MOST_NAMED", 2)
    for name in ("C0006", "C0009", "C0012", "C0015", "C0018"):
        run.change(CASES, f'"{name}"', '"fund_amount":"98.70"', '"fund_amount":"9.87"')
    told = after(cluster, run)
    assert len(told) == 3
    assert told[-1] == f"cases differs: {CASES}: 3 further, too many to be named"


# -- at work ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("read", [STATES, LETTERS, ACTIONS, CASES, VERDICTS])
def test_what_comes_while_the_audit_reads_is_no_difference(
    cluster: Cluster, run: Run, monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    """A claim is judged, its case opened and acted on in the very moment after one of the topics was read."""
    name, (_, number, offset) = run.case_of("C0006"), run.source_of("C0006").split("/")
    late = {
        topic: [run.remove(topic, holds)]
        for topic, holds in ((VERDICTS, '"C0006"'), (CASES, '"C0006"'), (STATES, name))
    }
    state = json.loads(late[STATES][0]["value"]) | {
        "state": "assigned", "revision": 1, "assignee": "reviewer-3", "updated_by": "reviewer-3",
        "updated_at": "2023-06-02T10:00:00+08:00",
    }  # fmt: skip
    late[STATES].append({**late[STATES][0], "value": json.dumps(state, separators=(",", ":")).encode()})
    late[ACTIONS] = [action(1, "assign", name)]
    run.write(cluster)
    commit(cluster, GROUP, "claims", {int(number): int(offset)})

    def reading(settings: Settings, topic: str) -> Iterator[Message]:
        yield from read_to_end(settings, topic)
        if topic == read:
            while late:
                cluster.send(*late.popitem())

    for module in (cases, case_actions, case_states, rows):
        monkeypatch.setattr(module, "read_to_end", reading)
    assert named(audit(cluster)) == []
    assert not late


def test_an_audit_of_processes_at_work_finds_nothing(cluster: Cluster, controls: Controls, crew: Crew) -> None:
    """Claims flow, cases are opened and acted on, and the audit reads the topics one after the other."""

    def one(number: int) -> dict[str, Any]:
        return json.loads(claim(claim_id=f"C{number:06}", physician_code=None if number % 2 else CODE))

    controls.start().wait_ready()
    crew.start().wait_ready()
    with Flow(cluster, one) as flow:
        for number in range(2):
            flow.more(400)
            names = [(item.key or b"").decode() for item in cluster.read(CASES)]
            cluster.send(ACTIONS, [action(number, what, name) for name in names[-40:] for what in ("assign", "close")])
            assert named(audit(cluster)) == []
    wait_judged(cluster, crew)
    wait_for("actions are taken", lambda: done_with(cluster, ACTIONS), every=0.2)

    def same() -> int:
        told = audit(cluster)
        assert named(told) == []
        assert figures(told, "cases")["same"] == flow.sent
        return figures(told, "case_states")["same"]

    wait_for("every case has its state", lambda: same() == flow.sent, every=0.5)
    assert (crew.stop(), controls.stop()) == ([0], [0])
