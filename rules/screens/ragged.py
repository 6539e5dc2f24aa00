"""Ragged columns: each owner has a run of rows in typed columns, and replacing an owner's run is cheap.

A replaced run leaves its rows behind; they are reclaimed when they outnumber the live ones.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

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


class Ragged:
    """Owners 0, 1, 2, ... each with a run of rows over the same typed columns.

    `columns` maps a column's name to its array type code. The column named `cause`, if there is one, holds addresses in
    `texts`. The first column orders the rows of a run, so that `find` can search it.
    """

    def __init__(self, **columns: str) -> None:
        self._columns = {name: array(code) for name, code in columns.items()}
        self._names = tuple(columns)
        self._first = array("i")
        self._count = array("i")
        self._live = 0
        self.texts = Texts()

    def replace(self, owner: int, rows: Sequence[tuple[int, ...]]) -> None:
        """Gives an owner new rows, in place of any that it had. Owners may be new, but not leave a gap."""
        if owner == len(self._first):
            self._first.append(0)
            self._count.append(0)
        self._live += len(rows) - self._count[owner]
        self._first[owner] = len(self._columns[self._names[0]])
        self._count[owner] = len(rows)
        for row in rows:
            for column, value in zip(self._columns.values(), row, strict=True):
                column.append(value)
        dead = len(self._columns[self._names[0]]) - self._live
        if dead > _RECLAIM_ABOVE and dead > self._live:
            self._reclaim()

    def count(self, owners: Ints) -> Ints:
        """Number of rows of each owner; 0 for owner -1."""
        counts = self._view(self._count)
        if not len(counts):
            return np.zeros(len(owners), np.int32)
        return np.where(owners >= 0, counts[owners], 0).astype(np.int32)

    def first(self, owners: Ints) -> Ints:
        """Row number of each owner's first row; 0 for owner -1."""
        firsts = self._view(self._first)
        if not len(firsts):
            return np.zeros(len(owners), np.int32)
        return np.where(owners >= 0, firsts[owners], 0).astype(np.int32)

    def find(self, owners: Ints, keys: Ints) -> Ints:
        """For each owner the last row whose ordering column is not above the key, -1 if there is none.

        A binary search of all runs at once: as many steps as the longest run needs.
        """
        low, length = self.first(owners), self.count(owners)
        floor = low.copy()
        order = self._view(self._columns[self._names[0]])
        steps = int(length.max(initial=0)).bit_length()
        high = low + length
        for _ in range(steps):
            middle = (low + high) >> 1
            searching = low < high
            below = searching & (order[np.where(searching, middle, 0)] <= keys)
            low = np.where(below, middle + 1, low)
            high = np.where(searching & ~below, middle, high)
        return np.where(low > floor, low - 1, -1).astype(np.int32)

    def column(self, name: str) -> Column:
        """A column as an array. It is a view: use it at once and keep only what you gathered from it."""
        return self._view(self._columns[name])

    def take(self, name: str, rows: Ints, default: int) -> Column:
        """The column's values at the rows, `default` where the row is -1."""
        column = self._columns[name]
        dtype = _DTYPES[column.typecode]
        if not len(column):
            return np.full(len(rows), default, dtype)
        return np.where(rows >= 0, self._view(column)[rows], dtype(default)).astype(dtype, copy=False)

    def causes(self, row: int) -> tuple[str, ...]:
        """The event ids behind a row."""
        return () if row < 0 else self.texts.get(self._columns["cause"][row])

    @staticmethod
    def _view(column: array[int]) -> Column:
        return np.frombuffer(column, dtype=_DTYPES[column.typecode]) if len(column) else np.empty(0, np.int32)

    def _reclaim(self) -> None:
        firsts = np.frombuffer(self._first, np.int32).astype(np.int64)
        counts = np.frombuffer(self._count, np.int32).astype(np.int64)
        ends = np.cumsum(counts)
        rows = np.arange(int(ends[-1]), dtype=np.int64) + np.repeat(firsts - (ends - counts), counts)
        for name, column in self._columns.items():
            self._columns[name] = array(column.typecode, self._view(column)[rows].tobytes())
        self._first = array("i", (ends - counts).astype(np.int32).tobytes())
        if "cause" in self._columns:
            texts = Texts()
            addresses = self._columns["cause"]
            for row, address in enumerate(addresses):
                if address >= 0:
                    addresses[row] = texts.put_raw(self.texts.raw(address))
            self.texts = texts
