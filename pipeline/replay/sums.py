"""Sums of claims and money, as the figures of a replay are made of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.replay.errors import ReplayError
from pipeline.replay.output import VERDICT_SCHEMA
from rules.vocabulary import Disposition

Row = dict[str, Any]

SHARES = {Disposition.PAY: "paid", Disposition.REJECT: "withheld", Disposition.REVIEW: "in_review"}
"""What becomes of the fund share, by disposition."""


class FiguresError(ReplayError):
    """A folder that is no complete replay."""


def grouped(cube: pl.DataFrame, keys: list[str]) -> list[Row]:
    """Claims and fund share by keys, most claims first."""
    sums = cube.group_by(keys).agg(pl.col("claims").sum(), pl.col("amount").sum())
    return [
        _plain(row) for row in sums.sort([pl.col("claims"), *keys], descending=[True, *[False] * len(keys)]).to_dicts()
    ]


def totals(cube: pl.DataFrame) -> Row:
    """Claims and fund share in all, and what becomes of it."""
    whole = cube.select(pl.lit("all").alias("all"), "disposition", "claims", "amount")
    found = shares(whole, "all")
    return {key: value for key, value in (found[0] if found else _no_shares()).items() if key != "all"}


def shares(cube: pl.DataFrame, key: str) -> list[Row]:
    """By one key, in its order: claims and money in all, paid, withheld and in review."""
    sums = cube.group_by(key).agg(
        pl.col("claims").sum(),
        pl.col("amount").sum(),
        *(
            pl.col(column).filter(pl.col("disposition") == str(disposition)).sum().alias(f"{name}_{column}")
            for disposition, name in SHARES.items()
            for column in ("claims", "amount")
        ),
    )
    return [_plain(row) for row in sums.sort(key).to_dicts()]


def _no_shares() -> Row:
    names = [f"{name}_{column}" for name in SHARES.values() for column in ("claims", "amount")]
    return {name: "0.00" if name.endswith("amount") else 0 for name in ("claims", "amount", *names)}


def _plain(row: Row) -> Row:
    return {key: plain(value) for key, value in row.items()}


def plain(value: Any) -> Any:
    """A value as JSON has it: dates in ISO form, money as text."""
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    if isinstance(value, dt.date):
        return value.isoformat()
    return value


def iso(day: dt.date | None) -> str | None:
    """A day in ISO form, or None."""
    return None if day is None else day.isoformat()


def by_institution(verdicts: pl.LazyFrame) -> pl.DataFrame:
    """Claims and money of every institution by disposition."""
    return (
        verdicts.group_by("institution_code", pl.col("disposition").cast(pl.String))
        .agg(pl.len().alias("claims"), pl.col("fund_amount").sum().alias("amount"))
        .collect(engine="streaming")
    )


def not_paid(row: Row) -> Decimal:
    """Fund share withheld or in review, in yuan."""
    return Decimal(row["withheld_amount"]) + Decimal(row["in_review_amount"])


def added(rows: Iterable[Row]) -> Row:
    """The sums of rows made by `shares`."""
    sums: Row = _no_shares()
    for row in rows:
        for key, value in sums.items():
            sums[key] = value + row[key] if isinstance(value, int) else f"{Decimal(value) + Decimal(row[key]):.2f}"
    return sums


def existing(path: Path) -> Path:
    """The path. Raises FiguresError when nothing is there."""
    if not path.exists():
        raise FiguresError(f"{path} is not there: the folder holds no complete replay")
    return path


def verdicts_of(folder: Path) -> pl.LazyFrame:
    """All verdicts of a rule set's folder, read when they are needed; none where nothing was a claim."""
    parts = sorted(existing(folder / "verdicts").glob("*.parquet"))
    return pl.scan_parquet(parts) if parts else pl.LazyFrame(schema=VERDICT_SCHEMA)
