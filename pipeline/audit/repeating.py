"""Audits again and again, each told as log events; one that fails does not end them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NoReturn

from pipeline.audit.recording import Outcome
from pipeline.telemetry.logs import logger

_LOGGED = 50
"""Differences of one audit that are logged one by one."""


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
    log = logger(component="audit")
    seconds, found = round(outcome.seconds, 3), outcome.findings
    for problem in outcome.problems:
        log.error("audit_failed" if found is None else "audit_metrics_not_written", error=problem, seconds=seconds)
    if found is None:
        return
    for difference in found.differences[:_LOGGED]:
        log.warning("audit_difference_found", **difference.as_json())
    by_kind = {f"{part}.{kind}": count for (part, kind), count in sorted(found.by_kind().items())}
    log.info("audit_completed", differences=found.total, by_kind=by_kind, seconds=seconds)
