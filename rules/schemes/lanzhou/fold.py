"""The Lanzhou points account (`002 第十一条`-`第十八条`): terms, suspensions, cancellations and return.

Points belong to the agreement term that covers the day of their decision. A suspension ends by itself; a cancellation ends
the agreement, and only a registration that meets the conditions of `第十八条` ends its effect.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rules.dossier import Issue
from rules.events import Agreement, Deduction, Event, Registration, RetrainingPassed
from rules.schemes.account import Account, Entry, Facts, SpanBuilder, by_day, corresponding, day, window_days
from rules.schemes.lanzhou.parameters import LanzhouValues
from rules.schemes.ledger import Dated
from rules.vocabulary import Effect, EventType, Flag, IssueCode, Standing

Citations = Mapping[Standing, tuple[str, ...]]


class _Term(NamedTuple):
    """An agreement: covers [start, end]; `number` is its place among the physician's agreements."""

    start: int
    end: int
    number: int
    event_id: str


class _Suspension(NamedTuple):
    """A suspension [start, end] from the decision of one day; `term` the agreement it was imposed in."""

    start: int
    end: int
    decision: int
    term: int
    long: bool
    causes: tuple[str, ...]


class _Cancellation(NamedTuple):
    """A cancellation decided on `decision`, the `which`-th one; from `earliest` on the physician may return."""

    decision: int
    which: int
    earliest: int
    total: int
    term: int
    causes: tuple[str, ...]


def _later(windows: list[_Suspension]) -> _Suspension | None:
    """Determination Q8: the window with the later end; on equal ends the one with the earlier start."""
    return max(windows, key=lambda window: (window.end, -window.start)) if windows else None


class LanzhouFold:
    """The state after the events read so far, and what it says about any day up to the next event."""

    def __init__(
        self,
        law: Dated[LanzhouValues],
        citations: Citations,
        retrained: tuple[int, ...],
        known_terms: list[_Term],
        since: int,
    ) -> None:
        self.law = law
        self.values = law.on(1)
        self.since = since
        self.citations = citations
        self.retrained = retrained
        self.terms = known_terms
        self.entries: list[Entry] = []
        self.issues: list[Issue] = []
        self.registered = False
        self.totals: dict[int, int] = {}
        self.term_ids: dict[int, tuple[str, ...]] = {}
        self.suspensions: list[_Suspension] = []
        self.cancellation: _Cancellation | None = None
        self.previous: tuple[_Cancellation, tuple[str, ...]] | None = None
        self.ended: list[int] = []
        self.cancellations = 0
        self.conflict_ids: tuple[str, ...] = ()

    # -- events -------------------------------------------------------------------------------------------------

    def apply(self, event: Event, t: int) -> None:
        """Takes in the next event, dated on day `t`. Agreements are known beforehand and change nothing here."""
        self.values = self.law.on(t)
        if isinstance(event, Deduction):
            self._deduct(event, t)
        elif isinstance(event, Registration):
            self._register(event, t)

    def term_on(self, t: int) -> _Term | None:
        """The agreement that covers day `t`: of several the one with the later start (L3).

        A cancellation on day D ends whatever had started by then, from the next day on.
        """
        last_ended = max((ended for ended in self.ended if ended < t), default=-1)
        best: _Term | None = None
        for term in self.terms:
            if not last_ended < term.start <= t <= term.end:
                continue
            if best is None or (term.start, term.number) > (best.start, best.number):
                best = term
        return best

    def _deduct(self, event: Deduction, t: int) -> None:
        values = self.values
        term = self.term_on(t)
        if term is None:
            self.issues.append(
                Issue(
                    IssueCode.NO_TERM,
                    event.event_id,
                    "扣分之日没有有效协议",
                    "no agreement covers the day of the deduction; it counts in no term",
                )
            )
            self.entries.append(
                Entry(event.event_id, event.date, EventType.DEDUCTION, event.points, 0, 0, 0, (Effect.NO_TERM,))
            )
            return
        before = self.totals.get(term.number, 0)
        total = before + event.points
        self.totals[term.number] = total
        causes = self.term_ids[term.number] = (*self.term_ids.get(term.number, ()), event.event_id)
        effects: tuple[Effect, ...] = ()
        window: tuple[int, int] | None = None
        # One decision fires only the highest mark that it newly crosses.
        if before < values.cancel_at <= total:
            effects = (Effect.CANCELLED,)
            self._cancel(t, total, term, causes)
        elif before < values.long_at <= total:
            effects = (Effect.SUSPENDED_LONG,)
            window = self._suspend(event, t, term, causes, long=True)
        elif before < values.short_at <= total:
            effects = (Effect.SUSPENDED_SHORT,)
            window = self._suspend(event, t, term, causes, long=False)
        if self.cancellation is not None and self.cancellation.decision == t and self.cancellation.term == term.number:
            self.cancellation = self.cancellation._replace(total=total)
        days = None if window is None else (day(window[0]), day(window[1]))
        self.entries.append(
            Entry(event.event_id, event.date, EventType.DEDUCTION, event.points, 0, total, total, effects, days)
        )

    def _suspend(
        self, event: Deduction, t: int, term: _Term, causes: tuple[str, ...], *, long: bool
    ) -> tuple[int, int]:
        values = self.values
        months = values.long_months if long else values.short_months
        anchor = t
        if long and values.credit_short:
            earlier = [window for window in self.suspensions if window.term == term.number and not window.long]
            if earlier:
                # Rival reading of ambiguity 5: the three months already imposed count towards the six.
                months -= values.short_months
                anchor = max(t, *(window.end for window in earlier))
        start, end = window_days(anchor, months, values.counting)
        if event.penalty_start is not None and event.penalty_end is not None:
            start, end = event.penalty_start.toordinal(), event.penalty_end.toordinal()
        if values.ends_with_term:
            end = min(end, term.end)
        if start <= end and t >= self.since:
            self.suspensions.append(_Suspension(start, end, t, term.number, long, causes))
        return start, end

    def _cancel(self, t: int, total: int, term: _Term, causes: tuple[str, ...]) -> None:
        """`第十七条`, `第十八条`: the bar is one year after the first cancellation, five after a further one."""
        if t < self.since:
            return
        self.cancellations += 1
        months = self.values.bar_first if self.cancellations == 1 else self.values.bar_second
        earliest = corresponding(t, months) + 1
        # On the decision day an earlier cancellation that still holds is what shows (L8).
        self.previous = None if self.cancellation is None else (self.cancellation, self.conflict_ids)
        self.cancellation = _Cancellation(t, self.cancellations, earliest, total, term.number, causes)
        self.ended.append(t)
        self.conflict_ids = ()

    def _register(self, event: Registration, t: int) -> None:
        bar = self.cancellation
        if bar is None or t <= bar.decision:
            self.registered = True
            return
        needed = bar.which == 1 and self.values.retraining_after_first
        ready = not needed or any(bar.earliest <= passed <= t for passed in self.retrained)
        if t >= bar.earliest and ready:
            # L1: a registration that meets the conditions cures the earlier ones that did not.
            self.cancellation = self.previous = None
            self.conflict_ids = ()
            self.suspensions = []
            self.registered = True
            return
        self.conflict_ids = (*self.conflict_ids, event.event_id)
        self.registered = True
        self.issues.append(
            Issue(
                IssueCode.RETURNED_TOO_EARLY,
                event.event_id,
                "取消资格后的登记不符合条件",
                "a registration after a cancellation that does not meet the conditions",
            )
        )

    # -- days ---------------------------------------------------------------------------------------------------

    def cuts(self, first: int, last: int) -> list[int]:
        """The days in (first, last] on which, without any event, something may change."""
        days = {first + 1, *self.law.starts}
        for window in self.suspensions:
            days.add(window.start)
            days.add(window.end + 1)
        for term in self.terms:
            days.add(term.start)
            days.add(term.end + 1)
        if self.cancellation is not None:
            days.add(self.cancellation.earliest)
        return sorted(t for t in days if first < t <= last)

    def facts(self, t: int) -> Facts | None:
        """What holds on day `t`, which must not lie after the next event. None: unregistered, nothing to say."""
        self.values = self.law.on(t)
        bar = self.cancellation
        if self.registered and bar is not None and t > bar.decision:
            return self._after_cancellation(t, bar, self.conflict_ids)
        if self.registered and bar is not None and self.previous is not None:
            return self._after_cancellation(t, *self.previous)
        running = _later([window for window in self.suspensions if window.start <= t <= window.end])
        period = (running.start, running.end) if running is not None else None
        if not self.registered:
            return None if running is None else Facts(Standing.UNREGISTERED, in_penalty=True, penalty_period=period)
        term = self.term_on(t)
        remaining = accumulated = None
        if term is not None:
            accumulated = self.totals.get(term.number, 0)
            remaining = max(0, self.values.allowance - accumulated)
        causes: tuple[str, ...] = ()
        if running is not None:
            standing, causes = Standing.SUSPENDED, running.causes
        elif term is None:
            standing = Standing.AGREEMENT_EXPIRED
        else:
            standing = Standing.NORMAL
            coming = _later([window for window in self.suspensions if window.decision <= t < window.start])
            if coming is not None:
                standing, period, causes = Standing.SUSPENSION_PENDING, (coming.start, coming.end), coming.causes
        return Facts(
            standing,
            running is not None,
            period,
            None,
            None,
            (),
            remaining,
            accumulated,
            self.citations.get(standing, ()),
            causes,
        )

    def _after_cancellation(self, t: int, bar: _Cancellation, conflict_ids: tuple[str, ...]) -> Facts:
        """L1, L7: cancelled until the bar is over; a registration that does not meet the conditions keeps it so."""
        if conflict_ids:
            return Facts(
                Standing.CANCELLED,
                False,
                None,
                None,
                bar.earliest,
                (Flag.REAPPLICATION_CONFLICT,),
                None,
                None,
                self.citations.get(Standing.CANCELLED, ()),
                (*bar.causes, *conflict_ids),
            )
        if t >= bar.earliest:
            cites = self.citations.get(Standing.UNREGISTERED, ())
            return Facts(Standing.UNREGISTERED, in_penalty=False, citations=cites, causes=bar.causes)
        return Facts(
            Standing.CANCELLED,
            False,
            None,
            None,
            bar.earliest,
            (),
            0,
            bar.total,
            self.citations.get(Standing.CANCELLED, ()),
            bar.causes,
        )


def run(events: Sequence[Event], law: Dated[LanzhouValues], citations: Citations, since: int = 1) -> Account:
    """Folds a physician's events, in the law's order, into spans over all days.

    Decisions before `since` leave their points alone (S3).
    An agreement recorded under a date later than its start reaches back: services from its date on are judged with the
    points of its whole term. So the account is folded anew at each such date, with the agreements known by then.
    """
    account = Account()
    days = [event.date.toordinal() for event in events]
    retrained = tuple(t for t, event in zip(days, events, strict=True) if isinstance(event, RetrainingPassed))
    terms: list[tuple[int, _Term]] = []
    backdated: set[int] = set()
    for number, (t, event) in enumerate(zip(days, events, strict=True)):
        if not isinstance(event, Agreement):
            continue
        start, end = event.start.toordinal(), event.end.toordinal()
        if end < start:
            account.issues.append(
                Issue(IssueCode.EMPTY_TERM, event.event_id, "协议止日早于起日", "the agreement ends before it starts")
            )
            continue
        years = law.on(start).term_years
        if not _runs_for(event, years):
            account.issues.append(
                Issue(
                    IssueCode.OTHER_TERM,
                    event.event_id,
                    f"协议期不是{years}年（第六条(三)），按所载日期计算",
                    f"the agreement does not run for {years} years (第六条(三)); it counts as it is written",
                )
            )
        # Services before its date do not know it (T2).
        terms.append((t, _Term(start, end, number, event.event_id)))
        if start < t:
            backdated.add(t)
    spans = SpanBuilder()
    groups = list(by_day(events))
    fold = LanzhouFold(law, citations, retrained, [], since)
    for number, (t, group, last) in enumerate(groups):
        known = [term for dated, term in terms if dated <= t]
        if t in backdated:
            fold = LanzhouFold(law, citations, retrained, known, since)
            for earlier, before, _ in groups[:number]:
                for event in before:
                    fold.apply(event, earlier)
        fold.terms = known
        for event in group:
            fold.apply(event, t)
        spans.fill(t, last, fold.facts, fold.cuts)
    account.spans = spans.build()
    account.entries = fold.entries
    account.issues += fold.issues
    return account.since(day(since))


def _runs_for(event: Agreement, years: int) -> bool:
    """D6: whether an agreement runs to the corresponding day so many years later, or to the day before."""
    if event.start.year + years >= dt.date.max.year:
        return False
    whole = corresponding(event.start.toordinal(), 12 * years)
    return event.end.toordinal() in (whole - 1, whole)
