"""Service agreements of institutions in Xiamen: orders to rectify and the share in breach (`004`).

The event that meets a condition stands for the agency's decision (T4); the agreement has ended from the next day on.
"""

from __future__ import annotations

from collections.abc import Sequence

from rules.events import Event, InstitutionViolationRatio, RectificationOrder
from rules.schemes.account import corresponding, ended_agreement, year_of
from rules.schemes.ledger import Dated
from rules.schemes.scheme import Measure
from rules.schemes.xiamen.parameters import XiamenValues
from rules.text import Text
from rules.timeline import InstitutionSpan


def run(events: Sequence[Event], law: Dated[XiamenValues], citation: str) -> tuple[InstitutionSpan, ...]:
    """Folds one institution's events, in the law's order, into the spans on which its agreement has ended.

    Three orders within twelve months (T7: [d, d + 12 months)), or a ratio of 40 %; the first that is met ends it.
    """
    orders: list[tuple[int, str]] = []
    for event in events:
        t = event.date.toordinal()
        values = law.on(t)
        if not values.automatic:
            continue
        if isinstance(event, InstitutionViolationRatio):
            if event.ratio >= values.ratio:
                return (ended_agreement(t + 1, None, citation, (event.event_id,)),)
        elif isinstance(event, RectificationOrder):
            orders.append((t, event.event_id))
            met = orders[-values.orders :]
            if len(met) == values.orders and _within(met[0][0], t, values):
                return (ended_agreement(t + 1, None, citation, tuple(event_id for _, event_id in met)),)
    return ()


def reminders(events: Sequence[Event], law: Dated[XiamenValues], citation: str) -> tuple[Measure, ...]:
    """D6: the order after which the next one within the period would end the agreement gives a reminder (事前提醒)."""
    orders: list[int] = []
    found = []
    for event in events:
        values = law.on(event.date.toordinal())
        if not isinstance(event, RectificationOrder) or values.orders < 2:
            continue
        orders.append(event.date.toordinal())
        counted = sum(_within(earlier, orders[-1], values) for earlier in orders)
        if counted == values.orders - 1:
            text = Text(
                f"{values.orders_months}个月内第{counted}次责令限期整改，再有一次即终止协议",
                f"order no. {counted} within {values.orders_months} months: one more ends the agreement",
            )
            found.append(Measure("rectification_reminder", event.event_id, event.date, citation, text))
    return tuple(found)


def _within(first: int, last: int, values: XiamenValues) -> bool:
    if values.calendar_year:
        return year_of(first) == year_of(last)
    return last < corresponding(first, values.orders_months)
