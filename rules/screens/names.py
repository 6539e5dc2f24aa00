"""Names and their numbers, looked up one by one or by whole columns."""

from __future__ import annotations

from itertools import repeat

import numpy as np
import numpy.typing as npt
import polars as pl

from rules.screens.ragged import Ints

_SMALL_COLUMN = 512
_FEW_NAMES = 1024
"""Below these the dictionary alone is faster (measured)."""


class Names:
    """Names numbered 0, 1, 2, ... in the order of their first mention.

    A dictionary holds the truth. Beside it stands a copy for columns: hashes in order, with the first place of each range
    of hashes, so that a column is looked up without making a Python object of each of its values: ten times as fast for
    large columns and 200,000 names. What the copy does not know, because it is older or because it knows no such name,
    the dictionary answers; a hit counts only if the name itself is equal, never by its hash alone.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._copied = 0
        self._names = pl.Series(dtype=pl.String)
        self._hashes: npt.NDArray[np.uint64] = np.empty(0, np.uint64)
        self._order: Ints = np.empty(0, np.int32)
        self._starts: Ints = np.empty(0, np.int32)
        self._shift = np.uint64(64)

    def __len__(self) -> int:
        """How many names there are."""
        return len(self._numbers)

    def __contains__(self, name: str) -> bool:
        """Whether the name has a number."""
        return name in self._numbers

    def number(self, name: str) -> int:
        """The name's number; a new name gets the next one."""
        return self._numbers.setdefault(name, len(self._numbers))

    def get(self, name: str) -> int | None:
        """The name's number, None if it has none."""
        return self._numbers.get(name)

    def find(self, names: pl.Series | list[str | None]) -> Ints:
        """Number of every name of a column, -1 where it has none or is null."""
        if isinstance(names, list):
            return np.fromiter(map(self._numbers.get, names, repeat(-1)), np.int32, count=len(names))  # type: ignore[arg-type]  # None has no number
        if not self._numbers:
            return np.full(len(names), -1, np.int32)
        if len(names) < _SMALL_COLUMN or len(self._numbers) < _FEW_NAMES:
            return self.find(names.to_list())
        if len(self._numbers) > self._copied * 5 // 4:
            self._copy()
        hashes = _hashes(names)
        at = self._starts[hashes >> self._shift]
        while (behind := self._hashes[at] < hashes).any():
            at += behind
        found = self._order[at]
        answer = np.where((self._names.gather(found) == names).fill_null(False).to_numpy(), found, np.int32(-1))
        missed = np.flatnonzero(answer < 0)
        answer[missed] = self.find(names.gather(missed).to_list())
        return answer

    def _copy(self) -> None:
        self._names = pl.Series(list(self._numbers), dtype=pl.String)
        self._copied = len(self._names)
        hashes = _hashes(self._names)
        order = np.argsort(hashes).astype(np.int32)
        bits = self._copied.bit_length()
        ranges = np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
        # The last place stands for every hash above all known ones.
        self._hashes = np.append(hashes[order], np.uint64(2**64 - 1))
        self._order = np.append(order, order[-1])
        self._starts = np.searchsorted(self._hashes, ranges).astype(np.int32)
        self._shift = np.uint64(64 - bits)


def _hashes(names: pl.Series) -> npt.NDArray[np.uint64]:
    return names.hash().to_numpy()
