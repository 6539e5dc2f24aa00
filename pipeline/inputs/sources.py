"""Files of claims, cut into slices: enough at a time to be fast, never so much that memory grows with the input.

Slices depend on the files alone. So a run that was interrupted finds the same slices again, and part N of the output always comes
from slice N.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.inputs.csv_text import Block, read_block
from pipeline.inputs.decode import Decoded, decode_frame, decode_lines, decode_values, rejection
from pipeline.inputs.document_slices import (
    fit_documents,
    json_form,
    json_pieces,
    members_named,
    rows_of_lines,
    workbook_pieces,
)
from pipeline.inputs.encodings import Encoding
from pipeline.inputs.errors import InputError, MappingError
from pipeline.inputs.files import DAMAGE, LINE_ENDS, PASSED_OVER, InputFile, by_its_bytes, damaged, find_inputs, opened
from pipeline.inputs.fitting import Fitted, fit
from pipeline.inputs.header import read_header, told_of_titles
from pipeline.inputs.mapping import CONTRACT, Mapping
from pipeline.inputs.slicing import (
    SLICE_BYTES,
    SLICE_LINES,
    SLICE_ROWS,
    Cut,
    Lines,
    Notice,
    Piece,
    Prepared,
    Slice,
    stretches,
    with_refused,
)
from pipeline.inputs.workbook import Sheet
from topics.normalisation import normal_id

# -- before anything is read --------------------------------------------------------------------------------------


def open_inputs(wanted: str, mapping: Mapping, encoding: Encoding | None = None) -> Prepared:
    """Finds the files of a path, folder or pattern and prepares them. Raises InputError."""
    found = find_inputs(wanted)
    prepared = prepare(found.files, mapping, encoding)
    over = tuple(Notice(name, PASSED_OVER) for name in found.passed_over)
    return replace(prepared, notices=(*prepared.notices, *over))


def prepare(files: Sequence[InputFile], mapping: Mapping, encoding: Encoding | None = None) -> Prepared:
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


def _prepare(
    file: InputFile, mapping: Mapping, encoding: Encoding | None
) -> tuple[InputFile, Fitted | None, list[Notice]]:
    if file.format == "records":
        return file, None, []
    file, told = by_its_bytes(file, encoding)
    notices = [Notice(file.name, text) for text in told]
    if file.format == "parquet":
        schema: dict[str, Any] = dict(pl.read_parquet_schema(file.path))
        if not schema:
            raise InputError(f"{file.name}: is Parquet without any column; expected claims")
        renames = _trimmed_names(schema)
        notices += [Notice(file.name, f"column {old!r} is read as {new}", doubt=True) for old, new in renames.items()]
        schema = {renames.get(name, name): dtype for name, dtype in schema.items()}
        return file, fit(mapping, schema), notices + _told_of_columns(file, mapping, list(schema))
    if file.format == "xlsx":
        sheet = Sheet(file.path, file.name, mapping.sheet, mapping.columns)
        fitted = _fit(mapping, sheet.columns, sheet.header)
        notices += [Notice(file.name, text, doubt=doubt) for text, doubt in sheet.told]
        return file, fitted, notices + _told_of_columns(file, mapping, sheet.columns)
    if file.format == "csv":
        with opened(file) as text:
            header, _ = read_header(text.lines(), file.name, mapping.columns)
        notices += [
            Notice(file.name, f"column {name} has blanks around its name; it is read without them", doubt=True)
            for name in header.renamed
        ]
        if header.above:
            notices.append(Notice(file.name, told_of_titles(header.line, header.above)))
        if header.delimiter != ",":
            notices.append(Notice(file.name, f"fields are separated by {header.delimiter!r}, by its header"))
        fitted = _fit(mapping, header.names, header.line)
        return file, fitted, notices + _told_of_columns(file, mapping, header.names)
    file = replace(file, format=json_form(file))
    there = members_named(file, mapping)
    if mapping.name == CONTRACT and file.format == "ndjson":
        return file, None, notices + _told_of_columns(file, mapping, there)
    fitted = fit_documents(mapping)
    missing = [
        f"{name}: no document has {' or '.join(source.names)}"
        for name, source in mapping.fields.items()
        if source.names and not source.optional and source.absent is None and source.division_in is None
        and not any(column in there for column in source.names)
    ]  # fmt: skip
    if missing and there:
        raise MappingError([f"{problem}{_hint(problem, there)}" for problem in missing])
    return file, fitted, notices + _told_of_columns(file, mapping, there)


def _fit(mapping: Mapping, names: Sequence[str], line: int) -> Fitted:
    """Fits a mapping to the columns that a header names. Raises MappingError."""
    try:
        return fit(mapping, dict.fromkeys(names, pl.String()))
    except MappingError as error:
        if set(names) & set(mapping.columns):
            raise
        told = (
            f"line {line} names none of the columns that mapping {mapping.name} reads: if the file has no header, put one "
            "above its rows; if its columns have other names, `screening mapping new FILE` proposes a mapping of them"
        )
        raise MappingError([told, *error.problems]) from None


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
    spare = [name for name in there if name not in mapping.columns]
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
    return int(pl.scan_parquet(path, hive_partitioning=False).select(pl.len()).collect().item())


# -- cutting ------------------------------------------------------------------------------------------------------


def slices(inputs: tuple[InputFile, ...], mapping: Mapping, cut: Cut | None = None) -> Iterator[Slice]:
    """All slices of prepared inputs in order. Raises InputError for a file that cannot be read to its end, after the slices of
    what could be read."""
    cut = cut or Cut(SLICE_ROWS, SLICE_LINES, SLICE_BYTES)
    number = row = 0
    for file in inputs:
        pieces = {
            "parquet": _parquet, "ndjson": _ndjson, "json": json_pieces, "csv": _csv, "xlsx": workbook_pieces,
            "records": _records,
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


def _parquet(file: InputFile, mapping: Mapping, cut: Cut) -> Iterator[Piece]:
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


def _records(file: InputFile, _mapping: Mapping, cut: Cut) -> Iterator[Piece]:
    total = _height(file.path)
    for start in range(0, total, cut.lines):
        rows = min(cut.lines, total - start)
        decode = partial(_decode_records, file.path, start, rows)
        yield start + 1, rows, file.size * rows // total, decode, Lines(lines=rows), None


def _decode_records(path: Path, start: int, rows: int) -> Decoded:
    values = pl.scan_parquet(path, hive_partitioning=False).select("value").slice(start, rows).collect()
    return decode_values(values["value"].to_list())


def _ndjson(file: InputFile, mapping: Mapping, cut: Cut) -> Iterator[Piece]:
    if mapping.name != CONTRACT:
        yield from rows_of_lines(file, mapping, cut)
        return
    line, read = 1, 0
    with opened(file) as text:
        for lines, damage in stretches(text.lines(), cut.lines):
            kept = [item.rstrip(LINE_ENDS) for item in lines]
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


# -- CSV ----------------------------------------------------------------------------------------------------------


def _csv(file: InputFile, mapping: Mapping, cut: Cut) -> Iterator[Piece]:
    read = 0
    with opened(file) as text:
        header, lines = read_header(text.lines(), file.name, mapping.columns)
        fitted = fit(mapping, dict.fromkeys(header.names, pl.String()))
        first, heading = header.line + 1, Lines(lines=header.line, blank=header.blank, header=1 + header.above)
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


def _csv_piece(block: Block, fitted: Fitted, first: int, weight: int, heading: Lines) -> Piece:
    refused = [rejection(place, item.error, item.raw) for place, item in block.refused.items()]
    decode = partial(with_refused, block.frame, None, refused, len(block.lines), fitted)
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
