"""Decision tables: a pack's grounds compiled to one column expression that picks a ruling for every claim."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import and_

import polars as pl

from rules.packs.pack import EXEMPT_PREFIX, Contested, Ground, InForce, Outcome, Pack, When
from rules.screens.index import (
    FLAG_BIT,
    IN_PENALTY,
    INSTITUTION_TERMINATED,
    NO_STANDING,
    SITE_CODE,
    STANDING_CODE,
    day_number,
)
from rules.vocabulary import CostBearer, Disposition, EncounterType, Reason, Standing

ENCOUNTERS = tuple(EncounterType)
ENCOUNTER = pl.Enum([encounter.value for encounter in ENCOUNTERS])

REGISTER_FRESH, REGISTER_STALE, REGISTER_UNREADABLE = 0, 1, 2
"""State of the register as far as one claim needs it; a column of the frame that a table's expression reads."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """One row of an outcome table: all that a verdict says besides the claim, the standing and the window."""

    pack: Pack
    ground: Reason
    disposition: Disposition
    reason: Reason
    exempted_ground: Reason | None
    cost_bearer: CostBearer
    citations: tuple[str, ...]


class DecisionTable:
    """One pack's table. `expression` gives the position in `rulings`, counted from `first`.

    The grounds are tried in the pack's order; the first that holds decides, `ok` where none does. A register that is too
    old or cannot be read takes the place of every ground that would have asked it: only grounds that stand on the claim
    alone, and come before those, may still decide.
    """

    def __init__(self, pack: Pack, first: int) -> None:
        self.pack = pack
        self.first = first
        self.rulings: list[Ruling] = []
        self.asks_institution = any(ground.when.institution is not None for ground in pack.screening)
        branches = list(self._branches())
        ok = self._add(Reason.OK, Outcome(disposition=Disposition.PAY, reason=Reason.OK, cost_bearer=CostBearer.FUND))
        chain: pl.Expr = ok
        for condition, then in reversed(branches):
            chain = pl.when(condition).then(then).otherwise(chain)
        self.expression = chain.cast(pl.UInt16)
        self.contested, self.keeps = self._contested(pack.contested)

    def _branches(self) -> Iterator[tuple[pl.Expr, pl.Expr]]:
        register_asked = False
        for ground in self.pack.grounds:
            if not register_asked and _asks_register(ground.when):
                register_asked = True
                yield from self._register_branches()
            yield condition(ground.when, self.pack), self._pick(ground)

    def _register_branches(self) -> Iterator[tuple[pl.Expr, pl.Expr]]:
        for state, reason in (
            (REGISTER_UNREADABLE, Reason.STANDING_UNREADABLE),
            (REGISTER_STALE, Reason.STANDING_STALE),
        ):
            review = Outcome(disposition=Disposition.REVIEW, reason=reason, cost_bearer=CostBearer.UNDETERMINED)
            yield pl.col("register") == state, self._add(reason, review)

    def _pick(self, ground: Ground) -> pl.Expr:
        pick = self._add(ground.ground, ground.ordinary, ground.citations)
        if ground.exempted is None:
            return pick
        encounters = self.pack.exempt_encounters if ground.exempt_encounters is None else ground.exempt_encounters
        for encounter in encounters:
            pick = (
                pl.when(pl.col("encounter_type") == pl.lit(encounter.value, ENCOUNTER))
                .then(self._add(ground.ground, ground.exempted, ground.citations, encounter))
                .otherwise(pick)
            )
        return pick

    def _add(
        self,
        ground: Reason,
        outcome: Outcome,
        citations: tuple[str, ...] = (),
        encounter: EncounterType | None = None,
    ) -> pl.Expr:
        reason = (
            Reason(f"{EXEMPT_PREFIX}{encounter}")
            if outcome.reason == "exempt" and encounter
            else Reason(outcome.reason)
        )
        self.rulings.append(
            Ruling(
                pack=self.pack,
                ground=ground,
                disposition=outcome.disposition,
                reason=reason,
                exempted_ground=ground if outcome.reason == "exempt" else None,
                cost_bearer=outcome.cost_bearer,
                citations=citations,
            )
        )
        return pl.lit(self.first + len(self.rulings) - 1, pl.UInt16)

    def _contested(self, contested: Contested | None) -> tuple[int | None, frozenset[int]]:
        if contested is None:
            return None, frozenset()
        keeps = frozenset(
            self.first + number for number, ruling in enumerate(self.rulings) if ruling.reason in contested.keeps
        )
        self._add(Reason(contested.outcome.reason), contested.outcome, contested.citations)
        return self.first + len(self.rulings) - 1, keeps


def _asks_register(when: When) -> bool:
    """Whether a condition needs to know anything besides the claim itself."""
    return any(
        value is not None
        for value in (when.standing, when.flag, when.in_penalty, when.straddles, when.site, when.institution)
    )


def condition(when: When, pack: Pack) -> pl.Expr:
    """The expression of one ground's condition over the columns of the fact frame; every given key must hold."""
    return reduce(and_, _conditions(when, pack))


def _conditions(when: When, pack: Pack) -> Iterator[pl.Expr]:
    if when.rule is not None:
        yield ~_on_days(pack.in_force)
    if when.physician is not None:
        yield pl.col("physician_code").is_null()
    if when.standing is not None:
        yield pl.col("standing").is_in(list(_standing_codes(when.standing, pack)))
    if when.flag is not None:
        yield _has_bit(FLAG_BIT[when.flag])
    if when.in_penalty is not None:
        yield _has_bit(IN_PENALTY)
    if when.straddles is not None:
        yield pl.col("straddles")
    if when.straddles == "abnormal" and pack.in_force.start is not None:
        yield pl.col("start_day") >= day_number(pack.in_force.start)
    if when.site is not None:
        yield {
            # Anything but a declaration: a state that this text does not know must not pass for one.
            "undeclared": pl.col("site") != _site("declared"),
            "opted_out": pl.col("site") == _site("opted_out"),
            "not_listed": pl.col("site") != _site("listed"),
        }[when.site]
    if when.institution is not None:
        yield pl.col("institution") == INSTITUTION_TERMINATED
    if when.drug is not None:
        for field, value in when.drug.items():
            # A drug object without the field does not say so: null never matches.
            yield (pl.col(field) if value else ~pl.col(field)).fill_null(False)  # polars takes the value by position
    if when.service_date is not None:
        yield _on_days(when.service_date)


def _site(status: str) -> int:
    return next(code for name, code in SITE_CODE.items() if name.value == status)


def _standing_codes(standings: tuple[Standing, ...], pack: Pack) -> Iterator[int]:
    for standing in standings:
        yield STANDING_CODE[standing]
        if standing is Standing.UNREGISTERED and pack.registration_required:
            yield NO_STANDING


def _has_bit(bit: int) -> pl.Expr:
    return (pl.col("flags") & pl.lit(bit, pl.UInt8)) != 0


def _on_days(days: InForce) -> pl.Expr:
    inside = pl.lit(True)  # polars takes the value by position
    if days.start is not None:
        inside = inside & (pl.col("day") >= day_number(days.start))
    if days.end is not None:
        inside = inside & (pl.col("day") <= day_number(days.end))
    return inside
