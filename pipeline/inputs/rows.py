"""Every row of a file as named values, for registers and rosters, which are small: a whole file is in memory at a time.

Claims come by the million and are read as columns (`sources`); both use the same readers of each format.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from pipeline.inputs.csv_text import read_block
from pipeline.inputs.document_slices import json_form
from pipeline.inputs.documents import Row, read_document, read_documents, rows_of, value_at
from pipeline.inputs.encodings import Encoding
from pipeline.inputs.files import BLANK, DAMAGE, LINE_ENDS, FileText, InputFile, by_its_bytes, damaged, opened
from pipeline.inputs.header import read_header, told_of_titles
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
    """A file: the columns that it names (for documents: those of all rows), its rows, how its lines divide, and what people
    should know of it."""

    columns: tuple[str, ...]
    rows: tuple[NamedRow, ...]
    lines: Lines
    told: tuple[str, ...] = ()
    sheet: str | None = None
    """The sheet of a workbook that has several with content."""


def read_table(
    file: InputFile,
    wanted: Sequence[str],
    *,
    encoding: Encoding | None = None,
    paths: Sequence[str] = (),
    sheet: str | None = None,
    most: int | None = None,
    headings: Collection[str] | None = None,
) -> Table:
    """Reads a file, or of text and Parquet the first `most` lines or rows. `wanted` are the paths asked for in documents, `paths`
    say where their rows stand, `sheet` names that of a workbook, and the header is the row that has some of `headings`
    (by default: of what is wanted). Raises InputError for a file that cannot be read to its end."""
    named = wanted if headings is None else headings
    try:
        if file.format == "parquet":
            frame = pl.read_parquet(file.path, n_rows=most)
            rows = tuple(NamedRow(number, row) for number, row in enumerate(frame.iter_rows(named=True), 1))
            return Table(tuple(frame.columns), rows, Lines(lines=len(rows)))
        if file.format == "xlsx":
            return _sheet(Sheet(file.path, file.name, sheet, named), most)
        file, told = by_its_bytes(file, encoding)
        if file.format == "csv":
            table = _csv(file, named, most)
        else:
            table = _documents(replace(file, format=json_form(file)), wanted, paths, most)
        return replace(table, told=(*told, *table.told))
    except (pl.exceptions.PolarsError, *DAMAGE) as error:
        raise damaged(file, error, "its beginning") from error


def _sheet(sheet: Sheet, most: int | None) -> Table:
    every = list(itertools.islice(sheet.rows(), most))
    kept = tuple(NamedRow(number, row) for number, row in every if row is not None)
    blank = len(every) - len(kept) + sheet.blank
    lines = Lines(lines=sheet.header + len(every), blank=blank, header=sheet.header - sheet.blank)
    return Table(
        sheet.columns, kept, lines, tuple(text for text, _ in sheet.told), sheet.name if sheet.several else None
    )


def _csv(file: InputFile, wanted: Collection[str], most: int | None) -> Table:
    with opened(file) as text:
        header, lines = read_header(text.lines(), file.name, wanted)
        block = read_block(list(itertools.islice(lines, most)), header.line + 1, header, last=True)
    good = block.frame.iter_rows(named=True)
    rows = tuple(
        NamedRow(line, {}, str(block.refused[place].error)) if place in block.refused else NamedRow(line, next(good))
        for place, line in enumerate(block.lines)
    )
    lines_of = Lines(
        lines=header.line + block.used,
        blank=block.blank + header.blank,
        continued=block.continued,
        header=1 + header.above,
    )
    told = (told_of_titles(header.line, header.above),) if header.above else ()
    return Table(header.names, rows, lines_of, told)


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
    text: FileText, file: InputFile
) -> Iterator[tuple[int, str | bytes, dict[str, Any] | ClaimError | None]]:
    """The documents of a file of JSON: the line of each (in an array: its number), as it stands there, and what it says; None for
    a blank line."""
    if file.format == "json":
        for number, (document, told) in enumerate(read_documents(text.chunks(), file.name), 1):
            yield number, told, document
        return
    for number, line in enumerate(text.lines(), 1):
        if not line.strip(BLANK):
            yield number, line, None
            continue
        try:
            yield number, line, read_document(line.rstrip(LINE_ENDS))
        except ClaimError as error:
            yield number, line, error
