"""The days on which penalty decisions suspend one insured person or one department.

A decision binds from its first day to its last (T3, T4), unless it is restored before; one restored from its first day on never
bound. Of several that bind on a day the one with the later end is shown, on equal ends the one with the earlier start (Q8).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rules.calendar import sanction_window
from rules.dossier import Issue
from rules.events import DepartmentRestored, DepartmentSuspended, Event, InsuredRestored, InsuredSuspended
from rules.schemes.account import Account, Facts, SpanBuilder
from rules.schemes.suspensions.parameters import SuspensionsLedger
from rules.vocabulary import IssueCode, Standing

_ONE = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Binding:
    """The days on which a decision binds, as ordinals; the last one as it was restored."""

    event_id: str
    first: int
    last: int
    citation: str


def run(events: Sequence[Event], law: SuspensionsLedger) -> Account:
    """The account of one insured person or department, from the events in the law's order."""
    account = Account()
    decisions = {event.event_id: event for event in events if isinstance(event, InsuredSuspended | DepartmentSuspended)}
    restored = _restored(events, decisions, account.issues)
    bindings = []
    for decision in decisions.values():
        first, last = days(decision)
        account.issues += _length(decision, first, last, law)
        end = min(last, restored[decision.event_id] - _ONE) if decision.event_id in restored else last
        if end >= first:
            article = law.article(decision.article)
            citation = decision.article if article is None else article.citation
            bindings.append(_Binding(decision.event_id, first.toordinal(), end.toordinal(), citation))
    spans = SpanBuilder()
    for edge in sorted({edge for one in bindings for edge in (one.first, one.last + 1)}):
        spans.add(edge, _facts([one for one in bindings if one.first <= edge <= one.last]))
    account.spans = spans.build()
    return account


def days(decision: InsuredSuspended | DepartmentSuspended) -> tuple[dt.date, dt.date]:
    """First and last day that a decision states, both included. Raises ValueError for days after the year 9999."""
    if decision.months is not None:
        return sanction_window(decision.date, decision.months)
    first = decision.start or decision.date + _ONE
    return first, first if decision.end is None else decision.end


def _facts(binding: Sequence[_Binding]) -> Facts | None:
    if not binding:
        return None
    shown = max(binding, key=lambda one: (one.last, -one.first))
    return Facts(
        Standing.SUSPENDED,
        in_penalty=True,
        penalty_period=(shown.first, shown.last),
        citations=tuple(dict.fromkeys(one.citation for one in binding)),
        causes=tuple(one.event_id for one in binding),
    )


def _restored(
    events: Sequence[Event], decisions: dict[str, InsuredSuspended | DepartmentSuspended], issues: list[Issue]
) -> dict[str, dt.date]:
    """The first day on which each decision that was restored binds no more."""
    found: dict[str, dt.date] = {}
    for event in events:
        if not isinstance(event, InsuredRestored | DepartmentRestored):
            continue
        decision = decisions.get(event.ref)
        if decision is None:
            issues.append(
                Issue(
                    IssueCode.UNKNOWN_REFERENCE,
                    event.event_id,
                    "所指决定未登记",
                    "refers to a decision that is not recorded",
                )
            )
        elif event.date < decision.date:
            issues.append(
                Issue(
                    IssueCode.ACT_BEFORE_ITS_CAUSE,
                    event.event_id,
                    "恢复日期早于所指决定",
                    "restores what had not been decided yet",
                )
            )
        else:
            day = event.start or event.date
            found[event.ref] = min(day, found.get(event.ref, day))
    return found


def _length(
    decision: InsuredSuspended | DepartmentSuspended, first: dt.date, last: dt.date, law: SuspensionsLedger
) -> Iterator[Issue]:
    """A length that no tier of the article allows. The decision binds all the same; people are told."""
    article = law.article(decision.article)
    if article is None:
        return
    before = first - _ONE
    shortest = sanction_window(before, article.over)[1] if article.over else before
    if not shortest < last <= sanction_window(before, article.up_to)[1]:
        yield Issue(
            IssueCode.LENGTH_OUT_OF_BOUNDS,
            decision.event_id,
            f"暂停期{first}至{last}不在{article.citation}各档之内",
            f"{first} to {last} is a length that no tier of {article.citation} allows",
        )
