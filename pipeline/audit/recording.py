"""Records the outcome of an audit as metrics, also if it could not be completed: silence must not be taken for agreement."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.audit.findings import KINDS, Findings, Part, Progress
from pipeline.audit.run import run_audit
from pipeline.kafka.diagnostics import ClusterError
from pipeline.settings.model import Settings, SettingsError
from pipeline.telemetry.audit_metrics import AuditMetrics
from rules.packs.pack import PackError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one audit. `findings` is None when it could not be completed; `problems` say why not, and why the metrics
    were not written."""

    findings: Findings | None
    seconds: float
    problems: tuple[str, ...]


def audit(
    settings: Settings,
    part: Part | None,
    notices_on: dt.date | None,
    metrics_file: Path | None,
    progress: Progress,
    run: Callable[[Settings, Part | None, dt.date | None, Progress], Findings] = run_audit,
) -> Outcome:
    """Audits and records. What is no fault of the cluster, the packs or the settings is raised, after it was recorded."""
    began = time.monotonic()
    findings, problems = None, []
    try:
        findings = run(settings, part, notices_on, progress)
    except (SettingsError, PackError, ClusterError) as error:
        problems.append(str(error))
    except Exception:
        record_failure(metrics_file, part, time.monotonic() - began)
        raise
    seconds = time.monotonic() - began
    if metrics_file is not None:
        try:
            record(metrics_file, part, findings, seconds)
        except OSError as error:
            problems.append(f"{metrics_file}: the metrics cannot be written: {error.strerror or error}")
    return Outcome(findings, seconds, tuple(problems))


def record_failure(path: Path | None, part: Part | None, seconds: float = 0.0) -> None:
    """Writes that there was no audit, if that can be written at all."""
    if path is not None:
        with contextlib.suppress(OSError):
            record(path, part, None, seconds)


def record(path: Path, part: Part | None, findings: Findings | None, seconds: float) -> None:
    """Writes the metrics of an audit that has just ended; `findings` is None when it could not be completed.

    Of the file that is there, only the time of the last completed audit is kept. Raises OSError.
    """
    scope, metrics = part or "all", AuditMetrics()
    metrics.ended(path, scope, completed=findings is not None, seconds=seconds)
    if findings is not None:
        _fill(metrics, scope, findings)
    metrics.write(path)


def _fill(metrics: AuditMetrics, scope: str, findings: Findings) -> None:
    sums, found = findings.sums(), findings.by_kind()
    audited = dict.fromkeys(part for part, _ in sums)
    zero = {(part, kind): 0 for part in audited for kind in KINDS.get(part, ())}
    for (part, kind), count in (zero | found).items():
        metrics.differences.labels(scope, part, kind).set(count)
    for (part, figure), count in sums.items():
        metrics.records.labels(scope, part, figure).set(count)
    for part, stamp_ms in findings.waiting_since.items():
        metrics.waiting_since.labels(scope, part).set(stamp_ms / 1000)
