"""CSV as people's exports have it: every line is part of a record or is told by its number.

A quoted field may run over several lines. A quote that is opened and not properly closed would swallow the lines after it, so it
costs its own line only: reading goes on at the next one. A quote inside an unquoted field is a character like any other.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import polars as pl

from pipeline.inputs.files import BLANK, LINE_ENDS
from pipeline.inputs.header import Header
from topics.claims.codec import ClaimError

MAX_RECORD_LINES = 1_000
"""Lines that one record may have; what is longer is a quote that was not closed."""

_ENDS = LINE_ENDS.decode()
_BLANKS = (" ", "\t", "\u3000", "\ufeff", "\u200b")


@cache
def _padded(delimiter: str) -> tuple[bytes, ...]:
    """What a text holds somewhere if a cell has blanks around it."""
    blanks = [blank for blank in _BLANKS if blank != delimiter]
    ends = (delimiter, "\n")
    return tuple(piece.encode() for blank in blanks for end in ends for piece in (blank + end, end + blank))


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that cannot stand in the table: its text and why."""

    error: ClaimError
    raw: bytes


@dataclass(frozen=True, slots=True)
class Block:
    """Records of a stretch of lines. `frame` has those that fit the header, as text with nothing as null, `lines` the first
    line of every record (refused ones included), and `refused` the others by their place among all records. `used` is how many
    of the lines given were taken: the rest is the beginning of a record whose end is not there yet. `blank` and `continued`
    count the lines that are no record and those that carry one on."""

    frame: pl.DataFrame
    lines: list[int]
    refused: dict[int, Refused]
    used: int
    blank: int
    continued: int


@cache
def _proper(delimiter: str) -> str:
    """A line that is a whole record and in which quotes enclose fields and nothing else."""
    mark = re.escape(delimiter) if delimiter != "\t" else "\t"
    cell = f'(?:"(?:[^"]|"")*"|[^"{mark}][^"{mark}]*|)'
    return f"^{cell}(?:{mark}{cell})*$"


def read_block(lines: Sequence[bytes], first: int, header: Header, *, last: bool) -> Block:
    """Reads a stretch of lines, of which the first has the number `first`; `last` says that the file ends with it."""
    texts, undecoded = _texts(lines)
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String}).with_columns(
        quoted=pl.col("text").str.contains('"', literal=True)
    )
    simple = frame["text"]
    if frame["quoted"].any():
        proper = simple.str.contains(_proper(header.delimiter)) & frame["quoted"]
        outside = pl.when(proper).then(simple.str.replace_all(r'"(?:[^"]|"")*"', "")).otherwise(simple)
        frame = frame.with_columns(proper=proper, outside=outside)
    else:
        frame = frame.with_columns(proper=pl.lit(value=False), outside=simple)
    frame = frame.with_columns(
        cells=pl.col("outside").str.count_matches(header.delimiter, literal=True) + 1,
        blank=pl.col("text").str.strip_chars(BLANK.decode()) == "",
    )
    width = len(header.names)
    fits = frame.select(
        ((pl.col("cells") == width) & (~pl.col("quoted") | pl.col("proper")) & ~pl.col("blank")).fill_null(value=False)
    ).to_series()
    odd = (~fits & ~frame["blank"].fill_null(value=False)).arg_true().to_list()
    if not odd:
        blank = len(lines) - int(fits.sum())
        places = fits.arg_true() if blank else None
        return Block(
            _table(texts if places is None else [texts[place] for place in places], header, lines),
            [first + place for place in (range(len(lines)) if places is None else places)],
            {}, len(lines), blank, 0,
        )  # fmt: skip
    return _with_odd(lines, texts, undecoded, fits.to_list(), odd, first, header, last=last)


def _texts(lines: Sequence[bytes]) -> tuple[list[str | None], set[int]]:
    """Lines as text without their ends; null where they are no UTF-8."""
    try:
        return [line.decode().rstrip(_ENDS) for line in lines], set()
    except UnicodeDecodeError:
        pass
    texts: list[str | None] = []
    undecoded = set()
    for place, line in enumerate(lines):
        try:
            texts.append(line.decode().rstrip(_ENDS))
        except UnicodeDecodeError:
            texts.append(None)
            undecoded.add(place)
    return texts, undecoded


def _with_odd(
    lines: Sequence[bytes],
    texts: list[str | None],
    undecoded: set[int],
    fits: list[bool],
    odd: list[int],
    first: int,
    header: Header,
    *,
    last: bool,
) -> Block:
    """The same where some lines have to be read one by one."""
    kept: list[str] = []
    read: list[list[str | None]] = []
    order: list[int] = []
    numbers: list[int] = []
    refused: dict[int, Refused] = {}
    blank = continued = place = 0
    awaiting = iter([*odd, len(lines)])
    next_odd = next(awaiting)
    while place < len(lines):
        if place < next_odd:
            if fits[place]:
                numbers.append(first + place)
                order.append(len(kept) * 2)
                kept.append(texts[place] or "")
            else:
                blank += 1
            place += 1
            continue
        if place in undecoded:
            refused[len(numbers)] = Refused(
                ClaimError("invalid_utf8", "the record is not UTF-8; if the file is in another encoding, say which"),
                lines[place].rstrip(LINE_ENDS),
            )
            numbers.append(first + place)
            place += 1
        else:
            record, taken, problem = _record(texts, place, header, undecoded)
            if taken == 0 and not last and len(lines) - place <= MAX_RECORD_LINES:
                break
            taken = taken or 1
            if problem is None and len(record) != len(header.names):
                problem = f"{len(record)} fields; the header names {len(header.names)}"
            if problem is None:
                order.append(len(read) * 2 + 1)
                read.append([item if item != "" else None for item in record])
            else:
                raw = b"".join(lines[place : place + taken]).rstrip(LINE_ENDS)
                refused[len(numbers)] = Refused(ClaimError("invalid_value", problem), raw)
            numbers.append(first + place)
            continued += taken - 1
            place += taken
        while next_odd < place:
            next_odd = next(awaiting)
    frame = _joined(kept, read, order, header, lines)
    return Block(frame, numbers, refused, place, blank, continued)


def _joined(
    kept: list[str], read: list[list[str | None]], order: list[int], header: Header, lines: Sequence[bytes]
) -> pl.DataFrame:
    quick = _table(kept, header, lines)
    if not read:
        return quick
    slow = _trimmed(pl.DataFrame(read, schema=dict.fromkeys(header.names, pl.String), orient="row"))
    place = {code: number for number, code in enumerate([*range(0, 2 * len(kept), 2), *range(1, 2 * len(read), 2)])}
    return pl.concat([quick, slow])[[place[code] for code in order]]


def _record(  # noqa: PLR0911  # each answer is another thing that a quote can do
    texts: Sequence[str | None], place: int, header: Header, undecoded: set[int]
) -> tuple[list[str], int, str | None]:
    """The record that begins with a line: its fields, how many lines it has, and what is wrong. No lines: its end is not
    there."""
    fields: list[str] = []
    line = place
    text = texts[place] or ""
    at = 0
    mark = header.delimiter
    while True:
        if not text.startswith('"', at):
            end = text.find(mark, at)
            fields.append(text[at:] if end < 0 else text[at:end])
            if end < 0:
                return fields, line - place + 1, None
            at = end + 1
            continue
        parts: list[str] = []
        at += 1
        while True:
            end = text.find('"', at)
            if end < 0:
                parts.append(text[at:] + "\n")
                line += 1
                if line - place >= MAX_RECORD_LINES:
                    return fields, 1, "a quote is opened and not closed"
                if line >= len(texts):
                    return fields, 0, "a quote is opened and not closed"
                if line in undecoded:
                    return fields, 1, "a quote is opened and not closed before a line that is not UTF-8"
                text, at = texts[line] or "", 0
                if text.count(mark) + 1 == len(header.names) and (fields or '"' not in text):
                    return fields, 1, "a quote is opened and not closed: the next line is a record of its own"
                continue
            if text.startswith('"', end + 1):
                parts.append(text[at : end + 1])
                at = end + 2
                continue
            parts.append(text[at:end])
            at = end + 1
            break
        fields.append("".join(parts))
        if at == len(text):
            return fields, line - place + 1, None
        if not text.startswith(mark, at):
            problem = "a quoted field is followed by something else than the end of the field"
            return fields, 1, problem if line == place else "a quote is opened and not closed"
        at += 1


def _table(texts: Sequence[str | None], header: Header, lines: Sequence[bytes]) -> pl.DataFrame:
    """Whole records as columns of text, nothing as null."""
    schema = dict.fromkeys(header.names, pl.String)
    if not texts:
        return pl.DataFrame(schema=schema)
    data = "\n".join(texts) if None not in texts else ""  # type: ignore[arg-type]  # what is no text is refused before
    encoded = (data + "\n").encode()
    quote = '"' if '"' in data else None
    try:
        frame = pl.read_csv(
            encoded, has_header=False, schema=schema, encoding="utf8", separator=header.delimiter, quote_char=quote
        )
    except pl.exceptions.PolarsError:
        frame = pl.DataFrame(schema=schema)
    if frame.height != len(texts):
        rows = list(csv.reader(io.StringIO(data, newline=""), delimiter=header.delimiter))
        frame = pl.DataFrame([[cell or None for cell in row] for row in rows], schema=schema, orient="row")
    return _trimmed(frame) if any(piece in encoded for piece in _padded(header.delimiter)) else frame


def _trimmed(frame: pl.DataFrame) -> pl.DataFrame:
    """Cells without blanks around them."""
    cell = pl.all().str.strip_chars()
    return frame.select(pl.when(cell != "").then(cell))
