"""Statutory duties of a dossier: who owes which step, from when, until when, and what settles it."""

from __future__ import annotations

import datetime as dt
import random

import pytest

from rules.calendar import MONDAY_TO_FRIDAY, WithoutData, official_calendar
from rules.dossier import fold
from rules.duties import duties
from rules.events import TYPES
from rules.holidays import parse_holidays, shipped_holidays
from rules.packs.pack import PackError
from rules.standing import statement
from rules.triggers import DERIVED
from rules.vocabulary import DerivedTrigger
from tests.support.histories import history, make
from tests.support.law import PACK, pack
from tests.support.owing import REGISTERED, D, deducted, of, owed


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
