"""Suspensions by penalty decisions (行政处罚): of insured persons and of departments, the same for both."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from rules.calendar import WorkingCalendar
from rules.events import Event
from rules.schemes.account import Account
from rules.schemes.scheme import Facts, Scheme
from rules.schemes.suspensions import fold, wording
from rules.schemes.suspensions.parameters import SuspensionsLedger


class SuspensionsScheme(Scheme[SuspensionsLedger]):
    """No points: a decision names its days, and only those days have a standing."""

    name = "suspensions"
    ledger = SuspensionsLedger

    def fold(
        self,
        events: Sequence[Event],
        ledger: SuspensionsLedger,
        _calendar: WorkingCalendar,
        *,
        honour_late: bool = False,
        since: dt.date = dt.date.min,
    ) -> Account:
        """The days on which decisions suspend."""
        return fold.run(events, ledger)

    def summary(self, ledger: SuspensionsLedger) -> Facts:
        """What the text says, topic by topic."""
        return wording.summary(ledger)


SCHEME = SuspensionsScheme()
