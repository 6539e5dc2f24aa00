"""The alert rules: sound by Prometheus' own tool, each proved where it must sound and where it must not, each with a runbook."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from pipeline.telemetry.archive_metrics import ArchiveMetrics
from pipeline.telemetry.audit_metrics import AuditMetrics
from pipeline.telemetry.control_metrics import ControlMetrics
from pipeline.telemetry.desk_metrics import DeskMetrics
from pipeline.telemetry.gate_metrics import GateMetrics
from pipeline.telemetry.intake_metrics import IntakeMetrics
from pipeline.telemetry.longitudinal_metrics import LongitudinalMetrics
from pipeline.telemetry.precheck_metrics import PrecheckMetrics
from pipeline.telemetry.reconcile_metrics import ReconcileMetrics
from pipeline.telemetry.replay_metrics import ReplayMetrics
from pipeline.telemetry.supervision_metrics import SupervisionMetrics
from tests.support.missing import program
from topics.catalogue import CLAIMS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docker" / "prometheus"
RULE_FILES = sorted(FOLDER.glob("rules/*.yaml"))
TEST_FILES = sorted(FOLDER.glob("tests/*.yaml"))
GUIDE = (ROOT / "docker" / "OPERATIONS.md").read_text("utf-8")


def groups(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(path.read_text("utf-8"))["groups"]
    return found


RULES = [rule for path in RULE_FILES for group in groups(path) for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    tool = program("promtool", "prometheus")
    return subprocess.run([tool, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False, timeout=120)


def names(registry: CollectorRegistry) -> set[str]:
    """Every series name that a registry can answer, before anything was counted."""
    found = set()
    for family in registry.collect():
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"], "info": ["_info"]}
        found |= {family.name + suffix for suffix in suffixes.get(family.type, [""])}
    return found


_MADE = (GateMetrics, ControlMetrics, IntakeMetrics, PrecheckMetrics, ArchiveMetrics, ReconcileMetrics, AuditMetrics, ReplayMetrics,
         DeskMetrics, LongitudinalMetrics, SupervisionMetrics)  # fmt: skip
REGISTRIES = [made().registry for made in _MADE]
KNOWN = set().union(*map(names, REGISTRIES))
"""Every series that any process or file can tell."""


def test_the_alert_on_claims_near_retention_leaves_two_thirds_of_the_time_to_act() -> None:
    found = re.search(r"> (\d+) \* 86400", ALERTS["ScreeningClaimsNearRetention"]["expr"])
    assert found is not None
    assert int(found[1]) * 86_400_000 * 3 <= CLAIMS.retention_ms


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.stem)
def test_prometheus_accepts_the_rules(path: Path) -> None:
    done = promtool("check", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.stem)
def test_every_alert_sounds_when_it_must_and_is_silent_when_it_must(path: Path) -> None:
    done = promtool("test", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_proved_both_sounding_and_silent() -> None:
    sounding, silent = set(), set()
    for path in TEST_FILES:
        for test in yaml.safe_load(path.read_text("utf-8"))["tests"]:
            for check in test.get("alert_rule_test", []):
                (sounding if check["exp_alerts"] else silent).add(check["alertname"])
                # An alert with labels sounds for what it names, and is silent for the test's other series.
                labels = set().union(*(alert["exp_labels"] for alert in check["exp_alerts"])) - {"severity"}
                if labels:
                    silent.add(check["alertname"])
    assert sounding == set(ALERTS)
    assert silent == set(ALERTS)


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_every_alert_says_how_bad_it_is_and_which_section_says_what_to_do(name: str) -> None:
    alert = ALERTS[name]
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert alert["annotations"]["summary"]
    assert alert["annotations"]["runbook"] == f"docker/OPERATIONS.md#{name.lower()}"
    assert re.search(rf"^#+ {name}$", GUIDE, re.MULTILINE), f"the operations guide has no section {name}"


def test_every_metric_that_a_rule_names_exists() -> None:
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    used = {name for rule in RULES for name in re.findall(r"(?<![\w:])(?:\w+:)?screening[_:][\w:]+", rule["expr"])}
    assert used - recorded <= KNOWN
