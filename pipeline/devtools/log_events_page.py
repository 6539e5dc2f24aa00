"""Writes docs/log-events.md from the events in the code: `python -m pipeline.devtools.log_events_page`, part of `make docs`."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline.archive import events as archive
from pipeline.audit import repeating
from pipeline.cli import events as start
from pipeline.control import events as control
from pipeline.desk import events as desk
from pipeline.intake import events as intake
from pipeline.precheck import events as precheck
from pipeline.reconcile import events as reconcile
from pipeline.screening import events as gate
from pipeline.telemetry.events import Event
from pipeline.web import events as web

PAGE = Path(__file__).resolve().parents[2] / "docs" / "log-events.md"

ROOMS: dict[str, ModuleType] = {
    "The start of a process": start,
    "The gate (`screening worker`)": gate,
    "The control plane (`screening control`)": control,
    "The intake (`screening intake --live`)": intake,
    "The pre-check (`screening precheck`)": precheck,
    "The archive (`screening archive`)": archive,
    "Looking back (`screening reconcile --follow`)": reconcile,
    "The desk (`screening desk`)": desk,
    "The audit that repeats (`screening audit --every`)": repeating,
    "The pages of every process": web,
}

_HEAD = """# Log events

Generated from the events of the code (`make docs`): change the dataclass of an event, never this page.

Processes write one line an event to standard error, as JSON unless `SCREENING_LOG_FORMAT` says otherwise. Beside the fields below
every line has `event` (the name), `level`, `timestamp` and `component`, and where there is one the `instance` that
tells it. A field whose value is not known is left out. What a metric counts is told by the same event, so a log and a counter
agree. `info` is the course of things; a `warning` goes on by itself and needs a look when it keeps happening; an `error` needs
somebody's look. `debug` is written only with `SCREENING_LOG_LEVEL=debug`.
"""


def events_of(room: ModuleType) -> list[type[Event[Any]]]:
    """The events that a module defines, in the order of the file; bases of others are left out."""
    own = [item for item in vars(room).values() if inspect.isclass(item) and item.__module__ == room.__name__]
    told = [item for item in own if issubclass(item, Event)]
    return [item for item in told if not any(item in other.__bases__ for other in told)]


def _row(event: type[Event[Any]]) -> str:
    fields = [item.name for item in dataclasses.fields(event) if item.metadata.get("logged", True)]  # type: ignore[arg-type]
    meaning = " ".join((event.__doc__ or "").split())
    return f"| `{event.name()}` | {event.level} | {', '.join(f'`{name}`' for name in fields)} | {meaning} |"


def render() -> str:
    """The page: every event with its level, its fields and what it means."""
    parts = [_HEAD]
    for title, room in ROOMS.items():
        rows = "\n".join(map(_row, events_of(room)))
        parts.append(f"## {title}\n\n| event | level | fields | what has happened |\n|---|---|---|---|\n{rows}\n")
    return "\n".join(parts)


def main() -> None:
    """Writes the page of the checkout that this module lies in."""
    PAGE.write_text(render(), "utf-8")


if __name__ == "__main__":
    main()
