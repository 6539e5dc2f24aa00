"""Qiannan: points, penalty periods, reinstatement, blacklist, reviews, as an adjudicator would put it."""

from __future__ import annotations

import pytest

from tests.support.law import bonus, deduction, event, judge, outcome, registration, reinstatement

REG = registration("2023-01-03")
TWELVE = [REG, deduction("2023-05-04", 6, id="d1"), deduction("2023-05-10", 6, id="d2")]
"""Twelve points on 10 May 2023: penalty from 11 May to 10 August."""


def standing(history, service, **kwargs):
    return judge("qiannan", history, service, **kwargs)["standing"]


def review(ref, *, notice, filed, upheld, **fields):
    return [
        event("notice_received", notice, ref=ref),
        event("appeal_filed", filed, ref=ref),
        event("appeal_upheld", upheld, ref=ref, **fields),
    ]


# -- order and time -----------------------------------------------------------------------------------------------


def test_g1_events_of_one_day_apply_in_the_order_of_recording():
    """G1: bonus 5 then a 3-point item and the other way round give the same points, but an opt-out does not."""
    out = event("opt_out", "2023-02-01", institution="H1")
    back = event("site_declaration", "2023-02-01", institution="H1")
    assert outcome("qiannan", [REG, out, back], "2023-02-01") == ("pay", "ok")
    assert outcome("qiannan", [REG, back, out], "2023-02-01") == ("reject", "opted_out")


def test_an_event_after_the_service_is_ignored_even_when_known():
    """T2."""
    assert outcome("qiannan", TWELVE, "2023-05-09") == ("pay", "ok")


def test_an_event_not_yet_recorded_is_unknown():
    """T2: decided on 10 May, recorded on 1 June."""
    late = [REG, deduction("2023-05-10", 12, "QN-T6-02", cases=2, recorded="2023-06-01")]
    assert outcome("qiannan", late, "2023-05-20", as_of="2023-05-31") == ("pay", "ok")
    assert outcome("qiannan", late, "2023-05-20", as_of="2023-06-01") == ("reject", "in_penalty_period")


def test_the_decision_day_itself_is_not_penalised():
    """T4."""
    answer = judge("qiannan", TWELVE, "2023-05-10")
    assert (answer["disposition"], answer["standing"]) == ("pay", "penalty_pending")
    assert answer["penalty_period"] == ["2023-05-11", "2023-08-10"]
    assert answer["points_remaining"] == 0


def test_the_agencys_own_dates_win_over_the_counted_ones():
    """Section 7, "If the agency's decision event carries its own start/end, those win"."""
    own = [REG, deduction("2023-05-10", 12, "QN-T6-02", cases=2, penalty_start="2023-06-01", penalty_end="2023-08-31")]
    assert standing(own, "2023-05-31") == "penalty_pending"
    assert judge("qiannan", own, "2023-08-31")["penalty_period"] == ["2023-06-01", "2023-08-31"]


# -- determinations -----------------------------------------------------------------------------------------------


def test_q1_notice_and_request_are_read_with_their_upholding_though_later_than_the_service():
    """Q1: filed on time, so the deduction is void also for the service before it."""
    history = [*TWELVE, *review("d2", notice="2023-05-15", filed="2023-05-20", upheld="2023-06-20")]
    assert outcome("qiannan", history, "2023-05-12", as_of="2023-06-20") == ("pay", "ok")
    assert outcome("qiannan", history, "2023-05-12", as_of="2023-06-19") == ("reject", "in_penalty_period")


def test_q1_a_late_request_that_is_not_recorded_yet_does_not_count_against_the_upholding():
    """Q1: "each still has to be recorded by as_of"."""
    history = [
        *TWELVE,
        event("notice_received", "2023-05-15", ref="d2"),
        event("appeal_filed", "2023-06-15", ref="d2", recorded="2023-08-01"),
        event("appeal_upheld", "2023-06-20", ref="d2"),
    ]
    assert outcome("qiannan", history, "2023-05-12", as_of="2023-07-01") == ("pay", "ok")
    assert outcome("qiannan", history, "2023-05-12", as_of="2023-08-01") == ("review", "data_conflict")


def test_q2_a_late_upholding_that_would_change_the_disposition_goes_to_review():
    """Q2: every other field is as without it."""
    history = [*TWELVE, *review("d2", notice="2023-05-15", filed="2023-06-15", upheld="2023-06-20")]
    answer = judge("qiannan", history, "2023-05-12")
    assert (answer["disposition"], answer["reason"]) == ("review", "data_conflict")
    assert answer["standing"] == "penalty"
    assert answer["points_accumulated"] == 12
    assert answer["cost_bearer"] == "undetermined"
    assert outcome("qiannan", history, "2023-05-05") == ("pay", "ok"), "here both readings pay"
    assert outcome("qiannan", history, "2023-05-12", code="") == ("reject", "physician_missing")


def test_q2_a_claim_unregistered_or_opted_out_keeps_its_reason():
    history = [*TWELVE, *review("d2", notice="2023-05-15", filed="2023-06-15", upheld="2023-06-20")]
    history.insert(1, event("opt_out", "2023-02-01", institution="H1"))
    assert outcome("qiannan", history, "2023-05-12") == ("reject", "opted_out")
    assert outcome("qiannan", history, "2023-01-01") == ("reject", "physician_unregistered")


def test_q2_an_upholding_in_time_is_honoured_in_both_evaluations():
    history = [
        *TWELVE,
        *review("d1", notice="2023-05-05", filed="2023-05-08", upheld="2023-06-01"),
        *review("d2", notice="2023-05-15", filed="2023-06-15", upheld="2023-06-20"),
    ]
    assert outcome("qiannan", history, "2023-05-12") == ("pay", "ok")


def test_an_upholding_without_a_recorded_request_is_taken_as_in_time():
    """Determinations, after Q3; and a request without a recorded notice (section 8)."""
    assert outcome("qiannan", [*TWELVE, event("appeal_upheld", "2023-06-20", ref="d2")], "2023-05-12") == ("pay", "ok")
    asked = [event("appeal_filed", "2023-09-20", ref="d2"), event("appeal_upheld", "2023-10-20", ref="d2")]
    assert outcome("qiannan", [*TWELVE, *asked], "2023-05-12") == ("pay", "ok")


def test_q3_a_revised_deduction_keeps_its_item():
    """Q3: bonus offsets what is left of a tier 1/2/3 item and nothing of a tier 6 one."""
    base = [REG, bonus("2023-02-01", 5)]
    three = [
        *base,
        deduction("2023-05-10", 3, id="d1"),
        event("appeal_upheld", "2023-06-01", ref="d1", revised_points=2),
    ]
    six = [*base, deduction("2023-05-10", 6, id="d1"), event("appeal_upheld", "2023-06-01", ref="d1", revised_points=2)]
    assert judge("qiannan", three, "2023-07-01")["points_accumulated"] == 0
    assert judge("qiannan", six, "2023-07-01")["points_accumulated"] == 2


@pytest.mark.parametrize(("revised", "expected"), [(12, "blacklisted"), (11, "cautioned_10")])
def test_q3_twelve_at_one_time_needs_twelve_points_after_the_revision(revised, expected):
    history = [
        REG,
        deduction("2023-05-10", 24, "QN-T12-01", cases=2, id="d1"),
        event("appeal_upheld", "2023-06-01", ref="d1", revised_points=revised),
    ]
    assert standing(history, "2023-05-20") == expected


def test_a_second_upholding_of_one_deduction_corrects_the_first():
    history = [
        *TWELVE,
        event("appeal_upheld", "2023-06-01", ref="d2", revised_points=0),
        event("appeal_upheld", "2023-06-05", ref="d2", revised_points=4),
    ]
    assert judge("qiannan", history, "2023-05-20")["points_accumulated"] == 10


def test_q4_a_reinstatement_inside_the_period_is_a_conflict_until_a_proper_one():
    """Q4: outlasts the end of the window."""
    history = [*TWELVE, reinstatement("2023-06-01"), reinstatement("2023-09-01")]
    assert outcome("qiannan", history, "2023-05-31") == ("reject", "in_penalty_period")
    assert outcome("qiannan", history, "2023-06-01") == ("review", "data_conflict")
    assert outcome("qiannan", history, "2023-08-31") == ("review", "data_conflict")
    assert standing(history, "2023-08-31") == "pending_reinstatement"
    assert outcome("qiannan", history, "2023-09-01") == ("pay", "ok")


def test_q4_the_conflict_holds_for_a_blacklisted_physician():
    """Q4: the reinstatement came before the blacklisting, so it is no blacklist conflict."""
    history = [*TWELVE, reinstatement("2023-06-01"), deduction("2023-07-01", 12)]
    assert outcome("qiannan", history, "2023-07-02") == ("review", "data_conflict")
    assert standing(history, "2023-07-02") == "blacklisted"


def test_q5_a_return_during_the_ban_is_a_blacklist_conflict_and_outranks_the_other():
    """Q5."""
    history = [REG, deduction("2023-05-10", 12), registration("2023-12-01"), reinstatement("2024-01-05")]
    assert outcome("qiannan", history, "2023-11-30") == ("reject", "blacklisted")
    assert outcome("qiannan", history, "2023-12-01") == ("review", "blacklist_conflict")
    both = [*TWELVE, reinstatement("2023-06-01"), deduction("2023-07-01", 12), registration("2023-07-05")]
    assert outcome("qiannan", both, "2023-07-05") == ("review", "blacklist_conflict")


def test_q5_a_registration_on_the_day_of_the_blacklisting_decision_is_no_conflict():
    history = [REG, deduction("2023-05-10", 12), registration("2023-05-10", "H2")]
    assert outcome("qiannan", history, "2023-12-01") == ("reject", "blacklisted")


def test_q6_a_decision_while_a_penalty_runs_shows_the_running_window_and_no_ban():
    """Q6: penalty outranks blacklist_pending on the decision day."""
    history = [*TWELVE, deduction("2023-07-01", 12)]
    answer = judge("qiannan", history, "2023-07-01")
    assert answer["standing"] == "penalty"
    assert answer["penalty_period"] == ["2023-05-11", "2023-08-10"]
    assert "ban_period" not in answer


def test_q6_a_decision_in_the_gap_before_reinstatement_shows_the_ended_window():
    history = [*TWELVE, deduction("2023-09-01", 12)]
    answer = judge("qiannan", history, "2023-09-01")
    assert answer["standing"] == "pending_reinstatement"
    assert answer["penalty_period"] == ["2023-05-11", "2023-08-10"]
    assert "ban_period" not in answer


def test_q6_blacklist_pending_takes_over_from_penalty_pending():
    answer = judge("qiannan", [REG, deduction("2023-05-10", 12)], "2023-05-10")
    assert answer["standing"] == "blacklist_pending"
    assert answer["penalty_period"] == ["2023-05-11", "2023-08-10"]
    assert answer["ban_period"] == ["2023-08-11", "2026-08-10"]


def test_q7_a_straddling_stay_is_reviewed_though_every_day_would_be_rejected():
    """Q7: the stay ends in the gap before reinstatement."""
    answer = judge("qiannan", TWELVE, "2023-08-15", start="2023-08-01", encounter="inpatient")
    assert (answer["disposition"], answer["reason"]) == ("review", "straddles_penalty")
    assert answer["standing"] == "pending_reinstatement"
    assert answer["penalty_period"] == ["2023-05-11", "2023-08-10"]


def test_q7_a_blacklisted_physicians_straddling_stay_keeps_standing_and_ban():
    answer = judge("qiannan", [REG, deduction("2023-05-10", 12)], "2023-08-15", start="2023-08-01")
    assert answer["reason"] == "straddles_penalty"
    assert answer["standing"] == "blacklisted"
    assert answer["ban_period"] == ["2023-08-11", "2026-08-10"]


def test_q8_of_several_windows_the_one_with_the_later_end_is_reported():
    """Q8: the second year's 12 months run beside the first year's 3."""
    history = [
        REG,
        deduction("2023-12-20", 12, "QN-T6-02", cases=2),
        deduction("2024-01-10", 12, "QN-T6-02", cases=2),
    ]
    assert judge("qiannan", history, "2024-02-01")["penalty_period"] == ["2024-01-11", "2025-01-10"]
    assert judge("qiannan", history, "2024-01-10")["penalty_period"] == ["2023-12-21", "2024-03-20"]


def test_q9_training_evidenced_once_lifts_the_doubt():
    """Q9."""
    history = [
        registration("2023-01-03", training=False),
        registration("2023-03-01", "H2"),
        registration("2023-04-01", training=False),
    ]
    assert outcome("qiannan", history, "2023-02-28") == ("review", "qualification_incomplete")
    assert outcome("qiannan", history, "2023-03-01") == ("pay", "ok")
    assert outcome("qiannan", history, "2023-04-02") == ("pay", "ok")


def test_q9_after_a_ban_only_registrations_after_its_end_are_looked_at():
    history = [REG, deduction("2023-05-10", 12), registration("2026-09-01", training=False)]
    assert outcome("qiannan", history, "2026-09-01") == ("review", "qualification_incomplete")


def test_q10_a_registration_after_the_ban_closes_it_for_good():
    """Q10: no reinstatement needed, later decisions do not move it, old declarations count, a new ban may start."""
    history = [
        REG,
        event("site_declaration", "2023-02-01", institution="H2"),
        deduction("2023-05-10", 12),
        reinstatement("2023-06-01"),
        registration("2026-08-11"),
        deduction("2026-10-01", 12, "QN-T6-02", cases=2),
        deduction("2027-03-01", 12),
    ]
    assert outcome("qiannan", history, "2026-08-10") == ("review", "blacklist_conflict")
    assert outcome("qiannan", history, "2026-08-11") == ("pay", "ok")
    assert outcome("qiannan", history, "2026-08-12", institution="H2") == ("pay", "ok")
    assert standing(history, "2026-10-02") == "penalty"
    assert judge("qiannan", history, "2027-03-02")["ban_period"] == ["2028-03-02", "2031-03-01"]


def test_without_a_new_registration_the_physician_is_unregistered_after_the_ban():
    history = [REG, deduction("2023-05-10", 12)]
    assert standing(history, "2026-08-10") == "blacklisted"
    assert outcome("qiannan", history, "2026-08-11") == ("reject", "physician_unregistered")
    assert outcome("qiannan", history, "2026-08-11", encounter="emergency") == ("review", "unregistered_emergency")


def test_a_later_penalty_moves_the_ban():
    history = [REG, deduction("2023-05-10", 12), deduction("2024-05-10", 12, "QN-T6-02", cases=2)]
    assert judge("qiannan", history, "2024-05-09")["ban_period"] == ["2023-08-11", "2026-08-10"]
    assert judge("qiannan", history, "2024-05-11")["ban_period"] == ["2025-05-11", "2028-05-10"]


def test_q11_opt_out_and_declaration_of_one_day_the_later_in_order_holds():
    """Q11."""
    out = event("opt_out", "2023-02-01", institution="H1")
    assert outcome("qiannan", [REG, out, registration("2023-02-01")], "2023-03-01") == ("pay", "ok")
    assert outcome("qiannan", [REG, registration("2023-02-01"), out], "2023-03-01") == ("reject", "opted_out")


def test_q12_no_window_is_told_for_an_opted_out_physician():
    """Q12: though a window covers the day."""
    history = [*TWELVE, event("opt_out", "2023-06-01", institution="H1")]
    answer = judge("qiannan", history, "2023-06-02")
    assert (answer["standing"], answer["penalty_period"], answer["points_remaining"]) == ("opted_out", None, None)


def test_q12_no_window_is_told_before_the_registration_but_the_stay_still_straddles_it():
    history = [
        deduction("2023-02-01", 6, id="d1"),
        deduction("2023-02-02", 6, id="d2"),
        registration("2023-04-20"),
        reinstatement("2023-05-03"),
    ]
    answer = judge("qiannan", history, "2023-04-10")
    assert (answer["standing"], answer["penalty_period"]) == ("unregistered", None)
    assert outcome("qiannan", history, "2023-05-04", start="2023-04-10") == ("review", "straddles_penalty")


# -- points -------------------------------------------------------------------------------------------------------


def test_the_years_total_runs_across_cycles_and_what_exceeds_twelve_is_dropped():
    history = [
        REG,
        deduction("2023-02-01", 9, "QN-T3-02", cases=3),
        deduction("2023-03-01", 6),
        reinstatement("2023-06-05"),
        deduction("2023-07-01", 2),
    ]
    answer = judge("qiannan", history, "2023-07-02")
    assert (answer["points_remaining"], answer["points_accumulated"]) == (10, 17)


def test_a_late_bonus_undoes_nothing():
    answer = judge("qiannan", [*TWELVE, bonus("2023-05-20", 5)], "2023-05-21")
    assert (answer["reason"], answer["points_accumulated"]) == ("in_penalty_period", 12)


def test_bonus_is_capped_at_six_and_gone_at_new_year():
    history = [REG, bonus("2023-02-01", 5), bonus("2023-03-01", 5), deduction("2023-04-01", 9, "QN-T3-02", cases=3)]
    assert judge("qiannan", history, "2023-04-02")["points_remaining"] == 9
    over = [REG, bonus("2023-12-31", 5), deduction("2024-01-01", 3)]
    assert judge("qiannan", over, "2024-01-02")["points_remaining"] == 9


def test_three_consecutive_years_of_ten_leave_the_cycle_open():
    ten = [deduction(f"{year}-03-0{n}", 5 * n, "QN-T1-01", cases=5 * n) for year in (2023, 2024, 2025) for n in (2,)]
    answer = judge("qiannan", [REG, *ten], "2025-03-03")
    assert answer["penalty_period"] == ["2025-03-03", "2026-03-02"]
    assert (answer["points_remaining"], answer["standing"]) == (2, "penalty")


def test_nine_in_the_middle_year_breaks_the_chain():
    years = [(2023, 10), (2024, 9), (2025, 11)]
    history = [REG, *(deduction(f"{year}-03-02", n, "QN-T1-01", cases=n) for year, n in years)]
    assert standing(history, "2025-03-03") == "cautioned_10"


def test_a_deduction_decided_elsewhere_counts_in_the_one_account():
    """三 intro: 多点执业的医师，扣分累加计算; and the period binds everywhere (三(二)3)."""
    history = [
        REG,
        event("site_declaration", "2023-01-10", institution="H2"),
        deduction("2023-05-04", 6, institution="H2"),
        deduction("2023-05-10", 6),
    ]
    assert outcome("qiannan", history, "2023-06-01", institution="H2") == ("reject", "in_penalty_period")
    assert outcome("qiannan", history, "2023-06-01", institution="H3") == ("reject", "in_penalty_period")


@pytest.mark.parametrize("encounter", ["emergency", "rescue", "public_health_emergency"])
def test_the_stated_exemptions_lift_the_penalty_also_in_the_gap(encounter):
    assert outcome("qiannan", TWELVE, "2023-06-01", encounter=encounter) == ("pay", f"exempt_{encounter}")
    assert outcome("qiannan", TWELVE, "2023-08-20", encounter=encounter) == ("pay", f"exempt_{encounter}")
    assert outcome("qiannan", TWELVE, "2023-08-20", encounter="maternity") == ("reject", "pending_reinstatement")


def test_the_day_before_the_rules_is_not_screened():
    answer = judge("qiannan", [], "2022-12-25")
    assert (answer["reason"], answer["standing"]) == ("rule_not_in_force", "not_applicable")
