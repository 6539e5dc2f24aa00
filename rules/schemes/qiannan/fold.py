"""The Qiannan points account (`000 三`, `四`): cycles, years, bonus bank, penalty windows, blacklist, reinstatement.

The fold walks over the days on which something is recorded; between two of them only clocks run (windows, bans, New
Year), so it looks at those days alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from rules.calendar import WorkingCalendar
from rules.dossier import Issue
from rules.events import Bonus, Deduction, Event, OptOut, Registration, Reinstatement, SiteDeclaration, SiteEnded
from rules.schemes.account import (
    FOREVER,
    Account,
    Ban,
    Facts,
    SpanBuilder,
    by_day,
    day,
    new_year,
    year_of,
)
from rules.schemes.ledger import Dated
from rules.schemes.qiannan.appeals import Reviews, review
from rules.schemes.qiannan.parameters import QiannanValues
from rules.schemes.qiannan.parts import Penalty, Year, binding, later
from rules.schemes.qiannan.points import PointsAccount
from rules.vocabulary import Flag, IssueCode, Standing

Citations = Mapping[Standing, tuple[str, ...]]


class QiannanFold(PointsAccount):
    """The state after the events read so far, and what it says about any day up to the next event."""

    def __init__(self, law: Dated[QiannanValues], citations: Citations, reviews: Reviews, since: int) -> None:
        super().__init__(law, reviews, since)
        self.citations = citations
        self.issues: list[Issue] = []
        self.registered = False
        self.trained = False
        self.last_reinstatement = 0
        self.reinstated_at: dict[str, int] = {}
        self.declared: set[str] = set()
        self.conflict_end = 0
        self.conflict_ids: tuple[str, ...] = ()
        self.returned_ids: tuple[str, ...] = ()
        self.bans: list[Ban] = []
        self._joined: dict[tuple[int, ...], tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]] = {}

    def copy(self, reviews: Reviews) -> QiannanFold:
        """The same state, to go on with; it shares nothing that changes."""
        other = QiannanFold(self.law, self.citations, reviews, self.since)
        windows = {id(window): window.copy() for window in (*self.windows, *([self.over] if self.over else []))}
        for name, value in vars(self).items():
            if name not in ("values", "reviews", "_joined"):
                setattr(other, name, value.copy() if isinstance(value, list | dict | set) else value)
        other.years = {year: account.copy() for year, account in self.years.items()}
        other.windows = [windows[id(window)] for window in self.windows]
        other.over = None if self.over is None else windows[id(self.over)]
        return other

    # -- events -------------------------------------------------------------------------------------------------

    def apply(self, event: Event, t: int) -> None:
        """Takes in the next event, dated on day `t`. Reviews have been read beforehand and change nothing here."""
        self.values = self.law.on(t)
        if isinstance(event, Deduction):
            self.deduct(event, t)
        elif isinstance(event, Bonus):
            self.grant(event, t)
        elif isinstance(event, Reinstatement):
            self._reinstate(event, t)
        elif isinstance(event, Registration):
            self._register(event, t)
        elif isinstance(event, SiteDeclaration) and event.institution:
            self.declared.add(event.institution)
        elif isinstance(event, OptOut | SiteEnded) and event.institution:
            self.declared.discard(event.institution)

    def _reinstate(self, event: Reinstatement, t: int) -> None:
        """`000 三(二)5`: only after the period. Inside one it contradicts the text (Q4); in a ban as well (Q5)."""
        if self.blacklisted_on and t > self.blacklisted_on:
            self._contradict_ban(event)
        else:
            inside = [window for window in self.windows if window.start <= t <= window.end]
            if inside:
                self.conflict_end = max(self.conflict_end, *(window.end for window in inside))
                self.conflict_ids = (*self.conflict_ids, event.event_id)
                self.issues.append(
                    Issue(
                        IssueCode.REINSTATED_IN_PENALTY,
                        event.event_id,
                        "责罚期内恢复资格",
                        "reinstated inside a running penalty period",
                    )
                )
        if t > self.conflict_end:
            self.conflict_end, self.conflict_ids = 0, ()
        self.last_reinstatement = t
        if event.institution:
            self.reinstated_at[event.institution] = t
        if not self.values.every_site_reinstates:
            self.over = None
            self.windows = [window for window in self.windows if window.end >= t]

    def let_go(self, t: int) -> None:
        """Before the events of day `t`: of the windows that are over only the one that governs their aftermath is kept (Q8)."""
        over = [window for window in self.windows if window.end < t and window.start <= t]
        if over:
            self.over = later(over if self.over is None else [self.over, *over])
            self.windows = [window for window in self.windows if not (window.end < t and window.start <= t)]

    def running_ban(self) -> list[Ban]:
        """The ban as it is now, if there is one."""
        if not self.blacklisted_on:
            return []
        start, end = self.ban()
        return [Ban(self.blacklist_ids[0], day(start), day(end))]

    def _contradict_ban(self, event: Event) -> None:
        self.returned_ids = (*self.returned_ids, event.event_id)
        self.issues.append(
            Issue(
                IssueCode.RETURNED_IN_BAN,
                event.event_id,
                "黑名单期间恢复或重新登记",
                "reinstated or registered while the ban runs",
            )
        )

    def _register(self, event: Registration, t: int) -> None:
        if event.institution:
            self.declared.add(event.institution)
        if self.blacklisted_on and t > self.ban()[1]:
            # Q10: the ban is closed for good; windows and conflicts before it are dropped, training counts anew (Q9).
            self.bans += self.running_ban()
            self.windows, self.over = [], None
            self.last_window_end = self.last_reinstatement = self.conflict_end = self.blacklisted_on = 0
            self.reinstated_at = {}
            self.conflict_ids = self.blacklist_ids = self.returned_ids = ()
            self.trained = False
        elif self.blacklisted_on and t > self.blacklisted_on:
            self._contradict_ban(event)
        self.registered = True
        self.trained = self.trained or event.training

    # -- days ---------------------------------------------------------------------------------------------------

    def cuts(self, first: int, last: int) -> list[int]:
        """The days in (first, last] on which, without any event, something may change."""
        if last == first:
            return []
        days = {first + 1, *self.law.starts}
        for window in self.windows:
            # Most windows begin and end on other days.
            if first < window.start <= last:
                days.add(window.start)
            if first <= window.end < last:
                days.add(window.end + 1)
            if window.hole is not None and window.end >= first:
                days.add(window.hole[0])
                days.add(window.hole[1] + 1)
        if self.blacklisted_on:
            days.add(self.blacklisted_on + 1)
            days.add(self.ban()[1] + 1)
        if self.years:
            days.add(new_year(year_of(first) + 1))
        return sorted(t for t in days if first < t <= last)

    def _uncleared(self, t: int) -> Penalty | None:
        """Of the windows over on day `t` that no reinstatement after their end has cleared the one that governs (Q8)."""
        ended = [window for window in self.windows if window.end < t]
        last = later(ended if self.over is None else [self.over, *ended])
        if last is None or not self.values.every_site_reinstates:
            return last
        # If this one, which ends last, is cleared, so are the others.
        cleared = min((self.reinstated_at.get(site, 0) for site in self.declared), default=self.last_reinstatement)
        return last if last.end >= cleared else None

    def facts(self, t: int) -> Facts | None:
        """What holds on day `t`, which must not lie after the next event. None: unregistered, nothing to say."""
        self.values = self.law.on(t)
        running = binding(self.windows, t)
        period = (running.start, running.end) if running is not None else None
        if not self.registered:
            if running is None:
                return None
            return Facts(Standing.UNREGISTERED, in_penalty=True, penalty_period=period)
        ban = None
        if self.blacklisted_on:
            ban = self.ban()
            if t > ban[1]:
                cites = self.citations.get(Standing.UNREGISTERED, ())
                return Facts(Standing.UNREGISTERED, in_penalty=False, citations=cites, causes=self.blacklist_ids)
        account = self.years.get(year_of(t))
        accumulated = account.total if account is not None else 0
        causes: tuple[str, ...] = running.causes if running is not None else ()
        remaining: int | None = self._remaining(account, t)
        if ban is not None and t > self.blacklisted_on:
            standing = Standing.BLACKLISTED
            causes = self._each_once(self.blacklist_ids, causes)
            remaining = None
        elif running is not None:
            standing, ban = Standing.PENALTY, None
        else:
            standing, period, causes = self._without_penalty(t, account)
            if standing is Standing.BLACKLIST_PENDING:
                causes = self._each_once(self.blacklist_ids, causes)
            else:
                ban = None
        flags = self._flags(standing)
        causes = self._each_once(causes, self.returned_ids, self.conflict_ids) if flags else self._each_once(causes)
        return Facts(
            standing,
            running is not None,
            period,
            ban,
            None,
            flags,
            remaining,
            accumulated,
            self.citations.get(standing, ()),
            causes,
        )

    def _each_once(self, *parts: tuple[str, ...]) -> tuple[str, ...]:
        """These events, each once; the very same tuple again for the same parts, so that neighbours compare at a glance."""
        given = tuple(part for part in parts if part)
        if not given or (len(given) == 1 and len(given[0]) == 1):
            return given[0] if given else ()
        key = tuple(map(id, given))
        known = self._joined.get(key)
        if known is None:
            # The parts are kept with what they gave: while they are, no other tuple has their place.
            known = self._joined[key] = given, tuple(dict.fromkeys(chain.from_iterable(given)))
        return known[1]

    def _without_penalty(
        self, t: int, account: Year | None
    ) -> tuple[Standing, tuple[int, int] | None, tuple[str, ...]]:
        """Determination Q6 below `penalty`: the gap before reinstatement, then decision days, then cautions."""
        if self.windows or self.over is not None:
            if self.values.reinstatement_required:
                ended = self._uncleared(t)
                if ended is not None:
                    return Standing.PENDING_REINSTATEMENT, (ended.start, ended.end), ended.causes
            coming = later([window for window in self.windows if window.decision <= t < window.start])
            if coming is not None:
                standing = Standing.BLACKLIST_PENDING if t == self.blacklisted_on else Standing.PENALTY_PENDING
                return standing, (coming.start, coming.end), coming.causes
        if self.blacklisted_on and t == self.blacklisted_on:
            return Standing.BLACKLIST_PENDING, None, ()
        if account is None or account.cycle < self.values.caution_low:
            return Standing.NORMAL, None, ()
        if not (self.values.cautions_once_a_year and account.resets):
            high = account.cycle >= self.values.caution_high
            return Standing.CAUTIONED_10 if high else Standing.CAUTIONED_6, None, account.open_ids
        return Standing.NORMAL, None, ()

    def _remaining(self, account: Year | None, t: int) -> int:
        if account is None:
            return self.values.allowance
        if t <= account.zero_until:
            return 0
        return max(0, self.values.allowance - account.cycle)

    def _flags(self, standing: Standing) -> tuple[Flag, ...]:
        flags: list[Flag] = []
        if standing is Standing.BLACKLISTED and self.returned_ids:
            flags.append(Flag.BLACKLIST_CONFLICT)
        if self.conflict_ids:
            flags.append(Flag.DATA_CONFLICT)
        if not self.trained:
            flags.append(Flag.QUALIFICATION_INCOMPLETE)
        return tuple(flags)


def _review_days(law: Dated[QiannanValues]) -> Callable[[dt.date], int]:
    """The limit of a review, in working days, by the day of the notice."""
    return lambda notice: law.on(notice.toordinal()).review_days


@dataclass(frozen=True, slots=True)
class Setting:
    """All that an account follows from beside the events."""

    law: Dated[QiannanValues]
    citations: Citations
    calendar: WorkingCalendar
    honour_late: bool
    since: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A fold as the events of its last day left it, before anything is said of the days that follow. It is never changed."""

    events: tuple[Event, ...]
    setting: Setting
    fold: QiannanFold
    spans: SpanBuilder
    last: int

    def leads_to(self, events: Sequence[Event], setting: Setting, reviews: Reviews) -> bool:
        """Whether these events are the ones here and further ones behind them in the law's order, which let all that was counted
        stand: a review that changes a decision counted here does not."""
        known = len(self.events)
        if tuple(events[:known]) != self.events or setting != self.setting:
            return False
        further = {event.event_id for event in events[known:]}
        before = self.fold.reviews
        asked: list[tuple[Mapping[str, object], Mapping[str, object]]] = [(reviews.points, before.points)]
        # The text counts a window from the decision and lets no review suspend it; rival readings do otherwise.
        if any(values.window_from_notice for values in setting.law.values):
            asked.append((reviews.notices, before.notices))
        if any(values.review_suspends for values in setting.law.values):
            asked.append((reviews.pending, before.pending))
        return all({ref: told for ref, told in now.items() if ref not in further} == then for now, then in asked)


def run(
    events: Sequence[Event],
    law: Dated[QiannanValues],
    citations: Citations,
    calendar: WorkingCalendar,
    *,
    honour_late: bool = False,
    since: int = 1,
    before: object = None,
) -> Account:
    """Folds a physician's events, in the law's order, into spans over all days.

    `honour_late` gives the contested account of determination Q2; decisions before `since` leave their points alone.
    `before` is what an earlier account of the same dossier kept: where only newer events have come, the fold goes on from there.
    The result does not depend on it.
    Raises CalendarError when a review's limit runs into a year of which the calendar has no data and no fallback is declared.
    """
    account = Account()
    reviews = review(events, calendar, _review_days(law), honour_late=honour_late, issues=account.issues)
    account.late = reviews.late
    setting = Setting(law, citations, calendar, honour_late, since)
    last = 0
    if isinstance(before, Kept) and before.leads_to(events, setting, reviews):
        fold, spans, last = before.fold.copy(reviews), before.spans.copy(), before.last
        further = events[len(before.events) :]
    else:
        fold, spans, further = QiannanFold(law, citations, reviews, since), SpanBuilder(), events
    for t, group, _ in by_day(further):
        if t != last:
            if last:
                spans.fill(last, t - 1, fold.facts, fold.cuts)
            fold.let_go(t)
        for event in group:
            fold.apply(event, t)
        last = t
    account.kept = Kept(tuple(events), setting, fold, spans, last)
    spans = spans.copy()
    if last:
        spans.fill(last, FOREVER - 1, fold.facts, fold.cuts)
    account.spans = spans.build()
    account.entries = list(fold.entries)
    account.bans = [*fold.bans, *fold.running_ban()]
    account.issues += fold.issues
    return account.since(day(since))
