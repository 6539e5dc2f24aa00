"""The `ledger:` section of a pack: every number by which points, windows, bans and bars are counted, dated and cited.

A parameter is `{value, from, citation}`. Every point that the text leaves open is a named setting with its default, its
rivals and the reading chosen; `rules.packs.readings.with_readings` makes a pack with other readings. `values` gives the plain
numbers that the ledger works with, so that no fold looks anything up by name.
"""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints, model_validator

from rules.calendar import Counting, WithoutData
from rules.events import TYPES
from rules.schemes import readings as ledger_readings
from rules.schemes.sections import (
    DERIVED_TRIGGERS,
    Bilingual,
    BonusGround,
    Count,
    Deadline,
    Model,
    Param,
    Sentence,
    Violation,
)
from rules.schemes.values import HeadcountValues, LanzhouValues, QiannanValues, XiamenValues, mark
from rules.vocabulary import CostBearer, Standing

_Amount = Annotated[int, Field(ge=0)]
_Percent = Annotated[int, Field(ge=1, le=100)]
_Month = Annotated[int, Field(ge=1, le=12)]
_Share = Annotated[float, Field(gt=0, le=1)]


class Option(Model):
    """One reading of an open point. `screening` and `in_force` say what it changes there; ledger readings are code."""

    zh: Sentence
    en: Sentence
    screening: dict[str, dict[str, Any]] | None = None
    in_force: dict[str, dt.date | None] | None = None


class Setting(Model):
    """An open point of the text: the question, the default reading, the rivals, and the reading in force here.

    `evaluated_by`: ledger and screening switch their behaviour; validity moves the pack's dates; none says in `why`
    what the events or claims would have to carry.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    source: Sentence
    question: Bilingual
    evaluated_by: Literal["ledger", "screening", "validity", "none"]
    default: str
    reading: str
    options: Annotated[dict[str, Option], Field(min_length=1)]
    why: Bilingual | None = None

    @model_validator(mode="before")
    @classmethod
    def _reading_is_default(cls, data: Any) -> Any:
        if isinstance(data, dict) and "reading" not in data and "default" in data:
            return {**data, "reading": data["default"]}
        return data

    @model_validator(mode="after")
    def _consistent(self) -> Setting:
        for what, name in (("default", self.default), ("reading", self.reading)):
            if name not in self.options:
                raise ValueError(f"{what} {name!r} is not one of the options {', '.join(self.options)}")
        if self.evaluated_by == "none" and self.why is None:
            raise ValueError("a setting that nothing evaluates must say why")
        return self


class _Ledger(Model):
    readings: ClassVar[ledger_readings.Readings] = {}

    events: Annotated[tuple[str, ...], Field(min_length=1)]
    standings: dict[Standing, tuple[str, ...]]
    working_calendar: Param[WithoutData]
    deadlines: tuple[Deadline, ...] = ()
    violations: tuple[Violation, ...] = ()
    bonus_grounds: tuple[BonusGround, ...] = ()
    settings: tuple[Setting, ...] = ()

    @model_validator(mode="after")
    def _known_and_unique(self) -> _Ledger:
        unknown = [name for name in self.events if name not in TYPES]
        if unknown:
            raise ValueError(f"events: unknown event types {', '.join(unknown)}; known are {', '.join(sorted(TYPES))}")
        for what, ids in (
            ("violations", [item.id for item in self.violations]),
            ("bonus_grounds", [ground.id for ground in self.bonus_grounds]),
            ("settings", [setting.id for setting in self.settings]),
            ("deadlines", [deadline.id for deadline in self.deadlines]),
        ):
            twice = sorted({name for name in ids if ids.count(name) > 1})
            if twice:
                raise ValueError(f"{what}: {', '.join(twice)} stands there twice")
        for setting in self.settings:
            if setting.evaluated_by == "ledger":
                ledger_readings.check(setting.id, setting.options, self.readings)
        return self

    @cached_property
    def _violations(self) -> dict[str, Violation]:
        return {item.id: item for item in self.violations}

    @cached_property
    def _bonus(self) -> dict[str, int]:
        return {ground.id: ground.points for ground in self.bonus_grounds}

    @cached_property
    def _settings(self) -> dict[str, Setting]:
        return {setting.id: setting for setting in self.settings}

    def violation(self, violation_id: str) -> Violation | None:
        """The item of the scoring standard, or None when there is no such item."""
        return self._violations.get(violation_id)

    def bonus_points(self, bonus_id: str) -> int | None:
        """Points that a bonus ground grants, or None when there is no such ground."""
        return self._bonus.get(bonus_id)

    def reading(self, setting: str) -> str:
        """The reading in force: the pack's, or the scheme's default for a point that the pack does not list.

        Raises KeyError, naming the setting, when neither knows it.
        """
        listed = self._settings.get(setting)
        return self.readings[setting][0] if listed is None else listed.reading

    @property
    def unlisted(self) -> dict[str, str]:
        """Open points that the pack does not list and the scheme's default settles, with that default."""
        return {name: options[0] for name, options in self.readings.items() if name not in self._settings}

    def deadline(self, deadline_id: str) -> Deadline:
        """A deadline by its id. Raises KeyError when the pack has none of that name."""
        for item in self.deadlines:
            if item.id == deadline_id:
                return item
        raise KeyError(deadline_id)


class QiannanLedger(_Ledger):
    """Parameters of a points account like Qiannan's (`000 三`, `四`). A mark of null: the text has no such rule."""

    readings: ClassVar[ledger_readings.Readings] = ledger_readings.QIANNAN
    scheme: Literal["qiannan"]
    allowance: Param[Count]
    caution_low: Param[Count | None]
    caution_high: Param[Count | None]
    full: Param[Count]
    penalty_months: Param[Count]
    repeat_penalty_months: Param[Count]
    two_consecutive_years_at: Param[Count | None]
    three_consecutive_years_at: Param[Count | None]
    penalty_exempts: Param[tuple[str, ...]]
    bonus_cap_per_year: Param[_Amount]
    bonus_offsets_tiers: Param[tuple[Count, ...]]
    blacklist_at_once: Param[Count | None]
    blacklist_year_total: Param[Count | None]
    ban_months: Param[Count]
    unsettled_share_borne_by: Param[CostBearer]

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


class LanzhouLedger(_Ledger):
    """Parameters of a points account like Lanzhou's, and of the institution's agreement (`002`). A mark of null: no such rule."""

    readings: ClassVar[ledger_readings.Readings] = ledger_readings.LANZHOU
    scheme: Literal["lanzhou"]
    allowance: Param[Count]
    term_years: Param[Count]
    suspend_short_at: Param[Count | None]
    suspend_short_months: Param[Count]
    suspend_long_at: Param[Count | None]
    suspend_long_months: Param[Count]
    cancel_at: Param[Count]
    reapply_first_months: Param[Count]
    reapply_second_months: Param[Count]
    retraining_after_first: Param[bool]
    institution_rating_percent: Param[_Percent]
    institution_rating_minus: Param[_Amount]
    institution_end_percent: Param[_Percent]
    institution_end_minus: Param[_Amount]
    institution_percent_from: Param[Count]
    institution_medium_cancelled: Param[Count]
    institution_small_below: Param[Count]
    institution_small_cancelled: Param[Count]
    registration_months: Param[tuple[_Month, ...]]

    @cached_property
    def values(self) -> LanzhouValues:
        """The parameters under the readings chosen."""
        return LanzhouValues(
            allowance=self.allowance.value,
            short_at=mark(self.suspend_short_at.value),
            short_months=self.suspend_short_months.value,
            long_at=mark(self.suspend_long_at.value),
            long_months=self.suspend_long_months.value,
            cancel_at=self.cancel_at.value,
            bar_first=self.reapply_first_months.value,
            bar_second=self.reapply_second_months.value,
            retraining_after_first=self.retraining_after_first.value,
            counting=Counting(self.reading("suspension_counting")),
            credit_short=self.reading("second_suspension") == "credited",
            ends_with_term=self.reading("suspension_past_term") == "ends_with_agreement",
        )

    @cached_property
    def headcounts(self) -> HeadcountValues:
        """The institution marks under the readings chosen."""
        return HeadcountValues(
            rating_percent=self.institution_rating_percent.value,
            end_percent=self.institution_end_percent.value,
            percent_from=self.institution_percent_from.value,
            small_below=self.institution_small_below.value,
            medium_cancelled=self.institution_medium_cancelled.value,
            small_cancelled=self.institution_small_cancelled.value,
            rating_minus=self.institution_rating_minus.value,
            end_minus=self.institution_end_minus.value,
            marks_add_up=self.reading("institution_marks") == "add_up",
        )


class NationalLedger(_Ledger):
    """The national opinion states no numbers; only what a status means (`003 三¶2-3`)."""

    readings: ClassVar[ledger_readings.Readings] = ledger_readings.NATIONAL
    scheme: Literal["national"]
    abnormal_statuses: Param[tuple[Standing, ...]]
    institution_ratio: Param[None]
    transition_end: Param[dt.date]

    @cached_property
    def rolling_year(self) -> bool:
        """Whether points are counted over twelve rolling months instead of the calendar year."""
        return self.reading("points_year") == "rolling"


class XiamenLedger(_Ledger):
    """Parameters of the Xiamen report (`004`)."""

    readings: ClassVar[ledger_readings.Readings] = ledger_readings.XIAMEN
    scheme: Literal["xiamen"]
    full_points: Param[Count]
    blacklist_full_events: Param[Count]
    rectification_orders: Param[Count]
    rectification_months: Param[Count]
    violation_ratio: Param[_Share]

    @cached_property
    def values(self) -> XiamenValues:
        """The parameters under the readings chosen."""
        return XiamenValues(
            full_points=self.full_points.value,
            full_events=self.blacklist_full_events.value,
            orders=self.rectification_orders.value,
            orders_months=self.rectification_months.value,
            ratio=self.violation_ratio.value,
            which_periods=self.reading("two_full_events"),
            calendar_year=self.reading("twelve_months") == "calendar_year",
            automatic=self.reading("termination") == "when_condition_met",
        )


class ShantouLedger(_Ledger):
    """The Shantou draft has no points: only the list of prescribers (`001 篇10 三`)."""

    scheme: Literal["shantou"]
    pharmacies_first_selection: Param[Count]
    pharmacies_per_chain: Param[Count]


Ledger = QiannanLedger | LanzhouLedger | NationalLedger | XiamenLedger | ShantouLedger
LedgerField = Annotated[Ledger, Field(discriminator="scheme")]

__all__ = [
    "DERIVED_TRIGGERS",
    "Bilingual",
    "BonusGround",
    "Deadline",
    "LanzhouLedger",
    "Ledger",
    "LedgerField",
    "NationalLedger",
    "Option",
    "Param",
    "QiannanLedger",
    "Setting",
    "ShantouLedger",
    "Violation",
    "XiamenLedger",
]
