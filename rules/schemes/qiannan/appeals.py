"""Reviews of deductions (复核, `000 三(二)4`): which were asked for in time, and what each deduction counts.

A notice, a request and its upholding are read together, whatever the service date (determination Q1). A request after
the seventh working day from the institution's receipt is inadmissible; one without a recorded notice, and an upholding
without a recorded request, are taken as in time (`qiannan` section 8, Q2).

A review that was answered in two ways contradicts the text as a late upholding does, and is dealt with as one: the answer that
leaves most of the deduction counts, and a claim whose disposition would be another by the other answer goes to people.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rules.calendar import WorkingCalendar
from rules.dossier import Issue
from rules.events import AppealFiled, AppealRejected, AppealUpheld, Deduction, Event, NoticeReceived
from rules.vocabulary import IssueCode


@dataclass(slots=True)
class _Case:
    """Everything recorded about one deduction's review, each list in the law's order."""

    notices: list[dt.date] = field(default_factory=list)
    filings: list[dt.date] = field(default_factory=list)
    upheld: list[AppealUpheld] = field(default_factory=list)
    rejected: bool = False
    answers: list[dt.date] = field(default_factory=list)


@dataclass(slots=True)
class Reviews:
    """`points` of the deductions that a review changed; `late` when a late request was upheld, or one has two answers."""

    points: dict[str, int] = field(default_factory=dict)
    late: bool = False
    notices: dict[str, dt.date] = field(default_factory=dict)
    pending: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Days (ordinals) from a request until the day before its answer; rival reading of ambiguity 15."""


def review(
    events: Sequence[Event],
    calendar: WorkingCalendar,
    limit: Callable[[dt.date], int],
    *,
    honour_late: bool,
    issues: list[Issue],
) -> Reviews:
    """What the reviews make of the deductions. `limit` is in working days, by the day of the notice.

    With `honour_late` the late upholdings count as well, and of several answers the one that leaves least. A revision upwards
    contradicts the text (a review voids or lowers) and leaves the deduction as it was.
    """
    cases = _collect(events)
    result = Reviews()
    if not cases:
        return result
    deductions = {event.event_id: event for event in events if isinstance(event, Deduction)}
    for ref, case in cases.items():
        deduction = deductions.get(ref)
        if deduction is None:
            issues.append(
                Issue(
                    IssueCode.UNKNOWN_REFERENCE, ref, "所指扣分决定未登记", "refers to a deduction that is not recorded"
                )
            )
            continue
        if case.notices:
            result.notices[ref] = case.notices[0]
        if case.filings:
            answered = min((answer for answer in case.answers if answer >= case.filings[0]), default=dt.date.max)
            result.pending[ref] = (case.filings[0].toordinal(), answered.toordinal() - 1)
        counted = [deduction.points] if case.rejected else []
        in_doubt: list[int] = []
        for upheld in case.upheld:
            late = not _in_time(case, upheld, calendar, limit)
            if late:
                result.late = True
                issues.append(
                    Issue(
                        IssueCode.LATE_REVIEW_UPHELD,
                        upheld.event_id,
                        "复核申请逾期而仍被支持",
                        "upholds a review that was asked for too late",
                    )
                )
            if upheld.revised_points <= deduction.points:
                (in_doubt if late else counted).append(upheld.revised_points)
            elif not late or honour_late:
                issues.append(
                    Issue(
                        IssueCode.REVISED_UPWARDS,
                        upheld.event_id,
                        "复核后分值高于原扣分",
                        "the review raised the points; the text only lets it void or lower",
                    )
                )
        result.late |= len(set(counted)) > 1
        if honour_late and (in_doubt or counted):
            result.points[ref] = min(in_doubt + counted)
        elif counted:
            result.points[ref] = max(counted)
    return result


def _collect(events: Sequence[Event]) -> dict[str, _Case]:
    cases: dict[str, _Case] = {}
    for event in events:
        if isinstance(event, NoticeReceived):
            cases.setdefault(event.ref, _Case()).notices.append(event.date)
        elif isinstance(event, AppealFiled):
            cases.setdefault(event.ref, _Case()).filings.append(event.date)
        elif isinstance(event, AppealUpheld):
            case = cases.setdefault(event.ref, _Case())
            case.upheld.append(event)
            case.answers.append(event.date)
        elif isinstance(event, AppealRejected):
            case = cases.setdefault(event.ref, _Case())
            case.rejected = True
            case.answers.append(event.date)
    return cases


def _in_time(case: _Case, upheld: AppealUpheld, calendar: WorkingCalendar, limit: Callable[[dt.date], int]) -> bool:
    filings = [filed for filed in case.filings if filed <= upheld.date]
    if not filings or not case.notices:
        return True
    return calendar.within(case.notices[0], min(filings), limit(case.notices[0]))
