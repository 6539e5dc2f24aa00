"""What the demo shows at its end."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.demo import report
from pipeline.demo.outcome import Sum
from pipeline.demo.summary import Summary
from pipeline.telemetry.console import Console


@pytest.mark.parametrize(("fen", "explained"), [(-1_250, True), (1_250, False)])
def test_an_amount_below_zero_is_explained_and_only_then(
    fen: int, explained: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refunds of claims that are rejected are rejected as well, so that a small table can show less than nothing."""
    nothing: Any = SimpleNamespace()
    sums = {("qiannan-2022@1", "reject", "in_penalty_period", None, "outpatient"): Sum(2, fen)}
    summary = Summary(1, 1, 1, 1, {}, nothing, nothing, sums, [], [], 1.0)  # type: ignore[arg-type]
    for name in ("_dead_letters", "_cases", "_story", "_proof"):
        monkeypatch.setattr(report, name, lambda *_given: "")
    console = Console(file=io.StringIO(), width=100)

    report.show(summary, console, "en")

    assert ("Below zero: more was taken back" in console.file.getvalue()) == explained  # type: ignore[attr-defined]
