"""Filing statuses (登记备案状态) as the schemes of the national opinion share them: which governs, and what a repair does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rules.dossier import Issue
from rules.events import Event, PointsRecorded, Repair, StatusCorrected
from rules.vocabulary import IssueCode, Standing


class Status:
    """A status from `start` until `until` (FOREVER: open); `number` is its place in the law's order.

    `decision` is the day of the points that it follows from; None where it was recorded as such.
    """

    __slots__ = ("causes", "decision", "number", "standing", "start", "until")

    def __init__(
        self,
        standing: Standing,
        start: int,
        until: int,
        number: int,
        causes: tuple[str, ...],
        decision: int | None = None,
    ) -> None:
        self.standing = standing
        self.start = start
        self.until = until
        self.number = number
        self.causes = causes
        self.decision = decision

    @property
    def period(self) -> tuple[int, int]:
        """First and last day."""
        return self.start, self.until

    def covers(self, t: int) -> bool:
        """Whether a day lies in it."""
        return self.start <= t <= self.until


def governing(statuses: Iterable[Status], t: int) -> Status | None:
    """N1: of the statuses that cover day `t` the one with the later first day; same day, the later in order."""
    best: Status | None = None
    for status in statuses:
        # Said at length, because a file of thousands of events asks it millions of times.
        if status.start <= t <= status.until and (
            best is None or (status.start, status.number) > (best.start, best.number)
        ):
            best = status
    return best


def governing_in_order(statuses: Sequence[Status], t: int) -> Status | None:
    """The same of statuses in the order of their first days and numbers: the last one that covers the day."""
    return next((status for status in reversed(statuses) if status.start <= t <= status.until), None)


def _any_day(_status: Status) -> int:
    return 0


def repair(
    event: Repair,
    status: Status | None,
    issues: list[Issue],
    least: Callable[[Status], int] = _any_day,
) -> None:
    """`003 三¶3`: the status that governs on the day of the repair gets a new end; earlier services do not know it (T2).

    `least` says before which last day a province does not let a status end by repair (N5); what goes beyond is not counted.
    """
    if status is None or status.standing is Standing.NORMAL:
        issues.append(
            Issue(
                IssueCode.REPAIR_WITHOUT_STATUS,
                event.event_id,
                "修复之日没有异常状态",
                "no abnormal status runs on the day of the repair",
            )
        )
        return
    until = event.new_until.toordinal()
    allowed = min(least(status), status.until)
    if until > status.until:
        issues.append(
            Issue(
                IssueCode.REPAIR_LENGTHENS,
                event.event_id,
                "修复延长了期限",
                "the repair lengthens the status; the text speaks of shortening",
            )
        )
    elif until < allowed:
        issues.append(
            Issue(
                IssueCode.REPAIR_BEYOND_BOUNDS,
                event.event_id,
                "修复超出规定幅度，超出部分不计",
                "the repair goes beyond what the rules allow; what is beyond does not count",
            )
        )
    status.until = max(until, allowed)
    status.causes = (*status.causes, event.event_id)


def unknown_corrections(events: Sequence[Event], known: frozenset[str]) -> Iterable[Issue]:
    """Corrections of a status that nobody recorded."""
    for event in events:
        if isinstance(event, StatusCorrected) and event.ref not in known:
            yield Issue(
                IssueCode.UNKNOWN_REFERENCE,
                event.event_id,
                "所指状态未登记",
                "refers to a status that is not recorded",
            )


def without_decision(event: PointsRecorded) -> Issue | None:
    """N5, `003 二¶3`: an institution's penalty or handling comes before anybody's points. Flagged, not refused."""
    if event.points <= 0 or event.decision_ref is not None:
        return None
    return Issue(
        IssueCode.POINTS_WITHOUT_DECISION,
        event.event_id,
        "记分未载明对机构的处罚或处理",
        "the points name no penalty or handling of the institution, which has to come first",
    )
