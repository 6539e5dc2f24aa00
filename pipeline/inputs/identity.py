"""Claims that occur more than once in the input (重复、更正、冲正): recognised by their identity and never counted twice.

A claim is identified by pooling area, institution, claim_id and version. Of rows with one identity and the same content the first
stands and the others are duplicates. A higher version replaces the one before it. A version of the other sign reverses it:
both stand, and their amounts cancel. Rows with one identity and different content are a conflict: which one counts cannot be
known, so none does.

Identities are kept as two hashes of 64 bits on disk, so memory does not grow with the input; that two claims of a hundred
million share both has a chance of one in 10^22.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from rules.areas import pooling_area
from rules.screens.facts import DRUG_FIELDS

KINDS = ("duplicate", "replaced", "conflict")

_NAMES = ("area", "institution_code", "claim_id")
_CONTENT = (
    "region",
    "physician_code",
    "encounter_type",
    "day",
    "start_day",
    "instant",
    "insured_id",
    "insurance_type",
    "total_amount",
    "fund_amount",
    "further",
)
"""All that a claim says beside its name, as `topics/claims/content.py` has it; the drug object as one text, since not every
slice has its columns."""
_AT_ONCE = 16_000_000
"""Identities compared at a time; they take 30 bytes each."""

REPEATED: dict[str, pl.DataType | type[pl.DataType]] = {"row": pl.Int64, "kind": pl.String, "stands": pl.Int64}
"""Rows that do not stand, why, and the row that stands in their place (null in a conflict)."""


def identities(claims: pl.DataFrame, first_row: int) -> pl.DataFrame:
    """What is kept of decoded claims to find those that come more than once; `first_row` is the row of the slice's first."""
    names, content = pl.struct(_NAMES), pl.struct(*_CONTENT, _drug(claims))
    areas = {region: pooling_area(region) for region in claims["region"].unique()}
    area = pl.col("region").replace_strict(areas, return_dtype=pl.String).alias("area")
    return claims.with_columns(area).select(
        key=names.hash(1),
        check=names.hash(2),
        version="claim_version",
        negative=pl.col("fund_amount") < 0,
        content=content.hash(3),
        row=pl.col("row") + first_row,
    )


def _drug(claims: pl.DataFrame) -> pl.Expr:
    if DRUG_FIELDS[0] not in claims.columns:
        return pl.lit(None, pl.String).alias("drug")
    said = [pl.col(name).cast(pl.Int8).cast(pl.String).fill_null("-") for name in DRUG_FIELDS]
    given = pl.any_horizontal(pl.col(name).is_not_null() for name in DRUG_FIELDS)
    return pl.when(given).then(pl.concat_str(said)).alias("drug")


def repeated(files: Sequence[Path]) -> pl.DataFrame:
    """The rows that do not stand, in order, as REPEATED, of all the identities that were written to these files."""
    if not files:
        return pl.DataFrame(schema=REPEATED)
    scan = pl.scan_parquet(list(files))
    total = int(scan.select(pl.len()).collect().item())
    parts = max(1, -(-total // _AT_ONCE))
    found = []
    for part in range(parts):
        share = scan if parts == 1 else scan.filter(pl.col("key") % parts == part)
        keys = share.select("key").collect().to_series()
        many = keys.filter(keys.is_duplicated()).unique()
        if len(many):
            found.append(_compare(share.filter(pl.col("key").is_in(many.implode())).collect()))
    return pl.concat([pl.DataFrame(schema=REPEATED), *found]).sort("row")


def _compare(rows: pl.DataFrame) -> pl.DataFrame:
    claim = ["key", "check"]
    version = [*claim, "version", "negative"]
    ordered = rows.sort(*version, "row").with_columns(
        first=pl.col("row").first().over(*version, "content"),
        contents=pl.col("content").n_unique().over(version),
    )
    duplicates = ordered.filter(pl.col("row") != pl.col("first"))
    once = ordered.filter(pl.col("row") == pl.col("first"))
    conflicts = once.filter(pl.col("contents") > 1)
    versions = once.unique(version, keep="first", maintain_order=True).with_columns(
        next_negative=pl.col("negative").shift(-1).over(claim), next_row=pl.col("row").shift(-1).over(claim)
    )
    replaced = versions.filter((pl.col("next_negative") == pl.col("negative")) & (pl.col("contents") == 1))
    return pl.concat(
        [
            duplicates.select("row", kind=pl.lit("duplicate"), stands="first"),
            replaced.select("row", kind=pl.lit("replaced"), stands="next_row"),
            conflicts.select("row", kind=pl.lit("conflict"), stands=pl.lit(None, pl.Int64)),
        ]
    )
