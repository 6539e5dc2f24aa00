"""What happens on the HTTP side of a process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pipeline.telemetry.events import Event


@dataclass(frozen=True, slots=True)
class MetricsPortMoved(Event[None]):
    """Another process of ours had the port that was asked for, and the next free one was taken."""

    level: ClassVar[Literal["warning"]] = "warning"
    asked: int
    taken: int
    reason: str = "another process of ours has the port that was asked for"


@dataclass(frozen=True, slots=True)
class PageFailed(Event[None]):
    """A page ended in an error, and its reader was answered with 500."""

    level: ClassVar[Literal["error"]] = "error"
    path: str
    error: str
    exc_info: BaseException
