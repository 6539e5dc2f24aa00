"""Slices of files: what a slice is, how much it holds, and how lines are divided among slices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from pipeline.inputs.decode import Decoded, Rejected, decode_frame
from pipeline.inputs.errors import InputError
from pipeline.inputs.files import DAMAGE, InputFile
from pipeline.inputs.fitting import Fitted

SLICE_ROWS = 524_288
"""Rows of Parquet in a slice: two of polars' row groups, half of Arrow's, so that no group is decoded twice for nothing."""

SLICE_LINES = 131_072
"""Lines of JSON in a slice; they are Python objects, of which there must not be too many at once."""

SLICE_BYTES = 64 << 20
"""Bytes of CSV in a slice."""


@dataclass(frozen=True, slots=True)
class Lines:
    """How the lines of a stretch of a file divide: `rows` begin a record or are one, `blank` hold nothing, `continued` carry
    a record on, `header` stand above the rows: the names of the columns, and titles or the separator above them. For documents
    over several lines, what is counted are documents: those without a row are `rowless`, and rows beyond the first of a document
    are `further`."""

    lines: int = 0
    blank: int = 0
    continued: int = 0
    header: int = 0
    rowless: int = 0
    further: int = 0


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of one file. `first_row` counts over all files, `first_line` within the file, from 1 (a CSV's header included);
    `weight` is its share of the input in bytes. `decode` reads it; it may be called from any thread. `places` gives the line of
    each row where they do not follow each other."""

    number: int
    file: str
    first_row: int
    first_line: int
    rows: int
    weight: int
    decode: Callable[[], Decoded]
    lines: Lines
    places: Sequence[int] | None = None

    def line_of(self, row: int) -> int:
        """The line of a row of this slice, counted from 1 within the file."""
        return self.first_line + row if self.places is None else self.places[row]


@dataclass(frozen=True, slots=True)
class Cut:
    """How much of a file goes into a slice."""

    rows: int
    lines: int
    size: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about a file that people should know before it is read. A `doubt` stops a run that is to be strict; what is only
    `noted` stands in the record and is not told."""

    file: str
    text: str
    doubt: bool = False
    noted: bool = False

    def __str__(self) -> str:
        return f"{self.file}: {self.text}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """The files as they will be read, and what is to be told of them before."""

    files: tuple[InputFile, ...]
    notices: tuple[Notice, ...]


Piece = tuple[int, int, int, Callable[[], Decoded], Lines, Sequence[int] | None]
"""First line, rows, weight, decode, lines, places."""


def stretches(lines: Iterator[bytes], count: int) -> Iterator[tuple[list[bytes], BaseException | None]]:
    """So many lines at a time; the last with what kept it from being more, if anything did."""
    held: list[bytes] = []
    try:
        for line in lines:
            held.append(line)
            if len(held) == count:
                yield held, None
                held = []
    except (InputError, *DAMAGE) as error:
        yield held, error
        return
    if held:
        yield held, None


def with_refused(
    frame: pl.DataFrame, values: Sequence[dict[str, Any]] | None, refused: Sequence[Rejected], rows: int, fitted: Fitted
) -> Decoded:
    """Decodes the rows of a slice that stand in a table, and puts them and those that were refused before in their places."""
    decoded = decode_frame(frame.select(fitted.columns) if frame.height else frame, fitted, values)
    if not refused:
        return decoded
    out = {item.row for item in refused}
    kept = [row for row in range(rows) if row not in out]
    places = pl.Series("row", kept, dtype=pl.Int64)
    claims = decoded.claims.with_columns(places.gather(decoded.claims["row"]).alias("row"))
    moved = [replace(item, row=kept[item.row]) for item in decoded.rejected]
    told = sorted([*moved, *refused], key=lambda item: item.row)
    return Decoded(claims, told, rows, decoded.records, decoded.counts)
