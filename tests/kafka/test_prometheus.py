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

import httpx
import pytest
import yaml

from tests.docs.test_alerts import ROOT
from tests.docs.test_dashboards import BOARDS, expressions
from tests.kafka.test_desk import Browser, accounts
from tests.support.archives import QUICK, Archives
from tests.support.cluster import Cluster
from tests.support.control import Controls, record, wait_taken
from tests.support.desks import Desks
from tests.support.histories import make
from tests.support.intakes import Intakes
from tests.support.interface_messages import HOSPITAL, message, settled
from tests.support.longitudinal import wire
from tests.support.missing import program
from tests.support.prechecks import Prechecks
from tests.support.reconciles import Reconciles
from tests.support.runs import send_claims, wait_judged
from tests.support.spoiled import SPOILED, claim
from tests.support.waiting import wait_for
from tests.support.workers import Crew, WorkerProcess

pytestmark = pytest.mark.kafka

NOTHING_HAPPENED = {"Unrest", "Foreign records", "Transactions", "Commits"}
"""Panels that also count what a healthy run does not have; one of their expressions is enough."""

NOTHING_WAITS = {"Age of what waits longest"}
"""Panels that show nothing where everything is done."""


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


class Server:
    """A process that serves until it is closed."""

    def __init__(self, log: Path, *command: str) -> None:
        with log.open("wb") as stream:
            self._process = subprocess.Popen(command, stdout=stream, stderr=stream)

    def close(self) -> None:
        """Stops it."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class NodeExporter(Server):
    """What passes on the files of a folder, with the options that it has in the compose file."""

    def __init__(self, folder: Path, log: Path) -> None:
        server = program("prometheus-node-exporter", "prometheus-node-exporter", "node_exporter")
        compose = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text("utf-8"))
        option = "--collector.textfile.directory="
        options = [one for one in compose["services"]["node-exporter"]["command"] if not one.startswith(option)]
        self.address = free_address()
        super().__init__(log, server, *options, f"{option}{folder}", f"--web.listen-address={self.address}")


class Prometheus(Server):
    """The server, on a free port, with the product's own rules."""

    def __init__(self, folder: Path, targets: dict[str, str]) -> None:
        server = program("prometheus", "prometheus")
        self._address = free_address()
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(ROOT / "docker" / "prometheus" / "rules" / "*.yaml")],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()
            ],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
        super().__init__(
            folder / "prometheus.log",
            server,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={self._address}",
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


def address(process: WorkerProcess) -> str:
    """Where a process shows its metrics."""
    found = re.match(r"http://([^/]+)/metrics", process.wait_event(f"{process.command.split()[0]}_started")["metrics"])
    assert found is not None
    return found.group(1)


def test_every_panel_of_every_dashboard_shows_something_when_the_pipeline_runs(
    cluster: Cluster, controls: Controls, crew: Crew, intakes: Intakes, tmp_path: Path
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("2023-05-12T09:00:00+08:00")
    control = controls.start(control_clock_file=clock).wait_ready()
    worker = crew.start(register_lag_ms=0).wait_ready()
    intake = intakes.start(intake_visit_wait_s=1).wait_ready()
    archives, prechecks = Archives(cluster, tmp_path), Prechecks(cluster, tmp_path)
    archive, precheck = archives.start(**QUICK).wait_ready(), prechecks.start(staleness_policy="proceed").wait_ready()
    reconciles = Reconciles(cluster, tmp_path)
    reconcile = reconciles.start(archive_url=archives.place)
    desks = Desks(cluster, tmp_path)
    accounts(tmp_path / "desk", cluster)
    desk = desks.start()
    desk.wait_ready()
    people = Browser(desk, "li.na")
    come_in(cluster)
    files = tmp_path / "files"
    files.mkdir()
    exporter = NodeExporter(files, tmp_path / "exporter.log")
    targets = {
        **{"worker": address(worker), "control": address(control), "intake": address(intake)},
        **{
            "archive": address(archive),
            "precheck": address(precheck),
            "reconcile": address(reconcile),
            "desk": address(desk),
            "files": exporter.address,
        },
    }
    prometheus = Prometheus(tmp_path, targets)
    try:
        wait_for("all are scraped", lambda: len(prometheus.ask("up == 1")) == len(targets))
        for turn in range(3):  # a rate needs a series to grow after it was first seen
            happen(cluster, turn)
            asked = httpx.post(f"{precheck.address}/v1/precheck", content=claim(), timeout=60, trust_env=False)
            assert asked.status_code == 200, asked.text
            wait_taken(cluster, controls)
            wait_judged(cluster, crew)
            seen = sum(1 for _ in cluster.read("claim-verdicts"))
            wait_for(
                "the turn is scraped",
                lambda seen=seen: any(
                    float(one["value"][1]) >= seen for one in prometheus.ask("sum(screening_claims_total)")
                ),
            )
            act(cluster, turn, people)
            clock.write_text(f"2023-0{6 + turn}-20T09:00:00+08:00")
            wait_taken(cluster, controls)
        look_back(cluster, files, clock)
        cluster.send("notices", [{"key": "x", "value": b"{"}])
        silent: set[str] = set()

        def all_show() -> bool:
            silent.clear()
            for board in BOARDS:
                shown: dict[str, list[bool]] = {}
                for title, expression in expressions(board):
                    shown.setdefault(title, []).append(bool(prometheus.ask(expression)))
                for title, answers in shown.items():
                    if title not in NOTHING_WAITS and not (any(answers) if title in NOTHING_HAPPENED else all(answers)):
                        silent.add(f"{board.stem}: {title}")
            return not silent

        wait_for("every panel shows something", all_show, every=2, detail=lambda: str(sorted(silent)))
        assert prometheus.ask("node_textfile_scrape_error == 0"), "the files contradict each other"
        assert {one["metric"]["replay"] for one in prometheus.ask("screening_replay_claims")} == {"now", "what-if"}
        (differing,) = prometheus.ask('sum(screening_replay_differing_records{replay="now"})')
        assert float(differing["value"][1]) == 0
        assert prometheus.ask("max(screening_audit_completed) == 1")
    finally:
        prometheus.close()
        exporter.close()
        reconciles.dismiss()
        archives.dismiss()
        prechecks.dismiss()
        desks.dismiss()


def look_back(cluster: Cluster, files: Path, clock: Path) -> None:
    """An audit, a replay of the topic and a what-if; each leaves a file."""
    audit = cluster.screening("audit", "--metrics-file", str(files / "audit.prom"), control_clock_file=clock)
    assert audit.returncode == 0, audit.stdout + audit.stderr
    for name, options in (("now", ()), ("what-if", ("--as-known-now", "--set", "qiannan-2022.penalty.months=6"))):
        replay = cluster.screening(
            *("replay", "--from-topic", "--no-report", "--out", str(files.parent / name), *options),
            *("--metrics-file", str(files / f"{name}.prom")),
        )
        assert replay.returncode in (0, 1), replay.stderr
    check_over_time(cluster, files)


def check_over_time(cluster: Cluster, files: Path) -> None:
    """Claims of two years are examined together, one of which does not tell its quantity; each run leaves a file."""
    folder = files.parent
    sale = {"kind": "pharmacy", "institution": "F1", "lines": [{"item": "A", "prescription": "r1", "amount": "20"}]}
    claims = [wire({"id": year, "day": f"{year}-11-02", **sale}) for year in ("2021", "2022")]
    cases = [item.value or b"" for item in cluster.read("claim-cases")]
    for name, lines in (("claims", claims), ("cases", cases)):
        (folder / f"{name}.ndjson").write_bytes(b"\n".join(lines) + b"\n")
    lists = {"issued": "2020-10-01", "drugs": [{"item": "A", "price": "10"}]}
    (folder / "lists.yaml").write_text(yaml.safe_dump({"dual_channel": lists}), "utf-8")
    facts = ("--pack", "shantou-dual-channel", "--facts", str(folder / "lists.yaml"))
    for name, command in (
        ("over-time", ("longitudinal", str(folder / "claims.ndjson"), *facts)),
        (
            "year",
            (
                *("supervise", "measures", str(folder / "claims.ndjson"), "--year", "2022"),
                *("--cases", str(folder / "cases.ndjson")),
            ),
        ),
    ):
        run = cluster.screening(*command, "--metrics-file", str(files / f"{name}.prom"))
        assert run.returncode == 0, run.stderr


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


def come_in(cluster: Cluster) -> None:
    """Messages of a centre: a settlement of an unknown class whose visit never comes, one that no claim needs, one in GBK."""
    settlement = settled(med_type="9901", insuplc_admdvs="unknown")
    known = [{"key": HOSPITAL, "value": json.dumps(one).encode()} for one in (settlement, message("1101", {}))]
    cluster.send("interface-messages", [*known, {"key": HOSPITAL, "value": "就诊".encode("gbk")}])
    wait_for("the claim is written", lambda: cluster.read("claims"))


def act(cluster: Cluster, turn: int, people: Browser) -> None:
    """Somebody takes a case, and somebody another one at the desk."""
    cases = wait_for("a case is there", lambda: cluster.read("claim-cases"))
    one = json.loads(cases[-1].value or b"")["case_id"]
    action = {
        "action_id": f"a{turn}",
        "case_id": one,
        "action": "assign",
        "by": "wang",
        "at": "2023-05-21T09:00:00+08:00",
    }
    cluster.send("case-actions", [{"key": one, "value": json.dumps(action).encode()}, {"key": one, "value": b"{"}])
    another = json.loads(cases[turn].value or b"")["case_id"]
    assert "assigned" in people.act(another, "assign", assignee="li.na")
