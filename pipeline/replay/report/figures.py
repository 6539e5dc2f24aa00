"""The figures of a replay, from the files that it left: what `report.json` holds and the report shows.

Everything is read lazily and aggregated, so that memory depends on the number of months, institutions and physicians, never
on that of claims. Money is summed exactly and written as a decimal string in yuan, as on the wire. A fund share that is
rejected is `withheld`; one that waits for a person is `in_review`. Reversals are negative and lower the sums.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from pipeline.replay.sums import (
    FiguresError,
    Row,
    added,
    by_institution,
    existing,
    grouped,
    iso,
    not_paid,
    shares,
    totals,
    verdicts_of,
)
from pipeline.replay.what_if.comparison import comparison
from pipeline.replay.what_if.deadline_changes import Histories
from pipeline.whole_files import write_whole
from rules.areas import areas_of
from rules.packs.pack_set import PackSet
from rules.screens.table import Ruling
from rules.screens.verdict import Screen

TOP = 15
"""Institutions, flips and suspensions that the report names one by one; the rest is summed up."""

NATIONAL_CODE = r"^D\d{12}$"
"""National form of a physician's code (医保医师编码). Its share is a mark of data quality, never a ground."""


def figures(
    folder: Path, packs: PackSet, other: PackSet | None = None, *, histories: Histories = (), top: int = TOP
) -> Row:
    """All figures of the replay in `folder`, JSON-ready and the same for the same files.

    `packs` and `other` are the rule sets under which it ran. `histories` (region, physician code, dossier) are needed only
    to tell which deadlines move. Raises FiguresError when the folder is no complete replay or lacks the second rule set.
    """
    found = one_rule_set(folder, packs, top)
    found["provenance"] = json.loads(existing(folder / "run.json").read_text("utf-8"))
    found["data_quality"] |= _rejected_input(folder / "rejected-input.parquet")
    if other is not None:
        second = one_rule_set(existing(folder / "other"), other, top)
        found["what_if"] = comparison(folder, packs, other, (found, second), histories, top)
    return found


def write_figures(found: Row, path: Path) -> None:
    """Writes figures as JSON, keys in their order: equal figures are equal bytes."""
    write_whole(path, json.dumps(found, ensure_ascii=False, indent=1) + "\n")


def one_rule_set(folder: Path, packs: PackSet, top: int) -> Row:
    """The figures of the verdicts and standings in a folder, under one rule set."""
    verdicts = verdicts_of(folder)
    cube = _with_grounds(_cube(verdicts), Screen(packs).rulings)
    extent = verdicts.select(
        pl.col("service_date").min().alias("first_service"),
        pl.col("service_date").max().alias("last_service"),
        pl.col("settlement_month").min().alias("first_month"),
        pl.col("settlement_month").max().alias("last_month"),
        pl.col("physician_code").n_unique().alias("physicians"),
        pl.col("institution_code").n_unique().alias("institutions"),
        pl.col("physician_code").is_null().any().alias("missing"),
    ).collect(engine="streaming")
    span = extent.row(0, named=True)
    return {
        "extent": {
            **{key: iso(span[key]) for key in ("first_service", "last_service", "first_month", "last_month")},
            "physicians": span["physicians"] - bool(span["missing"]),
            "institutions": span["institutions"],
        },
        "totals": totals(cube),
        "by_disposition": grouped(cube, ["disposition"]),
        "by_reason": grouped(cube, ["disposition", "reason"]),
        "by_ground": grouped(cube.filter(pl.col("ground") != "ok"), ["ground", "disposition"]),
        "exempted": grouped(cube.filter(pl.col("exempted").is_not_null()), ["exempted", "encounter_type"]),
        "by_month": shares(cube, "settlement_month"),
        "by_region": shares(cube, "region"),
        "by_institution": _institutions(verdicts, top),
        "standings": _standings(folder / "standings.parquet", span["last_service"]),
        "data_quality": _codes(cube),
    }


# -- one pass over the claims --------------------------------------------------------------------------------------


def _cube(verdicts: pl.LazyFrame) -> pl.DataFrame:
    """Claims and money by everything small: the one pass over all claims that most figures come from."""
    code = pl.col("physician_code")
    by = ("ruling", "disposition", "reason", "region", "settlement_month", "encounter_type")
    cube = (
        verdicts.group_by(by)
        .agg(
            pl.len().alias("claims"),
            pl.col("fund_amount").sum().alias("amount"),
            code.is_not_null().sum().alias("coded"),
            code.str.contains(NATIONAL_CODE).sum().alias("national"),
        )
        .collect(engine="streaming")
    )
    # Reports go by pooling area (P2); the places of an area are added up here, where few rows are left.
    regions = cube["region"]
    areas = areas_of(regions, cube["settlement_month"].to_physical().to_numpy)
    if areas is not regions:
        cube = cube.with_columns(areas).group_by(by).agg(pl.col("claims", "amount", "coded", "national").sum())
    return cube.sort("ruling", "region", "settlement_month", "encounter_type")


def _with_grounds(cube: pl.DataFrame, rulings: Sequence[Ruling]) -> pl.DataFrame:
    """The cube with the ground of each ruling, and the ground that an exempted encounter set aside."""
    if cube.height and int(cube["ruling"].max()) >= len(rulings):  # type: ignore[arg-type]  # a column of numbers
        raise FiguresError("the verdicts name rulings that these packs do not have; were they made under other packs?")
    ground = pl.Series([str(ruling.ground) for ruling in rulings], dtype=pl.String)
    exempted = pl.Series(
        [ruling.exempted_ground and str(ruling.exempted_ground) for ruling in rulings], dtype=pl.String
    )
    number = cube["ruling"]
    return cube.with_columns(
        ground.gather(number).alias("ground"),
        exempted.gather(number).alias("exempted"),
        pl.col("disposition", "reason", "encounter_type").cast(pl.String),
    )


# -- institutions, physicians, quality ----------------------------------------------------------------------------


def _institutions(verdicts: pl.LazyFrame, top: int) -> Row:
    """The institutions with the most money withheld or in review, one by one, and all others together."""
    rows = shares(by_institution(verdicts), "institution_code")
    rows.sort(key=lambda row: (-not_paid(row), row["institution_code"]))
    rest = rows[top:]
    return {"top": rows[:top], "rest": {"institutions": len(rest), **added(rest)}}


def _standings(path: Path, day: dt.date | None) -> Row:
    """Physicians by standing on the last day of service, by points now (the day of knowledge) and by the most they ever had."""
    people = pl.scan_parquet(existing(path))
    spans = people.select(pl.col("spans").explode()).unnest("spans")
    on_day = spans.filter(
        pl.col("standing").is_not_null(),
        pl.lit(day is not None),
        pl.col("from").is_null() | (pl.col("from") <= (day or dt.date.max)),
        pl.col("to").is_null() | (pl.col("to") >= (day or dt.date.max)),
    )
    standing = on_day.group_by(pl.col("standing").cast(pl.String)).agg(pl.len().alias("physicians"))
    return {
        "physicians": people.select(pl.len()).collect().item(),
        "day": iso(day),
        "by_standing": standing.sort(["physicians", "standing"], descending=[True, False]).collect().to_dicts(),
        "points": _points(people.select("region", points="points_accumulated")),
        "highest_points": _points(
            people.select(
                "region", points=pl.col("spans").list.eval(pl.element().struct["points_accumulated"]).list.max()
            )
        ),
    }


def _points(people: pl.LazyFrame) -> list[Row]:
    """Physicians by points, where the scheme counts any."""
    counted = people.filter(pl.col("points").is_not_null()).group_by("region", "points")
    return counted.agg(pl.len().alias("physicians")).sort("region", "points").collect().to_dicts()


def _codes(cube: pl.DataFrame) -> Row:
    claims, coded, national = (int(cube[name].sum()) for name in ("claims", "coded", "national"))
    return {
        "claims_with_physician": coded,
        "claims_without_physician": claims - coded,
        "national_form": national,
        "national_form_share": round(national / coded, 6) if coded else None,
    }


def _rejected_input(path: Path) -> Row:
    """Records that are no claims, by what is wrong with them."""
    sums = pl.scan_parquet(existing(path)).group_by("reason", "field").agg(pl.len().alias("records"))
    rows = sums.sort(["records", "reason", "field"], descending=[True, False, False]).collect().to_dicts()
    return {"rejected_records": sum(row["records"] for row in rows), "rejected": rows}
