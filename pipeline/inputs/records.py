"""Files of records that stand in them as on the wire: events, standings, worked cases. One document a line, or an array of
them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.inputs.document_slices import json_form
from pipeline.inputs.documents import read_documents
from pipeline.inputs.errors import InputError
from pipeline.inputs.files import DAMAGE, LINE_ENDS, damaged, input_file, opened, wide_encoding


def read_records(path: Path) -> Iterator[tuple[int, bytes]]:
    """The records of a file (.ndjson, .jsonl, .json, also with .gz) with their numbers, counted from 1: of lines, blank ones
    included, or of the elements of an array. A byte order mark is no part of the first.

    Raises InputError for a file that cannot be read, or not to its end, after every record that could.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    file = input_file(path)
    if file.format != "ndjson":
        raise InputError(f"{path}: is {file.format}; expected records as JSON (.ndjson, .jsonl, .json, also with .gz)")
    file = wide_encoding(file)
    number = 0
    try:
        if json_form(file) == "json":
            with opened(file) as text:
                for number, (_, shown) in enumerate(read_documents(text.chunks(), file.name), 1):
                    yield number, shown.encode("utf-8", "surrogatepass")
            return
        with opened(file) as text:
            for number, line in enumerate(text.lines(), 1):
                yield number, line.rstrip(LINE_ENDS)
    except DAMAGE as error:
        raise damaged(file, error, f"line {number:,}") from error
