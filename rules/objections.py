"""Objections under the national opinion (`003 四`, D4): which decisions an answer took away."""

from __future__ import annotations

from collections.abc import Sequence

from rules.events import Event, ObjectionAnswered, ObjectionFiled


def objections_upheld(events: Sequence[Event]) -> set[str]:
    """The statuses and points that an upheld objection voids from their start. An answer names the objection or the decision."""
    filed = {event.event_id: event.ref for event in events if isinstance(event, ObjectionFiled)}
    return {
        filed.get(event.ref, event.ref)
        for event in events
        if isinstance(event, ObjectionAnswered) and event.answer == "upheld"
    }
