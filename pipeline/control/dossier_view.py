"""One physician's dossier as the law sees it: standing, contradictions and duties (一医一档)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.control.contradictions import flags
from pipeline.control.dossiers import file_of
from pipeline.control.standings import physician_statement
from pipeline.control.withdrawals import Told
from rules.dossier import Issue, regions_sent
from rules.duties import Counted, Duty, count
from rules.events import Event
from rules.packs.pack_set import PackSet
from rules.standing import Statement

_LARGE = 200
"""Events of a dossier from which on its duties are kept to be counted on: to count those of a smaller one anew costs less."""


@dataclass(slots=True)
class View:
    """One dossier as the law sees it on a day."""

    events: tuple[Event, ...]
    statement: Statement
    duties: tuple[Duty, ...]
    issues: tuple[Issue, ...]
    sent: Mapping[str, str]
    """The region that each event was sent with, by its id."""
    counted: Counted

    def told(self, today: dt.date) -> Told:
        """What notices tell of it on a day."""
        kept = self.counted if len(self.events) >= _LARGE else None
        return Told(today, self.duties, self.issues, sent=self.sent, counted=kept)


def view_of(packs: PackSet, events: tuple[Event, ...], region: str, code: str, before: Counted | None = None) -> View:
    """What the law says of a physician's events. `before`: what was counted of fewer of them, to be counted on."""
    file = file_of(events)
    law = packs.law(region)
    told = physician_statement(events, file, law, region, code, None if before is None else before.file.statement)
    pack = packs.for_region(region, events[-1].date if events else None)
    counted = count(file, told, law, before=before)
    return View(events, told, counted.duties, flags(events, told, pack), regions_sent(file), counted)
