"""Which row of a table names its columns: the first that is not blank, or one below titles if it names columns that are wanted.

Spreadsheets have titles, dates of export and merged cells above the names of the columns, and Excel may write a first line
`sep=;`.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from pipeline.inputs.errors import InputError
from pipeline.inputs.files import BLANK, LINE_ENDS
from topics.normalisation import normal_id

DELIMITERS = (",", "\t", ";", "|")

ROWS_LOOKED_AT = 20
"""Rows that are not blank among which the header is looked for."""
_ENOUGH = 2
"""Names of wanted columns that make a row the header and no title or row of values."""
_MARK = re.compile(r'"?sep=(?P<mark>[^"\w\s]|\t)"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Header:
    """Names of the columns, trimmed; `line` is the header's own line, counted from 1, `blank` how many lines above it are blank,
    and `renamed` those names that were trimmed."""

    names: tuple[str, ...]
    delimiter: str
    line: int
    blank: int = 0
    renamed: tuple[str, ...] = ()

    @property
    def above(self) -> int:
        """Lines above the header that are not blank: titles, or one that names the separator."""
        return self.line - 1 - self.blank


def told_of_titles(line: int, above: int) -> str:
    """What people are told of a header that does not stand first."""
    return f"its header is line {line}; {above} line{'s' if above > 1 else ''} above it {'are' if above > 1 else 'is'} no row"


def header_among(rows: Sequence[Sequence[str]], wanted: Collection[str]) -> int | None:
    """The place of the row that names the columns among the first rows that are not blank; None where none names a wanted
    one."""
    counts = [sum(name in wanted for name in set(row)) for row in rows]
    if not counts or counts[0]:
        return 0 if counts else None
    best = max(counts)
    return counts.index(best) if best >= _ENOUGH else None


def named_as(cells: Sequence[str]) -> list[str]:
    """Names of columns as they are read: trimmed, and those without a name by their place."""
    return [normal_id(cell) or f"column_{place}" for place, cell in enumerate(cells, 1)]


def read_header(lines: Iterator[bytes], name: str, wanted: Collection[str] = ()) -> tuple[Header, Iterator[bytes]]:
    """Reads the header from the first lines, and gives it with the lines below. `wanted` are columns that somebody asks for:
    where the first row names none of them, the header is looked for below it. Raises InputError."""
    read: list[bytes] = []
    rows: list[tuple[int, str]] = []
    mark: str | None = None
    for number, line in enumerate(lines, 1):
        read.append(line)
        text = line.decode("utf-8", "replace").strip("\ufeff" + LINE_ENDS.decode())
        if not text.strip(BLANK.decode()):
            continue
        told = _MARK.fullmatch(text.strip(" ")) if not rows else None
        if told is not None:
            mark = told["mark"]
            continue
        rows.append((number, text))
        named = len(rows) == 1 and (not wanted or any(name in wanted for name in named_as(_cells(text, mark))))
        if named or len(rows) == ROWS_LOOKED_AT:
            break
    if not rows:
        raise InputError(f"{name}: is empty; expected a header that names the columns")
    number, text = rows[header_among([named_as(_cells(row, mark)) for _, row in rows], wanted) or 0]
    cells = _cells(text, mark)
    names = named_as(cells)
    if not names or len(set(names)) != len(names) or not any(map(normal_id, cells)):
        raise InputError(f"{name}: line {number}: expected a header that names every column once, found {text[:200]!r}")
    renamed = tuple(new for new, old in zip(names, cells, strict=True) if new != old and old.strip())
    blank = sum(not line.strip(BLANK) for line in read[: number - 1])
    return Header(tuple(names), mark or _delimiter(text), number, blank, renamed), itertools.chain(read[number:], lines)


def _cells(text: str, mark: str | None) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=mark or _delimiter(text), strict=True), [])
    except csv.Error:
        return []


def _delimiter(text: str) -> str:
    delimiter = max(DELIMITERS, key=lambda mark: (text.count(mark), -DELIMITERS.index(mark)))
    if text.count(",") and delimiter == "\t" and text.count(",") >= text.count("\t") - 1:
        return ","  # a tab after every name is padding (Excel is kept from taking codes for numbers that way)
    return delimiter
