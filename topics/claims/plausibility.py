"""Finds implausible values in decoded claims (数据合理性), in one claim and in a whole frame alike.

It is a part of decoding, so that the gate, a replay and an explanation are told the same; what follows from it the decision says.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import polars as pl

from rules.plausibility import FIRST_PLAUSIBLE, Implausible
from rules.screens.facts import EPOCH

IMPLAUSIBLE = pl.UInt8
"""Column `implausible` of decoded claims: a number of `Implausible`."""

_MONEY = pl.Decimal(18, 2)
_CHINA_MINUTES = 8 * 60
_DAY_MINUTES = 24 * 60


def implausible(
    total_amount: str, fund_amount: str, settlement_time: str, day: int, start_day: int | None, *, interim: bool
) -> Implausible:
    """What of one claim cannot be so; its fields are right by the contract, days are since 1970-01-01."""
    if day < FIRST_PLAUSIBLE:
        return Implausible.SERVICE_DATE
    if start_day is not None and start_day < FIRST_PLAUSIBLE:
        return Implausible.SERVICE_START
    total, fund = Decimal(total_amount), Decimal(fund_amount)
    if total * fund < 0:
        return Implausible.SIGN
    if abs(fund) > abs(total):
        return Implausible.SHARE
    begun = day if start_day is None else start_day
    return Implausible.SETTLEMENT if not interim and chinese_day(settlement_time) < begun else Implausible.NOTHING


def chinese_day(settlement_time: str) -> int:
    """The day since 1970-01-01 that a time of the contract falls on in China."""
    day = dt.date.fromisoformat(settlement_time[:10]).toordinal() - EPOCH
    if settlement_time.endswith("+08:00"):
        return day
    zone = settlement_time[19:].lstrip(".0123456789")
    ahead = 0
    if zone not in "Zz":
        ahead = (1 if zone[0] == "+" else -1) * (int(zone[1:3]) * 60 + int(zone[4:6]))
    minute = int(settlement_time[11:13]) * 60 + int(settlement_time[14:16]) - ahead + _CHINA_MINUTES
    return day + minute // _DAY_MINUTES


def settled_days(settlement_time: pl.Series) -> pl.Series:
    """The same as `chinese_day` of a column of times in their plain form."""
    text = pl.col("text")
    local = text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).to_physical()
    read = (
        settlement_time.alias("text").to_frame().select(local.alias("day"), text.str.ends_with("+08:00").alias("plain"))
    )
    if read["plain"].all():
        return read["day"]
    zone = text.str.extract(r"([Zz]|[+-][0-9:]{5})$")
    size = zone.str.slice(1, 2).cast(pl.Int32, strict=False) * 60 + zone.str.slice(4, 2).cast(pl.Int32, strict=False)
    ahead = pl.when(zone.str.starts_with("-")).then(-size).otherwise(size).fill_null(0)
    clock = text.str.slice(11, 2).cast(pl.Int32) * 60 + text.str.slice(14, 2).cast(pl.Int32)
    minute = clock - ahead + _CHINA_MINUTES
    return settlement_time.alias("text").to_frame().select((local + minute.floordiv(_DAY_MINUTES)).alias("day"))["day"]


def column_of(total: pl.Expr, fund: pl.Expr, day: pl.Expr, start_day: pl.Expr, settled: pl.Expr) -> pl.Expr:
    """Column `implausible` from amounts (decimals) and days; claims marked as interim are read one by one, so none is here."""
    begun = pl.coalesce(start_day, day)
    # `when` takes the first that holds, as the numbers are in order.
    return (
        pl.when(day < FIRST_PLAUSIBLE)
        .then(pl.lit(Implausible.SERVICE_DATE.value, IMPLAUSIBLE))
        .when(start_day < FIRST_PLAUSIBLE)
        .then(pl.lit(Implausible.SERVICE_START.value, IMPLAUSIBLE))
        .when(((total > 0) & (fund < 0)) | ((total < 0) & (fund > 0)))
        .then(pl.lit(Implausible.SIGN.value, IMPLAUSIBLE))
        .when(fund.abs() > total.abs())
        .then(pl.lit(Implausible.SHARE.value, IMPLAUSIBLE))
        .when(settled < begun)
        .then(pl.lit(Implausible.SETTLEMENT.value, IMPLAUSIBLE))
        .otherwise(pl.lit(Implausible.NOTHING.value, IMPLAUSIBLE))
        .alias("implausible")
    )


def money(column: str) -> pl.Expr:
    """An amount of the contract as a decimal."""
    return pl.col(column).cast(_MONEY)
