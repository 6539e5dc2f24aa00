"""What an operator searches for in a log stands on one page, as the code tells it."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.devtools.log_events_page import PAGE, ROOMS, events_of, render

ROOT = Path(__file__).resolve().parents[2]
EVENTS = [event for room in ROOMS.values() for event in events_of(room)]


def test_the_page_that_is_checked_in_is_what_the_events_render() -> None:
    assert PAGE.read_text("utf-8") == render(), "`make docs` writes it anew"


def test_every_event_says_what_has_happened() -> None:
    assert [event.name() for event in EVENTS if not event.__dict__.get("__doc__") or "(" in event.__doc__[:40]] == []


def test_the_operations_guide_names_no_event_that_nobody_tells() -> None:
    guide = (ROOT / "docker" / "OPERATIONS.md").read_text("utf-8")
    named = set(re.findall(r"(?:events?|log repeats|and|or)\s`([a-z]+(?:_[a-z]+)+)`", guide))
    named -= {name for name in named if f"`{name}`: " in guide or name.startswith(("claims_", "screening_"))}
    assert {"gate_held", "transaction_aborted", "audit_failed"} <= named
    assert named - {event.name() for event in EVENTS} == set()


def test_a_component_tells_its_events_and_never_logs_a_string() -> None:
    saying = re.compile(r"\b(_?log|logger\([^)]*\))\.(debug|info|warning|error|exception|critical)\(|get_logger\(")
    modules = [path for path in (ROOT / "pipeline").rglob("*.py") if path.parent.name != "telemetry"]
    assert [path.name for path in modules if saying.search(path.read_text("utf-8"))] == []
