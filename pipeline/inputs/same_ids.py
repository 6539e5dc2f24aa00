"""Events that stand more than once in what is read: the same once more, and two contents under one `event_id` (事件编号重复).

An `event_id` is unique. Of two contents under it the law counts the one that was recorded first, and nobody knows whether that is
the right one; so they are told wherever both are read. Two hashes of 64 bits are kept of each event and no text.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from hashlib import blake2b

import polars as pl

from rules.events import Event, encode

MOST_NAMED = 5
"""Clashing ids whose lines are named one by one."""


@dataclass(frozen=True, slots=True)
class SameIds:
    """What came of the events read: how many say the same once more, how many ids have several contents, how many events carry
    these ids, and of the first ids the numbers of their lines."""

    repeated: int = 0
    ids: int = 0
    events: int = 0
    first: tuple[tuple[int, ...], ...] = ()

    def __str__(self) -> str:
        lines = "; ".join(f"lines {', '.join(map(str, numbers))}" for numbers in self.first)
        more = f" and {self.ids - len(self.first):,} more" if self.ids > len(self.first) else ""
        which = "one event_id has" if self.ids == 1 else f"{self.ids:,} event_ids have"
        return f"{which} several contents, of which the one recorded first counts: {lines}{more}"


class EventIds:
    """Gathers events with the numbers of their lines."""

    def __init__(self) -> None:
        self._ids, self._contents, self._lines = array("Q"), array("Q"), array("Q")

    def add(self, line: int, event: Event) -> None:
        """One event, in its normal form."""
        self._ids.append(_hash(event.event_id.encode()))
        self._contents.append(_hash(encode(event)))
        self._lines.append(line)

    def same(self) -> SameIds:
        """Which of the events read carry an id that others carry, too."""
        frame = pl.DataFrame(
            {"id": pl.Series(self._ids, dtype=pl.UInt64), "content": pl.Series(self._contents, dtype=pl.UInt64),
             "line": pl.Series(self._lines, dtype=pl.UInt64)}
        )  # fmt: skip
        again = frame.filter(pl.col("id").is_duplicated())
        once = again.unique(["id", "content"], keep="first", maintain_order=True)
        clashing = once.filter(pl.col("id").is_duplicated()).group_by("id", maintain_order=True).agg("line")
        first = tuple(tuple(sorted(numbers)) for numbers in clashing["line"].head(MOST_NAMED).to_list())
        events = int(clashing["line"].list.len().sum())
        return SameIds(again.height - once.height, clashing.height, events, first)


def _hash(value: bytes) -> int:
    return int.from_bytes(blake2b(value, digest_size=8).digest())
