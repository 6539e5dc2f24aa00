"""One person everywhere (determination P3): under which regions a code is known, and what holds for it elsewhere.

Under a scheme whose status is the person's, a suspension or termination recorded in one area binds in every other, and a
registration in one is a registration. The index keeps a timeline a region; here stands which other timelines to ask.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from rules.areas import areas_over_time
from rules.screens.facts import Keys, Mask


class Persons:
    """The regions of every code. A code of one region alone is asked for elsewhere only where its own region knows nothing."""

    def __init__(self) -> None:
        self._regions: dict[str, tuple[str, ...]] = {}
        self._several: set[str] = set()
        self._column: pl.Series | None = None

    def meet(self, region: str, code: str) -> None:
        """The code has a timeline in the region."""
        known = self._regions.get(code, ())
        if region in known:
            return
        self._know(code, (*known, region))

    def leave(self, key: str) -> None:
        """The code has no timeline in the region any more (`region|code`)."""
        region, _, code = key.partition("|")
        before = self._regions.pop(code, ())
        if len(before) > 1:
            self._several.difference_update(_asked_as(before, code))
            self._column = None
        known = tuple(other for other in before if other != region)
        if known:
            self._know(code, known)

    def _know(self, code: str, regions: tuple[str, ...]) -> None:
        self._regions[code] = regions
        if len(regions) > 1:
            self._several.update(_asked_as(regions, code))
            self._column = None

    def elsewhere(self, keys: Keys, unknown: Mask) -> list[tuple[int, str]]:
        """The places of claims whose person is known in another region, each with the key of that timeline.

        `unknown` marks the claims of whose person their own region knows nothing.
        """
        if isinstance(keys, pl.Series):
            asked = unknown & keys.is_not_null().to_numpy()
            if self._several:
                if self._column is None:
                    self._column = pl.Series(sorted(self._several), dtype=pl.String)
                asked |= keys.is_in(self._column.implode()).fill_null(False).to_numpy()
            rows = np.flatnonzero(asked)
            named = list(zip(rows.tolist(), keys.gather(rows).to_list(), strict=True))
        else:
            named = [
                (row, key)
                for row, (key, nothing) in enumerate(zip(keys, unknown.tolist(), strict=True))
                if key is not None and (nothing or key in self._several)
            ]
        found = []
        for row, key in named:
            region, _, code = key.partition("|")
            found += [(row, f"{other}|{code}") for other in self._regions.get(code, ()) if other != region]
        return found


def _asked_as(regions: tuple[str, ...], code: str) -> set[str]:
    """The keys by which claims ask for a person: by area, also for what is recorded under a place inside it (P1)."""
    return {f"{area}|{code}" for region in regions for area in (region, *areas_over_time(region))}
