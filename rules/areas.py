"""Pooling areas (统筹区): which area's fund and law a division code belongs to (determination P1).

The rule is the structure of GB/T 2260. What departs from it stands in `EXCEPTIONS`, with the days and the source of each. The
function for one code and the one for columns read the same table; a test holds them equal.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

_PROVINCES = frozenset(
    [*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82]
)
_MUNICIPALITIES = frozenset(["11", "12", "31", "50"])
_EPOCH = dt.date(1970, 1, 1).toordinal()


class AreaException(NamedTuple):
    """Codes that begin with `prefix` belong to `area` from the day `start` until `end` (inclusive, None: without an end)."""

    prefix: str
    start: dt.date
    end: dt.date | None
    area: str
    source: str


EXCEPTIONS = (
    AreaException(
        "3712",
        dt.date(2018, 12, 26),
        None,
        "370100",
        "国函〔2018〕130号 of 2018-12-26: the prefecture of Laiwu is dissolved into that of Jinan [OUTSIDE: not in the seeds]",
    ),
)
"""Codes that a change of divisions has moved to another area while claims and registers still write them."""


@lru_cache(maxsize=1 << 16)
def pooling_area(division: str, day: dt.date | None = None) -> str:
    """The pooling area of a division code (行政区划代码) on a day: its first four digits and 00.

    A county that a province runs directly (third and fourth digit 90) stands alone, a municipality is one area, and a code whose
    first two digits are no province stays itself, as does whatever is not six digits. Without a day the dated exceptions are
    left out. The area of an area is itself.
    """
    moved = None if day is None else _exception(division, day)
    if moved is not None:
        return moved
    if len(division) != 6 or not (division.isascii() and division.isdigit()) or int(division[:2]) not in _PROVINCES:
        return division
    if division[:2] in _MUNICIPALITIES:
        return f"{division[:2]}0000"
    return division if division[2:4] == "90" else f"{division[:4]}00"


def province_of(area: str) -> str:
    """The division code of the province that an area lies in; of a code of no province the code itself."""
    known = len(area) == 6 and area.isascii() and area.isdigit() and int(area[:2]) in _PROVINCES
    return f"{area[:2]}0000" if known else area


def _exception(division: str, day: dt.date) -> str | None:
    if len(division) != 6 or not (division.isascii() and division.isdigit()):
        return None
    for one in EXCEPTIONS:
        if division.startswith(one.prefix) and one.start <= day and (one.end is None or day <= one.end):
            return one.area
    return None


@lru_cache(maxsize=1 << 16)
def areas_over_time(division: str) -> tuple[str, ...]:
    """Every area that a division code belongs to on any day, that of the rule first."""
    return tuple(
        dict.fromkeys([pooling_area(division), *(one.area for one in EXCEPTIONS if division.startswith(one.prefix))])
    )


def area_on(division: str, day: int) -> str:
    """The area of a code on a day since 1970-01-01."""
    areas = areas_over_time(division)
    return areas[0] if len(areas) == 1 else pooling_area(division, dt.date.fromordinal(day + _EPOCH))


def areas_of(divisions: pl.Series, days: Callable[[], npt.NDArray[np.int32]]) -> pl.Series:
    """The same for a column of codes, which is given back itself where every code is its own area.

    `days` gives the day of each row since 1970-01-01; it is asked only when some code has an exception.
    """
    known: list[str] = divisions.unique().to_list()
    areas = {code: areas_over_time(code)[0] for code in known}
    dated = [code for code in known if len(areas_over_time(code)) > 1]
    if not dated and all(code == area for code, area in areas.items()):
        return divisions
    found = divisions.replace_strict(areas, return_dtype=pl.String).alias(divisions.name)
    if not dated:
        return found
    rows = np.flatnonzero(divisions.is_in(pl.Series(dated).implode()).to_numpy())
    moved = list(map(area_on, divisions.gather(rows).to_list(), days()[rows].tolist()))
    return found.scatter(rows, moved)
