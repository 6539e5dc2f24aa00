"""Standing as timelines: the fold of a dossier under a pack, day by day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from rules.answers import answered_both_ways
from rules.calendar import WorkingCalendar, official_calendar
from rules.dossier import Dossier, Issue, fold, law_order
from rules.events import ActDone, Event, InstitutionResigned, SiteEnded
from rules.packs.pack import Pack, PackError
from rules.packs.pack_set import Law, Segment
from rules.schemes import agreements
from rules.schemes.account import Account, Ban, Entry
from rules.schemes.ledger import Ledger
from rules.schemes.registry import scheme_of
from rules.schemes.scheme import Scheme
from rules.succession import bars, days_of_law, handed_on, overlaid, under
from rules.timeline import InstitutionSpan, InstitutionTimeline, PhysicianTimeline, Site, Span
from rules.vocabulary import IssueCode, SiteStatus

_ONE = dt.timedelta(days=1)

SpanT = TypeVar("SpanT", Span, InstitutionSpan, Site)


@dataclass(frozen=True, slots=True)
class Statement:
    """A timeline with what led to it: the account's entries in order, every contradiction found, the bans that end."""

    timeline: PhysicianTimeline
    entries: tuple[Entry, ...]
    issues: tuple[Issue, ...]
    bans: tuple[Ban, ...] = ()
    parts: tuple[_Part, ...] = field(default=(), compare=False, repr=False)
    """What each pack of the law made of it, for `statement` to count on."""


def _ledger_of(pack: Pack) -> Ledger:
    if pack.ledger is None:
        raise PackError(
            f"{pack.name}: has no ledger section; expected one, because standings are to be computed from events"
        )
    return pack.ledger


@dataclass(frozen=True, slots=True)
class _Part:
    """What one pack makes of the events of its days, and of the registrations that came over from earlier ones."""

    segment: Segment
    account: Account
    honoured: Account | None
    """The second account of determination Q2, where it was asked for."""
    sites: tuple[Site, ...]
    has_scale: bool
    calendar: WorkingCalendar
    since: dt.date

    @property
    def contested(self) -> tuple[Span, ...] | None:
        """The spans of the second account, if they are others."""
        if self.honoured is None or self.honoured.spans == self.account.spans:
            return None
        return self.honoured.spans


def _segments(law: Pack | Law) -> tuple[Segment, ...]:
    return law.segments if isinstance(law, Law) else (Segment(None, None, law),)


def _calendar(law: Pack | Law, pack: Pack, given: WorkingCalendar | None) -> WorkingCalendar:
    if given is not None:
        return given
    return law.calendar(pack) if isinstance(law, Law) else official_calendar(_ledger_of(pack).working_calendar.value)


def _part(
    segment: Segment, events: Sequence[Event], calendar: WorkingCalendar, since: dt.date, before: _Part | None = None
) -> _Part:
    """`since`: the first day whose decisions are this pack's own; those before it only leave their points (S3).

    `before`: what this pack made of fewer events of the dossier.
    """
    ledger = _ledger_of(segment.pack)
    scheme = scheme_of(ledger)

    def count(earlier: Account | None, **more: Any) -> Account:
        if since != dt.date.min:
            more["since"] = since
        if earlier is not None and earlier.kept is not None:
            more["before"] = earlier.kept
        return scheme.fold(events, ledger, calendar, **more)

    if before is not None and before.segment.pack is not segment.pack:
        before = None
    account = count(None if before is None else before.account)
    honoured = count(None if before is None else before.honoured, honour_late=True) if account.late else None
    return _Part(segment, account, honoured, _sites(events, scheme), scheme.has_scale, calendar, since)


def _bound(spans: Iterable[SpanT], segment: Segment) -> Iterator[SpanT]:
    """The part of the spans that lies on a segment's days."""
    for span in spans:
        start = _later(span.start, segment.start)
        end = _earlier(span.end, segment.end)
        if start is None or end is None or start <= end:
            yield (
                span if (start, end) == (span.start, span.end) else msgspec.structs.replace(span, start=start, end=end)
            )


def _later(one: dt.date | None, other: dt.date | None) -> dt.date | None:
    return max((day for day in (one, other) if day is not None), default=None)


def _earlier(one: dt.date | None, other: dt.date | None) -> dt.date | None:
    return min((day for day in (one, other) if day is not None), default=None)


@dataclass(slots=True)
class _HandedOn:
    """What the laws before have left for the next one: the events that it begins with, and what still bars (S3).

    `bars` and `contested` are those of the account and of the one with late upholdings honoured (Q2), newest law first.
    """

    events: list[Event] = field(default_factory=list)
    bars: tuple[Span, ...] = ()
    contested: tuple[Span, ...] = ()

    def leave(self, part: _Part, known: Sequence[Event], days: dict[str, dt.date], following: Pack) -> None:
        """Takes over from a part what goes on under the following pack."""
        segment = part.segment
        inside = under(segment.pack, known, days)
        last = part if len(inside) == len(known) else _part(segment, inside, part.calendar, part.since)
        self.events = handed_on(inside, last.account, segment, following)
        if following.ends == "bars":
            self.bars = self.contested = ()
            return
        spans = last.account.spans
        self.bars = (*bars(last.account, spans, segment), *self.bars)
        self.contested = (*bars(last.account, last.contested or spans, segment), *self.contested)


def statement(
    dossier: Dossier | Iterable[Event],
    law: Pack | Law,
    as_of: dt.date | dt.datetime | None = None,
    *,
    calendar: WorkingCalendar | None = None,
    region: str | None = None,
    physician_code: str | None = None,
    revision: int = 0,
    before: Statement | None = None,
) -> Statement:
    """A physician's timeline with the account behind it, as known at `as_of` (None: with everything recorded).

    `law` is one pack, or what governs the region day by day (S1): each pack then folds the events of its own days, with the
    registrations, sites and bars that came over (S3), and says what holds on those days. `calendar` defaults to the
    working days of each pack's own setting. Region and code are taken from the events when not given. `before` is an earlier
    statement of the same dossier, to be counted on; the result does not depend on it. Raises PackError when a
    pack has no ledger section, CalendarError when working days of an unknown year are needed and no fallback is declared.
    """
    file = dossier if isinstance(dossier, Dossier) and as_of is None else _file(dossier, as_of)
    events = [event for event in file.events if not event.of_institution]
    segments = _segments(law)
    days = days_of_law(events) if len(segments) > 1 else {}
    parts: list[_Part] = []
    spans: list[Span] = []
    honoured: list[Span] = []
    left = _HandedOn()
    unknown: list[Issue] = []
    for number, segment in enumerate(segments):
        own = events if len(segments) == 1 else [event for event in events if segment.holds(days[event.event_id])]
        known = own if not number else sorted([*left.events, *own], key=law_order)
        since = segment.start or dt.date.min if segment.pack.carries == "points" else dt.date.min
        earlier = before.parts[number] if before is not None and number < len(before.parts) else None
        part = _part(segment, known, _calendar(law, segment.pack, calendar), since, earlier)
        parts.append(part)
        spans += overlaid(_bound(part.account.spans, segment), _bound(left.bars, segment))
        honoured += overlaid(_bound(part.contested or part.account.spans, segment), _bound(left.contested, segment))
        if number + 1 < len(segments):
            left.leave(part, known, days, segments[number + 1].pack)
        unknown += _not_of(_ledger_of(segment.pack), own)
    timeline = PhysicianTimeline(
        region=region if region is not None else (events[0].region if events else ""),
        physician_code=physician_code if physician_code is not None else _code(events),
        revision=revision,
        spans=tuple(spans),
        sites=tuple(site for part in parts for site in _bound(part.sites, part.segment)),
        contested=tuple(honoured) if any(part.contested is not None for part in parts) else None,
        points=_points(tuple(spans), as_of) if any(part.has_scale for part in parts) else {},
    )
    unknown += [*_acts_before_their_cause(events), *answered_both_ways(events)]
    issues = (*file.issues, *(issue for part in parts for issue in part.account.issues), *unknown)
    entries = tuple(entry for part in parts for entry in part.account.entries)
    bans = tuple(ban for part in parts for ban in part.account.bans)
    return Statement(timeline, entries, issues, bans, tuple(parts))


def _not_of(ledger: Ledger, events: Iterable[Event]) -> Iterator[Issue]:
    for event in events:
        if event.type_name not in ledger.events:
            yield Issue(
                IssueCode.NOT_OF_THIS_SCHEME,
                event.event_id,
                "本规则无此类事件",
                f"a {event.type_name} does not exist in this scheme",
            )


def _acts_before_their_cause(events: Sequence[Event]) -> Iterator[Issue]:
    """D5: an act dated before what it is about contradicts it; one about nothing that is recorded leads nowhere."""
    days = {event.event_id: event.date for event in events}
    for event in events:
        if not isinstance(event, ActDone):
            continue
        if event.ref not in days:
            yield Issue(
                IssueCode.UNKNOWN_REFERENCE, event.event_id, "所指事件未登记", "refers to an event that is not recorded"
            )
        elif event.day < days[event.ref]:
            yield Issue(
                IssueCode.ACT_BEFORE_ITS_CAUSE,
                event.event_id,
                "办理日期早于其起因",
                "the act is dated before what it is about",
            )


def timeline(
    dossier: Dossier | Iterable[Event],
    law: Pack | Law,
    as_of: dt.date | dt.datetime | None = None,
    *,
    calendar: WorkingCalendar | None = None,
    region: str | None = None,
    physician_code: str | None = None,
    revision: int = 0,
) -> PhysicianTimeline:
    """The timeline of `statement`, without the account."""
    return statement(
        dossier, law, as_of, calendar=calendar, region=region, physician_code=physician_code, revision=revision
    ).timeline


def institution_timeline(
    dossier: Dossier | Iterable[Event],
    law: Pack | Law,
    as_of: dt.date | dt.datetime | None = None,
    *,
    institution_code: str,
    region: str | None = None,
    revision: int = 0,
) -> InstitutionTimeline:
    """An institution's timeline from the events that name it (X2: others never count), as known at `as_of`."""
    file = dossier if isinstance(dossier, Dossier) and as_of is None else _file(dossier, as_of)
    events = [event for event in file.events if event.of_institution and event.institution == institution_code]
    segments = _segments(law)
    spans: list[InstitutionSpan] = []
    for segment in segments:
        ledger = _ledger_of(segment.pack)
        own = [event for event in events if _concerns(event, segment)]
        for span in scheme_of(ledger).fold_institution(own, ledger):
            # What has ended under an earlier law stays so under the next one, until a new agreement.
            running = spans[-1] if spans else None
            if running is None or (running.end is not None and span.start is not None and running.end < span.start):
                spans.append(span)
    spans = list(agreements.beside(spans, agreements.run(events)))
    return InstitutionTimeline(
        region=region if region is not None else (events[0].region if events else ""),
        institution_code=institution_code,
        revision=revision,
        spans=tuple(spans),
        heads=agreements.heads(events) or msgspec.UNSET,
    )


def _concerns(event: Event, segment: Segment) -> bool:
    """Whether a pack looks at an institution's event: those of its days, and new agreements also later.

    What was recorded on a day without law meets no condition of the law before it (S3).
    """
    last = segment.pack.in_force.end if segment.end is None else segment.end
    if isinstance(event, InstitutionResigned) and last is not None and event.date > last:
        return True
    return segment.holds(event.date) and (
        segment.pack.in_force.holds(event.date) or isinstance(event, InstitutionResigned)
    )


def _file(events: Dossier | Iterable[Event], as_of: dt.date | dt.datetime | None) -> Dossier:
    if not isinstance(events, Dossier):
        return fold(events, as_of)
    file = fold(events.events, as_of)
    return Dossier(file.events, (*events.issues, *file.issues))


def _code(events: Sequence[Event]) -> str:
    return next((event.physician_code for event in events if event.physician_code), "")


def _points(spans: tuple[Span, ...], as_of: dt.date | dt.datetime | None) -> dict[str, int | None]:
    """Remaining and accumulated points on the day of knowledge (without one, after the last event); {} where nothing is known."""
    if not spans:
        return {}
    span: Span | None = spans[-1]
    if as_of is not None:
        span = span_on(spans, as_of.date() if isinstance(as_of, dt.datetime) else as_of)
    if span is None:
        return {"remaining": None, "accumulated": None}
    return {"remaining": span.points_remaining, "accumulated": span.points_accumulated}


def span_on(spans: Iterable[Span], day: dt.date) -> Span | None:
    """The span that covers a day, or None."""
    for span in spans:
        if (span.start is None or span.start <= day) and (span.end is None or day <= span.end):
            return span
    return None


def _sites(events: Sequence[Event], scheme: Scheme[Any]) -> tuple[Site, ...]:
    """What each institution has declared, day by day; of one day's events the one later in the law's order holds (Q11).

    Declarations outlive a ban (Q10). The end of a site ends a declaration alone: who asked not to be covered stays so.
    """
    changes: dict[str, list[tuple[dt.date, SiteStatus | None]]] = {}
    for event in events:
        ends = isinstance(event, SiteEnded)
        status = scheme.site_status(event)
        if not event.institution or not (ends or status is not None):
            continue
        known = changes.setdefault(event.institution, [])
        if ends and (not known or known[-1][1] is not SiteStatus.DECLARED):
            continue
        if known and known[-1][0] == event.date:
            known.pop()
        if not known or known[-1][1] is not status:
            known.append((event.date, status))
    sites = []
    for institution, states in changes.items():
        for number, (start, status) in enumerate(states):
            end = states[number + 1][0] - _ONE if number + 1 < len(states) else None
            if status is not None:
                sites.append(Site(institution, start, end, status))
    return tuple(sites)


__all__ = [
    "InstitutionSpan",
    "Statement",
    "institution_timeline",
    "span_on",
    "statement",
    "timeline",
]
