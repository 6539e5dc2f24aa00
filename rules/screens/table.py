"""Decision tables: a pack's grounds compiled once to tests on arrays of facts, which pick a ruling for every claim."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rules.packs.pack import EXEMPT_PREFIX, Contested, Ground, Outcome, Pack
from rules.plausibility import Implausible
from rules.screens.conditions import (
    CODES,
    RECORDED_BARS,
    Seen,
    Test,
    all_of,
    asks_register,
    in_state,
    is_implausible,
    not_for,
    not_seen,
    of_bars,
    on_days,
    tests_of,
)
from rules.screens.facts import ENCOUNTER_CODE, Mask, Numbers
from rules.vocabulary import CostBearer, Disposition, EncounterType, Reason

REGISTER_FRESH, REGISTER_STALE, REGISTER_UNREADABLE = 0, 1, 2
"""State of the register as far as one claim needs it."""


@dataclass(frozen=True, slots=True)
class _Branch:
    """A test and the ruling that it leads to, by the code of the encounter."""

    test: Test
    pick: Numbers


@dataclass(frozen=True, slots=True)
class _Bar:
    """A test and the number of the bar that it finds, by the code of the encounter; -1 where the encounter lifts it."""

    test: Test
    pick: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ruling:
    """One row of an outcome table: all that a verdict says besides the claim, the standing and the window.

    `basis` is the pack whose text gives the ground where that is not the governing one (S3: decided under an earlier law),
    `beside` the pack that governs other days of the stay (S2), `second` what the other of two laws says that bind side by
    side (P3).
    """

    pack: Pack
    ground: Reason
    disposition: Disposition
    reason: Reason
    exempted_ground: Reason | None
    cost_bearer: CostBearer
    citations: tuple[str, ...]
    basis: Pack | None = None
    beside: Pack | None = None
    implausible: Implausible = Implausible.NOTHING
    second: Ruling | None = None

    @property
    def text(self) -> Pack:
        """The pack whose text gives the ground."""
        return self.pack if self.basis is None else self.basis


def cited(pack: Pack, citations: Iterable[str]) -> tuple[str, ...]:
    """Articles of a text under the name of another pack: each with the number of its source."""
    return tuple(f"{pack.source.file} {citation}" for citation in citations)


class DecisionTable:
    """One pack's table. `rule` gives positions in `rulings`, counted from `first`.

    The grounds are tried in the pack's order; the first that holds decides, `ok` where none does. A register that is too
    old or cannot be read takes the place of every ground that would have asked it: only grounds that stand on the claim
    alone, and come before those, may still decide.
    """

    def __init__(self, pack: Pack, first: int, basis: Pack | None = None) -> None:
        """`basis`: the table for claims on which a window or ban of that earlier pack binds (S3). Its grounds decide, with its
        exemptions, after what the governing pack says of the claim alone."""
        self.pack = pack
        self.basis = basis
        self.first = first
        self.rulings: list[Ruling] = []
        self.asks_institution = any(ground.when.institution is not None for ground in pack.screening)
        self._branches = tuple(self._compiled())[::-1]
        self._ok = self._add(
            Reason.OK, Outcome(disposition=Disposition.PAY, reason=Reason.OK, cost_bearer=CostBearer.FUND)
        )
        self.contested, self.keeps = self._contested(pack.contested if basis is None else None)
        self.unanswered = self._unanswered()
        """The rulings where the register is too old or unreadable, by its state."""

    def rule(self, seen: Seen) -> Numbers:
        """The ruling of every claim."""
        answer = np.full(len(seen.claims), self._ok, np.uint16)
        # From the last ground to the first, each over what the later ones have said.
        for branch in self._branches:
            holds = branch.test(seen)
            if holds is not None:
                np.copyto(answer, branch.pick[seen.claims.encounter], where=holds)
        return answer

    def _compiled(self) -> Iterator[_Branch]:
        yield from self._implausible(before_any_law=True)
        outside, *others = self.pack.grounds
        yield _Branch(all_of(tuple(tests_of(outside.when, self.pack))), self._pick(outside))
        yield from self._implausible(before_any_law=False)
        yield self._unknown_encounter()
        register_asked = False
        for ground in others:
            if not register_asked and asks_register(ground.when):
                register_asked = True
                yield from self._register_branches()
                if self.basis is not None:
                    yield from self._branches_of_bars(self.basis)
            tests = tuple(tests_of(ground.when, self.pack))
            if ground.not_for:
                tests = (*tests, not_for(ground.not_for))
            if ground.when.physician == "missing":
                # The visit names the person: where it was not seen nobody can say that there was none.
                number = self._add(Reason.VISIT_NOT_SEEN, _review(Reason.VISIT_NOT_SEEN), ground.citations)
                yield _Branch(all_of((not_seen, *tests)), np.full(CODES, number, np.uint16))
            yield _Branch(all_of(tests), self._pick(ground))

    def _implausible(self, *, before_any_law: bool) -> Iterator[_Branch]:
        """A ruling for each thing that cannot be so, for it is told which. A day that cannot be has no law to ask about."""
        for what in Implausible:
            if what and what.before_any_law is before_any_law:
                number = self._add(Reason.IMPLAUSIBLE, _review(Reason.IMPLAUSIBLE), implausible=what)
                yield _Branch(is_implausible(what), np.full(CODES, number, np.uint16))

    def _unknown_encounter(self) -> _Branch:
        number = self._add(Reason.ENCOUNTER_UNKNOWN, _review(Reason.ENCOUNTER_UNKNOWN))
        unknown = ENCOUNTER_CODE[EncounterType.UNKNOWN]
        return _Branch(lambda seen: seen.claims.encounter == unknown, np.full(CODES, number, np.uint16))

    def _branches_of_bars(self, basis: Pack) -> Iterator[_Branch]:
        for ground in basis.grounds:
            if of_bars(ground.when):
                yield _Branch(all_of(tuple(tests_of(ground.when, basis))), self._pick(ground, basis))

    def _unanswered(self) -> dict[int, int]:
        asked = {Reason.STANDING_STALE: REGISTER_STALE, Reason.STANDING_UNREADABLE: REGISTER_UNREADABLE}
        return {
            asked[ruling.ground]: self.first + number
            for number, ruling in enumerate(self.rulings)
            if ruling.ground in asked
        }

    def _register_branches(self) -> Iterator[_Branch]:
        for state, reason in (
            (REGISTER_UNREADABLE, Reason.STANDING_UNREADABLE),
            (REGISTER_STALE, Reason.STANDING_STALE),
        ):
            yield _Branch(in_state(state), np.full(CODES, self._add(reason, _review(reason)), np.uint16))

    def _pick(self, ground: Ground, basis: Pack | None = None) -> Numbers:
        citations = ground.citations if basis is None else cited(basis, ground.citations)
        pick = np.full(CODES, self._add(ground.ground, ground.ordinary, citations, basis=basis), np.uint16)
        if ground.exempted is not None:
            exempt = ground.exempt_encounters
            text = self.pack if basis is None else basis
            for encounter in text.exempt_encounters if exempt is None else exempt:
                number = self._add(ground.ground, ground.exempted, citations, encounter, basis=basis)
                pick[ENCOUNTER_CODE[encounter]] = number
        return pick

    def _add(
        self,
        ground: Reason,
        outcome: Outcome,
        citations: tuple[str, ...] = (),
        encounter: EncounterType | None = None,
        *,
        basis: Pack | None = None,
        implausible: Implausible = Implausible.NOTHING,
    ) -> int:
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
                basis=basis,
                implausible=implausible,
            )
        )
        return self.first + len(self.rulings) - 1

    def _contested(self, contested: Contested | None) -> tuple[int | None, frozenset[int]]:
        if contested is None:
            return None, frozenset()
        keeps = frozenset(
            self.first + number for number, ruling in enumerate(self.rulings) if ruling.reason in contested.keeps
        )
        return self._add(Reason(contested.outcome.reason), contested.outcome, contested.citations), keeps


class BarTable:
    """What of a pack's grounds bars somebody whom a claim names besides its responsible person (P4): windows, suspensions,
    bans and the wait for reinstatement. Whether anybody is registered or declared is no question here."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self.grounds = tuple(ground for ground in pack.grounds if of_bars(ground.when, RECORDED_BARS))
        self.in_force: Callable[[Seen], Mask] = on_days(pack.in_force)
        self._branches = tuple(self._compiled())[::-1]

    def bars(self, seen: Seen) -> npt.NDArray[np.int64]:
        """The place in `grounds` of the first ground that holds, -1 where none does or where it is lifted for the encounter."""
        answer = np.full(len(seen.claims), -1, np.int64)
        for branch in self._branches:
            holds = branch.test(seen)
            if holds is not None:
                np.copyto(answer, branch.pick[seen.claims.encounter], where=holds)
        return answer

    def _compiled(self) -> Iterator[_Bar]:
        for number, ground in enumerate(self.grounds):
            pick = np.full(CODES, number, np.int64)
            if ground.exempted is not None and ground.exempted.disposition is Disposition.PAY:
                exempt = ground.exempt_encounters
                for encounter in self.pack.exempt_encounters if exempt is None else exempt:
                    pick[ENCOUNTER_CODE[encounter]] = -1
            yield _Bar(all_of(tuple(tests_of(ground.when, self.pack))), pick)


def _review(reason: Reason) -> Outcome:
    """What no text settles goes to a person, who says also who bears it."""
    return Outcome(disposition=Disposition.REVIEW, reason=reason, cost_bearer=CostBearer.UNDETERMINED)
