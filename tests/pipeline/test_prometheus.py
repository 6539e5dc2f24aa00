"""A real Prometheus scrapes a running pipeline, and every panel of every dashboard shows something."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.house.test_alerts import ROOT
from tests.house.test_dashboards import BOARDS, expressions
from tests.rules.histories import make
from tests.support.cluster import Cluster
from tests.support.control import Controls, record, wait_taken
from tests.support.missing import program
from tests.support.runs import send_claims, wait_judged
from tests.support.spoiled import SPOILED, claim
from tests.support.waiting import wait_for
from tests.support.workers import Crew, WorkerProcess

pytestmark = pytest.mark.kafka

NOTHING_HAPPENED = {"Unrest", "Foreign records", "Transactions"}
"""Panels that also count what a healthy run does not have; one of their expressions is enough."""


class Prometheus:
    """The server, on a free port, with the product's own rules."""

    def __init__(self, folder: Path, targets: dict[str, str]) -> None:
        server = program("prometheus", "prometheus")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._address = f"127.0.0.1:{probe.getsockname()[1]}"
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(ROOT / "docker" / "prometheus" / "rules" / "*.yaml")],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()
            ],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
        with (folder / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    server,
                    f"--config.file={folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    f"--web.listen-address={self._address}",
                ],
                stdout=log,
                stderr=log,
            )

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """The answer to an expression, now; empty while there is none."""
        query = urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(f"http://{self._address}/api/v1/query?{query}", timeout=10) as answer:
                found: list[dict[str, Any]] = json.loads(answer.read())["data"]["result"]
        except OSError:
            return []
        return found

    def close(self) -> None:
        """Stops the server."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def address(process: WorkerProcess) -> str:
    """Where a process shows its metrics."""
    found = re.match(r"http://([^/]+)/metrics", process.wait_event("worker_started")["metrics"])
    assert found is not None
    return found.group(1)


def test_every_panel_of_every_dashboard_shows_something_when_the_pipeline_runs(
    cluster: Cluster, controls: Controls, crew: Crew, tmp_path: Path
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("2023-05-12T09:00:00+08:00")
    control = controls.start(control_clock_file=clock).wait_ready()
    worker = crew.start().wait_ready()
    prometheus = Prometheus(tmp_path, {"worker": address(worker), "control": address(control)})
    try:
        wait_for("both are scraped", lambda: len(prometheus.ask("up == 1")) == 2)
        for turn in range(3):  # a rate needs a series to grow after it was first seen
            happen(cluster, turn)
            wait_taken(cluster, controls)
            wait_judged(cluster, crew)
            seen = sum(1 for _ in cluster.read("claim-verdicts"))
            wait_for(
                "the turn is scraped",
                lambda seen=seen: any(
                    float(one["value"][1]) >= seen for one in prometheus.ask("sum(screening_claims_total)")
                ),
            )
            act(cluster, turn)
            clock.write_text(f"2023-0{6 + turn}-20T09:00:00+08:00")
            wait_taken(cluster, controls)
        silent: set[str] = set()

        def all_show() -> bool:
            silent.clear()
            for board in BOARDS:
                shown: dict[str, list[bool]] = {}
                for title, expression in expressions(board):
                    shown.setdefault(title, []).append(bool(prometheus.ask(expression)))
                for title, answers in shown.items():
                    if not (any(answers) if title in NOTHING_HAPPENED else all(answers)):
                        silent.add(f"{board.stem}: {title}")
            return not silent

        wait_for("every panel shows something", all_show, within=90, every=2, detail=lambda: str(sorted(silent)))
    finally:
        prometheus.close()


def happen(cluster: Cluster, turn: int) -> None:
    """Some of everything: events, an event that is none, a contradiction, claims, emergencies, dead letters."""
    code = f"D52270100000{turn}"
    fields = {"region": "522700", "physician_code": code}
    events = [
        make("registration", "2023-01-03", 1, event_id=f"{code}-1", **fields),
        make("deduction", "2023-05-10", 2, event_id=f"{code}-2", points=12, violation_id="QN-T12-01", **fields),
        make("notice_received", "2023-05-11", 3, event_id=f"{code}-3", ref=f"{code}-2", **fields),
        make("appeal_rejected", "2023-05-12", 4, event_id=f"{code}-4", ref="no-such-decision", **fields),
    ]
    cluster.send("physician-events", [*map(record, events), {"key": code, "value": b"{not an event"}])
    wait_for(
        "the standing is published",
        lambda: any(code.encode() in (item.key or b"") for item in cluster.read("physician-standing")),
    )
    common = {"region": "522700", "institution_code": "H1", "physician_code": code, "service_date": "2023-05-20"}
    claims = [
        claim(claim_id=f"{turn}-{number}", encounter_type="emergency" if number % 2 else "outpatient", **common)
        for number in range(40)
    ]
    send_claims(cluster, [*claims, *(spoiled.value for spoiled in SPOILED[:20])])


def act(cluster: Cluster, turn: int) -> None:
    """Somebody takes a case."""
    cases = [json.loads(item.value or b"") for item in cluster.read("claim-cases")]
    one = cases[-1]["case_id"]
    action = {
        "action_id": f"a{turn}",
        "case_id": one,
        "action": "assign",
        "by": "wang",
        "at": "2023-05-21T09:00:00+08:00",
    }
    cluster.send("case-actions", [{"key": one, "value": json.dumps(action).encode()}, {"key": one, "value": b"{"}])
