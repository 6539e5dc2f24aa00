"""The days on which two timelines of one owner differ, which have to be screened again."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import TypeVar

import msgspec

from rules.timeline import (
    AnyTimeline,
    DepartmentTimeline,
    InstitutionTimeline,
    InsuredTimeline,
    PhysicianTimeline,
    Span,
)

TimelineT = TypeVar("TimelineT", bound=AnyTimeline)

DayRange = tuple[dt.date | None, dt.date | None]
"""First and last day, both inclusive; None is open."""


def diff(old: AnyTimeline | None, new: AnyTimeline | None) -> tuple[DayRange, ...]:
    """The days that have to be screened again: those whose standing, windows, flags or declared sites differ.

    Points, articles and evidence alone change no verdict and are not counted. None stands for nothing known.
    """
    changed: list[tuple[int, int]] = []
    before, after = _plain(old), _plain(new)
    for mine, theirs in zip(_layers(before, after), _layers(after, before), strict=True):
        changed += _differing(mine, theirs)
    return _merge(changed)


def _plain(timeline: AnyTimeline | None) -> PhysicianTimeline | InstitutionTimeline | None:
    return timeline.plain() if isinstance(timeline, InsuredTimeline | DepartmentTimeline) else timeline


_LOW, _HIGH = dt.date.min.toordinal(), dt.date.max.toordinal()
_Row = tuple[int, int, object]


def _layers(
    timeline: PhysicianTimeline | InstitutionTimeline | None, other: PhysicianTimeline | InstitutionTimeline | None
) -> Iterator[list[_Row]]:
    """The timeline as functions of the day: spans, contested spans, one a site (of either timeline)."""
    if isinstance(timeline, InstitutionTimeline) or isinstance(other, InstitutionTimeline):
        spans = timeline.spans if isinstance(timeline, InstitutionTimeline) else ()
        yield [_row(span.start, span.end, span.standing) for span in spans]
        heads = timeline.headed if isinstance(timeline, InstitutionTimeline) else ()
        theirs = other.headed if isinstance(other, InstitutionTimeline) else ()
        for person in sorted({head.physician_code for head in (*heads, *theirs)}):
            yield [_row(head.start, head.end, person) for head in heads if head.physician_code == person]
        return
    mine = timeline if isinstance(timeline, PhysicianTimeline) else None
    yield [_row(span.start, span.end, _essence(span)) for span in (mine.spans if mine else ())]
    contested: tuple[Span, ...] = ()
    if mine is not None:
        contested = mine.spans if mine.contested is None else mine.contested
    yield [_row(span.start, span.end, _essence(span)) for span in contested]
    declared = _site_rows(mine)
    names = declared.keys() | _site_rows(other if isinstance(other, PhysicianTimeline) else None).keys()
    for name in sorted(names):
        yield declared.get(name, [])


def _row(start: dt.date | None, end: dt.date | None, value: object) -> _Row:
    return _LOW if start is None else start.toordinal(), _HIGH if end is None else end.toordinal(), value


def _essence(span: Span) -> tuple[object, ...]:
    return (
        span.standing,
        span.penalised,
        span.penalty_period,
        span.ban_period,
        span.reapply_not_before,
        span.flags,
        span.pack,
        span.status,
    )


def _site_rows(timeline: PhysicianTimeline | None) -> dict[str, list[_Row]]:
    rows: dict[str, list[_Row]] = {}
    for site in timeline.practised if timeline else ():
        rows.setdefault(site.institution_code, []).append(_row(site.start, site.end, site.status))
    return rows


def _differing(mine: list[_Row], theirs: list[_Row]) -> list[tuple[int, int]]:
    edges = sorted({_LOW, *(edge for row in (*mine, *theirs) for edge in (row[0], row[1] + 1) if edge <= _HIGH)})
    lasts = [*(edge - 1 for edge in edges[1:]), _HIGH]
    pairs = zip(edges, lasts, _values(mine, edges), _values(theirs, edges), strict=True)
    return [(edge, last) for edge, last, one, other in pairs if one != other]


def _values(rows: list[_Row], days: list[int]) -> list[object]:
    """What the rows say of each of these days, which rise; of several rows that hold on a day the first counts."""
    found: list[object] = [None] * len(days)
    for start, end, value in reversed(rows):
        first, behind = bisect_left(days, start), bisect_right(days, end)
        found[first:behind] = [value] * (behind - first)
    return found


def _merge(ranges: list[tuple[int, int]]) -> tuple[DayRange, ...]:
    merged: list[list[int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return tuple(
        (None if start <= _LOW else dt.date.fromordinal(start), None if end >= _HIGH else dt.date.fromordinal(end))
        for start, end in merged
    )


def with_changes(timeline: TimelineT, old: AnyTimeline | None) -> TimelineT:
    """The timeline with `changed` filled in against the revision before it."""
    return msgspec.structs.replace(timeline, changed=diff(old, timeline))
