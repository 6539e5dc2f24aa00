"""From the records of a topic to rows of its table. What is not a claim, or not a verdict, is counted by name and has no row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import ValidationError

from pipeline.archive.layout import CLAIM_ROWS, VERDICT_ROWS, placed
from pipeline.inputs.decode import decode_values
from rules.areas import areas_of
from topics.messages.verdicts import Verdict
from topics.verdicts.shape import WIRE_COLUMNS, from_the_wire

NOT_A_CLAIM = "not_a_claim"
UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one topic in the order of their partitions: `written_at` in microseconds since 1970 UTC."""

    topic_id: str | None
    partitions: Sequence[int]
    offsets: Sequence[int]
    written_at: Sequence[int]
    values: Sequence[bytes | None]

    def places(self) -> pl.DataFrame:
        """Where each record stands, and what it says."""
        return pl.DataFrame(
            {
                "topic_id": pl.Series([self.topic_id] * len(self.values), dtype=pl.String),
                "partition": pl.Series(self.partitions, dtype=pl.Int32),
                "offset": pl.Series(self.offsets, dtype=pl.Int64),
                "written_at": pl.Series(self.written_at, dtype=pl.Int64).cast(pl.Datetime("us", "UTC")),
                "value": pl.Series(self.values, dtype=pl.Binary),
            }
        )


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a batch, placed; and how many records have none, by why."""

    frame: pl.DataFrame
    excluded: Counter[str]


def claim_rows(records: Records) -> Rows:
    """Records of the topic of claims. One that is not a claim stands in the dead letters."""
    decoded = decode_values(records.values)
    claims = decoded.claims
    told = claims.select(
        pl.exclude("row", "day", "start_day", "instant", "implausible"),
        pl.col("day").cast(pl.Date).alias("service_date"),
        pl.col("start_day").cast(pl.Date).alias("service_start"),
        pl.from_epoch("instant", "us").dt.replace_time_zone("UTC").alias("settlement_time"),
        areas_of(claims["region"], claims["day"].to_numpy).alias("area"),
    )
    frame = placed(records.places()[claims["row"]].hstack(told))
    return Rows(frame.select(*_typed(CLAIM_ROWS)), Counter({NOT_A_CLAIM: len(decoded.rejected)}))


_SOURCE = pl.Struct({"topic": pl.String, "partition": pl.Int32, "offset": pl.Int64, "topic_id": pl.String})
_REGISTER = pl.Struct({"as_of": pl.String, "institution_revision": pl.Int64})
_WIRE = {
    **WIRE_COLUMNS, "source": _SOURCE, "screened_at": pl.String, "register": _REGISTER, "area": pl.String,
}  # fmt: skip


def verdict_rows(records: Records) -> Rows:
    """Records of the topic of verdicts. One that is not a verdict was written by somebody else, and is counted."""
    good, read = _readable(records.values)
    excluded = Counter({UNREADABLE: len(records.values) - len(good)})
    if not good:
        return Rows(pl.DataFrame(schema=VERDICT_ROWS), excluded)
    told = read.with_columns(
        pl.coalesce("area", areas_of(read["region"], lambda: _days(read))).alias("area"),
        pl.col("source").struct.field("topic_id").alias("source_topic_id"),
        pl.col("source").struct.field("partition").alias("source_partition"),
        pl.col("source").struct.field("offset").alias("source_offset"),
        _instant(pl.col("screened_at")),
        _instant(pl.col("register").struct.field("as_of")).alias("register_as_of"),
        pl.col("register").struct.field("institution_revision").alias("institution_revision"),
        *from_the_wire(),
    ).drop("source", "register")
    places = records.places()
    found = places if len(good) == places.height else places[good]
    return Rows(placed(found.hstack(told)).select(*_typed(VERDICT_ROWS)), excluded)


def _readable(values: Sequence[bytes | None]) -> tuple[list[int], pl.DataFrame]:
    """The places of those records that are verdicts, and what they say."""
    lines = [value for value in values if value]
    if len(lines) == len(values):
        with suppress(pl.exceptions.PolarsError):  # one of them is no verdict: each is asked alone
            read = pl.read_ndjson(b"\n".join(lines), schema=_WIRE)
            if read.height == len(lines):
                return list(range(len(lines))), read
    good, kept = [], []
    for row, value in enumerate(values):
        try:
            verdict = Verdict.model_validate_json(value or b"")
        except ValidationError:
            continue
        good.append(row)
        kept.append(verdict.model_dump_json(by_alias=True).encode())
    return good, pl.read_ndjson(b"\n".join(kept), schema=_WIRE) if kept else pl.DataFrame(schema=_WIRE)


def _days(told: pl.DataFrame) -> npt.NDArray[np.int32]:
    return told["service_date"].str.to_date("%Y-%m-%d").to_physical().to_numpy()


def _instant(column: pl.Expr) -> pl.Expr:
    return column.str.to_datetime("%+", time_unit="us", time_zone="UTC")


def _typed(columns: dict[str, pl.DataType | type[pl.DataType]]) -> list[pl.Expr]:
    return [pl.col(name).cast(kind) for name, kind in columns.items()]
