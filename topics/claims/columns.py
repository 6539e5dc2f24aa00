"""The columns of decoded claims: as a frame for large batches, as plain lists for small ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import polars as pl

from rules.packs.pack_set import PackSet
from rules.screens.facts import DRUG_FIELDS, ENCOUNTER, EPOCH, ClaimColumns
from topics.claims.errors import ClaimError
from topics.claims.plausibility import IMPLAUSIBLE

CLAIM_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "row": pl.UInt32,
    "claim_id": pl.String,
    "claim_version": pl.Int64,
    "region": pl.String,
    "institution_code": pl.String,
    "physician_code": pl.String,
    "encounter_type": ENCOUNTER,
    "service_date": pl.String,
    "settlement_time": pl.String,
    "fund_amount": pl.String,
    "day": pl.Int32,
    "start_day": pl.Int32,
    "insured_id": pl.String,
    "insurance_type": pl.String,
    "total_amount": pl.String,
    "implausible": IMPLAUSIBLE,
    "further": pl.String,
}
"""Columns of a decoded frame; the drug fields follow when at least one claim of the batch has a drug object. `implausible` is a
number of `Implausible`; `further` is the JSON of the optional fields that only the contract's model reads, null without any."""

Errors = tuple[tuple[int, ClaimError], ...]
"""Position in the input and what is wrong there."""


@dataclass(frozen=True, slots=True)
class DecodedClaims:
    """`claims` has one row a claim, in input order; column `row` is the position in the input. `errors` has the others."""

    claims: pl.DataFrame
    errors: Errors


class ClaimRow(NamedTuple):
    """One claim, in the order of CLAIM_COLUMNS, and its drug object."""

    row: int
    claim_id: str
    claim_version: int
    region: str
    institution_code: str
    physician_code: str | None
    encounter_type: str
    service_date: str
    settlement_time: str
    fund_amount: str
    day: int
    start_day: int | None
    insured_id: str
    insurance_type: str
    total_amount: str
    implausible: int
    further: str | None
    drug: Any | None


@dataclass(frozen=True, slots=True)
class FewClaims:
    """Decoded claims without a frame, which would cost more to make than a small batch to judge."""

    rows: Sequence[ClaimRow]
    errors: Errors

    def __len__(self) -> int:
        """How many claims there are."""
        return len(self.rows)

    def frame(self) -> pl.DataFrame:
        """The same as a frame with CLAIM_COLUMNS."""
        columns = list(zip(*self.rows, strict=True)) or [()] * len(ClaimRow._fields)
        made = pl.DataFrame(
            [pl.Series(name, columns[place], dtype=dtype) for place, (name, dtype) in enumerate(CLAIM_COLUMNS.items())]
        )
        drugs = columns[-1]
        if all(drug is None for drug in drugs):
            return made
        return made.with_columns(
            pl.Series(name, [None if drug is None else getattr(drug, name) for drug in drugs], dtype=pl.Boolean)
            for name in DRUG_FIELDS
        )

    def for_decision(self, packs: PackSet) -> ClaimColumns:
        """The same as the decision reads claims."""
        rows = self.rows
        drugs = [row.drug for row in rows]
        return ClaimColumns.of_lists(
            packs,
            regions=[row.region for row in rows],
            physicians=[row.physician_code for row in rows],
            institutions=[row.institution_code for row in rows],
            encounters=[row.encounter_type for row in rows],
            days=[row.day for row in rows],
            start_days=[row.start_day for row in rows],
            drugs=None if all(drug is None for drug in drugs) else drugs,
            further=[row.further for row in rows],
            implausible=[row.implausible for row in rows],
            insured=[row.insured_id for row in rows],
        )


@lru_cache(maxsize=1 << 16)
def day_of(text: str) -> int | None:
    """Days since 1970-01-01 of an ISO date; None when there is no such day."""
    try:
        return dt.date.fromisoformat(text).toordinal() - EPOCH
    except ValueError:
        return None
