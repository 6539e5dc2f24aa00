"""Claims of the archive judged again: which of them may have another answer now, and the revisions of those that have.

The archive is gone through partition by partition, so that memory does not grow with it. Only claims of people or institutions
whose standing has another revision than their last answer are judged, and those whose answer may rest on more than that.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from pipeline.archive.layout import CLAIM_TABLE, JOINED_ON, VERDICT_TABLE
from pipeline.kafka.producing import Record
from pipeline.reconcile.cases import Revised
from pipeline.reconcile.chain import LAST
from pipeline.reconcile.difference import ANSWER, kind_of, moved
from pipeline.reconcile.register import Revisions
from pipeline.screening.gate import Gate, Ruled
from rules.screens.people import mentions
from rules.vocabulary import CostBearer, Disposition, Reason
from rules.wording.explanation import explain
from topics.catalogue import CLAIMS
from topics.claims.codec import FewClaims
from topics.events.acceptance import OwnerKind
from topics.fields import utc_text
from topics.messages.revisions import Answer, ClaimRevision
from topics.messages.verdicts import Source, VerdictRegister
from topics.verdicts.codec import facts_of

_SOURCE = JOINED_ON[1]
_MOST_CAUSES = 100
"""Of more events than that the newest are named."""
_AT_ONCE = 50_000
"""Claims judged together."""

_OPERATIONAL = [Reason.STANDING_STALE.value, Reason.STANDING_UNREADABLE.value]
_TOLD = [name for name in LAST if name not in (*_SOURCE, "number")]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a pass looks at: the claims that the standings of some owners may concern (`owners`, keys of the standing topics), or
    those whose verdicts stand in some files of the archive. By default all."""

    owners: Mapping[OwnerKind, Iterable[str]] | None = None
    files: frozenset[str] | None = None

    @property
    def whole(self) -> bool:
        """Whether it is the whole archive."""
        return self.owners is None and self.files is None

    @property
    def name(self) -> str:
        """As metrics call it."""
        return "whole" if self.whole else "files" if self.owners is None else "owners"

    def __bool__(self) -> bool:
        return self.whole or bool(self.owners or self.files)


WHOLE = Scope()


@dataclass(slots=True)
class Counts:
    """What was looked at: claims with an answer, those of them judged again, and those whose own record could not be (it is not
    archived yet, or is no claim by the contract of this version)."""

    answered: int = 0
    judged: int = 0
    left: int = 0


class Reconciler:
    """One pass over the archive at `place`, by a gate whose register is that of `revisions`. `every` judges every claim, whatever
    has changed: for another law. `register` is what the new answers name as the register's state."""

    def __init__(
        self,
        place: str,
        gate: Gate,
        revisions: Revisions,
        chain: pl.DataFrame,
        *,
        every: bool,
        register: VerdictRegister | None = None,
    ) -> None:
        self._place = place.rstrip("/")
        self._gate, self._chain, self._every, self._register = gate, chain, every, register
        self._people, self._places = revisions.of("physician"), revisions.of("institution")
        self._insured, self._with_departments = revisions.insured(), revisions.with_departments()
        self._beside = [pack.name for pack in gate.screen.packs.subjects]
        self.counts = Counts()

    def revisions(self, now: dt.datetime, scope: Scope = WHOLE) -> Iterator[Revised]:
        """The revisions that follow from the register, partition by partition of the archive. Raises polars' errors."""
        verdicts, every_claim = self._scan(VERDICT_TABLE.folder), self._scan(CLAIM_TABLE.folder)
        direct, named = pl.lit(value=True), None
        if scope.files is not None:
            verdicts = pl.scan_parquet(sorted(scope.files), hive_partitioning=True)
        elif scope.owners is not None:
            direct, naming = _concerned(scope.owners)
            named = every_claim.filter(naming).select("year", "bucket", *JOINED_ON[0]).collect()
            named = named.rename(dict(zip(*JOINED_ON, strict=True)))
        parts = verdicts.filter(direct).select(pl.col("year", "bucket").cast(pl.Int32)).unique().collect()
        if named is not None:
            parts = pl.concat([parts, named.select("year", "bucket")]).unique()
        for year, bucket in parts.sort("year", "bucket").iter_rows():
            here = (pl.col("year") == year) & (pl.col("bucket") == bucket)
            told = verdicts.filter(here)
            answers = self._answers(told.filter(direct))
            if named is not None:
                others = self._answers(told.join(named.lazy(), on=_SOURCE, how="semi", nulls_equal=True))
                answers = pl.concat([answers, others.join(answers, on=_SOURCE, how="anti", nulls_equal=True)])
            self.counts.answered += answers.height
            claims = every_claim.filter(here)
            wanted = answers if self._every else self._doubtful(answers, claims)
            if wanted.height:
                yield from self._of(wanted, claims, now)

    def _scan(self, folder: str) -> pl.LazyFrame:
        return pl.scan_delta(f"{self._place}/{folder}")

    def _answers(self, verdicts: pl.LazyFrame) -> pl.DataFrame:
        """The last answer on every claim record: that of its verdict, or of its last revision."""
        first = verdicts.select(
            *_SOURCE, "area", "physician_code", "institution_code", *_TOLD, pl.lit(0, pl.Int32).alias("number")
        ).collect()
        chain = self._chain.with_columns(pl.lit(value=True).alias("revised"))
        joined = first.join(chain, on=_SOURCE, how="left", suffix="_last", nulls_equal=True)
        last = [pl.when("revised").then(f"{name}_last").otherwise(name).alias(name) for name in (*_TOLD, "number")]
        return joined.with_columns(last).select(first.columns)

    def _doubtful(self, answers: pl.DataFrame, claims: pl.LazyFrame) -> pl.DataFrame:
        """The answers that another register may change.

        A revision tells enough of a code that is recorded in one place, the claim's own area. What is recorded elsewhere may bind
        here, too (P3), and of insured persons and departments few are recorded, so that all their claims are judged.
        """
        further = pl.col("further").is_not_null() | pl.col("insured_id").str.to_uppercase().is_in(self._insured)
        others = claims.filter(further).select(*JOINED_ON[0]).collect()
        others = others.rename(dict(zip(*JOINED_ON, strict=True))).with_columns(pl.lit(value=True).alias("others"))
        joined = (
            answers.join(self._people, left_on="physician_code", right_on="code", how="left")
            .join(self._places, left_on="institution_code", right_on="code", how="left", suffix="_of_place")
            .join(others, on=_SOURCE, how="left", nulls_equal=True)
        )
        return joined.filter(
            _other("", "standing_revision")
            | _other("_of_place", "institution_revision")
            | pl.col("others").fill_null(value=False)
            | pl.col("reason").is_in(_OPERATIONAL)
            | pl.col("rule_pack").is_in(self._beside)
            | pl.col("institution_code").str.to_uppercase().is_in(self._with_departments)
        ).select(answers.columns)

    # -- judging --------------------------------------------------------------------------------------------------

    def _of(self, answers: pl.DataFrame, claims: pl.LazyFrame, now: dt.datetime) -> Iterator[Revised]:
        names = dict(zip(*JOINED_ON, strict=True))
        values = claims.select(*JOINED_ON[0], "value").rename(names).collect()
        found = answers.join(values, on=_SOURCE, how="inner", nulls_equal=True)
        self.counts.left += answers.height - found.height
        for piece in found.iter_slices(_AT_ONCE):
            ruled = self._gate.rule(piece["value"].to_list())
            self.counts.judged += len(ruled.decided.ruling)
            self.counts.left += len(ruled.dead_letters)
            verdicts, last = self._gate.verdicts(ruled), piece[_rows_of(ruled)]
            changed = pl.DataFrame({name: verdicts[name].cast(pl.String).ne_missing(last[name]) for name in ANSWER})
            rows = changed.select(pl.any_horizontal(pl.all())).to_series().arg_true()
            for part in last[rows].partition_by("source_topic_id", maintain_order=True) if rows.len() else ():
                yield from self._made(part, now)

    def _made(self, last: pl.DataFrame, now: dt.datetime) -> Iterator[Revised]:
        """The revisions of claims of which it is known that their answers differ."""
        ruled, at = self._gate.rule(last["value"].to_list(), register=self._register), utc_text(now)
        made = self._gate.write(
            ruled, topic=CLAIMS.name, partitions=last["source_partition"].to_list(),
            offsets=last["source_offset"].to_list(), screened_at=at, topic_id=last["source_topic_id"][0],
        )  # fmt: skip
        cases = dict(zip(ruled.flagged, made.cases, strict=True))
        evidence = dict(zip(ruled.flagged, ruled.evidence, strict=True))
        decided, rulings = ruled.decided, self._gate.screen.rulings
        for place, (verdict, facts, earlier) in enumerate(
            zip(made.verdicts, facts_of(self._gate.verdicts(ruled)), last.iter_rows(named=True), strict=True)
        ):
            new: dict[str, Any] = json.loads(verdict["value"])
            people = decided.people.get(place)
            told = explain(
                rulings[decided.ruling[place]], *facts.told, mentions(None if people is None else people.text)
            )
            spans = int(decided.span[place]), int(decided.institution_span[place])
            revision = _revision(
                earlier, new, facts.area, told, evidence.get(place) or self._gate.index.causes(*spans),
                ruled.institutions[place], at,
            )  # fmt: skip
            yield Revised(revision, _case(cases.get(place), revision.number))


def _other(suffix: str, judged_by: str) -> pl.Expr:
    """Whether a standing may be another one than that of the revision a claim was judged by."""
    nothing = pl.col(f"places{suffix}" if suffix else "places").is_null()
    here = (pl.col(f"places{suffix}") == 1) & (pl.col(f"region{suffix}") == pl.col("area"))
    same = pl.col(f"now{suffix}").eq_missing(pl.col(judged_by))
    return ~pl.when(nothing).then(pl.col(judged_by).is_null()).otherwise(here & same)


def _concerned(owners: Mapping[OwnerKind, Iterable[str]]) -> tuple[pl.Expr, pl.Expr]:
    """Which verdicts the standings of some owners may concern by the codes that they tell, and which claims by what only they
    tell."""
    codes = {kind: sorted({name.split("|", 1)[1] for name in names}) for kind, names in owners.items()}
    people, places = codes.get("physician", []), codes.get("institution", [])
    insured = [code.upper() for code in codes.get("insured", [])]
    with_departments = sorted({code.partition("|")[0].upper() for code in codes.get("department", [])})
    direct = pl.col("physician_code").is_in(people) | pl.col("institution_code").is_in(places)
    direct |= pl.col("institution_code").str.to_uppercase().is_in(with_departments)
    naming = pl.col("insured_id").str.to_uppercase().is_in(insured)
    if all(code.isascii() for code in people):
        naming |= pl.col("further").str.contains_any(people, ascii_case_insensitive=True)
    else:
        naming |= pl.col("further").is_not_null()  # in JSON a character of Chinese may be written in two ways
    return direct, naming


def _rows_of(ruled: Ruled) -> list[int]:
    """The places of the claims among the records that were judged."""
    claims = ruled.claims
    return [claim.row for claim in claims.rows] if isinstance(claims, FewClaims) else claims["row"].to_list()


def _revision(
    earlier: dict[str, Any],
    new: dict[str, Any],
    area: str,
    explanation: dict[str, str],
    causes: Sequence[str],
    institution_revision: int,
    at: str,
) -> ClaimRevision:
    kind = kind_of(Disposition(earlier["disposition"]), Disposition(new["disposition"]))
    bearers = CostBearer(earlier["cost_bearer"]), CostBearer(new["cost_bearer"])
    money = moved(kind, Decimal(new["fund_amount"]), *bearers)
    return ClaimRevision.model_validate(
        {
            **{name: new[name] for name in ClaimRevision.model_fields if name in new},
            "area": area,
            "number": earlier["number"] + 1,
            "kind": kind,
            "to_fund": f"{money.to_fund:.2f}",
            "to_institution": None if money.to_institution is None else f"{money.to_institution:.2f}",
            "earlier": _answer(earlier, earlier["institution_revision"]),
            "new": _answer(new, institution_revision if institution_revision >= 0 else None),
            "causes": tuple(causes)[-_MOST_CAUSES:],
            "explanation": explanation,
            "source": Source(
                topic=CLAIMS.name,
                partition=earlier["source_partition"],
                offset=earlier["source_offset"],
                topic_id=earlier["source_topic_id"],
            ),
            "revised_at": at,
        }
    )


def _case(case: Record | None, number: int) -> Record | None:
    """The gate's case record as that of a revision."""
    return None if case is None else {**case, "value": case["value"][:-1] + b',"revision":%d}' % number}


def _answer(row: dict[str, Any], institution_revision: int | None) -> Answer:
    named = {name: row[name] for name in Answer.model_fields if name != "institution_revision"}
    return Answer(**named, institution_revision=institution_revision)
