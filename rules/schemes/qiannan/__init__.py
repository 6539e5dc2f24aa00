"""Qiannan (黔南州) 2022: points, penalty windows, blacklist, reinstatement."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from rules.calendar import WorkingCalendar
from rules.events import Event
from rules.schemes.account import Account, Entry
from rules.schemes.qiannan import fold, wording
from rules.schemes.qiannan.parameters import QiannanLedger
from rules.schemes.scheme import Facts, Scheme, WindowLength
from rules.text import Text
from rules.timeline import Window
from rules.vocabulary import Effect


class QiannanScheme(Scheme[QiannanLedger]):
    """Points in a calendar year; a penalty period at a mark; return only on application; a blacklist."""

    name = "qiannan"
    ledger = QiannanLedger
    parameters = wording.PARAMETERS
    has_scale = True
    period = Text("周期", "cycle")
    by_year = True

    def fold(
        self,
        events: Sequence[Event],
        ledger: QiannanLedger,
        calendar: WorkingCalendar,
        *,
        honour_late: bool = False,
        since: dt.date = dt.date.min,
        before: object = None,
    ) -> Account:
        """Cycles, years, the bonus bank, penalty windows, the blacklist and reinstatement."""
        return fold.run(
            events,
            ledger.dated(lambda law: law.values),
            ledger.standings,
            calendar,
            honour_late=honour_late,
            since=since.toordinal(),
            before=before,
        )

    def summary(self, ledger: QiannanLedger) -> Facts:
        """What the text says, topic by topic."""
        return wording.summary(ledger)

    def effect(self, effect: Effect, ledger: QiannanLedger, window: tuple[Any, Any] | None) -> Text:
        """What an entry of the account set off."""
        return wording.effect(effect, ledger, window)

    def window_length(self, entry: Entry, ledger: QiannanLedger) -> WindowLength | None:
        """How the penalty period that an entry set off was counted."""
        return wording.window_length(entry, ledger)

    def ban(self, ban: Window, ledger: QiannanLedger) -> Text:
        """The blacklist's ban in words."""
        return wording.ban(ban, ledger)


SCHEME = QiannanScheme()
