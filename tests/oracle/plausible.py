"""What a claim cannot truthfully say, written apart: the field that is not to be believed, or None."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from fractions import Fraction

NINETEEN_NINETY = date(1990, 1, 1)
CHINA = timezone(timedelta(hours=8))


def strange_day(claim: dict) -> str | None:
    """A day of service before 1990."""
    for name in ("service_date", "service_start"):
        if claim.get(name) and date.fromisoformat(claim[name]) < NINETEEN_NINETY:
            return name
    return None


def strange(claim: dict) -> str | None:
    """Amounts that cannot be parts of each other, or a settlement before the service began."""
    total, fund = Fraction(claim["total_amount"]), Fraction(claim["fund_amount"])
    if (total > 0 > fund) or (total < 0 < fund) or abs(fund) > abs(total):
        return "fund_amount"
    if claim.get("interim"):
        return None
    settled = datetime.fromisoformat(claim["settlement_time"].upper()).astimezone(CHINA).date()
    begun = date.fromisoformat(claim.get("service_start") or claim["service_date"])
    return "settlement_time" if settled < begun else None
