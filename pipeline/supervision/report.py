"""The measures as lines for people in either language, as one object for scripts, as a file of stays, and as metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.supervision.measures import GROWTH, Measures, Spending
from pipeline.telemetry.supervision_metrics import SupervisionMetrics
from rules.text import Lang


def lines(found: Measures, lang: Lang) -> Iterator[str]:
    """What people read, with the article behind each measure."""
    zh = lang == "zh"
    for one in found.areas:
        yield f"{one.area}  {_spent(one, found.year, lang)} (001 篇8 二(二)7)"
    for one in found.top:
        said = f"基金支出{one.fund:,.2f}元，居前五" if zh else f"{one.fund:,.2f} yuan, among the five that use most"
        yield f"{one.area} {one.institution}  {said} (001 篇5 三(三))"
    for one in found.growing:
        if one.institution is not None:
            yield f"{one.area} {one.institution}  {_spent(one, found.year, lang)}"
    drawn = len(found.sample)
    yield (
        f"{found.year - 1}年出院{found.discharges}人次，抽查病历{drawn}份 (001 篇5 三(一)(5))"
        if zh
        else f"{found.discharges:,} discharges in {found.year - 1}, {drawn:,} records to review (001 篇5 三(一)(5))"
    )
    if found.suspects is not None:
        share = "—" if found.suspects.share is None else f"{found.suspects.share:.1%}"
        reviewed, cases = found.suspects.reviewed, found.suspects.cases
        yield (
            f"疑点{cases}件，已处理{reviewed}件，占{share}，应为100% (001 篇5 三(一)(4))"
            if zh
            else f"{cases:,} suspects, {reviewed:,} decided, {share} of 100 % (001 篇5 三(一)(4))"
        )


def _spent(one: Spending, year: int, lang: Lang) -> str:
    growth = one.growth
    told = f"{one.fund:,.2f}元" if lang == "zh" else f"{one.fund:,.2f} yuan in {year}"
    if growth is None:
        return f"{year}年{told}，上年无支出" if lang == "zh" else f"{told}, nothing in the year before"
    over = one.exceeds
    if lang == "zh":
        return f"{year}年{told}，增长{growth:.1%}{f'，超过{GROWTH:.0%}' if over else ''}"
    return f"{told}, {growth:+.1%}{f', more than {GROWTH:.0%}' if over else ''}"


def row(found: Measures) -> dict[str, Any]:
    """The same for scripts; money as decimal strings, growth as a ratio."""
    return {
        "year": found.year,
        "areas": [_row(one) for one in found.areas],
        "top": [_row(one) for one in found.top],
        "growing": [_row(one) for one in found.growing],
        "discharges": found.discharges,
        "sample": list(found.sample),
        "suspects": None if found.suspects is None else {**found.suspects._asdict(), "share": found.suspects.share},
    }


def _row(one: Spending) -> dict[str, Any]:
    growth = None if one.growth is None else round(float(one.growth), 6)
    return {
        "area": one.area,
        "institution_code": one.institution,
        "fund_amount": f"{one.fund:.2f}",
        "before": f"{one.before:.2f}",
        "growth": growth,
        "exceeds": one.exceeds,
    }


def write_sample(path: Path, found: Measures) -> None:
    """The stays to review, one JSON object a line. Raises OSError."""
    text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in found.sample)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, "utf-8")
    part.replace(path)


def write_metrics(path: Path, found: Measures, seconds: float) -> None:
    """The measures as metrics of a run that is named by the file. Raises OSError."""
    metrics, run = SupervisionMetrics(), path.stem
    for one in found.areas:
        metrics.fund.labels(run, one.area, "this").set(float(one.fund))
        metrics.fund.labels(run, one.area, "before").set(float(one.before))
        if one.growth is not None:
            metrics.growth.labels(run, one.area).set(float(one.growth))
        growing = sum(other.area == one.area and other.institution is not None for other in found.growing)
        metrics.growing.labels(run, one.area).set(growing)
    for one in found.top:
        metrics.top.labels(run, one.area, one.institution or "").set(float(one.fund))
    metrics.discharges.labels(run, "all").set(found.discharges)
    metrics.discharges.labels(run, "sample").set(len(found.sample))
    if found.suspects is not None:
        metrics.cases.labels(run, "all").set(found.suspects.cases)
        metrics.cases.labels(run, "decided").set(found.suspects.reviewed)
    metrics.ended(path, run, completed=True, seconds=seconds)
    metrics.write(path)
