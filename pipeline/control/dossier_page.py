"""One physician's dossier as a page (一医一档): status, points, windows, deadlines, history, contradictions.

The national opinion has institutions give every person this look-up of status and points (`003 三¶2`). The page is one
self-contained document in Chinese or English, fit to be read and to be printed. Pure: the day is an argument.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.web.templates import template
from rules.dossier import Dossier
from rules.duties import Duty, State
from rules.packs.pack import Pack
from rules.packs.pack_set import Law
from rules.standing import Statement, span_on
from rules.text import Lang, Pair, pick
from rules.timeline import Span, Window
from rules.vocabulary import SiteStatus, Standing
from rules.wording.chain import Line, account_lines
from rules.wording.labels import FLAG, STANDING


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What the page tells. `revision` is that of the published standing (None: nothing is published yet)."""

    region: str
    physician_code: str
    pack: Pack
    law: Law
    dossier: Dossier
    statement: Statement
    duties: tuple[Duty, ...]
    today: dt.date
    revision: int | None = None


class Row(NamedTuple):
    """A row of a table; `tone` colours it: good, warn, bad, dim or nothing."""

    cells: tuple[str, ...]
    tone: str = ""


_STATE: dict[State, Pair] = {
    "to_come": ("未到", "to come"),
    "running": ("期限内", "running"),
    "last_day": ("最后一日", "last day"),
    "missed": ("已过期限", "limit passed"),
    "lapsed": ("未行使，已过期限", "not used; its time has passed"),
    "met": ("已办理", "done"),
    "met_late": ("逾期办理", "done too late"),
    "no_limit": ("未定天数", "no number of days"),
    "possible": ("已可办理", "possible now"),
    "void": ("已撤销", "void"),
    "provisional": ("当年节假日未公布，逾期与否未定", "open: the year's public holidays are not known"),
}
_TONE: dict[State, str] = {
    "last_day": "warn",
    "missed": "bad",
    "met": "good",
    "met_late": "warn",
    "possible": "good",
    "void": "dim",
    "lapsed": "dim",
    "to_come": "dim",
}
_STANDING_TONE: dict[Standing, str] = {
    Standing.NORMAL: "good",
    Standing.UNREGISTERED: "dim",
    Standing.CAUTIONED_6: "warn",
    Standing.CAUTIONED_10: "warn",
    Standing.PENALTY_PENDING: "warn",
    Standing.SUSPENSION_PENDING: "warn",
    Standing.BLACKLIST_PENDING: "warn",
    Standing.POINTS_FULL_ONCE: "warn",
    Standing.AGREEMENT_EXPIRED: "warn",
}
_SITE: dict[SiteStatus, Pair] = {
    SiteStatus.DECLARED: ("已申报", "declared"),
    SiteStatus.OPTED_OUT: ("申请不纳入", "opted out"),
    SiteStatus.LISTED: ("外配处方医师", "listed prescriber"),
}


def render(facts: PageFacts, lang: Lang = "zh") -> str:
    """The page as HTML; everything that comes from outside is escaped."""
    return _rendered("dossier.html.j2", facts, lang)


def render_body(facts: PageFacts, lang: Lang) -> str:
    """The sections of the page alone, for a page that has its own head and style."""
    return _rendered("dossier_body.html.j2", facts, lang)


def _rendered(name: str, facts: PageFacts, lang: Lang) -> str:
    span = span_on(facts.statement.timeline.spans, facts.today)
    standing = span.standing if span is not None else _without_span(facts.pack)
    return template("pipeline.control", name).render(
        lang=lang,
        other="en" if lang == "zh" else "zh",
        region=facts.region,
        physician=facts.physician_code,
        pack=facts.pack.name,
        title=getattr(facts.pack.title, lang),
        today=facts.today.isoformat(),
        revision=facts.revision,
        status=pick(STANDING[standing], lang) + (_carried(span, lang) if span is not None else ""),
        tone=_STANDING_TONE.get(standing, "bad"),
        articles=", ".join(span.citations) if span is not None else "",
        status_rows=tuple(_status(span, facts, lang)),
        flags=tuple(pick(FLAG[flag], lang) for flag in (span.flags if span is not None else ())),
        windows=tuple(_spans(facts, lang)),
        contested=facts.statement.timeline.contested is not None,
        duties=tuple(_duties(facts, lang)),
        history=tuple(_history(facts, span, lang)),
        sites=tuple(_sites(facts, lang)),
        issues=tuple(Row((issue.event_id, getattr(issue, lang)), "warn") for issue in facts.statement.issues),
    )


def _without_span(pack: Pack) -> Standing:
    return Standing.UNREGISTERED if pack.registration_required else Standing.NORMAL


def _w(zh: str, en: str, lang: Lang) -> str:
    return zh if lang == "zh" else en


def _days(start: dt.date | None, end: dt.date | None, lang: Lang) -> str:
    first, last = (None if day is None else day.isoformat() for day in (start, end))
    if last is None:
        return _w(f"自{first or '…'}起", f"from {first or '…'}", lang)
    return f"{first or '…'} – {last}"


def _window(window: Window | None, lang: Lang) -> str:
    return "" if window is None else _days(window[0], window[1], lang)


def _status(span: Span | None, facts: PageFacts, lang: Lang) -> Iterator[tuple[str, str]]:
    if span is None:
        return
    if len(facts.law.packs) > 1:
        yield _w("当日适用", "governed by", lang), facts.pack.name
    if span.points_remaining is not None:
        allowance = getattr(facts.pack.ledger, "allowance", None)
        of = "" if allowance is None else f" / {allowance.value}"
        yield _w("剩余分值", "points left", lang), f"{span.points_remaining}{of}"
    if span.points_accumulated is not None:
        yield _w("累计扣分", "points deducted", lang), str(span.points_accumulated)
    if span.penalty_period is not None:
        yield _w("期限", "window", lang), _window(span.penalty_period, lang)
    if span.ban_period is not None:
        yield _w("不得重新申请", "no new application", lang), _window(span.ban_period, lang)
    if span.reapply_not_before is not None:
        yield _w("最早重新申请日", "may return from", lang), span.reapply_not_before.isoformat()
    if span.causes:
        yield _w("依据事件", "because of", lang), ", ".join(span.causes)


def _spans(facts: PageFacts, lang: Lang) -> Iterator[Row]:
    for span in facts.statement.timeline.spans:
        ban = _window(span.ban_period, lang)
        points = "" if span.points_remaining is None else str(span.points_remaining)
        cells = (
            _days(span.start, span.end, lang),
            pick(STANDING[span.standing], lang) + _carried(span, lang),
            _window(span.penalty_period, lang) + (_w(f" 黑名单{ban}", f" ban {ban}", lang) if ban else ""),
            points,
            ", ".join(pick(FLAG[flag], lang) for flag in span.flags),
            ", ".join(span.citations),
        )
        yield Row(cells, _STANDING_TONE.get(span.standing, "bad"))


def _carried(span: Span, lang: Lang) -> str:
    """Under which earlier law it was decided (S3)."""
    return (
        _w(f"（依{span.pack}决定，执行至期满）", f" (decided under {span.pack}, runs to its end)", lang)
        if span.pack
        else ""
    )


def _duties(facts: PageFacts, lang: Lang) -> Iterator[Row]:
    for duty in facts.duties:
        state = duty.state(facts.today)
        told = pick(_STATE[state], lang)
        if duty.met_on is not None and state in ("met", "met_late"):
            told += f" {duty.met_on} ({duty.met_by})"
        due = "—" if duty.due_on is None else duty.due_on.isoformat()
        if duty.opens and duty.due_on is not None:
            due = _w(f"自{due}起", f"from {due}", lang)
        who, act = getattr(duty.actor, lang), getattr(duty.act, lang)
        began = f"{duty.raised_on} ({duty.trigger_id})"
        yield Row((told, due, who, act, duty.institution or "", began, duty.citation), _TONE.get(state, ""))


def _history(facts: PageFacts, span: Span | None, lang: Lang) -> Iterator[Row]:
    entries = {entry.event_id: entry for entry in facts.statement.entries}
    causes = set(span.causes) if span is not None else set()
    events = tuple(event for event in facts.dossier.events if not event.of_institution)
    for line in account_lines(events, entries, causes, facts.law):
        cells = (
            line.date.isoformat(),
            getattr(line.text, lang),
            _points(line, lang),
            "" if line.reached is None else str(line.reached),
            "" if line.year_total is None else str(line.year_total),
            "; ".join(getattr(effect, lang) for effect in line.effects),
            line.event_id,
        )
        yield Row(cells, "cause" if line.cause else "")


def _points(line: Line, lang: Lang) -> str:
    if line.points is None:
        return ""
    told = f"{line.points:+d}" if line.points else "0"
    return told + (_w(f"（抵扣{line.offset}）", f" (offset {line.offset})", lang) if line.offset else "")


def _sites(facts: PageFacts, lang: Lang) -> Iterator[Row]:
    for site in facts.statement.timeline.practised:
        yield Row((site.institution_code, _days(site.start, site.end, lang), pick(_SITE[site.status], lang)))
