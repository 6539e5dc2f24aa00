"""Service agreements of institutions as they are recorded, whatever the scheme (determination P7).

An agreement is signed for days, suspended, ended, or signed anew; an institution of which nothing was recorded has one, and days
before the first recorded agreement count as covered. After a written last day without a successor nobody knows. What a scheme's
own conditions end (`Scheme.fold_institution`) stands beside this. Who heads a pharmacy is recorded of the institution, too (P5).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rules.events import (
    Event,
    InstitutionEnded,
    InstitutionResigned,
    InstitutionSigned,
    InstitutionSuspended,
    PharmacyHead,
)
from rules.schemes.account import FOREVER, day
from rules.timeline import Head, InstitutionSpan
from rules.vocabulary import InstitutionStanding

_ONE = dt.timedelta(days=1)


class _Signed(NamedTuple):
    start: int
    end: int
    order: int


class _Suspended(NamedTuple):
    start: int
    end: int
    order: int
    event_id: str


def run(events: Sequence[Event]) -> tuple[InstitutionSpan, ...]:
    """The days on which the recorded agreements do not cover an institution, from its events in the law's order."""
    records = [
        event
        for event in events
        if isinstance(event, InstitutionSigned | InstitutionSuspended | InstitutionEnded | InstitutionResigned)
    ]
    if not any(not isinstance(event, InstitutionResigned) for event in records):
        return ()
    edges: set[int] = set()
    for event in records:
        start, end = _days(event)
        edges |= {event.date.toordinal(), start, *(() if end >= FOREVER - 1 else (end + 1,))}
    spans: list[InstitutionSpan] = []
    cuts = sorted(edges)
    for number, cut in enumerate(cuts):
        # Services before an event's date do not know it (T2).
        known = [event for event in records if event.date.toordinal() <= cut]
        held = _on(cut, known)
        last = day(cuts[number + 1] - 1) if number + 1 < len(cuts) else None
        if held is None:
            continue
        standing, causes = held
        previous = spans[-1] if spans else None
        follows = previous is not None and previous.end is not None and previous.end.toordinal() == cut - 1
        if previous is not None and follows and (previous.standing, previous.causes) == (standing, causes):
            spans[-1] = InstitutionSpan(previous.start, last, standing, (), causes)
            continue
        spans.append(InstitutionSpan(day(cut), last, standing, (), causes))
    return tuple(spans)


def _days(event: Event) -> tuple[int, int]:
    start = getattr(event, "start", None) or event.date
    end = getattr(event, "end", None)
    return start.toordinal(), FOREVER - 1 if end is None else end.toordinal()


def _on(t: int, known: Sequence[Event]) -> tuple[InstitutionStanding, tuple[str, ...]] | None:
    """What the agreements known say of a day, with the events behind it; None: covered."""
    signed: list[_Signed] = []
    suspended: list[_Suspended] = []
    ended: tuple[int, str] | None = None
    for order, event in enumerate(known):
        start, end = _days(event)
        if isinstance(event, InstitutionEnded):
            if start <= t:
                ended = (start, event.event_id)
                signed = [one for one in signed if one.start >= start]
        elif isinstance(event, InstitutionSuspended):
            suspended.append(_Suspended(start, end, order, event.event_id))
        else:
            signed.append(_Signed(start, end, order))
            if start <= t:
                # A new agreement ends a suspension that began before it.
                suspended = [one for one in suspended if one.start > start]
                if ended is not None and start >= ended[0]:
                    ended = None
    barred = [one for one in suspended if one.start <= t <= one.end]
    if ended is not None:
        return InstitutionStanding.TERMINATED, (ended[1],)
    if barred:
        return InstitutionStanding.SUSPENDED, (barred[-1].event_id,)
    begun = [one for one in signed if one.start <= t]
    if begun and all(one.end < t for one in begun):
        return InstitutionStanding.UNKNOWN, (known[max(begun, key=lambda one: (one.end, one.order)).order].event_id,)
    return None


def ended_and_signed(events: Sequence[Event]) -> Iterator[tuple[Event, Event]]:
    """Ends of an agreement and new agreements from the same day on, from one institution's events in the law's order: each pair
    with the one recorded later, which holds (G1), at its end."""
    earlier: list[Event] = []
    for event in events:
        if not isinstance(event, InstitutionEnded | InstitutionSigned | InstitutionResigned):
            continue
        for other in earlier:
            apart = isinstance(other, InstitutionEnded) != isinstance(event, InstitutionEnded)
            if apart and _days(other)[0] == _days(event)[0]:
                yield other, event
                break
        earlier.append(event)


def heads(events: Sequence[Event]) -> tuple[Head, ...]:
    """Who heads a pharmacy on which days (P5), in the law's order. A new head takes over from one without `to`."""
    found: list[Head] = []
    for event in events:
        if not isinstance(event, PharmacyHead):
            continue
        start = max(event.date, event.start or event.date)
        for place, earlier in enumerate(found):
            if earlier.end is None and earlier.start is not None:
                last = max(start - _ONE, earlier.start - _ONE)
                found[place] = Head(earlier.physician_code, earlier.start, last)
        if event.end is None or start <= event.end:
            found.append(Head(event.physician_code or "", start, event.end))
    return tuple(head for head in found if head.end is None or head.start is None or head.start <= head.end)


def beside(own: Sequence[InstitutionSpan], recorded: Sequence[InstitutionSpan]) -> tuple[InstitutionSpan, ...]:
    """The spans of a scheme's own conditions with those of the recorded agreements on the days that are left."""
    found = list(own)
    for span in recorded:
        start = 1 if span.start is None else span.start.toordinal()
        last = FOREVER - 1 if span.end is None else span.end.toordinal()
        for taken in sorted(found, key=lambda one: one.start.toordinal() if one.start else 1):
            low = 1 if taken.start is None else taken.start.toordinal()
            high = FOREVER - 1 if taken.end is None else taken.end.toordinal()
            if taken in own and low <= last and high >= start:
                if start < low:
                    found.append(_cut(span, start, low - 1))
                start = high + 1
        if start <= last:
            found.append(_cut(span, start, last))
    return tuple(sorted(found, key=lambda one: one.start.toordinal() if one.start else 1))


def _cut(span: InstitutionSpan, start: int, last: int) -> InstitutionSpan:
    end = None if last >= FOREVER - 1 else day(last)
    return InstitutionSpan(day(start), end, span.standing, span.citations, span.causes)
