"""The audit of case states and actions on a real Kafka: whatever does not follow from cases and actions is found and named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.kafka.partitioner import partition_of
from tests.support.case_run import (
    ACTIONS,
    CASES,
    EVENTS,
    LETTERS,
    STATES,
    VERDICTS,
    Run,
    action,
    after,
    audit,
    case_run,
    figures,
    named,
)
from tests.support.cluster import CONTROL_GROUP, SMALL, Cluster
from tests.support.published import commit, letter_record
from topics.messages.cases import CaseState

pytestmark = pytest.mark.kafka


@pytest.fixture
def run(cluster: Cluster, tmp_path: Path) -> Run:
    """The session's run, to be spoiled."""
    return case_run(cluster, tmp_path)


def test_a_state_that_says_upheld_although_nobody_acted_is_named(cluster: Cluster, run: Run) -> None:
    name = run.case_of("C0006")
    run.change(STATES, name, '"state":"open","revision":0', '"state":"upheld","revision":2')
    assert after(cluster, run) == [
        f"case_states differs: {STATES} {name}: state is 'upheld', what follows is 'open'; revision is 2, what follows is 0"
    ]


def test_an_action_that_was_neither_applied_nor_refused_leaves_a_state_behind(cluster: Cluster, run: Run) -> None:
    name = run.case_of("C0006")
    run.topics[ACTIONS].append(action(1, "assign", name))
    (told,) = after(cluster, run)
    assert told.startswith(f"case_states differs: {STATES} {name}: state is 'open', what follows is 'assigned'")


def test_a_case_that_the_ledger_opened_again_with_new_evidence_follows_from_its_actions(
    cluster: Cluster, run: Run
) -> None:
    name = run.case_of("C0006")
    again = action(1, "reopen", name, by="screening-control", evidence=["ev-99"])
    run.topics[ACTIONS].append(again)
    told = CaseState(case_id=name, state="open", revision=1, updated_at="2023-06-02T10:00:00+08:00",
                     updated_by="screening-control")  # fmt: skip
    run.topics[STATES].append({**again, "value": told.model_dump_json().encode()})
    assert after(cluster, run) == []


def test_a_lost_state_is_missing(cluster: Cluster, run: Run) -> None:
    name = run.case_of("C0006")
    run.remove(STATES, name)
    (told,) = after(cluster, run)
    assert told.startswith(f"case_states missing: {STATES} {name}: opened at ")


def test_an_erased_state_is_missing_and_one_of_no_case_is_invented(cluster: Cluster, run: Run) -> None:
    name = run.case_of("C0006")
    ghost = dict(run.find(STATES, name))
    run.topics[STATES] += [
        {"key": name, "value": None, "partition": partition_of(name.encode(), SMALL)},
        {**ghost, "key": b"case-ghost"},
    ]
    assert sorted(line.split(": o")[0] for line in after(cluster, run)) == [
        f"case_states invented: {STATES} case-ghost: {CASES} holds no case of this name",
        f"case_states missing: {STATES} {name}",
    ]


def test_a_state_in_two_partitions_or_only_in_a_wrong_one_is_named(cluster: Cluster, run: Run) -> None:
    name, other = run.case_of("C0006"), run.case_of("C0009")
    run.topics[STATES].append({**run.find(STATES, name), "partition": (partition_of(name.encode(), SMALL) + 1) % SMALL})
    run.find(STATES, other)["partition"] = (partition_of(other.encode(), SMALL) + 1) % SMALL
    kinds = {line.split(":")[0] for line in after(cluster, run)}
    assert kinds == {"case_states two_partitions", "case_states wrong_partition"}


def test_a_state_that_cannot_be_read_is_named(cluster: Cluster, run: Run) -> None:
    name = run.case_of("C0006")
    run.change(STATES, name, '"state":"open"', '"state":"asleep"')
    (told,) = after(cluster, run)
    assert told.startswith(f"case_states unreadable: {STATES} {name}: ")


def test_a_state_written_with_other_spaces_says_the_same(cluster: Cluster, run: Run) -> None:
    run.change(STATES, run.case_of("C0006"), '"revision":0', '"revision": 0')
    run.write(cluster)
    told = audit(cluster)
    assert named(told) == []
    assert figures(told, "case_states")["same"] == 40


def test_a_refused_action_without_a_dead_letter_is_named_with_its_reason(cluster: Cluster, run: Run) -> None:
    close = run.find(ACTIONS, f'{run.case_of("C0001")}-a1"')
    topic, partition, offset = run.place_of(close)
    run.topics[LETTERS] = [
        item for item in run.topics[LETTERS]
        if ("source.offset", str(offset).encode()) not in item["headers"]
        or ("source.partition", str(partition).encode()) not in item["headers"]
    ]  # fmt: skip
    (told,) = after(cluster, run)
    assert told.startswith(
        f"case_actions missing_dead_letter: {topic}/{partition} offsets {offset}: 1 cannot be applied"
    )
    assert "close is not possible while the case is open" in told


def test_unusable_and_homeless_actions_need_dead_letters_too(cluster: Cluster, run: Run) -> None:
    run.topics[LETTERS] = []
    told = after(cluster, run)
    assert {line.split(":")[0] for line in told} == {"case_actions missing_dead_letter"}
    assert sum(int(line.split(" cannot be applied")[0].rsplit(" ", 1)[1]) for line in told) == 4


def test_a_dead_letter_of_an_action_that_was_possible_is_needless(cluster: Cluster, run: Run) -> None:
    """The plane refused what it should have taken: its state follows from the refusal, and the refusal from nothing."""
    name = run.case_of("C0006")
    possible = action(1, "assign", name)
    run.topics[ACTIONS].append(possible)
    run.topics[LETTERS].append(letter_record(run.place_of(possible), possible["value"], "not_possible: not today"))
    (told,) = after(cluster, run)
    assert told.startswith("case_actions needless_dead_letter: case-actions/")
    assert f"{name}-a1 is possible: not_possible: not today" in told


def test_dead_letters_of_nothing_are_named(cluster: Cluster, run: Run) -> None:
    run.topics[LETTERS] += [
        letter_record((ACTIONS, 0, 4711), b""),
        letter_record(("claims", 0, 1), b""),
        {"value": b"", "headers": [("error", b"lost")]},
        letter_record((CASES, 0, 0), run.topics[CASES][0]["value"]),
    ]
    assert sorted(line.split(":")[0] for line in after(cluster, run)) == [
        "case_actions foreign_dead_letter",
        "case_actions needless_dead_letter",
        "case_actions needless_dead_letter",
        "case_actions unreadable_dead_letter",
    ]


def test_an_action_in_the_wrong_partition_has_to_be_sent_on(cluster: Cluster, run: Run) -> None:
    name = run.case_of("C0006")
    wrong = (partition_of(name.encode(), SMALL) + 1) % SMALL
    run.topics[ACTIONS].append({**action(1, "assign", name), "partition": wrong})
    (told,) = after(cluster, run)
    assert told.startswith(f"case_actions misplaced: {ACTIONS}/{wrong}/")


def test_a_review_decided_on_a_case_has_to_reach_the_physicians_events(cluster: Cluster, run: Run) -> None:
    run.remove(EVENTS, "appeal_upheld")
    (told,) = after(cluster, run)
    assert told.startswith(f"case_actions missing_event: {ACTIONS} {run.case_of('C0000')}")


def test_actions_that_came_before_their_case_and_were_refused_stay_refused(cluster: Cluster, run: Run) -> None:
    """The action and its case stand in two topics: which was read first is told by the dead letter alone."""
    name = run.case_of("C0006")
    early = action(1, "assign", name)
    run.topics[ACTIONS].append(early)
    letter = letter_record(
        run.place_of(early), early["value"], f"case_id: no case is called {name!r}; the gate opens cases"
    )
    run.topics[LETTERS].append(letter)
    assert after(cluster, run) == []


def test_an_action_refused_before_a_crash_and_taken_after_it_is_no_difference(cluster: Cluster, run: Run) -> None:
    """Its letter went out, the plane was killed before it committed, and the second time the case was known."""
    name = run.case_of("C0006")
    early = action(1, "assign", name)
    run.topics[ACTIONS].append(early)
    run.topics[LETTERS].append(
        letter_record(run.place_of(early), early["value"], f"no_case: case_id: no case is called {name!r}")
    )
    state = run.find(STATES, name)
    told = json.loads(state["value"]) | {
        "state": "assigned", "revision": 1, "assignee": "reviewer-3", "updated_by": "reviewer-3",
        "updated_at": "2023-06-02T10:00:00+08:00",
    }  # fmt: skip
    run.topics[STATES].append({**state, "value": json.dumps(told, separators=(",", ":")).encode()})
    assert after(cluster, run) == []


def test_what_the_control_plane_has_not_committed_yet_waits(cluster: Cluster, run: Run) -> None:
    name = run.case_of("C0006")
    run.topics[ACTIONS] += [action(number, what, name) for number, what in ((1, "assign"), (2, "close"))]
    topic, partition, offset = run.place_of(run.topics[ACTIONS][-2])
    run.write(cluster)
    commit(cluster, CONTROL_GROUP, topic, {partition: offset})
    told = audit(cluster)
    assert named(told) == []
    assert (figures(told, "case_states")["waiting"], figures(told, "case_actions")["waiting"]) == (1, 1)


def test_cases_that_no_control_plane_has_seen_wait_and_it_is_said(cluster: Cluster, run: Run) -> None:
    for topic in (VERDICTS, CASES):
        cluster.send(topic, run.topics[topic])
    told = audit(cluster)
    assert named(told) == []
    assert figures(told, "case_states")["waiting"] == 40
    assert told["notes"] == [f"group {CONTROL_GROUP} has committed nothing: every case waits for it"]
