"""The report of a replay: one HTML file with everything in it, in Chinese and English, made to be printed and handed over.

Nothing is fetched when it is opened: styles, charts and the switch between the languages stand in the file, fonts are those of
the reader's system. What is printed is the language chosen on the screen. The page shows the figures of `report.json` and no
others; each carries the place in that file from which it comes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from pipeline.replay.knowledge.register import histories, read_events
from pipeline.replay.report import words
from pipeline.replay.report.charts import charts
from pipeline.replay.report.drawing import FONTS, IN_REVIEW, LATIN, PAID, WITHHELD
from pipeline.replay.report.figures import figures, write_figures
from pipeline.replay.report.summary import sentences
from pipeline.replay.sums import Row
from pipeline.replay.what_if.deadline_changes import Histories
from pipeline.web.templates import template
from pipeline.whole_files import write_whole
from rules.dossier import fold
from rules.packs.pack_set import PackSet

if TYPE_CHECKING:
    from pipeline.replay.run.engine import Job

_CHARTS: dict[str, tuple[str, str]] = {
    "verdicts_over_time": ("各月判定结果", "Verdicts over time"),
    "money_over_time": ("各月未予结算的金额", "Money not paid over time"),
    "by_ground": ("未予结算金额，按事由", "Money not paid, by ground"),
    "by_institution": ("未予结算金额最多的机构", "Institutions with most money not paid"),
    "points": ("医师曾达到的最高记分", "Physicians by the highest points they ever had"),
    "flips": ("处理结果改变的结算记录", "Claims that flip"),
    "difference_over_time": (
        "各月予以结算金额之差（第二套减第一套）",
        "Difference in what is paid, second rule set less the first",
    ),
}

_INPUTS_SHOWN = 12


def write_report(
    folder: Path, packs: PackSet, other: PackSet | None = None, *, known: Histories = ()
) -> tuple[Path, Path]:
    """Writes report.json and report.html into the folder of a complete replay, and returns their paths.

    `packs` and `other` are the rule sets of the replay, `known` the `histories` of `figures`. The same replay gives the same
    bytes. Raises FiguresError when the folder holds no complete replay.
    """
    found = figures(folder, packs, other, histories=known)
    data, page = folder / "report.json", folder / "report.html"
    write_figures(found, data)
    write_whole(page, render(found))
    return data, page


def report_of(job: Job) -> tuple[Path, Path]:
    """The report of a job that has run, as `write_report`; reads the events again when there are deadlines to compare."""
    known: Histories = ()
    if job.other is not None:
        known = _known(histories(read_events(job.events, job.packs)), job.clock.day)
    return write_report(job.out, job.packs, job.other, known=known)


def _known(every: Histories, day: dt.date | None) -> Histories:
    """The dossiers as far as they were known on a day (None: all of them)."""
    for region, code, dossier in every:
        yield region, code, dossier if day is None else fold(dossier.events, day)


def render(found: Row) -> str:
    """The report as HTML, from its figures."""
    drawn = {lang: charts(found, lang) for lang in ("zh", "en")}
    return template("pipeline.replay.report", "report.html.j2").render(
        f=found,
        second=found.get("what_if"),
        run=found["provenance"],
        inputs_shown=_INPUTS_SHOWN,
        summary=sentences(found),
        drawn={lang: {name: Markup(svg) for name, svg in every.items()} for lang, every in drawn.items()},
        titles=_CHARTS,
        words=words,
        fig=_figure(found),
        fonts=Markup(FONTS),
        latin=Markup(LATIN),
        colours={"paid": PAID, "withheld": WITHHELD, "in_review": IN_REVIEW},
    )


def _figure(found: Row) -> Callable[[str], Markup]:
    """Shows one figure by its place in report.json, and marks it with that place."""

    def figure(place: str) -> Markup:
        value: Any = found
        for part in place.split("."):
            value = value[int(part)] if isinstance(value, list) else value[part]
        if isinstance(value, str):
            last = place.rpartition(".")[2]
            text = words.signed(value) if "difference" in last else words.yuan(value)
        else:
            text = words.count(value)
        return Markup('<span class="n" data-figure="{}">{}</span>').format(place, text)

    return figure
