"""The window behind a decision and how it was counted, in words: penalty, suspension, ban, bar, status, agreement."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from rules.schemes.account import Entry
from rules.schemes.ledgers import LanzhouLedger, Ledger, QiannanLedger
from rules.screens.table import Ruling
from rules.standing import Statement
from rules.timeline import InstitutionTimeline, Span, Window
from rules.vocabulary import InstitutionStanding, Reason, Standing
from rules.wording.chain_events import Said
from rules.wording.summary import counting


def window_story(
    ruling: Ruling,
    service: dt.date,
    first_day: dt.date | None,
    window: Window | None,
    span: Span | None,
    statement: Statement,
    institution: InstitutionTimeline,
) -> Iterator[Said]:
    """Every window that says something about the service, in the order in which a reader asks."""
    ledger = ruling.pack.ledger
    if ruling.ground is Reason.RULE_NOT_IN_FORCE:
        days = ruling.pack.in_force
        yield Said(
            f"本规则自{days.start or '…'}至{days.end or '…'}有效（{days.citation}），服务日期{service}不在其内。",
            f"The rules hold from {days.start or '...'} to {days.end or '...'} ({days.citation}); {service} lies outside.",
        )
        return
    if window is not None and window[0] is not None and ledger is not None:
        yield _days(window, statement, ledger)
        yield _place(window, service, first_day)
    if span is not None and ledger is not None:
        if span.ban_period is not None:
            yield _ban(span.ban_period, ledger)
        if span.reapply_not_before is not None:
            yield _bar(span, statement, ledger)
        yield from _points(span, service, ledger)
    for item in institution.spans:
        inside = (item.start is None or item.start <= service) and (item.end is None or service <= item.end)
        if inside and item.standing is InstitutionStanding.TERMINATED:
            until = Said(f"至{item.end}", f"to {item.end}") if item.end else Said("起", "on")
            yield Said(
                f"机构服务协议自{item.start}{until.zh}终止（条件成就次日起；{'、'.join(item.citations)}）。",
                f"The institution's agreement has ended: from {item.start} {until.en}, the day after the condition was met "
                f"({', '.join(item.citations)}).",
            )


def _entry(window: Window, statement: Statement) -> Entry | None:
    """The line of the account that set the window off."""
    found = [entry for entry in statement.entries if entry.window == window]
    found = found or [entry for entry in statement.entries if entry.window and entry.window[0] == window[0]]
    return found[-1] if found else None


def _days(window: Window, statement: Statement, ledger: Ledger) -> Said:
    start, end = window
    last = Said(f"{end}", f"{end}") if end else Said("未定", "an open end")
    entry = _entry(window, statement)
    if entry is None:
        return Said(
            f"期限{start}至{last.zh}，首尾均计。", f"The window runs from {start} to {last.en}, both days included."
        )
    length = _length(entry, ledger)
    if length is None:
        return Said(
            f"{entry.date}的决定（{entry.event_id}）开始的期限：{start}至{last.zh}，首尾均计。",
            f"Set off by the decision of {entry.date} ({entry.event_id}): {start} to {last.en}, both days included.",
        )
    months, where, how = length
    zh, en = counting(how)
    counted = Said(f"{months}个月，{zh}", f"{months} months, counted {en}")
    if entry.window != window:
        counted = Said(f"{counted.zh}；后经缩短", f"{counted.en}; shortened since")
    return Said(
        f"{entry.date}的决定（{entry.event_id}）：{counted.zh}：{start}至{last.zh}（{where}）。",
        f"The decision of {entry.date} ({entry.event_id}): {counted.en}: {start} to {last.en} ({where}).",
    )


def _length(entry: Entry, ledger: Ledger) -> tuple[int, str, str] | None:
    """Months, article and counting method of the window that an entry set off."""
    if isinstance(ledger, QiannanLedger):
        long = any(name.endswith("_consecutive_years") for name in entry.effects)
        length = ledger.repeat_penalty_months if long else ledger.penalty_months
        return length.value, length.citation, ledger.reading("penalty_counting")
    if isinstance(ledger, LanzhouLedger):
        length = ledger.suspend_long_months if "suspended_long" in entry.effects else ledger.suspend_short_months
        return length.value, length.citation, ledger.reading("suspension_counting")
    return None


def _place(window: Window, service: dt.date, first_day: dt.date | None) -> Said:
    """Where the service lies to the window."""
    start, end = window
    if start is None:
        return Said("期限起日未定。", "The window has no first day.")
    if first_day is not None and first_day < service:
        total = (service - first_day).days + 1
        low, high = max(first_day, start), service if end is None else min(service, end)
        inside = max(0, (high - low).days + 1)
        return Said(
            f"住院{first_day}至{service}共{total}天，其中{inside}天在期限内。",
            f"Of the stay's {total} days, {first_day} to {service}, {inside} lie inside.",
        )
    if service < start:
        gap = (start - service).days
        return Said(
            f"服务日期{service}早于首日{gap}天。", f"The service date {service} is {gap} day(s) before its first day."
        )
    if end is not None and service > end:
        gap = (service - end).days
        return Said(f"服务日期{service}在期满后第{gap}天。", f"The service date {service} is day {gap} after its end.")
    number = (service - start).days + 1
    if end is None:
        return Said(f"服务日期{service}是第{number}天。", f"The service date {service} is day {number}.")
    total = (end - start).days + 1
    return Said(
        f"服务日期{service}是{total}天中的第{number}天。", f"The service date {service} is day {number} of {total}."
    )


def _ban(ban: Window, ledger: Ledger) -> Said:
    start, end = ban
    if isinstance(ledger, QiannanLedger):
        months, where = ledger.values.ban_months, ledger.ban_months.citation
        return Said(
            f"黑名单：{start}至{end}不得重新申请（责罚期满或列入决定较晚者之次日起{months}个月，{where}）。",
            f"Blacklist: no new application from {start} to {end}: {months} months from the day after the penalty's end or the "
            f"blacklisting, whichever is later ({where}).",
        )
    if end is None:
        return Said(f"黑名单：自{start}起，无期限。", f"Blacklist: from {start}, without an end.")
    return Said(f"黑名单：{start}至{end}。", f"Blacklist: {start} to {end}.")


def _bar(span: Span, statement: Statement, ledger: Ledger) -> Said:
    cancelled = [entry for entry in statement.entries if "cancelled" in entry.effects and entry.event_id in span.causes]
    decided = cancelled[-1].date if cancelled else None
    which = sum(
        "cancelled" in entry.effects and (decided is None or entry.date <= decided) for entry in statement.entries
    )
    day = span.reapply_not_before
    if not isinstance(ledger, LanzhouLedger) or decided is None:
        return Said(f"{day}前不得再次取得资格。", f"No return before {day}.")
    bar = ledger.reapply_first_months if which <= 1 else ledger.reapply_second_months
    return Said(
        f"{decided}取消资格（第{which}次），自次日起{bar.value}个月内不得再次取得资格：最早{day}（{bar.citation}）。",
        f"Cancelled on {decided} (no. {which}); the bar of {bar.value} months ends on the corresponding day: return from {day} "
        f"at the earliest ({bar.citation}).",
    )


def _points(span: Span, service: dt.date, ledger: Ledger) -> Iterator[Said]:
    if span.points_remaining is None and span.points_accumulated is None:
        return
    if span.standing in (Standing.NOT_APPLICABLE, Standing.UNREGISTERED):
        return
    allowance = getattr(ledger, "allowance", None)
    period = Said("协议期", "term") if ledger.scheme == "lanzhou" else Said("年度", "year")
    left = span.points_remaining
    zh = f"{service}当日：本{period.zh}累计扣{span.points_accumulated}分"
    en = f"On {service}: {span.points_accumulated} points in the {period.en}"
    if left is not None and allowance is not None:
        zh, en = f"{zh}，{allowance.value}分中剩余{left}分", f"{en}, {left} of {allowance.value} left"
    yield Said(f"{zh}。", f"{en}.")
