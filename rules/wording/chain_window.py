"""The window behind a decision and how it was counted, in words: penalty, suspension, ban, bar, status, agreement."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from rules.schemes.account import Entry
from rules.schemes.ledger import Ledger
from rules.schemes.phrases import counting
from rules.schemes.registry import scheme_of
from rules.screens.table import Ruling
from rules.standing import Statement
from rules.text import Text
from rules.timeline import InstitutionTimeline, Span, Window
from rules.vocabulary import InstitutionStanding, Reason, Standing
from rules.wording.labels import INSTITUTION


def window_story(
    ruling: Ruling,
    service: dt.date,
    first_day: dt.date | None,
    window: Window | None,
    span: Span | None,
    statement: Statement,
    institution: InstitutionTimeline,
) -> Iterator[Text]:
    """Every window that says something about the service, in the order in which a reader asks."""
    ledger = ruling.text.ledger
    if ruling.ground is Reason.RULE_NOT_IN_FORCE:
        days = ruling.pack.in_force
        yield Text(
            f"本规则自{days.start or '…'}至{days.end or '…'}有效（{days.citation}），服务日期{service}不在其内。",
            f"The rules hold from {days.start or '...'} to {days.end or '...'} ({days.citation}); {service} lies outside.",
        )
        return
    if ruling.basis is not None:
        yield Text(
            f"依{ruling.basis.title.zh}作出的决定，在{ruling.pack.title.zh}施行后执行至其期满。",
            f"Decided under {ruling.basis.title.en}; it runs to its own end under {ruling.pack.title.en}.",
        )
    if window is not None and window[0] is not None and ledger is not None:
        yield _days(window, statement, ledger)
        yield _place(window, service, first_day)
    if span is not None and ledger is not None:
        if span.ban_period is not None:
            yield scheme_of(ledger).ban(span.ban_period, ledger)
        if span.reapply_not_before is not None:
            yield scheme_of(ledger).bar(span, statement.entries, ledger)
        yield from _points(span, service, ledger.on(service))
    for item in institution.spans:
        inside = (item.start is None or item.start <= service) and (item.end is None or service <= item.end)
        if inside and item.standing in (InstitutionStanding.SUSPENDED, InstitutionStanding.UNKNOWN):
            zh, en = INSTITUTION[item.standing]
            last = Text(f"至{item.end}", f" to {item.end}") if item.end else Text("起", " on")
            yield Text(f"机构{zh}：{item.start}{last.zh}。", f"The institution: {en}, from {item.start}{last.en}.")
        elif inside and item.standing is InstitutionStanding.TERMINATED and not item.citations:
            yield Text(
                f"机构服务协议自{item.start}起终止。", f"The institution's agreement has ended from {item.start} on."
            )
        elif inside and item.standing is InstitutionStanding.TERMINATED:
            until = Text(f"至{item.end}", f"to {item.end}") if item.end else Text("起", "on")
            yield Text(
                f"机构服务协议自{item.start}{until.zh}终止（条件成就次日起；{'、'.join(item.citations)}）。",
                f"The institution's agreement has ended: from {item.start} {until.en}, the day after the condition was met "
                f"({', '.join(item.citations)}).",
            )


def _entry(window: Window, statement: Statement) -> Entry | None:
    """The line of the account that set the window off."""
    found = [entry for entry in statement.entries if entry.window == window]
    found = found or [entry for entry in statement.entries if entry.window and entry.window[0] == window[0]]
    return found[-1] if found else None


def _days(window: Window, statement: Statement, ledger: Ledger) -> Text:
    start, end = window
    last = Text(f"{end}", f"{end}") if end else Text("未定", "an open end")
    entry = _entry(window, statement)
    if entry is None:
        return Text(
            f"期限{start}至{last.zh}，首尾均计。", f"The window runs from {start} to {last.en}, both days included."
        )
    length = scheme_of(ledger).window_length(entry, ledger.on(entry.date))
    if length is None:
        return Text(
            f"{entry.date}的决定（{entry.event_id}）开始的期限：{start}至{last.zh}，首尾均计。",
            f"Set off by the decision of {entry.date} ({entry.event_id}): {start} to {last.en}, both days included.",
        )
    months, where, how = length
    zh, en = counting(how)
    counted = Text(f"{months}个月，{zh}", f"{months} months, counted {en}")
    if entry.window != window:
        counted = Text(f"{counted.zh}；后经缩短", f"{counted.en}; shortened since")
    return Text(
        f"{entry.date}的决定（{entry.event_id}）：{counted.zh}：{start}至{last.zh}（{where}）。",
        f"The decision of {entry.date} ({entry.event_id}): {counted.en}: {start} to {last.en} ({where}).",
    )


def _place(window: Window, service: dt.date, first_day: dt.date | None) -> Text:
    """Where the service lies to the window."""
    start, end = window
    if start is None:
        return Text("期限起日未定。", "The window has no first day.")
    if first_day is not None and first_day < service:
        total = (service - first_day).days + 1
        low, high = max(first_day, start), service if end is None else min(service, end)
        inside = max(0, (high - low).days + 1)
        return Text(
            f"住院{first_day}至{service}共{total}天，其中{inside}天在期限内。",
            f"Of the stay's {total} days, {first_day} to {service}, {inside} lie inside.",
        )
    if service < start:
        gap = (start - service).days
        return Text(
            f"服务日期{service}早于首日{gap}天。", f"The service date {service} is {gap} day(s) before its first day."
        )
    if end is not None and service > end:
        gap = (service - end).days
        return Text(f"服务日期{service}在期满后第{gap}天。", f"The service date {service} is day {gap} after its end.")
    number = (service - start).days + 1
    if end is None:
        return Text(f"服务日期{service}是第{number}天。", f"The service date {service} is day {number}.")
    total = (end - start).days + 1
    return Text(
        f"服务日期{service}是{total}天中的第{number}天。", f"The service date {service} is day {number} of {total}."
    )


def _points(span: Span, service: dt.date, ledger: Ledger) -> Iterator[Text]:
    if span.points_remaining is None and span.points_accumulated is None:
        return
    if span.standing in (Standing.NOT_APPLICABLE, Standing.UNREGISTERED):
        return
    allowance = getattr(ledger, "allowance", None)
    period = scheme_of(ledger).scale_period
    left = span.points_remaining
    zh = f"{service}当日：本{period.zh}累计扣{span.points_accumulated}分"
    en = f"On {service}: {span.points_accumulated} points in the {period.en}"
    if left is not None and allowance is not None:
        zh, en = f"{zh}，{allowance.value}分中剩余{left}分", f"{en}, {left} of {allowance.value} left"
    yield Text(f"{zh}。", f"{en}.")
