"""Slices of documents and workbooks, whose rows are read value by value and decoded as columns of text.

A document is a line of NDJSON, an element of an array, or an object over several lines; its rows stand where the mapping says.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from pipeline.inputs.decode import Decoded, Rejected, rejection
from pipeline.inputs.documents import compile_path, read_document, read_documents, rows_of, value_at
from pipeline.inputs.errors import InputError
from pipeline.inputs.files import BLANK, DAMAGE, LINE_ENDS, InputFile, damaged, opened
from pipeline.inputs.fitting import Fitted, fit
from pipeline.inputs.forms import Number
from pipeline.inputs.mapping import Mapping
from pipeline.inputs.packing import Format
from pipeline.inputs.slicing import Cut, Lines, Piece, stretches, with_refused
from pipeline.inputs.workbook import DOUBTFUL, Sheet, as_text
from topics.claims.codec import ClaimError

_LOOKED_AT = 1_000
"""Documents from which it is told which columns a file of them has. It decides nothing: every document is asked for all."""


def json_form(file: InputFile) -> Format:
    """Whether a file of JSON is one document a line, or an array, or documents over several lines."""
    try:
        with opened(file) as text:
            first = next((line for line in text.lines() if line.strip(BLANK)), b"")
    except DAMAGE:
        return "ndjson"  # told when it is read
    start = first.lstrip()
    if start.startswith(b"["):
        return "json"
    if not start.startswith(b"{") or (file.member or file.path.name).lower().removesuffix(".gz").endswith(
        (".ndjson", ".jsonl")
    ):
        return "ndjson"
    try:
        read_document(first.rstrip(LINE_ENDS))
    except ClaimError as error:
        return "json" if error.kind == "invalid_json" else "ndjson"
    return "ndjson"


def fit_documents(mapping: Mapping, there: Sequence[str] = ()) -> Fitted:
    """Documents have no schema: every column that the mapping names is asked for, in every document."""
    columns = [column for column in mapping.columns if not _is_reversal(mapping, column) or column in there]
    return fit(mapping, dict.fromkeys(columns, pl.String()))


def _is_reversal(mapping: Mapping, column: str) -> bool:
    return mapping.refund is not None and column == mapping.refund.reversal_of


def members_named(file: InputFile, mapping: Mapping) -> list[str]:
    """What the documents of a file name: the members of its first rows, and those of the mapping's columns whose name stands
    anywhere in the file."""
    found: dict[str, None] = {}
    wanted = mapping.columns
    with opened(file) as text:
        documents: Iterator[Any] = (
            (document for document, _ in read_documents(text.chunks(), file.name))
            if file.format == "json"
            else map(_document_of, text.lines())
        )
        try:
            for document in itertools.islice(documents, _LOOKED_AT):
                for row in rows_of(document, mapping.rows) or () if isinstance(document, dict) else ():
                    found.update(dict.fromkeys(row.value))
                    found.update({column: None for column in wanted if value_at(row, column) is not None})
        except (InputError, *DAMAGE):
            pass  # told when it is read
    missing = {f'"{compile_path(column)[-1].name}"'.encode(): column for column in wanted if column not in found}
    with opened(file) as text:
        before = b""
        try:
            for chunk in text.chunks():
                for name in [name for name in missing if name in chunk or name in before[-256:] + chunk[:256]]:
                    found[missing.pop(name)] = None
                before = chunk
                if not missing:
                    break
        except DAMAGE:
            pass
    return list(found)


def _document_of(line: bytes) -> dict[str, Any] | None:
    try:
        return read_document(line.rstrip(LINE_ENDS)) if line.strip(BLANK) else None
    except ClaimError:
        return None


@dataclass(slots=True)
class _Rows:
    """Rows of documents as they gather for a slice."""

    values: list[dict[str, Any]]
    refused: list[Rejected]
    places: list[int]
    lines: int = 0
    blank: int = 0
    rowless: int = 0
    further: int = 0

    def refuse(self, place: int, error: ClaimError, raw: bytes) -> None:
        self.refused.append(rejection(len(self.places), error, raw))
        self.places.append(place)


def rows_of_lines(file: InputFile, mapping: Mapping, cut: Cut) -> Iterator[Piece]:
    """A file of one JSON document a line, cut after so many lines. Raises InputError where it is damaged, after what is whole."""
    fitted = fit_documents(mapping, _reversal_there(file, mapping))
    line, read = 1, 0
    with opened(file) as text:
        for lines, damage in stretches(text.lines(), cut.lines):
            gathered = _Rows([], [], [])
            for place, raw in enumerate(lines, line):
                gathered.lines += 1
                if not raw.strip(BLANK):
                    gathered.blank += 1
                    continue
                try:
                    _gather(gathered, place, read_document(raw.rstrip(LINE_ENDS)), mapping, fitted)
                except ClaimError as error:
                    gathered.refuse(place, error, raw.rstrip(LINE_ENDS))
            weight = text.read_of_file - read
            read += weight
            if lines:
                yield _document_piece(gathered, line, weight, fitted)
            line += len(lines)
            if damage is not None:
                raise damaged(file, damage, f"line {line - 1:,}")


def _reversal_there(file: InputFile, mapping: Mapping) -> list[str]:
    if mapping.refund is None or mapping.refund.reversal_of is None:
        return []
    return members_named(file, mapping)


def json_pieces(file: InputFile, mapping: Mapping, cut: Cut) -> Iterator[Piece]:
    """A file that is one JSON document, or an array of documents, cut after so many. Raises InputError where it is damaged."""
    fitted = fit_documents(mapping, _reversal_there(file, mapping))
    first = number = read = 0
    gathered = _Rows([], [], [])
    with opened(file) as text:
        try:
            for number, (document, shown) in enumerate(read_documents(text.chunks(), file.name), 1):
                gathered.lines += 1
                if isinstance(document, ClaimError):
                    gathered.refuse(number, document, shown.encode("utf-8", "backslashreplace"))
                else:
                    _gather(gathered, number, document, mapping, fitted)
                if len(gathered.places) >= cut.lines:
                    weight = text.read_of_file - read
                    read += weight
                    yield _document_piece(gathered, first + 1, weight, fitted)
                    first, gathered = number, _Rows([], [], [])
        except (InputError, *DAMAGE) as error:
            yield _document_piece(gathered, first + 1, text.read_of_file - read, fitted)
            if isinstance(error, InputError):
                raise
            raise damaged(file, error, f"document {number:,}") from error
        if gathered.lines or not number:
            yield _document_piece(gathered, first + 1, text.read_of_file - read, fitted)


def _gather(gathered: _Rows, place: int, document: dict[str, Any], mapping: Mapping, fitted: Fitted) -> None:
    rows = rows_of(document, mapping.rows)
    if rows is None:
        raw = str(list(document)[:20]).encode()
        gathered.rowless += 1
        gathered.refuse(
            place,
            ClaimError("missing_field", f"no row at {' or '.join(mapping.rows)}; the document names {raw.decode()}"),
            raw,
        )
        return
    gathered.further += len(rows) - 1
    for row in rows:
        gathered.values.append({column: value_at(row, column) for column in fitted.columns})
        gathered.places.append(place)


def _document_piece(gathered: _Rows, first: int, weight: int, fitted: Fitted) -> Piece:
    decode = partial(_decode_values, gathered.values, tuple(gathered.refused), len(gathered.places), fitted)
    lines = Lines(lines=gathered.lines, blank=gathered.blank, rowless=gathered.rowless, further=gathered.further)
    return first, len(gathered.places), weight, decode, lines, gathered.places


def _decode_values(values: list[dict[str, Any]], refused: Sequence[Rejected], rows: int, fitted: Fitted) -> Decoded:
    frame = pl.DataFrame(
        [
            pl.Series(
                column, [_column_text(row[column], amount=column in fitted.amounts) for row in values], dtype=pl.String
            )
            for column in fitted.columns
        ]
    )
    return with_refused(frame if values else pl.DataFrame(), values, refused, rows, fitted)


def _column_text(value: Any, *, amount: bool) -> str | None:
    """A value of JSON as text that is right for its field beyond doubt, else one that is right for none."""
    if isinstance(value, Number):
        return value if amount or value.is_whole else DOUBTFUL
    return as_text(value)


# -- workbooks ----------------------------------------------------------------------------------------------------


def workbook_pieces(file: InputFile, mapping: Mapping, cut: Cut) -> Iterator[Piece]:
    """The sheet of a workbook, cut after so many rows. Raises InputError where it cannot be read."""
    sheet = Sheet(file.path, file.name, mapping.sheet, mapping.columns)
    fitted = fit(mapping, dict.fromkeys(sheet.columns, pl.String()))
    rows = sheet.rows()
    first, heading = sheet.header + 1, Lines(lines=sheet.header, blank=sheet.blank, header=sheet.header - sheet.blank)
    done = False
    while not done:
        stretch = list(itertools.islice(rows, cut.lines))
        done = len(stretch) < cut.lines
        kept = [(number, row) for number, row in stretch if row is not None]
        values = [{column: row.get(column) for column in fitted.columns} for _, row in kept]
        lines = Lines(
            lines=heading.lines + len(stretch), blank=heading.blank + len(stretch) - len(kept), header=heading.header
        )
        weight = file.size * len(stretch) // max(1, sheet.height)
        decode = partial(_decode_values, values, (), len(kept), fitted)
        yield first, len(kept), weight, decode, lines, [number for number, _ in kept]
        first, heading = first + len(stretch), Lines()
