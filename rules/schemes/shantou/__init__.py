"""Shantou (汕头市) 2022, a draft: drugs and listed prescribers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from rules.calendar import WorkingCalendar
from rules.events import Event, PrescriberListed
from rules.schemes.account import Account
from rules.schemes.scheme import Facts, Scheme
from rules.schemes.shantou import wording
from rules.schemes.shantou.parameters import ShantouLedger
from rules.vocabulary import SiteStatus


class ShantouScheme(Scheme[ShantouLedger]):
    """No points and no standing: only institutions' lists of prescribers, and what the claim itself says."""

    name = "shantou"
    ledger = ShantouLedger
    parameters = wording.PARAMETERS

    def fold(
        self,
        _events: Sequence[Event],
        _ledger: ShantouLedger,
        _calendar: WorkingCalendar,
        *,
        honour_late: bool = False,
        since: dt.date = dt.date.min,
    ) -> Account:
        """No spans: every day is normal."""
        return Account()

    def site_status(self, event: Event) -> SiteStatus | None:
        """Only the lists of prescribers say something."""
        return SiteStatus.LISTED if isinstance(event, PrescriberListed) else None

    def summary(self, ledger: ShantouLedger) -> Facts:
        """What the draft says, topic by topic."""
        return wording.summary(ledger)


SCHEME = ShantouScheme()
