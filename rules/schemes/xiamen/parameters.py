"""The parameters of the Xiamen report, its open points, and the plain numbers that its folds work with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from rules.schemes.ledger import Ledger, Readings
from rules.schemes.sections import Count, Param, Share


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


READINGS: Readings = {
    "two_full_events": ("any_two", "different_periods", "same_period"),
    "twelve_months": ("rolling", "calendar_year"),
    "termination": ("when_condition_met", "explicit_event"),
}
"""`xiamen` section 5."""
"""`xiamen` section 5."""


class XiamenLedger(Ledger):
    """Parameters of the Xiamen report (`004`)."""

    readings: ClassVar[Readings] = READINGS
    scheme: Literal["xiamen"]
    full_points: Param[Count]
    blacklist_full_events: Param[Count]
    rectification_orders: Param[Count]
    rectification_months: Param[Count]
    violation_ratio: Param[Share]

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
