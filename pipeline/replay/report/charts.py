"""The report's charts: figures in, SVG text out. One set a language, because a chart's words are part of its picture."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import altair as alt

from pipeline.replay.report.drawing import (
    INK,
    PAID,
    WIDTH,
    WITHHELD,
    bar_label,
    bar_scale,
    bars,
    money_unit,
    month_axis,
    month_names,
    name_axis,
    shares_axis,
    table,
    to_svg,
    unlike,
    with_unit,
    word,
)
from pipeline.replay.report.words import disposition, ground
from pipeline.replay.sums import Row
from rules.text import Lang

_ROWS = 15


def charts(found: Row, lang: Lang) -> dict[str, str]:
    """Every chart that the figures have something to show for, by name."""
    units = _units(found, lang)
    made = {
        "verdicts_over_time": _verdicts_over_time(found["by_month"], lang),
        "money_over_time": _money_over_time(found["by_month"], lang, units),
        "by_ground": _by_ground(found["by_ground"], lang, units),
        "by_institution": _by_institution(found["by_institution"]["top"], lang, units),
        "points": _points(found["standings"]["highest_points"], lang),
    }
    if "what_if" in found:
        made["flips"] = _flips(found["what_if"]["flips"]["matrix"], lang)
        made["difference_over_time"] = _difference_over_time(found["what_if"]["by_month"], lang)
    return {name: to_svg(chart, f"{name}-{lang}", lang) for name, chart in made.items() if chart is not None}


def _verdicts_over_time(rows: Sequence[Row], lang: Lang) -> Any:
    months = month_names(rows)
    names = ("withheld", "in_review", "paid")
    data = [
        {
            "month": row["settlement_month"][:7],
            "share": word(name, lang),
            "order": order,
            "claims": row[f"{name}_claims"],
        }
        for row in rows
        for order, name in enumerate(names)
    ]
    if not data:
        return None
    return (
        alt.Chart(table(data), width=WIDTH, height=190)
        .mark_bar(stroke="#9fb3c8", strokeWidth=0.2)
        .encode(
            x=month_axis(months, lang),
            y=alt.Y("claims:Q", stack="zero", title=word("claims", lang), axis=alt.Axis(format=",d", tickCount=5)),
            color=shares_axis(lang, names),
            order=alt.Order("order:Q"),
        )
    )


# -- money --------------------------------------------------------------------------------------------------------


def _units(found: Row, lang: Lang) -> tuple[int, str]:
    largest = max(
        (abs(Decimal(found["totals"][name])) for name in ("withheld_amount", "in_review_amount")), default=Decimal()
    )
    return money_unit(largest / 10, lang)


def _money(text: str, units: tuple[int, str]) -> float:
    return float(Decimal(text) / units[0])


def _money_over_time(rows: Sequence[Row], lang: Lang, units: tuple[int, str]) -> Any:
    names = ("withheld", "in_review")
    data = [
        {
            "month": row["settlement_month"][:7],
            "share": word(name, lang),
            "order": order,
            "amount": _money(row[f"{name}_amount"], units),
        }
        for row in rows
        for order, name in enumerate(names)
    ]
    if not any(row["amount"] for row in data):
        return None
    return (
        alt.Chart(table(data), width=WIDTH, height=170)
        .mark_bar(stroke="#9fb3c8", strokeWidth=0.2)
        .encode(
            x=month_axis(month_names(rows), lang),
            y=alt.Y(
                "amount:Q",
                stack="zero",
                title=with_unit("amount", lang, units[1]),
                axis=alt.Axis(format=",~f", tickCount=5),
            ),
            color=shares_axis(lang, names),
            order=alt.Order("order:Q"),
        )
    )


def _by_ground(rows: Sequence[Row], lang: Lang, units: tuple[int, str]) -> Any:
    """Money not paid by ground, each bar with its amount and its claims."""
    sums: dict[tuple[str, str], tuple[Decimal, int]] = {}
    for row in rows:
        if row["disposition"] != "pay":
            name = "withheld" if row["disposition"] == "reject" else "in_review"
            sums[row["ground"], name] = (Decimal(row["amount"]), row["claims"])
    ordered = sorted(sums.items(), key=lambda item: (-item[1][0], item[0]))[:_ROWS]
    data = [
        {
            "name": unlike(ground(key[0], lang), number),
            "share": word(key[1], lang),
            "amount": float(amount / units[0]),
            "label": bar_label(amount / units[0], claims, lang),
        }
        for number, (key, (amount, claims)) in enumerate(ordered)
    ]
    return bars(data, lang, with_unit("amount", lang, units[1]), ("withheld", "in_review"))


def _by_institution(rows: Sequence[Row], lang: Lang, units: tuple[int, str]) -> Any:
    """The institutions with the most money not paid: withheld and in review, stacked, with the sum beside the bar."""
    shown = [row for row in rows if row["withheld_claims"] or row["in_review_claims"]][:_ROWS]
    if not shown:
        return None
    names = ("withheld", "in_review")
    data = [
        {
            "name": row["institution_code"],
            "share": word(name, lang),
            "order": place,
            "amount": _money(row[f"{name}_amount"], units),
        }
        for row in shown
        for place, name in enumerate(names)
    ]
    sums = [
        {
            "name": row["institution_code"],
            "amount": max(0.0, _money(row["withheld_amount"], units))
            + max(0.0, _money(row["in_review_amount"], units)),
            "label": bar_label(
                (Decimal(row["withheld_amount"]) + Decimal(row["in_review_amount"])) / units[0],
                row["withheld_claims"] + row["in_review_claims"],
                lang,
            ),
        }
        for row in shown
    ]
    order = [row["institution_code"] for row in shown]
    y = alt.Y("name:N", sort=order, title=None, axis=name_axis(order))
    x = alt.X(
        "amount:Q",
        title=with_unit("amount", lang, units[1]),
        scale=bar_scale(
            min(row["amount"] for row in data),
            max(row["amount"] for row in sums),
            order,
            [row["label"] for row in sums],
        ),
        axis=alt.Axis(format=",~f", tickCount=4),
        stack="zero",
    )
    bars = (
        alt.Chart(table(data), width=WIDTH, height=alt.Step(21))
        .mark_bar(height=13, stroke="#8a93a0", strokeWidth=0.4)
        .encode(y=y, x=x, color=shares_axis(lang, names), order=alt.Order("order:Q"))
    )
    text = alt.Chart(table(sums)).mark_text(align="left", dx=4, fontSize=11, color=INK)
    return bars + text.encode(y=y, x=alt.X("amount:Q"), text="label:N")


# -- physicians ---------------------------------------------------------------------------------------------------


def _points(rows: Sequence[Row], lang: Lang) -> Any:
    """Physicians by the most points they ever had; those without any are told in the caption, or they would hide the rest."""
    sums: dict[int, int] = {}
    for row in rows:
        if row["points"]:
            sums[row["points"]] = sums.get(row["points"], 0) + row["physicians"]
    if not sums:
        return None
    data = [
        {"points": points, "physicians": sums.get(points, 0), "label": f"{sums[points]:,}" if points in sums else ""}
        for points in range(1, max(sums) + 1)
    ]
    base = alt.Chart(table(data), width=WIDTH, height=170).encode(
        x=alt.X("points:O", title=word("points", lang), axis=alt.Axis(labelAngle=0)),
        y=alt.Y("physicians:Q", title=word("physicians", lang), axis=alt.Axis(format=",d", tickCount=4)),
    )
    bars = base.mark_bar(color=WITHHELD, width={"band": 0.7})
    return bars + base.mark_text(dy=-7, fontSize=11, color=INK).encode(text="label:N")


# -- what if ------------------------------------------------------------------------------------------------------


def _flips(rows: Sequence[Row], lang: Lang) -> Any:
    """Claims whose disposition flips, by what they were and what they become; coloured by what they become."""
    shown = [row for row in rows if row["from_disposition"] != row["to_disposition"]][:_ROWS]
    became = {"reject": "withheld", "review": "in_review", "pay": "paid"}
    data = [
        {
            "name": unlike(_flip(row, lang), number),
            "share": word(became[row["to_disposition"]], lang),
            "amount": row["claims"],
            "label": _flip_label(row, lang),
        }
        for number, row in enumerate(shown)
    ]
    names = [
        name for name in ("withheld", "in_review", "paid") if any(row["share"] == word(name, lang) for row in data)
    ]
    return bars(data, lang, word("claims", lang), names)


def _flip(row: Row, lang: Lang) -> str:
    def side(which: str) -> str:
        result, reason = row[f"{which}_disposition"], row[f"{which}_reason"]
        short = disposition(result, lang)
        return short if reason == "ok" else f"{short}: {ground(reason, lang)}"

    return f"{side('from')}\n→ {side('to')}"


def _flip_label(row: Row, lang: Lang) -> str:
    amount = Decimal(row["amount"])
    scale, unit = money_unit(abs(amount), lang)
    return bar_label(amount / scale, row["claims"], lang, f" {unit}", 0 if scale == 1 else 1)


def _difference_over_time(rows: Sequence[Row], lang: Lang) -> Any:
    """By how much the second rule set pays more (up) or less (down), month by month."""
    amounts = [Decimal(row["paid_difference"]) for row in rows]
    if not any(amounts):
        return None
    scale, unit = money_unit(max(abs(amount) for amount in amounts), lang)
    data = [
        {
            "month": row["settlement_month"][:7],
            "amount": float(amount / scale),
            "sign": "more" if amount > 0 else "less",
        }
        for row, amount in zip(rows, amounts, strict=True)
    ]
    return (
        alt.Chart(table(data), width=WIDTH, height=150)
        .mark_bar(stroke="#9fb3c8", strokeWidth=0.2)
        .encode(
            x=month_axis(month_names(rows), lang),
            y=alt.Y("amount:Q", title=with_unit("difference", lang, unit), axis=alt.Axis(format=",~f", tickCount=5)),
            color=alt.Color("sign:N", scale=alt.Scale(domain=["less", "more"], range=[WITHHELD, PAID]), legend=None),
        )
    )
