"""The open points that each scheme's fold can read in more than one way: the setting, its default, its rivals.

A pack lists the points that its text leaves open. One that it does not list is read by the default here, the first of
the names; `screening packs check` and `show` say which those are. The numbers are those of the spec's lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Readings = Mapping[str, tuple[str, ...]]

QIANNAN: Readings = {
    "penalty_counting": (
        "next_day_to_corresponding_day",
        "from_decision_day",
        "full_calendar_months",
        "from_notice_receipt",
    ),
    "after_expiry": ("reinstatement_needed", "valid_on_expiry"),
    "year_tests_counter": ("year", "cycle"),
    "points_above_full": ("dropped", "carried"),
    "year_of_deduction": ("decision_date", "violation_date"),
    "bonus_effect": ("forward_only", "may_cut_running_penalty"),
    "year_tests_bonus": ("net", "gross"),
    "ban_length_unit": ("years", "months"),
    "twelve_at_once": ("one_case_of_12", "decision_total"),
    "ban_without_running_penalty": ("from_decision", "from_last_penalty_end"),
    "relisting": ("first_decision", "latest_decision"),
    "overlapping_windows": ("union", "consecutive"),
    "long_window": ("replaces", "added"),
    "review_request_suspends": ("no", "until_answered"),
    "reinstatement_sites": ("any_site", "every_site"),
    "cautions_after_reset": ("every_cycle", "once_a_year"),
    "full_again_same_year": ("three_months", "repeat_period"),
}
"""`qiannan` section 12; `relisting` from section 11."""

LANZHOU: Readings = {
    "suspension_counting": ("next_day_to_corresponding_day", "from_decision_day", "full_calendar_months"),
    "second_suspension": ("independent", "credited"),
    "suspension_past_term": ("runs_out", "ends_with_agreement"),
    "institution_marks": ("larger_replaces", "add_up"),
}
"""`lanzhou` section 9."""

NATIONAL: Readings = {"points_year": ("calendar", "rolling")}
"""`national` section 9."""

XIAMEN: Readings = {
    "two_full_events": ("any_two", "different_periods", "same_period"),
    "twelve_months": ("rolling", "calendar_year"),
    "termination": ("when_condition_met", "explicit_event"),
}
"""`xiamen` section 5."""


def check(setting: str, options: Iterable[str], readings: Readings) -> None:
    """Raises ValueError for a setting that the scheme's ledger does not evaluate, or an option that it cannot carry out."""
    if setting not in readings:
        known = ", ".join(readings) or "(it has none)"
        raise ValueError(
            f"settings: {setting} is no open point that this scheme's ledger evaluates; those are: {known}"
        )
    unknown = [name for name in options if name not in readings[setting]]
    if unknown:
        raise ValueError(
            f"settings: {setting} has the options {', '.join(unknown)}, which the ledger cannot carry out; "
            f"expected {', '.join(readings[setting])}"
        )
