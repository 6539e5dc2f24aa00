"""The dashboards are what their code says, and name only what exists; and every metric is looked at somewhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs.test_alerts import KNOWN, REGISTRIES, ROOT, RULES

GRAFANA = ROOT / "docker" / "grafana"
BOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
METRIC = re.compile(r"(?<![\w:])(?:\w+:)?screening[_:][\w:]+")


def expressions(board: Path) -> list[tuple[str, str]]:
    """Title of the panel and expression, of every query of a dashboard."""
    panels: list[dict[str, Any]] = json.loads(board.read_text("utf-8"))["panels"]
    panels += [inner for panel in panels for inner in panel.get("panels") or []]
    return [(panel["title"], target["expr"]) for panel in panels for target in panel.get("targets") or []]


def test_the_dashboards_are_those_that_their_code_makes(tmp_path: Path) -> None:
    before = {board.name: board.read_bytes() for board in BOARDS}
    code = f"import build, pathlib; build.FOLDER = pathlib.Path({str(tmp_path)!r}); build.main()"
    subprocess.run([sys.executable, "-c", code], cwd=GRAFANA, check=True, capture_output=True)
    assert {board.name: board.read_bytes() for board in tmp_path.iterdir()} == before


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.stem)
def test_every_metric_that_a_dashboard_names_exists(board: Path) -> None:
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    for title, expression in expressions(board):
        for name in METRIC.findall(expression):
            assert name in KNOWN | recorded, f"{title}: {name}"


def test_every_metric_that_a_document_names_exists() -> None:
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    families = {family.name for registry in REGISTRIES for family in registry.collect()}
    documents = [
        path for folder in ("docker", "pipeline", "topics", "rules") for path in ROOT.glob(f"{folder}/**/*.md")
    ]
    documents += ROOT.glob("*.md")
    named = {(path.name, name) for path in documents for name in METRIC.findall(path.read_text("utf-8"))}
    assert any(name.startswith("screening_audit_") for _, name in named)
    assert {(path, name) for path, name in named if name not in KNOWN | families | recorded} == set()


def test_every_metric_is_shown_or_alerted_on() -> None:
    text = " ".join(
        [*(expression for board in BOARDS for _, expression in expressions(board)), *(r["expr"] for r in RULES)]
    )
    used = set(METRIC.findall(text))
    orphans = set()
    for registry in REGISTRIES:
        for family in registry.collect():
            if not used & {family.name + suffix for suffix in ("", "_total", "_bucket", "_count", "_sum", "_info")}:
                orphans.add(family.name)
    assert not orphans


def test_every_panel_asks_a_question_and_has_a_unit() -> None:
    for board in BOARDS:
        for panel in json.loads(board.read_text("utf-8"))["panels"]:
            if panel["type"] != "row":
                assert panel["description"], f"{board.stem}: {panel['title']}"
                assert panel["fieldConfig"]["defaults"]["unit"]
