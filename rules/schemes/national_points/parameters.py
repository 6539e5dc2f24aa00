"""What a province fills into the national opinion (`003 二¶2`), its open point, and the numbers that the fold works with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from pydantic import model_validator

from rules.schemes.ledger import Ledger, Readings
from rules.schemes.sections import NEVER, Amount, Count, Param, Share, mark
from rules.vocabulary import Standing

READINGS: Readings = {"length_not_set": ("least", "most")}


@dataclass(frozen=True, slots=True)
class PointsValues:
    """What the fold works with. Points are points; lengths and bars are months. NEVER: the text has no such bound."""

    allowance: int
    talk_at: int
    suspend_at: int
    least_months: int
    most_months: int
    months_not_set: int
    bar_cumulative: int
    bar_at_once: int
    bands: tuple[tuple[int, int], ...]
    back_an_act: int
    back_a_year: int
    least_of_suspension: int
    least_of_bar: int
    abnormal: tuple[Standing, ...]


class NationalPointsLedger(Ledger):
    """Parameters of a province's rules under the national opinion. A mark or bound of null: the text has no such rule."""

    readings: ClassVar[Readings] = READINGS
    scheme: Literal["national_points"]
    abnormal_statuses: Param[tuple[Standing, ...]]
    allowance: Param[Count]
    bands: Param[tuple[tuple[Count, Count], ...]]
    talk_at: Param[Count | None]
    suspend_at: Param[Count | None]
    suspend_least_months: Param[Count]
    suspend_most_months: Param[Count]
    bar_cumulative_months: Param[Count]
    bar_at_once_months: Param[Count]
    repair_points_per_act: Param[Amount | None]
    repair_points_per_year: Param[Amount | None]
    repair_least_suspension_months: Param[Count | None]
    repair_least_bar_months: Param[Count | None]
    institution_ratio: Param[Share | None]

    @model_validator(mode="after")
    def _in_bounds(self) -> NationalPointsLedger:
        if self.suspend_least_months.value > self.suspend_most_months.value:
            raise ValueError("suspend_least_months: longer than suspend_most_months; no length would be within bounds")
        if self.suspend_at.value is not None and self.suspend_at.value >= self.allowance.value:
            raise ValueError("suspend_at: not below the allowance, at which the qualification ends; null: no such mark")
        if any(low > high for low, high in self.bands.value):
            raise ValueError("bands: expected the lowest and the highest points of each, in this order")
        return self

    @cached_property
    def values(self) -> PointsValues:
        """The parameters under the reading chosen."""
        least, most = self.suspend_least_months.value, self.suspend_most_months.value
        return PointsValues(
            allowance=self.allowance.value,
            talk_at=mark(self.talk_at.value),
            suspend_at=mark(self.suspend_at.value),
            least_months=least,
            most_months=most,
            months_not_set=least if self.reading("length_not_set") == "least" else most,
            bar_cumulative=self.bar_cumulative_months.value,
            bar_at_once=self.bar_at_once_months.value,
            bands=self.bands.value,
            back_an_act=_bound(self.repair_points_per_act.value),
            back_a_year=_bound(self.repair_points_per_year.value),
            least_of_suspension=self.repair_least_suspension_months.value or 0,
            least_of_bar=self.repair_least_bar_months.value or 0,
            abnormal=self.abnormal_statuses.value,
        )


def _bound(value: int | None) -> int:
    return NEVER if value is None else value
