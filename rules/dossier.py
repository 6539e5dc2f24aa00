"""One physician's or institution's file (一医一档): the events known, in the law's order, each once.

The events are the truth and everything else is computed from them, because a review upheld today changes what held last
year. `fold` is order-independent and idempotent: any order of arrival, with any repetition, gives the same dossier.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from rules.events import Event, encode, known_by
from rules.vocabulary import IssueCode


@dataclass(frozen=True, slots=True)
class Issue:
    """A contradiction or gap in the file. The event is kept; `code` names the kind, for counting and for people."""

    code: IssueCode
    event_id: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Dossier:
    """Events in the law's order: by `date`, then `recorded_at`, then `event_id` (determination G1)."""

    events: tuple[Event, ...]
    issues: tuple[Issue, ...] = ()


def _recorded(event: Event) -> float:
    """Seconds since 1970 of the recording; an event without a time counts as recorded at the start of its day (China)."""
    if event.recorded_at is not None:
        return event.recorded_at.timestamp()
    return event.date.toordinal() * 86400.0 - _CHINA_MIDNIGHT_1970


_CHINA_MIDNIGHT_1970 = dt.date(1970, 1, 1).toordinal() * 86400.0 + 8 * 3600.0


def law_order(event: Event) -> tuple[int, float, str]:
    """Sort key of determination G1: never the order of arrival."""
    return event.date.toordinal(), _recorded(event), event.event_id


def fold(events: Iterable[Event], as_of: dt.date | dt.datetime | None = None) -> Dossier:
    """The dossier of all events recorded by `as_of` (None: of all).

    Two different events under one id contradict each other: the one recorded first is kept, the other flagged.
    """
    known: dict[str, Event] = {}
    issues: list[Issue] = []
    clashing: set[str] = set()
    for event in events:
        if not known_by(event, as_of):
            continue
        other = known.setdefault(event.event_id, event)
        if other is not event and other != event:
            clashing.add(event.event_id)
            # The content breaks the last tie, so that arrival never does.
            if (_recorded(event), encode(event)) < (_recorded(other), encode(other)):
                known[event.event_id] = event
    for event_id in sorted(clashing):
        issues.append(
            Issue(
                IssueCode.SAME_ID_TWICE,
                event_id,
                "同一事件编号有两份不同内容，取先登记者",
                "two different events carry this id; the one recorded first counts",
            )
        )
    ordered = sorted(known.values(), key=law_order)
    return Dossier(tuple(ordered), tuple(issues))


AS_ITS_OWNER: Mapping[str, str] = MappingProxyType({})
"""Of `regions_sent` where every event was sent with its owner's own code."""


def regions_sent(dossier: Dossier) -> dict[str, str]:
    """The division code that each event was sent with, by its id: a dossier is an area's and holds those of all its places."""
    return {event.event_id: event.region for event in dossier.events}


def extend(dossier: Dossier, events: Sequence[Event]) -> Dossier:
    """The dossier with further events; those already in it change nothing."""
    grown = fold((*dossier.events, *events))
    known = {issue.event_id for issue in grown.issues}
    kept = tuple(issue for issue in dossier.issues if issue.event_id not in known)
    return Dossier(grown.events, tuple(sorted((*kept, *grown.issues), key=lambda issue: (issue.code, issue.event_id))))
