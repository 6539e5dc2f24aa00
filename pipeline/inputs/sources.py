"""Files of claims, cut into slices: enough at a time to be fast, never so much that memory grows with the input.

Slices depend on the files alone. So a run that was interrupted finds the same slices again, and part N of the output always comes
from slice N.
"""

from __future__ import annotations

import csv
import glob
import gzip
import hashlib
import io
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal

import msgspec
import polars as pl

from pipeline.inputs.decode import Decoded, Rejected, decode_frame, decode_lines, decode_values, rejection
from pipeline.inputs.errors import MappingError, ReplayError
from pipeline.inputs.fitting import Fitted, fit
from pipeline.inputs.mapping import CONTRACT, Mapping
from topics.claims.codec import ClaimError, check_shape

Format = Literal["parquet", "ndjson", "csv", "records"]
"""`records`: Parquet of a topic's records as received (`pipeline.replay.output.INPUT_SCHEMA`)."""

SLICE_ROWS = 524_288
"""Rows of Parquet in a slice: two of polars' row groups, half of Arrow's, so that no group is decoded twice for nothing."""

SLICE_LINES = 131_072
"""Lines of JSON in a slice; they are Python objects, of which there must not be too many at once."""

SLICE_BYTES = 64 << 20
"""Bytes of CSV in a slice."""

_SUFFIXES: dict[str, Format] = {
    ".parquet": "parquet", ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson", ".csv": "csv",
}  # fmt: skip
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HASH_CHUNK = 8 << 20
_READ_BYTES = 1 << 20
_SAMPLE_LINES = 1_000


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file of claims. `name` is how outputs speak of it: the path below the folder that was given, never the machine's own."""

    path: Path
    name: str
    format: Format
    size: int


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of one file. `first_row` counts over all files, `first_line` within the file, from 1 (a CSV's header included);
    `weight` is its share of the input in bytes. `decode` reads it; it may be called from any thread."""

    number: int
    file: str
    first_row: int
    first_line: int
    rows: int
    weight: int
    decode: Callable[[], Decoded]


# -- finding ------------------------------------------------------------------------------------------------------


def find_inputs(wanted: str) -> tuple[InputFile, ...]:
    """The files of a path, a folder or a glob, in the order of their names. Raises ReplayError."""
    place = Path(wanted)
    if place.is_dir():
        base, paths = place, [path for path in place.rglob("*") if path.is_file() and _format(path) is not None]
        if not paths:
            raise ReplayError(f"{wanted}: holds no claims; expected files named {_expected()}")
    elif place.is_file():
        base, paths = place.parent, [place]
    else:
        paths = [Path(name) for name in glob.glob(wanted, recursive=True) if Path(name).is_file()]  # noqa: PTH207  # a pattern may be absolute
        if not paths:
            raise ReplayError(f"{wanted}: no such file, folder or pattern")
        base = Path(_common(paths))
    if not any(path.stat().st_size for path in paths):
        raise ReplayError(f"{wanted}: is empty; expected claims")
    return tuple(_input(path, base) for path in sorted(paths))


def _common(paths: list[Path]) -> Path:
    parents = [set(path.parents) for path in paths]
    return max(set.intersection(*parents), key=lambda path: len(path.parts))


def _input(path: Path, base: Path) -> InputFile:
    kind = _format(path)
    if kind is None:
        raise ReplayError(f"{path}: unknown format; expected {_expected()}")
    return InputFile(path, path.relative_to(base).as_posix(), kind, path.stat().st_size)


def _expected() -> str:
    return f"{', '.join(_SUFFIXES)} (all but .parquet also with .gz)"


def _format(path: Path) -> Format | None:
    suffixes = path.suffixes[-2:]
    if suffixes[-1:] == [".gz"]:
        found = _SUFFIXES.get(suffixes[0]) if len(suffixes) > 1 else None
        return None if found == "parquet" else found
    return _SUFFIXES.get(suffixes[-1]) if suffixes else None


def fingerprint(path: Path) -> str:
    """SHA-256 of a file's bytes. Raises ReplayError."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_HASH_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise ReplayError(f"{path}: {error.strerror}") from error
    return digest.hexdigest()


# -- cutting ------------------------------------------------------------------------------------------------------


def slices(inputs: tuple[InputFile, ...], mapping: Mapping) -> Iterator[Slice]:
    """All slices of the inputs in order. Raises ReplayError for a file that cannot be read or does not fit the mapping."""
    number = row = 0
    for file in inputs:
        cut = {"parquet": _parquet, "ndjson": _ndjson, "csv": _csv, "records": _records}[file.format]
        try:
            for piece in cut(file, mapping, number, row):
                yield piece
                number, row = piece.number + 1, piece.first_row + piece.rows
        except (pl.exceptions.PolarsError, OSError, EOFError, gzip.BadGzipFile) as error:
            raise ReplayError(f"{file.name}: cannot be read as {file.format}: {error}") from error


def check_inputs(inputs: tuple[InputFile, ...], mapping: Mapping) -> None:
    """Fits the mapping to every file before anything is decided. Raises MappingError with the problems of all of them."""
    problems: dict[str, None] = {}
    for file in inputs:
        try:
            _fit_file(file, mapping)
        except MappingError as error:
            problems.update({f"{file.name}: {problem}": None for problem in error.problems})
        except (pl.exceptions.PolarsError, OSError, EOFError, gzip.BadGzipFile) as error:
            problems[f"{file.name}: cannot be read as {file.format}: {error}"] = None
    if problems:
        raise MappingError(tuple(problems))


def _fit_file(file: InputFile, mapping: Mapping) -> None:
    if file.format == "parquet":
        fit(mapping, pl.read_parquet_schema(file.path))
    elif file.format == "csv":
        with _opened(file) as (stream, _):
            fit(mapping, dict.fromkeys(_header(stream, file.name), pl.String()))
    elif file.format == "ndjson" and mapping.name != CONTRACT:
        with _opened(file) as (stream, _):
            _fit_lines(list(itertools.islice(stream, _SAMPLE_LINES)), mapping)


def rows_known(inputs: tuple[InputFile, ...]) -> int | None:
    """Rows of the inputs where their footers tell them; None when a file has to be read to know."""
    if any(file.format not in ("parquet", "records") for file in inputs):
        return None
    return sum(int(pl.scan_parquet(file.path).select(pl.len()).collect().item()) for file in inputs)


def _parquet(file: InputFile, mapping: Mapping, number: int, first_row: int) -> Iterator[Slice]:
    scan = pl.scan_parquet(file.path)
    total = int(scan.select(pl.len()).collect().item())
    fitted = fit(mapping, scan.collect_schema())
    wanted = scan.select(fitted.columns)
    for start in range(0, total, SLICE_ROWS):
        rows = min(SLICE_ROWS, total - start)
        decode = partial(_decode_rows, wanted, start, rows, fitted)
        weight = file.size * rows // total
        yield Slice(number + start // SLICE_ROWS, file.name, first_row + start, start + 1, rows, weight, decode)


def _decode_rows(wanted: pl.LazyFrame, start: int, rows: int, fitted: Fitted) -> Decoded:
    return decode_frame(wanted.slice(start, rows).collect(), fitted)


def _records(file: InputFile, _mapping: Mapping, number: int, first_row: int) -> Iterator[Slice]:
    rows = int(pl.scan_parquet(file.path).select(pl.len()).collect().item())
    yield Slice(number, file.name, first_row, 1, rows, file.size, partial(_decode_records, file.path))


def _decode_records(path: Path) -> Decoded:
    return decode_values(pl.read_parquet(path, columns=["value"])["value"].to_list())


def _ndjson(file: InputFile, mapping: Mapping, number: int, first_row: int) -> Iterator[Slice]:
    fitted: Fitted | None = None
    line, read = 1, 0
    with _opened(file) as (stream, position):
        while lines := [item.rstrip(b"\r\n") for item in itertools.islice(stream, SLICE_LINES)]:
            if mapping.name == CONTRACT:
                decode = partial(decode_lines, lines)
            else:
                fitted = fitted or _fit_lines(lines[:_SAMPLE_LINES], mapping)
                decode = partial(_decode_objects, lines, fitted)
            weight = position() - read
            read += weight
            yield Slice(number, file.name, first_row + line - 1, line, len(lines), weight, decode)
            number, line = number + 1, line + len(lines)


def _csv(file: InputFile, mapping: Mapping, number: int, first_row: int) -> Iterator[Slice]:
    read = 0
    with _opened(file) as (stream, position):
        header = _header(stream, file.name)
        fitted = fit(mapping, dict.fromkeys(header, pl.String()))
        line = 2
        for block in _blocks(stream, file.name):
            frame, refused = _table(block, header)
            decode = partial(_with_refused, frame, refused, fitted)
            rows = frame.height + len(refused)
            weight = position() - read
            read += weight
            yield Slice(number, file.name, first_row, line, rows, weight, decode)
            number, first_row, line = number + 1, first_row + rows, line + rows


@contextmanager
def _opened(file: InputFile) -> Iterator[tuple[io.BufferedReader, Callable[[], int]]]:
    """A file's lines, unpacked, without a byte order mark; and a function that tells how many bytes of the file are read."""
    with file.path.open("rb") as raw:
        stream: Any = gzip.GzipFile(fileobj=raw) if file.path.suffix == ".gz" else raw
        buffered: io.BufferedReader = io.BufferedReader(stream, _READ_BYTES)
        if buffered.peek(3).startswith(_BYTE_ORDER_MARK):
            buffered.read(3)
        yield buffered, raw.tell


# -- objects under a mapping --------------------------------------------------------------------------------------


def _fit_lines(lines: list[bytes], mapping: Mapping) -> Fitted:
    """Objects have no schema; what the first lines name are the columns, and all values are text."""
    keys: dict[str, None] = {}
    for line in lines:
        try:
            keys.update(dict.fromkeys(check_shape(line)))
        except ClaimError:
            continue
    return fit(mapping, dict.fromkeys(keys, pl.String()))


def _decode_objects(lines: list[bytes], fitted: Fitted) -> Decoded:
    rows: list[int] = []
    objects: list[dict[str, Any]] = []
    rejected: list[Rejected] = []
    for row, line in enumerate(lines):
        if not line.strip():
            continue
        try:
            objects.append(check_shape(line))
            rows.append(row)
        except ClaimError as error:
            rejected.append(rejection(row, error, line))
    columns = {
        name: pl.Series(name, [_as_text(item.get(name)) for item in objects], pl.String) for name in fitted.columns
    }
    decoded = decode_frame(pl.DataFrame(columns), fitted)
    return _renumbered(decoded, rows, rejected)


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def _renumbered(decoded: Decoded, rows: list[int], more: list[Rejected]) -> Decoded:
    """Rows of a part of a slice, numbered as in the slice, with the rows that were refused before."""
    places = pl.Series("row", rows, dtype=pl.Int64)
    claims = decoded.claims.with_columns(places.gather(decoded.claims["row"]))
    moved = [Rejected(rows[item.row], item.kind, item.field, item.problem, item.raw) for item in decoded.rejected]
    return Decoded(claims, sorted([*moved, *more], key=lambda item: item.row), decoded.rows + len(more))


# -- CSV ----------------------------------------------------------------------------------------------------------


def _header(stream: IO[bytes], name: str) -> list[str]:
    line = stream.readline().decode("utf-8", "replace").rstrip("\r\n")
    header = next(csv.reader([line]), [])
    if not header or len(set(header)) != len(header):
        raise ReplayError(f"{name}: line 1: expected a header that names every column once, found {line[:200]!r}")
    return header


def _blocks(stream: IO[bytes], name: str) -> Iterator[bytes]:
    """The rest of the file in blocks of whole records: cut after a line end that no quotes enclose."""
    carried = b""
    while chunk := stream.read(SLICE_BYTES):
        data = carried + chunk
        cut = data.rfind(b"\n") + 1
        while cut and data.count(b'"', 0, cut) % 2:
            cut = data.rfind(b"\n", 0, cut - 1) + 1
        if not cut and len(data) > 4 * SLICE_BYTES:
            raise ReplayError(f"{name}: a quote is opened and not closed for {len(data) >> 20} MiB")
        carried = data[cut:]
        if cut:
            yield data[:cut]
    if carried.strip():
        yield carried


def _table(block: bytes, header: list[str]) -> tuple[pl.DataFrame, dict[int, Rejected]]:
    """Records as columns of text, empty ones null; and, by their place, those that cannot stand in them."""
    try:
        frame = pl.read_csv(block, has_header=False, schema=dict.fromkeys(header, pl.String), encoding="utf8")
    except pl.exceptions.PolarsError:
        return _table_by_record(block, header)
    return frame, {}


def _table_by_record(block: bytes, header: list[str]) -> tuple[pl.DataFrame, dict[int, Rejected]]:
    """The same one record at a time: a single one with too many fields, or that is no UTF-8, fails the whole block."""
    good: list[list[str | None]] = []
    refused: dict[int, Rejected] = {}
    records = csv.reader(io.StringIO(block.decode("utf-8", "surrogateescape"), newline=""))
    for row, record in enumerate(item for item in records if item):
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(record)
        raw = text.getvalue().encode("utf-8", "surrogateescape")
        if len(record) > len(header):
            error = ClaimError("invalid_value", f"{len(record)} fields; the header names {len(header)}")
        elif any("\udc80" <= character <= "\udcff" for character in text.getvalue()):
            error = ClaimError("invalid_utf8", "the record is not UTF-8")
        else:
            good.append([value or None for value in record] + [None] * (len(header) - len(record)))
            continue
        refused[row] = rejection(row, error, raw)
    return pl.DataFrame(good, schema=dict.fromkeys(header, pl.String), orient="row"), refused


def _with_refused(frame: pl.DataFrame, refused: dict[int, Rejected], fitted: Fitted) -> Decoded:
    decoded = decode_frame(frame.select(fitted.columns), fitted)
    if not refused:
        return decoded
    rows = [row for row in range(frame.height + len(refused)) if row not in refused]
    return _renumbered(decoded, rows, list(refused.values()))
