"""What a file is by its bytes: names lie, since exports are packed, renamed and mailed on the way.

What is beyond doubt is read as what it is, and told; anything else is refused with what to do.
"""

from __future__ import annotations

import codecs
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Literal

from pipeline.inputs.encodings import Encoding
from pipeline.inputs.errors import InputError

Format = Literal["parquet", "ndjson", "json", "csv", "xlsx", "records"]
"""`ndjson` is one document a line, `json` an array of documents or documents over several lines; `records` is Parquet of a
topic's records as received (column `value`): a copied range, or a file of the archive."""

Packing = Literal["", "gzip", "zip"]

_SUFFIXES: dict[str, Format] = {
    ".parquet": "parquet", ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson", ".csv": "csv", ".tsv": "csv",
    ".xlsx": "xlsx", ".xls": "xlsx",
}  # fmt: skip
_BINARY = ("parquet", "xlsx")

EXPECTED = f"{', '.join(_SUFFIXES)} (text also with .gz, or one file in a .zip; small or capital letters)"
"""The names that are read."""

_GZIP, _ZIP, _OLD_WORKBOOK, _PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"PAR1"
_REFUSED = {
    b"7z\xbc\xaf\x27\x1c": "is a 7-Zip archive: unpack it and give what was in it",
    b"Rar!": "is a RAR archive: unpack it and give what was in it",
    b"BZh": "is compressed with bzip2: unpack it and give what was in it",
    b"\xfd7zXZ": "is compressed with xz: unpack it and give what was in it",
    b"\x28\xb5\x2f\xfd": "is compressed with Zstandard: unpack it and give what was in it",
    b"\xff\xfe\0\0": "is in UTF-32: save it as UTF-8",
    b"\0\0\xfe\xff": "is in UTF-32: save it as UTF-8",
    b"PK\x05\x06": "is a zip with nothing in it",
}
"""What files begin with that are not read, and what to do."""
_PAGES = (b"<!doctype", b"<html", b"<table", b"<?xml", b"<meta")
WIDE_MARKS = {b"\xff\xfe": Encoding.UTF_16_LE, b"\xfe\xff": Encoding.UTF_16_BE}
"""Byte order marks of UTF-16."""
_WIDE_SHARE = 10
"""Of so many characters of UTF-16 at least one is ASCII, in text that has separators and digits."""
_TEXT_CONTROLS = frozenset(b"\t\n\r\x0c\x1a")
_HEAD_BYTES = 4 << 10
_READ_BYTES = 1 << 20
_PACKED_BYTES = 4 << 10
"""Compressed bytes read at once: what a damage may cost of the text before it."""
_NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Nature:
    """What a file is: its format, how it is packed, the one file in a zip, and what people are told where its name says another
    thing."""

    format: Format
    packing: Packing = ""
    member: str = ""
    told: str | None = None


def format_of(path: Path) -> Format | None:
    """The format that a file's name says; None for a name that says none."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    if suffixes[-1:] == [".gz"]:
        found = _SUFFIXES.get(suffixes[0]) if len(suffixes) > 1 else None
        return None if found in _BINARY else found
    return _SUFFIXES.get(suffixes[-1]) if suffixes else None


def is_input(path: Path) -> bool:
    """Whether a file's name is one of those that are read."""
    return format_of(path) is not None or path.suffix.lower() == ".zip"


def nature_of(path: Path) -> Nature:
    """What a file is by its name and its first bytes. Raises InputError for what is not read."""
    if not is_input(path):
        raise InputError(f"{path}: unknown format; expected {EXPECTED}")
    named = format_of(path)
    try:
        with path.open("rb") as raw:
            head = raw.read(_HEAD_BYTES)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    problem = next((told for begins, told in _REFUSED.items() if head.startswith(begins)), None)
    if problem is not None:
        raise InputError(f"{path.name}: {problem}")
    if head.startswith(_ZIP):
        return _of_zip(path, named)
    if named is None:
        raise InputError(f"{path.name}: cannot be read as a zip: its bytes are not those of one")
    if head.startswith(_GZIP):
        if named in _BINARY:
            raise InputError(f"{path.name}: is gzip, by its bytes: unpack it")
        return Nature(named, "gzip", told=None if path.suffix.lower() == ".gz" else "is gzip, by its bytes")
    if head.startswith(_OLD_WORKBOOK):
        return _as("xlsx", named, "is a workbook, by its bytes")
    if head.startswith(_PARQUET):
        return _as("parquet", named, "is Parquet, by its bytes")
    return _of_text(path, named, head)


def _as(found: Format, named: Format | None, told: str) -> Nature:
    return Nature(found, told=None if found == named else told)


def _of_text(path: Path, named: Format, head: bytes) -> Nature:
    is_text = _is_text(head)
    if named in ("csv", "xlsx") and head.removeprefix(b"\xef\xbb\xbf").lstrip()[:10].lower().startswith(_PAGES):
        raise InputError(f"{path.name}: is a web page or XML, by its bytes: open it and save it as .xlsx or .csv")
    if path.suffix.lower() == ".gz":
        plain = is_text and head
        return Nature(named, "" if plain else "gzip", told="is not compressed, by its bytes" if plain else None)
    if named == "xlsx" and is_text and head and not head.startswith(b"PK"):
        return Nature("csv", told="is text, by its bytes")
    return Nature(named)


def _is_text(head: bytes) -> bool:
    """Whether bytes are text beyond doubt: UTF-8, UTF-16, or without any byte that text does not have."""
    if wide_of(head) is not None or all(byte >= ord(" ") or byte in _TEXT_CONTROLS for byte in head.rstrip(b"\0")):
        return True
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _of_zip(path: Path, named: Format | None) -> Nature:
    try:
        with zipfile.ZipFile(path) as packed:
            inside = [
                item for item in packed.infolist() if not item.is_dir() and not item.filename.startswith("__MACOSX/")
            ]
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        if named == "xlsx":
            return Nature("xlsx")  # told when it is read
        raise InputError(f"{path.name}: cannot be read as a zip: {error}") from None
    names = [item.filename for item in inside]
    if any(name.startswith("xl/") for name in names):
        return _as("xlsx", named, "is a workbook, by its bytes")
    if len(names) != 1:
        shown = ", ".join(names[:_NAMES_SHOWN]) + (" and others" if len(names) > _NAMES_SHOWN else "")
        raise InputError(
            f"{path.name}: is a zip of several files ({shown}): unpack it into a folder and give the folder"
            if names
            else f"{path.name}: is a zip with nothing in it"
        )
    found = format_of(Path(names[0]))
    if found is None:
        raise InputError(f"{path.name}: is a zip of {names[0]}: unknown format; expected {EXPECTED}")
    if found in _BINARY or names[0].lower().endswith(".gz"):
        raise InputError(f"{path.name}: is a zip of {names[0]}: unpack it")
    if inside[0].flag_bits & 1:
        raise InputError(f"{path.name}: is a zip that is locked with a password: unpack it")
    told = None if path.suffix.lower() == ".zip" else f"is a zip of {names[0]}, by its bytes"
    return Nature(found, "zip", names[0], told)


def wide_of(head: bytes) -> Encoding | None:
    """UTF-16 by its mark, or without one by where the zero bytes stand; None for any other text. `head` is the beginning."""
    if head[:2] in WIDE_MARKS:
        return Encoding.UTF_16
    looked = head[:_HEAD_BYTES].rstrip(b"\0")
    zeros = {Encoding.UTF_16_BE: looked[0::2].count(0), Encoding.UTF_16_LE: looked[1::2].count(0)}
    encoding = max(zeros, key=lambda name: zeros[name])
    if min(zeros.values()) or zeros[encoding] * _WIDE_SHARE * 2 < max(1, len(looked)):
        return None
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(looked)
    except UnicodeDecodeError:
        return None
    return encoding if any(mark in text for mark in "\n\r,;\t{[") else None


# -- unpacking ----------------------------------------------------------------------------------------------------


def unpacked(raw: IO[bytes], packing: Packing, member: str) -> Iterator[bytes]:
    """What a file holds, as far as it can be read; then OSError, zlib.error or EOFError."""
    if packing == "gzip":
        yield from _of_gzip(raw)
    elif packing == "zip":
        try:
            with zipfile.ZipFile(raw) as packed, packed.open(member) as stream:
                yield from iter(partial(stream.read, _READ_BYTES), b"")
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise OSError(str(error)) from error
    else:
        yield from iter(partial(raw.read, _READ_BYTES), b"")


def _of_gzip(raw: IO[bytes]) -> Iterator[bytes]:
    """Its members follow each other."""
    member, begun = zlib.decompressobj(zlib.MAX_WBITS | 16), False
    while data := raw.read(_PACKED_BYTES):
        while data:
            if member.eof:
                member = zlib.decompressobj(zlib.MAX_WBITS | 16)
            begun = True
            out = member.decompress(data, _READ_BYTES)
            if out:
                yield out
            data = member.unused_data.lstrip(b"\0") if member.eof else member.unconsumed_tail
    if not member.eof and begun:
        raise EOFError("the file ends before its compressed data do")
