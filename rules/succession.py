"""A ledger over a change of law (determination S3): what one pack hands on to the pack that follows it.

Registrations and declared sites go over, but no registration that a cancellation or a blacklisting ended. What was decided
under the old law (a window, a suspension, a ban) runs to its own end under the new one, with the old law's ground, unless the
new pack says `ends: bars`. Points go over where the new pack says `carries: points`; they open no window by themselves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from rules.events import (
    Agreement,
    AppealFiled,
    AppealRejected,
    AppealUpheld,
    Bonus,
    Deduction,
    Event,
    Full12,
    NoticeReceived,
    OptOut,
    PointsRecorded,
    Registration,
    SiteDeclaration,
    SiteEnded,
)
from rules.packs.pack import Pack
from rules.packs.pack_set import Segment
from rules.schemes.account import Account, Ban
from rules.timeline import Span
from rules.vocabulary import Effect, Standing

_ONE = dt.timedelta(days=1)

_OF_THE_PERSON = (Registration, SiteDeclaration, SiteEnded, OptOut)
"""What goes over with the person, whatever the next law counts."""
_WHENEVER_MADE = (*_OF_THE_PERSON, Agreement)
_COUNTED = (
    Deduction,
    Bonus,
    NoticeReceived,
    AppealFiled,
    AppealUpheld,
    AppealRejected,
    Agreement,
    Full12,
    PointsRecorded,
)
"""What makes up the points of an account."""
_BANS = (Standing.BLACKLISTED, Standing.CANCELLED)
_ENDS_REGISTRATION = (*_BANS, Standing.BLACKLIST_PENDING, Standing.UNREGISTERED)
_ENDING = (Effect.CANCELLED, Effect.BLACKLISTED, Effect.BLACKLIST_AT_ONCE, Effect.BLACKLIST_YEAR_TOTAL)
_PENALTY_STANDINGS = (Standing.PENALTY, Standing.SUSPENDED, Standing.TERMINATED)


def days_of_law(events: Sequence[Event]) -> dict[str, dt.date]:
    """The day by whose law each event is judged: its own, or for what is about another event the day of that one (T2)."""
    days = {event.event_id: event.date for event in events}
    for event in events:
        about = getattr(event, "ref", None)
        if about in days:
            days[event.event_id] = days[about]
    return days


def under(pack: Pack, events: Sequence[Event], days: dict[str, dt.date]) -> list[Event]:
    """The events that a pack's account may hand on: what was decided on a day without law is no decision under it.

    An agreement is no decision. It counts by its own days, and may have been signed before the law's first day.
    """
    return [event for event in events if isinstance(event, _WHENEVER_MADE) or pack.in_force.holds(days[event.event_id])]


def handed_on(events: Sequence[Event], account: Account, segment: Segment, following: Pack) -> list[Event]:
    """The events that the following pack's account begins with."""
    ended = _registration_ended(account, segment.end)
    return [
        event
        for event in events
        if (isinstance(event, _OF_THE_PERSON) and not (isinstance(event, Registration) and ended >= event.date))
        or (following.carries == "points" and isinstance(event, _COUNTED))
    ]


def _registration_ended(account: Account, last: dt.date | None) -> dt.date:
    """The day of the decision that ended the registration and still holds on the day after; else the first of all days."""
    if last is None or last == dt.date.max:
        return dt.date.min
    after = next((span for span in account.spans if span.end is None or span.end > last), None)
    if after is None or after.start is None or after.start > last + _ONE or after.standing not in _ENDS_REGISTRATION:
        return dt.date.min
    ended = [entry.date for entry in account.entries if any(effect in _ENDING for effect in entry.effects)]
    return max(ended, default=last)


def bars(account: Account, spans: Iterable[Span], segment: Segment) -> tuple[Span, ...]:
    """The windows, suspensions and bans of a pack's account that still run after its days, as spans that name the pack.

    `spans` are the account's, or those with late upholdings honoured (Q2). Somebody who was never registered has spans of windows
    alone; a ban of such a person binds all the same.
    """
    if segment.end is None:
        return ()
    found = list(_bars(account, spans, segment.end, segment.pack))
    return tuple(overlaid(found, _bans(account, segment.end, segment.pack)))


def _bars(account: Account, spans: Iterable[Span], last: dt.date, pack: Pack) -> Iterator[Span]:
    for span in spans:
        end = span.end
        if span.standing is Standing.CANCELLED and span.reapply_not_before is not None:
            # What keeps the cancellation longer than its bar is a return that the old law did not allow.
            last_barred = span.reapply_not_before - _ONE
            end = last_barred if end is None else min(end, last_barred)
        start = span.start if span.start is not None and span.start > last else last + _ONE
        if (end is not None and end < start) or not is_bar(span):
            continue
        standing, ban_period = span.standing, span.ban_period
        if standing is Standing.UNREGISTERED:
            ban = next((ban for ban in account.bans if _listed(account, ban) < start <= ban.end), None)
            running = span.status if isinstance(span.status, Standing) else _penalty_standing(pack)
            standing = running if ban is None else Standing.BLACKLISTED
            ban_period = None if ban is None else (ban.start, ban.end)
        yield msgspec.structs.replace(
            span,
            start=start,
            end=end,
            standing=standing,
            in_penalty=span.penalised,
            ban_period=ban_period,
            flags=(),
            points_remaining=None,
            points_accumulated=None,
            pack=pack.name,
            status=msgspec.UNSET,
        )


def _listed(account: Account, ban: Ban) -> dt.date:
    """The day of the decision behind a ban."""
    return next((entry.date for entry in account.entries if entry.event_id == ban.event_id), ban.start - _ONE)


def _bans(account: Account, last: dt.date, pack: Pack) -> Iterator[Span]:
    for ban in account.bans:
        start = max(_listed(account, ban) + _ONE, last + _ONE)
        if start <= ban.end:
            cites = () if pack.ledger is None else pack.ledger.standings.get(Standing.BLACKLISTED, ())
            yield Span(
                start,
                ban.end,
                Standing.BLACKLISTED,
                in_penalty=False,
                ban_period=(ban.start, ban.end),
                citations=cites,
                causes=(ban.event_id,),
                pack=pack.name,
            )


def is_bar(span: Span) -> bool:
    """Whether a span is of a window, a suspension or a ban."""
    return span.penalised or span.standing in _BANS


def _penalty_standing(pack: Pack) -> Standing:
    """What the pack calls the standing of somebody whose window runs, for one who was not registered under it."""
    known = () if pack.ledger is None else pack.ledger.standings
    return next((standing for standing in _PENALTY_STANDINGS if standing in known), Standing.PENALTY)


def overlaid(spans: Iterable[Span], carried: Iterable[Span]) -> list[Span]:
    """The spans of a pack's own account with those carried over laid on the days on which it knows no bar of its own."""
    found = list(spans)
    for bar in carried:
        found = list(_laid(found, bar))
    return found


def _laid(spans: Sequence[Span], bar: Span) -> Iterator[Span]:
    """One bar laid on: where there is no span, and under every span that is no bar itself."""
    at = _low(bar.start)
    last = _high(bar.end)
    for span in spans:
        low, high = _low(span.start), _high(span.end)
        if high < at or low > last or is_bar(span):
            if low > at and at <= last:
                yield _piece(bar, at, min(low - 1, last))
            yield span
            at = max(at, high + 1)
            continue
        if low < at:
            yield _piece(span, low, at - 1)
        elif low > at:
            yield _piece(bar, at, low - 1)
        until = min(high, last)
        yield _with_points(_piece(bar, max(low, at), until), span)
        if high > until:
            yield _piece(span, until + 1, high)
        at = until + 1
    if at <= last:
        yield _piece(bar, at, last)


_LAST = dt.date.max.toordinal()


def _low(day: dt.date | None) -> int:
    return 1 if day is None else day.toordinal()


def _high(day: dt.date | None) -> int:
    return _LAST if day is None else day.toordinal()


def _piece(span: Span, low: int, high: int) -> Span:
    end = None if high >= _LAST and span.end is None else dt.date.fromordinal(high)
    return msgspec.structs.replace(span, start=dt.date.fromordinal(low), end=end)


def _with_points(bar: Span, span: Span) -> Span:
    """The new law's points go on being told beside a window of the old one; who is banned has none."""
    if bar.standing in _BANS:
        return bar
    return msgspec.structs.replace(
        bar, points_remaining=span.points_remaining, points_accumulated=span.points_accumulated
    )
