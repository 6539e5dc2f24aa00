"""Where a case stands: what may be done in which state, who did it and when, and a review decided on a case."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from pipeline.settings.packs import load_pack_set
from rules.dossier import fold
from rules.events import AppealRejected, AppealUpheld, decode
from rules.standing import span_on, timeline
from rules.vocabulary import Reason
from tests.support.histories import make
from tests.support.law import pack
from tests.unit.topics.test_golden import golden
from topics.cases.casebook import (
    LEGAL,
    MOST_ACTIONS,
    MOST_FILE_BYTES,
    REVIEWABLE,
    CaseFacts,
    apply,
    event_id,
    facts_of,
    open_case,
    state_of,
    take_action,
    take_case,
)
from topics.dead_letters import Code
from topics.events.acceptance import Accepted, accept
from topics.messages.cases import Case, CaseAction, CaseFile, CaseState

CASE = Case.model_validate_json(golden("claim-cases"))
FACTS = CaseFacts("case-1", "522700", "P-0001", "H1", Reason.IN_PENALTY_PERIOD, ("d1", "d2"))
SCHEME = pack("qiannan").ledger.events
AT = "2023-07-10T09:30:00+08:00"


def action(what: str, number: int = 1, **fields) -> CaseAction:
    wire = {"action_id": f"a{number}", "case_id": "case-1", "action": what, "by": "reviewer-3", "at": AT, **fields}
    return CaseAction.model_validate_json(json.dumps(wire))


def state(name: str, **fields) -> CaseState:
    return CaseState(**{"case_id": "case-1", "state": name, "revision": 4, "updated_at": AT, **fields})


def test_a_case_of_the_gate_opens_and_nobody_has_it_yet():
    opened = open_case(CASE)
    assert (opened.case_id, opened.state, opened.revision, opened.assignee) == (CASE.case_id, "open", 0, None)
    assert (opened.updated_at, opened.updated_by) == (CASE.opened_at, None)
    assert facts_of(CASE).evidence == CASE.evidence


def test_a_case_is_assigned_decided_closed_and_opened_again_and_says_who_and_when():
    now = state("open", revision=0)
    steps = [
        ("assign", {"assignee": "reviewer-7"}, "assigned", "reviewer-7"),
        ("request_evidence", {}, "awaiting_evidence", "reviewer-7"),
        ("uphold", {}, "upheld", "reviewer-7"),
        ("close", {}, "closed", "reviewer-7"),
        ("reopen", {}, "reopened", None),
        ("assign", {}, "assigned", "reviewer-3"),
        ("overturn", {}, "overturned", "reviewer-3"),
    ]
    for number, (what, fields, expected, assignee) in enumerate(steps, 1):
        at = f"2023-07-10T09:30:{number:02}+08:00"
        applied = apply(now, action(what, number, at=at, **fields), FACTS)
        assert applied.problem is None
        now = applied.state
        assert (now.state, now.assignee, now.revision) == (expected, assignee, number)
        assert (now.updated_by, now.updated_at) == ("reviewer-3", at)


@pytest.mark.parametrize("where", LEGAL)
@pytest.mark.parametrize("what", ["assign", "request_evidence", "uphold", "overturn", "close", "reopen"])
def test_only_the_legal_actions_move_a_case(where, what):
    applied = apply(state(where), action(what), FACTS)
    if what in LEGAL[where]:
        assert applied.state.state == LEGAL[where][what]
    else:
        assert applied.state is None
        assert f"{what} is not possible while the case is {where}; possible are" in applied.problem


def test_nothing_is_decided_before_somebody_has_it_nor_closed_before_it_is_decided():
    reached: set[Any] = {"open"}
    for _ in LEGAL:
        reached |= {then for where in reached for what, then in LEGAL[where].items() if what == "assign"}
    assert reached == {"open", "assigned"}
    assert {where for where, moves in LEGAL.items() if "close" in moves} == {"upheld", "overturned"}


@pytest.mark.parametrize("where", LEGAL)
def test_a_note_is_kept_in_every_state_and_leaves_it(where):
    applied = apply(state(where, assignee="reviewer-7"), action("note", note="telephoned"), FACTS)
    assert (applied.state.state, applied.state.revision, applied.state.assignee) == (where, 5, "reviewer-7")


def test_the_same_action_twice_changes_nothing():
    first = apply(state("assigned"), action("uphold"), FACTS)
    again = apply(first.state, action("uphold"), FACTS, seen={"a1": action("uphold")})
    assert (again.state, again.event, again.problem) == (None, None, None)


def test_an_action_on_no_case_or_on_another_is_refused():
    assert "no case is called 'case-1'" in apply(None, action("assign"), None).problem
    assert "concerns 'case-2'" in apply(state("open"), action("assign", case_id="case-2"), FACTS).problem
    assert "only assign names one" in apply(state("assigned"), action("uphold", assignee="r"), FACTS).problem


# -- a review decided on a case ------------------------------------------------------------------------------------


def upheld(**fields) -> dict:
    return {"ref": "d2", "outcome": "upheld", **fields}


def test_a_review_upheld_on_a_case_becomes_an_event_that_the_ledger_takes():
    applied = apply(state("assigned"), action("overturn", appeal=upheld()), FACTS, scheme_events=SCHEME)
    assert (applied.problem, applied.state.state) == (None, "overturned")
    found = accept(applied.event, load_pack_set())
    assert isinstance(found, Accepted), found
    event = found.event
    assert isinstance(event, AppealUpheld)
    assert (event.ref, event.revised_points, event.date) == ("d2", 0, dt.date(2023, 7, 10))
    assert (event.region, event.physician_code, event.institution) == ("522700", "P-0001", "H1")
    assert event.recorded_at == dt.datetime.fromisoformat(AT)


def test_the_event_gives_the_standing_back():
    file = [
        make("registration", "2023-01-03", 0, region="522700"),
        make("deduction", "2023-05-09", 1, event_id="d1", points=6, violation_id="QN-T6-01", region="522700"),
        make("deduction", "2023-05-10", 2, event_id="d2", points=6, violation_id="QN-T6-01", region="522700"),
    ]
    applied = apply(state("assigned"), action("overturn", appeal=upheld()), FACTS, scheme_events=SCHEME)
    before = timeline(fold(file), pack("qiannan"))
    after = timeline(fold([*file, decode(applied.event)]), pack("qiannan"))
    day = dt.date(2023, 6, 1)
    assert (span_on(before.spans, day).standing, span_on(after.spans, day).standing) == ("penalty", "cautioned_6")


def test_a_review_that_lowers_or_leaves_the_deduction_upholds_the_case():
    lowered = apply(state("assigned"), action("uphold", appeal=upheld(revised_points=3)), FACTS)
    assert decode(lowered.event).revised_points == 3  # type: ignore[attr-defined]  # an event of one type
    left = apply(state("assigned"), action("uphold", appeal={"ref": "d2", "outcome": "rejected"}), FACTS)
    assert isinstance(decode(left.event), AppealRejected)


def test_the_answers_own_date_is_its_legal_date():
    applied = apply(state("assigned"), action("overturn", appeal=upheld(date="2023-07-07")), FACTS)
    assert decode(applied.event).date == dt.date(2023, 7, 7)
    late = apply(state("assigned"), action("overturn", appeal=upheld(date="2023-07-11")), FACTS)
    assert "appeal.date: 2023-07-11 lies after the action of 2023-07-10" in late.problem


def test_a_day_is_a_day_in_china():
    applied = apply(state("assigned"), action("overturn", at="2023-07-10T17:00:00Z", appeal=upheld()), FACTS)
    assert decode(applied.event).date == dt.date(2023, 7, 11)


def test_the_event_bears_one_name_however_often_the_action_is_read():
    first = apply(state("assigned"), action("overturn", appeal=upheld()), FACTS)
    decided = action("overturn", appeal=upheld())
    again = apply(first.state, decided, FACTS, seen={"a1": decided})
    assert again.state is None
    assert again.event == first.event
    assert decode(first.event).event_id == event_id("a1") != event_id("a2")


@pytest.mark.parametrize(
    ("what", "appeal", "problem"),
    [
        ("assign", upheld(), "only uphold and overturn decide a review, not assign"),
        ("overturn", {"ref": "d2", "outcome": "rejected"}, "a rejected review leaves the deduction as it was"),
        ("uphold", upheld(), "a review that voids the deduction overturns the case"),
        ("uphold", upheld(revised_points=0), "a review that voids the deduction overturns the case"),
        ("uphold", {"ref": "d2", "outcome": "rejected", "revised_points": 3}, "a rejected review revises nothing"),
        ("overturn", upheld(ref="d9"), "'d9' is not behind this case; its evidence is d1, d2"),
    ],
)
def test_a_review_that_cannot_be_is_refused_and_moves_nothing(what, appeal, problem):
    applied = apply(state("assigned"), action(what, appeal=appeal), FACTS, scheme_events=SCHEME)
    assert problem in applied.problem
    assert (applied.state, applied.event) == (None, None)


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason not in REVIEWABLE])
def test_a_ground_that_rests_on_no_deduction_cannot_be_reviewed(reason):
    facts = CaseFacts("case-1", "522700", "P-0001", "H1", reason, ("d2",))
    assert "rests on no deduction" in apply(state("assigned"), action("overturn", appeal=upheld()), facts).problem


def test_a_region_without_reviews_has_none():
    facts = CaseFacts("case-1", "350200", "P-0001", "H1", Reason.BLACKLISTED, ("d2",))
    applied = apply(
        state("assigned"), action("overturn", appeal=upheld()), facts, scheme_events=pack("xiamen").ledger.events
    )
    assert "the rules of region 350200 know no review" in applied.problem


def test_a_review_decided_on_a_day_that_no_calendar_has_is_refused():
    applied = apply(state("assigned"), action("overturn", at="9999-12-31T23:59:59Z", appeal=upheld()), FACTS)
    assert applied.problem == "at: 9999-12-31T23:59:59Z lies outside the calendar"
    assert applied.state is None


AGAIN = action("note", note="another", case_id=CASE.case_id)


def test_an_action_id_used_again_for_something_else_is_a_conflict_that_people_see():
    filed = take_action(CaseFile(case=CASE, actions=(action("assign", case_id=CASE.case_id),)), AGAIN, SCHEME)
    assert filed.applied.code is Code.ID_CONFLICT
    assert "was used before, for assign by reviewer-3" in filed.applied.problem
    assert filed.file is None, "the id stays that of the action that took it"
    same = take_action(CaseFile(case=CASE, actions=(AGAIN,)), AGAIN, SCHEME)
    assert (same.applied.problem, same.file) == (None, None)


def test_another_claim_under_the_name_of_a_case_is_a_conflict_and_the_same_once_more_is_none():
    file = take_case(None, CASE).file
    assert file == CaseFile(case=CASE)
    other = CASE.model_copy(update={"fund_amount": "987000.00", "institution_code": "H52270100002"})
    filed = take_case(file, other)
    assert (filed.file, filed.applied.code) == (None, Code.ID_CONFLICT)
    assert filed.applied.problem.endswith("was opened for another claim: institution_code, fund_amount differ")
    assert take_case(file, CASE.model_copy(update={"screened_at": "2026-11-27T00:00:00Z"})).applied.problem is None
    assert CASE.fund_amount == "98.70"
    assert take_case(file, CASE.model_copy(update={"fund_amount": "98.7"})).applied.problem is None, "the same amount"


def test_a_case_judged_again_by_new_decisions_is_opened_again_with_all_its_evidence_and_else_left_alone():
    file = acted(CaseFile(case=CASE), "assign", "uphold", "close")
    again = CASE.model_copy(update={"evidence": (*CASE.evidence, "d-new"), "opened_at": AT})
    assert take_case(file, CASE.model_copy(update={"opened_at": AT})).action is None, "nothing new is behind it"

    opened = take_case(file, again).action
    assert (opened.action, opened.by, opened.evidence, opened.at) == ("reopen", "screening-control", ("d-new",), AT)
    taken = take_action(file, CaseAction.model_validate_json(opened.model_dump_json()), SCHEME)
    now = state_of(taken.file)
    assert (now.state, now.assignee, now.revision, now.updated_by) == ("reopened", None, 4, "screening-control")
    assert take_case(taken.file, again).action is None, "the case knows it by now"

    asked = acted(taken.file, "assign", first=7)
    review = action("overturn", 9, case_id=CASE.case_id, appeal={"ref": "d-new", "outcome": "upheld"})
    assert take_action(acted(file, "reopen", "assign", first=7), review, SCHEME).applied.code is Code.NOT_POSSIBLE
    decided = take_action(asked, review, SCHEME)
    assert (decided.applied.problem, json.loads(decided.applied.event)["ref"]) == (None, "d-new")
    assert state_of(decided.file).state == "overturned", "counted from its file it stays possible"


def test_new_evidence_comes_to_an_undecided_case_without_moving_it_and_in_bounds():
    file = acted(CaseFile(case=CASE), "assign")
    many = [f"event-{number:05}" for number in range(5_000)]
    opened = take_case(file, CASE.model_copy(update={"evidence": tuple(many), "opened_at": AT})).action
    assert opened.evidence == tuple(many[-len(opened.evidence) :]), "the newest are named"
    now = state_of(take_action(file, opened, SCHEME).file)
    assert (now.state, now.assignee) == ("assigned", "reviewer-3")
    wrong = take_action(file, action("note", 5, case_id=CASE.case_id, evidence=["d-new"]), SCHEME)
    assert wrong.applied.problem == "evidence: only reopen brings some, not note"


def acted(file: CaseFile, *what: str, first: int = 1) -> CaseFile:
    """The file after actions."""
    for number, name in enumerate(what, first):
        file = take_action(file, action(name, number, case_id=CASE.case_id), SCHEME).file or file
    return file


def test_the_notes_of_a_case_are_bounded_in_bytes_of_what_is_written():
    """16,384 characters of Chinese are 49,152 bytes; 500 such notes would make a file that its topic does not take."""
    told: dict[str, Any] = {"case_id": CASE.case_id}
    file = CaseFile(case=CASE)
    long = take_action(file, action("note", note="注" * 6_000, **told), SCHEME)
    assert (long.file, long.applied.code) == (None, Code.CASE_FULL)
    nearly = [action("note", number, note="注" * 5_000, **told) for number in range(MOST_ACTIONS - 10)]
    file = file.model_copy(update={"actions": tuple(nearly)})
    for number in range(MOST_ACTIONS - 10, MOST_ACTIONS + 10):
        filed = take_action(file, action("note", number, note="注" * 5_000, **told), SCHEME)
        file = filed.file or file
    assert len(file.actions) == MOST_ACTIONS
    assert filed.applied.code is Code.CASE_FULL
    assert filed.file is None, "a refusal for want of room takes no room"
    assert len(file.model_dump_json().encode()) <= MOST_FILE_BYTES


def test_a_case_of_a_newer_gate_is_kept_as_it_is_with_what_this_version_does_not_know():
    raw = {
        **json.loads(golden("claim-cases")),
        "reason": "visit_not_seen",
        "encounter_type": "pharmacy",
        "standing": "later",
        "of_a_later_version": {"x": [1]},
    }
    raw["explanation"] = {**raw["explanation"], "bo": "བོད"}
    case = Case.model_validate_json(json.dumps(raw))
    file = take_case(None, case).file
    kept = json.loads(CaseFile.model_validate_json(file.model_dump_json()).case.model_dump_json())
    assert {name: kept[name] for name in ("reason", "encounter_type", "standing", "of_a_later_version")} == {
        "reason": "visit_not_seen", "encounter_type": "pharmacy", "standing": "later", "of_a_later_version": {"x": [1]},
    }  # fmt: skip
    assert kept["explanation"] == raw["explanation"]
    assert state_of(file).state == "open"
    assert take_action(file, action("assign", case_id=CASE.case_id), SCHEME).applied.state.state == "assigned"
    later = CaseAction.model_validate_json(
        action("note", case_id=CASE.case_id).model_dump_json()[:-1] + ',"of_a_later_version":1}'
    )
    kept = CaseFile.model_validate_json(take_action(file, later, SCHEME).file.model_dump_json()).actions[0]
    assert kept == later
    assert '"of_a_later_version":1' in kept.model_dump_json()


@pytest.mark.parametrize("where", LEGAL)
def test_a_case_whose_claim_has_another_answer_is_closed_in_every_state_and_only_a_revision_does_so(where: str):
    closed = apply(state(where), action("close", revision=2), FACTS)
    assert (closed.problem, closed.state.state) == (None, "closed")
    again = apply(closed.state, action("reopen", 2, revision=3), FACTS)
    assert (again.state.state, again.state.assignee) == ("reopened", None)
    kept = apply(state("assigned", assignee="reviewer-7"), action("reopen", revision=3), FACTS)
    assert (kept.state.state, kept.state.assignee) == ("assigned", "reviewer-7"), "somebody is at it already"
    assert apply(state(where), action("note", revision=2), FACTS).code is Code.NOT_POSSIBLE
