"""Every row of a file as named values, for registers and rosters, which are small: a whole file is in memory at a time.

Claims come by the million and are read as columns (`sources`); both use the same readers of each format.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from pipeline.inputs.csv_text import read_block, read_header
from pipeline.inputs.document_slices import json_form
from pipeline.inputs.documents import Row, read_document, read_documents, rows_of, value_at
from pipeline.inputs.files import DAMAGE, InputFile, Text, damaged, encoding_of, opened
from pipeline.inputs.slicing import Lines
from pipeline.inputs.workbook import Sheet
from topics.claims.errors import ClaimError


@dataclass(frozen=True, slots=True)
class NamedRow:
    """A row: its line (of documents over several lines, its number), its values by column, or why it cannot be read."""

    line: int
    values: dict[str, Any]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A file: the columns that it names (for documents: those of all rows), its rows, and how its lines divide."""

    columns: tuple[str, ...]
    rows: tuple[NamedRow, ...]
    lines: Lines


def read_table(
    file: InputFile,
    wanted: Sequence[str],
    *,
    encoding: str | None = None,
    paths: Sequence[str] = (),
    sheet: str | None = None,
    most: int | None = None,
) -> Table:
    """Reads a file, or of text and Parquet the first `most` lines or rows. `wanted` are the paths asked for in documents, `paths`
    say where their rows stand, `sheet` names that of a workbook. Raises InputError for a file that cannot be read to its end."""
    try:
        if file.format == "parquet":
            frame = pl.read_parquet(file.path, n_rows=most)
            rows = tuple(NamedRow(number, row) for number, row in enumerate(frame.iter_rows(named=True), 1))
            return Table(tuple(frame.columns), rows, Lines(lines=len(rows)))
        if file.format == "xlsx":
            return _sheet(Sheet(file.path, file.name, sheet))
        if file.format == "csv":
            return _csv(replace(file, encoding=encoding or encoding_of(file)), most)
        made = replace(file, encoding=encoding or file.encoding)
        return _documents(replace(made, format=json_form(made)), wanted, paths, most)
    except (pl.exceptions.PolarsError, *DAMAGE) as error:
        raise damaged(file, error, "its beginning") from error


def _sheet(sheet: Sheet) -> Table:
    every = list(sheet.rows())
    kept = tuple(NamedRow(number, row) for number, row in every if row is not None)
    blank = len(every) - len(kept) + sheet.header - 1
    return Table(sheet.columns, kept, Lines(lines=sheet.header + len(every), blank=blank, header=1))


def _csv(file: InputFile, most: int | None) -> Table:
    with opened(file) as text:
        lines = text.lines()
        header = read_header(lines, file.name)
        block = read_block(list(itertools.islice(lines, most)), header.line + 1, header, last=True)
    good = block.frame.iter_rows(named=True)
    rows = tuple(
        NamedRow(line, {}, str(block.refused[place].error)) if place in block.refused else NamedRow(line, next(good))
        for place, line in enumerate(block.lines)
    )
    blank = block.blank + header.line - 1
    lines_of = Lines(lines=header.line + block.used, blank=blank, continued=block.continued, header=1)
    return Table(header.names, rows, lines_of)


def _documents(file: InputFile, wanted: Sequence[str], paths: Sequence[str], most: int | None) -> Table:
    rows: list[NamedRow] = []
    columns: dict[str, None] = {}
    lines = blank = rowless = further = 0
    with opened(file) as text:
        for number, _, document in itertools.islice(numbered_documents(text, file), most):
            lines += 1
            if document is None:
                blank += 1
                continue
            if isinstance(document, ClaimError):
                rows.append(NamedRow(number, {}, str(document)))
                continue
            found = rows_of(document, paths)
            if found is None:
                rowless += 1
                rows.append(NamedRow(number, {}, f"missing_field: no row at {' or '.join(paths)}"))
                continue
            further += len(found) - 1
            for row in found:
                columns.update(dict.fromkeys(row.value))
                rows.append(NamedRow(number, _values(row, wanted)))
    return Table(tuple(columns), tuple(rows), Lines(lines=lines, blank=blank, rowless=rowless, further=further))


def _values(row: Row, wanted: Sequence[str]) -> dict[str, Any]:
    return {**row.value, **{path: value_at(row, path) for path in wanted}}


def numbered_documents(
    text: Text, file: InputFile
) -> Iterator[tuple[int, str | bytes, dict[str, Any] | ClaimError | None]]:
    """The documents of a file of JSON: the line of each (in an array: its number), as it stands there, and what it says; None for
    a blank line."""
    if file.format == "json":
        for number, (document, told) in enumerate(read_documents(text.chunks(), file.name), 1):
            yield number, told, document
        return
    for number, line in enumerate(text.lines(), 1):
        if not line.strip():
            yield number, line, None
            continue
        try:
            yield number, line, read_document(line)
        except ClaimError as error:
            yield number, line, error
