"""What came of a replay, as metrics in a file: written once at the end of a run, also of one that did not come to its end."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from itertools import product
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pipeline.replay.output import CAUSES
from pipeline.telemetry.replay_metrics import ReplayMetrics
from rules.vocabulary import Disposition
from topics.claims.codec import ClaimError

if TYPE_CHECKING:
    from pipeline.replay.run.engine import Job

RULE_SETS = ("first", "second")


class Meter:
    """One run of a replay, from here to `completed`. Without a file it does nothing.

    As a context it records a run that ends without `completed`: when and after how long, and nothing of an earlier run but the
    time at which one last came to its end. Then a file that cannot be written is passed over, for another error is on its way.
    """

    def __init__(self, path: Path | None, name: str | None, out: Path) -> None:
        self._path = path
        self._name = name or out.resolve().name
        self._timing = out / "timing.json"
        self._timed = self._stamp()
        self._began = time.monotonic()
        self._told = False

    def __enter__(self) -> Meter:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._path is not None and not self._told:
            with contextlib.suppress(OSError):
                self._metrics(self._path, completed=False).write(self._path)

    def completed(self, job: Job, record: dict[str, Any], *, report: bool) -> None:
        """Writes the metrics of a run that came to its end; `report`: it has just made report.json. Raises OSError."""
        if self._path is None:
            return
        metrics = self._metrics(self._path, completed=True)
        _fill(metrics, self._name, record)
        rate = self._rate()
        if rate is not None:
            metrics.rows_per_second.labels(self._name).set(rate)
        if job.other is not None:
            _fill_changed(metrics, self._name, _matrix(job.out, report=report))
        metrics.write(self._path)
        self._told = True

    def _metrics(self, path: Path, *, completed: bool) -> ReplayMetrics:
        metrics = ReplayMetrics()
        metrics.ended(path, self._name, completed=completed, seconds=time.monotonic() - self._began)
        return metrics

    def _rate(self) -> float | None:
        """Rows judged a second by this run; None when it had nothing to judge and left the timing of an earlier one."""
        if self._stamp() == self._timed:
            return None
        rate: float | None = json.loads(self._timing.read_text("utf-8"))["rows_per_s"]
        return rate

    def _stamp(self) -> int | None:
        return self._timing.stat().st_mtime_ns if self._timing.exists() else None


def _fill(metrics: ReplayMetrics, name: str, record: dict[str, Any]) -> None:
    """The figures of run.json: they are those of the whole replay, however many runs it took."""
    counts = record["counts"]
    metrics.claims.labels(name).set(counts["accepted"])
    for reason in ClaimError.KINDS:
        metrics.refused.labels(name, reason).set(counts["rejected_by_reason"].get(reason, 0))
    for rule_set, told in zip(RULE_SETS, record["rule_sets"], strict=False):
        verdicts: Counter[tuple[str, str]] = Counter()
        for row in told["by_ruling"]:
            verdicts[row["disposition"], row["reason"]] += row["claims"]
        for (disposition, reason), claims in verdicts.items():
            metrics.verdicts.labels(name, rule_set, disposition, reason).set(claims)
        for disposition, row in told["by_disposition"].items():
            metrics.fund_amount.labels(name, rule_set, disposition).set(float(row["fund_amount"]))
    if "recorded" in record:
        metrics.compared.labels(name).set(record["recorded"]["compared"])
        for cause in CAUSES:
            metrics.differing.labels(name, cause).set(record["recorded"]["by_cause"].get(cause, 0))


def _matrix(out: Path, *, report: bool) -> list[dict[str, Any]]:
    """Claims by both verdicts, where these differ: from the report where there is one, else counted anew."""
    if report:
        found: list[dict[str, Any]] = json.loads((out / "report.json").read_text("utf-8"))["what_if"]["flips"]["matrix"]
        return found
    from pipeline.replay.what_if.comparison import flipped_claims  # noqa: PLC0415  # needs what only a report needs

    counted: list[dict[str, Any]] = flipped_claims(out, 0)["matrix"]
    return counted


def _fill_changed(metrics: ReplayMetrics, name: str, matrix: list[dict[str, Any]]) -> None:
    changed: Counter[tuple[str, str]] = Counter()
    for row in matrix:
        changed[row["from_disposition"], row["to_disposition"]] += row["claims"]
    for one, other in product(Disposition, repeat=2):
        metrics.changed.labels(name, one.value, other.value).set(changed[one.value, other.value])
