"""The share of an institution's staff whose filing status was suspended or terminated in a year (`003 五¶1`, determination P8).

It is a measure for people and ends no agreement. One place has to see everybody's standing and the institution's headcount, so
it is computed from all of them at once, and says what was known then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from rules.dossier import law_order
from rules.events import Event, InstitutionSnapshot
from rules.packs.pack import Pack
from rules.packs.pack_set import Law, PackSet
from rules.schemes.registry import scheme_of
from rules.text import Text
from rules.timeline import PhysicianTimeline, Site
from rules.vocabulary import SiteStatus


class YearShare(NamedTuple):
    """One institution in one calendar year: person-times of abnormal status over the approved number of its latest headcount.

    `ratio` is what the institution's rules allow, None where they state none; then nothing is reached.
    """

    region: str
    institution: str
    year: int
    person_times: int
    approved: int
    event_id: str
    ratio: float | None
    citation: str

    @property
    def share(self) -> float | None:
        """The share, 0.05 for 5 %; None where nobody is approved."""
        return self.person_times / self.approved if self.approved else None

    @property
    def reached(self) -> bool:
        """Whether the share exceeds the ratio (超过一定比例)."""
        return self.ratio is not None and self.person_times > self.ratio * self.approved

    @property
    def text(self) -> Text:
        """The figure in words, with what the opinion attaches to it."""
        share = "—" if self.share is None else f"{self.share:.1%}"
        zh = f"{self.year}年暂停或终止{self.person_times}人次，核定{self.approved}人，占{share}"
        en = f"{self.year}: {self.person_times} person-times suspended or terminated, {self.approved} approved, {share}"
        if self.ratio is None:
            return Text(f"{zh}；比例未载明", f"{en}; no ratio is stated")
        if self.reached:
            return Text(
                f"{zh}，超过{self.ratio:.0%}，视情况采取相应惩处措施",
                f"{en}, more than {self.ratio:.0%}: sanctions as the case may be",
            )
        return Text(f"{zh}，未超过{self.ratio:.0%}", f"{en}, not more than {self.ratio:.0%}")


def year_shares(
    timelines: Iterable[PhysicianTimeline], institution_events: Iterable[Event], packs: PackSet, year: int
) -> tuple[YearShare, ...]:
    """The shares of a year, by region and institution, where there is a headcount and the rules know the measure.

    `timelines` are those of every person in every area, since a person is one everywhere (P3). A status counts once for each
    person, in every year on a day of which it holds while the institution has declared the person. The headcount is the latest
    until the year's end; an institution without any is not shown.
    """
    last = dt.date(year, 12, 31)
    latest: dict[tuple[str, str], InstitutionSnapshot] = {}
    for event in institution_events:
        if isinstance(event, InstitutionSnapshot) and event.institution and event.date <= last:
            key = (event.region, event.institution)
            if key not in latest or law_order(event) > law_order(latest[key]):
                latest[key] = event
    times = _person_times(timelines, packs, year)
    return tuple(_shares(latest, times, packs, year, last))


def _shares(
    latest: Mapping[tuple[str, str], InstitutionSnapshot],
    times: Mapping[str, set[tuple[str, dt.date | None]]],
    packs: PackSet,
    year: int,
    last: dt.date,
) -> Iterator[YearShare]:
    for (region, institution), snapshot in sorted(latest.items()):
        found = _ratio(packs.law(region).on(last))
        if found is not None:
            counted = len(times.get(institution, ()))
            yield YearShare(
                region, institution, year, counted, snapshot.approved_physicians, snapshot.event_id, found[0], found[1]
            )


def _ratio(pack: Pack) -> tuple[float | None, str] | None:
    """What the pack says of the share; None where its text has no such measure."""
    param = None if pack.ledger is None else scheme_of(pack.ledger).year_ratio(pack.ledger)
    return None if param is None else (param.value, param.citation)


def _person_times(
    timelines: Iterable[PhysicianTimeline], packs: PackSet, year: int
) -> dict[str, set[tuple[str, dt.date | None]]]:
    """By institution, the statuses that held on a day of the year on which it had declared the person: person and first day."""
    statuses: dict[str, list[tuple[dt.date | None, dt.date, dt.date]]] = {}
    sites: dict[str, list[Site]] = {}
    for timeline in timelines:
        law = packs.law(timeline.region)
        code = timeline.physician_code
        statuses.setdefault(code, []).extend(_abnormal(timeline, law, year))
        sites.setdefault(code, []).extend(site for site in timeline.practised if site.status is SiteStatus.DECLARED)
    found: dict[str, set[tuple[str, dt.date | None]]] = {}
    for code, held in statuses.items():
        for begun, first, until in held:
            for site in sites[code]:
                if (site.start or dt.date.min) <= until and first <= (site.end or dt.date.max):
                    found.setdefault(site.institution_code, set()).add((code, begun))
    return found


def _abnormal(timeline: PhysicianTimeline, law: Law, year: int) -> Iterator[tuple[dt.date | None, dt.date, dt.date]]:
    """Statuses of a person in one area: the first day of each, and the days of the year of a span on which it holds."""
    low, high = dt.date(year, 1, 1), dt.date(year, 12, 31)
    for span in timeline.spans:
        first, until = max(span.start or dt.date.min, low), min(span.end or dt.date.max, high)
        if first > until or not span.penalised or span.penalty_period is None or span.pack:
            continue
        pack = law.on(first)
        if pack.ledger is not None and scheme_of(pack.ledger).person_wide:
            yield span.penalty_period[0], first, until
