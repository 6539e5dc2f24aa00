"""What happens on the HTTP side of a process."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.telemetry.events import ErrorEvent, WarningEvent


@dataclass(frozen=True, slots=True)
class MetricsPortMoved(WarningEvent[None]):
    """Another process of ours had the port that was asked for, and the next free one was taken."""

    asked: int
    taken: int
    reason: str = "another process of ours has the port that was asked for"


@dataclass(frozen=True, slots=True)
class PageFailed(ErrorEvent[None]):
    """A page ended in an error, and its reader was answered with 500."""

    path: str
    error: str
    exc_info: BaseException
