"""The plain numbers that the folds work with, taken from a pack's ledger section under the readings chosen."""

from __future__ import annotations

from dataclasses import dataclass

from rules.calendar import Counting

NEVER = 10**9
"""Points that nobody reaches."""


def mark(points: int | None) -> int:
    """A mark in points; null says that the text has no such rule, so that nobody reaches it."""
    return NEVER if points is None else points


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


@dataclass(frozen=True, slots=True)
class LanzhouValues:
    """What the Lanzhou fold works with. Points are points, lengths and bars are months."""

    allowance: int
    short_at: int
    short_months: int
    long_at: int
    long_months: int
    cancel_at: int
    bar_first: int
    bar_second: int
    retraining_after_first: bool
    counting: Counting
    credit_short: bool
    ends_with_term: bool


@dataclass(frozen=True, slots=True)
class HeadcountValues:
    """Lanzhou's institution marks (`002 第二十二条`): shares in percent, headcounts in physicians."""

    rating_percent: int
    end_percent: int
    percent_from: int
    small_below: int
    medium_cancelled: int
    small_cancelled: int
    rating_minus: int
    end_minus: int
    marks_add_up: bool


@dataclass(frozen=True, slots=True)
class XiamenValues:
    """What the Xiamen fold works with: events, months, and a share."""

    full_points: int
    full_events: int
    orders: int
    orders_months: int
    ratio: float
    which_periods: str
    calendar_year: bool
    automatic: bool
