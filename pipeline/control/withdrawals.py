"""Notices that no longer hold are withdrawn (撤回通知): a second record under the same name says so to whom the first one went.

What an event takes away is found by what held before it. What went out by a clock that was ahead, by a calendar that did not
know the year, or by an earlier version is found when a dossier is looked at without an event. What nothing asks for any more, as
after a change of a pack, is found at the first look at a partition (`pipeline.control.sweep`). Pure: the day is an argument.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from pipeline.control.contradictions import contradiction_id
from rules.calendar import WithoutData, WorkingCalendar
from rules.dossier import Issue
from rules.duties import Counted, Duty
from rules.events import Event
from rules.packs.pack_set import Law
from rules.schemes.scheme import Measure
from rules.text import Text
from topics.messages.cases import Explanation
from topics.messages.ledger import Notice, is_withdrawal

_MOST_KEPT = 100_000
"""Events and duties of all dossiers together whose last look is kept: some tens of MB."""
_ONE_MONTH = dt.timedelta(days=31)
_VOID = Text("所依据的决定已被复核或异议撤销", "a review or an objection has taken away the decision behind it")
_EARLY = Text("其日期尚未到，发出时系统时钟有误", "its day has not come: it went out by a clock that was wrong")
_IN_TIME = Text("该事项已按期办理，后来才登记", "the step was done in time, as was recorded later")
_UNKNOWN = Text(
    "当年节假日安排尚未公布，逾期与否未定", "the year's public holidays are not known, so nothing is late yet"
)
_GONE = Text("按现有登记已无此事项", "it does not follow any more from what is recorded")
_NOT_ASKED = Text(
    "按现行规则及现有登记已无此事项", "it does not follow from the rules as they stand and from what is recorded"
)

Withdrawn = Iterator[tuple[str, Text]]
"""Names of notices that do not hold, whether they were given or not, each with the reason."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one owner's notices tell of on a day: duties, contradictions, measures.

    `sent` is by event the region that its sender named, where it is not the owner's: notices bear that one.
    """

    today: dt.date
    duties: tuple[Duty, ...] = ()
    issues: tuple[Issue, ...] = ()
    measures: tuple[Measure, ...] = ()
    sent: Mapping[str, str] = field(default_factory=dict)
    counted: Counted | None = field(default=None, compare=False, repr=False)
    """Of a large dossier, what its duties were counted from."""

    def lost(self, now: Told, region: str, code: str) -> Withdrawn:
        """What held here and does not hold `now`."""
        kept = {id(duty) for duty in now.duties}
        changed = [duty for duty in self.duties if id(duty) not in kept]
        after = {_limit(duty): duty for duty in now.duties} if changed else {}
        for duty in changed:
            same = after.get(_limit(duty))
            if same == duty:
                continue
            for phase, day in duty.occasions():
                if duty.stands(phase, day, now.today) and not (same and same.stands(phase, day, now.today)):
                    why = _GONE if same is None else _why(same, day, now.today)
                    yield duty.notice_id(self.sent.get(duty.trigger_id, region), code, phase), why
        issues = {(issue.event_id, issue.code) for issue in now.issues}
        for issue in self.issues:
            if (issue.event_id, issue.code) not in issues:
                yield contradiction_id(self.sent.get(issue.event_id, region), code, issue), _GONE
        measures = {(measure.kind, measure.event_id) for measure in now.measures}
        for measure in self.measures:
            if (measure.kind, measure.event_id) not in measures:
                yield measure.notice_id(self.sent.get(measure.event_id, region), code), _GONE

    def holding(self, region: str, code: str) -> Iterator[str]:
        """The names of all notices that may stand, whether they were given or not."""
        for duty in self.duties:
            sent = self.sent.get(duty.trigger_id, region)
            for phase, day in duty.occasions():
                if duty.stands(phase, day, self.today):
                    yield duty.notice_id(sent, code, phase)
        for issue in self.issues:
            yield contradiction_id(self.sent.get(issue.event_id, region), code, issue)
        for measure in self.measures:
            if measure.day <= self.today:
                yield measure.notice_id(self.sent.get(measure.event_id, region), code)

    def untrue(self, region: str, code: str) -> Withdrawn:
        """What does not hold, whatever held before."""
        for duty in self.duties:
            for phase, day in duty.occasions():
                if not duty.stands(phase, day, self.today):
                    yield (
                        duty.notice_id(self.sent.get(duty.trigger_id, region), code, phase),
                        _why(duty, day, self.today),
                    )
        for measure in self.measures:
            if measure.day > self.today:
                yield measure.notice_id(self.sent.get(measure.event_id, region), code), _EARLY


def not_asked(names: Iterable[str], holding: Container[str]) -> Withdrawn:
    """Those of these notices that do not hold, because nothing asks for them."""
    return ((name, _NOT_ASKED) for name in names if name not in holding)


class Lately:
    """What was told of the dossiers that were looked at last, so that the next event of one does not count it twice.

    An entry is for the very events that it was counted from.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, tuple[tuple[str, ...], Told]] = OrderedDict()
        self._size = 0

    def keep(self, key: bytes, events: tuple[Event, ...], told: Told) -> None:
        """Keeps what is told of a dossier with these events, and lets go of the oldest when it is too much."""
        self._drop(key)
        self._kept[key] = (_names(events), told)
        self._size += _weight(self._kept[key])
        while self._size > _MOST_KEPT and len(self._kept) > 1:
            self._drop(next(iter(self._kept)))

    def of(self, key: bytes, events: tuple[Event, ...]) -> Told | None:
        """What was told of a dossier when it held these events; None: that is not known."""
        found = self._kept.get(key)
        return found[1] if found is not None and found[0] == _names(events) else None

    def _drop(self, key: bytes) -> None:
        gone = self._kept.pop(key, None)
        if gone is not None:
            self._size -= _weight(gone)


def _names(events: tuple[Event, ...]) -> tuple[str, ...]:
    return tuple(event.event_id for event in events)


def _weight(entry: tuple[tuple[str, ...], Told]) -> int:
    return 1 + len(entry[0]) + len(entry[1].duties) + len(entry[1].issues)


def _limit(duty: Duty) -> tuple[str, str, str | None, dt.date | None]:
    """What names the notices of a duty, beside their phase."""
    return duty.kind, duty.trigger_id, duty.site, duty.due_on


def _why(duty: Duty, day: dt.date, today: dt.date) -> Text:
    if duty.void:
        return _VOID
    if day > today:
        return _EARLY
    return _UNKNOWN if duty.provisional else _IN_TIME


def calendars_before(law: Law, duties: Iterable[Duty]) -> set[WorkingCalendar]:
    """The calendars as they were before the newest year's holidays were known, if a limit may have been counted by them."""
    spans = [(duty.raised_on.year, (duty.late_on + _ONE_MONTH).year) for duty in duties if duty.late_on is not None]
    known = {law.calendar(pack) for pack in law.packs if pack.ledger is not None} if spans else set()
    return {
        replace(calendar, years=calendar.years - {max(calendar.years)})
        for calendar in known
        if calendar.years and calendar.without_data is WithoutData.MONDAY_TO_FRIDAY
        if any(first <= max(calendar.years) <= last for first, last in spans)
    }


def withdrawals(
    names: Iterable[tuple[str, Text]], published: Callable[[str], bytes | None], today: dt.date
) -> list[tuple[str, bytes]]:
    """The record that withdraws each of these notices that was given and is not withdrawn: (notice_id, value on the wire)."""
    found: dict[str, bytes] = {}
    for name, why in names:
        value = published(name)
        if value is not None and not is_withdrawal(value):
            found[name] = _withdrawal(value, why, today)
    return list(found.items())


def _withdrawal(value: bytes, why: Text, today: dt.date) -> bytes:
    notice = Notice.model_validate_json(value)
    said = notice.explanation
    told = Explanation(
        zh=f"{today}撤回：{why.zh}。原通知：{said.zh}", en=f"Withdrawn on {today}: {why.en}. It had said: {said.en}"
    )
    return notice.model_copy(update={"withdrawn": today, "explanation": told}).model_dump_json().encode()
