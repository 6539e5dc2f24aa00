"""The shape of a verdict: name, type on the wire and type in Parquet of every field that the decision gives.

One table, in the order of the wire. The codec writes by it, a replay stores by it, and whatever reads verdicts back, compares
them or puts two rule sets side by side takes its columns from here. `topics.messages.verdicts.Verdict` is the contract that it
must agree with, which a test holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, Literal, get_args

import polars as pl

from rules.screens.facts import ENCOUNTER, STANDING
from rules.screens.table import Ruling
from rules.vocabulary import CostBearer, Disposition, Reason

MONEY = pl.Decimal(18, 2)
"""Yuan. The contract's sixteen digits and two decimals fit."""

PERIOD = pl.Struct({"from": pl.Date, "to": pl.Date})
"""Days, both inclusive; an open end is null."""

DataType = pl.DataType | type[pl.DataType]

_REASON = pl.Enum([item.value for item in Reason])


@dataclass(frozen=True, slots=True)
class VerdictField:
    """One field. `wire` is its type in JSON, `column` in Parquet; `said_by` is what it is taken from: the claim itself, the
    ruling (one row of a pack's decision table) or the register, by the physician's standing on the day."""

    name: str
    wire: Any
    column: DataType
    said_by: Literal["claim", "ruling", "register"]

    @property
    def text(self) -> DataType:
        """The type of a column that holds the field as it is in JSON."""
        kinds = get_args(self.wire) if isinstance(self.wire, UnionType) else (self.wire,)
        return {str: pl.String, int: pl.Int64}.get(kinds[0], pl.List(pl.String))


VERDICT = (
    VerdictField("claim_id", str, pl.String, "claim"),
    VerdictField("claim_version", int, pl.Int32, "claim"),
    VerdictField("region", str, pl.String, "claim"),
    VerdictField("institution_code", str, pl.String, "claim"),
    VerdictField("physician_code", str | None, pl.String, "claim"),
    VerdictField("encounter_type", str, ENCOUNTER, "claim"),
    VerdictField("service_date", str, pl.Date, "claim"),
    VerdictField("fund_amount", str, MONEY, "claim"),
    VerdictField("disposition", str, pl.Enum([item.value for item in Disposition]), "ruling"),
    VerdictField("reason", str, _REASON, "ruling"),
    VerdictField("exempted_ground", str | None, _REASON, "ruling"),
    VerdictField("cost_bearer", str, pl.Enum([item.value for item in CostBearer]), "ruling"),
    VerdictField("standing", str, STANDING, "register"),
    VerdictField("penalty_period", list[str | None] | None, PERIOD, "register"),
    VerdictField("rule_pack", str, pl.String, "ruling"),
    VerdictField("citations", list[str], pl.List(pl.String), "ruling"),
    VerdictField("standing_revision", int | None, pl.Int64, "register"),
)
"""Every field but those of the run: `source`, `screened_at` and `register`, which say where and when a claim was judged and by
what state of the register, and in which two verdicts on the same claim, events and packs may differ (law 3)."""

AT_THE_END = ("area", "second_ground")
"""What stands at the end of a verdict, and only where it says something that the other fields do not."""

VERDICT_NAMES = tuple(field.name for field in VERDICT)
CLAIM_NAMES = tuple(field.name for field in VERDICT if field.said_by == "claim")
RULING_NAMES = tuple(field.name for field in VERDICT if field.said_by == "ruling")

WIRE_COLUMNS: dict[str, DataType] = {field.name: field.text for field in VERDICT}
"""Columns of verdicts as they are in JSON: dates and money as text."""

PARQUET_COLUMNS: dict[str, DataType] = {field.name: field.column for field in VERDICT}
"""Columns of verdicts in Parquet: dates are Date, money is MONEY, closed vocabularies are Enum."""


def ruling_value(ruling: Ruling, name: str) -> str | list[str] | None:
    """What a ruling says in the field, one of RULING_NAMES."""
    if name == "rule_pack":
        return ruling.pack.name
    if name == "citations":
        return list(ruling.citations)
    value = getattr(ruling, name)
    return None if value is None else str(value)


def ruling_columns(rulings: Sequence[Ruling], types: Mapping[str, DataType]) -> dict[str, pl.Series]:
    """The fields of every ruling as columns, to be gathered by ruling number."""
    return {
        name: pl.Series(name, [ruling_value(ruling, name) for ruling in rulings], dtype=types[name])
        for name in RULING_NAMES
    }


def on_the_wire(rows: pl.DataFrame) -> list[pl.Expr]:
    """The columns of a frame of PARQUET_COLUMNS as those of WIRE_COLUMNS."""
    return [_as_text(field).alias(field.name) for field in VERDICT if field.name in rows.columns]


def _as_text(field: VerdictField) -> pl.Expr:
    column = pl.col(field.name)
    if field.column == PERIOD:
        days = [column.struct[end].dt.to_string("%Y-%m-%d") for end in ("from", "to")]
        return pl.when(column.is_not_null()).then(pl.concat_list(days))
    if field.column == pl.Date:
        return column.dt.to_string("%Y-%m-%d")
    return column.cast(field.text)


def from_the_wire() -> list[pl.Expr]:
    """The columns of a frame of WIRE_COLUMNS as those of PARQUET_COLUMNS: the inverse of `on_the_wire`.

    Closed vocabularies stay text. A word that only a later version knows stays, since the text is kept as it is.
    """
    return [_from_text(field).alias(field.name) for field in VERDICT]


def _from_text(field: VerdictField) -> pl.Expr:
    column = pl.col(field.name)
    if field.column == PERIOD:
        days = [column.list.get(place).str.to_date("%Y-%m-%d").alias(end) for place, end in enumerate(("from", "to"))]
        return pl.when(column.is_not_null()).then(pl.struct(days))
    if field.column == pl.Date:
        return column.str.to_date("%Y-%m-%d")
    return column if isinstance(field.column, pl.Enum) else column.cast(field.column)
