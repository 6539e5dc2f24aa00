"""What a points account like Qiannan's says to people."""

from __future__ import annotations

from typing import Any

from rules.schemes.account import Entry
from rules.schemes.phrases import counting, days, months, noted, reached
from rules.schemes.qiannan.parameters import QiannanLedger
from rules.schemes.scheme import Fact, Facts, Topic, WindowLength
from rules.text import Text
from rules.timeline import Window
from rules.vocabulary import LONG_PERIOD, Effect, Standing

PARAMETERS = {
    "allowance": Text("初始分值", "points at the start"),
    "caution_low": Text("约谈通报分值", "first caution at"),
    "caution_high": Text("约谈告诫分值", "second caution at"),
    "full": Text("责罚期起算分值", "penalty period at"),
    "penalty_months": Text("责罚期（月）", "penalty period, months"),
    "repeat_penalty_months": Text("连续年度责罚期（月）", "penalty period after consecutive years, months"),
    "two_consecutive_years_at": Text("连续两年，每年分值", "two consecutive years, each at"),
    "three_consecutive_years_at": Text("连续三年，每年分值", "three consecutive years, each at"),
    "bonus_cap_per_year": Text("每年加分上限", "bonus points a year, at most"),
    "bonus_offsets_tiers": Text("可抵扣的扣分档", "tiers that a bonus offsets"),
    "blacklist_at_once": Text("黑名单：一次扣分", "blacklist at one time"),
    "blacklist_year_total": Text("黑名单：年度累计", "blacklist by the year's total"),
    "ban_months": Text("黑名单期（月）", "ban, months"),
}


def summary(law: QiannanLedger) -> Facts:
    """What the text says, topic by topic."""
    full, months = law.full.value, law.penalty_months.value
    found: dict[Topic, list[Fact]] = {topic: [] for topic in Topic}
    found[Topic.POINTS] = [
        Fact(
            f"每一自然年度{law.allowance.value}分，跨机构合并，不跨年结转",
            f"{law.allowance.value} a calendar year, all sites together, nothing carried over",
            law.allowance.citation,
        ),
        Fact(f"满{full}分处理后重新累计", f"counting starts again after the handling at {full}", law.full.citation),
    ]
    for mark in (law.caution_low, law.caution_high):
        if mark.value is not None:
            zh, en = noted(mark)
            found[Topic.CAUTIONS].append(Fact(f"满{mark.value}分：{zh}", f"{mark.value} points: {en}", mark.citation))
    found[Topic.EXCLUSION].append(
        Fact(
            f"满{full}分：责罚期{months}个自然月",
            f"{full} points: penalty period of {months} months",
            law.penalty_months.citation,
        )
    )
    long = law.repeat_penalty_months.value
    for years, zh_years, mark in ((2, "两", law.two_consecutive_years_at), (3, "三", law.three_consecutive_years_at)):
        if mark.value is not None:
            found[Topic.EXCLUSION].append(
                Fact(
                    f"连续{zh_years}年每年满{mark.value}分：责罚期{long}个自然月",
                    f"{mark.value} points in each of {years} consecutive years: {long} months",
                    mark.citation,
                )
            )
    zh, en = counting(law.reading("penalty_counting"))
    found[Topic.COUNTING].append(Fact(f"责罚期{zh}", f"the penalty period runs {en}", law.penalty_months.citation))
    _blacklist(law, found[Topic.BLACKLIST])
    found[Topic.RETURN].append(_qiannan_return(law))
    tiers = law.bonus_offsets_tiers.value
    if law.bonus_cap_per_year.value:
        each = "、".join(str(tier) for tier in tiers)
        found[Topic.RELIEF].append(
            Fact(
                f"加分每年至多{law.bonus_cap_per_year.value}分，当年有效，仅可抵扣{each}分项",
                f"bonus of at most {law.bonus_cap_per_year.value} a year, valid in that year, offsets items of "
                f"{each.replace('、', ', ')} points only",
                law.bonus_cap_per_year.citation,
            )
        )
    return found


def _blacklist(law: QiannanLedger, found: list[Fact]) -> None:
    once, total = law.blacklist_at_once, law.blacklist_year_total
    if once.value is not None:
        found.append(Fact(f"一次性扣{once.value}分", f"{once.value} points at one time", once.citation))
    if total.value is not None:
        found.append(Fact(f"年度累计满{total.value}分", f"{total.value} points in the year", total.citation))
    if found:
        zh, en = months(law.values.ban_months)
        found.append(
            Fact(
                f"责罚期满（无责罚期的自决定次日）后{zh}内不得重新申请",
                f"no new application for {en} after the penalty period (without one: after the decision)",
                law.ban_months.citation,
            )
        )


def _qiannan_return(law: QiannanLedger) -> Fact:
    where = law.standings.get(Standing.PENDING_REINSTATEMENT, (law.penalty_months.citation,))[0]
    if law.reading("after_expiry") == "valid_on_expiry":
        return Fact("期满即恢复", "valid again when the period ends", where)
    return Fact(
        "期满后须培训考核、机构书面申请、经办机构决定；恢复之日起可结算",
        "not by itself: training and examination, the institution's application, the agency's decision; payable from its day",
        where,
    )


def effect(name: Effect, law: QiannanLedger, window: tuple[Any, Any] | None) -> Text:
    """What an entry of the account set off. Raises KeyError for an effect of another scheme."""
    span = days(window)
    once, total = law.blacklist_at_once, law.blacklist_year_total
    two, three = law.two_consecutive_years_at, law.three_consecutive_years_at
    return {
        Effect.CAUTION_6: reached(*noted(law.caution_low), law.caution_low),
        Effect.CAUTION_10: reached(*noted(law.caution_high), law.caution_high),
        Effect.FULL: reached(
            f"责罚期{span.zh}，重新累计" if window else "重新累计",
            f"penalty period{span.en}, counting starts again" if window else "counting starts again",
            law.full,
        ),
        Effect.TWO_CONSECUTIVE_YEARS: Text(
            f"连续两年每年满{two.value}分：责罚期{span.zh}（{two.citation}）",
            f"{two.value} in each of two consecutive years: penalty period{span.en} ({two.citation})",
        ),
        Effect.THREE_CONSECUTIVE_YEARS: Text(
            f"连续三年每年满{three.value}分：责罚期{span.zh}（{three.citation}）",
            f"{three.value} in each of three consecutive years: penalty period{span.en} ({three.citation})",
        ),
        Effect.BLACKLIST_AT_ONCE: Text(
            f"一次性扣{once.value}分：列入黑名单（{once.citation}）",
            f"{once.value} points at one time: blacklisted ({once.citation})",
        ),
        Effect.BLACKLIST_YEAR_TOTAL: Text(
            f"年度累计满{total.value}分：列入黑名单（{total.citation}）",
            f"{total.value} points in the year: blacklisted ({total.citation})",
        ),
        Effect.CAPPED: Text(
            f"加分以每年{law.bonus_cap_per_year.value}分为限（{law.bonus_cap_per_year.citation}）",
            f"capped at {law.bonus_cap_per_year.value} bonus points a year ({law.bonus_cap_per_year.citation})",
        ),
    }[name]


def window_length(entry: Entry, law: QiannanLedger) -> WindowLength:
    """How the penalty period that an entry set off was counted."""
    long = any(name in LONG_PERIOD for name in entry.effects)
    length = law.repeat_penalty_months if long else law.penalty_months
    return WindowLength(length.value, length.citation, law.reading("penalty_counting"))


def ban(window: Window, law: QiannanLedger) -> Text:
    """The blacklist's ban in words."""
    start, end = window
    length, where = law.values.ban_months, law.ban_months.citation
    return Text(
        f"黑名单：{start}至{end}不得重新申请（责罚期满或列入决定较晚者之次日起{length}个月，{where}）。",
        f"Blacklist: no new application from {start} to {end}: {length} months from the day after the penalty's end or the "
        f"blacklisting, whichever is later ({where}).",
    )
