"""The national opinion (003) of 2024: filing statuses, recorded by whoever decides."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from rules.calendar import WorkingCalendar
from rules.events import Event
from rules.schemes.account import Account
from rules.schemes.national import fold, wording
from rules.schemes.national.parameters import NationalLedger
from rules.schemes.scheme import Facts, Scheme
from rules.schemes.sections import Param
from rules.text import Text


class NationalScheme(Scheme[NationalLedger]):
    """Nothing is counted: a body decides that a person is suspended or terminated, and the register says so."""

    name = "national"
    ledger = NationalLedger
    parameters = wording.PARAMETERS
    person_wide = True
    period = Text("年度", "year")

    def fold(
        self,
        events: Sequence[Event],
        ledger: NationalLedger,
        _calendar: WorkingCalendar,
        *,
        honour_late: bool = False,
        since: dt.date = dt.date.min,
    ) -> Account:
        """A filing status a day. The text has no reviews, so none can be late."""
        return fold.run(
            events,
            ledger.standings,
            ledger.dated(lambda law: law.abnormal_statuses.value),
            rolling_year=ledger.rolling_year,
        ).since(since)

    def year_ratio(self, ledger: NationalLedger) -> Param[float | None]:
        """The ratio of `003 五¶1`, which a province states."""
        return ledger.institution_ratio

    def summary(self, ledger: NationalLedger) -> Facts:
        """What the text says, topic by topic."""
        return wording.summary(ledger)


SCHEME = NationalScheme()
