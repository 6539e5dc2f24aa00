"""Finds input files on a disk, opens them and converts their text to UTF-8."""

from __future__ import annotations

import codecs
import glob
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import polars as pl

from pipeline.inputs.encodings import Encoding
from pipeline.inputs.errors import InputError
from pipeline.inputs.packing import EXPECTED, WIDE_MARKS, Format, Packing, is_input, nature_of, unpacked, wide_of

_DELTA_LOG = "_delta_log"
"""What makes a folder a Delta table. It may hold files that are in the table no more."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HASH_CHUNK = 8 << 20
_ENDS = (b"\n", b"\r")
MAX_LINE = 64 << 20
_LOOKED_AT = 64 << 20
"""Bytes of a text file from which its encoding is told. A line further on that is in another one is set aside by name."""

LINE_ENDS = b"\r\n\0\x1a"
"""What stands behind the text of a line: its end, and the NULs and the end mark (Ctrl-Z) that old programs fill up with."""
BLANK = LINE_ENDS + b" \t"
"""A line of these alone says nothing."""

DAMAGE: tuple[type[OSError], type[EOFError], type[zlib.error], type[BaseException]] = (
    OSError,
    EOFError,
    zlib.error,
    pl.exceptions.PanicException,
)
"""What a damaged file raises: its compression, and where a damaged Parquet file goes beyond what polars itself expects."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file of claims. `name` is how outputs speak of it: the path below the folder that was given, never the machine's own."""

    path: Path
    name: str
    format: Format
    size: int
    encoding: Encoding = Encoding.UTF_8
    packing: Packing = ""
    member: str = ""
    told: str | None = None
    """What people are told of a file whose name says another thing than its bytes."""


# -- finding ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """The files that are read, in the order of their names, and the names of those in the folder that are of no known format."""

    files: tuple[InputFile, ...]
    passed_over: tuple[str, ...] = ()


def find_inputs(wanted: str) -> Found:
    """The files of a path, a folder or a glob. Raises InputError."""
    place = Path(wanted)
    table = next((folder for folder in (place, place / "claims") if (folder / _DELTA_LOG).is_dir()), None)
    if table is not None:
        return _of_table(table)
    over: list[Path] = []
    if place.is_dir():
        everything = [path for path in place.rglob("*") if path.is_file() and not path.name.startswith(".")]
        base, paths = place, [path for path in everything if is_input(path)]
        over = sorted(set(everything) - set(paths))
        if not paths:
            raise InputError(f"{wanted}: holds no claims; expected files named {EXPECTED}")
    elif place.is_file():
        base, paths = place.parent, [place]
    else:
        paths = [Path(name) for name in glob.glob(wanted, recursive=True) if Path(name).is_file()]  # noqa: PTH207  # a pattern may be absolute
        if not paths:
            raise InputError(f"{wanted}: no such file, folder or pattern")
        base = Path(_common(paths))
    if not any(path.stat().st_size for path in paths):
        raise InputError(f"{wanted}: is empty; expected claims")
    return Found(
        tuple(input_file(path, base) for path in sorted(paths)),
        tuple(path.relative_to(base).as_posix() for path in over),
    )


def _of_table(folder: Path) -> Found:
    """The files that are in a Delta table of claims now, as `screening archive` writes it. Raises InputError."""
    from deltalake import DeltaTable  # noqa: PLC0415  only the larger image has it, and whoever reads other files does without
    from deltalake.exceptions import DeltaError  # noqa: PLC0415

    try:
        table = DeltaTable(folder.absolute())
        columns = [field.name for field in table.schema().fields]
        paths = sorted(Path(uri) for uri in table.file_uris())
    except DeltaError as error:
        raise InputError(f"{folder}: cannot be read as a Delta table: {error}") from error
    if "value" not in columns or "claim_version" not in columns or "disposition" in columns:
        raise InputError(
            f"{folder}: is no table of claims of an archive; give the archive's folder or its folder claims"
        )
    if not paths:
        raise InputError(f"{folder}: the table is empty; expected claims")
    return Found(
        tuple(
            InputFile(path, path.relative_to(folder.absolute()).as_posix(), "records", path.stat().st_size)
            for path in paths
        )
    )


def _common(paths: list[Path]) -> Path:
    parents = [set(path.parents) for path in paths]
    return max(set.intersection(*parents), key=lambda path: len(path.parts))


def input_file(path: Path, base: Path | None = None) -> InputFile:
    """A file by its name. Raises InputError for a format that is not known."""
    nature = nature_of(path)
    base = path.parent if base is None else base
    name = path.relative_to(base).as_posix()
    return InputFile(
        path, name, nature.format, path.stat().st_size, packing=nature.packing, member=nature.member, told=nature.told
    )


def fingerprint(path: Path) -> str:
    """SHA-256 of a file's bytes. Raises InputError."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_HASH_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    return digest.hexdigest()


# -- opening ------------------------------------------------------------------------------------------------------


class FileText:
    """A file's text in UTF-8, unpacked, without a byte order mark. Bytes that its encoding does not know stay as they are, so
    that their line is no UTF-8."""

    def __init__(self, source: Iterator[bytes], raw: IO[bytes], encoding: Encoding) -> None:
        self._source = source
        self._raw = raw
        self._encoding = Encoding.GB18030 if encoding is Encoding.GBK else encoding

    @property
    def read_of_file(self) -> int:
        """Bytes of the file itself that are read."""
        return self._raw.tell()

    def chunks(self) -> Iterator[bytes]:
        """The text, up to a mebibyte at a time. Raises one of DAMAGE after everything that could be read."""
        decoder: Any = (
            None
            if self._encoding is Encoding.UTF_8
            else codecs.getincrementaldecoder(self._encoding)("surrogateescape")
        )
        head: bytes | None = b""
        for chunk in self._source:
            data = chunk
            if head is not None:
                head += chunk
                if len(head) < len(_BYTE_ORDER_MARK):
                    continue
                data, head = head, None
                if data.startswith(_BYTE_ORDER_MARK):
                    data, decoder = data.removeprefix(_BYTE_ORDER_MARK), None
                elif self._encoding.startswith("utf-16") and data[:2] in WIDE_MARKS:
                    decoder = codecs.getincrementaldecoder(WIDE_MARKS[data[:2]])("surrogateescape")
                    data = data[2:]
            yield data if decoder is None else _utf8(decoder, data)
        if head:
            yield head if decoder is None else _utf8(decoder, head)
        if decoder is not None:
            yield _utf8(decoder, b"", last=True)

    def lines(self) -> Iterator[bytes]:
        """The lines with their ends. Raises one of DAMAGE after every line that could be read whole, and InputError for a line
        that is too long to be one."""
        carried: list[bytes] = []
        held, returned = 0, b""
        for chunk in self.chunks():
            # A carriage return ends a line alone, too, so that one at the end of a chunk waits for what follows it.
            data = returned + chunk
            returned = b"\r" if data.endswith(b"\r") else b""
            parts = data[: len(data) - len(returned)].splitlines(keepends=True)
            if parts and carried:
                carried.append(parts[0])
                if not parts[0].endswith(_ENDS):
                    held += len(parts[0])
                    if held > MAX_LINE:
                        raise InputError(f"a line of more than {MAX_LINE >> 20} MiB; is this the right format?")
                    continue
                parts[0] = b"".join(carried)
                carried, held = [], 0
            if parts and not parts[-1].endswith(_ENDS):
                carried = [parts.pop()]
            yield from parts
        if carried or returned:
            yield b"".join([*carried, returned])


def _utf8(decoder: Any, data: bytes, *, last: bool = False) -> bytes:
    try:
        return str(decoder.decode(data, last)).encode("utf-8", "surrogateescape")
    except UnicodeError:  # half a character at the end, or halves of UTF-16 that belong to none
        decoder.reset()
        return b"\xff\n"


PASSED_OVER = "is not read: its name is that of no known format"
"""What people are told of such a file in a folder."""


@contextmanager
def opened(file: InputFile) -> Iterator[FileText]:
    """A file's text. Raises InputError when it is not there."""
    try:
        raw = file.path.open("rb")
    except OSError as error:
        raise InputError(f"{file.path}: {error.strerror or error}") from error
    with raw:
        yield FileText(unpacked(raw, file.packing, file.member), raw, file.encoding)


def damaged(file: InputFile, error: BaseException, read: str) -> InputError:
    """What to say of a file that cannot be read to its end; `read` is how far it was."""
    how = "its compression is damaged" if file.packing else "it cannot be read"
    return InputError(f"{file.name}: cannot be read beyond {read}: {how} ({error or type(error).__name__})")


# -- encodings ----------------------------------------------------------------------------------------------------


def encoding_of(file: InputFile) -> Encoding:
    """The encoding of a text file: UTF-8 or UTF-16 by its mark, UTF-16 by its zero bytes, UTF-8 when it reads so, else GB18030
    when most of its lines do.

    A few lines that are no UTF-8 in a file that otherwise is do not make it another encoding: they are set aside by name.
    """
    seen = bad = good = 0
    wide = wide_encoding(file)
    if wide.encoding != file.encoding:
        return wide.encoding
    try:
        with opened(file) as text:
            for line in text.lines():
                seen += len(line)
                if not line.isascii():
                    if _reads(line, Encoding.UTF_8):
                        good += 1
                    elif _reads(line, Encoding.GB18030):
                        bad += 1
                    else:
                        good += 1
                if seen > _LOOKED_AT:
                    break
    except DAMAGE:
        pass  # told when it is read
    return Encoding.GB18030 if bad > good else Encoding.UTF_8


def wide_encoding(file: InputFile) -> InputFile:
    """The file, as UTF-16 where its bytes show that it is."""
    try:
        with opened(file) as text:
            wide = wide_of(next(text.chunks(), b""))
    except DAMAGE:
        return file  # told when it is read
    return file if wide is None else replace(file, encoding=wide)


def by_its_bytes(file: InputFile, encoding: Encoding | None = None) -> tuple[InputFile, tuple[str, ...]]:
    """The file with the encoding that is given or that its bytes show, and what people are told of it where something is not
    the usual."""
    told = () if file.told is None else (file.told,)
    if file.format not in ("csv", "ndjson"):
        return file, told
    made = replace(file, encoding=encoding or encoding_of(file))
    if encoding is None and made.encoding is not Encoding.UTF_8:
        told = (*told, f"is read as {made.encoding.upper()}, by its bytes; --encoding says otherwise")
    return made, told


def _reads(line: bytes, encoding: Encoding) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
