"""What happens when a process is started by its command."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.telemetry.events import WarningEvent


@dataclass(frozen=True, slots=True)
class PackPastTransition(WarningEvent[None]):
    """A pack was loaded that would still judge services after the end of the national transition (S4)."""

    pack: str
    detail: str
