"""What a fold yields: facts day by day, the account's entries, and the contradictions found.

Inside the folds a day is its proleptic ordinal (`date.toordinal`); dates come back when the spans are built.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

import msgspec

from rules.calendar import Counting, corresponding_day, sanction_window
from rules.dossier import Issue
from rules.events import Event
from rules.timeline import InstitutionSpan, Span, Window
from rules.vocabulary import Effect, EventType, Flag, InstitutionStanding, Standing

FOREVER = dt.date.max.toordinal() + 1
"""No day: the end of what does not end."""


class Facts(NamedTuple):
    """What holds on a day, but for the days themselves; equal neighbours are one span."""

    standing: Standing
    in_penalty: bool
    penalty_period: tuple[int, int] | None = None
    ban_period: tuple[int, int] | None = None
    reapply_not_before: int | None = None
    flags: tuple[Flag, ...] = ()
    points_remaining: int | None = None
    points_accumulated: int | None = None
    citations: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    status: Standing | None = None
    """The filing status of somebody who is not registered."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the account, for people: what an event did to the points, and what it set off.

    `points` as counted now, `offset` by bonus, `open_total` of the open cycle (Lanzhou: the term) after it and
    `year_total` of the year; `window` is the penalty or suspension that it set off. `passed` are lower marks that it passed
    as well: each owes its own act (D3), and the account tells the highest alone.
    """

    event_id: str
    date: dt.date
    kind: EventType
    points: int
    offset: int
    open_total: int
    year_total: int
    effects: tuple[Effect, ...] = ()
    window: tuple[dt.date, dt.date] | None = None
    passed: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Ban:
    """A ban on new applications: the decision that listed the physician, first and last day as all its penalties leave it."""

    event_id: str
    start: dt.date
    end: dt.date


@dataclass(slots=True)
class Account:
    """The result of one fold: spans in order, entries in the law's order, issues in the order found."""

    spans: tuple[Span, ...] = ()
    entries: list[Entry] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    late: bool = False
    """Whether a review was upheld on an inadmissible request (determination Q2)."""
    bans: list[Ban] = field(default_factory=list)
    """Bans that end, also of somebody who is not registered and whose days therefore do not show them."""

    kept: object = None
    """What the scheme needs to count on from here when further events come; None where it counts every dossier anew."""

    def since(self, day: dt.date) -> Account:
        """The account with the entries of decisions from a day on; those before it are told by another law's account (S3)."""
        self.entries = [entry for entry in self.entries if entry.date >= day]
        return self


def by_day(events: Iterable[Event]) -> Iterator[tuple[int, list[Event], int]]:
    """The events of each day, in the law's order: the day, its events, and the last day before the next events."""
    groups = [(t, list(group)) for t, group in groupby(events, key=lambda event: event.date.toordinal())]
    for number, (t, group) in enumerate(groups):
        yield t, group, groups[number + 1][0] - 1 if number + 1 < len(groups) else FOREVER - 1


class SpanBuilder:
    """Collects facts from day to day and merges equal neighbours."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, Facts | None]] = []
        self._spans: list[Span] = []
        self._settled = 0
        """Rows of which the spans are built: all that another row follows."""

    def copy(self) -> SpanBuilder:
        """The same, to go on with; what is built already is not built again."""
        other = SpanBuilder()
        self._settle()
        other._rows, other._spans, other._settled = list(self._rows), list(self._spans), self._settled
        return other

    def add(self, start: int, facts: Facts | None) -> None:
        """From `start` on these facts hold; None: nothing is to be said (no span). Starts must rise."""
        if self._rows and self._rows[-1][1] == facts:
            return
        self._rows.append((start, facts))

    def fill(
        self,
        first: int,
        last: int,
        facts: Callable[[int], Facts | None],
        cuts: Callable[[int, int], Iterable[int]],
    ) -> None:
        """What holds from day `first` until `last`: `facts` of it, and of each day after it on which something may change."""
        self.add(first, facts(first))
        for cut in cuts(first, last):
            self.add(cut, facts(cut))

    def build(self) -> tuple[Span, ...]:
        """The spans; the last one is open."""
        self._settle()
        spans = self._spans
        if self._rows and (facts := self._rows[-1][1]) is not None:
            spans = [*spans, _span(day(self._rows[-1][0]), None, facts)]
        return tuple(spans)

    def _settle(self) -> None:
        rows = self._rows
        for number in range(self._settled, len(rows) - 1):
            start, facts = rows[number]
            if facts is not None:
                self._spans.append(_span(day(start), day(rows[number + 1][0] - 1), facts))
        self._settled = max(0, len(rows) - 1)


def _span(start: dt.date, end: dt.date | None, facts: Facts) -> Span:
    window, ban = facts.penalty_period, facts.ban_period
    reapply = facts.reapply_not_before
    return Span(
        start,
        end,
        facts.standing,
        facts.in_penalty,
        None if window is None else _window(window),
        None if ban is None else _window(ban),
        None if reapply is None else day(reapply),
        facts.flags,
        facts.points_remaining,
        facts.points_accumulated,
        facts.citations,
        facts.causes,
        status=msgspec.UNSET if facts.status is None else facts.status,
    )


def _window(window: tuple[int, int]) -> Window:
    return day(window[0]), None if window[1] >= FOREVER else day(window[1])


@lru_cache(maxsize=65536)
def day(ordinal: int) -> dt.date:
    """The date of an ordinal."""
    return dt.date.fromordinal(ordinal)


@lru_cache(maxsize=65536)
def window_days(decision: int, months: int, counting: Counting) -> tuple[int, int]:
    """`sanction_window` in ordinals."""
    start, end = sanction_window(day(decision), months, counting)
    return start.toordinal(), end.toordinal()


@lru_cache(maxsize=65536)
def corresponding(ordinal: int, months: int) -> int:
    """`corresponding_day` in ordinals."""
    return corresponding_day(day(ordinal), months).toordinal()


@lru_cache(maxsize=65536)
def year_of(ordinal: int) -> int:
    """Calendar year of an ordinal."""
    return day(ordinal).year


@lru_cache(maxsize=1024)
def new_year(year: int) -> int:
    """Ordinal of 1 January."""
    return dt.date(year, 1, 1).toordinal()


def ended_agreement(first: int, last: int | None, citation: str, causes: tuple[str, ...]) -> InstitutionSpan:
    """The days on which an institution's agreement has ended, in ordinals; `last` None: without an end."""
    end = None if last is None else day(last)
    return InstitutionSpan(day(first), end, InstitutionStanding.TERMINATED, (citation,), causes)
