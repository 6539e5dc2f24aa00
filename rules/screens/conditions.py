"""Conditions on arrays of facts: each part of a pack's ground as a test that says of every claim whether it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass

import numpy as np

from rules.packs.pack import InForce, Pack, When
from rules.plausibility import Implausible
from rules.screens.facts import ENCOUNTER_CODE, Bytes, ClaimColumns, Facts, Mask
from rules.screens.rows import (
    FIRST_DAY,
    FLAG_BIT,
    IN_PENALTY,
    INSTITUTION_TERMINATED,
    INSTITUTION_UNKNOWN,
    LAST_DAY,
    NO_STANDING,
    SITE_CODE,
    STANDING_CODE,
    day_number,
)
from rules.vocabulary import EncounterType, Standing

_BARRED = {Standing.PENALTY, Standing.SUSPENDED, Standing.TERMINATED, Standing.BLACKLISTED, Standing.CANCELLED}
RECORDED_BARS = {*_BARRED, Standing.PENDING_REINSTATEMENT}

CODES = 256
"""Values of one byte: a table with a place for each is asked without a bound being looked at."""


@dataclass(frozen=True, slots=True)
class Seen:
    """All that a table sees: the claims, what the register says of them, and in what state the register is for each."""

    claims: ClaimColumns
    facts: Facts
    register: Bytes

    def take(self, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Seen:
        """The claims at the given places with their facts."""
        return Seen(self.claims.take(rows), self.facts.take(rows), self.register[rows])


Test = Callable[[Seen], Mask | None]
"""Where a condition holds; None: nowhere in this batch."""


def not_seen(seen: Seen) -> Mask | None:
    """Where nobody saw the insured person on the day of service; None: nowhere in this batch."""
    return seen.claims.not_seen


def not_for(encounters: Iterable[EncounterType]) -> Test:
    """Where the encounter is none of these."""
    others = ~_codes(ENCOUNTER_CODE[encounter] for encounter in encounters)
    return lambda seen: others[seen.claims.encounter]


def is_implausible(what: Implausible) -> Test:
    """Where the values of a claim contradict each other in this way."""
    return lambda seen: None if seen.claims.implausible is None else seen.claims.implausible == what


def asks_register(when: When) -> bool:
    """Whether a condition needs to know anything besides the claim itself."""
    return any(
        value is not None
        for value in (
            *(when.standing, when.flag, when.in_penalty, when.straddles, when.site, when.institution, when.subject),
        )
    )


def of_bars(when: When, standings: Set[Standing] = _BARRED) -> bool:
    """Whether a ground is that of a window, a suspension or a ban, whatever else the pack knows of the person."""
    barred = when.standing is not None and not set(when.standing) - standings
    return (barred or when.in_penalty is not None or when.straddles is not None) and when.service_date is None


def all_of(tests: tuple[Test, ...]) -> Test:
    """Every condition of a ground must hold."""
    first, others = tests[0], tests[1:]
    if not others:
        return first

    def all_of(seen: Seen) -> Mask | None:
        holds = first(seen)
        for test in others:
            also = test(seen) if holds is not None else None
            holds = None if holds is None or also is None else holds & also
        return holds

    return all_of


def tests_of(when: When, pack: Pack) -> Iterator[Test]:
    """One test for each condition of a ground, under the pack to which it belongs."""
    if when.rule is not None:
        in_force = on_days(pack.in_force)
        yield lambda seen: ~in_force(seen)
    yield from _said_by_the_claim(when)
    if when.physician is not None:
        missing = when.physician == "missing"
        yield lambda seen: seen.claims.missing == missing
    if when.subject is not None:
        # Of another subject than physicians `missing` says that the claim does not name it.
        yield lambda seen: seen.claims.missing
    if when.standing is not None:
        standings = _codes(_standing_codes(when.standing, pack))
        yield lambda seen: standings[seen.facts.standing]
    if when.flag is not None:
        yield _has_bit(FLAG_BIT[when.flag])
    if when.in_penalty is not None:
        yield _has_bit(IN_PENALTY)
    if when.straddles is not None:
        yield lambda seen: seen.facts.straddles
    if when.straddles == "abnormal" and pack.in_force.start is not None:
        yield _begins_on_or_after(day_number(pack.in_force.start))
    if when.site is not None:
        # Anything but a declaration: a state that this text does not know must not pass for one.
        sites = {
            "undeclared": ~_codes([_site("declared")]),
            "opted_out": _codes([_site("opted_out")]),
            "not_listed": ~_codes([_site("listed")]),
        }[when.site]
        yield lambda seen: sites[seen.facts.site]
    if when.institution is not None:
        institution = INSTITUTION_TERMINATED if when.institution == "terminated" else INSTITUTION_UNKNOWN
        yield lambda seen: seen.facts.institution == institution
    if when.service_date is not None:
        yield on_days(when.service_date)


def _said_by_the_claim(when: When) -> Iterator[Test]:
    if when.staff is not None:
        yield lambda seen: seen.claims.auditors
    if when.drug is not None:
        for name, value in when.drug.items():
            yield _drug(name, int(value))


def _begins_on_or_after(day: int) -> Test:
    return lambda seen: seen.claims.stay & (seen.claims.start_day >= day)


def in_state(state: int) -> Test:
    """Where the register is in this state for the claim."""
    return lambda seen: seen.register == state


def _drug(name: str, value: int) -> Test:
    """A drug object without the field does not say so, and never matches."""
    return lambda seen: None if seen.claims.drug is None else seen.claims.drug[name] == value


def _site(status: str) -> int:
    return next(code for name, code in SITE_CODE.items() if name.value == status)


def _standing_codes(standings: tuple[Standing, ...], pack: Pack) -> Iterator[int]:
    for standing in standings:
        yield STANDING_CODE[standing]
        if standing is Standing.UNREGISTERED and pack.registration_required:
            yield NO_STANDING


def _codes(codes: Iterable[int]) -> Mask:
    """Of each code of one byte, whether it is among the given ones."""
    among = np.zeros(CODES, np.bool_)
    among[list(codes)] = True
    return among


def _has_bit(bit: int) -> Test:
    return lambda seen: (seen.facts.flags & bit) != 0


def on_days(days: InForce) -> Callable[[Seen], Mask]:
    """Where the service date lies in these days, both ends inclusive."""
    first = FIRST_DAY if days.start is None else day_number(days.start)
    last = LAST_DAY if days.end is None else day_number(days.end)
    return lambda seen: (seen.claims.day >= first) & (seen.claims.day <= last)
