"""The national opinion with the numbers that a province fills in (`003 二¶2`): points of a year, suspension, termination."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from rules.calendar import WorkingCalendar
from rules.events import Event
from rules.schemes.account import Account, Entry
from rules.schemes.national_points import fold, wording
from rules.schemes.national_points.parameters import NationalPointsLedger
from rules.schemes.scheme import Facts, Scheme, WindowLength
from rules.schemes.sections import Param
from rules.text import Text
from rules.timeline import Span
from rules.vocabulary import Effect


class NationalPointsScheme(Scheme[NationalPointsLedger]):
    """Points of a calendar year up to a cap; a suspension at a mark, whose length the agency sets; a termination at the cap."""

    name = "national_points"
    ledger = NationalPointsLedger
    parameters = wording.PARAMETERS
    has_scale = True
    person_wide = True
    period = Text("年度", "year")

    def fold(
        self,
        events: Sequence[Event],
        ledger: NationalPointsLedger,
        _calendar: WorkingCalendar,
        *,
        honour_late: bool = False,
        since: dt.date = dt.date.min,
    ) -> Account:
        """Points and filing statuses. An objection has no limit that could make its answer late."""
        return fold.run(events, ledger.dated(lambda law: law.values), ledger.standings, since)

    def year_ratio(self, ledger: NationalPointsLedger) -> Param[float | None]:
        """The ratio of `003 五¶1`, which a province states."""
        return ledger.institution_ratio

    def summary(self, ledger: NationalPointsLedger) -> Facts:
        """What the text says, topic by topic."""
        return wording.summary(ledger)

    def effect(self, effect: Effect, ledger: NationalPointsLedger, window: tuple[Any, Any] | None) -> Text:
        """What an entry of the account set off."""
        return wording.effect(effect, ledger, window)

    def window_length(self, entry: Entry, ledger: NationalPointsLedger) -> WindowLength | None:
        """How the suspension or the bar that an entry set off was counted."""
        return wording.window_length(entry, ledger)

    def bar(self, span: Span, entries: Sequence[Entry], ledger: NationalPointsLedger) -> Text:
        """The bar on a new filing in words."""
        return wording.bar(span, entries, ledger) or super().bar(span, entries, ledger)


SCHEME = NationalPointsScheme()
