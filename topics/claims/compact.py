"""The compact way: JSON without white space, escapes, nesting or unknown fields, which is what settlement systems send.

Such values are parsed as one table. No string of such a text holds a quote, a brace or a backslash, so `":` ends every key and
stands nowhere else, `":"` begins every value that is a string, and a null is spelled out right after its key: counting them
proves that no field stands twice or has another type.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from rules.screens.facts import ENCOUNTER, ENCOUNTERS
from rules.screens.rows import FIRST_DAY
from topics.catalogue import MAX_CLAIM_BYTES
from topics.claims.columns import CLAIM_COLUMNS
from topics.claims.patterns import CODE, DATE, IDENTIFIER, MONEY, NO_CODE, REGION, TIME
from topics.claims.plausibility import column_of, money, settled_days

_SCHEMA: dict[str, type[pl.DataType]] = {
    "claim_id": pl.String,
    "region": pl.String,
    "institution_code": pl.String,
    "encounter_type": pl.String,
    "service_date": pl.String,
    "settlement_time": pl.String,
    "insured_id": pl.String,
    "insurance_type": pl.String,
    "total_amount": pl.String,
    "fund_amount": pl.String,
    "claim_version": pl.Int64,
    "physician_code": pl.String,
    "service_start": pl.String,
}
_TEXT = pl.col("text")
_SLICE = 256
"""Values that are read together once a batch as a whole could not be."""

_COMPACT = pl.all_horizontal(
    _TEXT.str.starts_with('{"'),
    _TEXT.str.ends_with("}"),
    _TEXT.str.count_matches("{", literal=True) == 1,
    _TEXT.str.count_matches("}", literal=True) == 1,
    *(~_TEXT.str.contains(part, literal=True) for part in ("\\", "[", "\n", "\r", '" ', '"\t')),
    _TEXT.str.len_bytes() <= MAX_CLAIM_BYTES,
).fill_null(value=False)

_NULLS = {name: _TEXT.str.contains(f'"{name}":null', literal=True) for name in ("physician_code", "service_start")}
_STRINGS = pl.sum_horizontal(
    pl.col(name).is_not_null().cast(pl.UInt32) for name, dtype in _SCHEMA.items() if dtype == pl.String
)
_VERSION = _TEXT.str.contains(r'"claim_version":[1-9][0-9]{0,8}[,}]')
_SHAPE_RIGHT = (
    _TEXT.str.count_matches('":"', literal=True) == _STRINGS,
    _TEXT.str.count_matches('":', literal=True)
    == _STRINGS
    + pl.col("claim_version").is_not_null().cast(pl.UInt32)
    + pl.sum_horizontal(null.cast(pl.UInt32) for null in _NULLS.values()),
    *(pl.col(name).is_null() | ~null for name, null in _NULLS.items()),
    pl.col("claim_version").is_null() | _VERSION,
)


def _is(*columns: str, pattern: str) -> pl.Expr:
    return pl.col(columns).str.contains(f"^(?:{pattern})$")


def _day(column: str) -> pl.Expr:
    date = pl.col(column).str.to_date("%Y-%m-%d", strict=False, exact=True)
    return pl.when(pl.col(column).str.len_bytes() == 10).then(date).to_physical()


_DAYS = (
    _day("service_date").alias("day"),
    pl.when(pl.col("service_start").is_not_null()).then(_day("service_start")).alias("start_day"),
)
_RIGHT = pl.all_horizontal(
    *_SHAPE_RIGHT,
    _is("claim_id", "insured_id", "insurance_type", pattern=IDENTIFIER),
    _is("institution_code", pattern=CODE),
    _is("region", pattern=REGION),
    _is("total_amount", "fund_amount", pattern=MONEY),
    _is("settlement_time", pattern=TIME),
    pl.col("settlement_time").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).to_physical() >= FIRST_DAY,
    pl.col("encounter_type").is_in([encounter.value for encounter in ENCOUNTERS]),
    # polars also reads "2023- 5-10" and the year 0 as dates.
    _is("service_date", pattern=DATE) & (pl.col("day") >= FIRST_DAY),
    pl.col("claim_version").is_null() | (pl.col("claim_version") >= 1),
    pl.col("physician_code").is_null() | _is("physician_code", pattern=f"{CODE}|{NO_CODE}"),
    pl.col("service_start").is_null()
    | (_is("service_start", pattern=DATE) & pl.col("start_day").is_between(FIRST_DAY, pl.col("day"))),
).fill_null(value=False)

_CODE = pl.col("physician_code").str.strip_chars()
_FINISHED = (
    pl.when(_CODE != "").then(_CODE).alias("physician_code"),
    pl.col("claim_version").fill_null(1),
    pl.col("encounter_type").cast(ENCOUNTER),
)
_IMPLAUSIBLE = column_of(
    money("total_amount"), money("fund_amount"), pl.col("day"), pl.col("start_day"), pl.col("settled")
)
_NOTHING_FURTHER = pl.lit(None, pl.String).alias("further")


def read_compact(values: Sequence[bytes | None]) -> pl.DataFrame:
    """The claims among the values that are compact and right beyond doubt, with CLAIM_COLUMNS. Of the others nothing is said."""
    text = pl.DataFrame(_texts(values)).with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"))
    compact = text.select(_COMPACT.alias("compact")).to_series()
    chosen = values
    if not compact.all():
        text = text.filter(compact)
        chosen = [values[row] for row in text["row"].to_list()]
    table = _table(chosen, text)  # type: ignore[arg-type]  # a compact value is not null
    if table is None:
        # One malformed line fails the whole call; only the slices that hold such a line go the next way.
        slices = range(0, len(chosen), _SLICE)
        parts = (_table(chosen[at : at + _SLICE], text[at : at + _SLICE]) for at in slices)  # type: ignore[arg-type]
        read = [part for part in parts if part is not None]
        if not read:
            return pl.DataFrame(schema=CLAIM_COLUMNS)
        table = pl.concat(read)
    table = table.with_columns(_DAYS)
    right = table.select(_RIGHT.alias("right")).to_series()
    if not right.all():
        table = table.filter(right)
    table = table.with_columns(*_FINISHED, settled_days(table["settlement_time"]).alias("settled"))
    return table.with_columns(_IMPLAUSIBLE, _NOTHING_FURTHER).select(*CLAIM_COLUMNS)


def _table(values: Sequence[bytes], text: pl.DataFrame) -> pl.DataFrame | None:
    """Compact values as one table beside their text; None when they cannot be read as one."""
    if not values:
        return None
    try:
        table = pl.read_ndjson(b"\n".join(values), schema=_SCHEMA)
    except pl.exceptions.PolarsError:
        return None
    return table.hstack(text) if table.height == text.height else None


def _texts(values: Sequence[bytes | None]) -> pl.Series:
    """The values as text, null where they are not UTF-8."""
    try:
        return pl.Series("text", values, dtype=pl.Binary).cast(pl.String)
    except pl.exceptions.PolarsError:
        # One value that is not UTF-8 fails the whole cast.
        return pl.Series("text", [_text(value) for value in values], dtype=pl.String)


def _text(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None
