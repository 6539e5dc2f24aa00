"""The sample as files, for `screening load`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from pipeline.sample.claims import claims
from pipeline.sample.roster import institutions, register_events, roster
from pipeline.whole_files import whole_file
from rules.events import encode


def write_sample(what: Literal["claims", "events", "standing"], path: Path, *, seed: int, count: int) -> int:
    """Writes `count` claims, or events or standings of `count` physicians and some institutions, one JSON object a line.

    A name that ends in .gz is compressed. The claims of a seed name the first PHYSICIANS physicians of the events and of the
    standing of the same seed, and are all well-formed. The same seed and count give the same bytes. Returns the number of lines.
    """
    made = {"claims": _claims, "events": _events, "standing": _standing}[what]
    return write_lines(path, made(seed, count))


def write_lines(path: Path, lines: Iterable[bytes]) -> int:
    """Writes lines, compressed when the name ends in .gz; equal lines are equal files. Returns their number."""
    written = 0
    with whole_file(path) as stream:
        for line in lines:
            stream.write(line + b"\n")
            written += 1
    return written


def _claims(seed: int, count: int) -> Iterator[bytes]:
    for _, value in claims(seed, count, roster(seed), broken_share=0):
        if value is not None:
            yield value


def _events(seed: int, count: int) -> Iterator[bytes]:
    """In the order in which the registers learned of them."""
    for event in sorted(register_events(seed, count), key=lambda event: (event.date, event.event_id)):
        yield encode(event)


def _standing(seed: int, count: int) -> Iterator[bytes]:
    for physician in roster(seed, count):
        yield msgspec.json.encode(physician)
    for institution in institutions(seed):
        yield msgspec.json.encode(institution)
