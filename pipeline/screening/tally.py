"""What a batch adds to the gate's figures: claims and money by verdict, claims by institution, forms of physician codes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from rules.areas import area_on, areas_of
from rules.screens.table import Ruling
from rules.screens.verdict import Decided
from topics.claims.codec import FewClaims

NATIONAL_CODE = r"^D[0-9]{12}$"
"""The national form of a physician code (国家医保医师代码)."""

_NATIONAL = re.compile(NATIONAL_CODE)


class Sum(NamedTuple):
    """Claims of one pooling area (P2) and kind of verdict, and their fund share in yuan: charged, and taken back by reversals."""

    region: str
    disposition: str
    reason: str
    exempted_ground: str | None
    claims: int
    charged: float
    reversed: float


class InstitutionCount(NamedTuple):
    """Claims of one institution, and how many of them an exemption paid."""

    institution_code: str
    claims: int
    exempted: int


@dataclass(frozen=True, slots=True)
class Tally:
    """The figures of a batch. `code_forms` counts physician codes by form: a data-quality figure, never a ground."""

    sums: list[Sum]
    institutions: list[InstitutionCount]
    code_forms: dict[str, int]


def tally(verdicts: pl.DataFrame) -> Tally:
    """The figures of verdicts with the columns of the wire."""
    amount = pl.col("fund_amount").cast(pl.Float64)
    areas = areas_of(
        verdicts["region"], lambda: verdicts["service_date"].str.to_date("%Y-%m-%d").to_physical().to_numpy()
    )
    sums = verdicts.group_by(areas.alias("area"), "disposition", "reason", "exempted_ground").agg(
        pl.len().alias("claims"),
        amount.clip(lower_bound=0).sum().alias("charged"),
        (-amount.clip(upper_bound=0)).sum().alias("reversed"),
    )
    institutions = verdicts.group_by("institution_code").agg(
        pl.len().alias("claims"), pl.col("exempted_ground").is_not_null().sum().alias("exempted")
    )
    codes = verdicts["physician_code"].drop_nulls()
    national = int(codes.str.contains(NATIONAL_CODE).sum())
    return Tally(
        [Sum(*row) for row in sums.iter_rows()],
        [InstitutionCount(*row) for row in institutions.iter_rows()],
        {"national": national, "other": len(codes) - national},
    )


def tally_few(claims: FewClaims, decided: Decided, rulings: Sequence[Ruling]) -> Tally:
    """The figures of a small batch."""
    sums: dict[tuple[str, str, str, str | None], list[float]] = {}
    places: Counter[str] = Counter()
    exempted: Counter[str] = Counter()
    forms = {"national": 0, "other": 0}
    for claim, number in zip(claims.rows, decided.ruling.tolist(), strict=True):
        ruling = rulings[number]
        kind = area_on(claim.region, claim.day), ruling.disposition.value, ruling.reason.value, ruling.exempted_ground
        amount = float(claim.fund_amount)
        known = sums.setdefault(kind, [0, 0.0, 0.0])
        known[0] += 1
        known[1 if amount >= 0 else 2] += abs(amount)
        places[claim.institution_code] += 1
        exempted[claim.institution_code] += ruling.exempted_ground is not None
        if claim.physician_code is not None:
            forms["national" if _NATIONAL.match(claim.physician_code) else "other"] += 1
    return Tally(
        [Sum(*kind, int(count), charged, taken_back) for kind, (count, charged, taken_back) in sums.items()],
        [InstitutionCount(code, count, exempted[code]) for code, count in places.items()],
        forms,
    )
