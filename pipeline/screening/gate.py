"""One batch through the gate: decode, gather, decide, encode. No Kafka here; the worker carries the result.

Stream, demo and tests call the same `Gate.judge`.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.screening.tally import Tally, tally, tally_few
from rules.packs.pack_set import PackSet
from rules.packs.warnings import past_transition
from rules.screens.facts import ClaimColumns, Mask
from rules.screens.index import StandingIndex
from rules.screens.rows import LAST_DAY, day_number
from rules.screens.verdict import Decided, Screen
from rules.vocabulary import Reason
from topics.claims.codec import ClaimError, FewClaims, decode_claims, decode_few
from topics.messages.verdicts import VerdictRegister
from topics.verdicts.codec import CaseFacts, VerdictCodec, facts_of, facts_of_few

FEW = 200
"""Claims up to which a batch is decoded and encoded one by one. A frame costs milliseconds whatever its size; see
`benchmarks/results/batch.md` for where the two meet. The decision between is the same for both."""

RESTS_ON_ABSENCE = frozenset({Reason.PHYSICIAN_UNREGISTERED, Reason.SITE_NOT_DECLARED})
"""Grounds that say that the register has no entry: given only by a register that is complete until the claim came."""

Places = Sequence[int] | npt.NDArray[np.int32] | npt.NDArray[np.int64]
"""A number for each record of a batch."""

Record = dict[str, Any]
"""A record in the form that the producer takes: key, value and, for dead letters, headers."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that is not a claim: its position in the batch and what is wrong with it."""

    row: int
    error: ClaimError


@dataclass(frozen=True, slots=True)
class Ruled:
    """A batch that is decided but not yet written out: all that the register had to say is in here.

    `institutions` are the revisions of the institutions' standings, of every claim (negative: none was known).
    """

    claims: pl.DataFrame | FewClaims
    decided: Decided
    flagged: list[int]
    evidence: list[tuple[str, ...]]
    dead_letters: list[DeadLetter]
    institutions: list[int]
    register: VerdictRegister | None = None
    past_transition: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a batch came to. Every row of the batch is either one verdict or one dead letter.

    `verdicts` and `cases` are records {"key", "value"} as they go on the wire; `tally` is what the batch adds to the figures,
    `past_transition` how many services after the national transition a pack that outlived it has judged (S4),
    `unknown_people` how many of the people named on lines the register does not know (P4).
    """

    verdicts: list[Record]
    cases: list[Record]
    dead_letters: list[DeadLetter]
    tally: Tally
    past_transition: dict[str, int]
    unknown_people: int = 0

    @property
    def dead_by_kind(self) -> Counter[str]:
        """Dead letters by kind of error."""
        return Counter(letter.error.kind for letter in self.dead_letters)


@dataclass(frozen=True, slots=True)
class Documents:
    """The verdicts of a batch as JSON text, in the order of its claims: `rows` are the records that they are about, `keys` their
    keys. `facts` tells what names and explains the cases of claims at some places, `tally` the figures of all."""

    rows: list[int]
    keys: list[str]
    texts: list[str]
    facts: Callable[[Iterable[int]], Iterable[CaseFacts]]
    tally: Callable[[], Tally]


class Gate:
    """The law and the register of one process, ready to judge batches."""

    def __init__(self, packs: PackSet, index: StandingIndex | None = None, *, few: int = FEW) -> None:
        """`few`: the largest batch that is not made a frame of; 0 makes one of every batch."""
        self._few = few
        self.index = StandingIndex() if index is None else index
        self.screen = Screen(packs)
        self.codec = VerdictCodec(self.screen)
        outlived = past_transition(packs.packs)
        self._transition = np.array(
            [day_number(outlived[pack.name]) if pack.name in outlived else LAST_DAY for pack in packs.packs], np.int32
        )
        self._absence = np.array([ruling.ground in RESTS_ON_ABSENCE for ruling in self.screen.rulings], np.bool_)

    def beside(self, index: StandingIndex | None = None) -> Gate:
        """A gate with a register of its own under the same packs; what was compiled of them is shared."""
        other = copy.copy(self)
        other.index = StandingIndex() if index is None else index
        return other

    def judge(
        self,
        values: Sequence[bytes | None],
        *,
        topic: str,
        partitions: Places,
        offsets: Places,
        screened_at: str,
        stale: bool = False,
        register: VerdictRegister | None = None,
    ) -> Judged:
        """Judges a batch of record values, whose places in the input are given. `screened_at` is an RFC 3339 time."""
        ruled = self.rule(values, stale=stale, register=register)
        return self.write(ruled, topic=topic, partitions=partitions, offsets=offsets, screened_at=screened_at)

    def rule(
        self, values: Sequence[bytes | None], *, stale: bool = False, register: VerdictRegister | None = None
    ) -> Ruled:
        """Decodes a batch, gathers what the register says, and decides. `register` is the state that verdicts will name."""
        claims: pl.DataFrame | FewClaims
        if len(values) <= self._few:
            claims = few = decode_few(values)
            errors, columns = few.errors, few.for_decision(self.screen.packs)
        else:
            decoded = decode_claims(values)
            claims, errors = decoded.claims, decoded.errors
            columns = self.screen.columns(claims, self.index)
        decided = self.screen.rule(columns, self.index, stale=stale)
        flagged = self.codec.flagged(decided)
        spans, institution_spans = decided.span[flagged].tolist(), decided.institution_span[flagged].tolist()
        return Ruled(
            claims=claims,
            decided=decided,
            flagged=flagged.tolist(),
            evidence=[
                self._evidence(decided, row, *both)
                for row, *both in zip(flagged.tolist(), spans, institution_spans, strict=True)
            ],
            dead_letters=[DeadLetter(row, error) for row, error in errors],
            institutions=self.index.institution_revisions(decided.institution_span).tolist(),
            register=register,
            past_transition=self._past_transition(columns),
        )

    def set_aside(self, error: ClaimError) -> Ruled:
        """A batch of one record that becomes a dead letter, whatever it says."""
        return replace(self.rule([]), dead_letters=[DeadLetter(0, error)])

    def _evidence(self, decided: Decided, row: int, span: int, institution_span: int) -> tuple[str, ...]:
        """The events behind a decision: those of the claim's person and institution, then those of the others
        whom it names, and of its insured person or department where their law has a say."""
        own = self.index.causes(span, institution_span)
        people, beside = decided.people.get(row), decided.causes.get(row, ())
        if people is None and not beside:
            return own
        others = () if people is None else (cause for one in people.spans for cause in self.index.causes(one, -1))
        return tuple(dict.fromkeys([*own, *others, *beside]))

    def _past_transition(self, claims: ClaimColumns) -> dict[str, int]:
        late = claims.day > self._transition[claims.pack]
        if not late.any():
            return {}
        counts = np.bincount(claims.pack[late]).tolist()
        return {self.screen.packs.packs[number].name: count for number, count in enumerate(counts) if count}

    def verdicts(self, ruled: Ruled) -> pl.DataFrame:
        """The verdicts of a batch as the columns of the wire, without source and time."""
        claims = ruled.claims.frame() if isinstance(ruled.claims, FewClaims) else ruled.claims
        return self.codec.verdicts(claims, ruled.decided.frame())

    def rests_on_absence(self, ruled: Ruled) -> bool:
        """Whether any of these rulings would be another one if the register only lacked an entry."""
        return bool(self.absent(ruled.decided).any())

    def absent(self, decided: Decided) -> Mask:
        """Which of these rulings would be another one if the register only lacked an entry."""
        answer: Mask = self._absence[decided.ruling]
        return answer

    def documents(
        self,
        ruled: Ruled,
        *,
        topic: str,
        partitions: Places,
        offsets: Places,
        screened_at: str,
        topic_id: str | None = None,
    ) -> Documents:
        """The verdicts of a batch as JSON text. `partitions` and `offsets` are the places of its records."""
        claims, decided = ruled.claims, ruled.decided
        if isinstance(claims, FewClaims):
            rows = [claim.row for claim in claims.rows]
            texts = self.codec.few_documents(
                claims,
                decided,
                topic,
                [int(partitions[row]) for row in rows],
                [int(offsets[row]) for row in rows],
                screened_at,
                ruled.register,
                ruled.institutions,
                topic_id,
            )
            keys = [claim.claim_id for claim in claims.rows]
            figures = partial(tally_few, claims, decided, self.screen.rulings)
            return Documents(rows, keys, texts, partial(facts_of_few, claims, decided), figures)
        verdicts = self.verdicts(ruled)
        texts = self.codec.documents(
            verdicts,
            decided.ruling,
            topic,
            pl.Series(partitions, dtype=pl.Int32).gather(claims["row"]),
            pl.Series(offsets, dtype=pl.Int64).gather(claims["row"]),
            screened_at,
            ruled.register,
            ruled.institutions,
            topic_id,
            decided.rests,
        )
        return Documents(
            claims["row"].to_list(),
            claims["claim_id"].to_list(),
            texts,
            lambda places: facts_of(verdicts[list(places)]),
            partial(tally, verdicts),
        )

    def write(
        self,
        ruled: Ruled,
        *,
        topic: str,
        partitions: Places,
        offsets: Places,
        screened_at: str,
        topic_id: str | None = None,
    ) -> Judged:
        """Writes verdicts and cases out. Reads nothing that may change, so it may run while the next batch is ruled on."""
        decided, flagged = ruled.decided, ruled.flagged
        made = self.documents(
            ruled, topic=topic, partitions=partitions, offsets=offsets, screened_at=screened_at, topic_id=topic_id
        )
        cases = self.codec.cases(
            made.facts(flagged),
            decided.ruling[flagged].tolist(),
            [made.texts[row] for row in flagged],
            ruled.evidence,
            opened_at=screened_at,
            people=[decided.people[row].text if row in decided.people else None for row in flagged],
        )
        return Judged(
            verdicts=[{"key": key, "value": value} for key, value in zip(made.keys, made.texts, strict=True)],
            cases=cases,
            dead_letters=ruled.dead_letters,
            tally=made.tally(),
            past_transition=ruled.past_transition,
            unknown_people=decided.unknown_people,
        )
