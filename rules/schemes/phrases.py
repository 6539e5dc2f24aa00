"""Turns of phrase that several schemes share."""

from __future__ import annotations

from typing import Any

from rules.schemes.sections import Param
from rules.text import Text

_COUNTING: dict[str, Text] = {
    "next_day_to_corresponding_day": Text(
        "决定次日起至对应日止，首尾均计",
        "from the day after the decision to the corresponding day, both included",
    ),
    "from_decision_day": Text(
        "决定当日起至对应日前一日止",
        "from the decision day to the day before the corresponding day",
    ),
    "full_calendar_months": Text("次月1日起的完整自然月", "whole calendar months from the next 1st"),
    "from_notice_receipt": Text(
        "机构收到书面通知次日起至对应日止",
        "from the day after the institution received the notice, to the corresponding day",
    ),
}


def counting(reading: str) -> Text:
    """How a window is counted, under a reading of the scheme's counting setting."""
    return _COUNTING[reading]


def months(number: int) -> Text:
    """A length in months, in years where it is a whole number of them."""
    if number % 12 == 0:
        years = number // 12
        return Text(f"{years}年", "1 year" if years == 1 else f"{years} years")
    return Text(f"{number}个月", f"{number} months")


def days(window: tuple[Any, Any] | None) -> Text:
    """First and last day of a window inside a sentence; empty without one."""
    return Text("", "") if window is None else Text(f"{window[0]}至{window[1]}", f" {window[0]} to {window[1]}")


def reached(zh: str, en: str, param: Param[Any]) -> Text:
    """A mark that was reached, what follows, and the article."""
    return Text(f"满{param.value}分：{zh}（{param.citation}）", f"{param.value} reached: {en} ({param.citation})")


def noted(param: Param[Any]) -> Text:
    """A caution as the parameter's own note has it."""
    return param.note or Text("提示", "caution")
