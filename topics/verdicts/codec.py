"""From rulings to the bytes of verdicts and cases. Field order is the contract's, so equal verdicts are equal bytes."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from rules.areas import area_on, areas_of
from rules.screens.beside import RestsOn
from rules.screens.facts import EPOCH, STANDINGS
from rules.screens.people import mentions
from rules.screens.rows import FIRST_DAY, LAST_DAY, NO_WINDOW
from rules.screens.table import Ruling
from rules.screens.verdict import Decided, Screen
from rules.wording.explanation import explain
from topics.claims.columns import ClaimRow, FewClaims
from topics.messages.verdicts import VerdictRegister
from topics.verdicts.shape import RULING_NAMES, VERDICT_NAMES, WIRE_COLUMNS, ruling_columns, ruling_value


class VerdictCodec:
    """Makes verdict frames for one `Screen`. Holds the rulings' fields as columns, to be gathered by ruling number."""

    def __init__(self, screen: Screen) -> None:
        self._rulings = screen.rulings
        self._flagged = np.array([ruling.disposition.opens_case for ruling in screen.rulings])
        self._outcomes = _members(screen.rulings, RULING_NAMES[:4])
        self._grounds = _members(screen.rulings, RULING_NAMES[4:])
        self._columns = ruling_columns(screen.rulings, WIRE_COLUMNS)
        self._two_grounds = np.array([ruling.second is not None for ruling in screen.rulings])

    def verdicts(self, claims: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
        """The verdict of every claim, as the columns of the wire up to and including standing_revision.

        `claims` are decoded claims, `decided` what `Screen.decide` answered for them.
        """
        ruling = decided["ruling"]
        given = {
            **{name: column.gather(ruling) for name, column in self._columns.items()},
            "standing": decided["standing"],
            "penalty_period": _period(decided),
            "standing_revision": decided["revision"].alias("standing_revision"),
        }
        return claims.select(given.get(name, pl.col(name)) for name in VERDICT_NAMES)

    def few_documents(
        self,
        claims: FewClaims,
        decided: Decided,
        topic: str,
        partitions: Sequence[int],
        offsets: Sequence[int],
        screened_at: str,
        register: VerdictRegister | None = None,
        institutions: Sequence[int] = (),
        topic_id: str | None = None,
    ) -> list[str]:
        """JSON text of every verdict of a small batch, byte for byte what `verdicts` and `documents` give.

        `partitions` and `offsets` are those of the claims, in their order; the others as in `documents`.
        """
        ends = (
            _with_area(end, claim.region, area_on(claim.region, claim.day))
            for end, claim in zip(
                _ends(register, institutions, len(claims.rows), decided.rests), claims.rows, strict=True
            )
        )
        source = _encode(topic).decode()
        made = "" if topic_id is None else f',"topic_id":{_encode(topic_id).decode()}'
        at = _encode(screened_at).decode()
        documents = [
            f"{_head(claim)},{self._outcomes[ruling]},{_STANDING_TEXT[standing]}{_window_text(start, end)},"
            f'{self._grounds[ruling]},"standing_revision":{revision if revision >= 0 else "null"},'
            f'"source":{{"topic":{source},"partition":{partition},"offset":{offset}{made}}},"screened_at":{at}{last}'
            for claim, ruling, standing, start, end, revision, partition, offset, last in zip(
                claims.rows,
                decided.ruling.tolist(),
                decided.standing.tolist(),
                decided.window_start.tolist(),
                decided.window_end.tolist(),
                decided.revision.tolist(),
                partitions,
                offsets,
                ends,
                strict=True,
            )
        ]
        return self._with_second_grounds(documents, decided.ruling)

    def documents(
        self,
        verdicts: pl.DataFrame,
        rulings: npt.NDArray[np.uint16],
        topic: str,
        partitions: pl.Series,
        offsets: pl.Series,
        screened_at: str | pl.Series,
        register: VerdictRegister | None = None,
        institutions: Sequence[int] = (),
        topic_id: str | None = None,
        rests: Mapping[int, RestsOn] = MappingProxyType({}),
    ) -> list[str]:
        """JSON text of every verdict, with its source and the time of screening (one for all, or one a verdict).

        `rulings` are the rulings' numbers. `topic_id` is the id of the source's topic; without it the field is absent.

        `register` says by what state of the register all of them were judged, `institutions` by which revision of its
        institution's standing each was (negative: none was known), `rests` by which of other subjects' standings; without
        `register` the field is absent.
        """
        if verdicts.is_empty():
            return []
        made = [] if topic_id is None else [pl.lit(topic_id).alias("topic_id")]
        source = verdicts.select(
            pl.lit(topic).alias("topic"), partitions.alias("partition"), offsets.alias("offset"), *made
        )
        documents: list[str] = (
            verdicts.select(
                pl.struct(
                    *verdicts.columns,
                    source.to_struct("source"),
                    (pl.lit(screened_at) if isinstance(screened_at, str) else screened_at).alias("screened_at"),
                ).struct.json_encode()
            )
            .to_series()
            .to_list()
        )
        regions, areas = verdicts["region"], _areas(verdicts)
        if register is None and areas is regions:
            return self._with_second_grounds(documents, rulings)
        # One text for all of a revision: as a column it would be encoded anew for each of them.
        ends: Iterable[str] = _ends(register, institutions, len(documents), rests)
        if areas is not regions:
            ends = map(_with_area, ends, regions.to_list(), areas.to_list())
        whole = [document[:-1] + last for document, last in zip(documents, ends, strict=True)]
        return self._with_second_grounds(whole, rulings)

    def _with_second_grounds(self, documents: list[str], rulings: npt.NDArray[np.uint16]) -> list[str]:
        """The documents of verdicts with the other law's ground at their end, where two laws stop a claim (P3, S1)."""
        for place in np.flatnonzero(self._two_grounds[rulings]).tolist():
            second = self._rulings[rulings[place]].second
            if second is not None:
                documents[place] = f'{documents[place][:-1]},"second_ground":"{second.reason}"}}'
        return documents

    def flagged(self, decided: Decided) -> npt.NDArray[np.intp]:
        """The places of the claims that open a case: every reject and every review."""
        return np.flatnonzero(self._flagged[decided.ruling])

    def cases(
        self,
        facts: Iterable[CaseFacts],
        rulings: Iterable[int],
        documents: Sequence[str],
        evidence: Sequence[tuple[str, ...]],
        opened_at: str | Sequence[str],
        people: Sequence[str | None] | None = None,
    ) -> list[dict[str, str | bytes]]:
        """The case record {"key", "value"} of every verdict given; all of them must be flagged.

        `facts` are what an explanation names of each verdict (`facts_of`, `facts_of_few`), `rulings` its ruling's number,
        `documents` are the verdicts' own JSON. A case is the verdict's fields and, after them, its id, when it was opened,
        the explanation in both languages and the ids of the events behind the standing. `opened_at` is one time for all, or
        one a case. `people` are the barred people whom a claim names, as the decision gives them (JSON, None for most).
        """
        made: list[dict[str, str | bytes]] = []
        opened = repeat(opened_at, len(documents)) if isinstance(opened_at, str) else opened_at
        named = repeat(None, len(documents)) if people is None else people
        row: CaseFacts
        for row, ruling_number, document, causes, at, who in zip(
            facts, rulings, documents, evidence, opened, named, strict=True
        ):
            ruling = self._rulings[ruling_number]
            number = case_of(row, ruling)
            tail = _CaseTail(
                area=row.area if row.area == row.region else msgspec.UNSET,
                case_id=number,
                opened_at=at,
                explanation=explain(ruling, *row.told, mentions(who)),
                people=msgspec.UNSET if who is None else msgspec.Raw(who.encode()),
                **_fitting(causes),
            )
            made.append({"key": number, "value": document[:-1].encode() + b"," + _encode(tail)[1:]})
        return made


class CaseFacts(NamedTuple):
    """What the name of a case follows from and what its explanation names, as text of the wire."""

    claim_id: str
    claim_version: int
    region: str
    area: str
    physician_code: str | None
    institution_code: str
    encounter_type: str
    service_date: str
    standing: str
    penalty_period: Sequence[str | None] | None
    fund_amount: str

    @property
    def told(self) -> tuple[str | None, str, str, str, str, Sequence[str | None] | None, str]:
        """What the explanation names, in its order."""
        return (
            self.physician_code,
            self.institution_code,
            self.encounter_type,
            self.service_date,
            self.standing,
            self.penalty_period,
            self.fund_amount,
        )


def case_of(claim: CaseFacts, ruling: Ruling) -> str:
    """The id of the case that a ruling on a claim opens."""
    return case_id(claim.area, claim.institution_code, claim.claim_id, claim.claim_version, ruling.ground)


def facts_of(verdicts: pl.DataFrame) -> Iterable[CaseFacts]:
    """Those of every verdict of a frame."""
    rows = verdicts.with_columns(_areas(verdicts).alias("area")).select(*CaseFacts._fields).iter_rows()
    return map(CaseFacts._make, rows)


def facts_of_few(claims: FewClaims, decided: Decided, rows: Iterable[int]) -> Iterable[CaseFacts]:
    """The same of the claims at the given places of a small batch."""
    for row in rows:
        claim = claims.rows[row]
        period = penalty_period(int(decided.window_start[row]), int(decided.window_end[row]))
        yield CaseFacts(
            claim.claim_id,
            claim.claim_version,
            claim.region,
            area_on(claim.region, claim.day),
            claim.physician_code,
            claim.institution_code,
            claim.encounter_type,
            claim.service_date,
            STANDINGS[decided.standing[row]].value,
            period,
            claim.fund_amount,
        )


class _CaseTail(msgspec.Struct, gc=False, kw_only=True):
    area: str | msgspec.UnsetType
    """Where the verdict's own fields do not tell it: a case always does, since its id follows from it."""
    case_id: str
    opened_at: str
    explanation: dict[str, str]
    evidence: tuple[str, ...]
    evidence_omitted: int | msgspec.UnsetType = msgspec.UNSET
    people: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


MOST_EVIDENCE_BYTES = 512 * 1024
"""A case fits into its record however many events are behind a standing: beyond this the newest are named."""
_SURELY_FITS = 400


def _fitting(causes: tuple[str, ...]) -> dict[str, Any]:
    """The evidence of a case, and how many earlier events it does not name."""
    if len(causes) <= _SURELY_FITS:
        return {"evidence": causes}
    sizes = np.cumsum([len(cause.encode()) + 3 for cause in reversed(causes)])
    kept = int(np.searchsorted(sizes, MOST_EVIDENCE_BYTES, side="right"))
    if kept == len(causes):
        return {"evidence": causes}
    return {"evidence": causes[-kept:], "evidence_omitted": len(causes) - kept}


class _Head(msgspec.Struct, gc=False):
    """The verdict's fields that are the claim's."""

    claim_id: str
    claim_version: int
    region: str
    institution_code: str
    physician_code: str | None
    encounter_type: str
    service_date: str
    fund_amount: str


_encode = msgspec.json.Encoder().encode
_STANDING_TEXT = tuple(f'"standing":"{standing.value}","penalty_period":' for standing in STANDINGS)


def _head(claim: ClaimRow) -> str:
    head = _Head(
        claim.claim_id,
        claim.claim_version,
        claim.region,
        claim.institution_code,
        claim.physician_code,
        claim.encounter_type,
        claim.service_date,
        claim.fund_amount,
    )
    return _encode(head)[:-1].decode()


def _members(rulings: Sequence[Ruling], names: Sequence[str]) -> list[str]:
    """The named fields of every ruling as JSON, without braces."""
    return [_encode({name: ruling_value(ruling, name) for name in names})[1:-1].decode() for ruling in rulings]


@lru_cache(maxsize=1 << 14)
def penalty_period(start: int, end: int) -> tuple[str | None, str | None] | None:
    """penalty_period as two ISO dates, an open end null; None where there is no window."""
    if start == NO_WINDOW:
        return None
    return (
        None if start == FIRST_DAY else dt.date.fromordinal(start + EPOCH).isoformat(),
        None if end == LAST_DAY else dt.date.fromordinal(end + EPOCH).isoformat(),
    )


@lru_cache(maxsize=1 << 14)
def _window_text(start: int, end: int) -> str:
    return _encode(penalty_period(start, end)).decode()


def _period(decided: pl.DataFrame) -> pl.Series:
    """penalty_period as two ISO dates, an open end null; null where there is no window."""
    if decided["window_start"].null_count() == decided.height:
        return pl.Series("penalty_period", [None] * decided.height, dtype=pl.List(pl.String))

    def date(column: str, open_day: int) -> pl.Expr:
        return pl.when(pl.col(column) != open_day).then(pl.col(column)).cast(pl.Date).dt.to_string("%Y-%m-%d")

    return decided.select(
        pl.when(pl.col("window_start").is_not_null())
        .then(pl.concat_list(date("window_start", FIRST_DAY), date("window_end", LAST_DAY)))
        .alias("penalty_period")
    )["penalty_period"]


def _ends(
    register: VerdictRegister | None, institutions: Sequence[int], count: int, rests: Mapping[int, RestsOn]
) -> Iterable[str]:
    """How the documents of a batch end: by what each was judged, and the closing brace."""
    if register is None:
        return repeat("}", count)
    texts = {revision: _register_end(register, revision if revision >= 0 else None) for revision in {-1, *institutions}}
    ends = map(texts.__getitem__, institutions) if institutions else repeat(texts[-1], count)
    if not rests:
        return ends
    made = list(ends)
    for row, one in rests.items():
        revision = institutions[row] if institutions else -1
        made[row] = _register_end(register, revision if revision >= 0 else None, one)
    return made


def _register_end(register: VerdictRegister, revision: int | None, rests: RestsOn | None = None) -> str:
    of_subjects = (
        {} if rests is None else {"insured_revision": rests.insured, "department_revisions": rests.departments or None}
    )
    told = register.model_copy(update={"institution_revision": revision, **of_subjects})
    return f',"register":{told.model_dump_json()}}}'


def _with_area(end: str, region: str, area: str) -> str:
    """The end of a document with the area before the closing brace, where the region is another code."""
    return end if region == area else f'{end[:-1]},"area":"{area}"}}'


def _areas(verdicts: pl.DataFrame) -> pl.Series:
    """The area of every verdict; the column of regions itself where each is its own area."""
    days = verdicts["service_date"].str
    return areas_of(verdicts["region"], lambda: days.to_date("%Y-%m-%d").to_physical().to_numpy())


def case_id(area: str, institution_code: str, claim_id: str, claim_version: int, ground: str) -> str:
    """The id of a case: the same claim and ground always give the same one. What a claim is follows from its pooling area
    (统筹区), institution, number and version: a number is one institution's own."""
    return _case_id(area, institution_code, claim_id, claim_version, ground)


def first_case_id(claim_id: str, claim_version: int, ground: str) -> str:
    """The id that cases were given before claims were told apart by area and institution. Cases keep it."""
    return _case_id(claim_id, claim_version, ground)


def _case_id(*parts: str | int) -> str:
    text = "\x1f".join(map(str, parts))
    return f"case-{hashlib.sha256(text.encode()).hexdigest()[:24]}"
