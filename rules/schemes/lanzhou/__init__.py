"""Lanzhou (兰州市) 2014: registered-post physicians by agreement terms, and the marks of their institutions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from rules.calendar import WorkingCalendar
from rules.events import Event
from rules.schemes.account import Account, Entry
from rules.schemes.lanzhou import fold, institutions, rounds, wording
from rules.schemes.lanzhou.parameters import LanzhouLedger
from rules.schemes.scheme import Facts, Measure, Round, Scheme, WindowLength
from rules.text import Text
from rules.timeline import InstitutionSpan, Span
from rules.vocabulary import Effect


class LanzhouScheme(Scheme[LanzhouLedger]):
    """Points in an agreement term; suspensions that end by themselves; cancellation."""

    name = "lanzhou"
    ledger = LanzhouLedger
    parameters = wording.PARAMETERS
    has_scale = True
    period = Text("协议期", "term")
    scale_period = Text("协议期", "term")

    def fold(
        self,
        events: Sequence[Event],
        ledger: LanzhouLedger,
        _calendar: WorkingCalendar,
        *,
        honour_late: bool = False,
        since: dt.date = dt.date.min,
    ) -> Account:
        """Terms, suspensions, cancellations and return. The text has no reviews, so none can be late."""
        return fold.run(events, ledger.dated(lambda law: law.values), ledger.standings, since.toordinal())

    def fold_institution(self, events: Sequence[Event], ledger: LanzhouLedger) -> tuple[InstitutionSpan, ...]:
        """Shares and headcounts of cancelled physicians."""
        return institutions.run(
            events, ledger.dated(lambda law: law.headcounts), ledger.institution_end_percent.citation
        )

    def measures(self, events: Sequence[Event], ledger: LanzhouLedger) -> Sequence[Measure]:
        """Rating and assessment at the marks of cancelled physicians (`002 第二十二条`)."""
        marks = ledger.institution_rating_percent.citation, ledger.institution_end_percent.citation
        return institutions.shares(events, ledger.dated(lambda law: law.headcounts), marks)

    def rounds(self, ledger: LanzhouLedger, start: dt.date, end: dt.date) -> Sequence[Round]:
        """The first round and those of January and July, each with the agency's report (`002 第六条(五)`)."""
        return tuple(rounds.rounds(ledger, start, end))

    def summary(self, ledger: LanzhouLedger) -> Facts:
        """What the text says, topic by topic."""
        return wording.summary(ledger)

    def effect(self, effect: Effect, ledger: LanzhouLedger, window: tuple[Any, Any] | None) -> Text:
        """What an entry of the account set off."""
        return wording.effect(effect, ledger, window)

    def window_length(self, entry: Entry, ledger: LanzhouLedger) -> WindowLength | None:
        """How the suspension that an entry set off was counted."""
        return wording.window_length(entry, ledger)

    def bar(self, span: Span, entries: Sequence[Entry], ledger: LanzhouLedger) -> Text:
        """The bar after a cancellation in words."""
        return wording.bar(span, entries, ledger) or super().bar(span, entries, ledger)


SCHEME = LanzhouScheme()
