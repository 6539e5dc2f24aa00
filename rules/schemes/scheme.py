"""What a kind of law is to the rest of the rules: how its registers are folded, and what it says of itself.

A scheme is a folder beside this module whose package has a `SCHEME`. Nothing outside asks which one it is: parameters,
folds, institutions and wording are reached through this class alone.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from rules.calendar import WorkingCalendar
from rules.events import Event, OptOut, Registration, SiteDeclaration
from rules.schemes.account import Account, Entry
from rules.schemes.ledger import Ledger
from rules.schemes.sections import Param
from rules.text import Text
from rules.timeline import InstitutionSpan, Span, Window
from rules.vocabulary import Effect, SiteStatus

LedgerT = TypeVar("LedgerT", bound=Ledger)


class Topic(StrEnum):
    """What the page of all schemes tells of each, side by side."""

    POINTS = "points"
    CAUTIONS = "cautions"
    EXCLUSION = "exclusion"
    COUNTING = "counting"
    BLACKLIST = "blacklist"
    RETURN = "return"
    RELIEF = "relief"
    INSTITUTION = "institution"


class Fact(NamedTuple):
    """One thing that a text says, in both languages, and where."""

    zh: str
    en: str
    citation: str


Facts = Mapping[Topic, Sequence[Fact]]


class Measure(NamedTuple):
    """What a text attaches to the figures of an institution, for people to act on (P8): it ends no agreement by itself.

    `event_id` is the event that brought the institution to the mark, `day` its day.
    """

    kind: str
    event_id: str
    day: dt.date
    citation: str
    text: Text

    def notice_id(self, region: str, institution: str) -> str:
        """The notice's name; it follows from what is told and the event behind it alone."""
        parts = "\x1f".join((region, institution, self.kind, self.event_id))
        return "measure-" + hashlib.sha256(parts.encode()).hexdigest()[:24]


class Round(NamedTuple):
    """A round of registrations that a text starts on the calendar: its first and last day, and the last day of the agency's
    report on it; None where none is asked for."""

    start: dt.date
    end: dt.date
    report_by: dt.date | None
    citation: str


class WindowLength(NamedTuple):
    """How long a window is and how it was counted: months, the article, and the reading of the counting setting."""

    months: int
    citation: str
    counting: str


class Scheme(ABC, Generic[LedgerT]):
    """One kind of law. What a text does not have keeps its default."""

    name: ClassVar[str]
    """The name by which a pack's `ledger: scheme` asks for it."""
    ledger: ClassVar[type[Ledger]]
    """The model of its `ledger:` section."""
    parameters: ClassVar[Mapping[str, Text]] = {}
    """What the scheme's own parameters are called."""
    has_scale: ClassVar[bool] = False
    """Whether there are points that somebody has left."""
    period: ClassVar[Text] = Text("累计", "total")
    """What the running total of the account runs over."""
    scale_period: ClassVar[Text] = Text("年度", "year")
    """What the points of a span are counted over."""
    by_year: ClassVar[bool] = False
    """Whether the year is counted apart from the period."""

    person_wide: ClassVar[bool] = False
    """Whether a status is the person's in every area, wherever it was recorded (P3)."""

    # -- registers ----------------------------------------------------------------------------------------------

    @abstractmethod
    def fold(
        self,
        events: Sequence[Event],
        ledger: LedgerT,
        calendar: WorkingCalendar,
        *,
        honour_late: bool = False,
        since: dt.date = dt.date.min,
    ) -> Account:
        """One person's account from the events in the law's order. `honour_late`: the second account of determination Q2.

        `since`: decisions before that day count their points and set nothing off, because another law has dealt with them
        (`carries: points`, S3). It is given only to a pack that says so.

        Raises CalendarError when working days of a year without data are needed and no fallback is declared.
        """

    def fold_institution(self, _events: Sequence[Event], _ledger: LedgerT) -> tuple[InstitutionSpan, ...]:
        """The spans on which an institution's agreement has ended; a text that says nothing of institutions has none."""
        return ()

    def measures(self, _events: Sequence[Event], _ledger: LedgerT) -> Sequence[Measure]:
        """What the text attaches to one institution's figures, from its events in the law's order; most texts attach nothing."""
        return ()

    def year_ratio(self, _ledger: LedgerT) -> Param[float | None] | None:
        """The share of staff suspended or terminated in a year beyond which sanctions follow (P8); None: no such measure."""
        return None

    def rounds(self, _ledger: LedgerT, _start: dt.date, _end: dt.date) -> Sequence[Round]:
        """The rounds of registration that begin from `start`, the law's first day, to `end`; most texts have none (D6)."""
        return ()

    def site_status(self, event: Event) -> SiteStatus | None:
        """What an event says of the person at its institution; None: nothing."""
        if isinstance(event, Registration | SiteDeclaration):
            return SiteStatus.DECLARED
        return SiteStatus.OPTED_OUT if isinstance(event, OptOut) else None

    # -- wording ------------------------------------------------------------------------------------------------

    @abstractmethod
    def summary(self, ledger: LedgerT) -> Facts:
        """What the text says, topic by topic; a topic on which it is silent is left out or empty."""

    def effect(self, effect: Effect, _ledger: LedgerT, _window: tuple[Any, Any] | None) -> Text:
        """What an entry of the account set off, with the article; `window` is the penalty or suspension that it opened.

        Raises KeyError for an effect that the scheme does not have.
        """
        raise KeyError(effect)

    def window_length(self, _entry: Entry, _ledger: LedgerT) -> WindowLength | None:
        """How the window that an entry set off was counted; None where the text gives no length."""
        return None

    def ban(self, ban: Window, _ledger: LedgerT) -> Text:
        """A ban on new applications in words."""
        start, end = ban
        if end is None:
            return Text(f"黑名单：自{start}起，无期限。", f"Blacklist: from {start}, without an end.")
        return Text(f"黑名单：{start}至{end}。", f"Blacklist: {start} to {end}.")

    def bar(self, span: Span, _entries: Sequence[Entry], _ledger: LedgerT) -> Text:
        """The bar on return that a span carries, in words."""
        day = span.reapply_not_before
        return Text(f"{day}前不得再次取得资格。", f"No return before {day}.")
