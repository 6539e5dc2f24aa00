"""What happens in a process, told once: a dataclass an event, named in the past tense, that logs itself and moves the metrics.

The name of the log event is that of the class (`MetricsPortMoved` is `metrics_port_moved`) and its fields are the dataclass's,
so that what an operator searches for stands in the code by the same name, and a log and a counter cannot tell two stories.
A level, such as how far behind a process is, is no event: who looks at it sets its gauge.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Generic, Literal, TypeVar

import structlog

M_contra = TypeVar("M_contra", contravariant=True)
"""The metrics that an event moves: `GateMetrics`, `ControlMetrics`, or None where it is only logged. What moves only those of the
register can be told wherever there are these and more."""

MetricsT = TypeVar("MetricsT")
"""All metrics of a process."""

_INNER_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


UNLOGGED: Mapping[str, bool] = MappingProxyType({"logged": False})
"""Metadata of a field that only the metrics need: it is not part of what the log says."""


class Event(Generic[M_contra]):
    """Base of every event: a frozen dataclass whose name says what has happened."""

    level: ClassVar[Literal["debug", "info", "warning", "error"]] = "info"

    @classmethod
    def name(cls) -> str:
        """The event's name in the log."""
        return _INNER_CAPITAL.sub("_", cls.__name__).lower()

    def fields(self) -> dict[str, Any]:
        """What the log says beside the name: the dataclass's fields. What is None or `UNLOGGED` is left out."""
        told = {name: getattr(self, name) for name in _logged(type(self))}  # type: ignore[arg-type]
        return {name: value for name, value in told.items() if value is not None}

    def measure(self, metrics: M_contra) -> None:
        """Moves the metrics that count this event; most events have none."""


@functools.cache
def _logged(kind: type[Event[Any]]) -> tuple[str, ...]:
    return tuple(item.name for item in dataclasses.fields(kind) if item.metadata.get("logged", True))  # type: ignore[arg-type]


class DebugEvent(Event[M_contra]):
    """Base of what is told only to whoever looks for a fault."""

    level = "debug"


class WarningEvent(Event[M_contra]):
    """Base of what goes on by itself, and may need a look when it keeps happening."""

    level = "warning"


class ErrorEvent(Event[M_contra]):
    """Base of what somebody has to look at."""

    level = "error"


class Teller(Generic[MetricsT]):
    """Tells the events of one component: to its log and to its metrics."""

    def __init__(self, log: structlog.typing.FilteringBoundLogger, metrics: MetricsT) -> None:
        self._log, self._metrics = log, metrics

    def tell(self, event: Event[MetricsT]) -> None:
        """Logs an event and moves its metrics."""
        event.measure(self._metrics)
        getattr(self._log, event.level)(event.name(), **event.fields())
