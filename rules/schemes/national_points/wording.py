"""What a province's rules under the national opinion say to people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rules.calendar import corresponding_day
from rules.schemes.account import Entry
from rules.schemes.national_points.parameters import NationalPointsLedger
from rules.schemes.phrases import counting, days, months, reached
from rules.schemes.scheme import Fact, Facts, Topic, WindowLength
from rules.text import Text
from rules.timeline import Span
from rules.vocabulary import Effect

PARAMETERS = {
    "abnormal_statuses": Text("异常状态", "abnormal statuses"),
    "allowance": Text("年度记分上限", "points of a year, at most"),
    "bands": Text("记分档次", "bands of points"),
    "talk_at": Text("谈话提醒分值", "talk at"),
    "suspend_at": Text("暂停分值", "suspended at"),
    "suspend_least_months": Text("暂停最短（月）", "shortest suspension, months"),
    "suspend_most_months": Text("暂停最长（月）", "longest suspension, months"),
    "bar_cumulative_months": Text("累计满分后限制（月）", "bar after points that added up, months"),
    "bar_at_once_months": Text("一次满分后限制（月）", "bar after all points at one time, months"),
    "repair_points_per_act": Text("修复：每次减分上限", "repair: points an act, at most"),
    "repair_points_per_year": Text("修复：每年减分上限", "repair: points a year, at most"),
    "repair_least_suspension_months": Text("修复：暂停至少执行（月）", "repair: least of a suspension, months"),
    "repair_least_bar_months": Text("修复：终止至少执行（月）", "repair: least of a termination, months"),
    "institution_ratio": Text("机构：异常人次比例", "institution: share of abnormal statuses"),
}

_COUNTING = "next_day_to_corresponding_day"
_BARS = (Effect.TERMINATED, Effect.TERMINATED_AT_ONCE)


def summary(law: NationalPointsLedger) -> Facts:
    """What the text says, topic by topic."""
    found: dict[Topic, list[Fact]] = {topic: [] for topic in Topic}
    bands = "、".join(f"{low}-{high}" for low, high in law.bands.value)
    found[Topic.POINTS].append(
        Fact(
            f"自然年度内累计，满{law.allowance.value}分为止；档次{bands}",
            f"added up in a calendar year, {law.allowance.value} at most; bands {bands.replace('、', ', ')}",
            law.allowance.citation,
        )
    )
    if law.talk_at.value is not None:
        found[Topic.CAUTIONS].append(
            Fact(
                f"满{law.talk_at.value}分：谈话提醒",
                f"{law.talk_at.value} points: a talk",
                law.talk_at.citation,
            )
        )
    if law.suspend_at.value is not None:
        least, most = law.suspend_least_months.value, law.suspend_most_months.value
        found[Topic.EXCLUSION].append(
            Fact(
                f"满{law.suspend_at.value}分：暂停{least}至{most}个月，由经办机构定",
                f"{law.suspend_at.value} points: suspended for {least} to {most} months, as the agency sets",
                law.suspend_at.citation,
            )
        )
    found[Topic.EXCLUSION].append(
        Fact(
            "登记备案状态暂停或终止期间不予结算",
            "not settled while the filing status is suspended or terminated",
            law.abnormal_statuses.citation,
        )
    )
    zh, en = counting(_COUNTING)
    found[Topic.COUNTING].append(Fact(f"暂停期{zh}", f"the suspension runs {en}", law.suspend_least_months.citation))
    found[Topic.BLACKLIST].append(
        Fact(
            f"满{law.allowance.value}分：终止",
            f"{law.allowance.value} points: terminated",
            law.allowance.citation,
        )
    )
    for param, words in (
        (law.bar_cumulative_months, Text("累计满分", "points that added up")),
        (law.bar_at_once_months, Text("一次满分", "all points at one time")),
    ):
        length = months(param.value)
        found[Topic.RETURN].append(
            Fact(
                f"{words.zh}：{length.zh}后方可重新登记备案",
                f"{words.en}: a new filing after {length.en}",
                param.citation,
            )
        )
    _repair(law, found[Topic.RELIEF])
    if law.institution_ratio.value is None:
        share = Text("比例由省级规定", "the share is set by the province")
    else:
        share = Text(f"比例为{law.institution_ratio.value:.0%}", f"the share is {law.institution_ratio.value:.0%}")
    found[Topic.INSTITUTION].append(
        Fact(
            f"异常人次超过一定比例的予以处理；{share.zh}",
            f"sanctions when the share of abnormal statuses is too high; {share.en}",
            law.institution_ratio.citation,
        )
    )
    return found


def _repair(law: NationalPointsLedger, found: list[Fact]) -> None:
    act, year = law.repair_points_per_act.value, law.repair_points_per_year.value
    if act is not None:
        found.append(Fact(f"修复每次减{act}分", f"repair gives back {act} an act", law.repair_points_per_act.citation))
    if year is not None:
        found.append(Fact(f"每年至多减{year}分", f"at most {year} a year", law.repair_points_per_year.citation))
    for param, what in (
        (law.repair_least_suspension_months, Text("暂停", "a suspension")),
        (law.repair_least_bar_months, Text("终止", "a termination")),
    ):
        if param.value is not None:
            found.append(
                Fact(
                    f"{what.zh}至少执行{param.value}个月",
                    f"{what.en} is not shortened below {param.value} months",
                    param.citation,
                )
            )


def effect(name: Effect, law: NationalPointsLedger, window: tuple[Any, Any] | None) -> Text:
    """What an entry of the account set off. Raises KeyError for an effect of another scheme."""
    span = days(window)
    bar = Text(f"终止，{span.zh}不得重新登记备案", f"terminated, no new filing{span.en}")
    at_once = law.bar_at_once_months.citation
    per_act = law.repair_points_per_act
    return {
        Effect.CAUTION_6: reached("谈话提醒", "a talk", law.talk_at),
        Effect.SUSPENDED: reached(f"暂停{span.zh}", f"suspended{span.en}", law.suspend_at),
        Effect.TERMINATED: reached(bar.zh, bar.en, law.allowance),
        Effect.TERMINATED_AT_ONCE: Text(
            f"一次记满{law.allowance.value}分：{bar.zh}（{at_once}）",
            f"{law.allowance.value} at one time: {bar.en} ({at_once})",
        ),
        Effect.CAPPED: Text(
            f"修复超出规定幅度，超出部分不计（{per_act.citation}）",
            f"more than repair may give back: the rest does not count ({per_act.citation})",
        ),
    }[name]


def window_length(entry: Entry, law: NationalPointsLedger) -> WindowLength | None:
    """How the suspension or the bar that an entry set off was counted."""
    if Effect.TERMINATED_AT_ONCE in entry.effects:
        return WindowLength(law.bar_at_once_months.value, law.bar_at_once_months.citation, _COUNTING)
    if Effect.TERMINATED in entry.effects:
        return WindowLength(law.bar_cumulative_months.value, law.bar_cumulative_months.citation, _COUNTING)
    if entry.window is None:
        return None
    end = entry.window[1]
    # The agency sets the length, so it is read off the window: no two lengths lead to one last day.
    length = (end.year - entry.date.year) * 12 + end.month - entry.date.month
    if corresponding_day(entry.date, length) != end:
        return None
    return WindowLength(length, law.suspend_least_months.citation, _COUNTING)


def bar(span: Span, entries: Sequence[Entry], law: NationalPointsLedger) -> Text | None:
    """The bar on a new filing in words; None where the termination behind it is not in the account."""
    found = [entry for entry in entries if entry.event_id in span.causes and set(_BARS) & set(entry.effects)]
    if not found:
        return None
    last = found[-1]
    at_once = Effect.TERMINATED_AT_ONCE in last.effects
    param = law.bar_at_once_months if at_once else law.bar_cumulative_months
    how = Text("一次记满", "at one time") if at_once else Text("累计记满", "added up")
    return Text(
        f"{last.date}{how.zh}{law.allowance.value}分，终止；最早{span.reapply_not_before}可重新登记备案（{param.citation}）。",
        f"Terminated on {last.date} by {law.allowance.value} points, {how.en}; a new filing from {span.reapply_not_before} at "
        f"the earliest ({param.citation}).",
    )
