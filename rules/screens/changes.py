"""Stays over a change of law (determination S2): which law governs which days of a stay."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from rules.packs.pack_set import Law, PackSet
from rules.screens.facts import EPOCH, ClaimColumns, packs_on


class Part(NamedTuple):
    """The days of a stay that one pack in force governs, as days since 1970-01-01; `pack` is its position in the set."""

    pack: int
    first: int
    last: int


def stays_over_a_change(claims: ClaimColumns, packs: PackSet) -> dict[int, list[Part]]:
    """The stays that begin under another pack than that of the service day, by their place, each with its parts in order.

    The last part is the service day's. Days without law are no part; a stay that runs from them is judged on its service day
    alone, so that its only part is that day, and one that runs into them is not listed.
    """
    changing = _changing(packs)
    if not changing or not claims.stay.any():
        return {}
    found: dict[int, list[Part]] = {}
    stays = np.flatnonzero(claims.stay & np.isin(claims.law, changing))
    over = packs_on(packs, claims.law[stays], claims.start_day[stays]) != claims.pack[stays]
    for row in stays[over].tolist():
        first, last = int(claims.start_day[row]), int(claims.day[row])
        parts = list(_parts(packs.laws[claims.law[row]], packs, first, last))
        if not parts or parts[-1].last != last:
            continue
        found[row] = parts if len({part.pack for part in parts}) > 1 else [parts[-1]._replace(first=last)]
    return found


@lru_cache(maxsize=8)
def _changing(packs: PackSet) -> tuple[int, ...]:
    return tuple(number for number, law in enumerate(packs.laws) if len(law.packs) > 1)


def _parts(law: Law, packs: PackSet, first: int, last: int) -> Iterator[Part]:
    for segment in law.segments:
        held = segment.pack.in_force
        low = max(first, _low(segment.start), _low(held.start))
        high = min(last, _high(segment.end), _high(held.end))
        if low <= high:
            yield Part(packs.number_of(segment.pack), low, high)


def _low(day: dt.date | None) -> int:
    return -(2**31) if day is None else day.toordinal() - EPOCH


def _high(day: dt.date | None) -> int:
    return 2**31 if day is None else day.toordinal() - EPOCH
