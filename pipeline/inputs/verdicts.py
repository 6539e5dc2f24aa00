"""What the gate said of claims, from files that hold verdicts: an archive, the folder of a replay, one Parquet file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from pipeline.inputs.errors import InputError

Judged = Mapping[tuple[str, str, int], str]
"""What the gate said last of a claim: by institution, claim_id and version."""

_COLUMNS = ("institution_code", "claim_id", "claim_version", "disposition")


def read_verdicts(place: Path) -> Judged:
    """The last verdict on each claim: of an archive (its folder, or its table of verdicts), of the folder of a replay, or of one
    Parquet file. Raises InputError."""
    table = next((folder for folder in (place, place / "verdicts") if (folder / "_delta_log").is_dir()), None)
    order = "screened_at"
    try:
        if table is not None:
            files = [str(uri) for uri in DeltaTable(table.absolute()).file_uris()]
        elif place.is_dir():
            folder = place / "verdicts" if (place / "verdicts").is_dir() else place
            files = [str(path) for path in sorted(folder.glob("*.parquet"))]
        else:
            files = [str(place)] if place.is_file() else []
        if not files:
            raise InputError(
                f"{place}: holds no verdicts; expected the folder of an archive or of a replay, or a Parquet file"
            )
        frame = pl.scan_parquet(files, hive_partitioning=False)
        there = frame.collect_schema().names()
        if missing := [name for name in _COLUMNS if name not in there]:
            raise InputError(f"{place}: is no table of verdicts: it has no column {', '.join(missing)}")
        by = [order] if order in there else []
        told = frame.select(*_COLUMNS, *by).with_columns(pl.col("disposition").cast(pl.String)).collect()
    except (pl.exceptions.PolarsError, DeltaError, OSError) as error:
        raise InputError(f"{place}: cannot be read as verdicts: {error}") from error
    rows = told.sort(by, maintain_order=True) if by else told
    return {(row[0], row[1], int(row[2])): row[3] for row in rows.select(*_COLUMNS).iter_rows()}
