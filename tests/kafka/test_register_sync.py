"""`screening register sync`: a roster against the log on a real Kafka."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.cluster import Cluster

pytestmark = pytest.mark.kafka


def sync(cluster: Cluster, file: Path, *options: str) -> tuple[dict, subprocess.CompletedProcess[str]]:
    """Runs the command on a roster of one hospital; what it prints, and the process."""
    place = ("--set", "region=110000", "--set", "institution=H11010100001", "--on", "2026-03-02", "--json")
    done = cluster.screening("register", "sync", str(file), *place, *options)
    return json.loads(done.stdout) if done.stdout else {}, done


def roster(file: Path, *codes: str) -> Path:
    """A roster in which these persons are registered since the first of February 2025."""
    rows = [f"{code},1,2025-02-01 00:00:00,2099-12-31 00:00:00" for code in codes]
    file.write_text("\n".join(["prac_psn_code,hi_dr_flag,begntime,endtime", *rows]) + "\n", "utf-8")
    return file


def test_a_roster_is_shown_sent_and_then_says_nothing_new_and_a_mass_end_is_refused(
    cluster: Cluster, tmp_path: Path
) -> None:
    codes = [f"D{number:012}" for number in range(40)]
    file = roster(tmp_path / "5102.csv", *codes)
    shown, done = sync(cluster, file)
    assert (done.returncode, shown["added"], shown["sent"], shown["applied"]) == (0, 40, 0, False), done.stderr
    assert cluster.read("physician-events") == [], "without --apply nothing is sent"

    told, done = sync(cluster, file, "--apply")
    assert (done.returncode, told["sent"], told["refused"]) == (0, 40, None), done.stderr
    assert {record.key.decode() for record in cluster.read("physician-events")} == set(codes)
    again, done = sync(cluster, file, "--apply")
    assert (done.returncode, again["same"], again["sent"], again["differences"]) == (0, 40, 0, [])

    half = roster(tmp_path / "half.csv", *codes[20:])
    refused, done = sync(cluster, half, "--apply")
    assert (done.returncode, refused["ended"], refused["sent"]) == (1, 20, 0)
    assert "--allow-ends 20 allows it" in done.stderr
    ended, done = sync(cluster, half, "--apply", "--allow-ends", "20")
    assert (done.returncode, ended["sent"]) == (0, 20), done.stderr
    last = json.loads(cluster.read("physician-events")[-1].value or b"")
    assert (last["type"], last["status"], last["date"]) == ("status", "terminated", "2026-03-02")
    assert sync(cluster, half, "--apply")[0]["differences"] == []


def test_a_file_that_cannot_be_used_is_told_in_words(cluster: Cluster, tmp_path: Path) -> None:
    _, done = sync(cluster, tmp_path / "none.csv")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    _, done = sync(cluster, roster(tmp_path / "r.csv", "D1"), "--mapping", "no-such-mapping")
    assert done.returncode == 2
    (tmp_path / "bad.csv").write_text("prac_psn_code,hi_dr_flag,begntime,endtime\nD1,1,soon,\n", "utf-8")
    told, done = sync(cluster, tmp_path / "bad.csv", "--apply")
    assert (done.returncode, told["bad"], told["sent"]) == (1, 1, 0)
