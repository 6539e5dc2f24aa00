"""Other people than the responsible one: who is named on a claim's lines, who prescribed, who heads the pharmacy (P4, P5, P6).

They are asked about only where the claim would be paid. Somebody of whom the register records a bar on the day makes it a review;
somebody of whom it knows nothing changes nothing and is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from rules.packs.pack_set import PackSet
from rules.screens.conditions import Seen
from rules.screens.everywhere import named_standing, person_everywhere
from rules.screens.facts import EPOCH, ClaimColumns, Mask, packs_on
from rules.screens.index import StandingIndex
from rules.screens.rows import NO_STANDING, UNREADABLE
from rules.screens.table import REGISTER_FRESH, REGISTER_STALE, REGISTER_UNREADABLE, BarTable
from rules.vocabulary import Reason

NAMED_REASONS = (Reason.PRESCRIBER_BARRED, Reason.PHARMACY_HEAD_ABNORMAL, Reason.LINE_PERSON_BARRED)
"""In the order in which they decide."""
_PRESCRIBER, _HEAD, _LINE = range(3)


class Asked(NamedTuple):
    """Somebody to be asked about: the claim's place, the place of the reason in NAMED_REASONS, and who did what when."""

    row: int
    reason: int
    person: str
    day: int
    line: int = 0
    amount: str | None = None


class Barred(NamedTuple):
    """What was found of somebody who is asked about: the pack whose bar it is and its number there, and the span behind it."""

    asked: Asked
    pack: int
    bar: int
    span: int


class Mention(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A barred person as a case tells it: the number of the line from 1, and its amount in yuan."""

    person: str
    day: str
    line: int | None = None
    amount: str | None = None


_write = msgspec.json.Encoder().encode
_read = msgspec.json.Decoder(tuple[Mention, ...]).decode


def mentions(text: str | None) -> tuple[Mention, ...]:
    """The barred people that a decision names, from the text that it gives them in."""
    return () if text is None else _read(text)


@dataclass(frozen=True, slots=True)
class People:
    """The barred people of one claim: their mentions as JSON, and the spans of the index behind them."""

    text: str
    spans: tuple[int, ...]

    @classmethod
    def of(cls, found: Sequence[Barred]) -> People:
        """From all that was found of one claim for the reason that decides."""
        told = [
            Mention(
                one.asked.person,
                _iso(one.asked.day),
                one.asked.line or None,
                one.asked.amount,
            )
            for one in found
        ]
        return cls(_write(told).decode(), tuple(dict.fromkeys(one.span for one in found if one.span >= 0)))


def _iso(day: int) -> str:
    return str(np.datetime64(day, "D"))


class Found(NamedTuple):
    """What asking came to: the barred, by claim and reason in the order asked; the claims that nobody can answer for, by the
    state of the register; how many of the named the register does not know."""

    barred: dict[int, dict[int, list[Barred]]]
    unanswered: dict[int, int]
    unknown: int


def asked_of(claims: ClaimColumns, index: StandingIndex, paid: Mask) -> list[Asked]:
    """Whom to ask about: of the claims that would be paid, the prescribers and the people of the lines that they name, and the
    heads of the pharmacy."""
    asked = []
    for named in claims.named:
        if not paid[named.row]:
            continue
        own = claims.physician_key[named.row]
        if named.line and own is not None and own.partition("|")[2] == named.person:
            continue
        day = int(claims.day[named.row]) if named.day is None else named.day.toordinal() - EPOCH
        reason = _LINE if named.line else _PRESCRIBER
        asked.append(Asked(named.row, reason, named.person, day, named.line, named.amount))
    asked += [Asked(row, _HEAD, person, day) for row, person, day in index.heads(claims, np.flatnonzero(paid))]
    return asked


def look_up(
    asked: Sequence[Asked],
    claims: ClaimColumns,
    index: StandingIndex,
    packs: PackSet,
    person_wide: Mask,
    bars: Sequence[BarTable],
    *,
    stale: bool,
) -> Found:
    """What the register records of the people asked about, each on his or her day.

    Of a head it is the filing status alone, which binds in every area (P3, P5); a window of a local law is no such status.
    """
    if stale:
        return Found({}, {one.row: REGISTER_STALE for one in asked}, 0)
    rows = np.array([one.row for one in asked], np.intp)
    days = np.array([one.day for one in asked], np.int32)
    taken = claims.take(rows)
    regions = [str(key).partition("|")[0] for key in _listed(taken.institution_key)]
    theirs = replace(
        taken,
        pack=packs_on(packs, taken.law, days),
        physician_key=[f"{region}|{one.person}" for region, one in zip(regions, asked, strict=True)],
        missing=np.zeros(len(asked), np.bool_),
        day=days,
        start_day=np.zeros(len(asked), np.int32),
        stay=np.zeros(len(asked), np.bool_),
        drug=None,
        implausible=None,
        emergency_origin=None,
        auditors=None,
        not_seen=None,
        known=index.latest(taken.known),
    )
    facts, statuses = person_everywhere(theirs, index.look_up(theirs), index, packs, person_wide, bars=True)
    facts = replace(facts, standing=named_standing(facts))
    fresh = np.full(len(asked), REGISTER_FRESH, np.uint8)
    found: dict[int, Barred] = {}
    names = {pack.name: number for number, pack in enumerate(packs.packs)}

    def ask(pack: int, seen: Seen, places: npt.NDArray[np.intp], bar_pack: int) -> None:
        if not len(places):
            return
        held = seen.take(places)
        answer = np.where(bars[pack].in_force(held), bars[bar_pack].bars(held), -1)
        for place, bar, span in zip(places.tolist(), answer.tolist(), held.facts.span.tolist(), strict=True):
            if bar >= 0 and place not in found:
                found[place] = Barred(asked[place], bar_pack, int(bar), int(span))

    seen = Seen(theirs, facts, fresh)
    decides = person_wide[theirs.pack] | np.array([one.reason != _HEAD for one in asked])
    for pack in np.unique(theirs.pack).tolist():
        own = theirs.pack == pack
        for carried in np.unique(facts.carried[own]).tolist():
            # What an earlier law decided binds by that law's grounds (S3); of a pack that is not here nothing can be said.
            decided = pack if not carried else names.get(index.earlier_pack(carried))
            places = np.flatnonzero(own & decides & (facts.carried == carried))
            if decided is not None:
                ask(pack, seen, places, decided)
    if statuses is not None:
        beside = Seen(theirs.take(statuses.rows), statuses.facts, fresh[statuses.rows])
        for place, (row, wide) in enumerate(zip(statuses.rows.tolist(), statuses.packs.tolist(), strict=True)):
            bar = int(bars[wide].bars(beside.take(np.array([place], np.intp)))[0])
            if bar >= 0 and row not in found:
                found[row] = Barred(asked[row], int(wide), bar, int(statuses.facts.span[place]))
    unreadable = (facts.flags & UNREADABLE) != 0
    unknown = (facts.span < 0) | (facts.standing == NO_STANDING)
    barred: dict[int, dict[int, list[Barred]]] = {}
    for place in sorted(found):
        one = found[place]
        barred.setdefault(one.asked.row, {}).setdefault(one.asked.reason, []).append(one)
    return Found(
        barred,
        {asked[place].row: REGISTER_UNREADABLE for place in np.flatnonzero(unreadable).tolist()},
        int((unknown & ~unreadable).sum()) - sum(bool(unknown[place]) for place in found),
    )


def _listed(keys: pl.Series | list[str | None]) -> Iterable[Any]:
    return keys.to_list() if isinstance(keys, pl.Series) else keys
