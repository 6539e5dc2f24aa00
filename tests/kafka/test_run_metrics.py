"""What runs and ends tells as metrics in a file: the audit and replays, also those that could not be completed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from pipeline.audit.findings import KINDS
from tests.support.cluster import Cluster
from tests.support.commands import environment
from tests.support.histories import make
from tests.support.ledger import tell_progress
from tests.support.metrics_files import of, samples, value
from tests.support.published import event_record
from tests.support.waiting import wait_for

PHYSICIAN = "D522701000001"


# -- the audit ----------------------------------------------------------------------------------------------------


@pytest.mark.kafka
def test_an_audit_tells_its_differences_by_part_and_kind_and_zero_where_it_looked_and_found_none(
    cluster: Cluster, tmp_path: Path
) -> None:
    event = make("registration", "2023-01-03", 1, region="522700", physician_code=PHYSICIAN)
    cluster.send("physician-events", [event_record(event), {"key": "x", "value": b"{"}])
    tell_progress(cluster)
    file = tmp_path / "audit.prom"
    done = cluster.screening("audit", "--metrics-file", str(file), "--json")
    assert done.returncode == 1, done.stderr
    told = Counter((item["part"], item["kind"]) for item in json.loads(done.stdout)["differences"])
    assert told == {("standings", "missing"): 1, ("events", "missing_dead_letter"): 1}

    found = samples(file)
    series = of(found, "screening_audit_differences")
    shown = {(dict(labels)["part"], dict(labels)["kind"]): number for labels, number in series.items()}
    looked_at = {part: kinds for part, kinds in KINDS.items() if part != "revisions"}  # which is asked for by itself
    assert shown == {(part, kind): told[part, kind] for part, kinds in looked_at.items() for kind in kinds}
    assert value(found, "screening_audit_completed", scope="all") == 1
    assert value(found, "screening_audit_records", scope="all", part="events", figure="read") == 2
    assert value(found, "screening_audit_records", scope="all", part="events", figure="waiting") == 0
    ended = value(found, "screening_audit_last_run_timestamp_seconds", scope="all")
    assert ended == value(found, "screening_audit_last_completed_timestamp_seconds", scope="all")
    assert PHYSICIAN not in file.read_text("utf-8")

    part = tmp_path / "claims.prom"
    assert cluster.screening("audit", "--claims", "--metrics-file", str(part)).returncode == 0
    series = of(samples(part), "screening_audit_differences")
    assert {(dict(labels)["scope"], dict(labels)["part"]) for labels in series} == {
        ("claims", "claims"), ("claims", "claim_identities"),
    }  # fmt: skip
    assert set(series.values()) == {0}


@pytest.mark.kafka
def test_an_audit_that_cannot_be_completed_leaves_no_old_zero_and_says_when_one_last_was(
    cluster: Cluster, tmp_path: Path
) -> None:
    file = tmp_path / "audit.prom"
    assert cluster.screening("audit", "--metrics-file", str(file)).returncode == 0
    before = samples(file)
    cluster.clear()
    done = cluster.screening("audit", "--metrics-file", str(file))
    assert done.returncode == 2
    assert "screening topics apply" in done.stderr
    after = samples(file)
    assert value(after, "screening_audit_completed", scope="all") == 0
    assert of(after, "screening_audit_differences") == of(after, "screening_audit_records") == {}
    last = ("screening_audit_last_completed_timestamp_seconds", frozenset({("scope", "all")}))
    assert after[last] == before[last] > 0
    assert (value(after, "screening_audit_last_run_timestamp_seconds", scope="all") or 0) > before[last]


@pytest.mark.kafka
def test_audits_go_on_after_one_that_failed_and_end_by_sigterm(cluster: Cluster, tmp_path: Path) -> None:
    file, log = tmp_path / "audit.prom", tmp_path / "log"

    def completed() -> float | None:
        return value(samples(file), "screening_audit_completed", scope="all") if file.exists() else None

    with log.open("wb") as stream:
        running = subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", "audit", "--every", "5s", "--metrics-file", str(file)],
            env=environment({"bootstrap_servers": cluster.bootstrap}),
            stdout=stream,
            stderr=stream,
        )
    try:
        wait_for("the first audit is told", lambda: completed() == 1, detail=log.read_text)
        cluster.clear()  # between two audits: one whose topics go while it reads them waits for the brokers first
        wait_for("a failed one is told", lambda: completed() == 0, detail=log.read_text)
        cluster.reset()
        event = make("registration", "2023-01-03", 1, region="522700", physician_code=PHYSICIAN)
        cluster.send("physician-events", [event_record(event)])
        tell_progress(cluster)
        kind = {"scope": "all", "part": "standings", "kind": "missing"}
        wait_for(
            "a later one is completed",
            lambda: value(samples(file), "screening_audit_differences", **kind) == 1,
            detail=log.read_text,
        )
        wait_for("it is logged", lambda: '"standings.missing": 1' in log.read_text(), detail=log.read_text)
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
    finally:
        running.kill()
    events = [json.loads(line) for line in log.read_text().splitlines()]
    names = [event["event"] for event in events]
    assert names[0] == "audit_completed"
    assert {"audit_completed", "audit_failed", "audit_difference_found"} == set(names)
    assert {"standings.missing": 1} in [event.get("by_kind") for event in events]


@pytest.mark.kafka
def test_metrics_that_cannot_be_written_are_told_and_the_audit_is_shown_all_the_same(
    cluster: Cluster, tmp_path: Path
) -> None:
    file = tmp_path / f"{'a' * 245}.prom"  # a name that fits, and beside it no room for an unfinished file's
    done = cluster.screening("audit", "--claims", "--metrics-file", str(file))
    assert done.returncode == 2
    assert "the metrics cannot be written: File name too long" in done.stderr
    assert "nothing found" in done.stdout


# -- replays ------------------------------------------------------------------------------------------------------
