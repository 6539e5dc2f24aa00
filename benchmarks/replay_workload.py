"""What the replay benchmark replays: seeded claims as Parquet, and the events that give every physician three spans."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

SEED = 20230101
REGION = "522700"
INSTITUTIONS = 4_000
FILE_ROWS = 1 << 20
"""Claims in a file of the folder; the last file may have fewer."""

_ENCOUNTERS = ("outpatient", "inpatient", "maternity", "emergency", "rescue", "public_health_emergency")
_SHARES = (0.70, 0.20, 0.025, 0.06, 0.01, 0.005)
_FIRST, _LAST = dt.date(2023, 1, 1), dt.date(2024, 12, 31)
_REGISTERED = dt.date(2022, 12, 26)
_EPOCH = dt.date(1970, 1, 1)
_WINDOW_MONTHS_DAYS = 95
"""Days from a decision after which the window of three months is surely over."""


def physician(number: int) -> str:
    """Code of a physician."""
    return f"D5227{number:08d}"


def institution(number: int) -> str:
    """Code of an institution."""
    return f"H5227{number:07d}"


def write_events(path: Path, physicians: int) -> int:
    """A registration, a decision of twelve points and a reinstatement for each: normal, penalty, and normal again.

    Returns the number of lines.
    """
    chance = np.random.default_rng(SEED)
    days = chance.integers(0, 500, physicians)
    with path.open("w", encoding="utf-8") as stream:
        for number in range(physicians):
            decided = _FIRST + dt.timedelta(days=int(days[number]))
            back = decided + dt.timedelta(days=_WINDOW_MONTHS_DAYS)
            common = {"institution": institution(number % INSTITUTIONS)}
            happened: tuple[tuple[str, dt.date, dict[str, Any]], ...] = (
                ("registration", _REGISTERED, common),
                ("deduction", decided, {**common, "points": 12, "cases": 2, "violation_id": "QN-T6-02"}),
                ("reinstatement", back, common),
            )
            for place, (kind, day, more) in enumerate(happened):
                stream.write(_event(number, place, kind, day, more))
    return physicians * 3


def _event(number: int, place: int, kind: str, day: dt.date, more: dict[str, Any]) -> str:
    fields = {
        "event_id": f"{number}-{place}",
        "region": REGION,
        "type": kind,
        "date": day.isoformat(),
        "recorded_at": f"{day.isoformat()}T16:30:00+08:00",
        "physician_code": physician(number),
    }
    return json.dumps(fields | more) + "\n"


def write_claims(folder: Path, claims: int, physicians: int, *, text: bool = False) -> int:
    """Writes a folder of Parquet files of FILE_ROWS claims, by settlement; `text` has dates, times and money as JSON has them.

    Few physicians have very many claims; one claim in fifty names nobody, one in a hundred comes from an undeclared institution,
    one in seven is a stay. Returns the bytes written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    codes = pl.Series([physician(number) for number in range(physicians)])
    places = pl.Series([institution(number) for number in range(INSTITUTIONS)])
    for number, start in enumerate(range(0, claims, FILE_ROWS)):
        frame = _claims(number, start, min(FILE_ROWS, claims - start), claims, codes, places)
        path = folder / f"claims-{number:04d}.parquet"
        (_as_text(frame) if text else frame).write_parquet(path)
        total += path.stat().st_size
    return total


def _claims(number: int, start: int, count: int, total: int, codes: pl.Series, places: pl.Series) -> pl.DataFrame:
    rng = np.random.default_rng([SEED, number])
    who = (len(codes) * rng.random(count) ** 2).astype(np.int64)
    span = (_LAST - _FIRST).days
    settled = (_FIRST - _EPOCH).days + (start + np.arange(count)) * span // max(total, 1)
    day = settled - rng.integers(0, 4, count)
    encounter = rng.choice(np.array(_ENCOUNTERS), count, p=_SHARES)
    stay = (encounter == "inpatient") & (rng.random(count) < 0.7)
    elsewhere = rng.random(count) < 0.01
    place = np.where(elsewhere, rng.integers(0, INSTITUTIONS, count), who % INSTITUTIONS)
    fen = np.exp(rng.normal(9.5, 1.2, count)).astype(np.int64) * np.where(rng.random(count) < 0.001, -1, 1)
    at = (settled * 86_400 + rng.integers(0, 36_000, count)) * 1_000_000
    numbers = pl.Series("n", np.arange(start, start + count))
    return pl.DataFrame({"n": numbers}).select(
        claim_id=pl.format("C{}", pl.col("n").cast(pl.String).str.zfill(12)),
        claim_version=pl.lit(1, pl.Int32),
        region=pl.lit(REGION),
        institution_code=places.gather(place),
        physician_code=pl.when(pl.Series(rng.random(count) >= 0.02)).then(codes.gather(who)),
        encounter_type=pl.Series(encounter),
        service_date=pl.Series(day.astype(np.int32)).cast(pl.Date),
        service_start=pl.when(pl.Series(stay)).then(
            pl.Series((day - rng.integers(0, 20, count)).astype(np.int32)).cast(pl.Date)
        ),
        settlement_time=pl.Series(at).cast(pl.Datetime("us", "UTC")).dt.convert_time_zone("Asia/Shanghai"),
        insured_id=pl.format("P{}", pl.Series(rng.integers(0, 3_000_000, count))),
        insurance_type=pl.lit("resident"),
        total_amount=_money(fen * 5 // 4),
        fund_amount=_money(fen),
    )


def _money(fen: np.ndarray[Any, Any]) -> pl.Series:
    return (pl.Series(fen).cast(pl.Decimal(18, 2)) / 100).cast(pl.Decimal(18, 2))


def _as_text(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        pl.col("service_date", "service_start").dt.to_string("%Y-%m-%d"),
        pl.col("settlement_time").dt.to_string("%Y-%m-%dT%H:%M:%S%:z"),
        pl.col("total_amount", "fund_amount").cast(pl.String),
    )
