"""Xiamen (厦门市) 2017: full-twelve periods and institutions' orders."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from rules.calendar import WorkingCalendar
from rules.events import Event
from rules.schemes.account import Account
from rules.schemes.scheme import Facts, Measure, Scheme
from rules.schemes.xiamen import fold, institutions, wording
from rules.schemes.xiamen.parameters import XiamenLedger
from rules.text import Text
from rules.timeline import InstitutionSpan
from rules.vocabulary import Effect


class XiamenScheme(Scheme[XiamenLedger]):
    """Events "period full"; a blacklist for good; institutions by orders and shares."""

    name = "xiamen"
    ledger = XiamenLedger
    parameters = wording.PARAMETERS

    def fold(
        self,
        events: Sequence[Event],
        ledger: XiamenLedger,
        _calendar: WorkingCalendar,
        *,
        honour_late: bool = False,
        since: dt.date = dt.date.min,
    ) -> Account:
        """Full twelves and criminal liability. The report has no reviews, so none can be late."""
        return fold.run(events, ledger.dated(lambda law: law.values), ledger.standings, since.toordinal())

    def fold_institution(self, events: Sequence[Event], ledger: XiamenLedger) -> tuple[InstitutionSpan, ...]:
        """Orders to rectify and the share in breach."""
        return institutions.run(events, ledger.dated(lambda law: law.values), ledger.rectification_orders.citation)

    def measures(self, events: Sequence[Event], ledger: XiamenLedger) -> Sequence[Measure]:
        """A reminder at the last order before the one that ends the agreement."""
        return institutions.reminders(
            events, ledger.dated(lambda law: law.values), ledger.rectification_orders.citation
        )

    def summary(self, ledger: XiamenLedger) -> Facts:
        """What the report says, topic by topic."""
        return wording.summary(ledger)

    def effect(self, effect: Effect, ledger: XiamenLedger, _window: tuple[Any, Any] | None) -> Text:
        """What an entry of the account set off."""
        where = ledger.blacklist_full_events.citation
        return {Effect.BLACKLISTED: Text(f"列入黑名单（{where}）", f"blacklisted ({where})")}[effect]


SCHEME = XiamenScheme()
