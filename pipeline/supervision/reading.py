"""What the measures need: the columns of claims of a file or the archive, cases and where they stand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.inputs.decode import CLAIMS
from pipeline.inputs.errors import InputError
from pipeline.inputs.mapping import Mapping
from pipeline.inputs.records import read_records
from pipeline.inputs.slicing import Notice
from pipeline.inputs.sources import open_inputs, slices
from pipeline.supervision.measures import COLUMNS
from rules.areas import areas_of

_BACK = {"back_institution": "institution_code", "back_claim": "claim_id", "back_version": "claim_version"}


@dataclass(frozen=True, slots=True)
class Read:
    """The claims of a source, how many rows it has, and how many of them are no claims."""

    claims: pl.DataFrame
    rows: int
    not_claims: int


def read_claims(wanted: str, mapping: Mapping, tell: Callable[[Notice], None]) -> Read:
    """The columns of all claims. Raises InputError or MappingError."""
    prepared = open_inputs(wanted, mapping)
    for notice in prepared.notices:
        tell(notice)
    frames, rows, not_claims = [_columns(pl.DataFrame(schema=CLAIMS))], 0, 0
    for piece in slices(prepared.files, mapping):
        decoded = piece.decode()
        rows += decoded.rows
        not_claims += len(decoded.rejected)
        frames.append(_columns(decoded.claims))
    return Read(pl.concat(frames), rows, not_claims)


def _columns(claims: pl.DataFrame) -> pl.DataFrame:
    further = pl.col("further")
    back = [further.str.json_path_match(f"$.reverses.{name}").alias(column) for column, name in _BACK.items()]
    days = claims["day"].to_numpy
    return claims.with_columns(
        areas_of(claims["region"], days).alias("area"),
        pl.col("day").cast(pl.Date).alias("service_date"),
        pl.col("encounter_type").cast(pl.String),
        *back,
    ).select(*COLUMNS[:-1], pl.col("back_version").cast(pl.Int32).fill_null(pl.lit(1)).alias("back_version"))


def read_cases(path: Path) -> dict[str, str]:
    """The service day of every case of a file of `claim-cases`, by its id. Raises InputError."""
    return {one["case_id"]: one["service_date"] for one in _documents(path, "case_id", "service_date")}


def read_states(path: Path) -> dict[str, str]:
    """Where every case of a file of `case-state` stands; of several records the highest revision counts. Raises InputError."""
    found: dict[str, tuple[int, str]] = {}
    for one in _documents(path, "case_id", "state", "revision"):
        held = found.get(one["case_id"])
        if held is None or one["revision"] >= held[0]:
            found[one["case_id"]] = (one["revision"], one["state"])
    return {name: state for name, (_, state) in found.items()}


def _documents(path: Path, *names: str) -> Iterator[dict[str, Any]]:
    for number, line in read_records(path):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
            missing = [name for name in names if name not in told]
        except (ValueError, TypeError):
            raise InputError(f"{path}: line {number} is no JSON object") from None
        if missing:
            raise InputError(f"{path}: line {number} has no {', '.join(missing)}")
        yield told
