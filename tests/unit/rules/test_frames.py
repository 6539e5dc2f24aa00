"""National opinion, Xiamen, Shantou."""

from __future__ import annotations

from tests.support.law import event, judge, outcome, registration

REG = registration("2025-01-02")


def status(date, until, value="suspended", **fields):
    return event("status", date, status=value, until=until, **fields)


def test_n1_the_status_with_the_later_first_day_governs_and_the_earlier_one_again_after_it():
    """N1."""
    history = [
        REG,
        status("2025-03-01", "2025-08-31", id="s1"),
        status("2025-04-01", "2025-05-31", "terminated", id="s2"),
    ]
    assert judge("national", history, "2025-04-15")["penalty_period"] == ["2025-04-01", "2025-05-31"]
    assert judge("national", history, "2025-04-15")["standing"] == "terminated"
    assert judge("national", history, "2025-06-01")["penalty_period"] == ["2025-03-01", "2025-08-31"]


def test_n1_on_one_day_the_later_in_order_governs():
    history = [REG, status("2025-03-01", None, "terminated", id="s1"), status("2025-03-01", "2025-03-31", id="s2")]
    assert judge("national", history, "2025-03-15")["standing"] == "suspended"
    assert judge("national", history, "2025-04-01")["standing"] == "terminated"


def test_n1_a_repair_changes_the_governing_status_and_only_for_services_from_its_date_on():
    history = [
        REG,
        status("2025-03-01", "2025-08-31", id="s1"),
        status("2025-04-01", "2025-07-31", id="s2"),
        event("repair", "2025-05-01", new_until="2025-05-10"),
    ]
    assert judge("national", history, "2025-04-30")["penalty_period"] == ["2025-04-01", "2025-07-31"]
    assert judge("national", history, "2025-05-10")["penalty_period"] == ["2025-04-01", "2025-05-10"]
    assert judge("national", history, "2025-05-11")["penalty_period"] == ["2025-03-01", "2025-08-31"]


def test_a_corrected_status_is_void_from_its_start():
    history = [REG, status("2025-03-01", None, id="s1"), event("status_corrected", "2025-06-01", ref="s1")]
    assert outcome("national", history, "2025-03-02") == ("pay", "ok")
    assert outcome("national", history, "2025-03-02", as_of="2025-05-31") == ("reject", "status_abnormal")


def test_n2_an_undeclared_site_goes_to_review():
    """N2."""
    assert outcome("national", [REG], "2025-03-01", institution="H2") == ("review", "site_not_declared")
    declared = [REG, event("site_declaration", "2025-03-01", institution="H2")]
    assert outcome("national", declared, "2025-03-01", institution="H2") == ("pay", "ok")


def test_recorded_points_decide_nothing():
    assert outcome("national", [REG, event("points_recorded", "2025-02-01", points=40)], "2025-03-01") == ("pay", "ok")


def full(date, period="p1"):
    return event("full_12", date, period=period)


def test_x1_the_day_of_the_second_full_twelve_is_not_yet_blacklisted():
    """X1."""
    history = [full("2018-03-05"), full("2019-04-08", "p2")]
    assert judge("xiamen", history, "2018-03-05")["standing"] == "points_full_once"
    assert outcome("xiamen", history, "2019-04-08") == ("review", "points_full_no_stated_effect")
    answer = judge("xiamen", history, "2019-04-09")
    assert (answer["standing"], answer["ban_period"]) == ("blacklisted", ["2019-04-09", None])


def test_x1_on_the_day_of_criminal_liability_the_standing_is_what_it_would_be_without_it():
    liable = event("criminal_liability", "2018-05-07")
    assert judge("xiamen", [liable], "2018-05-07")["standing"] == "normal"
    assert judge("xiamen", [full("2018-05-07"), liable], "2018-05-07")["standing"] == "points_full_once"
    assert judge("xiamen", [liable], "2018-05-08")["standing"] == "blacklisted"


def order(date, institution="H1"):
    return event("rectification_order", date, institution=institution)


def test_x2_orders_count_only_for_the_institution_they_name():
    """X2."""
    history = [order("2018-01-10"), order("2018-06-01", "H2"), order("2018-12-01"), order("2019-01-09")]
    assert outcome("xiamen", history, "2019-01-10") == ("reject", "institution_agreement_terminated")
    assert outcome("xiamen", history, "2019-01-10", institution="H2") == ("pay", "ok")
    other = event("institution_violation_ratio", "2018-12-31", institution="H2", ratio=0.9)
    assert outcome("xiamen", [other], "2019-01-10") == ("pay", "ok")


def test_three_orders_end_the_agreement_within_twelve_months_and_not_a_day_later():
    """T7: [d, d + 12 months)."""
    early = [order("2018-01-10"), order("2018-06-01")]
    assert outcome("xiamen", [*early, order("2019-01-09")], "2019-01-10")[0] == "reject"
    assert outcome("xiamen", [*early, order("2019-01-09")], "2019-01-09")[0] == "pay"
    assert outcome("xiamen", [*early, order("2019-01-10")], "2019-01-11")[0] == "pay"


def test_forty_percent_ends_the_agreement():
    def ratio(value):
        return [event("institution_violation_ratio", "2018-12-31", institution="H1", ratio=value)]

    assert outcome("xiamen", ratio(0.4), "2019-01-01") == ("reject", "institution_agreement_terminated")
    assert outcome("xiamen", ratio(0.3999), "2019-01-01") == ("pay", "ok")


def test_shantou_asks_for_a_listed_prescriber_and_a_registration_does_not_unlist_one():
    drug = dict.fromkeys(("dual_channel", "external", "separate", "within_scope", "within_dosage", "price_ok"), True)
    listed = event("prescriber_listed", "2022-07-01", institution="H1")
    history = [listed, registration("2022-08-01")]
    assert outcome("shantou", history, "2022-09-01", drug=drug) == ("pay", "ok")
    assert outcome("shantou", history, "2022-06-30", drug=drug) == ("review", "prescriber_not_listed")
    assert outcome("shantou", history, "2022-09-01", institution="H2", drug=drug)[1] == "prescriber_not_listed"
