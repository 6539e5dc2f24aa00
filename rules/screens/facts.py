"""What a decision is made from, as arrays: the claims' own columns, and what the register says of each of them.

Everything is gathered before anything is decided. An array costs a microsecond to touch whatever its length up to some hundreds,
so one definition serves a claim alone and a hundred thousand; nothing here is built anew for a batch but the arrays.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from rules.packs.pack import PackSet
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
(the columns may be left out altogether)."""

EPOCH = dt.date(1970, 1, 1).toordinal()

KNOWN = ("instant", "known_revision", "known_instant")
"""Columns, Int64, that say what was known when a claim was judged; an index with versions reads them."""

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

    `pack` is the position of the pack that governs, `stay` whether the claim has a `start_day` (0 where it has none), `missing`
    whether it names no physician; days are since 1970-01-01. `drug` is None when no claim has a drug object.
    """

    pack: Numbers
    physician_key: Keys
    institution_key: Keys
    institution_code: Keys
    missing: Mask
    encounter: Bytes
    day: Ints
    start_day: Ints
    stay: Mask
    drug: Mapping[str, Bytes] | None = None
    known: Mapping[str, Longs] = field(default_factory=dict)

    @classmethod
    def of_frame(cls, claims: pl.DataFrame, packs: PackSet) -> ClaimColumns:
        """From a frame with the columns of CLAIM_FACTS and, where an index with versions needs them, those of KNOWN."""
        pack = _pack_numbers(packs, claims["region"].unique().to_list())
        read = claims.select(*_OF_A_FRAME, pack.alias("pack"))
        given = [name for name in DRUG_FIELDS if name in claims.columns]
        drug = None
        if any(claims[name].null_count() < claims.height for name in given):
            drug = {name: claims[name].cast(pl.UInt8).fill_null(SAYS_NOTHING).to_numpy() for name in given}
        return cls(
            pack=read["pack"].to_numpy(),
            physician_key=read["physician_key"],
            institution_key=read["institution_key"],
            institution_code=claims["institution_code"],
            missing=read["missing"].to_numpy(),
            encounter=read["encounter"].to_numpy(),
            day=claims["day"].to_numpy(),
            start_day=read["start_day"].to_numpy(),
            stay=read["stay"].to_numpy(),
            drug=drug,
            known={name: claims[name].to_numpy() for name in KNOWN if name in claims.columns},
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
    ) -> ClaimColumns:
        """From one list a field, as CLAIM_FACTS has them; `drugs` are objects with the drug fields as attributes."""
        count = len(regions)
        stay = np.fromiter((start is not None for start in start_days), np.bool_, count)
        keys: list[str | None] = [
            None if code is None else f"{region}|{code}" for region, code in zip(regions, physicians, strict=True)
        ]
        return cls(
            pack=np.fromiter(map(partial(_pack_number, packs, {}), regions, days), np.uint16, count),
            physician_key=keys,
            institution_key=[f"{region}|{code}" for region, code in zip(regions, institutions, strict=True)],
            institution_code=list(institutions),
            missing=np.fromiter((code is None for code in physicians), np.bool_, count),
            encounter=np.fromiter(map(ENCOUNTER_CODE.__getitem__, encounters), np.uint8, count),
            day=np.array(days, np.int32),
            start_day=np.fromiter((start or 0 for start in start_days), np.int32, count),
            stay=stay,
            drug=None if drugs is None else {name: _said(drugs, name) for name in DRUG_FIELDS},
        )

    def __len__(self) -> int:
        """How many claims there are."""
        return len(self.day)

    def take(self, rows: npt.NDArray[np.intp]) -> ClaimColumns:
        """The claims at the given places."""
        return ClaimColumns(
            pack=self.pack[rows],
            physician_key=_taken(self.physician_key, rows),
            institution_key=_taken(self.institution_key, rows),
            institution_code=_taken(self.institution_code, rows),
            missing=self.missing[rows],
            encounter=self.encounter[rows],
            day=self.day[rows],
            start_day=self.start_day[rows],
            stay=self.stay[rows],
            drug=None if self.drug is None else {name: said[rows] for name, said in self.drug.items()},
            known={name: at[rows] for name, at in self.known.items()},
        )


_OF_A_FRAME = (
    pl.concat_str("region", pl.lit("|"), "physician_code").alias("physician_key"),
    pl.concat_str("region", pl.lit("|"), "institution_code").alias("institution_key"),
    pl.col("physician_code").is_null().alias("missing"),
    pl.col("encounter_type").to_physical().cast(pl.UInt8).fill_null(NO_ENCOUNTER).alias("encounter"),
    pl.col("start_day").fill_null(0),
    pl.col("start_day").is_not_null().alias("stay"),
)


def _governing(packs: PackSet, region: str) -> tuple[list[int], list[int]]:
    """The days from which each but the first of a region's packs answers for it, and the packs' positions, in order (S1)."""
    segments = packs.law(region).segments
    later = [(segment.start.toordinal() - EPOCH, segment.pack) for segment in segments[1:] if segment.start is not None]
    positions = [packs.number_of(pack) for pack in (segments[0].pack, *(pack for _, pack in later))]
    return [day for day, _ in later], positions


def _pack_numbers(packs: PackSet, regions: Sequence[str]) -> pl.Expr:
    """The pack that answers for each claim of a frame on its service day, as a position in the set's packs."""
    governing = {region: _governing(packs, region) for region in regions}
    if not governing:  # of an empty mapping polars makes strings
        return pl.lit(0, pl.UInt16)
    first = {region: positions[0] for region, (_, positions) in governing.items()}
    number = pl.col("region").replace_strict(first, return_dtype=pl.UInt16)
    for region, (starts, positions) in governing.items():
        for start, position in zip(starts, positions[1:], strict=True):
            later = (pl.col("region") == pl.lit(region)) & (pl.col("day") >= start)
            number = pl.when(later).then(pl.lit(position, pl.UInt16)).otherwise(number)
    return number


def _pack_number(packs: PackSet, asked: dict[str, tuple[list[int], list[int]]], region: str, day: int) -> int:
    """The same for one claim; `asked` holds what was found for the regions before it."""
    if region not in asked:
        asked[region] = _governing(packs, region)
    starts, positions = asked[region]
    return positions[bisect_right(starts, day)]


def _said(drugs: Sequence[Any | None], name: str) -> Bytes:
    said = (None if drug is None else getattr(drug, name) for drug in drugs)
    return np.fromiter((SAYS_NOTHING if value is None else value for value in said), np.uint8, len(drugs))


def _taken(keys: Keys, rows: npt.NDArray[np.intp]) -> Keys:
    return keys.gather(rows) if isinstance(keys, pl.Series) else [keys[row] for row in rows.tolist()]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the register says of every claim.

    `span` is a row of the index (-1: none), `window_*` the window to report, `touched_*` the window that a straddling stay
    touches, `contested` whether the physician has a second timeline (determination Q2).
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

    def take(self, rows: npt.NDArray[np.intp]) -> Facts:
        """The facts of the claims at the given places."""
        return Facts(**{item.name: getattr(self, item.name)[rows] for item in fields(self)})
