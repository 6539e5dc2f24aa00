"""What the decision reads of a claim's further fields: emergency origin, staff category, visit, department, other people.

The fields come as one JSON text a claim, null for most of them. Both ways of decoding a batch hand the same text over, so
what is read of it is the same for a claim alone and for a frame.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from rules.vocabulary import StaffCategory

PRESCRIBER = "prescriber"
"""The role of who wrote the prescription that a pharmacy fills."""

NOT_SEEN = "not_seen"
"""What a claim says of the visit (就诊) behind its settlement when that never came."""


class _Person(msgspec.Struct, gc=False):
    person: str
    role: str
    day: dt.date | None = None


class _Line(msgspec.Struct, gc=False):
    person: str
    role: str
    day: dt.date
    amount: str


class _Further(msgspec.Struct, gc=False):
    emergency_origin: bool | None = None
    staff_category: str | None = None
    people: tuple[_Person, ...] | None = None
    lines: tuple[_Line, ...] | None = None
    visit: str | None = None
    department: str | None = None


_read = msgspec.json.Decoder(_Further).decode
FIELDS = _Further.__struct_fields__
"""Names of the fields that are read."""


class Named(NamedTuple):
    """Somebody whom a claim names besides its responsible person (P4, P6).

    `row` is the claim's place, `line` the line's number from 1 (0: named on the claim itself), `day` the day on which the person
    acted (None: not told), `amount` the line's amount.
    """

    row: int
    line: int
    person: str
    day: dt.date | None
    amount: str | None


class Further(NamedTuple):
    """The further fields of a batch; None where no claim of the batch says anything of it."""

    emergency_origin: npt.NDArray[np.bool_] | None
    auditors: npt.NDArray[np.bool_] | None
    not_seen: npt.NDArray[np.bool_] | None
    named: tuple[Named, ...]
    departments: dict[int, str]
    """By the claim's place the department that gave the service."""


NOTHING = Further(None, None, None, (), {})


def of_column(further: pl.Series) -> Further:
    """Of a column of texts, null where a claim has no such field."""
    if further.null_count() == len(further):
        return NOTHING
    rows = np.flatnonzero(further.is_not_null().to_numpy())
    return _gathered(zip(rows.tolist(), further.gather(rows).to_list(), strict=True), len(further))


def of_texts(further: Sequence[str | None]) -> Further:
    """The same of a list."""
    if not any(further):
        return NOTHING
    return _gathered(((row, text) for row, text in enumerate(further) if text is not None), len(further))


def _gathered(texts: Iterable[tuple[int, str]], count: int) -> Further:
    origins, auditors, not_seen = (np.zeros(count, np.bool_) for _ in range(3))
    named: list[Named] = []
    departments: dict[int, str] = {}
    for row, text in texts:
        said = _read(text)
        origins[row] = said.emergency_origin is True
        auditors[row] = said.staff_category == StaffCategory.SETTLEMENT_AUDIT
        not_seen[row] = said.visit == NOT_SEEN
        if said.department is not None:
            departments[row] = said.department
        named += [
            Named(row, 0, person.person, person.day, None) for person in said.people or () if person.role == PRESCRIBER
        ]
        named += [
            Named(row, number, line.person, line.day, line.amount) for number, line in enumerate(said.lines or (), 1)
        ]
    return Further(_any(origins), _any(auditors), _any(not_seen), tuple(named), departments)


def _any(said: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_] | None:
    return said if said.any() else None
