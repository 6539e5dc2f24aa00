"""What is recorded of a person in other areas, brought to each claim (determination P3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from rules.packs.pack import PackSet
from rules.screens.facts import Bytes, ClaimColumns, Facts, Mask, Numbers, packs_on
from rules.screens.index import (
    FIRST_DAY,
    IN_PENALTY,
    LAST_DAY,
    NO_STANDING,
    SITE_CODE,
    STANDING_CODE,
    StandingIndex,
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
    claims: ClaimColumns, facts: Facts, index: StandingIndex, packs: PackSet, person_wide: Mask
) -> tuple[Facts, Statuses | None]:
    """The facts of the claims as one person's under the packs whose status is the person's; and what binds beside local packs."""
    unknown = np.isin(facts.standing, _UNREGISTERED)
    pairs = list(_bound(index.persons.elsewhere(claims.physician_key, unknown), claims, packs, person_wide))
    if not pairs:
        return facts, None
    rows = np.array([row for row, _, _ in pairs], np.intp)
    theirs = index.look_up(replace(claims.take(rows), physician_key=[key for _, key, _ in pairs]))
    abnormal = (((theirs.flags & IN_PENALTY) != 0) | theirs.straddles) & (theirs.carried == 0)
    theirs = replace(theirs, standing=named_standing(theirs))
    at_home = person_wide[claims.pack[rows]]
    home = np.flatnonzero(at_home)
    merged = _merged(facts, rows, theirs, abnormal, home)
    several = home[abnormal[home] & claims.stay[rows[home]]]
    for row in sorted({int(rows[place]) for place in several.tolist()}):
        keys = [key for number, key, pack in pairs if number == row and person_wide[pack]]
        merged = _whole_stay(merged, claims, row, keys, index)
    beside = _latest(rows, theirs, np.flatnonzero(abnormal & ~at_home))
    if not len(beside):
        return merged, None
    bound = np.array([pairs[place][2] for place in beside.tolist()], np.uint16)
    return merged, Statuses(rows[beside], theirs.take(beside), bound)


def _bound(
    found: Sequence[tuple[int, str]], claims: ClaimColumns, packs: PackSet, person_wide: Mask
) -> Iterator[tuple[int, str, int]]:
    """Those of the other areas that lie under a pack in force whose status is the person's, with the pack's position."""
    for row, key in found:
        law = np.array([packs.law_number(key.partition("|")[0])], np.uint16)
        pack = int(packs_on(packs, law, claims.day[row : row + 1])[0])
        held = packs.packs[pack].in_force
        first = None if held.start is None else day_number(held.start)
        if person_wide[pack] and (first is None or claims.day[row] >= first):
            yield row, key, pack


def named_standing(theirs: Facts) -> Bytes:
    """A status of somebody who is not registered there does not say which it is: one without an end is taken as a termination."""
    unnamed = (theirs.standing == STANDING_CODE[Standing.UNREGISTERED]) & ((theirs.flags & IN_PENALTY) != 0)
    ends = theirs.window_end != LAST_DAY
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


def _merged(facts: Facts, rows: Places, theirs: Facts, abnormal: Mask, places: Places) -> Facts:
    """Claims under a pack whose status is the person's: the abnormal status, else the registration, recorded anywhere."""
    if not len(places):
        return facts
    site = facts.site.copy()
    site[rows[places[theirs.site[places] == _DECLARED]]] = _DECLARED
    merged = replace(facts, site=site)
    own = (facts.flags & IN_PENALTY) != 0
    registered = [
        place
        for place in places.tolist()
        if not abnormal[place]
        and not own[rows[place]]
        and facts.standing[rows[place]] in _UNREGISTERED
        and theirs.standing[place] not in _UNREGISTERED
    ]
    merged = _laid(merged, rows[registered], theirs.take(np.array(registered, np.intp)))
    on_the_day = (theirs.flags & IN_PENALTY) != 0
    touched = np.array([place for place in places.tolist() if abnormal[place] and not on_the_day[place]], np.intp)
    merged = _laid(merged, rows[touched], theirs.take(touched), _OF_A_STAY)
    statuses = [
        place
        for place in _latest(rows, theirs, places[abnormal[places] & on_the_day[places]]).tolist()
        if not own[rows[place]] or theirs.window_start[place] > facts.window_start[rows[place]]
    ]
    return _laid(merged, rows[statuses], theirs.take(np.array(statuses, np.intp)))


def _whole_stay(facts: Facts, claims: ClaimColumns, row: int, keys: Sequence[str], index: StandingIndex) -> Facts:
    """A stay of somebody with statuses in several areas, day by day: a day is barred if any of them bars it (N3, P3).

    The window to be told is that of the service day, else of the last day that is barred.
    """
    first, last = int(claims.start_day[row]), int(claims.day[row])
    days = np.arange(first, last + 1, dtype=np.int32)
    own = claims.physician_key[row]
    barred = np.zeros(len(days), np.bool_)
    shown_start = np.full(len(days), FIRST_DAY, np.int64)
    shown_end = np.full(len(days), FIRST_DAY, np.int64)
    for key in (own, *keys):
        daily = replace(
            claims.take(np.full(len(days), row, np.intp)), physician_key=[key] * len(days), day=days, start_day=days
        )
        seen = index.look_up(daily)
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
    straddles[row] = not barred.all()
    touched_start[row], touched_end[row] = shown_start[at], shown_end[at]
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
