"""The law of insured persons and departments beside the physicians' (determination S1).

Asked last, of the few claims whose insured person or department has anything recorded. Reject goes before review before pay; on
equal ends the physicians' pack goes first, then insured persons, then departments. The other ground is named beside it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from rules.packs.pack import Pack, SubjectPack
from rules.packs.pack_set import PackSet
from rules.screens.conditions import Seen
from rules.screens.facts import ENCOUNTER_CODE, EPOCH, ClaimColumns, Facts, Keys, Mask, Numbers
from rules.screens.index import StandingIndex
from rules.screens.ragged import Ints
from rules.screens.rows import NO_STANDING, NO_WINDOW, UNREADABLE
from rules.screens.table import REGISTER_FRESH, REGISTER_STALE, REGISTER_UNREADABLE, DecisionTable, Ruling
from rules.vocabulary import CostBearer, Disposition, EncounterType, Reason, Subject

Places = npt.NDArray[np.intp]

SUBJECTS = (Subject.INSURED, Subject.DEPARTMENT)
"""In the order in which they decide."""

STRICTNESS = {Disposition.PAY: 0, Disposition.REVIEW: 1, Disposition.REJECT: 2}
"""Which of two dispositions decides."""

_AREA = 6
"""Characters of an area's code, with which every key begins."""

_OF_NO_SUBJECT = (
    Reason.IMPLAUSIBLE,
    Reason.ENCOUNTER_UNKNOWN,
    Reason.STANDING_STALE,
    Reason.STANDING_UNREADABLE,
)
"""What is said of the claim or of the register: told once, whichever law asks."""

_STRADDLES = Reason.STRADDLES_PENALTY


class _Asked(NamedTuple):
    """Claims of which something is recorded under one subject: their places, themselves as asked by it, and what is recorded.

    `claims.missing` marks those that do not name the subject.
    """

    rows: Places
    claims: ClaimColumns
    facts: Facts
    spans: list[tuple[int, ...]]
    """The spans of the index that bind on days of each claim, for `StandingIndex.causes`."""


@dataclass(slots=True)
class RestsOn:
    """By which revisions of other subjects' standings a claim was judged: its insured person's (None: nothing is recorded), and
    those of the department that it names, or of every recorded one of an institution's where it names none, by its name."""

    insured: int | None = None
    departments: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Settled:
    """The rulings of all claims, and by the place of each claim that another subject's law has a say in: the window that it
    shows, where that law decides, and the events behind it. `rests` is by the place of each claim of whose subjects anything is
    recorded, whether it has a say or not."""

    ruling: Numbers
    windows: dict[int, tuple[int, int]] = field(default_factory=dict)
    causes: dict[int, tuple[str, ...]] = field(default_factory=dict)
    rests: dict[int, RestsOn] = field(default_factory=dict)

    def note(self, subject: Subject, rows: Sequence[int], keys: Sequence[str], revisions: Sequence[int]) -> None:
        """Notes by which revisions of these subjects' standings the claims at these places are judged."""
        for row, key, revision in zip(rows, keys, revisions, strict=True):
            if revision < 0:
                continue
            rests = self.rests.setdefault(row, RestsOn())
            if subject is Subject.INSURED:
                rests.insured = revision
            else:
                rests.departments[key.rpartition("|")[2]] = revision


class Beside:
    """The packs of other subjects, compiled; their rulings stand behind those of the physicians' packs."""

    def __init__(self, packs: PackSet, rulings: list[Ruling]) -> None:
        self._packs = packs
        self._rulings = rulings
        self._tables: dict[str, DecisionTable] = {}
        self._softened: dict[int, int] = {}
        self._both: dict[tuple[int, int], int] = {}
        for subject in SUBJECTS:
            before = len(rulings)
            for pack in packs.subjects:
                if pack.subject is subject:
                    self._compile(pack, before)

    def _compile(self, pack: SubjectPack, before: int) -> None:
        """A pack's own outcomes, and what holds beside each of those of the physicians' and of the subject before.

        A verdict names two grounds at most.
        """
        rulings = self._rulings
        table = DecisionTable(pack, len(rulings))
        self._tables[pack.name] = table
        rulings.extend(table.rulings)
        theirs = [
            number
            for number, ruling in enumerate(table.rulings, table.first)
            if ruling.disposition is not Disposition.PAY and ruling.ground not in _OF_NO_SUBJECT
        ]
        for number in [number for number in theirs if rulings[number].disposition is Disposition.REJECT]:
            # N4: the review of a stay that began as an emergency, where an emergency would get another answer.
            self._softened[number] = len(rulings)
            theirs.append(len(rulings))
            rulings.append(
                replace(
                    rulings[number],
                    disposition=Disposition.REVIEW,
                    reason=Reason.EMERGENCY_ORIGIN,
                    cost_bearer=CostBearer.UNDETERMINED,
                )
            )
        for mine in range(before):
            one = rulings[mine]
            told = one.disposition is Disposition.PAY or one.ground in _OF_NO_SUBJECT or one.second is not None
            if told or not _meet(one.pack, pack):
                continue
            for number in theirs:
                self._both[mine, number] = len(rulings)
                other = rulings[number]
                stricter = STRICTNESS[other.disposition] > STRICTNESS[one.disposition]
                rulings.append(replace(other, second=one) if stricter else replace(one, second=other))

    def settle(self, claims: ClaimColumns, ruling: Numbers, index: StandingIndex, *, stale: bool) -> Settled:
        """The rulings with what the other subjects' laws say of the claims."""
        settled = Settled(ruling)
        for subject in SUBJECTS:
            if stale:
                self._settle_stale(claims, subject, settled)
                continue
            held = index.beside.get(subject)
            if held is None:
                continue
            gather = _insured if subject is Subject.INSURED else _departments
            asked = gather(claims, held, settled)
            if asked is not None:
                self._settle(asked, subject, held, settled)
        return settled

    def _settle(self, asked: _Asked, subject: Subject, held: StandingIndex, settled: Settled) -> None:
        settled.ruling = settled.ruling.copy()
        unreadable = (asked.facts.flags & UNREADABLE) != 0
        register = np.where(unreadable, REGISTER_UNREADABLE, REGISTER_FRESH).astype(np.uint8)
        seen = Seen(asked.claims, asked.facts, register)
        for place, row in enumerate(asked.rows.tolist()):
            one = np.array([place], np.intp)
            table = self._governing(subject, _key(asked.claims.institution_key, place), int(asked.claims.day[place]))
            if table is None:
                continue
            theirs = self._softer(table, seen.take(one), int(table.rule(seen.take(one))[0]))
            mine, other = int(settled.ruling[row]), self._rulings[theirs]
            if other.disposition is Disposition.PAY:
                continue
            decides = STRICTNESS[other.disposition] > STRICTNESS[self._rulings[mine].disposition]
            settled.ruling[row] = self._both.get((mine, theirs), theirs if decides else mine)
            if decides:
                settled.windows[row] = _window(other, asked.facts, place)
            causes = (cause for span in asked.spans[place] for cause in held.causes(span, -1))
            settled.causes[row] = tuple(dict.fromkeys((*settled.causes.get(row, ()), *causes)))

    def _softer(self, table: DecisionTable, seen: Seen, ruling: int) -> int:
        origin, claims = seen.claims.emergency_origin, seen.claims
        if origin is None or not origin[0] or claims.encounter[0] != ENCOUNTER_CODE[EncounterType.INPATIENT]:
            return ruling
        urgent = np.full(1, ENCOUNTER_CODE[EncounterType.EMERGENCY], np.uint8)
        other = int(table.rule(replace(seen, claims=replace(claims, encounter=urgent)))[0])
        mine, theirs = self._rulings[ruling], self._rulings[other]
        if (mine.disposition, mine.reason) == (theirs.disposition, theirs.reason):
            return ruling
        return self._softened.get(ruling, ruling)

    def _settle_stale(self, claims: ClaimColumns, subject: Subject, settled: Settled) -> None:
        """Nobody knows what has been recorded since: what would be paid goes to review."""
        pays = np.array([ruling.disposition is Disposition.PAY for ruling in self._rulings])[settled.ruling]
        settled.ruling = settled.ruling.copy()
        for row in np.flatnonzero(pays).tolist():
            table = self._governing(subject, _key(claims.institution_key, row), int(claims.day[row]))
            if table is not None:
                settled.ruling[row] = table.unanswered[REGISTER_STALE]

    def _governing(self, subject: Subject, institution_key: str, day: int) -> DecisionTable | None:
        pack = self._packs.beside(subject, institution_key[:_AREA], dt.date.fromordinal(day + EPOCH))
        return None if pack is None else self._tables[pack.name]


def _meet(pack: Pack, other: SubjectPack) -> bool:
    """Whether a claim may lie under both."""
    return any(region == "*" or other.reach(region) >= 0 for region in pack.regions)


def _window(ruling: Ruling, facts: Facts, place: int) -> tuple[int, int]:
    if ruling.ground is Reason.DEPARTMENT_NOT_NAMED:
        return NO_WINDOW, NO_WINDOW
    if ruling.ground is _STRADDLES:
        return int(facts.touched_start[place]), int(facts.touched_end[place])
    return int(facts.window_start[place]), int(facts.window_end[place])


# -- gathering ----------------------------------------------------------------------------------------------------


def _insured(claims: ClaimColumns, held: StandingIndex, settled: Settled) -> _Asked | None:
    """The claims whose insured person has something recorded for its days."""
    if claims.insured is None or not len(held):
        return None
    keys: Keys
    if isinstance(claims.insured, pl.Series) and isinstance(claims.institution_key, pl.Series):
        frame = pl.DataFrame({"key": claims.institution_key, "insured": claims.insured})
        area = pl.col("key").str.slice(0, _AREA + 1)
        keys = frame.select(pl.concat_str(area, pl.col("insured").str.to_uppercase())).to_series()
    else:
        keys = [
            None if insured is None or key is None else f"{key[: _AREA + 1]}{insured.upper()}"
            for key, insured in zip(claims.institution_key, claims.insured, strict=True)
        ]
    asked = held.known_beside(claims.known, Subject.INSURED, ())
    known = held.known(replace(claims, physician_key=keys, known=asked))
    rows = np.flatnonzero(known)
    if not len(rows):
        return None
    found = [_key(keys, row) for row in rows.tolist()]
    return _binding(Subject.INSURED, claims, held, rows, found, np.zeros(len(rows), np.bool_), settled)


def _departments(claims: ClaimColumns, held: StandingIndex, settled: Settled) -> _Asked | None:
    """The claims of whose department something is recorded, and those that name none of an institution's of which it is."""
    if not len(held):
        return None
    named = [(row, f"{_key(claims.institution_key, row)}|{name}".upper()) for row, name in claims.departments.items()]
    places = {row for row, _ in named}
    pairs = [(row, key, False) for row, key in named]
    pairs += [(row, key, True) for row, key in _unnamed(claims.institution_key, held.departments) if row not in places]
    if not pairs:
        return None
    pairs.sort(key=lambda pair: pair[0])
    rows = np.array([row for row, _, _ in pairs], np.intp)
    missing = np.array([unnamed for _, _, unnamed in pairs], np.bool_)
    return _binding(Subject.DEPARTMENT, claims, held, rows, [key for _, key, _ in pairs], missing, settled)


def _unnamed(keys: Keys, departments: dict[str, tuple[str, ...]]) -> Iterator[tuple[int, str]]:
    """The places of institutions of whose departments anything is recorded, each with the departments' keys."""
    if isinstance(keys, pl.Series):
        rows = np.flatnonzero(keys.str.to_uppercase().is_in(list(departments)).fill_null(False).to_numpy()).tolist()
    else:
        rows = [row for row, key in enumerate(keys) if key is not None and key.upper() in departments]
    for row in rows:
        for key in departments[_key(keys, row).upper()]:
            yield row, key


def _binding(
    subject: Subject,
    claims: ClaimColumns,
    held: StandingIndex,
    rows: Places,
    keys: Sequence[str],
    missing: Mask,
    settled: Settled,
) -> _Asked | None:
    """Of the claims at the given places, asked about by these keys, those on whose days anything is recorded; each once."""
    taken = claims.take(rows)
    asked = replace(
        taken, physician_key=list(keys), missing=missing, known=held.known_beside(taken.known, subject, keys)
    )
    facts = held.look_up(asked)
    settled.note(subject, rows.tolist(), keys, facts.revision.tolist())
    binds = (facts.standing != NO_STANDING) | ((facts.flags & UNREADABLE) != 0) | facts.straddles
    found: dict[int, list[int]] = {}
    for place in np.flatnonzero(binds).tolist():
        found.setdefault(int(rows[place]), []).append(place)
    if not found:
        return None
    spans = _spans(asked, facts, held)
    chosen = np.array([places[0] for places in found.values()], np.intp)
    behind = [tuple(int(spans[place]) for place in places) for places in found.values()]
    return _Asked(rows[chosen], asked.take(chosen), facts.take(chosen), behind)


def _spans(asked: ClaimColumns, facts: Facts, held: StandingIndex) -> Ints:
    """The span that binds on the service day, or of a stay that ends after a suspension the one that it touched last."""
    after = np.flatnonzero(facts.straddles & (facts.standing == NO_STANDING))
    if not len(after):
        return facts.span
    spans = facts.span.copy()
    spans[after] = held.look_up(replace(asked.take(after), day=facts.touched_end[after])).span
    return spans


def _key(keys: Keys, row: int) -> str:
    return str(keys[row])
