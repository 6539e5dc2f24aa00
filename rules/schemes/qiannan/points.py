"""Points of Qiannan (`000 三`, `四(一)`, `四(二)`): cycles and years, the bonus bank, and what the thresholds set off.

Two counters (spec section 3): the cycle, reset by the handling at 12 and by 1 January, drives 6, 10 and 12; the year,
reset by 1 January only, drives the 18-point test and the consecutive years.
"""

from __future__ import annotations

from rules.events import Bonus, Deduction
from rules.schemes.account import Entry, corresponding, day, window_days, year_of
from rules.schemes.ledger import Dated
from rules.schemes.qiannan.appeals import Reviews
from rules.schemes.qiannan.parameters import QiannanValues
from rules.schemes.qiannan.parts import Penalty, Year
from rules.vocabulary import Effect, EventType


class PointsAccount:
    """Counters, windows and the blacklisting, after the events read so far. Days are ordinals, 0 is none.

    `values` are those of the day that is being looked at. Decisions before `since` were dealt with by another law: they count,
    open no window and list nobody (S3).
    """

    def __init__(self, law: Dated[QiannanValues], reviews: Reviews, since: int) -> None:
        self.law = law
        self.values = law.on(1)
        self.reviews = reviews
        self.since = since
        self.entries: list[Entry] = []
        self.years: dict[int, Year] = {}
        self.windows: list[Penalty] = []
        self.over: Penalty | None = None
        """Of the windows that are over and not among `windows` any more, the one that governs what follows (Q8): it ends last."""
        self.last_window_end = 0
        self.blacklisted_on = 0
        self.ban_counts_from = 0
        self.blacklist_ids: tuple[str, ...] = ()

    def _year(self, year: int) -> Year:
        found = self.years.get(year)
        if found is None:
            found = self.years[year] = Year()
        return found

    def deduct(self, event: Deduction, t: int) -> None:
        """Counts a decision of day `t`, at what its review left of it, and sets off what it reaches."""
        values = self.values
        year = year_of(t)
        if values.by_violation_date and event.violation_date is not None:
            year = event.violation_date.year
        account = self._year(year)
        points = self.reviews.points.get(event.event_id, event.points)
        # Q3: a revised item keeps its kind, so what is left of a tier 1/2/3 item may still be offset.
        offset = min(account.bank, points) if event.violation_id in values.offsettable else 0
        net = points - offset
        account.bank -= offset
        account.cycle += net
        account.total += net
        account.gross += points
        if event.violation_id in values.offsettable:
            account.eligible += net
        account.peak = max(account.peak, account.cycle)
        if points:
            account.open_ids = (*account.open_ids, event.event_id)
        effects: list[Effect] = []
        marks: list[Effect] = []
        if not (values.cautions_once_a_year and account.resets):
            for mark, name in ((values.caution_high, Effect.CAUTION_10), (values.caution_low, Effect.CAUTION_6)):
                if account.cycle - net < mark <= account.cycle:
                    marks.append(name)
        window = self._threshold(event, t, year, account, effects) if points else None
        if window is None:
            effects += marks[:1]
        if points:
            self._blacklist(event, t, account, points, effects)
            if window is not None and window.exhausts:
                self._close_cycle(account, window)
        self.entries.append(
            Entry(
                event.event_id,
                event.date,
                EventType.DEDUCTION,
                points,
                offset,
                account.cycle,
                account.total,
                tuple(effects),
                None if window is None else (day(window.start), day(window.end)),
                tuple(marks[0 if window is not None else 1 :]),
            )
        )

    def _test_value(self, account: Year | None) -> int:
        """The figure that the consecutive-year tests compare, for a past year."""
        if account is None:
            return 0
        if self.values.year_tests_by_cycle:
            return account.peak
        return account.gross if self.values.gross_tests else account.total

    def _current_value(self, account: Year) -> int:
        if self.values.year_tests_by_cycle:
            return account.cycle
        return account.gross if self.values.gross_tests else account.total

    def _threshold(self, event: Deduction, t: int, year: int, account: Year, effects: list[Effect]) -> Penalty | None:
        """`000 三(二)1`: 12 in the cycle, or the long period of the consecutive years; each test once a year."""
        values = self.values
        current = self._current_value(account)
        before = self._test_value(self.years.get(year - 1))
        long = False
        if not account.two_fired and current >= values.two_years and before >= values.two_years:
            account.two_fired = long = True
            effects.append(Effect.TWO_CONSECUTIVE_YEARS)
        earlier = min(before, self._test_value(self.years.get(year - 2)))
        if not account.three_fired and current >= values.three_years and earlier >= values.three_years:
            account.three_fired = long = True
            effects.append(Effect.THREE_CONSECUTIVE_YEARS)
        exhausts = account.cycle >= values.full
        if exhausts and values.repeat_every_time and account.two_fired:
            long = True
        if not long and not exhausts:
            return None
        if exhausts:
            effects.append(Effect.FULL)
        months = values.months_repeat if long else values.months_full
        if long and exhausts and values.long_window_added:
            months += values.months_full
        window = self._open_window(event, t, months, account.open_ids, exhausts=exhausts)
        if exhausts:
            window.cycle, window.eligible = account.cycle, account.eligible
        return window

    def _open_window(
        self, event: Deduction, t: int, months: int, causes: tuple[str, ...], *, exhausts: bool
    ) -> Penalty:
        anchor = t
        if self.values.window_from_notice:
            notice = self.reviews.notices.get(event.event_id)
            if notice is not None:
                anchor = max(t, notice.toordinal())
        if self.values.windows_consecutive and self.last_window_end > anchor:
            anchor = self.last_window_end
        start, end = window_days(anchor, months, self.values.counting)
        if event.penalty_start is not None and event.penalty_end is not None:
            # The agency's own dates win over the counted ones (spec section 7).
            start, end = event.penalty_start.toordinal(), event.penalty_end.toordinal()
        window = Penalty(start, end, t, causes, exhausts=exhausts)
        if self.values.review_suspends:
            window.hole = self.reviews.pending.get(event.event_id)
        if t >= self.since:
            self.windows.append(window)
            self.last_window_end = max(self.last_window_end, end)
        return window

    def _blacklist(self, event: Deduction, t: int, account: Year, points: int, effects: list[Effect]) -> None:
        """`000 四(二)`: 12 at one time, or 18 in the year. The first decision of a ban is the blacklisting one.

        The years of the ban count from it, too; under the rival reading of `relisting` from the latest that meets the test.
        """
        values = self.values
        at_once = points >= values.at_once and (values.at_once_any_item or event.violation_id in values.at_once_items)
        by_year = self._current_value(account) >= values.blacklist_year
        if not (at_once or by_year) or t < self.since:
            return
        effects.append(Effect.BLACKLIST_AT_ONCE if at_once else Effect.BLACKLIST_YEAR_TOTAL)
        if not self.blacklisted_on:
            self.blacklisted_on = t
            self.blacklist_ids = (event.event_id,)
            self.ban_counts_from = t
        elif values.relisting_restarts:
            self.ban_counts_from = t

    def _close_cycle(self, account: Year, window: Penalty) -> None:
        """重新累计: the cycle starts again; what exceeded 12 is dropped, and the allowance shows 0 until the window ends."""
        account.cycle = account.cycle - self.values.full if self.values.carry_over else 0
        account.eligible = 0
        account.open_ids = ()
        account.resets += 1
        if window.decision >= self.since:
            account.zero_until = max(account.zero_until, window.end)

    def grant(self, event: Bonus, t: int) -> None:
        """`000 四(一)`: at most 6 a year; offsets the open cycle's tier 1/2/3 points, undoes nothing."""
        account = self._year(year_of(t))
        granted = min(event.points, self.values.bonus_cap - account.granted)
        account.granted += granted
        account.bank += granted
        if self.values.bonus_cuts_penalty:
            self._cut_penalty(account, t)
        offset = min(account.bank, account.eligible)
        account.bank -= offset
        account.eligible -= offset
        account.cycle -= offset
        account.total -= offset
        effects = (Effect.CAPPED,) if granted < event.points else ()
        self.entries.append(
            Entry(event.event_id, event.date, EventType.BONUS, granted, offset, account.cycle, account.total, effects)
        )

    def _cut_penalty(self, account: Year, t: int) -> None:
        """Rival reading of ambiguity 8: the bonus lowers the cycle whose penalty runs, and below 12 the penalty ends."""
        for window in self.windows:
            if window.exhausts and window.decision <= t <= window.end and year_of(window.decision) == year_of(t):
                used = min(account.bank, window.eligible)
                account.bank -= used
                account.total -= used
                window.eligible -= used
                window.cycle -= used
                if used and window.cycle < self.values.full:
                    window.end = t
                    account.zero_until = min(account.zero_until, t)
        known = self.windows if self.over is None else [self.over, *self.windows]
        self.last_window_end = max((window.end for window in known), default=0)

    def ban(self) -> tuple[int, int]:
        """First and last day of the ban: three years after the later of the last penalty's end and the decision."""
        anchor = max(self.last_window_end, self.ban_counts_from)
        if self.values.ban_backdated and self.last_window_end:
            anchor = self.last_window_end
        return anchor + 1, corresponding(anchor, self.values.ban_months)
