"""Files of claims, cut into slices: enough at a time to be fast, never so much that memory grows with the input.

Slices depend on the files alone. So a run that was interrupted finds the same slices again, and part N of the output always comes
from slice N.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.inputs.csv_text import Block, read_block, read_header
from pipeline.inputs.decode import Decoded, Rejected, decode_frame, decode_lines, decode_values, rejection
from pipeline.inputs.documents import compile_path, read_document, read_documents, rows_of, value_at
from pipeline.inputs.errors import InputError, MappingError
from pipeline.inputs.files import DAMAGE, UTF8, Format, InputFile, damaged, encoding_of, find_inputs, opened
from pipeline.inputs.fitting import Fitted, fit
from pipeline.inputs.forms import Number
from pipeline.inputs.mapping import CONTRACT, Mapping
from pipeline.inputs.workbook import DOUBTFUL, Sheet, as_text
from topics.claims.codec import ClaimError
from topics.normalisation import normal_id

SLICE_ROWS = 524_288
"""Rows of Parquet in a slice: two of polars' row groups, half of Arrow's, so that no group is decoded twice for nothing."""

SLICE_LINES = 131_072
"""Lines of JSON in a slice; they are Python objects, of which there must not be too many at once."""

SLICE_BYTES = 64 << 20
"""Bytes of CSV in a slice."""

_LOOKED_AT = 1_000
"""Documents from which it is told which columns a file of them has. It decides nothing: every document is asked for all."""


@dataclass(frozen=True, slots=True)
class Lines:
    """How the lines of a stretch of a file divide: `rows` begin a record or are one, `blank` hold nothing, `continued` carry
    a record on, `header` name the columns. For documents over several lines, what is counted are documents: those without a
    row are `rowless`, and rows beyond the first of a document are `further`."""

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


_Piece = tuple[int, int, int, Callable[[], Decoded], Lines, Sequence[int] | None]
"""First line, rows, weight, decode, lines, places."""


# -- before anything is read --------------------------------------------------------------------------------------


def open_inputs(wanted: str, mapping: Mapping, encoding: str | None = None) -> Prepared:
    """Finds the files of a path, folder or pattern and prepares them. Raises InputError."""
    found = find_inputs(wanted)
    prepared = prepare(found.files, mapping, encoding)
    over = tuple(Notice(name, "is not read: its name is that of no known format") for name in found.passed_over)
    return replace(prepared, notices=(*prepared.notices, *over))


def prepare(files: Sequence[InputFile], mapping: Mapping, encoding: str | None = None) -> Prepared:
    """Finds the encoding and form of every file and fits the mapping to it, before anything is decided.

    Raises MappingError with the problems of all files.
    """
    problems: dict[str, None] = {}
    ready: list[InputFile] = []
    notices: list[Notice] = []
    for file in files:
        try:
            made, fitted, told = _prepare(file, mapping, encoding)
        except MappingError as error:
            problems.update({f"{file.name}: {problem}": None for problem in error.problems})
        except InputError as error:
            problems[str(error)] = None
        except (pl.exceptions.PolarsError, *DAMAGE) as error:
            problems[f"{file.name}: cannot be read as {file.format}: {error}"] = None
        else:
            ready.append(made)
            notices += told
            if fitted is not None:
                notices += [Notice(file.name, text) for text in fitted.notices]
    if problems:
        raise MappingError(tuple(problems))
    return Prepared(tuple(ready), tuple(notices))


def _prepare(file: InputFile, mapping: Mapping, encoding: str | None) -> tuple[InputFile, Fitted | None, list[Notice]]:
    notices: list[Notice] = []
    if file.format == "records":
        return file, None, []
    if file.format == "parquet":
        schema: dict[str, Any] = dict(pl.read_parquet_schema(file.path))
        renames = _trimmed_names(schema)
        notices += [Notice(file.name, f"column {old!r} is read as {new}", doubt=True) for old, new in renames.items()]
        schema = {renames.get(name, name): dtype for name, dtype in schema.items()}
        return file, fit(mapping, schema), notices + _told_of_columns(file, mapping, list(schema))
    if file.format == "xlsx":
        sheet = Sheet(file.path, file.name, mapping.sheet)
        fitted = fit(mapping, dict.fromkeys(sheet.columns, pl.String()))
        return file, fitted, _told_of_columns(file, mapping, sheet.columns)
    if encoding is not None:
        file = replace(file, encoding=encoding)
    elif file.format == "csv":
        file = replace(file, encoding=encoding_of(file))
        if file.encoding != UTF8:
            notices.append(
                Notice(file.name, f"is read as {file.encoding.upper()}, by its bytes; --encoding says otherwise")
            )
    if file.format == "csv":
        with opened(file) as text:
            header = read_header(text.lines(), file.name)
        notices += [
            Notice(file.name, f"column {name} has blanks around its name; it is read without them", doubt=True)
            for name in header.renamed
        ]
        if header.delimiter != ",":
            notices.append(Notice(file.name, f"fields are separated by {header.delimiter!r}, by its header"))
        fitted = fit(mapping, dict.fromkeys(header.names, pl.String()))
        return file, fitted, notices + _told_of_columns(file, mapping, header.names)
    file = replace(file, format=json_form(file))
    named = _named(file, mapping)
    if mapping.name == CONTRACT and file.format == "ndjson":
        return file, None, notices + _told_of_columns(file, mapping, named)
    fitted = _fit_documents(mapping)
    missing = [
        f"{name}: no document has {' or '.join(source.names)}"
        for name, source in mapping.fields.items()
        if source.names and not source.optional and source.absent is None and source.division_in is None
        and not any(column in named for column in source.names)
    ]  # fmt: skip
    if missing and named:
        raise MappingError([f"{problem}{_hint(problem, named)}" for problem in missing])
    return file, fitted, notices + _told_of_columns(file, mapping, named)


def _hint(problem: str, named: Sequence[str]) -> str:
    wanted = problem.rpartition(" ")[2]
    near = difflib.get_close_matches(wanted, named, n=1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else ""


def _trimmed_names(names: Sequence[str] | dict[str, Any]) -> dict[str, str]:
    """Column names that have blanks or invisible characters, by what they are read as."""
    found = {name: normal_id(name) for name in names}
    return {old: new for old, new in found.items() if old != new and new and list(found.values()).count(new) == 1}


def _told_of_columns(file: InputFile, mapping: Mapping, there: Sequence[str]) -> list[Notice]:
    """What of a mapping a source lacks, and what of a source no mapping reads."""
    used = {column for source in mapping.fields.values() for column in (*source.names, source.division_in) if column}
    if mapping.refund is not None:
        used |= {mapping.refund.column, mapping.refund.reversal_of or ""}
    spare = [name for name in there if name not in used]
    notices = []
    absent = []
    for name, source in mapping.fields.items():
        if source.constant is not None or any(column in there for column in source.names):
            continue
        if not source.names or source.division_in in there:
            continue
        near = _resembling(source.names, spare)
        column = " or ".join(source.names)
        if near is not None:
            notices.append(
                Notice(
                    file.name, f"{name}: there is no column {column}; is it {near}? It is taken as absent", doubt=True
                )
            )
        elif name == "physician_code":
            notices.append(
                Notice(
                    file.name,
                    f"{name}: there is no column {column}: every claim counts as without physician",
                    doubt=True,
                )
            )
        else:
            absent.append(column)
    if absent:
        notices.append(Notice(file.name, f"has no {', '.join(absent)}: taken as absent", noted=True))
    if spare:
        shown = ", ".join(spare[:12]) + (f" and {len(spare) - 12} more" if len(spare) > 12 else "")
        notices.append(Notice(file.name, f"columns that no field is read from: {shown}", noted=True))
    return notices


def _resembling(wanted: Sequence[str], spare: Sequence[str]) -> str | None:
    """A column that nothing reads and whose name is nearly one that is wanted."""
    plain = {_folded(name): name for name in spare}
    for name in wanted:
        near = difflib.get_close_matches(_folded(name), plain, n=1, cutoff=0.72)
        if near:
            return plain[near[0]]
    return None


def _folded(name: str) -> str:
    return "".join(character for character in normal_id(name).casefold() if character.isalnum())


def rows_known(inputs: tuple[InputFile, ...]) -> int | None:
    """Rows of the inputs where their footers tell them; None when a file has to be read to know."""
    if any(file.format not in ("parquet", "records") for file in inputs):
        return None
    return sum(_height(file.path) for file in inputs)


def _height(path: Path) -> int:
    return int(pl.scan_parquet(path).select(pl.len()).collect().item())


# -- cutting ------------------------------------------------------------------------------------------------------


def slices(inputs: tuple[InputFile, ...], mapping: Mapping, cut: Cut | None = None) -> Iterator[Slice]:
    """All slices of prepared inputs in order. Raises InputError for a file that cannot be read to its end, after the slices of
    what could be read."""
    cut = cut or Cut(SLICE_ROWS, SLICE_LINES, SLICE_BYTES)
    number = row = 0
    for file in inputs:
        pieces = {
            "parquet": _parquet, "ndjson": _ndjson, "json": _json, "csv": _csv, "xlsx": _workbook, "records": _records,
        }[file.format]  # fmt: skip
        try:
            for first_line, rows, weight, decode, lines, places in pieces(file, mapping, cut):
                told = partial(_decoded, file, first_line, decode)
                yield Slice(number, file.name, row, first_line, rows, weight, told, lines, places)
                number, row = number + 1, row + rows
        except (pl.exceptions.PolarsError, *DAMAGE) as error:
            raise InputError(f"{file.name}: cannot be read as {file.format}: {error}") from error


def _decoded(file: InputFile, first_line: int, decode: Callable[[], Decoded]) -> Decoded:
    """A slice, read when it is asked for: damage within a file shows only then. Raises InputError."""
    try:
        return decode()
    except (pl.exceptions.PolarsError, *DAMAGE) as error:
        raise InputError(f"{file.name}: cannot be read from row {first_line:,} on: {error}") from error


def _parquet(file: InputFile, mapping: Mapping, cut: Cut) -> Iterator[_Piece]:
    scan = pl.scan_parquet(file.path)
    schema = scan.collect_schema()
    renames = _trimmed_names(schema.names())
    if renames:
        scan = scan.rename(renames)
    fitted = fit(mapping, scan.collect_schema())
    total = _height(file.path)
    wanted = scan.select(fitted.columns)
    for start in range(0, total, cut.rows):
        rows = min(cut.rows, total - start)
        decode = partial(_decode_rows, wanted, start, rows, fitted)
        yield start + 1, rows, file.size * rows // total, decode, Lines(lines=rows), None


def _decode_rows(wanted: pl.LazyFrame, start: int, rows: int, fitted: Fitted) -> Decoded:
    return decode_frame(wanted.slice(start, rows).collect(), fitted)


def _records(file: InputFile, _mapping: Mapping, _cut: Cut) -> Iterator[_Piece]:
    rows = _height(file.path)
    yield 1, rows, file.size, partial(_decode_records, file.path), Lines(lines=rows), None


def _decode_records(path: Path) -> Decoded:
    return decode_values(pl.read_parquet(path, columns=["value"])["value"].to_list())


def _ndjson(file: InputFile, mapping: Mapping, cut: Cut) -> Iterator[_Piece]:
    if mapping.name != CONTRACT:
        yield from _rows_of_lines(file, mapping, cut)
        return
    line, read = 1, 0
    with opened(file) as text:
        for lines, damage in _stretches(text.lines(), cut.lines):
            kept = [item.rstrip(b"\r\n") for item in lines]
            places: list[int] | None = None
            if not all(map(bytes.strip, kept)):
                places = [place for place, item in enumerate(kept, line) if item.strip()]
                kept = [item for item in kept if item.strip()]
            weight = text.read_of_file - read
            read += weight
            if lines:
                counts = Lines(lines=len(lines), blank=len(lines) - len(kept))
                yield line, len(kept), weight, partial(decode_lines, kept), counts, places
            line += len(lines)
            if damage is not None:
                raise damaged(file, damage, f"line {line - 1:,}")


def _stretches(lines: Iterator[bytes], count: int) -> Iterator[tuple[list[bytes], BaseException | None]]:
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


# -- CSV ----------------------------------------------------------------------------------------------------------


def _csv(file: InputFile, mapping: Mapping, cut: Cut) -> Iterator[_Piece]:
    read = 0
    with opened(file) as text:
        lines = text.lines()
        header = read_header(lines, file.name)
        fitted = fit(mapping, dict.fromkeys(header.names, pl.String()))
        first, heading = header.line + 1, Lines(lines=header.line, blank=header.line - 1, header=1)
        carried: list[bytes] = []
        for stretch, damage, last in _blocks(lines, cut.size):
            block = read_block([*carried, *stretch], first, header, last=last)
            carried = [*carried, *stretch][block.used :]
            weight = text.read_of_file - read
            read += weight
            yield _csv_piece(block, fitted, first, weight, heading)
            first, heading = first + block.used, Lines()
            if damage is not None:
                raise damaged(file, damage, f"line {first - 1:,}")
        if heading.header:
            yield (
                header.line + 1,
                0,
                text.read_of_file - read,
                partial(decode_frame, pl.DataFrame(), fitted),
                heading,
                [],
            )


def _csv_piece(block: Block, fitted: Fitted, first: int, weight: int, heading: Lines) -> _Piece:
    refused = [rejection(place, item.error, item.raw) for place, item in block.refused.items()]
    decode = partial(_with_refused, block.frame, None, refused, len(block.lines), fitted)
    lines = Lines(
        lines=heading.lines + block.used,
        blank=heading.blank + block.blank,
        continued=block.continued,
        header=heading.header,
    )
    plain = not block.blank and not block.continued
    return first, len(block.lines), weight, decode, lines, None if plain else block.lines


def _blocks(lines: Iterator[bytes], size: int) -> Iterator[tuple[list[bytes], BaseException | None, bool]]:
    """About so many bytes of lines at a time, whether they are the last, and what kept them from being more."""
    held: list[bytes] = []
    held_bytes = 0
    try:
        for line in lines:
            if held_bytes >= size:
                yield held, None, False
                held, held_bytes = [], 0
            held.append(line)
            held_bytes += len(line)
    except (InputError, *DAMAGE) as error:
        yield held, error, True
        return
    if held:
        yield held, None, True


def _with_refused(
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


# -- documents ----------------------------------------------------------------------------------------------------


def json_form(file: InputFile) -> Format:
    """Whether a file of JSON is one document a line, or an array, or documents over several lines."""
    try:
        with opened(file) as text:
            first = next((line for line in text.lines() if line.strip()), b"")
    except DAMAGE:
        return "ndjson"  # told when it is read
    start = first.lstrip()
    if start.startswith(b"["):
        return "json"
    if not start.startswith(b"{") or file.path.name.lower().removesuffix(".gz").endswith((".ndjson", ".jsonl")):
        return "ndjson"
    try:
        read_document(first)
    except ClaimError as error:
        return "json" if error.kind == "invalid_json" else "ndjson"
    return "ndjson"


def _columns_wanted(mapping: Mapping) -> list[str]:
    wanted = [column for source in mapping.fields.values() for column in (*source.names, source.division_in) if column]
    if mapping.refund is not None:
        wanted += [mapping.refund.column, *([mapping.refund.reversal_of] if mapping.refund.reversal_of else [])]
    return list(dict.fromkeys(wanted))


def _fit_documents(mapping: Mapping, there: Sequence[str] = ()) -> Fitted:
    """Documents have no schema: every column that the mapping names is asked for, in every document."""
    columns = [column for column in _columns_wanted(mapping) if not _is_reversal(mapping, column) or column in there]
    return fit(mapping, dict.fromkeys(columns, pl.String()))


def _is_reversal(mapping: Mapping, column: str) -> bool:
    return mapping.refund is not None and column == mapping.refund.reversal_of


def _named(file: InputFile, mapping: Mapping) -> list[str]:
    """What the documents of a file name: the members of its first rows, and those of the mapping's columns whose name stands
    anywhere in the file."""
    found: dict[str, None] = {}
    wanted = _columns_wanted(mapping)
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
        return read_document(line) if line.strip() else None
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


def _rows_of_lines(file: InputFile, mapping: Mapping, cut: Cut) -> Iterator[_Piece]:
    fitted = _fit_documents(mapping, _reversal_there(file, mapping))
    line, read = 1, 0
    with opened(file) as text:
        for lines, damage in _stretches(text.lines(), cut.lines):
            gathered = _Rows([], [], [])
            for place, raw in enumerate(lines, line):
                gathered.lines += 1
                if not raw.strip():
                    gathered.blank += 1
                    continue
                try:
                    _gather(gathered, place, read_document(raw), mapping, fitted)
                except ClaimError as error:
                    gathered.refuse(place, error, raw.rstrip(b"\r\n"))
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
    return _named(file, mapping)


def _json(file: InputFile, mapping: Mapping, cut: Cut) -> Iterator[_Piece]:
    fitted = _fit_documents(mapping, _reversal_there(file, mapping))
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


def _document_piece(gathered: _Rows, first: int, weight: int, fitted: Fitted) -> _Piece:
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
    return _with_refused(frame if values else pl.DataFrame(), values, refused, rows, fitted)


def _column_text(value: Any, *, amount: bool) -> str | None:
    """A value of JSON as text that is right for its field beyond doubt, else one that is right for none."""
    if isinstance(value, Number):
        return value if amount or value.is_whole else DOUBTFUL
    return as_text(value)


# -- workbooks ----------------------------------------------------------------------------------------------------


def _workbook(file: InputFile, mapping: Mapping, cut: Cut) -> Iterator[_Piece]:
    sheet = Sheet(file.path, file.name, mapping.sheet)
    fitted = fit(mapping, dict.fromkeys(sheet.columns, pl.String()))
    rows = sheet.rows()
    first, heading = sheet.header + 1, Lines(lines=sheet.header, blank=sheet.header - 1, header=1)
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
