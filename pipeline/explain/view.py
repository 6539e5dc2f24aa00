"""An explained decision on a terminal, and as data for scripts."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from pipeline.explain.explaining import Explained
from pipeline.telemetry.console import Table
from rules.text import Lang, pick
from rules.vocabulary import Disposition, EncounterType, Standing
from rules.wording.chain import Chain, Line
from rules.wording.labels import DISPOSITION, ENCOUNTER, STANDING

_COLOUR = {"pay": "green", "reject": "red", "review": "yellow"}


_DATE = re.compile(r"(?<=[^\s(])(?=\d{4}-\d\d-\d\d)")


def _w(zh: str, en: str, lang: Lang) -> str:
    return zh if lang == "zh" else en


def _text(said: Any, lang: Lang) -> str:
    """A sentence for the terminal. Chinese has no spaces, so a place to break the line is put before every date."""
    return escape(_DATE.sub(" ", said.zh) if lang == "zh" else said.en)


def parts(story: Chain, verdict: Mapping[str, Any], as_of: dt.date | None, lang: Lang) -> Iterator[RenderableType]:
    """The explanation, section by section."""
    yield _head(story, verdict, lang)
    known = _w("全部已登记事件", "everything recorded", lang) if as_of is None else str(as_of)
    title = _w(
        f"经过（据{known}）",
        f"History (as known: {known})" if as_of is None else f"History (as known on {as_of})",
        lang,
    )
    yield from _section(title, _history(story, lang))
    if story.window:
        yield from _section(_w("期限与分值", "Window and points", lang), _sentences(story.window, lang))
    if story.next_steps:
        yield from _section(_w("下一步", "What can be done next", lang), _next(story, lang))
    if story.issues:
        rows = [f"{escape(issue.event_id)}: {_text(issue, lang)}" for issue in story.issues]
        yield from _section(_w("登记中的矛盾", "Contradictions in the file", lang), "\n".join(rows))


def _section(title: str, body: RenderableType) -> Iterator[RenderableType]:
    yield Text("")
    yield Text(title, style="bold cyan")
    yield Padding(body, (0, 0, 0, 2), expand=False)


def _head(story: Chain, verdict: Mapping[str, Any], lang: Lang) -> RenderableType:
    disposition = Disposition(verdict["disposition"])
    kind = pick(ENCOUNTER[EncounterType(verdict["encounter_type"])], lang)
    who = verdict["physician_code"] or _w("（缺）", "(none)", lang)
    line = _w(
        f"{verdict['claim_id']}  {verdict['service_date']} {kind}  医师{who}  机构{verdict['institution_code']}",
        f"{verdict['claim_id']}  {kind} service of {verdict['service_date']}  physician {who}  at {verdict['institution_code']}",
        lang,
    )
    colour = _COLOUR[disposition]
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    verb = pick(DISPOSITION[disposition], lang).upper()
    grid.add_row(_w("裁定", "decision", lang), f"[bold {colour}]{verb}[/] {verdict['reason']}")
    grid.add_row("", _text(story.decision, lang))
    grid.add_row(_w("事由", "ground", lang), _text(story.ground, lang))
    grid.add_row(_w("依据", "article", lang), _text(story.articles, lang))
    grid.add_row(_w("当日状态", "standing", lang), pick(STANDING[Standing(verdict["standing"])], lang))
    return Group(Text(line, style="bold"), Padding(grid, (0, 0, 0, 2), expand=False))


def _history(story: Chain, lang: Lang) -> RenderableType:
    if not story.history:
        return Text(_w("没有与本次服务有关的事件。", "No event bears on this service.", lang))
    moved = any(line.reached is not None for line in story.history)
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    table.add_column(_w("日期", "date", lang), no_wrap=True)
    table.add_column(_w("事件", "event", lang), overflow="fold")
    if moved:
        table.add_column(_w("分", "points", lang), no_wrap=True, justify="right")
        table.add_column(_text(story.period, lang), no_wrap=True, justify="right")
        if story.by_year:
            table.add_column(_w("年度", "year", lang), no_wrap=True, justify="right")
    for line in story.history:
        text = f"{_text(line.text, lang)} [dim]{escape(line.event_id)}[/]"
        text += "".join(f"\n[bold]→ {_text(said, lang)}[/]" for said in line.effects)
        cells = ["[red]●[/]" if line.cause else "", line.date.isoformat(), text]
        table.add_row(*cells, *(_totals(line, lang)[: 3 if story.by_year else 2] if moved else ()))
    notes = (
        [_w("● 构成当日状态的事件", "● the events behind the standing on that day", lang)]
        if any(line.cause for line in story.history)
        else []
    )
    if story.later:
        notes.append(
            _w(
                f"服务日期之后另有{story.later}项事件，不影响本次服务（T2）",
                f"{story.later} event(s) dated after the service say nothing about it (T2)",
                lang,
            )
        )
    return Group(table, Text("\n".join(notes), style="dim"))


def _totals(line: Line, lang: Lang) -> tuple[str, str, str]:
    if line.reached is None or line.points is None:
        return "", "", ""
    sign = f"+{line.points}" if line.points >= 0 else f"{line.points}"
    if line.offset and line.points > 0:
        sign += _w(f"，抵{line.offset}", f", {line.offset} offset", lang)
    return sign, str(line.reached), str(line.year_total)


def _sentences(said: tuple[Any, ...], lang: Lang) -> str:
    return "\n".join(_text(sentence, lang) for sentence in said)


def _next(story: Chain, lang: Lang) -> RenderableType:
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for zh, en in (("谁", "who"), ("做什么", "does what"), ("何时", "when"), ("条款", "article")):
        table.add_column(_w(zh, en, lang), overflow="fold", no_wrap=en == "article")
    for step in story.next_steps:
        table.add_row(
            _text(step.actor, lang),
            _text(step.act, lang),
            _text(step.when, lang),
            escape(step.citation),
        )
    return table


def _both(said: Any) -> dict[str, str]:
    return {"zh": said.zh, "en": said.en}


def events_used(told: Explained) -> dict[str, Any]:
    """By how many events the claim was judged, and how many of the file are of others."""
    return {
        "area": told.area,
        "physician": told.own,
        "institution": told.institution,
        "others": told.others,
        "unusable": len(told.unusable),
        "elsewhere": list(told.elsewhere),
    }


def say_events(told: Explained, file: str, lang: Lang) -> str:
    """By what the claim was judged, in a sentence."""
    return _w(
        f"依据 {file}：统筹区{told.area}，该医师事件{told.own}件，该机构事件{told.institution}件；"
        f"其他人员、机构的事件{told.others}件，未用",
        f"Judged by {file}: in area {told.area} {_of(told.own)} of the physician and {_of(told.institution)} of the institution; "
        f"{_of(told.others)} of others were not used",
        lang,
    )


def say_unknown(told: Explained, lang: Lang) -> str | None:
    """That the events know nothing of the claim's physician in its area, if that is so."""
    code = told.verdict["physician_code"]
    if code is None or told.own:
        return None
    known = "" if told.as_of is None else _w(f"截至{told.as_of}，", f" as of {told.as_of}", lang)
    places = ", ".join(told.elsewhere)
    also = _w(f"；该医师在{places}有事件", f"; it has events of this physician in {places}", lang) if places else ""
    return _w(
        f"{known}登记事件中没有医师{code}在统筹区{told.area}的事件：按未登记判定{also}",
        f"the events know no physician {code} in area {told.area}{known}: judged as not registered there{also}",
        lang,
    )


def _of(number: int) -> str:
    return f"{number:,} event{'' if number == 1 else 's'}"


def as_data(story: Chain, verdict: Mapping[str, Any], as_of: dt.date | None) -> dict[str, Any]:
    """The explanation as JSON data, every text in both languages. `citation` and dates are plain strings."""
    return {
        "verdict": dict(verdict),
        "as_of": None if as_of is None else as_of.isoformat(),
        "explanation": _both(story.summary),
        "decision": _both(story.decision),
        "ground": _both(story.ground),
        "articles": _both(story.articles),
        "history": [
            {
                "date": line.date.isoformat(),
                "event_id": line.event_id,
                "text": _both(line.text),
                "points": line.points,
                "offset": line.offset,
                "total": line.reached,
                "year_total": line.year_total,
                "effects": [_both(said) for said in line.effects],
                "cause": line.cause,
            }
            for line in story.history
        ],
        "later_events": story.later,
        "window": [_both(said) for said in story.window],
        "next": [
            {
                "actor": _both(step.actor),
                "act": _both(step.act),
                "when": _both(step.when),
                "from": None if step.opens is None else step.opens.isoformat(),
                "until": None if step.due_on is None else step.due_on.isoformat(),
                "citation": step.citation,
            }
            for step in story.next_steps
        ],
        "issues": [{"code": issue.code, "event_id": issue.event_id, **_both(issue)} for issue in story.issues],
    }
