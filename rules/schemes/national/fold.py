"""The national opinion (`003 三`): a filing status a day. No points scale and no thresholds exist in the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from rules.dossier import Issue
from rules.events import Event, PointsRecorded, Registration, Repair, StatusCorrected, StatusRecorded
from rules.objections import objections_upheld
from rules.schemes.account import FOREVER, Account, Entry, Facts, SpanBuilder, corresponding, year_of
from rules.schemes.ledger import Dated
from rules.vocabulary import EventType, IssueCode, Standing

Citations = Mapping[Standing, tuple[str, ...]]


class _Status:
    """A status from `start` until `until` (FOREVER: open); `number` is its place in the law's order."""

    __slots__ = ("causes", "number", "standing", "start", "until")

    def __init__(self, standing: Standing, start: int, until: int, number: int, causes: tuple[str, ...]) -> None:
        self.standing = standing
        self.start = start
        self.until = until
        self.number = number
        self.causes = causes


def _governing(statuses: list[_Status], t: int) -> _Status | None:
    """N1: of the statuses that cover day `t` the one with the later first day; same day, the later in order."""
    best: _Status | None = None
    for status in statuses:
        if status.start <= t <= status.until and (
            best is None or (status.start, status.number) > (best.start, best.number)
        ):
            best = status
    return best


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
    ids = {event.event_id for event in events if isinstance(event, StatusRecorded)}
    for event in events:
        if isinstance(event, StatusCorrected) and event.ref not in ids:
            account.issues.append(
                Issue(
                    IssueCode.UNKNOWN_REFERENCE,
                    event.event_id,
                    "所指状态未登记",
                    "refers to a status that is not recorded",
                )
            )
    statuses: list[_Status] = []
    registered = False
    points: list[tuple[int, int]] = []
    spans = SpanBuilder()
    groups = [(t, list(group)) for t, group in groupby(events, key=lambda event: event.date.toordinal())]

    def facts(t: int) -> Facts | None:
        status = _governing(statuses, t)
        if status is None or status.standing not in abnormal.on(t):
            return Facts(Standing.NORMAL, in_penalty=False) if registered else None
        period = (status.start, status.until)
        if not registered:
            return Facts(Standing.UNREGISTERED, in_penalty=True, penalty_period=period)
        cites = citations.get(status.standing, ())
        return Facts(status.standing, in_penalty=True, penalty_period=period, citations=cites, causes=status.causes)

    number = 0
    for place, (t, group) in enumerate(groups):
        for event in group:
            number += 1
            if isinstance(event, Registration):
                registered = True
            elif isinstance(event, StatusRecorded):
                if event.event_id in void:
                    continue
                until = FOREVER if event.until is None else event.until.toordinal()
                statuses.append(_Status(Standing(event.status), t, until, number, (event.event_id,)))
            elif isinstance(event, Repair):
                _repair(event, t, statuses, account.issues)
            elif isinstance(event, PointsRecorded):
                counted = 0 if event.event_id in void else event.points
                points.append((t, counted))
                total = _running_total(points, t, rolling_year=rolling_year)
                account.entries.append(
                    Entry(event.event_id, event.date, EventType.POINTS_RECORDED, counted, 0, total, total)
                )
                if event.points > 0 and event.decision_ref is None:
                    account.issues.append(_without_decision(event))
        last = groups[place + 1][0] - 1 if place + 1 < len(groups) else FOREVER - 1
        spans.add(t, facts(t))
        edges = {edge for status in statuses for edge in (status.start, status.until + 1)}.union(abnormal.starts)
        for cut in sorted(edge for edge in edges if t < edge <= last):
            spans.add(cut, facts(cut))
    account.spans = spans.build()
    return account


def _without_decision(event: PointsRecorded) -> Issue:
    """N5, `003 二¶3`: an institution's penalty or handling comes first. Flagged, not refused."""
    return Issue(
        IssueCode.POINTS_WITHOUT_DECISION,
        event.event_id,
        "记分未载明对机构的处罚或处理",
        "the points name no penalty or handling of the institution, which has to come first",
    )


def _repair(event: Repair, t: int, statuses: list[_Status], issues: list[Issue]) -> None:
    """`003 三¶3`: the status that governs on the day of the repair gets a new end; earlier services do not know it (T2)."""
    status = _governing(statuses, t)
    if status is None or status.standing is Standing.NORMAL:
        issues.append(
            Issue(
                IssueCode.REPAIR_WITHOUT_STATUS,
                event.event_id,
                "修复之日没有异常状态",
                "no abnormal status runs on the day of the repair",
            )
        )
        return
    until = event.new_until.toordinal()
    if until > status.until:
        issues.append(
            Issue(
                IssueCode.REPAIR_LENGTHENS,
                event.event_id,
                "修复延长了期限",
                "the repair lengthens the status; the text speaks of shortening",
            )
        )
    # A new object: days already told keep what was known then.
    place = statuses.index(status)
    statuses[place] = _Status(status.standing, status.start, until, status.number, (*status.causes, event.event_id))


def _running_total(points: list[tuple[int, int]], t: int, *, rolling_year: bool) -> int:
    """Points of the calendar year of `t`, or of the twelve months that begin with each recording and contain `t`."""
    if rolling_year:
        return sum(value for dated, value in points if corresponding(dated, 12) > t)
    return sum(value for dated, value in points if year_of(dated) == year_of(t))
