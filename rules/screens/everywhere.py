"""What is recorded of a person in other areas, brought to each claim (determination P3)."""

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
    """The facts of the claims as one person's under the packs whose status is the person's; and what binds beside local packs.

    `bars` asks for what is recorded against a person, registered or not (P4); else somebody whom nobody has registered anywhere
    is unregistered, which goes before a status.
    """
    unknown = np.isin(facts.standing, _UNREGISTERED)
    pairs = list(_bound(index.persons.elsewhere(claims.physician_key, unknown), claims, packs, person_wide))
    if not pairs:
        return facts, None
    rows = np.array([one.row for one in pairs], np.intp)
    theirs = index.look_up(replace(claims.take(rows), physician_key=[one.key for one in pairs]))
    abnormal = (((theirs.flags & IN_PENALTY) != 0) | theirs.straddles) & (theirs.carried == 0)
    filed = ~np.isin(theirs.standing, _UNREGISTERED)
    theirs = replace(theirs, standing=named_standing(theirs))
    at_home = person_wide[claims.pack[rows]]
    inside = ~at_home & np.array([one.inside for one in pairs])
    wide = np.array([one.wide for one in pairs])
    home = np.flatnonzero(at_home)
    merged = _merged(facts, rows, theirs, abnormal, filed, home, bars=bars)
    statuses = abnormal & person_wide[[one.pack for one in pairs]] & np.isin(theirs.standing, _OF_THE_PERSON)
    merged = _joined(merged, rows, theirs, np.flatnonzero(inside), statuses)
    several = home[abnormal[home] & claims.stay[rows[home]]]
    for row in sorted({int(rows[place]) for place in several.tolist()}):
        keys = [str(claims.physician_key[row]), *(one.key for one in pairs if one.row == row and one.wide)]
        merged = _whole_stay(merged, row, _days_of(claims, row), keys, index)
    binding = np.flatnonzero(abnormal & ~at_home & wide & (statuses | ~inside))
    beside = _latest(rows, theirs, binding)
    if not len(beside):
        return merged, None
    bound = np.array([pairs[place].pack for place in beside.tolist()], np.uint16)
    known = theirs.take(beside)
    for place, row in enumerate(rows[beside].tolist()):
        keys = [pairs[other].key for other in binding.tolist() if rows[other] == row]
        if len(keys) > 1 and claims.stay[row]:
            known = _whole_stay(known, place, _days_of(claims, row), keys, index)
    return merged, Statuses(rows[beside], known, bound)


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


def _strictness(facts: Facts, row: int) -> int:
    """How much a day's standing says: nothing, normal, something else, in a penalty, or that it cannot be read."""
    flags, standing = int(facts.flags[row]), int(facts.standing[row])
    if flags & UNREADABLE:
        return _IN_A_PENALTY + 1
    if flags & IN_PENALTY:
        return _IN_A_PENALTY
    return 0 if standing in _UNREGISTERED else 1 if standing == STANDING_CODE[Standing.NORMAL] else 2


def _joined(facts: Facts, rows: Places, theirs: Facts, places: Places, statuses: Mask) -> Facts:
    """Claims under a local law whose person has further records in the area: of each day the strictest, and the sites of all.

    So it is until the ledger has folded the area's events together; points do not add up across records, and a record with a
    second timeline (Q2) goes to people. Of a status of the person (`statuses`) only the registration counts here: the status
    itself binds beside the local law (P3).
    """
    for place in places.tolist():
        row, one = rows[[place]], theirs.take(np.array([place], np.intp))
        if facts.site[row[0]] == SITE_UNDECLARED:
            facts = _laid(facts, row, one, ("site",))
        if statuses[place]:
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


def named_standing(theirs: Facts) -> Bytes:
    """The status of somebody who is not registered there. A record of a release that did not tell which it is leaves to guess:
    one without an end is taken as a termination."""
    unnamed = (theirs.standing == STANDING_CODE[Standing.UNREGISTERED]) & ((theirs.flags & IN_PENALTY) != 0)
    told = (theirs.flags & (_SUSPENDED | _TERMINATED)) != 0
    ends = np.where(told, (theirs.flags & _SUSPENDED) != 0, theirs.window_end != LAST_DAY)
    named = np.where(ends, STANDING_CODE[Standing.SUSPENDED], STANDING_CODE[Standing.TERMINATED])
    return np.where(unnamed, named, theirs.standing).astype(np.uint8)


def _latest(rows: Places, theirs: Facts, places: Places) -> Places:
    """One status a claim: of several the one with the later first day (N1)."""
    best: dict[int, int] = {}
    for place in places.tolist():
        row = int(rows[place])
        if row not in best or theirs.window_start[place] > theirs.window_start[best[row]]:
            best[row] = place
    return np.array(sorted(best.values()), np.intp)


def _merged(
    facts: Facts, rows: Places, theirs: Facts, abnormal: Mask, filed: Mask, places: Places, *, bars: bool
) -> Facts:
    """Claims under a pack whose status is the person's: the abnormal status, else the registration, recorded anywhere.

    A registration anywhere is a registration, also of somebody whose status was recorded where there is none (`003 三¶2`: one
    person, one file).
    """
    if not len(places):
        return facts
    site = facts.site.copy()
    site[rows[places[theirs.site[places] == _DECLARED]]] = _DECLARED
    merged = replace(facts, site=site)
    unknown = np.isin(facts.standing, _UNREGISTERED)
    own = (facts.flags & IN_PENALTY) != 0
    registered = ~unknown
    registered[rows[places[filed[places]]]] = True
    named = unknown & own & registered
    if named.any():
        merged = replace(merged, standing=np.where(named, named_standing(facts), facts.standing).astype(np.uint8))
    normal = [
        place
        for place in places.tolist()
        if filed[place] and not abnormal[place] and unknown[rows[place]] and not own[rows[place]]
    ]
    for place in normal:
        # A stay that a status of the claim's own area touches is told by that area (N3).
        told = [name for name in _OF_THE_STATUS if not (facts.straddles[rows[place]] and name in _OF_A_STAY)]
        merged = _laid(merged, rows[[place]], theirs.take(np.array([place], np.intp)), told)
    asked = places if bars else places[registered[rows[places]]]
    on_the_day = (theirs.flags & IN_PENALTY) != 0
    touched = asked[abnormal[asked] & ~on_the_day[asked]]
    straying = touched[unknown[rows[touched]] & filed[touched] & ~own[rows[touched]]]
    merged = _laid(merged, rows[straying], theirs.take(straying))
    merged = _laid(merged, rows[touched], theirs.take(touched), _OF_A_STAY)
    statuses = [
        place
        for place in _latest(rows, theirs, asked[abnormal[asked] & on_the_day[asked]]).tolist()
        if not own[rows[place]] or theirs.window_start[place] > facts.window_start[rows[place]]
    ]
    return _laid(merged, rows[statuses], theirs.take(np.array(statuses, np.intp)))


def _days_of(claims: ClaimColumns, row: int) -> ClaimColumns:
    """The days of a stay, each as a claim of its own."""
    days = np.arange(int(claims.start_day[row]), int(claims.day[row]) + 1, dtype=np.int32)
    return replace(claims.take(np.full(len(days), row, np.intp)), day=days, start_day=days)


def _whole_stay(facts: Facts, place: int, daily: ClaimColumns, keys: Sequence[str], index: StandingIndex) -> Facts:
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
