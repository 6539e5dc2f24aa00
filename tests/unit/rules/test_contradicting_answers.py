"""Two answers to one request that contradict each other: people are told, and nobody is favoured in silence."""

from __future__ import annotations

from typing import Any

import pytest

from rules.dossier import fold
from rules.standing import statement
from rules.vocabulary import IssueCode
from tests.support.histories import make
from tests.support.law import deduction, event, judge, outcome, pack, registration

REGISTERED = registration("2023-01-03")
FULL = deduction("2023-05-10", 12, "QN-T6-01", cases=2, id="d1")
UPHELD = event("appeal_upheld", "2023-06-01", ref="d1")
REJECTED = event("appeal_rejected", "2023-06-02", ref="d1")


def told(locality: str, *events: Any) -> list[tuple[str, str]]:
    """Contradictions of the kind, by the event that they are told of."""
    found = statement(fold(events), pack(locality)).issues
    return [(issue.event_id, issue.zh) for issue in found if issue.code is IssueCode.ANSWERED_BOTH_WAYS]


@pytest.mark.parametrize("answers", [(UPHELD, REJECTED), (REJECTED, UPHELD)])
def test_a_review_that_is_both_upheld_and_rejected_sends_the_claims_that_it_decides_to_people(answers):
    """The deduction stands, as after a late upholding (Q2), and what would be paid without it is neither paid nor rejected."""
    history = [REGISTERED, FULL, *answers]
    found = judge("qiannan", history, "2023-06-10")
    assert (found["disposition"], found["reason"], found["standing"]) == ("review", "data_conflict", "penalty")
    assert outcome("qiannan", history, "2023-05-09") == ("pay", "ok"), "before the decision nothing turns on it"
    assert outcome("qiannan", history, "2023-06-10", encounter="emergency") == ("pay", "exempt_emergency")


def test_what_is_known_before_the_second_answer_is_judged_by_the_first():
    history = [REGISTERED, FULL, UPHELD, REJECTED]
    assert outcome("qiannan", history, "2023-05-20", as_of="2023-06-01") == ("pay", "ok")
    assert outcome("qiannan", history, "2023-05-20", as_of="2023-06-02") == ("review", "data_conflict")


def test_two_upholdings_that_leave_different_points_contradict_each_other_and_the_stricter_one_counts():
    lowered = event("appeal_upheld", "2023-06-03", ref="d1", revised_points=6)
    found = judge("qiannan", [REGISTERED, FULL, UPHELD, lowered], "2023-06-10")
    assert (found["disposition"], found["points_accumulated"]) == ("pay", 6)


def test_an_answer_that_is_recorded_twice_is_one_answer():
    again = event("appeal_upheld", "2023-06-05", ref="d1")
    assert outcome("qiannan", [REGISTERED, FULL, UPHELD, again], "2023-06-10") == ("pay", "ok")


def test_reviews_of_two_deductions_are_answered_each_on_its_own():
    second = deduction("2023-05-11", 1, id="d2")
    other = event("appeal_rejected", "2023-06-02", ref="d2")
    assert outcome("qiannan", [REGISTERED, FULL, second, UPHELD, other], "2023-06-10") == ("pay", "ok")
    events = [
        make("deduction", "2023-05-10", 1, points=12, cases=2, violation_id="QN-T6-01"),
        make("deduction", "2023-05-10", 2, points=1, violation_id="QN-T1-01"),
        make("appeal_upheld", "2023-06-01", 3, ref="e1"),
        make("appeal_rejected", "2023-06-01", 4, ref="e2"),
    ]
    assert told("qiannan", *events) == []


def test_the_later_of_two_answers_to_a_review_is_named_as_the_contradiction():
    events = [
        make("deduction", "2023-05-10", 1, points=12, cases=2, violation_id="QN-T6-01"),
        make("appeal_rejected", "2023-06-01", 2, ref="e1"),
        make("appeal_upheld", "2023-06-02", 3, ref="e1", revised_points=6),
    ]
    assert told("qiannan", *events) == [("e3", "同一复核有相反或不一致的答复")]
    assert told("qiannan", *events[:2]) == []


@pytest.mark.parametrize("locality", ["national", "national_points"])
@pytest.mark.parametrize("about", ["e2", "e3"])
def test_an_objection_that_is_both_upheld_and_rejected_takes_nothing_away(locality, about):
    """D4: `about` names the decision or the objection; the points stand until people have settled it."""
    events = [
        make("registration", "2026-01-05", 1),
        make("points_recorded", "2026-02-02", 2, points=9, decision_ref="P", suspension_months=6),
        make("objection_filed", "2026-02-03", 3, ref="e2"),
        make("objection_answered", "2026-02-10", 4, ref="e3", answer="upheld"),
        make("objection_answered", "2026-02-11", 5, ref=about, answer="rejected"),
    ]
    assert told(locality, *events) == [("e5", "同一申辩既被支持又被驳回")]
    assert [entry.points for entry in statement(fold(events), pack(locality)).entries] == [9]
    assert [entry.points for entry in statement(fold(events[:4]), pack(locality)).entries] == [0]


def test_a_second_objection_may_be_answered_otherwise_than_the_first():
    events = [
        make("registration", "2026-01-05", 1),
        make("points_recorded", "2026-02-02", 2, points=4, decision_ref="P"),
        make("objection_filed", "2026-02-03", 3, ref="e2"),
        make("objection_answered", "2026-02-10", 4, ref="e2", answer="rejected"),
        make("objection_filed", "2026-02-11", 5, ref="e2"),
        make("objection_answered", "2026-02-20", 6, ref="e2", answer="upheld"),
    ]
    assert told("national", *events) == []
    assert [entry.points for entry in statement(fold(events), pack("national")).entries] == [0]


def test_a_status_that_is_corrected_although_the_objection_was_rejected_is_told():
    events = [
        make("registration", "2026-01-05", 1),
        make("status", "2026-02-02", 2, status="suspended", until=None),
        make("objection_filed", "2026-02-03", 3, ref="e2"),
        make("objection_answered", "2026-02-10", 4, ref="e3", answer="rejected"),
        make("status_corrected", "2026-02-12", 5, ref="e2"),
    ]
    assert told("national", *events) == [("e5", "申辩已被驳回，状态又被更正")]


@pytest.mark.parametrize(
    "answers", [("reinstatement", "reinstatement_refused"), ("reinstatement_refused", "reinstatement")]
)
def test_one_application_that_is_both_granted_and_refused_is_told(answers):
    """`000 三(二)5`: the positive decision restores, and a refusal changes nothing; people are told that both were recorded."""
    applied = make("reinstatement_application", "2023-08-14", 3)
    decided = [
        make(kind, day, number)
        for number, (kind, day) in enumerate(zip(answers, ("2023-08-16", "2023-08-17"), strict=True), 4)
    ]
    events = [
        make("registration", "2023-01-03", 1),
        make("deduction", "2023-05-10", 2, points=12, cases=2, violation_id="QN-T6-01"),
    ]
    assert told("qiannan", *events, applied, *decided) == [("e5", "同一恢复申请既获准又被拒")]
    anew = make("reinstatement_application", "2023-08-17", 9, recorded_at="2023-08-17T08:00:00+08:00")
    assert told("qiannan", *events, applied, *decided, anew) == [], "another application has an answer of its own"
    assert told("qiannan", *events, *decided) == [], (
        "without a recorded application only decisions of one day are one answer"
    )
    assert told("qiannan", *events, decided[0], make(answers[1], "2023-08-16", 6)) == [
        ("e6", "同一恢复申请既获准又被拒")
    ]


@pytest.mark.parametrize("locality", ["qiannan", "lanzhou", "national"])
def test_a_training_that_is_both_passed_and_failed_on_one_day_is_told(locality):
    passed = make("training_result", "2015-08-14", 1, passed=True)
    if locality == "lanzhou":
        passed = make("retraining_passed", "2015-08-14", 1)
    failed = make("training_result", "2015-08-14", 2, passed=False)
    assert told(locality, passed, failed) == [("e2", "同日培训考核既合格又不合格")]
    assert told(locality, passed, make("training_result", "2015-08-13", 3, passed=False)) == []
