"""The parameters of the national opinion and its open points."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import ClassVar, Literal

from rules.schemes.ledger import Ledger, Readings
from rules.schemes.sections import Param, Share
from rules.vocabulary import Standing

READINGS: Readings = {"points_year": ("calendar", "rolling")}
"""`national` section 9."""
"""`national` section 9."""


class NationalLedger(Ledger):
    """The national opinion states no numbers; only what a status means (`003 三¶2-3`)."""

    readings: ClassVar[Readings] = READINGS
    scheme: Literal["national"]
    abnormal_statuses: Param[tuple[Standing, ...]]
    institution_ratio: Param[Share | None]
    transition_end: Param[dt.date]

    @property
    def transition(self) -> dt.date | None:
        """`003 五¶4`: local rules are to be brought into line within two years."""
        return self.transition_end.value

    @cached_property
    def rolling_year(self) -> bool:
        """Whether points are counted over twelve rolling months instead of the calendar year."""
        return self.reading("points_year") == "rolling"
