"""What can happen to a physician, as the spans of a timeline: one small function for each kind of history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from rules.calendar import corresponding_day, sanction_window
from rules.codes import Flag, Standing
from rules.timeline import Span

_DAY = dt.timedelta(days=1)
QIANNAN_START = dt.date(2022, 12, 26)
LANZHOU_START, LANZHOU_END = dt.date(2014, 6, 3), dt.date(2019, 4, 30)


class History(NamedTuple):
    """What became of one physician."""

    spans: tuple[Span, ...]
    contested: tuple[Span, ...] | None = None
    remaining: int | None = 12
    accumulated: int | None = 0


Maker = Callable[[Random, str], History]
"""Makes a history; the text is the start of the ids of its events."""


def _between(rng: Random, first: dt.date, last: dt.date) -> dt.date:
    return first + dt.timedelta(days=rng.randrange((last - first).days + 1))


def _registered(rng: Random) -> dt.date:
    return QIANNAN_START + dt.timedelta(days=rng.randrange(8))


def _decided(rng: Random) -> dt.date:
    """Day of a decision; at times one of the awkward ones at the end of a month."""
    if rng.random() < 0.25:
        return rng.choice((dt.date(2023, 5, 31), dt.date(2023, 11, 30), dt.date(2024, 1, 31), dt.date(2024, 2, 29)))
    return _between(rng, dt.date(2023, 3, 1), dt.date(2025, 3, 31))


def _normal(start: dt.date | None, end: dt.date | None, event: str, points: int | None = 0) -> Span:
    left = None if points is None else 12 - points
    return Span(start, end, Standing.NORMAL, points_remaining=left, points_accumulated=points, causes=(event,))


# -- Qiannan ------------------------------------------------------------------------------------------------------


def normal(rng: Random, event: str) -> History:
    """Registered when the rules began, and nothing since."""
    return History((_normal(_registered(rng), None, f"{event}-1"),))


def registered_later(rng: Random, event: str) -> History:
    """Joined in the middle of the sample's years."""
    return History((_normal(_between(rng, dt.date(2023, 6, 1), dt.date(2025, 3, 1)), None, f"{event}-1"),))


def training_missing(rng: Random, event: str) -> History:
    """Has a code, but the training is evidenced late or never."""
    start = _registered(rng)
    shown = _between(rng, dt.date(2024, 3, 1), dt.date(2025, 6, 30)) if rng.random() < 0.5 else None
    untrained = Span(
        start,
        shown and shown - _DAY,
        Standing.NORMAL,
        flags=(Flag.QUALIFICATION_INCOMPLETE,),
        citations=("二(一)",),
        causes=(f"{event}-1",),
    )
    return History((untrained, _normal(shown, None, f"{event}-2")) if shown else (untrained,))


def cautioned(rng: Random, event: str) -> History:
    """Talked to at 6 points, some warned at 10; 1 January restores the allowance."""
    year = rng.choice((2023, 2024, 2025))
    first, year_end = _between(rng, dt.date(year, 2, 1), dt.date(year, 11, 30)), dt.date(year, 12, 31)
    spans = [_normal(_registered(rng), first - _DAY, f"{event}-1")]
    second = _between(rng, first + _DAY, year_end) if rng.random() < 0.4 else None
    spans.append(_caution(first, second - _DAY if second else year_end, Standing.CAUTIONED_6, 6, (f"{event}-2",)))
    if second:
        spans.append(_caution(second, year_end, Standing.CAUTIONED_10, 10, (f"{event}-2", f"{event}-3")))
    spans.append(_normal(year_end + _DAY, None, f"{event}-1"))
    return History(tuple(spans))


def _caution(start: dt.date, end: dt.date, standing: Standing, points: int, causes: tuple[str, ...]) -> Span:
    return Span(
        start,
        end,
        standing,
        points_remaining=12 - points,
        points_accumulated=points,
        citations=("三(二)1",),
        causes=causes,
    )


def _penalty(decided: dt.date, months: int, cause: str) -> tuple[Span, Span]:
    """The decision day and the penalty window that follows it."""
    window = sanction_window(decided, months)
    pending = Span(
        decided,
        decided,
        Standing.PENALTY_PENDING,
        penalty_period=window,
        points_remaining=0,
        points_accumulated=12,
        citations=("三(二)1",),
        causes=(cause,),
    )
    running = Span(
        *window,
        Standing.PENALTY,
        penalty_period=window,
        points_remaining=0,
        points_accumulated=12,
        citations=("三(二)1",),
        causes=(cause,),
    )
    return pending, running


def _waiting(after: Span, until: dt.date | None, cause: str, flags: tuple[Flag, ...] = ()) -> Span:
    """Penalty over, reinstatement not granted."""
    assert after.end is not None
    return Span(
        after.end + _DAY,
        until,
        Standing.PENDING_REINSTATEMENT,
        penalty_period=after.penalty_period,
        flags=flags,
        points_remaining=0,
        points_accumulated=12,
        citations=("三(二)5",),
        causes=(cause,),
    )


def penalised_and_back(rng: Random, event: str, months: int = 3) -> History:
    """12 points, a penalty period, some days of waiting, reinstated."""
    decided = _decided(rng)
    pending, running = _penalty(decided, months, f"{event}-2")
    assert running.end is not None
    back = running.end + dt.timedelta(days=rng.randrange(8, 60))
    spans = (
        _normal(_registered(rng), decided - _DAY, f"{event}-1"),
        pending,
        running,
        _waiting(running, back - _DAY, f"{event}-2"),
        _normal(back, None, f"{event}-3"),
    )
    return History(spans, remaining=12, accumulated=12)


def penalised_and_waiting(rng: Random, event: str) -> History:
    """12 points and a penalty period; nobody has asked for reinstatement since."""
    decided = _decided(rng)
    pending, running = _penalty(decided, 3, f"{event}-2")
    before = _normal(_registered(rng), decided - _DAY, f"{event}-1")
    return History((before, pending, running, _waiting(running, None, f"{event}-2")), remaining=0, accumulated=12)


def penalised_for_a_year(rng: Random, event: str) -> History:
    """12 points in each of two consecutive years: three months first, twelve the second time."""
    first = _between(rng, dt.date(2023, 2, 1), dt.date(2023, 5, 31))
    second = _between(rng, dt.date(2024, 1, 10), dt.date(2024, 8, 31))
    pending, running = _penalty(first, 3, f"{event}-2")
    assert running.end is not None
    back = running.end + dt.timedelta(days=20)
    spans = (
        _normal(_registered(rng), first - _DAY, f"{event}-1"),
        pending,
        running,
        _waiting(running, back - _DAY, f"{event}-2"),
        _normal(back, second - _DAY, f"{event}-3"),
        *_penalty(second, 12, f"{event}-4"),
    )
    return History((*spans, _waiting(spans[-1], None, f"{event}-4")), remaining=0, accumulated=12)


def blacklisted(rng: Random, event: str, returned: bool = False) -> History:
    """12 points at one time: a penalty period and after it a ban of three years."""
    decided = _decided(rng)
    window = sanction_window(decided, 3)
    ban = sanction_window(window[1], 36)
    cause = (f"{event}-2",)
    banned = Span(*ban, Standing.BLACKLISTED, ban_period=ban, citations=("四(二)",), causes=cause)
    after = [banned]
    if returned:
        back = _between(rng, ban[0] + 30 * _DAY, ban[0] + 200 * _DAY)
        conflict = (Flag.BLACKLIST_CONFLICT,)
        after = [
            Span(ban[0], back - _DAY, Standing.BLACKLISTED, ban_period=ban, citations=("四(二)",), causes=cause),
            Span(back, ban[1], Standing.BLACKLISTED, ban_period=ban, flags=conflict, causes=(*cause, f"{event}-3")),
        ]
    spans = (
        _normal(_registered(rng), decided - _DAY, f"{event}-1"),
        Span(decided, decided, Standing.BLACKLIST_PENDING, penalty_period=window, ban_period=ban, causes=cause),
        Span(
            *window,
            Standing.BLACKLISTED,
            in_penalty=True,
            penalty_period=window,
            ban_period=ban,
            citations=("三(二)1", "四(二)"),
            causes=cause,
        ),
        *after,
    )
    return History(spans, remaining=None, accumulated=12)


def blacklisted_and_returned(rng: Random, event: str) -> History:
    """The register shows a new registration while the ban still runs: people must look."""
    return blacklisted(rng, event, returned=True)


def reinstated_too_early(rng: Random, event: str) -> History:
    """A reinstatement dated inside the penalty period contradicts the text: people must look."""
    decided = _decided(rng)
    pending, running = _penalty(decided, 3, f"{event}-2")
    assert running.start is not None
    assert running.end is not None
    early = running.start + dt.timedelta(days=rng.randrange(15, 60))
    causes, flags = (f"{event}-2", f"{event}-3"), (Flag.DATA_CONFLICT,)
    window = running.penalty_period
    spans = (
        _normal(_registered(rng), decided - _DAY, f"{event}-1"),
        pending,
        Span(running.start, early - _DAY, Standing.PENALTY, penalty_period=window, causes=causes[:1]),
        Span(early, running.end, Standing.PENALTY, penalty_period=window, flags=flags, causes=causes),
        _waiting(running, None, f"{event}-3", flags),
    )
    return History(spans, remaining=0, accumulated=12)


def upheld_late(rng: Random, event: str) -> History:
    """A review request after the seventh working day was upheld all the same: what changes by it goes to people."""
    punished = penalised_and_waiting(rng, event)
    free = (_normal(punished.spans[0].start, None, f"{event}-1"),)
    return punished._replace(contested=free)


# -- Lanzhou ------------------------------------------------------------------------------------------------------


def lanzhou_normal(_rng: Random, event: str) -> History:
    """Under agreement for the whole term."""
    return History((_lanzhou(LANZHOU_START, LANZHOU_END, Standing.NORMAL, event),), remaining=10)


def lanzhou_suspended(rng: Random, event: str) -> History:
    """6 points: three months' suspension; service goes on by itself afterwards."""
    decided = _between(rng, dt.date(2018, 2, 1), dt.date(2018, 10, 31))
    window = sanction_window(decided, 3)
    spans = (
        _lanzhou(LANZHOU_START, decided - _DAY, Standing.NORMAL, event),
        Span(decided, decided, Standing.SUSPENSION_PENDING, penalty_period=window, causes=(f"{event}-2",)),
        Span(*window, Standing.SUSPENDED, penalty_period=window, citations=("第十七条",), causes=(f"{event}-2",)),
        _lanzhou(window[1] + _DAY, LANZHOU_END, Standing.NORMAL, event),
    )
    return History(spans, remaining=4, accumulated=6)


def lanzhou_cancelled(rng: Random, event: str) -> History:
    """10 points: the qualification is cancelled from the next day."""
    decided = _between(rng, dt.date(2018, 2, 1), dt.date(2018, 10, 31))
    cancelled = Span(
        decided + _DAY,
        corresponding_day(decided, 12),
        Standing.CANCELLED,
        reapply_not_before=corresponding_day(decided, 12) + _DAY,
        citations=("第十七条",),
        causes=(f"{event}-2",),
    )
    return History((_lanzhou(LANZHOU_START, decided, Standing.NORMAL, event), cancelled), remaining=0, accumulated=10)


def lanzhou_expired(rng: Random, event: str) -> History:
    """The agreement ended and was not renewed."""
    last = _between(rng, dt.date(2018, 1, 31), dt.date(2018, 9, 30))
    expired = Span(last + _DAY, None, Standing.AGREEMENT_EXPIRED, citations=("第六条(三)",), causes=(f"{event}-1",))
    return History((_lanzhou(LANZHOU_START, last, Standing.NORMAL, event), expired), remaining=None, accumulated=None)


def _lanzhou(start: dt.date, end: dt.date, standing: Standing, event: str) -> Span:
    return Span(start, end, standing, causes=(f"{event}-1",))


# -- Xiamen and the national opinion ------------------------------------------------------------------------------


def plain(_rng: Random, event: str) -> History:
    """In order throughout, in a place whose texts give no points."""
    return History((_normal(None, None, f"{event}-1", points=None),), remaining=None, accumulated=None)


def xiamen_full_once(rng: Random, event: str) -> History:
    """Reached 12 points once; the source states no effect."""
    first = _between(rng, dt.date(2023, 6, 1), dt.date(2025, 1, 31))
    full = Span(first, None, Standing.POINTS_FULL_ONCE, causes=(f"{event}-2",))
    return History((_normal(None, first - _DAY, f"{event}-1", points=None), full), remaining=None, accumulated=None)


def xiamen_blacklisted(rng: Random, event: str) -> History:
    """Reached 12 points twice: blacklisted for good."""
    second = _between(rng, dt.date(2023, 6, 1), dt.date(2025, 1, 31))
    ban = (second + _DAY, None)
    causes = (f"{event}-2", f"{event}-3")
    spans = (
        _normal(None, second - _DAY, f"{event}-1", points=None),
        Span(second, second, Standing.BLACKLIST_PENDING, ban_period=ban, causes=causes),
        Span(*ban, Standing.BLACKLISTED, ban_period=ban, citations=("诚信档案段",), causes=causes),
    )
    return History(spans, remaining=None, accumulated=None)


def national_suspended(rng: Random, event: str) -> History:
    """Filing status suspended for some months, then normal again."""
    first = _between(rng, dt.date(2025, 1, 10), dt.date(2025, 6, 30))
    last = corresponding_day(first, rng.choice((2, 3, 6)))
    away = Span(first, last, Standing.SUSPENDED, penalty_period=(first, last), causes=(f"{event}-2",))
    spans = (
        _normal(dt.date(2024, 10, 8), first - _DAY, f"{event}-1", points=None),
        away,
        _normal(last + _DAY, None, f"{event}-1", points=None),
    )
    return History(spans, remaining=None, accumulated=None)


def national_terminated(rng: Random, event: str) -> History:
    """Filing status terminated."""
    first = _between(rng, dt.date(2025, 2, 1), dt.date(2025, 8, 31))
    gone = Span(first, None, Standing.TERMINATED, penalty_period=(first, None), causes=(f"{event}-2",))
    before = _normal(dt.date(2024, 10, 8), first - _DAY, f"{event}-1", points=None)
    return History((before, gone), remaining=None, accumulated=None)
