"""N3: a stay with days inside and outside an abnormal filing status is for a person to decide, as under the local laws."""

from __future__ import annotations

from tests.support.law import event, judge, outcome, registration

SUSPENDED = [
    registration("2025-01-06"),
    event("status", "2025-03-01", id="s1", status="suspended", until="2025-03-31"),
]


def test_a_stay_into_or_out_of_a_suspension_is_reviewed_and_names_its_window():
    into = judge("national", SUSPENDED, "2025-03-02", encounter="inpatient", start="2025-02-27")
    assert (into["disposition"], into["reason"], into["standing"]) == ("review", "straddles_abnormal", "suspended")
    out_of = judge("national", SUSPENDED, "2025-04-02", encounter="inpatient", start="2025-03-30")
    assert (out_of["reason"], out_of["standing"]) == ("straddles_abnormal", "normal")
    assert into["penalty_period"] == out_of["penalty_period"] == ["2025-03-01", "2025-03-31"]
    assert into["cost_bearer"] == "undetermined"


def test_a_stay_all_of_whose_days_are_inside_or_outside_is_judged_as_before():
    assert outcome("national", SUSPENDED, "2025-03-31", encounter="inpatient", start="2025-03-01") == (
        "reject",
        "status_abnormal",
    )
    assert outcome("national", SUSPENDED, "2025-02-28", encounter="inpatient", start="2025-02-01") == ("pay", "ok")


def test_days_without_law_are_not_judged():
    """S2: a stay that begins before 2025-01-01 is judged by its service date alone."""
    early = [registration("2024-12-02"), event("status", "2025-01-01", status="terminated", until=None)]
    assert outcome("national", early, "2025-01-03", encounter="inpatient", start="2024-12-30") == (
        "reject",
        "status_abnormal",
    )


def test_under_a_suspension_and_a_termination_without_a_gap_no_day_is_outside():
    statuses = [*SUSPENDED, event("status", "2025-04-01", id="s2", status="terminated", until=None)]
    assert outcome("national", statuses, "2025-04-03", encounter="inpatient", start="2025-03-28") == (
        "reject",
        "status_abnormal",
    )
