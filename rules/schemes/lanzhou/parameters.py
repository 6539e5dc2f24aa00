"""The parameters of a points account like Lanzhou's, its open points, and the plain numbers that its folds work with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from rules.calendar import Counting
from rules.schemes.ledger import Ledger, Readings
from rules.schemes.sections import Amount, Count, Param, Percent, mark

Month = Annotated[int, Field(ge=1, le=12)]


@dataclass(frozen=True, slots=True)
class LanzhouValues:
    """What the Lanzhou fold works with. Points are points, lengths and bars are months, terms years."""

    allowance: int
    term_years: int
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


READINGS: Readings = {
    "suspension_counting": ("next_day_to_corresponding_day", "from_decision_day", "full_calendar_months"),
    "second_suspension": ("independent", "credited"),
    "suspension_past_term": ("runs_out", "ends_with_agreement"),
    "institution_marks": ("larger_replaces", "add_up"),
}
"""`lanzhou` section 9."""
"""`lanzhou` section 9."""


class LanzhouLedger(Ledger):
    """Parameters of a points account like Lanzhou's, and of the institution's agreement (`002`). A mark of null: no such rule."""

    readings: ClassVar[Readings] = READINGS
    scheme: Literal["lanzhou"]
    allowance: Param[Count]
    term_years: Param[Count]
    round_months: Param[tuple[Month, ...]] | None = None
    suspend_short_at: Param[Count | None]
    suspend_short_months: Param[Count]
    suspend_long_at: Param[Count | None]
    suspend_long_months: Param[Count]
    cancel_at: Param[Count]
    reapply_first_months: Param[Count]
    reapply_second_months: Param[Count]
    retraining_after_first: Param[bool]
    institution_rating_percent: Param[Percent]
    institution_rating_minus: Param[Amount]
    institution_end_percent: Param[Percent]
    institution_end_minus: Param[Amount]
    institution_percent_from: Param[Count]
    institution_medium_cancelled: Param[Count]
    institution_small_below: Param[Count]
    institution_small_cancelled: Param[Count]

    @cached_property
    def values(self) -> LanzhouValues:
        """The parameters under the readings chosen."""
        return LanzhouValues(
            allowance=self.allowance.value,
            term_years=self.term_years.value,
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
