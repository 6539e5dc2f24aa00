"""Lanzhou: terms, suspensions, cancellations, return, institutions."""

from __future__ import annotations

import pytest

from rules.schemes.lanzhou.institutions import assess
from rules.schemes.lanzhou.parameters import LanzhouLedger
from tests.support.law import agreement, deduction, event, judge, ledger, outcome, pack, registration

START = [registration("2014-07-05"), agreement("2014-07-05", "2016-07-04")]
CANCELLED = [*START, deduction("2015-03-10", 10, "LZ-T10-01")]
"""Cancelled on 10 March 2015: may return from 11 March 2016."""


def retrained(date):
    return event("retraining_passed", date)


def points(answer):
    return answer["points_remaining"], answer["points_accumulated"]


def test_six_points_suspend_three_months_eight_suspend_six():
    history = [*START, deduction("2015-01-31", 5, "LZ-T5-01"), deduction("2015-02-01", 1, "LZ-T13-01")]
    assert judge("lanzhou", history, "2015-02-01")["standing"] == "suspension_pending"
    assert judge("lanzhou", history, "2015-05-01")["penalty_period"] == ["2015-02-02", "2015-05-01"]
    assert outcome("lanzhou", history, "2015-05-02") == ("pay", "ok")
    more = [*history, deduction("2015-04-30", 2, "LZ-T13-01")]
    assert judge("lanzhou", more, "2015-10-30")["penalty_period"] == ["2015-05-01", "2015-10-30"]
    assert points(judge("lanzhou", more, "2015-10-31")) == (2, 8)


def test_a_jump_fires_the_highest_mark_only():
    history = [*START, deduction("2015-01-31", 5, "LZ-T5-01"), deduction("2015-02-01", 3, "LZ-T13-01")]
    assert judge("lanzhou", history, "2015-02-02")["penalty_period"] == ["2015-02-02", "2015-08-01"]


def test_l1_a_registration_that_meets_the_conditions_cures_one_that_did_not():
    """L1."""
    early = [*CANCELLED, registration("2015-12-01"), agreement("2015-12-01", "2017-11-30")]
    assert outcome("lanzhou", early, "2015-11-30") == ("reject", "cancelled")
    answer = judge("lanzhou", early, "2015-12-01")
    assert (answer["reason"], answer["standing"], answer["points_remaining"]) == (
        "reapplication_conflict",
        "cancelled",
        None,
    )
    assert answer["reapply_not_before"] == "2016-03-11"
    assert outcome("lanzhou", early, "2016-06-01") == ("review", "reapplication_conflict"), (
        "also after the earliest day"
    )
    cured = [*early, retrained("2016-03-11"), registration("2016-07-02")]
    assert outcome("lanzhou", cured, "2016-07-02") == ("pay", "ok")


@pytest.mark.parametrize(
    ("passed", "expected"),
    [
        ("2016-03-10", "reapplication_conflict"),
        ("2016-03-11", "ok"),
        ("2016-07-01", "ok"),
        ("2016-07-02", "reapplication_conflict"),
    ],
)
def test_the_retraining_lies_between_the_earliest_day_and_the_registration(passed, expected):
    history = [
        *CANCELLED,
        *sorted(
            [retrained(passed), registration("2016-07-01"), agreement("2016-07-01", "2018-06-30")],
            key=lambda e: e["date"],
        ),
    ]
    assert judge("lanzhou", history, "2016-07-02")["reason"] == expected


def test_without_a_registration_the_physician_is_simply_not_registered_from_the_earliest_day():
    assert outcome("lanzhou", CANCELLED, "2016-03-10") == ("reject", "cancelled")
    assert outcome("lanzhou", CANCELLED, "2016-03-11") == ("reject", "physician_unregistered")


def test_a_second_cancellation_bars_five_years_and_needs_no_retraining():
    history = [
        *CANCELLED,
        retrained("2016-03-11"),
        registration("2016-07-01"),
        agreement("2016-07-01", "2018-06-30"),
        deduction("2016-12-01", 10, "LZ-T10-01"),
    ]
    answer = judge("lanzhou", history, "2017-01-01")
    assert (answer["standing"], answer["reapply_not_before"]) == ("cancelled", "2021-12-02")


def test_l2_suspended_past_the_term_shows_no_points():
    """L2."""
    history = [*START, deduction("2016-06-01", 5, "LZ-T5-01"), deduction("2016-06-20", 1, "LZ-T13-01")]
    answer = judge("lanzhou", history, "2016-08-01")
    assert (answer["standing"], points(answer)) == ("suspended", (None, None))
    stay = judge("lanzhou", history, "2016-10-01", start="2016-09-01")
    assert (stay["reason"], points(stay)) == ("straddles_penalty", (None, None))
    renewed = [*history, agreement("2016-07-05", "2018-07-04")]
    assert points(judge("lanzhou", renewed, "2016-08-01")) == (10, 0)


def test_l3_a_cancellation_ends_the_agreement_and_of_two_the_later_start_is_the_term():
    """L3."""
    back = [*CANCELLED, retrained("2016-03-11"), registration("2016-03-11")]
    assert outcome("lanzhou", back, "2016-03-12") == ("review", "agreement_expired"), "the old term covers nothing more"
    overlap = [
        *START,
        deduction("2014-10-01", 5, "LZ-T5-01"),
        agreement("2015-01-05", "2017-01-04"),
        deduction("2015-02-01", 1, "LZ-T13-01"),
    ]
    assert points(judge("lanzhou", overlap, "2015-02-02")) == (9, 1)


def test_an_agreement_recorded_under_a_later_date_reaches_back_for_services_from_its_date_on():
    """T2 with 第十一条: points of the whole term count, but services before its date do not know it."""
    history = [
        registration("2014-07-05"),
        deduction("2014-08-01", 6, "LZ-T13-01"),
        agreement("2014-07-05", "2016-07-04", date="2014-09-01"),
    ]
    assert judge("lanzhou", history, "2014-08-15")["standing"] == "agreement_expired"
    assert judge("lanzhou", history, "2014-09-01")["penalty_period"] == ["2014-08-02", "2014-11-01"]


@pytest.mark.parametrize(
    ("approved", "cancelled", "ended"),
    [(20, 1, True), (19, 1, False), (19, 2, True), (9, 1, True), (10, 1, False), (100, 4, False), (100, 5, True)],
)
def test_the_institution_marks(approved, cancelled, ended):
    """第二十二条; quirk kept: 20 physicians need one cancellation, 19 need two."""
    assert assess(approved, cancelled, ledger(pack("lanzhou"), LanzhouLedger).headcounts).ends_agreement is ended


def test_l4_only_a_new_agreement_restores_the_institution():
    """L4."""

    def snapshot(date, n):
        return event("institution_snapshot", date, institution="H1", approved_physicians=20, cancelled_in_term=n)

    history = [*START, snapshot("2015-01-10", 1), snapshot("2015-02-10", 0)]
    assert outcome("lanzhou", history, "2015-01-10") == ("pay", "ok")
    assert outcome("lanzhou", history, "2015-01-11") == ("reject", "institution_agreement_terminated")
    assert outcome("lanzhou", history, "2015-02-11") == ("reject", "institution_agreement_terminated")
    assert outcome("lanzhou", history, "2015-01-11", institution="H2") == ("pay", "ok")
    signed = [*history, event("institution_resigned", "2015-03-01", institution="H1")]
    assert outcome("lanzhou", signed, "2015-03-01") == ("pay", "ok")


def test_l5_a_stay_is_tested_against_all_suspensions_together():
    """L5: two windows that meet leave no day outside."""
    history = [*START, deduction("2015-01-31", 6, "LZ-T13-01"), deduction("2015-04-30", 2, "LZ-T13-01")]
    assert outcome("lanzhou", history, "2015-05-10", start="2015-04-20") == ("reject", "suspended")
    assert outcome("lanzhou", history, "2015-05-10", start="2015-01-31") == ("review", "straddles_penalty")


def test_l7_no_window_is_told_while_cancelled():
    """L7: though the suspension would still run."""
    history = [*START, deduction("2015-02-01", 6, "LZ-T13-01"), deduction("2015-03-10", 5, "LZ-T5-01")]
    answer = judge("lanzhou", history, "2015-03-11")
    assert (answer["standing"], answer["penalty_period"], points(answer)) == ("cancelled", None, (0, 11))


def test_l8_the_decision_day_of_a_cancellation_shows_what_holds_without_it():
    """L8: usually normal; suspended when a suspension runs."""
    answer = judge("lanzhou", CANCELLED, "2015-03-10")
    assert (answer["standing"], points(answer)) == ("normal", (0, 10))
    running = [*START, deduction("2015-02-01", 6, "LZ-T13-01"), deduction("2015-03-10", 5, "LZ-T5-01")]
    assert judge("lanzhou", running, "2015-03-10")["standing"] == "suspended"


def test_cancelled_shows_the_total_of_its_term_even_after_the_terms_end():
    late = [*START, deduction("2016-06-20", 10, "LZ-T10-01")]
    assert points(judge("lanzhou", late, "2016-12-01")) == (0, 10)


def test_there_is_no_exemption_for_emergencies():
    history = [*START, deduction("2015-02-01", 6, "LZ-T13-01")]
    assert outcome("lanzhou", history, "2015-02-02", encounter="emergency") == ("reject", "suspended")


def test_in_the_first_round_an_unregistered_physician_goes_to_review():
    assert outcome("lanzhou", [], "2014-07-01") == ("review", "initial_registration_window")
    assert outcome("lanzhou", [], "2014-07-02") == ("reject", "physician_unregistered")
