"""The tables of the archive: their columns, and how rows are placed among files. Pure.

There are two tables, `claims` and `verdicts`, with the same partitions: the year of the service day, and a bucket of the
physician. All claims of one physician and all verdicts on them lie in one bucket, and within a file rows are sorted by physician
and day, so a reader that names the physician opens one file in sixteen and a few groups of rows in each.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from topics.catalogue import CLAIM_VERDICTS, CLAIMS, TopicSpec
from topics.verdicts.shape import MONEY, PARQUET_COLUMNS, DataType

BUCKETS = 16
"""Buckets of physicians. The number is part of the layout: another one needs the archive to be written again."""

PARTITIONED_BY = ["year", "bucket"]
IN_ORDER = ["bucket", "year", "physician_code", "service_date", "partition", "offset"]
"""The order of rows in a commit, and so within its files."""

_TIME = pl.Datetime("us", "UTC")
_PLACE: dict[str, DataType] = {
    "topic_id": pl.String, "partition": pl.Int32, "offset": pl.Int64, "written_at": _TIME,
}  # fmt: skip
_KEPT: dict[str, DataType] = {"value": pl.Binary, "year": pl.Int32, "bucket": pl.Int32}

CLAIM_ROWS: dict[str, DataType] = {
    **_PLACE,
    "claim_id": pl.String,
    "claim_version": pl.Int32,
    "region": pl.String,
    "area": pl.String,
    "institution_code": pl.String,
    "physician_code": pl.String,
    "encounter_type": pl.String,
    "service_date": pl.Date,
    "service_start": pl.Date,
    "settlement_time": _TIME,
    "insured_id": pl.String,
    "insurance_type": pl.String,
    "total_amount": MONEY,
    "fund_amount": MONEY,
    "further": pl.String,
    **_KEPT,
}
"""Columns of the claims: where the record stands in its topic, what it says (`further`: the optional fields as JSON), and
`value`, the record as it was received. What a later version of the contract adds is therefore kept already."""

VERDICT_ROWS: dict[str, DataType] = {
    **_PLACE,
    "source_topic_id": pl.String,
    "source_partition": pl.Int32,
    "source_offset": pl.Int64,
    "screened_at": _TIME,
    "register_as_of": _TIME,
    "institution_revision": pl.Int64,
    "area": pl.String,
    **{name: pl.String if isinstance(kind, pl.Enum) else kind for name, kind in PARQUET_COLUMNS.items()},
    **_KEPT,
}
"""Columns of the verdicts: where the record stands, which claim it answers (`source_*`), by what it was judged, and the fields of
`topics.verdicts.shape` with their types in Parquet, closed vocabularies as text."""


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table of the archive, and the topic whose records are its rows. `folder` is its place below the archive's."""

    folder: str
    spec: TopicSpec
    columns: dict[str, DataType]


CLAIM_TABLE = TableSpec("claims", CLAIMS, CLAIM_ROWS)
VERDICT_TABLE = TableSpec("verdicts", CLAIM_VERDICTS, VERDICT_ROWS)
JOINED_ON = (["topic_id", "partition", "offset"], ["source_topic_id", "source_partition", "source_offset"])
"""The columns of a claim and of its verdict that are equal."""


@lru_cache(maxsize=1 << 18)
def bucket_of(area: str, code: str) -> int:
    """The bucket of a physician (or, where a claim names none, of its institution): stable over versions and machines."""
    return zlib.crc32(f"{area}|{code}".encode()) % BUCKETS


def placed(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the columns that say in which file they belong."""
    named = rows.with_columns(pl.coalesce("physician_code", "institution_code").alias("_code"))
    owners = named.select("area", "_code").unique()
    buckets = [bucket_of(area, code) for area, code in owners.iter_rows()]
    owners = owners.with_columns(pl.Series("bucket", buckets, dtype=pl.Int32))
    return (
        named.with_columns(pl.col("service_date").dt.year().cast(pl.Int32).alias("year"))
        .join(owners, on=["area", "_code"], how="left", nulls_equal=True)
        .drop("_code")
    )
