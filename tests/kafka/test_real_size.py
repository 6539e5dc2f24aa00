"""The whole real-size sample: 126,089 claims, loaded, screened on real Kafka, balanced, and judged one by one."""

from __future__ import annotations

import csv
import gzip
import hashlib
import time
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.support.balance import balance
from tests.support.cluster import Cluster
from tests.support.register import QIANNAN, Register, iso
from tests.support.runs import wait_judged
from tests.support.workers import Crew

pytestmark = [pytest.mark.kafka, pytest.mark.shared]

CLAIMS = 126_089
WITHOUT_PHYSICIAN = 1_071


def number_of(code: str, what: str, below: int) -> int:
    """A number that follows from the code alone."""
    return int.from_bytes(hashlib.sha256(f"{what} {code}".encode()).digest()[:4], "big") % below


def physician(code: str, institution: str, index: int) -> dict:
    """A standing that follows from the code: most are normal, some were penalised, suspended, blacklisted, never declared."""
    kind = number_of(code, "kind", 100)
    start = date(2023, 1, 1) + timedelta(number_of(code, "start", 700))
    end, after = start + timedelta(number_of(code, "length", 180) + 20), timedelta(1)
    window = [iso(start), iso(end)]
    causes = [f"ev-{code}"]

    def span(first: date | None, last: date | None, standing: str, **more: object) -> dict:
        return {"from": iso(first), "to": iso(last), "standing": standing, **more}

    before = span(None, start - after, "normal")
    if kind < 70:
        spans = [span(None, None, "normal")]
    elif kind < 80:
        penalty = span(start, end, "penalty", penalty_period=window, causes=causes)
        back = end + timedelta(number_of(code, "back", 90) + 2)
        pending = span(end + after, back - after, "pending_reinstatement", penalty_period=window, causes=causes)
        spans = [before, penalty, pending, span(back, None, "normal")]
    elif kind < 85:
        spans = [before, span(start, None, "blacklisted", ban_period=[iso(start), None], causes=causes)]
    elif kind < 89:
        spans = [span(start, None, "normal")]
    elif kind < 92:
        spans = [
            span(None, start, "normal", flags=["data_conflict"], causes=causes),
            span(start + after, None, "cautioned_6"),
        ]
    elif kind < 94:
        spans = [span(None, None, "normal", flags=["qualification_incomplete"])]
    else:
        spans = [span(None, None, "cautioned_10")]
    sites: list[dict | str] = [institution]
    if kind >= 98:
        sites = []
    elif kind >= 96:
        sites = [{"institution_code": institution, "from": iso(start), "to": None, "status": "opted_out"}, institution]
    return {"region": QIANNAN, "physician_code": code, "revision": index, "spans": spans, "sites": sites}


def roster(folder: Path) -> Register:
    """Standings for the physicians of the sample; one in fifty is left out and so unregistered. Some institutions are ended."""
    register = Register()
    with gzip.open(folder / "physicians.csv.gz", "rt", encoding="utf-8") as stream:
        for index, row in enumerate(csv.DictReader(stream)):
            if number_of(row["code"], "unregistered", 50):
                register.physicians[f"{QIANNAN}|{row['code']}"] = physician(row["code"], row["institution_code"], index)
    with (folder / "institutions.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if number_of(row["code"], "ended", 100) == 0:
                spans = [{"from": "2024-01-01", "to": None, "standing": "terminated", "causes": [f"ev-{row['code']}"]}]
                message = {"region": QIANNAN, "institution_code": row["code"], "revision": 1, "spans": spans}
                register.institutions[f"{QIANNAN}|{row['code']}"] = message
    return register


def test_the_whole_real_size_sample_is_screened_and_every_verdict_is_the_oracles(
    cluster: Cluster, crew: Crew, shared: Path, tmp_path: Path
) -> None:
    register = roster(shared / "data")
    standing = tmp_path / "standing.ndjson"
    standing.write_text(register.lines(), "utf-8")
    loaded = cluster.screening("load", "standing", str(standing))
    assert (loaded.returncode, loaded.stderr.strip()) == (0, ""), loaded.stderr
    loaded = cluster.screening("load", "claims", str(shared / "data" / "claims.ndjson.gz"))
    assert loaded.returncode == 0, loaded.stderr
    assert f"{CLAIMS:,} claims loaded" in loaded.stdout

    worker = crew.start()
    started = time.monotonic()
    worker.wait_ready()
    ready = time.monotonic()
    wait_judged(cluster, crew)
    judged = time.monotonic()
    assert worker.terminate() == 0

    figures = balance(cluster, register)
    rate = CLAIMS / (judged - ready)
    print(f"\n{figures.table()}\nready in {ready - started:.1f} s with {len(register.physicians):,} physicians")  # noqa: T201  # the figures are for people
    print(f"screened in {judged - ready:.1f} s: {rate:,.0f} claims/s, two cores shared with Kafka and the test")  # noqa: T201  # the figures are for people
    assert (figures.inputs, figures.verdicts, figures.dead_letters) == (CLAIMS, CLAIMS, 0)
    reasons = {reason: count for (_, _, reason), count in figures.reasons.items()}
    assert reasons.keys() >= {
        "ok", "physician_missing", "physician_unregistered", "in_penalty_period", "pending_reinstatement", "blacklisted",
        "straddles_penalty", "data_conflict", "site_not_declared", "opted_out", "qualification_incomplete",
        "institution_agreement_terminated", "exempt_emergency", "rule_not_in_force",
    }  # fmt: skip
    assert reasons["physician_missing"] <= WITHOUT_PHYSICIAN
