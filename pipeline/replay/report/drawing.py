"""How the report's charts are drawn: colours, fonts, axes, bars with their values beside them, and the way to SVG.

The three colours differ in lightness as much as in hue, so that they can be told apart in black and white and by colour-blind
readers: what is paid is light, what waits for a person is middling, what is withheld is dark.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import altair as alt
import vl_convert

from pipeline.replay.report.lettering import DRAWN_IN, fitted, width
from pipeline.replay.sums import Row
from rules.text import Lang

PAID, IN_REVIEW, WITHHELD = "#c9dcef", "#e2963a", "#173f6b"
INK, _RULE = "#1c2430", "#d5dae1"

_CHINESE = '"Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", "WenQuanYi Micro Hei"'
_LATIN = '"Noto Sans", "Segoe UI", "Helvetica Neue", Arial, "Liberation Sans", "DejaVu Sans"'
FONTS = f"{_CHINESE}, {_LATIN}, sans-serif"
LATIN = f"{_LATIN}, {_CHINESE}, sans-serif"
"""Fonts of the system. In English the Latin ones come first: Chinese fonts set quotation marks as wide as a character."""

WIDTH = 660
_LEGEND_GAP = 28
"""Pixels between the words of a legend: the machine that draws may have no Chinese font, and then takes Chinese for narrower."""

NAME_LIMIT = 250
_MONTHS_NAMED = 24

_TEXT: dict[str, tuple[str, str]] = {
    "claims": ("结算记录（笔）", "claims"),
    "month": ("结算月份", "month of settlement"),
    "physicians": ("医师（人）", "physicians"),
    "points": ("曾达到的最高记分（分）", "highest points ever reached"),
    "amount": ("基金支付额", "fund share"),
    "difference": ("金额之差", "difference"),
    "withheld": ("不予结算", "withheld"),
    "in_review": ("转人工", "in review"),
    "paid": ("予以结算", "paid"),
}


def word(key: str, lang: Lang) -> str:
    """A word of the charts."""
    return _TEXT[key][lang == "en"]


def to_svg(chart: Any, name: str, lang: Lang) -> str:
    """The chart as SVG that fits its column, whose inner names do not clash with another chart's."""
    spec = chart.configure(
        font=DRAWN_IN,
        background="transparent",
        axis=alt.AxisConfig(
            labelFontSize=11,
            titleFontSize=11,
            titleFontWeight="normal",
            labelColor=INK,
            titleColor=INK,
            gridColor=_RULE,
            domainColor=_RULE,
            tickColor=_RULE,
        ),
        legend=alt.LegendConfig(
            orient="top",
            title=None,
            labelFontSize=12,
            labelColor=INK,
            symbolType="square",
            symbolStrokeWidth=0.6,
            columnPadding=_LEGEND_GAP,
        ),
        view=alt.ViewConfig(stroke=None),
    ).to_dict()
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    svg = fitted(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]), FONTS if lang == "zh" else LATIN)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = svg.replace("url(#", f"url(#{name}-")
    return re.sub(r'(<svg[^>]*?) width="[\d.]+" height="[\d.]+"', r"\1", svg, count=1)


def table(rows: Sequence[Row]) -> alt.Data:
    """Rows as a chart's data."""
    return alt.Data(values=list(rows))  # type: ignore[no-untyped-call]  # altair's own constructor


def month_names(rows: Sequence[Row], key: str = "settlement_month") -> list[str]:
    """Every month from the first to the last, YYYY-MM, those without claims too."""
    named = sorted(row[key][:7] for row in rows)
    if not named:
        return []
    first, last = (int(month[:4]) * 12 + int(month[5:]) - 1 for month in (named[0], named[-1]))
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in range(first, last + 1)]


def month_axis(months: Sequence[str], lang: Lang) -> alt.X:
    """Months in order: each by name, or, where there are many, the years at their Januaries."""
    if len(months) <= _MONTHS_NAMED:
        axis = alt.Axis(title=word("month", lang), labelAngle=-45, labelOverlap=False)
    else:
        years = [month for month in months if month.endswith("-01")]
        axis = alt.Axis(title=word("month", lang), values=years, labelExpr="slice(datum.value, 0, 4)", labelAngle=0)
    return alt.X("month:N", sort=list(months), scale=alt.Scale(domain=list(months), paddingInner=0.12), axis=axis)


def shares_axis(lang: Lang, names: Sequence[str]) -> alt.Color:
    """Colour by what becomes of the money, with its legend."""
    colours = {"withheld": WITHHELD, "in_review": IN_REVIEW, "paid": PAID}
    return alt.Color(
        "share:N",
        scale=alt.Scale(domain=[word(name, lang) for name in names], range=[colours[name] for name in names]),
        legend=alt.Legend(orient="top", title=None),
    )


def money_unit(largest: Decimal, lang: Lang) -> tuple[int, str]:
    """The unit in which a chart counts money, and its name."""
    if lang == "zh":
        return (10_000, "万元") if largest >= 100_000 else (1, "元")
    if largest >= 10_000_000:
        return 1_000_000, "million yuan"
    return (1_000, "thousand yuan") if largest >= 10_000 else (1, "yuan")


def with_unit(key: str, lang: Lang, unit: str) -> str:
    """An axis title with the unit it counts in."""
    return f"{word(key, lang)}（{unit}）" if lang == "zh" else f"{word(key, lang)} ({unit})"


def unlike(text: str, number: int) -> str:
    """A bar's name; bars of one name must not become one bar."""
    return text + "\u200b" * number


def bar_label(amount: Decimal, claims: int, lang: Lang, unit: str = "", places: int = 1) -> str:
    """What stands beside a bar: money in the chart's unit (or in `unit`), and claims."""
    money = f"{amount:,.{places}f}{unit}"
    if lang == "zh":
        return f"{money}（{claims:,} 笔）"
    return f"{money} ({claims:,} {'claim' if claims == 1 else 'claims'})"


def _room_for(names: Sequence[str]) -> int:
    """Pixels that the names of bars take at their left."""
    return math.ceil(min(NAME_LIMIT, max(width(name) for name in names))) + 4


def name_axis(names: Sequence[str]) -> alt.Axis:
    """The axis of the bars' names, a name in two lines with a line break, which has the room that the longest of them needs."""
    room = _room_for(names)
    return alt.Axis(
        labelLimit=NAME_LIMIT,
        labelExpr="split(datum.label, '\\n')",
        ticks=False,
        domain=False,
        minExtent=room,
        maxExtent=room,
    )


def bar_scale(lowest: float, largest: float, names: Sequence[str], labels: Sequence[str]) -> alt.Scale:
    """The scale of horizontal bars, with room for the longest label at the end of the longest bar."""
    plot = WIDTH - _room_for(names) - 20
    room = min(0.6, (max(width(label) for label in labels) + 14) / plot)
    return alt.Scale(domain=[min(0.0, lowest), max(largest, 0.001) / (1 - room)])


def bars(data: list[Row], lang: Lang, title: str, names: Sequence[str]) -> Any:
    """Horizontal bars with their values written beside them; a name in two lines holds a line break."""
    if not data:
        return None
    amounts = [row["amount"] for row in data]
    lines = [line for row in data for line in row["name"].split("\n")]
    base = alt.Chart(table(data), width=WIDTH, height=alt.Step(34 if len(lines) > len(data) else 22)).encode(
        y=alt.Y(
            "name:N",
            sort=[row["name"] for row in data],
            title=None,
            axis=name_axis(lines),
        ),
        x=alt.X(
            "amount:Q",
            title=title,
            scale=bar_scale(min(amounts), max(amounts), lines, [row["label"] for row in data]),
            axis=alt.Axis(format=",~f", tickCount=4),
        ),
    )
    bars = base.mark_bar(height=13, stroke="#8a93a0", strokeWidth=0.4).encode(color=shares_axis(lang, names))
    text = base.mark_text(align="left", dx=4, fontSize=11, color=INK).encode(text="label:N")
    return bars + text
