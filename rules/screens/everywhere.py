"""What is recorded of a claim's person in other areas, brought to the claim (determination P3: one person, one file).

The person's further records are gathered first: those of areas under whose law a status is the person's and not the place's, as
under the national opinion, and those of places inside the claim's own area. What they mean depends on the law of the claim:

1. Under a law whose status is the person's, all records are those of one person. A registration anywhere is a registration, and
   an abnormal status anywhere is the person's (`_as_one_person`). Of a stay each day is looked at (`_stays_of_one_person`).
2. Under a local law, the records of places inside the area count like the area's own: of each day the strictest
   (`_with_places_inside`).
3. Under a local law, a status of the person that another area has recorded binds beside that law. It does not change what the
   local law sees, and is given back by itself (`_beside`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rules.areas import areas_over_time
from rules.packs.pack_set import PackSet
from rules.screens.facts import Bytes, ClaimColumns, Facts, Mask, Numbers, packs_on
from rules.screens.index import StandingIndex
from rules.screens.rows import (
    FIRST_DAY,
    IN_PENALTY,
    LAST_DAY,
    NO_STANDING,
    NO_WINDOW,
    SITE_CODE,
    SITE_UNDECLARED,
    STANDING_CODE,
    STATUS_BIT,
    UNREADABLE,
    day_number,
)
from rules.vocabulary import SiteStatus, Standing

Places = npt.NDArray[np.intp]

_OF_THE_STATUS = (
    "span",
    "standing",
    "flags",
    "window_start",
    "window_end",
    "straddles",
    "touched_start",
    "touched_end",
    "carried",
)
_OF_A_STAY = ("straddles", "touched_start", "touched_end")
"""What a status says of a stay that it touches without reaching its last day."""

_UNREGISTERED = (NO_STANDING, STANDING_CODE[Standing.UNREGISTERED])
_DECLARED = SITE_CODE[SiteStatus.DECLARED]
_OF_THE_PERSON = (STANDING_CODE[Standing.SUSPENDED], STANDING_CODE[Standing.TERMINATED])
_SUSPENDED, _TERMINATED = STATUS_BIT[Standing.SUSPENDED], STATUS_BIT[Standing.TERMINATED]
_IN_A_PENALTY = 3


@dataclass(frozen=True, slots=True)
class Statuses:
    """Abnormal statuses recorded elsewhere that bind beside a local law: the claim's place, what is known there, the pack."""

    rows: Places
    facts: Facts
    packs: Numbers

    def over(self, facts: Facts, places: Sequence[int]) -> Facts:
        """The facts of all claims, with those of the given statuses for the claims that they decide."""
        chosen = np.array(places, np.intp)
        binds = (self.facts.flags[chosen] & IN_PENALTY) != 0
        whole, touched = chosen[binds], chosen[~binds]
        facts = _laid(facts, self.rows[touched], self.facts.take(touched), _OF_A_STAY)
        return _laid(facts, self.rows[whole], self.facts.take(whole))


def person_everywhere(
    claims: ClaimColumns, facts: Facts, index: StandingIndex, packs: PackSet, person_wide: Mask, *, bars: bool = False
) -> tuple[Facts, Statuses | None]:
    """The facts of the claims with what other records say of their persons, and the statuses that bind beside local laws.

    `person_wide` says of each pack whether a status under it is the person's. `bars` asks for what is recorded against a person,
    registered or not (P4); else somebody whom nobody has registered anywhere is unregistered, which goes before a status.
    """
    records = _gathered(claims, facts, index, packs, person_wide)
    if records is None:
        return facts, None
    one_person = person_wide[claims.pack[records.rows]]
    facts = _as_one_person(facts, records, np.flatnonzero(one_person), bars=bars)
    facts = _stays_of_one_person(facts, records, np.flatnonzero(one_person & records.abnormal), claims, index)
    facts = _with_places_inside(facts, records, np.flatnonzero(~one_person & records.inside))
    binding = records.abnormal & records.wide & ~one_person & (records.of_the_person | ~records.inside)
    return facts, _beside(records, np.flatnonzero(binding), claims, index)


# -- the further records ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Records:
    """Further records of the claims' persons, a row each: the claim's place, the timeline's key and its pack's number.

    `facts` are what the timeline says of the claim's days. `wide` and `inside` are those of `_Elsewhere`. `abnormal` says that
    a status covers the service day or touches the stay, `on_the_day` that it covers the day. `registered` says that the person
    is registered there, `of_the_person` that what is abnormal is a status of the person and not a penalty of the place.
    """

    rows: Places
    keys: list[str]
    packs: Numbers
    wide: Mask
    inside: Mask
    facts: Facts
    on_the_day: Mask
    abnormal: Mask
    registered: Mask
    of_the_person: Mask

    def fact(self, place: int) -> Facts:
        """What one record says, as a column of one."""
        return self.facts.take(np.array([place], np.intp))

    def latest(self, places: Places) -> Places:
        """Of the given records one a claim: of several statuses the one with the later first day counts (N1)."""
        best: dict[int, int] = {}
        begins = self.facts.window_start
        for place in places.tolist():
            row = int(self.rows[place])
            if row not in best or begins[place] > begins[best[row]]:
                best[row] = place
        return np.array(sorted(best.values()), np.intp)


class _Elsewhere(NamedTuple):
    """A further timeline of a claim's person: the claim's place, the timeline's key, and the pack that it lies under.

    `wide` says whether that pack is in force and its status the person's, `inside` whether the timeline is of a place inside the
    claim's own area: as ledgers wrote it before the areas (P1), or because only the national law knows what is recorded there.
    """

    row: int
    key: str
    pack: int
    wide: bool
    inside: bool


def _gathered(
    claims: ClaimColumns, facts: Facts, index: StandingIndex, packs: PackSet, person_wide: Mask
) -> _Records | None:
    unknown = np.isin(facts.standing, _UNREGISTERED)
    found = list(_bound(index.persons.elsewhere(claims.physician_key, unknown), claims, packs, person_wide))
    if not found:
        return None
    rows = np.array([one.row for one in found], np.intp)
    keys = [one.key for one in found]
    theirs = index.look_up(replace(claims.take(rows), physician_key=[*keys]))
    on_the_day = (theirs.flags & IN_PENALTY) != 0
    abnormal = (on_the_day | theirs.straddles) & (theirs.carried == 0)
    registered = ~np.isin(theirs.standing, _UNREGISTERED)
    theirs = replace(theirs, standing=named_standing(theirs))
    numbers = np.array([one.pack for one in found], np.uint16)
    return _Records(
        rows=rows,
        keys=keys,
        packs=numbers,
        wide=np.array([one.wide for one in found]),
        inside=np.array([one.inside for one in found]),
        facts=theirs,
        on_the_day=on_the_day,
        abnormal=abnormal,
        registered=registered,
        of_the_person=abnormal & person_wide[numbers] & np.isin(theirs.standing, _OF_THE_PERSON),
    )


def _bound(
    found: Sequence[tuple[int, str]], claims: ClaimColumns, packs: PackSet, person_wide: Mask
) -> Iterator[_Elsewhere]:
    """Those that say something of a claim."""
    for row, key in found:
        region = key.partition("|")[0]
        law = np.array([packs.law_number(region)], np.uint16)
        pack = int(packs_on(packs, law, claims.day[row : row + 1])[0])
        held = packs.packs[pack].in_force
        first = None if held.start is None else day_number(held.start)
        wide = bool(person_wide[pack]) and (first is None or bool(claims.day[row] >= first))
        inside = str(claims.physician_key[row]).partition("|")[0] in areas_over_time(region)
        if wide or inside:
            yield _Elsewhere(row, key, pack, wide, inside)


# -- one person ---------------------------------------------------------------------------------------------------


def _as_one_person(facts: Facts, records: _Records, places: Places, *, bars: bool) -> Facts:
    """Claims under a law whose status is the person's: the abnormal status, else the registration, recorded anywhere.

    A registration anywhere is a registration, also of somebody whose status was recorded where there is none (`003 三¶2`: one
    person, one file). Without `bars` a status counts only of somebody who is registered anywhere.
    """
    if not len(places):
        return facts
    rows, theirs = records.rows, records.facts
    unknown = np.isin(facts.standing, _UNREGISTERED)
    own = (facts.flags & IN_PENALTY) != 0
    registered = ~unknown
    registered[rows[places[records.registered[places]]]] = True

    # 1 Whoever has declared the site has declared it.
    site = facts.site.copy()
    site[rows[places[theirs.site[places] == _DECLARED]]] = _DECLARED
    merged = replace(facts, site=site)

    # 2 A status of the claim's own area, which has not registered the person, is shown by its name.
    named = unknown & own & registered
    if named.any():
        merged = replace(merged, standing=np.where(named, named_standing(facts), facts.standing).astype(np.uint8))

    # 3 A registration elsewhere stands for the one that is missing here. A stay that a status of the claim's own area touches is
    #   told by that area (N3).
    missing = (unknown & ~own)[rows]
    for place in places[(missing & records.registered & ~records.abnormal)[places]].tolist():
        row = rows[[place]]
        of_a_stay = _OF_A_STAY if facts.straddles[row[0]] else ()
        merged = _laid(merged, row, records.fact(place), [name for name in _OF_THE_STATUS if name not in of_a_stay])

    # 4 A status elsewhere that touches a stay without reaching its last day.
    asked = places if bars else places[registered[rows[places]]]
    touching = asked[(records.abnormal & ~records.on_the_day)[asked]]
    registering = touching[(missing & records.registered)[touching]]
    merged = _laid(merged, rows[registering], theirs.take(registering))
    merged = _laid(merged, rows[touching], theirs.take(touching), _OF_A_STAY)

    # 5 A status elsewhere that covers the day, unless one of the claim's own area began later (N1).
    latest = records.latest(asked[(records.abnormal & records.on_the_day)[asked]])
    later = latest[~own[rows[latest]] | (theirs.window_start[latest] > facts.window_start[rows[latest]])]
    return _laid(merged, rows[later], theirs.take(later))


def _stays_of_one_person(
    facts: Facts, records: _Records, places: Places, claims: ClaimColumns, index: StandingIndex
) -> Facts:
    """Stays of people of whom another record is abnormal, each day by all records of the person."""
    for row in sorted({int(row) for row in records.rows[places] if claims.stay[row]}):
        others = [records.keys[place] for place in np.flatnonzero((records.rows == row) & records.wide).tolist()]
        facts = _day_by_day(facts, row, _days_of(claims, row), [str(claims.physician_key[row]), *others], index)
    return facts


# -- places inside the area ---------------------------------------------------------------------------------------


def _strictness(facts: Facts, row: int) -> int:
    """How much a day's standing says: nothing, normal, something else, in a penalty, or that it cannot be read."""
    flags, standing = int(facts.flags[row]), int(facts.standing[row])
    if flags & UNREADABLE:
        return _IN_A_PENALTY + 1
    if flags & IN_PENALTY:
        return _IN_A_PENALTY
    return 0 if standing in _UNREGISTERED else 1 if standing == STANDING_CODE[Standing.NORMAL] else 2


def _with_places_inside(facts: Facts, records: _Records, places: Places) -> Facts:
    """Claims under a local law whose person has further records in the area: of each day the strictest, and the sites of all.

    So it is until the ledger has folded the area's events together; points do not add up across records, and a record with a
    second timeline (Q2) goes to people. Of a status of the person only the registration counts here: the status itself binds
    beside the local law (P3).
    """
    for place in places.tolist():
        row, one = records.rows[[place]], records.fact(place)
        if facts.site[row[0]] == SITE_UNDECLARED:
            facts = _laid(facts, row, one, ("site",))
        if records.of_the_person[place]:
            one = replace(one, **_REGISTERED)
        elif one.contested[0]:
            one = replace(one, flags=(one.flags | UNREADABLE).astype(np.uint8))
        mine, other = _strictness(facts, row[0]), _strictness(one, 0)
        if other > mine:
            facts = _laid(facts, row, one, (*_OF_THE_STATUS, "revision"))
        elif one.straddles[0] and not facts.straddles[row[0]] and mine < _IN_A_PENALTY:
            facts = _laid(facts, row, one, _OF_A_STAY)
    return facts


_REGISTERED: dict[str, Any] = {
    "standing": np.array([STANDING_CODE[Standing.NORMAL]], np.uint8),
    "flags": np.zeros(1, np.uint8),
    "window_start": np.array([NO_WINDOW], np.int32),
    "window_end": np.array([NO_WINDOW], np.int32),
    "straddles": np.zeros(1, np.bool_),
}
"""Of a person with a status that binds by itself what is left to the area: that there is a registration."""


# -- beside a local law -------------------------------------------------------------------------------------------


def _beside(records: _Records, binding: Places, claims: ClaimColumns, index: StandingIndex) -> Statuses | None:
    """Of each claim the latest of the statuses that bind beside its law; of a stay under several, each day by all of them."""
    chosen = records.latest(binding)
    if not len(chosen):
        return None
    rows, known = records.rows[chosen], records.facts.take(chosen)
    for place, row in enumerate(rows.tolist()):
        keys = [records.keys[other] for other in binding.tolist() if records.rows[other] == row]
        if len(keys) > 1 and claims.stay[row]:
            known = _day_by_day(known, place, _days_of(claims, row), keys, index)
    return Statuses(rows, known, records.packs[chosen])


# -- common to all ------------------------------------------------------------------------------------------------


def named_standing(theirs: Facts) -> Bytes:
    """The status of somebody who is not registered there. A record of a release that did not tell which it is leaves to guess:
    one without an end is taken as a termination."""
    unnamed = (theirs.standing == STANDING_CODE[Standing.UNREGISTERED]) & ((theirs.flags & IN_PENALTY) != 0)
    told = (theirs.flags & (_SUSPENDED | _TERMINATED)) != 0
    ends = np.where(told, (theirs.flags & _SUSPENDED) != 0, theirs.window_end != LAST_DAY)
    named = np.where(ends, STANDING_CODE[Standing.SUSPENDED], STANDING_CODE[Standing.TERMINATED])
    return np.where(unnamed, named, theirs.standing).astype(np.uint8)


def _days_of(claims: ClaimColumns, row: int) -> ClaimColumns:
    """The days of a stay, each as a claim of its own."""
    days = np.arange(int(claims.start_day[row]), int(claims.day[row]) + 1, dtype=np.int32)
    return replace(claims.take(np.full(len(days), row, np.intp)), day=days, start_day=days)


def _day_by_day(facts: Facts, place: int, daily: ClaimColumns, keys: Sequence[str], index: StandingIndex) -> Facts:
    """A stay of somebody with statuses in several areas, day by day: a day is barred if any of them bars it (N3, P3).

    The window to be told is that of the service day, else of the last day that is barred.
    """
    barred = np.zeros(len(daily), np.bool_)
    shown_start = np.full(len(daily), FIRST_DAY, np.int64)
    shown_end = np.full(len(daily), FIRST_DAY, np.int64)
    for key in keys:
        seen = index.look_up(replace(daily, physician_key=[key] * len(daily)))
        holds = ((seen.flags & IN_PENALTY) != 0) & (seen.carried == 0)
        later = holds & (~barred | (seen.window_start > shown_start))
        shown_start = np.where(later, seen.window_start, shown_start)
        shown_end = np.where(later, seen.window_end, shown_end)
        barred |= holds
    if not barred.any():
        return facts
    at = int(np.flatnonzero(barred)[-1])
    straddles, touched_start, touched_end = (
        getattr(facts, name).copy() for name in ("straddles", "touched_start", "touched_end")
    )
    straddles[place] = not barred.all()
    touched_start[place], touched_end[place] = shown_start[at], shown_end[at]
    return replace(facts, straddles=straddles, touched_start=touched_start, touched_end=touched_end)


def _laid(facts: Facts, rows: Places, others: Facts, names: Sequence[str] = _OF_THE_STATUS) -> Facts:
    """The facts with what is said of the status taken from others at the given places."""
    if not len(rows):
        return facts
    changed = {}
    for item in fields(Facts):
        if item.name in names:
            column = getattr(facts, item.name).copy()
            column[rows] = getattr(others, item.name)
            changed[item.name] = column
    return replace(facts, **changed)
