"""Files that are there whole or not at all: written beside their place and renamed when all is written."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast


@contextmanager
def whole_file(path: Path, worth: Callable[[], bool] = lambda: True) -> Iterator[BinaryIO]:
    """A file to write bytes to, compressed if its name ends in .gz. It takes its name at the end if it is `worth` it then; after
    an error or an interrupt what was there before is there still.

    Equal bytes written make equal files. What is no file, such as /dev/null or a pipe, is written to as it is. Raises OSError.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as raw:
            yield raw
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as raw:
            with ExitStack() as packing:
                yield (
                    cast(BinaryIO, packing.enter_context(gzip.GzipFile("", "wb", 6, raw, mtime=0)))
                    if path.suffix == ".gz"
                    else raw
                )
            raw.flush()
            os.fsync(raw.fileno())
        if worth():
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Writes a text in UTF-8. Raises OSError."""
    with whole_file(path) as stream:
        stream.write(text.encode())
