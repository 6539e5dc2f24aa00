"""One batch through the gate: decode, gather, decide, encode. No Kafka here; the worker carries the result.

Stream, demo and tests call the same `Gate.judge`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from rules.packs.pack import PackSet
from rules.screens.index import StandingIndex
from rules.screens.verdict import Screen
from rules.vocabulary import Reason
from topics.claims.codec import ClaimError, decode_claims
from topics.messages import VerdictRegister
from topics.verdicts.codec import VerdictCodec, to_documents

NATIONAL_CODE = r"^D[0-9]{12}$"
"""The national form of a physician code (国家医保医师代码)."""

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
    """A batch that is decided but not yet written out: all that the register had to say is in here."""

    claims: pl.DataFrame
    decided: pl.DataFrame
    flagged: pl.Series
    evidence: list[tuple[str, ...]]
    dead_letters: list[DeadLetter]
    register: VerdictRegister | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What a batch came to. Every row of the batch is either one verdict or one dead letter.

    `verdicts` and `cases` are records {"key", "value"} as they go on the wire; `tally` counts claims and sums their fund share by
    region, disposition and reason (columns region, disposition, reason, exempted_ground, claims, charged, reversed).
    `institutions` counts claims and those paid by an exemption by institution (columns institution_code, claims, exempted).
    `code_forms` counts physician codes by form: a data-quality figure, never a ground.
    """

    verdicts: list[Record]
    cases: list[Record]
    dead_letters: list[DeadLetter]
    tally: pl.DataFrame
    institutions: pl.DataFrame
    code_forms: dict[str, int]

    @property
    def dead_by_kind(self) -> Counter[str]:
        """Dead letters by kind of error."""
        return Counter(letter.error.kind for letter in self.dead_letters)


class Gate:
    """The law and the register of one process, ready to judge batches."""

    def __init__(self, packs: PackSet, index: StandingIndex | None = None) -> None:
        self.index = StandingIndex() if index is None else index
        self.screen = Screen(packs)
        self._codec = VerdictCodec(self.screen)
        self._absence = np.array([ruling.ground in RESTS_ON_ABSENCE for ruling in self.screen.rulings], np.bool_)

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
        decoded = decode_claims(values)
        claims = decoded.claims
        decided = self.screen.decide(claims, self.index, stale=stale)
        flagged = self._codec.flagged(decided).arg_true()
        return Ruled(
            claims=claims,
            decided=decided,
            flagged=flagged,
            evidence=[
                self.index.causes(span, institution_span)
                for span, institution_span in decided[flagged].select("span", "institution_span").iter_rows()
            ],
            dead_letters=[DeadLetter(row, error) for row, error in decoded.errors],
            register=register,
        )

    def verdicts(self, ruled: Ruled) -> pl.DataFrame:
        """The verdicts of a batch as the columns of the wire, without source and time."""
        return self._codec.verdicts(ruled.claims, ruled.decided)

    def rests_on_absence(self, ruled: Ruled) -> bool:
        """Whether any of these rulings would be another one if the register only lacked an entry."""
        return bool(self._absence[ruled.decided["ruling"].to_numpy()].any())

    def write(self, ruled: Ruled, *, topic: str, partitions: Places, offsets: Places, screened_at: str) -> Judged:
        """Writes verdicts and cases out. Reads nothing that may change, so it may run while the next batch is ruled on."""
        claims, decided, flagged = ruled.claims, ruled.decided, ruled.flagged
        verdicts = self.verdicts(ruled)
        rows = claims["row"]
        documents = to_documents(
            verdicts,
            topic,
            pl.Series(partitions, dtype=pl.Int32).gather(rows),
            pl.Series(offsets, dtype=pl.Int64).gather(rows),
            screened_at,
            ruled.register,
        )
        cases = self._codec.cases(
            verdicts[flagged],
            decided["ruling"][flagged],
            [documents[row] for row in flagged.to_list()],
            ruled.evidence,
            opened_at=screened_at,
        )
        keys = claims["claim_id"].to_list()
        return Judged(
            verdicts=[{"key": key, "value": value} for key, value in zip(keys, documents, strict=True)],
            cases=cases,
            dead_letters=ruled.dead_letters,
            tally=_tally(verdicts),
            institutions=_institutions(verdicts),
            code_forms=_code_forms(claims),
        )


def _tally(verdicts: pl.DataFrame) -> pl.DataFrame:
    amount = pl.col("fund_amount").cast(pl.Float64)
    return verdicts.group_by("region", "disposition", "reason", "exempted_ground").agg(
        pl.len().alias("claims"),
        amount.clip(lower_bound=0).sum().alias("charged"),
        (-amount.clip(upper_bound=0)).sum().alias("reversed"),
    )


def _institutions(verdicts: pl.DataFrame) -> pl.DataFrame:
    return verdicts.group_by("institution_code").agg(
        pl.len().alias("claims"), pl.col("exempted_ground").is_not_null().sum().alias("exempted")
    )


def _code_forms(claims: pl.DataFrame) -> dict[str, int]:
    present = claims["physician_code"].drop_nulls()
    national = int(present.str.contains(NATIONAL_CODE).sum())
    return {"national": national, "other": len(present) - national}
