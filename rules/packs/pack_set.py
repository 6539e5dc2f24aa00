"""Which pack governs a region on a day: the packs of a process, one after the other, without a gap (determination S1)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import NamedTuple

from rules.areas import pooling_area
from rules.calendar import WorkingCalendar, official_calendar
from rules.holidays import Holidays, shipped_holidays
from rules.packs.errors import PackError
from rules.packs.pack import InForce, Pack, SubjectPack
from rules.vocabulary import Subject

_ONE = dt.timedelta(days=1)


class Segment(NamedTuple):
    """Days on which one pack answers for a region, both ends inclusive, None open. Of days without law the pack says so."""

    start: dt.date | None
    end: dt.date | None
    pack: Pack

    def holds(self, day: dt.date) -> bool:
        """Whether a day is one of these."""
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)


@dataclass(frozen=True, eq=False)
class Law:
    """What governs one region, day by day (determination S1): packs one after the other, without a gap from the first day on."""

    segments: tuple[Segment, ...]
    holidays: Holidays

    @property
    def packs(self) -> tuple[Pack, ...]:
        """The packs in the order in which they govern, each once."""
        return tuple({segment.pack.name: segment.pack for segment in self.segments}.values())

    def on(self, day: dt.date) -> Pack:
        """The pack that answers for a day."""
        return next(segment.pack for segment in self.segments if segment.holds(day))

    def calendar(self, pack: Pack) -> WorkingCalendar:
        """The working days by which a pack's limits run. Raises PackError for a pack without a ledger section."""
        if pack.ledger is None:
            raise PackError(f"{pack.name}: has no ledger section; expected one, because limits are to be counted")
        return official_calendar(pack.ledger.working_calendar.value, self.holidays)


class PackSet:
    """The packs in force in a process, and which of them governs a region on a day."""

    def __init__(
        self,
        packs: Iterable[Pack],
        *,
        switched_on: Iterable[str] = (),
        holidays: Holidays | None = None,
        subjects: Iterable[SubjectPack] = (),
    ) -> None:
        """`switched_on` names packs (without version) that are disabled in their file but wanted here; `holidays` are those
        shipped unless others are given; `subjects` are the laws of others than physicians: without any, nothing is known of them.

        Raises PackError when two packs claim one region on the same days, when one lists a place inside a pooling area and not
        the area, when none takes "every other region", or when `switched_on` names an unknown pack.
        """
        self.holidays = shipped_holidays() if holidays is None else holidays
        wanted = set(switched_on)
        every, beside = tuple(packs), tuple(subjects)
        self.subjects = tuple(pack for pack in beside if pack.enabled or pack.pack in wanted)
        _check_apart(self.subjects)
        unknown = wanted - {pack.pack for pack in (*every, *beside)}
        if unknown:
            known = ", ".join(sorted(pack.pack for pack in (*every, *beside)))
            raise PackError(f"no pack is called {', '.join(sorted(unknown))}; there are: {known}")
        self.packs = tuple(pack for pack in every if pack.enabled or pack.pack in wanted)
        claimed: dict[str, list[Pack]] = {}
        for pack in self.packs:
            _check_areas(pack)
            for region in pack.regions:
                claimed.setdefault(region, []).append(pack)
        for region, several in claimed.items():
            several.sort(key=lambda pack: pack.in_force.start or dt.date.min)
            for one, following in pairwise(several):
                if one.in_force.end is None or following.in_force.start is None:
                    overlap = True
                else:
                    overlap = following.in_force.start <= one.in_force.end
                if overlap:
                    raise PackError(
                        f"region {region} is claimed by two packs on the same days: {one.name} {_days(one.in_force)} and "
                        f"{following.name} {_days(following.in_force)}; give the earlier one its last day"
                    )
        if "*" not in claimed:
            raise PackError('no pack governs "every other region": one pack must list the region "*"')
        others = claimed.pop("*")
        self._elsewhere = Law(_segments([], others), self.holidays)
        self._laws = {region: Law(_segments(several, others), self.holidays) for region, several in claimed.items()}
        self.laws = (self._elsewhere, *self._laws.values())
        self._law_numbers = {region: number for number, region in enumerate(self._laws, 1)}
        self._numbers = {pack.name: number for number, pack in enumerate(self.packs)}

    def law(self, region: str) -> Law:
        """What governs an area, day by day: its own packs, and where none of them is in force the national one (S1).

        Of a place inside an area (P1) it is what such a place is filed under beside its area: the national law, unless a pack
        lists the place itself.
        """
        return self._laws.get(region, self._elsewhere)

    def law_beside(self, subject: Subject, area: str) -> Law | None:
        """What governs another subject than physicians in an area, day by day; of two territories the narrower (S1)."""
        reached = [(pack.reach(area), pack) for pack in self.subjects if pack.subject is subject]
        found = sorted((item for item in reached if item[0] >= 0), key=lambda item: -item[0])
        if not found:
            return None
        own = [pack for reach, pack in found if reach == found[0][0]]
        return Law(_segments(own, [pack for reach, pack in found if reach < found[0][0]]), self.holidays)

    def beside(self, subject: Subject, area: str, day: dt.date) -> Pack | None:
        """The law of another subject that governs an area on a day; None where there is none."""
        law = self.law_beside(subject, area)
        pack = None if law is None else law.on(day)
        return pack if pack is not None and pack.in_force.holds(day) else None

    def law_number(self, region: str) -> int:
        """Position in `laws` of what governs an area."""
        return self._law_numbers.get(region, 0)

    def number_of(self, pack: Pack) -> int:
        """Position of a pack in `packs`."""
        return self._numbers[pack.name]

    def for_region(self, region: str, day: dt.date | None = None) -> Pack:
        """The pack that answers for an area on a day; without a day the area's own newest one."""
        law = self.law(region)
        if day is not None:
            return law.on(day)
        own = [pack for pack in law.packs if region in pack.regions]
        return own[-1] if own else law.packs[-1]


def _check_areas(pack: Pack) -> None:
    """Law is one in an area (P1): a place inside it may be listed beside the area, never without it. Raises PackError."""
    for region in pack.regions:
        area = pooling_area(region)
        if area not in pack.regions:
            raise PackError(
                f"{pack.name}: region {region} lies in the pooling area {area}, and a pack governs whole areas; list {area}"
            )


def _check_apart(subjects: Sequence[SubjectPack]) -> None:
    """Raises PackError where two laws of one subject claim one territory on the same days."""
    for one, other in combinations(subjects, 2):
        first = max(one.in_force.start or dt.date.min, other.in_force.start or dt.date.min)
        last = min(one.in_force.end or dt.date.max, other.in_force.end or dt.date.max)
        shared = sorted({*one.regions} & {*other.regions})
        if one.subject is other.subject and shared and first <= last:
            raise PackError(
                f"territory {shared[0]} is claimed by two packs of {one.subject} on the same days: {one.name} "
                f"{_days(one.in_force)} and {other.name} {_days(other.in_force)}; give the earlier one its last day"
            )


def _days(in_force: InForce) -> str:
    return f"({in_force.start or '...'} to {in_force.end or '...'})"


def _segments(own: Sequence[Pack], others: Sequence[Pack]) -> tuple[Segment, ...]:
    """S1: a region's own pack where one is in force, else the national one; a day without law goes to the pack nearest to it."""
    edges: set[dt.date] = set()
    for pack in (*own, *others):
        if pack.in_force.start is not None:
            edges.add(pack.in_force.start)
        if pack.in_force.end is not None and pack.in_force.end < dt.date.max:
            edges.add(pack.in_force.end + _ONE)
    found: list[Segment] = []
    for start in [None, *sorted(edges)]:
        day = start or dt.date.min
        pack = _in_force(own, day) or _in_force(others, day) or _nearest(own or others, day)
        if found and found[-1].pack is pack:
            continue
        if found and start is not None:
            found[-1] = found[-1]._replace(end=start - _ONE)
        found.append(Segment(start, None, pack))
    return tuple(found)


def _in_force(packs: Sequence[Pack], day: dt.date) -> Pack | None:
    return next((pack for pack in packs if pack.in_force.holds(day)), None)


def _nearest(packs: Sequence[Pack], day: dt.date) -> Pack:
    """The pack that ended last before a day, or else the first to come."""
    ended = [pack for pack in packs if pack.in_force.end is not None and pack.in_force.end < day]
    return ended[-1] if ended else packs[0]
