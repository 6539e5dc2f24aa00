"""The parameters of a points account like Qiannan's, its open points, and the plain numbers that its fold works with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from pydantic import model_validator

from rules.calendar import Counting
from rules.schemes.ledger import Ledger, Readings
from rules.schemes.sections import Amount, Count, Param, mark


@dataclass(frozen=True, slots=True)
class QiannanValues:
    """What the Qiannan fold works with. Points are points, lengths are months, limits are working days."""

    allowance: int
    full: int
    caution_low: int
    caution_high: int
    months_full: int
    months_repeat: int
    two_years: int
    three_years: int
    bonus_cap: int
    offsettable: frozenset[str]
    at_once: int
    at_once_items: frozenset[str]
    blacklist_year: int
    ban_months: int
    review_days: int
    counting: Counting
    window_from_notice: bool
    reinstatement_required: bool
    every_site_reinstates: bool
    year_tests_by_cycle: bool
    carry_over: bool
    by_violation_date: bool
    bonus_cuts_penalty: bool
    gross_tests: bool
    at_once_any_item: bool
    ban_backdated: bool
    relisting_restarts: bool
    windows_consecutive: bool
    long_window_added: bool
    review_suspends: bool
    cautions_once_a_year: bool
    repeat_every_time: bool


READINGS: Readings = {
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


class QiannanLedger(Ledger):
    """Parameters of a points account like Qiannan's (`000 三`, `四`). A mark of null: the text has no such rule."""

    readings: ClassVar[Readings] = READINGS
    scheme: Literal["qiannan"]
    allowance: Param[Count]
    caution_low: Param[Count | None]
    caution_high: Param[Count | None]
    full: Param[Count]
    penalty_months: Param[Count]
    repeat_penalty_months: Param[Count]
    two_consecutive_years_at: Param[Count | None]
    three_consecutive_years_at: Param[Count | None]
    bonus_cap_per_year: Param[Amount]
    bonus_offsets_tiers: Param[tuple[Count, ...]]
    blacklist_at_once: Param[Count | None]
    blacklist_year_total: Param[Count | None]
    ban_months: Param[Count]

    @model_validator(mode="after")
    def _review_limit(self) -> QiannanLedger:
        if all(item.id != "review_request" or item.working_days is None for item in self.deadlines):
            raise ValueError("deadlines: expected one called review_request, in working_days: the fold needs it")
        return self

    @cached_property
    def values(self) -> QiannanValues:
        """The parameters under the readings chosen."""
        read = self.reading
        tiers = set(self.bonus_offsets_tiers.value)
        start = read("penalty_counting")
        return QiannanValues(
            allowance=self.allowance.value,
            full=self.full.value,
            caution_low=mark(self.caution_low.value),
            caution_high=mark(self.caution_high.value),
            months_full=self.penalty_months.value,
            months_repeat=self.repeat_penalty_months.value,
            two_years=mark(self.two_consecutive_years_at.value),
            three_years=mark(self.three_consecutive_years_at.value),
            bonus_cap=self.bonus_cap_per_year.value,
            offsettable=frozenset(item.id for item in self.violations if item.low in tiers),
            at_once=mark(self.blacklist_at_once.value),
            at_once_items=frozenset(
                item.id for item in self.violations if item.low >= mark(self.blacklist_at_once.value)
            ),
            blacklist_year=mark(self.blacklist_year_total.value),
            ban_months=3 if read("ban_length_unit") == "months" else self.ban_months.value,
            review_days=self.deadline("review_request").working_days or 0,
            counting=Counting.NEXT_DAY_TO_CORRESPONDING_DAY if start == "from_notice_receipt" else Counting(start),
            window_from_notice=start == "from_notice_receipt",
            reinstatement_required=read("after_expiry") == "reinstatement_needed",
            every_site_reinstates=read("reinstatement_sites") == "every_site",
            year_tests_by_cycle=read("year_tests_counter") == "cycle",
            carry_over=read("points_above_full") == "carried",
            by_violation_date=read("year_of_deduction") == "violation_date",
            bonus_cuts_penalty=read("bonus_effect") == "may_cut_running_penalty",
            gross_tests=read("year_tests_bonus") == "gross",
            at_once_any_item=read("twelve_at_once") == "decision_total",
            ban_backdated=read("ban_without_running_penalty") == "from_last_penalty_end",
            relisting_restarts=read("relisting") == "latest_decision",
            windows_consecutive=read("overlapping_windows") == "consecutive",
            long_window_added=read("long_window") == "added",
            review_suspends=read("review_request_suspends") == "until_answered",
            cautions_once_a_year=read("cautions_after_reset") == "once_a_year",
            repeat_every_time=read("full_again_same_year") == "repeat_period",
        )
