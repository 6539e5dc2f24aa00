"""Pooling areas (统筹区): which area's fund and law a division code belongs to (determination P1)."""

from __future__ import annotations

_PROVINCES = frozenset(
    [*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82]
)
_MUNICIPALITIES = frozenset(["11", "12", "31", "50"])


def pooling_area(division: str) -> str:
    """The pooling area of a division code (行政区划代码): its first four digits and 00.

    A county that a province runs directly (third and fourth digit 90) stands alone, a municipality is one area, and a code whose
    first two digits are no province stays itself, as does whatever is not six digits.
    """
    if len(division) != 6 or not (division.isascii() and division.isdigit()) or int(division[:2]) not in _PROVINCES:
        return division
    if division[:2] in _MUNICIPALITIES:
        return f"{division[:2]}0000"
    return division if division[2:4] == "90" else f"{division[:4]}00"
