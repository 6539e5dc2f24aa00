"""What a second rule set would have done: claims that flip, money that moves, physicians and deadlines that change.

A claim flips when its disposition is another; where only the ground, the exemption or the bearer is another it counts as told
otherwise. Parts of both folders hold the same claims in the same order and are put side by side, one part at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import polars as pl

from pipeline.replay.sums import FiguresError, Row, by_institution, existing, plain, shares, verdicts_of
from pipeline.replay.what_if.deadline_changes import Histories, deadline_changes
from pipeline.replay.what_if.rule_set import pack_changes
from pipeline.replay.what_if.standing_changes import standing_changes
from rules.packs.pack_set import PackSet
from rules.screens.table import Ruling
from rules.screens.verdict import Screen
from rules.wording.explanation import explain
from topics.verdicts.shape import CLAIM_NAMES, VERDICT

_SIDE = tuple(field.name for field in VERDICT if field.said_by != "claim" and field.name != "standing_revision")
_TOLD = ("disposition", "reason", "exempted_ground", "cost_bearer")
_CLAIM_COLUMNS = ("source_row", *CLAIM_NAMES, "settlement_month")
_PAIR = ("from_disposition", "from_reason", "to_disposition", "to_reason")


def comparison(
    folder: Path, packs: PackSet, other: PackSet, both: tuple[Row, Row], histories: Histories, top: int
) -> Row:
    """The second half of a what-if's figures. `both` are the figures of the first and the second rule set.

    Raises FiguresError when the two halves of the folder do not belong together.
    """
    first, second = both
    flips = flipped_claims(folder, top)
    listed = _explained(flips.pop("listed"), Screen(packs).rulings, Screen(other).rulings)
    standings = standing_changes(
        folder, packs, other, (first["extent"]["first_service"], first["extent"]["last_service"]), top
    )
    return {
        "rules": [
            {
                "regions": list(change.right.regions),
                "from": None if change.left is None else change.left.name,
                "to": change.right.name,
                "changes": [
                    {"key": item.key, "from": plain(item.left), "to": plain(item.right)} for item in change.changes
                ],
            }
            for change in pack_changes(packs, other)
        ],
        "totals": second["totals"],
        "by_reason": second["by_reason"],
        "by_ground": second["by_ground"],
        "standings": second["standings"],
        "by_region": _side_by_side(first["by_region"], second["by_region"], "region"),
        "by_month": _side_by_side(first["by_month"], second["by_month"], "settlement_month"),
        "by_institution": _institutions(folder, top),
        "flips": {**flips, "listed": listed},
        "physicians": standings,
        "deadlines": deadline_changes(folder, packs, other, histories, top),
    }


# -- claims -------------------------------------------------------------------------------------------------------


def _pairs(folder: Path) -> Iterator[pl.DataFrame]:
    """The claims whose verdict is told otherwise, part by part: the claim, `from_...` and `to_...`."""
    parts = sorted((folder / "verdicts").glob("*.parquet"))
    names = [path.name for path in sorted(existing(folder / "other" / "verdicts").glob("*.parquet"))]
    if [path.name for path in parts] != names:
        raise FiguresError(f"{folder / 'other'}: does not hold the same parts as {folder / 'verdicts'}")
    side = (*_SIDE, "ruling")
    for path in parts:
        left = pl.read_parquet(path, columns=[*_CLAIM_COLUMNS, *side])
        right = pl.read_parquet(folder / "other" / "verdicts" / path.name, columns=["source_row", *side])
        if not left["source_row"].equals(right["source_row"]):
            raise FiguresError(f"{path.name}: the two rule sets judged different claims; replay both anew")
        told = pl.any_horizontal(pl.col(f"from_{name}").ne_missing(pl.col(f"to_{name}")) for name in _TOLD)
        yield (
            left.rename({name: f"from_{name}" for name in side})
            .hstack(right.drop("source_row").rename({name: f"to_{name}" for name in side}))
            .filter(told)
        )


def flipped_claims(folder: Path, top: int) -> Row:
    """Claims whose verdict is told otherwise: how many, by both verdicts, by month; the `top` that flip and are the largest.

    Raises FiguresError, as `comparison`.
    """
    matrix: list[pl.DataFrame] = []
    months: list[pl.DataFrame] = []
    listed: pl.DataFrame | None = None
    claims, money = pl.len().alias("claims"), pl.col("fund_amount").sum().alias("amount")
    for changed in _pairs(folder):
        flipped = changed.filter(pl.col("from_disposition") != pl.col("to_disposition"))
        matrix.append(changed.group_by(_PAIR).agg(claims, money))
        months.append(flipped.group_by("settlement_month", "from_disposition", "to_disposition").agg(claims, money))
        both = flipped if listed is None else pl.concat([listed, flipped])
        size = pl.col("fund_amount").cast(pl.Decimal(38, 2)).abs()
        listed = both.sort(size, "source_row", descending=[True, False]).head(top)
    if listed is None:
        return {
            "claims": 0,
            "amount": "0.00",
            "told_otherwise": 0,
            "matrix": [],
            "by_month": [],
            "listed": pl.DataFrame(),
        }
    pairs = _summed(matrix, _PAIR)
    flips = [row for row in pairs if row["from_disposition"] != row["to_disposition"]]
    return {
        "claims": sum(row["claims"] for row in flips),
        "amount": f"{sum((Decimal(row['amount']) for row in flips), Decimal()):.2f}",
        "told_otherwise": sum(row["claims"] for row in pairs) - sum(row["claims"] for row in flips),
        "matrix": pairs,
        "by_month": sorted(
            _summed(months, ("settlement_month", "from_disposition", "to_disposition")),
            key=lambda row: (row["settlement_month"], row["from_disposition"], row["to_disposition"]),
        ),
        "listed": listed,
    }


def _summed(frames: Sequence[pl.DataFrame], keys: Sequence[str]) -> list[Row]:
    sums = pl.concat(frames).group_by(keys).agg(pl.col("claims").sum(), pl.col("amount").sum())
    sums = sums.with_columns(pl.col(pl.Enum, pl.Categorical).cast(pl.String))
    order = sums.sort(["claims", *keys], descending=[True, *[False] * len(keys)])
    return [{key: plain(value) for key, value in row.items()} for row in order.to_dicts()]


def _explained(listed: pl.DataFrame, before: Sequence[Ruling], after: Sequence[Ruling]) -> list[Row]:
    """The flips that are listed, each with both verdicts in full."""
    rows = []
    for row in listed.to_dicts():
        claim = {name: plain(row[name]) for name in ("source_row", *CLAIM_NAMES)}
        rows.append({**claim, "from": _side(row, "from", before), "to": _side(row, "to", after)})
    return rows


def _side(row: Row, side: str, rulings: Sequence[Ruling]) -> Row:
    told = {name: row[f"{side}_{name}"] for name in _SIDE}
    period = told["penalty_period"]
    told["penalty_period"] = None if period is None else [plain(period["from"]), plain(period["to"])]
    told["explanation"] = explain(
        rulings[row[f"{side}_ruling"]],
        row["physician_code"],
        row["institution_code"],
        row["encounter_type"],
        plain(row["service_date"]),
        told["standing"],
        told["penalty_period"],
        plain(row["fund_amount"]),
    )
    return told


# -- money --------------------------------------------------------------------------------------------------------

_MONEY = ("paid_amount", "withheld_amount", "in_review_amount")


def _side_by_side(first: Sequence[Row], second: Sequence[Row], key: str) -> list[Row]:
    """Money by one key under both rule sets, and by how much what is paid differs."""
    after = {row[key]: row for row in second}
    rows = []
    for row in first:
        other = after[row[key]]
        rows.append(
            {
                key: row[key],
                "claims": row["claims"],
                **{f"from_{name}": row[name] for name in _MONEY},
                **{f"to_{name}": other[name] for name in _MONEY},
                "paid_difference": f"{Decimal(other['paid_amount']) - Decimal(row['paid_amount']):.2f}",
            }
        )
    return rows


def _institutions(folder: Path, top: int) -> Row:
    """The institutions whose paid share differs most, one by one; how many others it touches, and by how much."""
    first, second = (
        shares(by_institution(verdicts_of(place)), "institution_code") for place in (folder, folder / "other")
    )
    rows = [row for row in _side_by_side(first, second, "institution_code") if _moved(row)]
    rows.sort(key=lambda row: (-abs(Decimal(row["paid_difference"])), row["institution_code"]))
    rest = sum((Decimal(row["paid_difference"]) for row in rows[top:]), Decimal())
    return {"top": rows[:top], "rest": {"institutions": len(rows[top:]), "paid_difference": f"{rest:.2f}"}}


def _moved(row: Row) -> bool:
    return any(row[f"from_{name}"] != row[f"to_{name}"] for name in _MONEY)
