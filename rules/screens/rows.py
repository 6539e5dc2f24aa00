"""What a timeline is in the standing index: a row a span, in numbers, with the gaps between spans as rows of their own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from rules.screens.facts import EPOCH, STANDINGS
from rules.screens.ragged import Ragged
from rules.timeline import Span
from rules.vocabulary import Flag, InstitutionStanding, SiteStatus, Standing

FIRST_DAY = dt.date.min.toordinal() - EPOCH
LAST_DAY = dt.date.max.toordinal() - EPOCH
NO_WINDOW = -(2**31)
"""Marks an absent window; an open end of a window that exists is FIRST_DAY or LAST_DAY."""

STANDING_CODE = {standing: code for code, standing in enumerate(STANDINGS)}
NO_STANDING = 255
"""No span covers the day, or nothing at all is known of the physician."""

FLAG_BIT = {flag: 1 << number for number, flag in enumerate(Flag)}
IN_PENALTY = 1 << len(Flag)
UNREADABLE = 1 << (len(Flag) + 1)
STATUS_BIT = {Standing.SUSPENDED: 1 << (len(Flag) + 2), Standing.TERMINATED: 1 << (len(Flag) + 3)}
"""Which filing status was recorded of somebody who is not registered."""

SITE_UNDECLARED = 0
SITE_CODE = {SiteStatus.DECLARED: 1, SiteStatus.OPTED_OUT: 2, SiteStatus.LISTED: 3}
INSTITUTION_ACTIVE, INSTITUTION_TERMINATED, INSTITUTION_UNREADABLE, INSTITUTION_UNKNOWN = 0, 1, 2, 3
INSTITUTION_CODE = {
    InstitutionStanding.ACTIVE: INSTITUTION_ACTIVE,
    InstitutionStanding.TERMINATED: INSTITUTION_TERMINATED,
    InstitutionStanding.SUSPENDED: INSTITUTION_TERMINATED,
    InstitutionStanding.UNKNOWN: INSTITUTION_UNKNOWN,
}
"""A suspended agreement bars as one that has ended does (P7)."""


def day_number(day: dt.date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - EPOCH


def low_day(day: dt.date | None) -> int:
    """The number of a first day; without one the first there is."""
    return FIRST_DAY if day is None else day.toordinal() - EPOCH


def high_day(day: dt.date | None) -> int:
    """The number of a last day; without one the last there is."""
    return LAST_DAY if day is None else day.toordinal() - EPOCH


def span_store() -> Ragged:
    """Room for the spans of timelines."""
    return Ragged(
        start="i",
        standing="B",
        flags="B",
        carried="H",
        window_start="i",
        window_end="i",
        penalised_before="i",
        touched="i",
        cause="q",
    )


def site_store() -> Ragged:
    """Room for declarations of institutions."""
    return Ragged(institution="i", start="i", end="i", status="B")


def span_rows(spans: Sequence[Span], store: Ragged, packs: list[str]) -> list[tuple[int, ...]]:
    """Rows that cover every day: gaps between spans become rows without a standing."""
    rows: list[tuple[int, ...]] = []
    expected = FIRST_DAY
    penalised_before = 0
    touched = 0
    for span in spans:
        low, high = low_day(span.start), high_day(span.end)
        if low > expected:
            rows.append((expected, NO_STANDING, 0, 0, NO_WINDOW, NO_WINDOW, penalised_before, touched, -1))
        flags = 0
        for flag in span.flags:
            flags |= FLAG_BIT[flag]
        if isinstance(span.status, Standing):
            flags |= STATUS_BIT.get(span.status, 0)
        window = (NO_WINDOW, NO_WINDOW)
        if span.penalty_period is not None:
            window = (low_day(span.penalty_period[0]), high_day(span.penalty_period[1]))
        if span.penalised:
            flags |= IN_PENALTY
            touched = len(rows)
            if span.penalty_period is None:
                window = (low, high)
        cause = store.texts.put(span.causes)
        carried = _place(span.pack, packs) if isinstance(span.pack, str) else 0
        rows.append((low, STANDING_CODE[span.standing], flags, carried, *window, penalised_before, touched, cause))
        if span.penalised:
            penalised_before += high - low + 1
        expected = high + 1
    if expected <= LAST_DAY:
        rows.append((expected, NO_STANDING, 0, 0, NO_WINDOW, NO_WINDOW, penalised_before, touched, -1))
    return rows


def _place(pack: str, packs: list[str]) -> int:
    """Number of a pack, from 1; a new one gets the next."""
    if pack not in packs:
        packs.append(pack)
    return packs.index(pack) + 1


NO_SPAN = span_store().blank(standing=NO_STANDING, window_start=NO_WINDOW, window_end=NO_WINDOW)
"""Stands where no span covers the day."""
