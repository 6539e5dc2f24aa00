"""Statutory duties of a dossier: who owes which step, from when, until when, and what settles it."""

from __future__ import annotations

import datetime as dt
import random

import pytest

from rules.calendar import MONDAY_TO_FRIDAY, WithoutData, official_calendar
from rules.dossier import fold
from rules.duties import Duty, duties
from rules.events import TYPES
from rules.holidays import parse_holidays, shipped_holidays
from rules.packs.pack import PackError
from rules.standing import statement
from rules.triggers import DERIVED
from rules.vocabulary import DerivedTrigger
from tests.support.histories import history, make
from tests.support.law import PACK, pack

D = dt.date.fromisoformat


def owed(locality: str, *events, calendar=None) -> tuple[Duty, ...]:
    rules, file = pack(locality), fold(events)
    return duties(
        file, statement(file, rules), rules, calendar or official_calendar(rules.ledger.working_calendar.value)
    )


def of(kind: str, found: tuple[Duty, ...]) -> list[Duty]:
    return [duty for duty in found if duty.kind == kind]


def deducted(day: str, number: int, points: int, **fields):
    item = {1: "QN-T1-01", 2: "QN-T2-01", 3: "QN-T3-01", 6: "QN-T6-01", 12: "QN-T12-01"}[points]
    return make("deduction", day, number, points=points, violation_id=item, **fields)


REGISTERED = make("registration", "2023-01-03", 0)


@pytest.mark.parametrize("locality", PACK)
def test_every_trigger_of_the_shipped_packs_is_an_event_or_can_be_found_in_a_file(locality):
    assert {item.trigger for item in pack(locality).ledger.deadlines} <= TYPES.keys() | DERIVED.keys()


def test_the_packs_know_the_triggers_that_the_duties_know():
    assert DERIVED.keys() == set(DerivedTrigger)


def test_a_notice_gives_the_institution_three_working_days_and_the_physician_seven():
    found = owed(
        "qiannan", REGISTERED, deducted("2023-06-01", 1, 6), make("notice_received", "2023-06-02", 2, ref="e1")
    )
    (told,), (review,) = of("tell_physician", found), of("review_request", found)
    assert (told.due_on, told.citation, told.institution, told.met_by) == (D("2023-06-07"), "三(二)4", "H1", None)
    assert (review.due_on, review.raised_on, review.trigger_id) == (D("2023-06-13"), D("2023-06-02"), "e2")


def test_the_decision_is_served_when_the_institution_has_received_it():
    before = owed("qiannan", REGISTERED, deducted("2023-06-01", 1, 6))
    after = owed(
        "qiannan", REGISTERED, deducted("2023-06-01", 1, 6), make("notice_received", "2023-06-02", 2, ref="e1")
    )
    assert [(duty.due_on, duty.met_by) for duty in of("serve_decision", before)] == [(None, None)]
    assert [(duty.met_by, duty.met_on) for duty in of("serve_decision", after)] == [("e2", D("2023-06-02"))]


def test_a_request_for_review_proves_that_the_physician_was_told_but_not_when():
    found = owed(
        "qiannan",
        REGISTERED,
        deducted("2023-06-01", 1, 6),
        make("notice_received", "2023-06-02", 2, ref="e1"),
        make("appeal_filed", "2023-06-12", 3, ref="e1"),
    )
    (told,) = of("tell_physician", found)
    assert (told.met_by, told.met_on, told.state(D("2023-07-01"))) == ("e3", None, "met")
    assert of("review_request", found)[0].state(D("2023-07-01")) == "met"


def test_a_request_about_another_decision_settles_nothing():
    found = owed(
        "qiannan",
        REGISTERED,
        deducted("2023-06-01", 1, 3),
        deducted("2023-06-01", 2, 2),
        make("notice_received", "2023-06-02", 3, ref="e1"),
        make("appeal_filed", "2023-06-05", 4, ref="e2"),
    )
    assert of("review_request", found)[0].met_by is None


def test_the_agency_answers_a_review_within_fifteen_working_days_and_late_is_told_as_late():
    case = [
        REGISTERED,
        deducted("2023-06-01", 1, 6),
        make("notice_received", "2023-06-02", 2, ref="e1"),
        make("appeal_filed", "2023-06-08", 3, ref="e1"),
    ]
    (answer,) = of("review_answer", owed("qiannan", *case))
    assert (answer.due_on, answer.state(D("2023-06-30")), answer.state(D("2023-07-03"))) == (
        D("2023-06-30"), "last_day", "missed",
    )  # fmt: skip
    (answer,) = of("review_answer", owed("qiannan", *case, make("appeal_rejected", "2023-07-03", 4, ref="e1")))
    assert (answer.met_by, answer.state(D("2023-12-31"))) == ("e4", "met_late")


def test_a_weekend_after_the_last_working_day_makes_nothing_late():
    """Worked case QN-G0992: notice on a Wednesday, request on the second Sunday, in time."""
    case = [REGISTERED, deducted("2023-03-01", 1, 6), make("notice_received", "2023-03-01", 2, ref="e1")]
    (review,) = of("review_request", owed("qiannan", *case))
    assert (review.due_on, review.late_on) == (D("2023-03-10"), D("2023-03-13"))
    assert review.state(D("2023-03-12")) == "last_day"
    (review,) = of("review_request", owed("qiannan", *case, make("appeal_filed", "2023-03-12", 3, ref="e1")))
    assert review.state(D("2023-04-01")) == "met"


def test_an_application_for_reinstatement_is_decided_within_five_working_days():
    case = [
        REGISTERED,
        deducted("2023-05-10", 1, 6),
        deducted("2023-05-10", 2, 6),
        make("reinstatement_application", "2023-08-14", 3),
    ]
    (decision,) = of("reinstatement_decision", owed("qiannan", *case))
    assert (decision.due_on, decision.citation) == (D("2023-08-21"), "三(二)5")
    (decision,) = of("reinstatement_decision", owed("qiannan", *case, make("reinstatement_refused", "2023-08-18", 4)))
    assert decision.met_by == "e4"


def test_six_points_call_for_a_talk_at_every_institution_of_practice_and_ten_for_a_warning_by_the_agency():
    found = owed(
        "qiannan",
        REGISTERED,
        make("site_declaration", "2023-01-04", 1, institution="H2"),
        make("site_declaration", "2023-01-04", 2, institution="H3"),
        make("opt_out", "2023-02-01", 3, institution="H3"),
        deducted("2023-06-01", 4, 6),
        deducted("2023-07-03", 5, 2),
        deducted("2023-07-04", 6, 2),
    )
    assert [(duty.site, duty.trigger_id, duty.due_on) for duty in of("caution_talk", found)] == [
        ("H1", "e4", None), ("H2", "e4", None),
    ]  # fmt: skip
    assert [(duty.trigger_id, duty.actor.en, duty.site) for duty in of("warning_talk", found)] == [
        ("e6", "local agency", None)
    ]


def test_twelve_points_lock_the_code_at_every_institution_and_are_reported_upward():
    found = owed(
        "qiannan",
        REGISTERED,
        make("site_declaration", "2023-01-04", 1, institution="H2"),
        deducted("2023-05-09", 2, 6),
        deducted("2023-05-10", 3, 6),
    )
    assert [(duty.site, duty.due_on, duty.raised_on) for duty in of("lock_code", found)] == [
        ("H1", None, D("2023-05-10")), ("H2", None, D("2023-05-10")),
    ]  # fmt: skip
    assert [duty.trigger_id for duty in (*of("report_full", found), *of("notify_area", found))] == ["e3", "e3"]
    assert of("notify_province", found) == of("blacklist_referral", found) == []


def test_the_day_after_the_penalty_the_institution_trains_and_applies():
    case = [REGISTERED, deducted("2023-05-09", 1, 6), deducted("2023-05-10", 2, 6)]
    (train,) = of("train_and_apply", owed("qiannan", *case))
    assert (train.raised_on, train.trigger_id, train.state(D("2023-08-10"))) == (D("2023-08-11"), "e2", "to_come")
    (train,) = of("train_and_apply", owed("qiannan", *case, make("reinstatement_application", "2023-09-01", 3)))
    assert train.met_by == "e3"
    assert of("train_and_apply", owed("qiannan", *case, make("reinstatement", "2023-08-11", 3))) == []


def test_two_consecutive_years_are_told_province_wide():
    found = owed(
        "qiannan", REGISTERED, *[deducted(day, number, 6) for number, day in enumerate(
            ("2023-03-01", "2023-04-03", "2024-03-01", "2024-04-01"), 1)]
    )  # fmt: skip
    assert [(duty.trigger_id, duty.raised_on) for duty in of("notify_province", found)] == [("e4", D("2024-04-01"))]


def test_a_blacklisting_is_passed_on_once_and_its_end_opens_a_new_application():
    listed = [REGISTERED, deducted("2023-07-03", 1, 12)]
    found = owed("qiannan", *listed)
    assert [(duty.trigger_id, duty.citation) for duty in of("blacklist_referral", found)] == [("e1", "四(二)")]
    (again,) = of("reapply_after_ban", found)
    assert (again.due_on, again.opens, again.state(D("2026-10-03")), again.state(D("2026-10-04"))) == (
        D("2026-10-04"), True, "to_come", "possible",
    )  # fmt: skip
    # A later penalty moves the ban, lists nobody anew, and is itself reported.
    found = owed("qiannan", *listed, deducted("2023-11-30", 2, 12))
    assert [duty.trigger_id for duty in of("blacklist_referral", found)] == ["e1"]
    assert [duty.due_on for duty in of("reapply_after_ban", found)] == [D("2027-03-01")]
    assert [duty.trigger_id for duty in of("report_full", found)] == ["e1", "e2"]


def test_a_registration_inside_the_ban_does_not_settle_what_opens_after_it():
    listed = [REGISTERED, deducted("2023-07-03", 1, 12), make("registration", "2026-10-03", 2)]
    assert of("reapply_after_ban", owed("qiannan", *listed))[0].met_by is None
    found = owed("qiannan", *listed, make("registration", "2026-10-04", 3))
    assert [duty.met_by for duty in of("reapply_after_ban", found)] == ["e3"]


def test_a_voided_deduction_leaves_only_the_answer_that_voided_it():
    found = owed(
        "qiannan",
        REGISTERED,
        deducted("2023-07-03", 1, 12),
        make("notice_received", "2023-07-04", 2, ref="e1"),
        make("appeal_filed", "2023-07-06", 3, ref="e1"),
        make("appeal_upheld", "2023-07-10", 4, ref="e1"),
    )
    assert {duty.kind: duty.void for duty in found} == {
        "serve_decision": True, "tell_physician": True, "review_request": True, "review_answer": False,
    }  # fmt: skip
    assert [(duty.state(D("2023-08-01")), list(duty.phases())) for duty in of("tell_physician", found)] == [
        ("void", [])
    ]


def test_a_lowered_deduction_calls_for_what_is_left_of_it():
    found = owed(
        "qiannan",
        REGISTERED,
        deducted("2023-07-03", 1, 12),
        make("notice_received", "2023-07-04", 2, ref="e1"),
        make("appeal_filed", "2023-07-06", 3, ref="e1"),
        make("appeal_upheld", "2023-07-10", 4, ref="e1", revised_points=6),
    )
    assert [duty.trigger_id for duty in of("caution_talk", found)] == ["e1"]
    assert of("lock_code", found) == of("report_full", found) == of("blacklist_referral", found) == []
    assert not of("tell_physician", found)[0].void


def test_a_review_upheld_too_late_voids_no_duty():
    """Determination Q2: the deduction stands."""
    found = owed(
        "qiannan",
        REGISTERED,
        deducted("2023-07-03", 1, 12),
        make("notice_received", "2023-07-04", 2, ref="e1"),
        make("appeal_filed", "2023-08-30", 3, ref="e1"),
        make("appeal_upheld", "2023-09-04", 4, ref="e1"),
    )
    assert not any(duty.void for duty in found)
    assert of("lock_code", found)


def test_a_bonus_is_entered_and_passed_on_within_three_working_days():
    """D2: they run from the notice, which ends the agency's own step, and ask for no review."""
    bonus = make("bonus", "2023-06-01", 1, points=1, bonus_id="QN-B1")
    assert [(duty.kind, duty.due_on) for duty in owed("qiannan", REGISTERED, bonus)] == [("serve_bonus", None)]
    found = owed("qiannan", REGISTERED, bonus, make("notice_received", "2023-06-02", 2, ref="e1"))
    assert [(duty.kind, duty.due_on, duty.met_by) for duty in found] == [
        ("serve_bonus", None, "e2"), ("tell_bonus", D("2023-06-07"), None),
    ]  # fmt: skip
    done = make("act_done", "2023-06-05", 3, duty="tell_bonus", ref="e1", by="H1")
    found = owed("qiannan", REGISTERED, bonus, make("notice_received", "2023-06-02", 2, ref="e1"), done)
    assert [(duty.met_by, duty.met_on) for duty in of("tell_bonus", found)] == [("e3", D("2023-06-05"))]


def test_an_opt_out_is_published_promptly():
    (publish,) = owed("qiannan", make("opt_out", "2023-06-02", 1))
    assert (publish.kind, publish.due_on, publish.citation) == ("publish_opt_out", None, "五(二)*")


def test_lanzhou_lets_the_cancelled_return_after_one_year_and_after_a_second_time_after_five():
    term = {"start": "2015-01-01", "end": "2016-12-31"}
    first = [
        make("registration", "2015-01-05", 0),
        make("agreement", "2015-01-05", 1, **term),
        make("deduction", "2015-03-10", 2, points=10, violation_id="LZ-T10-01"),
    ]
    (back,) = of("reapply_first", owed("lanzhou", *first))
    assert (back.due_on, back.opens, back.late_on, back.citation) == (D("2016-03-11"), True, None, "第十八条")
    second = [
        *first,
        make("retraining_passed", "2016-03-14", 3),
        make("registration", "2016-04-01", 4),
        make("agreement", "2016-04-01", 5, start="2016-04-01", end="2018-03-31"),
        make("deduction", "2016-12-01", 6, points=10, violation_id="LZ-T10-02"),
    ]
    found = owed("lanzhou", *second)
    assert of("reapply_first", found)[0].met_by == "e4"
    assert [duty.due_on for duty in of("reapply_second", found)] == [D("2021-12-02")]
    assert [duty.trigger_id for duty in of("integrity_record", found)] == ["e2", "e6"]


def test_lanzhou_names_no_day_for_the_written_information_because_no_receipt_is_recorded():
    found = owed("lanzhou", make("deduction", "2015-03-10", 1, points=1, violation_id="LZ-T13-01"))
    assert [(duty.kind, duty.due_on) for duty in found] == [("serve_decision", None), ("integrity_record", None)]


def test_the_national_opinion_names_steps_and_no_days():
    found = owed(
        "national",
        make("registration", "2025-01-06", 0),
        make("points_recorded", "2025-03-03", 1, points=3),
        make("status", "2025-04-01", 2, status="suspended", until="2025-06-30"),
    )
    kinds = {(duty.kind, duty.trigger_id) for duty in found}
    assert {duty.due_on for duty in found} == {None}
    assert ("tell_institutions", "e1") in kinds
    assert ("mark_person", "e2") in kinds
    for kind in ("talk_and_study", "statement_of_case", "report_up", "inform_regulators"):
        assert {(kind, "e1"), (kind, "e2")} <= kinds


def test_an_accepted_objection_takes_the_steps_about_its_status_away():
    found = owed(
        "national",
        make("registration", "2025-01-06", 0),
        make("status", "2025-04-01", 1, status="suspended", until=None),
        make("status_corrected", "2025-04-20", 2, ref="e1"),
    )
    assert found
    assert all(duty.void for duty in found)


def test_xiamen_enters_the_integrity_file_and_the_blacklist():
    found = owed(
        "xiamen", make("full_12", "2018-03-01", 1, period="2018"), make("full_12", "2019-03-01", 2, period="2019")
    )
    assert [(duty.kind, duty.trigger_id) for duty in found] == [
        ("integrity_record", "e1"), ("integrity_record", "e2"), ("blacklist_entry", "e2"),
    ]  # fmt: skip


def test_what_happened_before_the_rules_held_or_after_they_ended_calls_for_nothing():
    assert owed("qiannan", make("bonus", "2022-12-25", 1, points=1, bonus_id="QN-B1")) == ()
    assert owed("lanzhou", make("deduction", "2019-05-01", 1, points=1, violation_id="LZ-T13-01")) == ()


def test_a_pack_without_a_ledger_has_no_duties():
    file = fold([REGISTERED])
    told = statement(file, pack("qiannan"))
    with pytest.raises(PackError, match="has no ledger section"):
        duties(file, told, pack("qiannan").model_copy(update={"ledger": None}), MONDAY_TO_FRIDAY)


@pytest.mark.parametrize("locality", PACK)
def test_duties_do_not_depend_on_the_order_in_which_events_arrive(locality):
    for seed in range(60):
        events = history(locality, seed)
        shuffled = [*events, *events[:3]]
        random.Random(seed).shuffle(shuffled)
        assert owed(locality, *events) == owed(locality, *shuffled), seed


@pytest.mark.parametrize("locality", PACK)
def test_every_duty_of_a_random_history_can_be_told(locality):
    """Days are in order, nothing is settled before it began, and no two notices of a dossier bear one name."""
    for seed in range(200):
        found = owed(locality, *history(locality, seed))
        names = [duty.notice_id("000000", "P-0001", phase) for duty in found for phase, _ in duty.phases()]
        assert len(names) == len(set(names)), seed
        for duty in found:
            days = [day for _, day in duty.phases()]
            assert days == sorted(days), (seed, duty)
            assert duty.met_on is None or duty.met_on >= duty.raised_on or duty.void, (seed, duty)


def test_every_limit_of_a_random_history_is_counted_day_by_day():
    """The last day, counted plainly: Monday to Friday, the day of the trigger is day 0."""
    days = {"tell_physician": 3, "review_request": 7, "review_answer": 15}
    seen = set()
    for seed in range(200):
        for duty in owed("qiannan", *history("qiannan", seed), calendar=MONDAY_TO_FRIDAY):
            left, day = days.get(duty.kind, 0), duty.raised_on
            if not left:
                continue
            while left:
                day += dt.timedelta(days=1)
                left -= day.weekday() < 5
            assert duty.due_on == day, (seed, duty)
            seen.add(duty.kind)
    assert seen == set(days)


# -- rights, marks and acts -----------------------------------------------------------------------------------------------


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
    for seed in range(80):
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


# -- years whose notice of public holidays is not out -----------------------------------------------------------------


def test_nothing_is_called_missed_while_its_days_are_counted_provisionally():
    """A bonus of 4 February 2027: the notice of 2027 will say how long Spring Festival is, and only then is something late."""
    bonus = make("bonus", "2027-02-04", 1, points=1, bonus_id="QN-B1")
    received = make("notice_received", "2027-02-04", 2, ref="e1")
    (open_,) = of("tell_bonus", owed("qiannan", REGISTERED, bonus, received))
    assert open_.provisional
    assert [phase for phase, _ in open_.phases()] == ["raised", "due"]
    assert open_.state(D("2027-03-01")) == "provisional"
    notice = parse_holidays(
        "years: {2027: {source: x, holidays: [01-01, 02-05, 02-06, 02-07, 02-08, 02-09, 02-10], make_up_days: []}}", "x"
    )
    known = official_calendar(WithoutData.MONDAY_TO_FRIDAY, shipped_holidays().with_notices(notice))
    (settled,) = of("tell_bonus", owed("qiannan", REGISTERED, bonus, received, calendar=known))
    assert [phase for phase, _ in settled.phases()] == ["raised", "due", "missed"]
    assert settled.due_on == D("2027-02-15")
    assert settled.state(D("2027-03-01")) == "missed"
