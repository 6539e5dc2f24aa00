"""The national opinion (`003 三`): a filing status a day. No points scale and no thresholds exist in the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rules.events import Event, PointsRecorded, Registration, Repair, StatusCorrected, StatusRecorded
from rules.objections import objections_upheld
from rules.schemes.account import FOREVER, Account, Entry, Facts, SpanBuilder, by_day, corresponding, year_of
from rules.schemes.ledger import Dated
from rules.schemes.statuses import Status, governing_in_order, repair, unknown_corrections, without_decision
from rules.vocabulary import EventType, Standing

_MANY = 32
"""Statuses from which on those that have ended are let go of."""

Citations = Mapping[Standing, tuple[str, ...]]


def run(
    events: Sequence[Event], citations: Citations, abnormal: Dated[tuple[Standing, ...]], *, rolling_year: bool = False
) -> Account:
    """Folds a person's events, in the law's order, into spans over all days.

    `abnormal` are the statuses that bar from settlement, by the day; the days that they cover count as barred also for somebody
    who is not registered (N3: a stay with such days and others). `rolling_year` is the rival reading of ambiguity 3; it changes
    the entries' running totals and nothing else, because no threshold is stated.
    """
    account = Account()
    void = {event.ref for event in events if isinstance(event, StatusCorrected)} | objections_upheld(events)
    ids = frozenset(event.event_id for event in events if isinstance(event, StatusRecorded))
    account.issues += unknown_corrections(events, ids)
    statuses: list[Status] = []
    registered = False
    points: list[tuple[int, int]] = []
    spans = SpanBuilder()

    def facts(t: int) -> Facts | None:
        status = governing_in_order(statuses, t)
        if status is None or status.standing not in abnormal.on(t):
            return Facts(Standing.NORMAL, in_penalty=False) if registered else None
        period = status.period
        if not registered:
            return Facts(Standing.UNREGISTERED, in_penalty=True, penalty_period=period, status=status.standing)
        cites = citations.get(status.standing, ())
        return Facts(status.standing, in_penalty=True, penalty_period=period, citations=cites, causes=status.causes)

    def cuts(first: int, last: int) -> list[int]:
        # All have begun by now, so that nothing changes but where the one that governs ends, and the next one after it.
        days = {edge for edge in abnormal.starts if first < edge <= last}
        status = governing_in_order(statuses, first)
        while status is not None and status.until < last:
            days.add(status.until + 1)
            status = governing_in_order(statuses, status.until + 1)
        return sorted(days)

    number = 0
    most = _MANY
    for t, group, last in by_day(events):
        if len(statuses) > most:
            # What has ended says nothing of this day nor of a later one.
            statuses[:] = [status for status in statuses if status.until >= t]
            most = 2 * len(statuses) + _MANY
        for event in group:
            number += 1
            if isinstance(event, Registration):
                registered = True
            elif isinstance(event, StatusRecorded):
                if event.event_id in void:
                    continue
                until = FOREVER if event.until is None else event.until.toordinal()
                statuses.append(Status(Standing(event.status), t, until, number, (event.event_id,)))
            elif isinstance(event, Repair):
                repair(event, governing_in_order(statuses, t), account.issues)
            elif isinstance(event, PointsRecorded):
                counted = 0 if event.event_id in void else event.points
                points.append((t, counted))
                total = _running_total(points, t, rolling_year=rolling_year)
                account.entries.append(
                    Entry(event.event_id, event.date, EventType.POINTS_RECORDED, counted, 0, total, total)
                )
                missing = without_decision(event)
                if missing is not None:
                    account.issues.append(missing)
        spans.fill(t, last, facts, cuts)
    account.spans = spans.build()
    return account


def _running_total(points: list[tuple[int, int]], t: int, *, rolling_year: bool) -> int:
    """Points of the calendar year of `t`, or of the twelve months that begin with each recording and contain `t`."""
    if rolling_year:
        return sum(value for dated, value in points if corresponding(dated, 12) > t)
    return sum(value for dated, value in points if year_of(dated) == year_of(t))
