"""Rights that lapse, marks that owe their act each, and acts that meet a duty when they are recorded."""

from __future__ import annotations

import pytest

from rules.dossier import fold
from rules.standing import statement
from tests.support.histories import history, make
from tests.support.law import pack
from tests.support.owing import REGISTERED, D, deducted, of, owed
from tests.support.thorough import share


def test_a_right_that_was_not_used_lapses_and_is_not_missed():
    """D1: an unappealed deduction ends quietly; that the institution did not tell the physician is missed all the same."""
    found = owed(
        "qiannan", REGISTERED, deducted("2023-06-01", 1, 6), make("notice_received", "2023-06-02", 2, ref="e1")
    )
    states = {duty.kind: duty.state(D("2023-12-31")) for duty in found}
    assert (states["review_request"], states["tell_physician"]) == ("lapsed", "missed")
    phases = {duty.kind: [phase for phase, _ in duty.phases()] for duty in found}
    assert phases["review_request"] == ["raised", "due", "lapsed"]
    (review,) = of("review_request", found)
    assert review.notice_id("522700", "P", "lapsed") == review.notice_id("522700", "P", "missed"), "told once"


@pytest.mark.parametrize(
    ("points", "kinds"),
    [
        ([5, 6], {"caution_talk": "e2", "warning_talk": "e2"}),
        ([12], {"caution_talk": "e1", "warning_talk": "e1", "report_full": "e1", "notify_area": "e1"}),
        ([6, 3], {"caution_talk": "e1"}),
        ([6, 3, 6], {"caution_talk": "e1", "warning_talk": "e3", "report_full": "e3", "notify_area": "e3"}),
    ],
)
def test_every_mark_that_a_decision_passes_owes_its_own_act(points, kinds):
    """D3: from 5 to 11 both the talk and the warning talk, from 0 to 12 all; claims see the highest alone."""
    items = {3: ("QN-T3-01", 1), 5: ("QN-T1-01", 5), 6: ("QN-T6-01", 1), 12: ("QN-T12-01", 1)}
    events = [
        make(
            "deduction", f"2023-06-0{number}", number, points=count, violation_id=items[count][0], cases=items[count][1]
        )
        for number, count in enumerate(points, 1)
    ]
    found = owed("qiannan", REGISTERED, *events)
    wanted = ("caution_talk", "warning_talk", "report_full", "notify_area")
    assert {duty.kind: duty.trigger_id for duty in found if duty.kind in wanted} == kinds


def test_a_third_year_of_ten_still_owes_the_warning_talk():
    days = [("2023-03-01", 6), ("2023-03-02", 2), ("2023-03-03", 2), ("2024-03-01", 6), ("2024-03-02", 2),
            ("2024-03-03", 2), ("2025-03-01", 6), ("2025-03-02", 2), ("2025-03-03", 2)]  # fmt: skip
    found = owed("qiannan", REGISTERED, *(deducted(day, number, count) for number, (day, count) in enumerate(days, 1)))
    assert [duty.trigger_id for duty in of("warning_talk", found)] == ["e3", "e6", "e9"]
    assert [duty.trigger_id for duty in of("notify_province", found)] == ["e9"]


def test_any_duty_is_met_by_its_act_and_a_second_act_changes_nothing():
    """D5: one that every institution owes is met by the institution that the act names."""
    lines = [
        REGISTERED,
        make("site_declaration", "2023-01-04", 1, institution="H2"),
        deducted("2023-07-03", 2, 12),
        make("act_done", "2023-07-05", 3, duty="lock_code", ref="e2", by="H1", evidence="photo 1"),
        make("act_done", "2023-07-06", 4, duty="lock_code", ref="e2", by="H1"),
    ]
    found = of("lock_code", owed("qiannan", *lines))
    assert [(duty.site, duty.met_by, duty.met_on) for duty in found] == [
        ("H1", "e3", D("2023-07-05")), ("H2", None, None),
    ]  # fmt: skip
    assert all(duty.recordable for duty in owed("qiannan", *lines))


@pytest.mark.parametrize("locality", ["qiannan", "lanzhou", "national", "xiamen"])
def test_every_duty_of_every_pack_can_be_met_by_its_act(locality):
    met = set()
    for seed in range(share(200)):
        events = history(locality, seed)
        for number, duty in enumerate(owed(locality, *events)):
            day = max(duty.raised_on, duty.due_on or duty.raised_on) if duty.opens else duty.raised_on
            act = make("act_done", day.isoformat(), 900 + number, duty=duty.kind, ref=duty.trigger_id, by="x",
                       institution=duty.site or "H1")  # fmt: skip
            (after,) = [
                item
                for item in owed(locality, *events, act)
                if (item.kind, item.trigger_id, item.site) == (duty.kind, duty.trigger_id, duty.site)
            ]
            assert after.met_by is not None, (seed, duty)
            met.add(duty.kind)
    assert len(met) > 2


def test_a_request_for_review_proves_that_the_physician_knew_before_an_act_that_is_dated_after_it():
    """D2: the act says when; but whoever asks for review has been told by then, and nothing says that it was late."""
    lines = [REGISTERED, deducted("2023-06-01", 1, 6), make("notice_received", "2023-06-02", 2, ref="e1"),
             make("appeal_filed", "2023-06-05", 3, ref="e1")]  # fmt: skip
    for day, state in (("2023-06-02", "met"), ("2023-06-20", "met")):
        act = make("act_done", day, 4, duty="tell_physician", ref="e2", by="H1")
        assert of("tell_physician", owed("qiannan", *lines, act))[0].state(D("2023-12-31")) == state
    late = make("act_done", "2023-06-09", 5, duty="tell_physician", ref="e2", by="H1")
    lines[3] = make("appeal_filed", "2023-06-12", 3, ref="e1")
    assert of("tell_physician", owed("qiannan", *lines, late))[0].state(D("2023-12-31")) == "met_late"


def test_a_corrected_status_leaves_the_points_that_brought_it_and_what_is_owed_for_them():
    lines = [
        make("registration", "2026-01-05", 0),
        make("points_recorded", "2026-02-02", 1, points=9, decision_ref="P", suspension_months=2),
        make("status_corrected", "2026-02-20", 2, ref="e1"),
    ]
    found = owed("national_points", *lines)
    assert {duty.kind for duty in found if not duty.void} >= {"tell_institutions", "statement_of_case"}
    assert of("mark_person", found) == []


def test_an_act_dated_before_its_cause_contradicts_it_and_meets_nothing():
    lines = [REGISTERED, deducted("2023-07-03", 1, 12)]
    lines.append(make("act_done", "2023-07-04", 2, duty="report_full", ref="e1", by="agency", on="2023-07-02"))
    lines.append(make("act_done", "2023-07-04", 3, duty="report_full", ref="e9", by="agency"))
    told = statement(fold(lines), pack("qiannan"))
    assert [(issue.code, issue.event_id) for issue in told.issues] == [
        ("act_before_its_cause", "e2"), ("unknown_reference", "e3"),
    ]  # fmt: skip
    assert of("report_full", owed("qiannan", *lines))[0].met_by is None


def test_lanzhou_passes_a_received_notice_on_within_three_working_days():
    """D6, 第十五条."""
    found = owed(
        "lanzhou",
        make("deduction", "2015-03-10", 1, points=1, violation_id="LZ-T13-01"),
        make("notice_received", "2015-03-12", 2, ref="e1"),
    )
    assert [duty.met_by for duty in of("serve_decision", found)] == ["e2"]
    assert [(duty.due_on, duty.institution) for duty in of("tell_physician", found)] == [(D("2015-03-17"), "H1")]


def test_an_objection_is_answered_and_an_upheld_one_voids_its_points():
    """D4: experts stop the clock of the answer; upheld works from the start, rejected ends it."""
    lines = [
        make("registration", "2025-01-06", 0),
        make("points_recorded", "2025-03-03", 1, points=4, decision_ref="P-9", degree="main"),
        make("objection_filed", "2025-03-10", 2, ref="e1"),
    ]
    (right,) = of("statement_of_case", owed("national", *lines))
    assert (right.met_by, right.right) == ("e2", True)
    experts = make("objection_answered", "2025-03-12", 3, ref="e2", answer="to_experts")
    (answer,) = of("objection_answer", owed("national", *lines, experts))
    assert (answer.met_by, answer.state(D("2025-12-31"))) == (None, "no_limit")
    for said, points in (("upheld", 0), ("rejected", 4)):
        answered = [*lines, experts, make("objection_answered", "2025-04-01", 4, ref="e1", answer=said)]
        (answer,) = of("objection_answer", owed("national", *answered))
        assert (answer.met_by, answer.void) == ("e4", False)
        told = statement(fold(answered), pack("national"))
        assert ([entry.points for entry in told.entries], told.issues) == ([points], ())
        assert all(duty.void == (said == "upheld") for duty in of("tell_institutions", owed("national", *answered)))


def test_national_points_name_every_site_may_be_given_back_and_are_flagged_without_the_institutions_decision():
    """N5, 003 三¶3."""
    lines = [
        make("registration", "2025-01-06", 0),
        make("site_declaration", "2025-01-07", 1, institution="H2"),
        make("points_recorded", "2025-03-03", 2, points=4, decision_ref="P-9"),
        make("points_recorded", "2025-03-20", 3, points=-1),
        make("points_recorded", "2025-04-20", 4, points=2),
    ]
    assert [(duty.site, duty.trigger_id) for duty in of("tell_institutions", owed("national", *lines))][:2] == [
        ("H1", "e2"), ("H2", "e2"),
    ]  # fmt: skip
    told = statement(fold(lines), pack("national"))
    assert [entry.open_total for entry in told.entries] == [4, 3, 5]
    assert [(issue.code, issue.event_id) for issue in told.issues] == [("points_without_decision", "e4")]
