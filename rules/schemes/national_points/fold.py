"""The national opinion with a province's numbers (`003 二¶2`, `三¶3`): points of a calendar year, and the statuses they bring.

A status that follows from points begins on the day after them (T4) and stands beside those that somebody recorded: which of
them governs a day is N1's. A termination by points bars from a new filing; the return is that of a Lanzhou cancellation (L1).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence

from rules.calendar import Counting
from rules.dossier import Issue
from rules.events import Event, PointsRecorded, Registration, Repair, StatusCorrected, StatusRecorded
from rules.objections import objections_upheld
from rules.schemes.account import (
    FOREVER,
    Account,
    Entry,
    Facts,
    SpanBuilder,
    by_day,
    corresponding,
    day,
    new_year,
    window_days,
    year_of,
)
from rules.schemes.ledger import Dated
from rules.schemes.national_points.parameters import PointsValues
from rules.schemes.statuses import Status, governing, repair, unknown_corrections, without_decision
from rules.vocabulary import Effect, EventType, Flag, IssueCode, Standing

Citations = Mapping[Standing, tuple[str, ...]]


@dataclasses.dataclass(slots=True)
class _Year:
    """Points of one calendar year: the total, what repair gave back of it, and the events behind it."""

    total: int = 0
    given_back: int = 0
    causes: tuple[str, ...] = ()


class PointsFold:
    """The state after the events read so far, and what it says about any day up to the next event."""

    def __init__(self, law: Dated[PointsValues], citations: Citations, events: Sequence[Event], since: int) -> None:
        self.law = law
        self.values = law.on(1)
        self.citations = citations
        self.since = since
        self.void_points = objections_upheld(events)
        self.void_statuses = self.void_points | {e.ref for e in events if isinstance(e, StatusCorrected)}
        self.entries: list[Entry] = []
        self.issues: list[Issue] = []
        self.registered = False
        self.years: dict[int, _Year] = {}
        self.statuses: list[Status] = []
        self.terminations: list[Status] = []
        self.early: tuple[str, ...] = ()
        self.number = 0

    # -- events -------------------------------------------------------------------------------------------------

    def apply(self, event: Event, t: int) -> None:
        """Takes in the next event, dated on day `t`."""
        self.values = self.law.on(t)
        self.number += 1
        if isinstance(event, Registration):
            self._register(event, t)
        elif isinstance(event, StatusRecorded):
            if event.event_id not in self.void_statuses:
                until = FOREVER if event.until is None else event.until.toordinal()
                self.statuses.append(Status(Standing(event.status), t, until, self.number, (event.event_id,)))
        elif isinstance(event, Repair):
            repair(event, governing(self.statuses, t), self.issues, self._least)
        elif isinstance(event, PointsRecorded):
            self._points(event, t)

    def _register(self, event: Registration, t: int) -> None:
        """L1: a filing after the bar cures the earlier ones that came too early."""
        self.registered = True
        before = [status for status in self.terminations if status.start <= t]
        if not before:
            return
        if t > max(status.until for status in before):
            self.terminations = [status for status in self.terminations if status.start > t]
            self.early = ()
            return
        self.early = (*self.early, event.event_id)
        self._issue(
            IssueCode.RETURNED_TOO_EARLY,
            event,
            "终止期内重新登记备案",
            "a new filing while a termination still bars from it",
        )

    def _points(self, event: PointsRecorded, t: int) -> None:
        missing = without_decision(event)
        if missing is not None:
            self.issues.append(missing)
        year = self.years.setdefault(year_of(t), _Year())
        if event.event_id in self.void_points:
            self._enter(event, 0, year)
        elif event.points < 0:
            self._give_back(event, year)
        else:
            self._count(event, t, year)

    def _give_back(self, event: PointsRecorded, year: _Year) -> None:
        """N5, `003 三¶3`: repair lowers points within bounds, and never below none."""
        values = self.values
        allowed = min(-event.points, values.back_an_act, values.back_a_year - year.given_back)
        back = max(0, min(allowed, year.total))
        if allowed < -event.points:
            self._issue(
                IssueCode.REPAIR_BEYOND_BOUNDS,
                event,
                "修复超出规定幅度，超出部分不计",
                "the repair goes beyond what the rules allow; what is beyond does not count",
            )
        year.total -= back
        year.given_back += back
        year.causes = (*year.causes, event.event_id)
        self._enter(event, -back, year, (Effect.CAPPED,) if allowed < -event.points else ())

    def _count(self, event: PointsRecorded, t: int, year: _Year) -> None:
        values = self.values
        before, after = year.total, min(values.allowance, year.total + event.points)
        year.total = after
        year.causes = (*year.causes, event.event_id)
        self._check_band(event)
        passed = (Effect.CAUTION_6,) if before < values.talk_at <= after else ()
        effects: tuple[Effect, ...] = ()
        window: tuple[int, int] | None = None
        if event.event_id not in self.void_statuses and t >= self.since:
            at_once = event.points >= values.allowance
            if at_once or before < values.allowance <= after:
                effects = (Effect.TERMINATED_AT_ONCE if at_once else Effect.TERMINATED,)
                window = self._terminate(t, values.bar_at_once if at_once else values.bar_cumulative, year)
            else:
                window = self._suspend(event, t, before, after, year)
                effects = () if window is None else (Effect.SUSPENDED,)
        if not effects:
            effects, passed = passed, ()
        self._enter(event, after - before, year, effects, window, passed)

    def _terminate(self, t: int, months: int, year: _Year) -> tuple[int, int]:
        start, end = _window(t, months)
        status = Status(Standing.TERMINATED, start, end, self.number, year.causes, t)
        self.statuses.append(status)
        self.terminations.append(status)
        return start, end

    def _suspend(self, event: PointsRecorded, t: int, before: int, after: int, year: _Year) -> tuple[int, int] | None:
        """A suspension at the mark, or one that a later decision of the year, still below the cap, sets anew."""
        values = self.values
        months = event.suspension_months
        if not values.suspend_at <= after < values.allowance:
            if months is not None:
                self._issue(
                    IssueCode.LENGTH_WITHOUT_MARK,
                    event,
                    "记分未达暂停分值而载明暂停期限，不计",
                    "states the length of a suspension although the points do not reach the mark; it does not count",
                )
            return None
        if before >= values.suspend_at and months is None:
            return None
        if any(status.covers(t + 1) for status in self.terminations):
            return None  # who is terminated is not suspended as well
        if months is None:
            months = values.months_not_set
            self._issue(
                IssueCode.LENGTH_NOT_SET,
                event,
                f"记分已达暂停分值，未载明暂停期限，按{months}个月计",
                f"the points reach the mark and the length of the suspension is not recorded; in months, {months} is counted",
            )
        elif not values.least_months <= months <= values.most_months:
            self._issue(
                IssueCode.LENGTH_OUT_OF_BOUNDS,
                event,
                f"暂停期限{months}个月不在规定幅度内，按所载期限计算",
                f"a suspension of {months} months lies outside the bounds; it counts as it is written",
            )
        start, end = _window(t, months)
        self.statuses.append(Status(Standing.SUSPENDED, start, end, self.number, year.causes, t))
        return start, end

    def _check_band(self, event: PointsRecorded) -> None:
        """N5: whether the points lie in the band that the decision names."""
        if event.band is None:
            return
        named = {f"{low}-{high}": (low, high) for low, high in self.values.bands}
        low, high = named.get(event.band, (1, 0))
        if not low <= event.points <= high:
            self._issue(
                IssueCode.POINTS_OUTSIDE_BAND,
                event,
                f"记分不在所载档次“{event.band}”内（{'、'.join(named)}）",
                f"the points do not lie in the band {event.band!r}; the rules have {', '.join(named)}",
            )

    def _least(self, status: Status) -> int:
        """The last day before which a repair does not let a status end."""
        terminated = status.standing is Standing.TERMINATED
        months = self.values.least_of_bar if terminated else self.values.least_of_suspension
        return corresponding(status.start - 1, months) if months else 0

    def _enter(
        self,
        event: PointsRecorded,
        counted: int,
        year: _Year,
        effects: tuple[Effect, ...] = (),
        window: tuple[int, int] | None = None,
        passed: tuple[Effect, ...] = (),
    ) -> None:
        days = None if window is None else (day(window[0]), day(window[1]))
        self.entries.append(
            Entry(
                event.event_id,
                event.date,
                EventType.POINTS_RECORDED,
                counted,
                0,
                year.total,
                year.total,
                effects,
                days,
                passed,
            )
        )

    def _issue(self, code: IssueCode, event: Event, zh: str, en: str) -> None:
        self.issues.append(Issue(code, event.event_id, zh, en))

    # -- days ---------------------------------------------------------------------------------------------------

    def cuts(self, first: int, last: int) -> list[int]:
        """The days in (first, last] on which, without any event, something may change."""
        days = {first + 1, new_year(min(year_of(first) + 1, dt.MAXYEAR)), *self.law.starts}
        for status in self.statuses:
            days.add(status.start)
            days.add(status.until + 1)
        return sorted(t for t in days if first < t <= last)

    def facts(self, t: int) -> Facts | None:
        """What holds on day `t`, which must not lie after the next event. None: nothing to say."""
        self.values = self.law.on(t)
        abnormal = governing(self.statuses, t)
        if abnormal is not None and abnormal.standing not in self.values.abnormal:
            abnormal = None
        period = None if abnormal is None else abnormal.period
        penalised = abnormal is not None
        if not self.registered:
            known = None if abnormal is None else abnormal.standing
            return Facts(Standing.UNREGISTERED, penalised, period, status=known) if penalised else None
        bars = [status for status in self.terminations if status.start <= t]
        back = max((status.until for status in bars), default=FOREVER) + 1
        causes = tuple(dict.fromkeys(cause for status in bars for cause in status.causes))
        if bars and self.early:
            return Facts(
                Standing.TERMINATED,
                penalised,
                period,
                None,
                back,
                (Flag.REAPPLICATION_CONFLICT,),
                None,
                None,
                self.citations.get(Standing.TERMINATED, ()),
                (*causes, *self.early),
            )
        if bars and t >= back:
            cites = self.citations.get(Standing.UNREGISTERED, ())
            status = None if abnormal is None else abnormal.standing
            return Facts(Standing.UNREGISTERED, penalised, period, citations=cites, causes=causes, status=status)
        total = self.years.get(year_of(t), _Year()).total
        left = self.values.allowance - total
        if abnormal is not None:
            terminated = abnormal.standing is Standing.TERMINATED
            return Facts(
                abnormal.standing,
                True,
                period,
                None,
                back if terminated and bars else None,
                (),
                0 if terminated else left,
                total,
                self.citations.get(abnormal.standing, ()),
                abnormal.causes,
            )
        coming = [s for s in self.statuses if s.decision == t and s.standing is Standing.SUSPENDED]
        if coming:
            return Facts(
                Standing.SUSPENSION_PENDING,
                False,
                coming[-1].period,
                None,
                None,
                (),
                left,
                total,
                self.citations.get(Standing.SUSPENDED, ()),
                coming[-1].causes,
            )
        return Facts(Standing.NORMAL, in_penalty=False, points_remaining=left, points_accumulated=total)


def _window(decision: int, months: int) -> tuple[int, int]:
    return window_days(decision, months, Counting.NEXT_DAY_TO_CORRESPONDING_DAY)


def run(events: Sequence[Event], law: Dated[PointsValues], citations: Citations, since: dt.date) -> Account:
    """Folds a person's events, in the law's order, into spans over all days. Points before `since` only count (S3)."""
    ids = frozenset(event.event_id for event in events if isinstance(event, StatusRecorded | PointsRecorded))
    fold = PointsFold(law, citations, events, since.toordinal())
    fold.issues += unknown_corrections(events, ids)
    spans = SpanBuilder()
    for t, group, last in by_day(events):
        for event in group:
            fold.apply(event, t)
        spans.fill(t, last, fold.facts, fold.cuts)
    return Account(spans.build(), fold.entries, fold.issues).since(since)
