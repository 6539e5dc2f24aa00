"""Files of a replay that are there whole or not at all, however the process ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.whole_files import write_whole

_COMPRESSION_LEVEL = 1
"""zstd 1: as fast as lz4 and two thirds of its size, measured on verdicts."""


def write_table(frame: pl.DataFrame, path: Path, group_rows: int | None = None) -> None:
    """Writes a table so that it is there whole or not at all; `group_rows` is how many rows a reader may skip at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    frame.write_parquet(unfinished, compression="zstd", compression_level=_COMPRESSION_LEVEL, row_group_size=group_rows)
    unfinished.replace(path)


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Writes JSON so that it is there whole or not at all."""
    write_whole(path, json.dumps(data, ensure_ascii=False, indent=1) + "\n")
