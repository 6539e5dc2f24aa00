"""Implausible claims (数据合理性): such a claim is neither paid nor rejected; a person examines it.

A sentinel such as 1900-01-01 is no day of service, a fund share is never more than the whole, and nothing is settled before it
began. Negative amounts are plausible: reversals have them. A settlement marked as interim (中途结算) may come before the last
day.
"""

from __future__ import annotations

import datetime as dt
from enum import IntEnum

EARLIEST = dt.date(1990, 1, 1)
"""There was no medical insurance fund in China to pay for a service before."""

FIRST_PLAUSIBLE = EARLIEST.toordinal() - dt.date(1970, 1, 1).toordinal()
"""The same as days since 1970-01-01."""


class Implausible(IntEnum):
    """What of a claim cannot be so; the lowest number that holds is told. `field` names the field of the contract."""

    NOTHING = 0
    SERVICE_DATE = 1
    """The day of service lies before 1990."""
    SERVICE_START = 2
    """The first day of the stay lies before 1990."""
    SIGN = 3
    """The fund share and the total have opposite signs."""
    SHARE = 4
    """The fund share is larger in size than the total."""
    SETTLEMENT = 5
    """Settled before the first day of the stay, or without one before the day of service."""

    @property
    def field(self) -> str | None:
        """The field that cannot be so; None when all can."""
        return _FIELDS[self]

    @property
    def before_any_law(self) -> bool:
        """Whether the day itself cannot be, so that it cannot be asked which law was in force on it."""
        return self in (Implausible.SERVICE_DATE, Implausible.SERVICE_START)


_FIELDS: dict[Implausible, str | None] = {
    Implausible.NOTHING: None,
    Implausible.SERVICE_DATE: "service_date",
    Implausible.SERVICE_START: "service_start",
    Implausible.SIGN: "fund_amount",
    Implausible.SHARE: "fund_amount",
    Implausible.SETTLEMENT: "settlement_time",
}
