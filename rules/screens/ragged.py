"""Ragged columns: each owner has a run of rows in typed columns, and replacing an owner's run is cheap.

A replaced run leaves its rows behind; they are reclaimed when they outnumber the live ones.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int32]
Column = npt.NDArray[Any]
"""A typed column; its element type is known by its name only."""

_RECLAIM_ABOVE = 100_000
"""Dead rows below this are not worth a pass over the live ones."""

_DTYPES: dict[str, type[np.generic]] = {"i": np.int32, "q": np.int64, "B": np.uint8, "H": np.uint16}


class Texts:
    """Short lists of event ids, packed into one buffer and addressed by a number."""

    _SEPARATOR = "\x1f"

    def __init__(self) -> None:
        self._blob = bytearray()

    def put(self, items: Sequence[str]) -> int:
        """Stores the items and returns their address; -1 when there are none."""
        if not items:
            return -1
        encoded = self._SEPARATOR.join(items).encode()
        address = len(self._blob)
        self._blob += len(encoded).to_bytes(4, "little")
        self._blob += encoded
        return address

    def raw(self, address: int) -> bytes:
        """The stored form at an address that is not -1, length included."""
        return bytes(self._blob[address : address + 4 + int.from_bytes(self._blob[address : address + 4], "little")])

    def put_raw(self, raw: bytes) -> int:
        """Stores what `raw` returned; gives the new address."""
        address = len(self._blob)
        self._blob += raw
        return address

    def get(self, address: int) -> tuple[str, ...]:
        """The items at an address that `put` returned."""
        if address < 0:
            return ()
        return tuple(self.raw(address)[4:].decode().split(self._SEPARATOR))

    def lists(self, addresses: Sequence[int]) -> pl.Series:
        """The items at many addresses, as a column of lists; empty for -1. No Python object is made of an item."""
        blob, size = bytes(self._blob), struct.Struct("<i").unpack_from
        texts = [blob[at + 4 : at + 4 + size(blob, at)[0]] if at >= 0 else None for at in addresses]
        items = pl.Series("items", texts, dtype=pl.Binary).cast(pl.String).str.split(self._SEPARATOR)
        return items.to_frame().select(pl.coalesce("items", pl.lit([], pl.List(pl.String)))).to_series()


class Ragged:
    """Owners 0, 1, 2, ... each with a run of rows over the same typed columns.

    `columns` maps a column's name to its type code. The column named `cause`, if there is one, holds addresses in `texts`.
    The first column orders the rows of a run, so that `find` can search it. Rows lie one after the other in one buffer:
    packing a whole row costs a quarter of appending its values to as many arrays (measured).
    """

    def __init__(self, **columns: str) -> None:
        self._dtype = np.dtype([(name, _DTYPES[code]) for name, code in columns.items()], align=True)
        self._pack = struct.Struct("@" + "".join(columns.values()) + f"0{_widest(columns)}").pack
        self._rows = bytearray()
        self._order = next(iter(columns))
        # One more than there are owners: the last stands for owner -1, whose run is empty.
        self._first = array("i", [0])
        self._count = array("i", [0])
        self._live = 0
        self.texts = Texts()
        if len(self._pack(*(0 for _ in columns))) != self._dtype.itemsize:
            raise TypeError(f"columns {columns} are laid out differently by struct and by numpy")

    def replace(self, owner: int, rows: Sequence[tuple[int, ...]]) -> None:
        """Gives an owner new rows, in place of any that it had. Owners may be new, but not leave a gap."""
        if owner == len(self._first) - 1:
            self._first.append(0)
            self._count.append(0)
        self._live += len(rows) - self._count[owner]
        total = len(self._rows) // self._dtype.itemsize
        self._first[owner] = total
        self._count[owner] = len(rows)
        for row in rows:
            self._rows += self._pack(*row)
        dead = total + len(rows) - self._live
        if dead > _RECLAIM_ABOVE and dead > self._live:
            self._reclaim()

    def count(self, owners: Ints) -> Ints:
        """Number of rows of each owner; 0 for owner -1."""
        return np.frombuffer(self._count, np.int32)[owners]

    def first(self, owners: Ints) -> Ints:
        """Row number of each owner's first row; without meaning for owner -1."""
        return np.frombuffer(self._first, np.int32)[owners]

    def find(self, owners: Ints, keys: Ints | npt.NDArray[np.int64]) -> Ints:
        """For each owner the last row whose ordering column is not above the key, -1 if there is none.

        A binary search of all runs at once: as many steps as the longest run needs, each half as far as the one before.
        """
        first, length = self.first(owners), self.count(owners)
        last = first + length - 1
        at = first - 1
        if not self._rows:
            return np.full(len(owners), -1, np.int32)
        # Not `take`: of one field among others it would copy the whole column first, whatever the size of the batch.
        order = self._records()[self._order]
        end = len(order) - 1
        for bit in reversed(range(int(length.max(initial=0)).bit_length())):
            ahead = at + (1 << bit)
            at = np.where((ahead <= last) & (order[np.minimum(ahead, end)] <= keys), ahead, at)
        return np.where(at >= first, at, -1).astype(np.int32, copy=False)

    def take(self, name: str, rows: Ints, default: int) -> Column:
        """The column's values at the rows, `default` where the row is -1."""
        column = self._records()[name]
        if not len(column):
            return np.full(len(rows), default, column.dtype)
        return np.where(rows >= 0, column[rows], column.dtype.type(default)).astype(column.dtype, copy=False)

    def blank(self, **values: int) -> Column:
        """A row with the given values and 0 elsewhere, for `rows`."""
        return np.array(tuple(values.get(name, 0) for name in self._dtype.names or ()), self._dtype)

    def rows(self, rows: Ints | npt.NDArray[np.intp], blank: Column) -> Column:
        """The whole rows, as a structured array; `blank` where the row is -1. One pass over the memory where `take` for each
        column would need as many."""
        records = self._records()
        taken: Column = records.take(rows, mode="clip") if len(records) else np.zeros(len(rows), self._dtype)
        absent = rows < 0
        if absent.any():
            taken[absent] = blank
        return taken

    def runs(self, owners: Ints) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """All rows of all owners, one after the other: the place of each row's owner among `owners`, and the row."""
        counts = self.count(owners)
        ends = counts.cumsum()
        places = np.repeat(np.arange(len(owners)), counts)
        return places, np.arange(len(places)) + np.repeat(self.first(owners) - (ends - counts), counts)

    def causes(self, row: int) -> tuple[str, ...]:
        """The event ids behind a row."""
        return () if row < 0 else self.texts.get(int(self._records()["cause"][row]))

    def cause_lists(self) -> pl.Series:
        """The event ids behind every row, as lists; empty where there are none."""
        return self.texts.lists(self._records()["cause"].tolist())

    def _records(self) -> Column:
        """All rows. A view: it must be gone before the next `replace`, or the buffer cannot grow."""
        return np.frombuffer(self._rows, self._dtype)

    def _reclaim(self) -> None:
        firsts = np.frombuffer(self._first, np.int32).astype(np.int64)
        counts = np.frombuffer(self._count, np.int32).astype(np.int64)
        ends = np.cumsum(counts)
        rows = np.arange(int(ends[-1]), dtype=np.int64) + np.repeat(firsts - (ends - counts), counts)
        kept = self._records()[rows]
        if "cause" in (self._dtype.names or ()):
            texts = Texts()
            addresses = kept["cause"]
            for row in np.flatnonzero(addresses >= 0):
                addresses[row] = texts.put_raw(self.texts.raw(int(addresses[row])))
            self.texts = texts
        self._rows = bytearray(kept.tobytes())
        self._first = array("i", (ends - counts).astype(np.int32).tobytes())


def _widest(columns: dict[str, str]) -> str:
    """The type code with the strictest alignment, which a row must end on."""
    return max(columns.values(), key=lambda code: np.dtype(_DTYPES[code]).itemsize)
