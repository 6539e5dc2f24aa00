"""Objections under the national opinion (`003 四`, D4): which decisions an answer took away.

An answer names the objection, or the decision; then it is the answer to the last objection made against the decision by then.
One objection that was both upheld and rejected takes nothing away until people have settled which of the two holds.
"""

from __future__ import annotations

from collections.abc import Sequence

from rules.events import Event, ObjectionAnswered, ObjectionFiled


def objections_upheld(events: Sequence[Event]) -> set[str]:
    """The statuses and points that an upheld objection voids from their start, from a file's events in the law's order."""
    filed = {event.event_id: event.ref for event in events if isinstance(event, ObjectionFiled)}
    return {
        filed.get(about, about)
        for about, answers in answered(events).items()
        if {answer.answer for answer in answers} == {"upheld"}
    }


def answered(events: Sequence[Event]) -> dict[str, list[ObjectionAnswered]]:
    """The answers, by the objection; by the decision where no objection was recorded. What went to experts is none yet."""
    filed = {event.event_id: event.ref for event in events if isinstance(event, ObjectionFiled)}
    last: dict[str, str] = {}
    found: dict[str, list[ObjectionAnswered]] = {}
    for event in events:
        if isinstance(event, ObjectionFiled):
            last[event.ref] = event.event_id
        elif isinstance(event, ObjectionAnswered) and event.answer != "to_experts":
            found.setdefault(event.ref if event.ref in filed else last.get(event.ref, event.ref), []).append(event)
    return found
