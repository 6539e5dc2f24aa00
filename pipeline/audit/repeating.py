"""Repeats the audit and reports each one as log events; an audit that fails does not end the others."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from pipeline.audit.recording import Outcome
from pipeline.telemetry.events import ErrorEvent, Event, Teller, WarningEvent
from pipeline.telemetry.logs import logger

_LOGGED = 50
"""Differences of one audit that are logged one by one."""


@dataclass(frozen=True, slots=True)
class AuditCompleted(Event[None]):
    """An audit came to its end, whatever it found."""

    differences: int
    by_kind: Mapping[str, int]
    seconds: float


@dataclass(frozen=True, slots=True)
class AuditDifferenceFound(WarningEvent[None]):
    """Something published differs from what follows from the logs."""

    part: str
    kind: str
    where: str
    detail: str


@dataclass(frozen=True, slots=True)
class AuditFailed(ErrorEvent[None]):
    """An audit did not come to its end."""

    error: str
    seconds: float


@dataclass(frozen=True, slots=True)
class AuditMetricsNotWritten(ErrorEvent[None]):
    """An audit came to its end, but the file of its metrics could not be written."""

    error: str
    seconds: float


def audit_every(seconds: int, audit: Callable[[], Outcome], tell: Callable[[Outcome], None]) -> NoReturn:
    """Calls `audit` at once and then every so many seconds, and `tell` with what came of it; ends by a signal only.

    An audit that takes longer lets turns pass; two never overlap.
    """
    began = time.monotonic()
    while True:
        outcome = audit()
        log_outcome(outcome)
        tell(outcome)
        turns = math.floor((time.monotonic() - began) / seconds) + 1
        time.sleep(max(0.0, began + turns * seconds - time.monotonic()))


def log_outcome(outcome: Outcome) -> None:
    """Writes what came of an audit to the log: one event of the whole, one of each difference, up to fifty."""
    teller = Teller(logger(component="audit"), None)
    seconds, found = round(outcome.seconds, 3), outcome.findings
    for problem in outcome.problems:
        teller.tell((AuditFailed if found is None else AuditMetricsNotWritten)(problem, seconds))
    if found is None:
        return
    for difference in found.differences[:_LOGGED]:
        teller.tell(AuditDifferenceFound(**difference.as_json()))
    by_kind = {f"{part}.{kind}": count for (part, kind), count in sorted(found.by_kind().items())}
    teller.tell(AuditCompleted(found.total, by_kind, seconds))
