"""What a points account like Lanzhou's, and its institutions' marks, say to people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rules.schemes.account import Entry
from rules.schemes.lanzhou.parameters import LanzhouLedger
from rules.schemes.phrases import counting, days, months, reached
from rules.schemes.scheme import Fact, Facts, Topic, WindowLength
from rules.text import Text
from rules.timeline import Span
from rules.vocabulary import Effect

PARAMETERS = {
    "allowance": Text("初始分值", "points at the start"),
    "term_years": Text("协议期（年）", "agreement term, years"),
    "round_months": Text("集中办理登记备案的月份", "months of the registration rounds"),
    "suspend_short_at": Text("短期暂停分值", "short suspension at"),
    "suspend_short_months": Text("短期暂停（月）", "short suspension, months"),
    "suspend_long_at": Text("长期暂停分值", "long suspension at"),
    "suspend_long_months": Text("长期暂停（月）", "long suspension, months"),
    "cancel_at": Text("取消资格分值", "cancelled at"),
    "reapply_first_months": Text("首次取消后限制（月）", "bar after a first cancellation, months"),
    "reapply_second_months": Text("再次取消后限制（月）", "bar after a second cancellation, months"),
    "retraining_after_first": Text("首次取消后须培训考核", "retraining after a first cancellation"),
    "institution_rating_percent": Text("机构：不得评A级比例（%）", "institution: no A rating at, %"),
    "institution_rating_minus": Text("机构：不得评A级时考核扣分", "institution: annual assessment minus, no A rating"),
    "institution_end_percent": Text("机构：终止协议比例（%）", "institution: agreement ends at, %"),
    "institution_end_minus": Text("机构：终止协议时考核扣分", "institution: annual assessment minus, agreement ended"),
    "institution_percent_from": Text("机构：按比例的最低医师数", "institution: the share applies from, physicians"),
    "institution_medium_cancelled": Text(
        "中等机构：终止协议的取消人数", "medium institution: ends at, cancelled physicians"
    ),
    "institution_small_below": Text("小机构：医师数少于", "small institution: fewer physicians than"),
    "institution_small_cancelled": Text(
        "小机构：终止协议的取消人数", "small institution: ends at, cancelled physicians"
    ),
}


def summary(law: LanzhouLedger) -> Facts:
    """What the text says, topic by topic."""
    found: dict[Topic, list[Fact]] = {topic: [] for topic in Topic}
    years = law.term_years.value
    found[Topic.POINTS].append(
        Fact(
            f"每一协议期（{years}年）{law.allowance.value}分",
            f"{law.allowance.value} an agreement term of {years} years",
            law.allowance.citation,
        )
    )
    for mark, length in (
        (law.suspend_short_at, law.suspend_short_months),
        (law.suspend_long_at, law.suspend_long_months),
    ):
        if mark.value is not None:
            found[Topic.EXCLUSION].append(
                Fact(
                    f"满{mark.value}分：暂停服务{length.value}个月",
                    f"{mark.value} points: suspended for {length.value} months",
                    mark.citation,
                )
            )
    zh, en = counting(law.reading("suspension_counting"))
    found[Topic.COUNTING].append(Fact(f"暂停期{zh}", f"the suspension runs {en}", law.suspend_short_months.citation))
    found[Topic.BLACKLIST].append(
        Fact(
            f"满{law.cancel_at.value}分：终止协议，取消资格",
            f"{law.cancel_at.value} points: agreement ended, qualification cancelled",
            law.cancel_at.citation,
        )
    )
    found[Topic.RETURN].append(
        Fact(
            "暂停期满自动恢复，剩余分值继续有效",
            "after a suspension by itself, with the points left",
            law.suspend_short_months.citation,
        )
    )
    (zh_one, en_one), (zh_two, en_two) = (
        months(law.reapply_first_months.value),
        months(law.reapply_second_months.value),
    )
    extra = ("，须经培训考核", ", with training and assessment") if law.retraining_after_first.value else ("", "")
    found[Topic.RETURN] += [
        Fact(
            f"首次取消：{zh_one}后{extra[0]}",
            f"after a first cancellation: {en_one}{extra[1]}",
            law.reapply_first_months.citation,
        ),
        Fact(f"再次取消：{zh_two}后", f"after a second: {en_two}", law.reapply_second_months.citation),
    ]
    _headcounts(law, found[Topic.INSTITUTION])
    return found


def _headcounts(law: LanzhouLedger, found: list[Fact]) -> None:
    low, high = law.institution_small_below.value, law.institution_percent_from.value
    where = law.institution_end_percent.citation
    percent, medium, small = (
        law.institution_end_percent.value,
        law.institution_medium_cancelled.value,
        law.institution_small_cancelled.value,
    )
    found += [
        Fact(
            f"取消人数达核定医师的{law.institution_rating_percent.value}%：不得评A级，考核扣{law.institution_rating_minus.value}分",
            f"cancelled physicians reach {law.institution_rating_percent.value} %: no A rating, "
            f"minus {law.institution_rating_minus.value}",
            law.institution_rating_percent.citation,
        ),
        Fact(
            f"达{percent}%（{low}至{high - 1}人的机构{medium}人，不足{low}人的{small}人）："
            f"终止协议，扣{law.institution_end_minus.value}分",
            f"{percent} % ({medium} physicians of {low} to {high - 1}, {small} of fewer than {low}): "
            f"agreement ended, minus {law.institution_end_minus.value}",
            where,
        ),
        Fact("整改认可并重新签订协议后恢复", "restored by a new agreement after accepted rectification", where),
    ]


def effect(name: Effect, law: LanzhouLedger, window: tuple[Any, Any] | None) -> Text:
    """What an entry of the account set off. Raises KeyError for an effect of another scheme."""
    span = days(window)
    return {
        Effect.SUSPENDED_SHORT: reached(f"暂停服务{span.zh}", f"suspended{span.en}", law.suspend_short_at),
        Effect.SUSPENDED_LONG: reached(f"暂停服务{span.zh}", f"suspended{span.en}", law.suspend_long_at),
        Effect.CANCELLED: reached("终止协议，取消资格", "agreement ended, qualification cancelled", law.cancel_at),
        Effect.NO_TERM: Text("当日无有效协议，不计入任何协议期", "no agreement covers the day: counts in no term"),
    }[name]


def window_length(entry: Entry, law: LanzhouLedger) -> WindowLength:
    """How the suspension that an entry set off was counted."""
    length = law.suspend_long_months if Effect.SUSPENDED_LONG in entry.effects else law.suspend_short_months
    return WindowLength(length.value, length.citation, law.reading("suspension_counting"))


def bar(span: Span, entries: Sequence[Entry], law: LanzhouLedger) -> Text | None:
    """The bar on return in words; None where the cancellation behind it is not in the account."""
    cancelled = [entry for entry in entries if Effect.CANCELLED in entry.effects]
    decided = next((entry.date for entry in reversed(cancelled) if entry.event_id in span.causes), None)
    if decided is None:
        return None
    which = sum(entry.date <= decided for entry in cancelled)
    day = span.reapply_not_before
    length = law.reapply_first_months if which <= 1 else law.reapply_second_months
    return Text(
        f"{decided}取消资格（第{which}次），自次日起{length.value}个月内不得再次取得资格：最早{day}（{length.citation}）。",
        f"Cancelled on {decided} (no. {which}); the bar of {length.value} months ends on the corresponding day: return from "
        f"{day} at the earliest ({length.citation}).",
    )
