"""The measures of a year: suspects reviewed, a sample of stays, the institutions that use most of the fund, growth. Pure.

Of each claim the newest version counts, less what refunds of that version take off, as in `rules.longitudinal.claims.counting`;
a test holds the two equal. Rejected claims cost the fund nothing. Money is yuan.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from typing import Any, NamedTuple

import polars as pl

from rules.vocabulary import Disposition, EncounterType

TOP = 5
"""Institutions that use most of the fund are inspected (001 篇5 三(三))."""

GROWTH = Decimal("0.10")
"""What spending of the fund grows by in a year at most, in principle (001 篇8 二(二)7)."""

SAMPLE = Decimal("0.05")
"""The share of last year's discharges whose records are reviewed at least (001 篇5 三(一)(5))."""

COLUMNS = ("area", "institution_code", "claim_id", "claim_version", "encounter_type", "service_date", "instant",
           "total_amount", "fund_amount", "back_institution", "back_claim", "back_version")  # fmt: skip
"""What is read of each claim; `back_*` name the claim that a refund takes back. Money is Decimal."""

_KEY = ["institution_code", "claim_id"]
_DECIDED = ("upheld", "overturned", "closed")


class Suspects(NamedTuple):
    """Cases of a year and how many of them people have decided; the goal is all of them (篇5 三(一)(4))."""

    cases: int
    reviewed: int

    @property
    def share(self) -> float | None:
        """The share, 1.0 for all; None without cases."""
        return self.reviewed / self.cases if self.cases else None


class Spending(NamedTuple):
    """What the fund paid in an area, or to an institution of it (None: the area), in a year and the year before, in yuan."""

    area: str
    institution: str | None
    fund: Decimal
    before: Decimal

    @property
    def growth(self) -> Decimal | None:
        """Growth over the year before, 0.10 for 10 %; None where nothing was paid then."""
        return None if self.before <= 0 else (self.fund - self.before) / self.before

    @property
    def exceeds(self) -> bool:
        """Whether it grew by more than in principle it may. Computed without division: 10 % itself does not exceed."""
        return self.before > 0 and self.fund - self.before > self.before * GROWTH


@dataclass(frozen=True, slots=True)
class Measures:
    """All measures of a year. `sample` are the stays to review, by institution; `discharges` how many stays there were."""

    year: int
    areas: tuple[Spending, ...]
    top: tuple[Spending, ...]
    growing: tuple[Spending, ...]
    sample: tuple[dict[str, Any], ...]
    discharges: int
    suspects: Suspects | None


def newest(claims: pl.DataFrame) -> pl.DataFrame:
    """The claims that count in the end, with what is left of their amounts."""
    order = ["claim_version", "instant"]
    refund = pl.col("back_claim").is_not_null()
    kept = claims.filter(~refund).sort(order).unique(_KEY, keep="last", maintain_order=True)
    named = ["back_institution", "back_claim", "back_version"]
    back = (
        claims.filter(refund)
        .sort(order)
        .unique([*_KEY, *named], keep="last", maintain_order=True)
        .group_by(named)
        .agg(pl.col("total_amount").abs().sum().alias("_total"), pl.col("fund_amount").abs().sum().alias("_fund"))
    )
    return (
        kept.join(back, left_on=[*_KEY, "claim_version"], right_on=named, how="left")
        .with_columns(
            pl.col("total_amount") - pl.col("_total").fill_null(0), pl.col("fund_amount") - pl.col("_fund").fill_null(0)
        )
        .filter(pl.col("_total").is_null() | (pl.col("total_amount") > 0))
        .drop("_total", "_fund")
    )


def measures(
    claims: pl.DataFrame,
    year: int,
    judged: Mapping[tuple[str, str, int], str] | None,
    states: Mapping[str, str] | None,
    cases: Mapping[str, str] | None,
) -> Measures:
    """The measures of a calendar year of service days. `judged` is what the gate said last of each claim; `cases` the service
    days of cases by their ids, and `states` where each stands."""
    held = newest(claims)
    if judged is not None:
        said = [judged.get(row) == Disposition.REJECT.value for row in held.select(*_KEY, "claim_version").iter_rows()]
        held = held.filter(~pl.Series(said, dtype=pl.Boolean))
    spending = list(_spending(held, year))
    institutions = [one for one in spending if one.institution is not None]
    areas = tuple(one for one in spending if one.institution is None)
    stays = held.filter(
        (pl.col("encounter_type") == EncounterType.INPATIENT.value) & (pl.col("service_date").dt.year() == year - 1)
    )
    return Measures(
        year=year,
        areas=areas,
        top=tuple(one for area in areas for one in _largest(institutions, area.area)),
        growing=tuple(one for one in spending if one.exceeds),
        sample=tuple(_sample(stays, year)),
        discharges=stays.height,
        suspects=None if cases is None else _suspects(cases, states or {}, year),
    )


def _spending(held: pl.DataFrame, year: int) -> Iterator[Spending]:
    """Of every area and every institution that was paid in one of the two years, areas first."""
    of_year = pl.col("service_date").dt.year()
    for names in (["area"], ["area", "institution_code"]):
        sums = held.group_by(names).agg(
            pl.col("fund_amount").filter(of_year == year).sum().alias("fund"),
            pl.col("fund_amount").filter(of_year == year - 1).sum().alias("before"),
        )
        for row in sums.filter((pl.col("fund") != 0) | (pl.col("before") != 0)).sort(names).iter_rows(named=True):
            yield Spending(row["area"], row.get("institution_code"), row["fund"], row["before"])


def _largest(institutions: list[Spending], area: str) -> list[Spending]:
    own = [one for one in institutions if one.area == area and one.fund > 0]
    return sorted(own, key=lambda one: (-one.fund, one.institution or ""))[:TOP]


def _sample(stays: pl.DataFrame, year: int) -> Iterator[dict[str, Any]]:
    """Of every institution's discharges of the year before at least the share, the same ones in every run.

    Which ones, a hash of the stay and the year decides, so that nobody chooses and nobody can foresee it from the claim alone.
    """
    for (area, institution), own in sorted(stays.group_by("area", "institution_code"), key=lambda item: str(item[0])):
        names = own.select("claim_id", "claim_version", "service_date").rows()
        wanted = ceil(len(names) * SAMPLE)
        drawn = sorted(names, key=lambda row: _drawn(str(area), str(institution), row[0], year))[:wanted]
        for claim_id, version, day in sorted(drawn):
            yield {
                "area": area,
                "institution_code": institution,
                "claim_id": claim_id,
                "claim_version": version,
                "service_date": day.isoformat(),
            }


def _drawn(area: str, institution: str, claim_id: str, year: int) -> bytes:
    return hashlib.sha256("\x1f".join((str(year), area, institution, claim_id)).encode()).digest()


def _suspects(cases: Mapping[str, str], states: Mapping[str, str], year: int) -> Suspects:
    of_year = [name for name, day in cases.items() if day[:4] == str(year)]
    return Suspects(len(of_year), sum(states.get(name) in _DECIDED for name in of_year))
