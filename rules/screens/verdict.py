"""The decision: claims in, one ruling a claim out.

This is the only definition. The gate, replay, conformance and explanations all call `Screen.rule`, a frame of a hundred thousand
claims and one claim alone through the same arrays; `Screen.decide` is the same for frames. The file is long because the order
in which one ground goes before another is law, and can be read here from top to bottom.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, product

import numpy as np
import polars as pl

from rules.packs.pack import Pack
from rules.packs.pack_set import PackSet
from rules.schemes.registry import scheme_of
from rules.screens.beside import STRICTNESS, Beside, RestsOn
from rules.screens.changes import Part, stays_over_a_change
from rules.screens.conditions import Seen
from rules.screens.everywhere import Statuses, person_everywhere
from rules.screens.facts import ENCOUNTER_CODE, STANDING, Bytes, ClaimColumns, Facts, Longs, Numbers
from rules.screens.index import StandingIndex
from rules.screens.people import NAMED_REASONS, People, asked_of, look_up
from rules.screens.ragged import Ints
from rules.screens.rows import INSTITUTION_UNREADABLE, NO_STANDING, NO_WINDOW, STANDING_CODE, UNREADABLE
from rules.screens.table import (
    REGISTER_FRESH,
    REGISTER_STALE,
    REGISTER_UNREADABLE,
    BarTable,
    DecisionTable,
    Ruling,
    cited,
)
from rules.vocabulary import CostBearer, Disposition, EncounterType, Reason, Standing, Subject

_AS_RULED = 255
"""Of a ruling whose ground says nothing of the standing: the register's own is shown."""

_GROUND_SHOWS = {
    Reason.RULE_NOT_IN_FORCE: Standing.NOT_APPLICABLE,
    Reason.IMPLAUSIBLE: Standing.NOT_APPLICABLE,
    Reason.ENCOUNTER_UNKNOWN: Standing.NOT_APPLICABLE,
    Reason.STANDING_STALE: Standing.NOT_APPLICABLE,
    Reason.STANDING_UNREADABLE: Standing.NOT_APPLICABLE,
    Reason.OPTED_OUT: Standing.OPTED_OUT,
}
"""Grounds that are a standing of their own, or that leave none to be shown."""

_STRADDLES = (Reason.STRADDLES_PENALTY, Reason.STRADDLES_ABNORMAL)
"""Grounds that show the window that a stay touches in place of the one of its last day."""

_ABOVE_A_CHANGE = (Reason.IMPLAUSIBLE, Reason.ENCOUNTER_UNKNOWN)
"""What a claim says that cannot be so goes before the two laws that its days lie under."""

_WITHOUT_WINDOW = (Standing.NOT_APPLICABLE, Standing.UNREGISTERED, Standing.OPTED_OUT)
"""Determination Q12."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided on every claim of a batch, in its order.

    `ruling` is a position in `Screen.rulings`, `standing` one in `rules.screens.facts.STANDINGS`; `window_*` days since
    1970-01-01 (NO_WINDOW: no window; FIRST_DAY or LAST_DAY: open); `revision` that of the physician's standing (negative:
    nothing known); `span` and `institution_span` are for `StandingIndex.causes`. `people` are the barred whom a claim names, by
    its place, where they make it a review (P4 to P6); `unknown_people` counts the named of whom the register knows nothing.
    `causes` are the events behind what another subject's law says of a claim, by its place (S1): where that law decides,
    `window_*` is the suspension of the insured person or the department, and `standing` the physician's as ever. `rests` are the
    revisions of their standings, by the place of a claim of whom anything is recorded.
    """

    ruling: Numbers
    standing: Bytes
    window_start: Ints
    window_end: Ints
    revision: Longs
    span: Ints
    institution_span: Ints
    people: Mapping[int, People] = field(default_factory=dict)
    unknown_people: int = 0
    causes: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    rests: Mapping[int, RestsOn] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many claims were decided."""
        return len(self.ruling)

    def frame(self) -> pl.DataFrame:
        """The same as columns: standing as Enum, and null for no window and for nothing known. `people` are the mentions of the
        barred as JSON, `people_spans` the spans behind them with commas between; null for nearly every claim. `causes` are
        lists of event ids, null likewise."""
        columns = {name: getattr(self, name) for name in _TYPES}
        return pl.DataFrame(columns, schema=_TYPES).with_columns(*_READABLE, *self._people(), self._causes())

    def _causes(self) -> pl.Series | pl.Expr:
        kind = pl.List(pl.String)
        if not self.causes:
            return pl.lit(None, kind).alias("causes")
        return pl.Series("causes", [self.causes.get(row) for row in range(len(self))], kind)

    def _people(self) -> Iterator[pl.Series | pl.Expr]:
        names = ("people", "people_spans")
        if not self.people:
            yield from (pl.lit(None, pl.String).alias(name) for name in names)
            return
        told = {row: (one.text, ",".join(map(str, one.spans))) for row, one in self.people.items()}
        for place, name in enumerate(names):
            yield pl.Series(name, [told[row][place] if row in told else None for row in range(len(self))], pl.String)


_TYPES: dict[str, type[pl.DataType]] = {
    "ruling": pl.UInt16,
    "standing": pl.UInt8,
    "window_start": pl.Int32,
    "window_end": pl.Int32,
    "revision": pl.Int64,
    "span": pl.Int32,
    "institution_span": pl.Int32,
}
_READABLE = (
    pl.col("standing").cat.to(STANDING),
    *(pl.when(pl.col(name) != NO_WINDOW).then(pl.col(name)).alias(name) for name in ("window_start", "window_end")),
    pl.when(pl.col("revision") >= 0).then(pl.col("revision")).alias("revision"),
)


_CHEAPER_WHOLE = 256
"""Claims up to which picking out those of one pack costs more than asking its table about all (measured)."""


class Screen:
    """The packs of a process, compiled. `rulings` holds every pack's outcome tables, one after the other."""

    def __init__(self, packs: PackSet) -> None:
        self.packs = packs
        self.rulings: list[Ruling] = []
        self._tables: list[DecisionTable] = []
        for pack in packs.packs:
            table = DecisionTable(pack, len(self.rulings))
            self._tables.append(table)
            self.rulings.extend(table.rulings)
        self._carried: dict[tuple[int, str], DecisionTable] = {}
        self._straddles_law: dict[tuple[int, int], int] = {}
        for here, earlier in _following_each_other(packs):
            self._compile_change(packs.packs[here], packs.packs[earlier], (here, earlier))
        self._person_wide = np.array(
            [pack.ledger is not None and scheme_of(pack.ledger).person_wide for pack in packs.packs], np.bool_
        )
        self._beside: dict[tuple[int, int], DecisionTable] = {}
        self._both: dict[tuple[int, int], int] = {}
        for local, wide in product(np.flatnonzero(~self._person_wide), np.flatnonzero(self._person_wide)):
            self._compile_beside(int(local), int(wide))
        self._softened = self._compile_origins()
        self._bars = [BarTable(pack) for pack in packs.packs]
        self._named = dict(self._compile_named())
        self._subjects = Beside(packs, self.rulings) if packs.subjects else None
        self._disposition = np.array([tuple(Disposition).index(item.disposition) for item in self.rulings], np.uint8)
        self._pays = np.array(
            [
                ruling.disposition is Disposition.PAY and ruling.ground is not Reason.RULE_NOT_IN_FORCE
                for ruling in self.rulings
            ],
            np.bool_,
        )
        self._shows = np.array(
            [
                STANDING_CODE[_GROUND_SHOWS[ruling.ground]] if ruling.ground in _GROUND_SHOWS else _AS_RULED
                for ruling in self.rulings
            ],
            np.uint8,
        )
        self._straddling = np.array([ruling.ground in _STRADDLES for ruling in self.rulings], np.bool_)
        self._asks_institution = np.array([table.asks_institution for table in self._tables], np.bool_)
        self._unknown = np.array(
            [
                STANDING_CODE[Standing.UNREGISTERED if table.pack.registration_required else Standing.NORMAL]
                for table in self._tables
            ],
            np.uint8,
        )
        self._hides_window = np.zeros(256, np.bool_)
        self._hides_window[[STANDING_CODE[standing] for standing in _WITHOUT_WINDOW]] = True

    def _compile_change(self, here: Pack, earlier: Pack, numbers: tuple[int, int]) -> None:
        """What a change from an earlier law can lead to under the pack that governs."""
        table = DecisionTable(here, len(self.rulings), earlier)
        self._carried[numbers[0], earlier.name] = table
        self.rulings.extend(table.rulings)
        self._straddles_law[numbers] = len(self.rulings)
        self.rulings.append(
            Ruling(
                pack=here,
                ground=Reason.STRADDLES_LAW,
                disposition=Disposition.REVIEW,
                reason=Reason.STRADDLES_LAW,
                exempted_ground=None,
                cost_bearer=CostBearer.UNDETERMINED,
                citations=tuple(
                    article
                    for pack in (earlier, here)
                    for article in cited(pack, (pack.in_force.citation,) if pack.in_force.citation else ())
                ),
                beside=earlier,
            )
        )

    def _compile_beside(self, here: int, wide: int) -> None:
        """What a status that binds everywhere leads to beside a local law: the stricter holds and both are named (P3)."""
        table = DecisionTable(self.packs.packs[here], len(self.rulings), self.packs.packs[wide])
        self._beside[here, wide] = table
        self.rulings.extend(table.rulings)
        own = self._tables[here]
        for (mine, local), (theirs, status) in product(
            enumerate(own.rulings, own.first), enumerate(table.rulings, table.first)
        ):
            if status.basis is None or Disposition.PAY in (local.disposition, status.disposition):
                continue
            stricter = STRICTNESS[status.disposition] > STRICTNESS[local.disposition]
            self._both[mine, theirs] = len(self.rulings)
            self.rulings.append(replace(status, second=local) if stricter else replace(local, second=status))

    def _compile_origins(self) -> dict[int, int]:
        """Of every ruling that is no payment the review that takes its place where the stay began as an emergency (N4)."""
        found: dict[int, int] = {}
        for number, ruling in enumerate(tuple(self.rulings)):
            if ruling.disposition is not Disposition.PAY and ruling.ground not in _ABOVE_A_CHANGE:
                found[number] = len(self.rulings)
                softened = replace(
                    ruling,
                    disposition=Disposition.REVIEW,
                    reason=Reason.EMERGENCY_ORIGIN,
                    cost_bearer=CostBearer.UNDETERMINED,
                )
                self.rulings.append(softened)
        return found

    def _compile_named(self) -> Iterator[tuple[tuple[int, int, int, int], int]]:
        """The review of a claim that names somebody barred: by governing pack, reason, and the pack and number of the bar."""
        for (here, pack), (number, reason), (other, table) in product(
            enumerate(self.packs.packs), enumerate(NAMED_REASONS), enumerate(self._bars)
        ):
            for bar, ground in enumerate(table.grounds):
                yield (here, number, other, bar), len(self.rulings)
                self.rulings.append(
                    Ruling(
                        pack=pack,
                        ground=reason,
                        disposition=Disposition.REVIEW,
                        reason=reason,
                        exempted_ground=None,
                        cost_bearer=CostBearer.UNDETERMINED,
                        citations=ground.citations if other == here else cited(table.pack, ground.citations),
                    )
                )

    def decide(self, claims: pl.DataFrame, index: StandingIndex, *, stale: bool = False) -> pl.DataFrame:
        """Rules on every claim of a frame (columns of CLAIM_FACTS), in its order; answers the columns of `Decided.frame`."""
        return self.rule(self.columns(claims, index), index, stale=stale).frame()

    def columns(self, claims: pl.DataFrame, index: StandingIndex) -> ClaimColumns:
        """A frame as the decision reads it; insured persons are gathered only where the index knows anything of some."""
        asked = self._subjects is not None and Subject.INSURED in index.beside
        return ClaimColumns.of_frame(claims, self.packs, insured=asked)

    def rule(self, claims: ClaimColumns, index: StandingIndex, *, stale: bool = False) -> Decided:
        """Rules on every claim, in their order.

        `stale` says that the register is too old to judge by; what would have asked it goes to review.
        """
        found = self._of_physicians(claims, index, stale=stale)
        if self._subjects is None or not (stale or index.beside):
            return found
        settled = self._subjects.settle(claims, found.ruling, index, stale=stale)
        for row, window in settled.windows.items():
            found.window_start[row], found.window_end[row] = window
        return replace(found, ruling=settled.ruling, causes=settled.causes, rests=settled.rests)

    def _of_physicians(self, claims: ClaimColumns, index: StandingIndex, *, stale: bool) -> Decided:
        """What the physicians' packs say."""
        changes = stays_over_a_change(claims, self.packs)
        if changes:
            # Of such a stay each law judges its own part; the last one is that of the service day (S2).
            starts = claims.start_day.copy()
            for row, parts in changes.items():
                starts[row] = parts[-1].first
            claims = replace(claims, start_day=starts)
        facts, statuses = person_everywhere(claims, index.look_up(claims), index, self.packs, self._person_wide)
        before = self._rulings(self._seen(claims, facts, stale=stale), index)
        settled = self._settle_contested(claims, facts, before, index, stale=stale)
        if changes:
            settled = self._settle_changes(claims, changes, settled, index, stale=stale)
        if statuses is not None:
            facts, settled, before = self._beside_local(claims, facts, statuses, settled, before, stale=stale)
        if claims.emergency_origin is not None:
            settled = self._settle_origins(claims, settled, index, stale=stale)
        settled, people, unknown = self._settle_named(claims, settled, index, stale=stale)
        return replace(self._described(claims, facts, settled, before), people=people, unknown_people=unknown)

    def _settle_named(
        self, claims: ClaimColumns, ruling: Numbers, index: StandingIndex, *, stale: bool
    ) -> tuple[Numbers, dict[int, People], int]:
        """P4 to P6: a claim that would be paid is a review where somebody else whom it names was barred."""
        paid = self._pays[ruling]
        asked = asked_of(claims, index, paid)
        if not asked:
            return ruling, {}, 0
        found = look_up(asked, claims, index, self.packs, self._person_wide, self._bars, stale=stale)
        settled = ruling.copy()
        people: dict[int, People] = {}
        for row, by_reason in found.barred.items():
            reason = min(by_reason)
            first = by_reason[reason][0]
            settled[row] = self._named[int(claims.pack[row]), reason, first.pack, first.bar]
            people[row] = People.of(by_reason[reason])
        for row, state in found.unanswered.items():
            settled[row] = self._tables[claims.pack[row]].unanswered[state]
            people.pop(row, None)
        return settled, people, found.unknown

    def _settle_origins(self, claims: ClaimColumns, ruling: Numbers, index: StandingIndex, *, stale: bool) -> Numbers:
        """N4: a stay that began as an emergency is a review where an emergency would get another answer."""
        rows = np.flatnonzero((claims.encounter == ENCOUNTER_CODE[EncounterType.INPATIENT]) & claims.emergency_origin)
        urgent = np.full(len(rows), ENCOUNTER_CODE[EncounterType.EMERGENCY], np.uint8)
        others = self._of_physicians(
            replace(claims.take(rows), encounter=urgent, emergency_origin=None), index, stale=stale
        )
        settled = ruling.copy()
        for row, other in zip(rows.tolist(), others.ruling.tolist(), strict=True):
            mine, theirs = self.rulings[ruling[row]], self.rulings[other]
            if (mine.disposition, mine.reason) != (theirs.disposition, theirs.reason):
                settled[row] = self._softened.get(int(ruling[row]), int(ruling[row]))
        return settled

    def _beside_local(
        self, claims: ClaimColumns, facts: Facts, statuses: Statuses, ruling: Numbers, before: Numbers, *, stale: bool
    ) -> tuple[Facts, Numbers, Numbers]:
        """P3 under a local law: a status recorded elsewhere binds beside it; the stricter disposition decides."""
        settled, before = ruling.copy(), before.copy()
        governed: list[int] = []
        for place, (row, wide) in enumerate(zip(statuses.rows.tolist(), statuses.packs.tolist(), strict=True)):
            one = np.array([place], np.intp)
            table = self._beside[int(claims.pack[row]), wide]
            seen = self._seen(claims.take(statuses.rows[one]), statuses.facts.take(one), stale=stale)
            theirs, mine = int(table.rule(seen)[0]), int(ruling[row])
            if self.rulings[theirs].basis is None:
                continue
            # Where the dispositions are equal the local one decides; a payment has no ground to be named.
            if STRICTNESS[self.rulings[theirs].disposition] > STRICTNESS[self.rulings[mine].disposition]:
                settled[row] = before[row] = self._both.get((mine, theirs), theirs)
                governed.append(place)
            else:
                settled[row] = self._both.get((mine, theirs), mine)
        return statuses.over(facts, governed), settled, before

    def _settle_changes(
        self,
        claims: ClaimColumns,
        changes: Mapping[int, Sequence[Part]],
        ruling: Numbers,
        index: StandingIndex,
        *,
        stale: bool,
    ) -> Numbers:
        """S2: where a law judges its part of a stay otherwise than that of the service day, the claim is a review."""
        earlier = [(row, part) for row, parts in changes.items() for part in parts[:-1]]
        if not earlier:
            return ruling
        own = replace(
            claims.take(np.array([row for row, _ in earlier], np.intp)),
            pack=np.array([part.pack for _, part in earlier], np.uint16),
            day=np.array([part.last for _, part in earlier], np.int32),
            start_day=np.array([part.first for _, part in earlier], np.int32),
        )
        facts = index.look_up(own)
        without = self._rulings(self._seen(own, facts, stale=stale), index)
        theirs = self._settle_contested(own, facts, without, index, stale=stale)
        settled = ruling.copy()
        for (row, part), other in zip(earlier, theirs.tolist(), strict=True):
            if self.rulings[ruling[row]].ground in _ABOVE_A_CHANGE:
                continue
            if self._disposition[other] != self._disposition[ruling[row]]:
                settled[row] = self._straddles_law[int(claims.pack[row]), part.pack]
        return settled

    def _seen(self, claims: ClaimColumns, facts: Facts, *, stale: bool) -> Seen:
        unreadable = (facts.flags & UNREADABLE) != 0
        unreadable |= (facts.institution == INSTITUTION_UNREADABLE) & self._asks_institution[claims.pack]
        register = np.full(len(claims), REGISTER_STALE if stale else REGISTER_FRESH, np.uint8)
        register[unreadable] = REGISTER_UNREADABLE
        return Seen(claims, facts, register)

    def _rulings(self, seen: Seen, index: StandingIndex) -> Numbers:
        """Ruling of every claim, each under the pack that governs it."""
        answer = self._by_pack(seen)
        carried = seen.facts.carried
        if not carried.any():
            return answer
        for pack, number in sorted(set(zip(seen.claims.pack.tolist(), carried.tolist(), strict=True))):
            if number:
                rows = np.flatnonzero((seen.claims.pack == pack) & (carried == number))
                answer[rows] = self._carried_over(seen.take(rows), pack, index.earlier_pack(number))
        return answer

    def _carried_over(self, seen: Seen, pack: int, earlier: str) -> Numbers:
        """Rulings of claims on which what an earlier law decided binds. A pack that is not here cannot be asked: review."""
        table = self._carried.get((pack, earlier))
        if table is not None:
            return table.rule(seen)
        return self._tables[pack].rule(replace(seen, register=np.full_like(seen.register, REGISTER_UNREADABLE)))

    def _by_pack(self, seen: Seen) -> Numbers:
        packs = seen.claims.pack
        if not len(packs):
            return np.empty(0, np.uint16)
        if (packs == packs[0]).all():
            return self._tables[int(packs[0])].rule(seen)
        answer = np.zeros(len(packs), np.uint16)
        for number in np.flatnonzero(np.bincount(packs)).tolist():
            own = packs == number
            if len(packs) <= _CHEAPER_WHOLE:
                np.copyto(answer, self._tables[number].rule(seen), where=own)
            else:
                rows = np.flatnonzero(own)
                answer[rows] = self._tables[number].rule(seen.take(rows))
        return answer

    def _settle_contested(
        self, claims: ClaimColumns, facts: Facts, ruling: Numbers, index: StandingIndex, *, stale: bool
    ) -> Numbers:
        """Determination Q2: judge once more with late upholdings honoured; where the dispositions differ, review.

        The rulings before that still say what the other fields are.
        """
        at = np.flatnonzero(facts.contested)
        if not len(at):
            return ruling
        again = claims.take(at)
        second = self._rulings(self._seen(again, index.look_up(again, contested=True), stale=stale), index)
        settled = ruling.copy()
        for row, with_upholding in zip(at.tolist(), second.tolist(), strict=True):
            without = int(ruling[row])
            table = self._tables[claims.pack[row]]
            if table.contested is None or without in table.keeps:
                continue
            if self._disposition[without] != self._disposition[with_upholding]:
                settled[row] = table.contested
        return settled

    def _described(self, claims: ClaimColumns, facts: Facts, ruling: Numbers, before: Numbers) -> Decided:
        """Standing and window as the spec's section 3 has them."""
        shown = self._shows[before]
        held = np.where(facts.standing == NO_STANDING, self._unknown[claims.pack], facts.standing)
        standing = np.where(shown == _AS_RULED, held, shown)
        standing[claims.missing] = STANDING_CODE[Standing.NOT_APPLICABLE]
        straddling = self._straddling[before]
        hidden = self._hides_window[standing]
        start = np.where(straddling, facts.touched_start, facts.window_start)
        end = np.where(straddling, facts.touched_end, facts.window_end)
        start[hidden] = NO_WINDOW
        end[hidden] = NO_WINDOW
        return Decided(ruling, standing, start, end, facts.revision, facts.span, facts.institution_span)


def _following_each_other(packs: PackSet) -> Iterator[tuple[int, int]]:
    """A later and an earlier pack of one region, as positions, for every pair there is."""
    seen: set[tuple[int, int]] = set()
    for law in packs.laws:
        for earlier, later in combinations([packs.number_of(segment.pack) for segment in law.segments], 2):
            if earlier != later and (later, earlier) not in seen:
                seen.add((later, earlier))
                yield later, earlier
