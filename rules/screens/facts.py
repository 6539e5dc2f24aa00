"""What a decision is made from, as arrays: the claims' own columns, and what the register says of each of them.

Everything is gathered before anything is decided. An array costs a microsecond to touch whatever its length up to some hundreds,
so one definition serves a claim alone and a hundred thousand; nothing here is built anew for a batch but the arrays.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from rules.areas import area_on, areas_of
from rules.packs.pack_set import PackSet
from rules.screens.further import NOTHING, Named, of_column, of_texts
from rules.screens.ragged import Ints
from rules.vocabulary import EncounterType, Standing

ENCOUNTERS = tuple(EncounterType)
ENCOUNTER = pl.Enum([encounter.value for encounter in ENCOUNTERS])
ENCOUNTER_CODE = {encounter.value: code for code, encounter in enumerate(ENCOUNTERS)}
NO_ENCOUNTER = 255

STANDINGS = tuple(Standing)
STANDING = pl.Enum([standing.value for standing in STANDINGS])

DRUG_FIELDS = ("dual_channel", "external", "separate", "within_scope", "within_dosage", "price_ok")

CLAIM_FACTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "region": pl.String,
    "physician_code": pl.String,
    "institution_code": pl.String,
    "encounter_type": ENCOUNTER,
    "day": pl.Int32,
    "start_day": pl.Int32,
    **dict.fromkeys(DRUG_FIELDS, pl.Boolean),
}
"""What `Screen.decide` reads of a frame of claims. physician_code is null for a missing, empty or blank code and has no
surrounding white space; day and start_day are days since 1970-01-01; the drug fields are null unless the claim has a drug object
(the columns may be left out altogether). Columns `implausible` (numbers of `rules.plausibility.Implausible`) and
`further` (the JSON of the claim's further fields, `rules.screens.further`) may follow, and `insured_id` where insured persons
are asked about."""

EPOCH = dt.date(1970, 1, 1).toordinal()

KNOWN = ("instant", "known_revision", "known_institution", "known_insured", "known_departments")
"""Columns, Int64, that say what was known when a claim was judged; an index with versions reads them. `known_departments`
is JSON: revisions by the departments' names, null for all that is recorded."""

Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.uint16]
Longs = npt.NDArray[np.int64]
Keys = pl.Series | list[str | None]
"""Names to look up: a column of text, or a list where a column would cost more than the looking up."""

SAYS_NOTHING = 2
"""Stands for a drug field that the claim does not have; 0 is false, 1 is true."""


@dataclass(frozen=True, slots=True)
class ClaimColumns:
    """Claims as the decision reads them, one value a claim and column.

    `pack` is the position of the pack that governs, `law` that of what governs the area day by day; both keys begin with the
    pooling area of the place of care on the service day (P1, P2). `stay` says whether the claim has a `start_day` (0 where it has
    none), `missing` whether it names no physician; days are since 1970-01-01.
    `drug` is None when no claim has a drug object, `implausible` when every claim can be so. `auditors` are the claims whose
    responsible person audits settlements (P5), `not_seen` those whose visit was never seen, `named` the other people named on
    claims (P4, P6). `insured` names the insured person of each claim, None where nobody asks; `departments` the department that
    gave the service, by the claim's place.
    """

    pack: Numbers
    law: Numbers
    physician_key: Keys
    institution_key: Keys
    institution_code: Keys
    missing: Mask
    encounter: Bytes
    day: Ints
    start_day: Ints
    stay: Mask
    drug: Mapping[str, Bytes] | None = None
    implausible: Bytes | None = None
    emergency_origin: Mask | None = None
    auditors: Mask | None = None
    not_seen: Mask | None = None
    named: tuple[Named, ...] = ()
    known: Mapping[str, Longs] = field(default_factory=dict)
    insured: Keys | None = None
    departments: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of_frame(cls, claims: pl.DataFrame, packs: PackSet, *, insured: bool = False) -> ClaimColumns:
        """From a frame with the columns of CLAIM_FACTS and, where an index with versions needs them, those of KNOWN; `insured`
        says that somebody asks for the column `insured_id`."""
        areas = areas_of(claims["region"], claims["day"].to_numpy).alias("area")
        numbers = {area: packs.law_number(area) for area in areas.unique().to_list()}
        law = pl.col("area").replace_strict(numbers, return_dtype=pl.UInt16) if numbers else pl.lit(0, pl.UInt16)
        read = claims.with_columns(areas).select(*_OF_A_FRAME, law.alias("law"))
        laws, days = read["law"].to_numpy(), claims["day"].to_numpy()
        given = [name for name in DRUG_FIELDS if name in claims.columns]
        drug = None
        if any(claims[name].null_count() < claims.height for name in given):
            drug = {name: claims[name].cast(pl.UInt8).fill_null(SAYS_NOTHING).to_numpy() for name in given}
        further = of_column(claims["further"]) if "further" in claims.columns else NOTHING
        return cls(
            pack=packs_on(packs, laws, days),
            law=laws,
            physician_key=read["physician_key"],
            institution_key=read["institution_key"],
            institution_code=claims["institution_code"],
            missing=read["missing"].to_numpy(),
            encounter=read["encounter"].to_numpy(),
            day=days,
            start_day=read["start_day"].to_numpy(),
            stay=read["stay"].to_numpy(),
            drug=drug,
            implausible=_some(claims["implausible"].to_numpy()) if "implausible" in claims.columns else None,
            emergency_origin=further.emergency_origin,
            auditors=further.auditors,
            not_seen=further.not_seen,
            named=further.named,
            known={name: claims[name].to_numpy() for name in KNOWN if name in claims.columns},
            insured=claims["insured_id"] if insured and "insured_id" in claims.columns else None,
            departments=further.departments,
        )

    @classmethod
    def of_lists(
        cls,
        packs: PackSet,
        regions: Sequence[str],
        physicians: Sequence[str | None],
        institutions: list[str],
        encounters: Sequence[str],
        days: Sequence[int],
        start_days: Sequence[int | None],
        drugs: Sequence[Any | None] | None,
        implausible: Sequence[int] = (),
        further: Sequence[str | None] = (),
        insured: list[str | None] | None = None,
    ) -> ClaimColumns:
        """From one list a field, as CLAIM_FACTS has them; `drugs` are objects with the drug fields as attributes."""
        count = len(regions)
        stay = np.fromiter((start is not None for start in start_days), np.bool_, count)
        areas = list(map(area_on, regions, days))
        keys: list[str | None] = [
            None if code is None else f"{area}|{code}" for area, code in zip(areas, physicians, strict=True)
        ]
        laws = np.fromiter(map(packs.law_number, areas), np.uint16, count)
        on = np.array(days, np.int32)
        said = of_texts(further)
        return cls(
            pack=packs_on(packs, laws, on),
            law=laws,
            physician_key=keys,
            institution_key=[f"{area}|{code}" for area, code in zip(areas, institutions, strict=True)],
            institution_code=list(institutions),
            missing=np.fromiter((code is None for code in physicians), np.bool_, count),
            encounter=np.fromiter(map(ENCOUNTER_CODE.__getitem__, encounters), np.uint8, count),
            day=on,
            start_day=np.fromiter((start or 0 for start in start_days), np.int32, count),
            stay=stay,
            drug=None if drugs is None else {name: _said(drugs, name) for name in DRUG_FIELDS},
            implausible=np.array(implausible, np.uint8) if any(implausible) else None,
            emergency_origin=said.emergency_origin,
            auditors=said.auditors,
            not_seen=said.not_seen,
            named=said.named,
            insured=insured,
            departments=said.departments,
        )

    def __len__(self) -> int:
        """How many claims there are."""
        return len(self.day)

    def take(self, rows: npt.NDArray[np.intp]) -> ClaimColumns:
        """The claims at the given places, without the other people and subjects whom they name: those are asked about once, of
        all claims."""
        return ClaimColumns(
            pack=self.pack[rows],
            law=self.law[rows],
            physician_key=_taken(self.physician_key, rows),
            institution_key=_taken(self.institution_key, rows),
            institution_code=_taken(self.institution_code, rows),
            missing=self.missing[rows],
            encounter=self.encounter[rows],
            day=self.day[rows],
            start_day=self.start_day[rows],
            stay=self.stay[rows],
            drug=None if self.drug is None else {name: said[rows] for name, said in self.drug.items()},
            implausible=None if self.implausible is None else self.implausible[rows],
            emergency_origin=None if self.emergency_origin is None else self.emergency_origin[rows],
            auditors=None if self.auditors is None else self.auditors[rows],
            not_seen=None if self.not_seen is None else self.not_seen[rows],
            known={name: at[rows] for name, at in self.known.items()},
        )


_OF_A_FRAME = (
    pl.concat_str("area", pl.lit("|"), "physician_code").alias("physician_key"),
    pl.concat_str("area", pl.lit("|"), "institution_code").alias("institution_key"),
    pl.col("physician_code").is_null().alias("missing"),
    pl.col("encounter_type").to_physical().cast(pl.UInt8).fill_null(NO_ENCOUNTER).alias("encounter"),
    pl.col("start_day").fill_null(0),
    pl.col("start_day").is_not_null().alias("stay"),
)


def _some(implausible: Bytes) -> Bytes | None:
    return implausible if implausible.any() else None


def packs_on(packs: PackSet, laws: Numbers, days: Ints) -> Numbers:
    """The pack that answers for each claim on a day, as a position in the set's packs (S1)."""
    first, several = _governing(packs)
    answer = first[laws]
    for number, (starts, positions) in several.items():
        own = laws == number
        if own.any():
            np.copyto(answer, positions[np.searchsorted(starts, days, side="right")], where=own)
    return answer


@lru_cache(maxsize=8)
def _governing(packs: PackSet) -> tuple[Numbers, dict[int, tuple[Ints, Numbers]]]:
    """The pack with which every law begins; and of the laws of several packs the days from which the others answer."""
    several: dict[int, tuple[Ints, Numbers]] = {}
    for number, law in enumerate(packs.laws):
        starts = [segment.start.toordinal() - EPOCH for segment in law.segments[1:] if segment.start is not None]
        if starts:
            positions = [packs.number_of(segment.pack) for segment in law.segments]
            several[number] = np.array(starts, np.int32), np.array(positions, np.uint16)
    return np.array([packs.number_of(law.segments[0].pack) for law in packs.laws], np.uint16), several


def _said(drugs: Sequence[Any | None], name: str) -> Bytes:
    said = (None if drug is None else getattr(drug, name) for drug in drugs)
    return np.fromiter((SAYS_NOTHING if value is None else value for value in said), np.uint8, len(drugs))


def _taken(keys: Keys, rows: npt.NDArray[np.intp]) -> Keys:
    return keys.gather(rows) if isinstance(keys, pl.Series) else [keys[row] for row in rows.tolist()]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the register says of every claim.

    `span` is a row of the index (-1: none), `window_*` the window to report, `touched_*` the window that a straddling stay
    touches, `contested` whether the physician has a second timeline (determination Q2). `carried` is 0, or the number by which
    the index knows the earlier law's pack whose window or ban binds on the day, or is touched by a straddling stay (S3).
    """

    span: Ints
    standing: Bytes
    flags: Bytes
    window_start: Ints
    window_end: Ints
    straddles: Mask
    touched_start: Ints
    touched_end: Ints
    site: Bytes
    institution: Bytes
    institution_span: Ints
    revision: Longs
    contested: Mask
    carried: Numbers

    def take(self, rows: npt.NDArray[np.intp]) -> Facts:
        """The facts of the claims at the given places."""
        return Facts(**{item.name: getattr(self, item.name)[rows] for item in fields(self)})
