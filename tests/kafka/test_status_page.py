"""The page that an operator opens first."""

from __future__ import annotations

import json
import os
import re
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.support.cluster import Cluster
from tests.support.control import Controls, record, wait_taken
from tests.support.histories import make
from tests.support.pages import dom, screenshot
from tests.support.runs import publish, sample, send_claims, wait_judged
from tests.support.spoiled import SPOILED
from tests.support.waiting import wait_for
from tests.support.workers import Crew

pytestmark = pytest.mark.kafka


def test_the_gate_shows_at_a_glance_what_it_has_judged_in_both_languages(
    cluster: Cluster, crew: Crew, tmp_path: Path
) -> None:
    register, claims = sample(seed=51, claims=2000)
    publish(cluster, register)
    send_claims(cluster, [*claims, *(spoiled.value for spoiled in SPOILED)])
    worker = crew.start(instance_id="gate-1").wait_ready()
    wait_judged(cluster, crew)
    told = Counter(json.loads(record.value or b"")["disposition"] for record in cluster.read("claim-verdicts"))
    wait_for("it has counted them", lambda: f">{told['reject']:,}<" in worker.get("/")[1])
    address = worker.wait_event("worker_started")["metrics"].removesuffix("/metrics")

    page = {lang: dom(f"{address}/?lang={lang}") for lang in ("en", "zh")}

    for lang, names in (("en", ("pay", "reject", "review")), ("zh", ("予以结算", "不予结算", "转人工"))):
        rows = dict(re.findall(r'<td style="[^"]*" title="(\w+)">[^<]*</td><td>([\d,]+)</td>', page[lang]))
        assert {name: int(rows[name].replace(",", "")) for name in told} == told
        assert all(f">{name}</td>" in page[lang] for name in names)
        assert "gate-1" in page[lang]
        assert "qiannan-2022@1" in page[lang]
    assert re.search(r'class="badge good">ready<', page["en"])
    assert re.search(r'class="badge good">就绪<', page["zh"])
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", page["en"]), "it needs nothing from elsewhere"
    screenshot(f"{address}/?lang=zh", tmp_path / "status.png")


def test_the_first_page_asks_for_nothing_that_could_hold_the_gate_up(cluster: Cluster, crew: Crew) -> None:
    worker = crew.start(staleness_limit_s=0.2).wait_ready()
    assert cluster.broker.pid is not None
    os.kill(cluster.broker.pid, signal.SIGSTOP)
    try:
        wait_for("it says that it holds", lambda: "holding" in worker.get("/?lang=en")[1])
        assert worker.get("/")[0] == 200
    finally:
        os.kill(cluster.broker.pid, signal.SIGCONT)


def test_the_control_plane_shows_at_a_glance_what_it_has_taken(cluster: Cluster, tmp_path: Path) -> None:
    controls = Controls(cluster, tmp_path)
    try:
        control = controls.start(instance_id="ledger-1").wait_ready()
        event = make("registration", "2023-01-03", 1, region="522700", physician_code="D522701000001")
        cluster.send("physician-events", [record(event), {"key": "x", "value": b"{"}])
        wait_taken(cluster, controls)
        wait_for("it has counted them", lambda: 'title="registration"' in control.get("/")[1])
        address = control.wait_event("worker_started")["metrics"].removesuffix("/metrics")
        page = {lang: dom(f"{address}/?lang={lang}") for lang in ("en", "zh")}
        assert "ledger-1" in page["en"]
        assert re.search(r'class="badge good">就绪<', page["zh"])
        assert ">已接受</td><td>1</td>" in page["zh"]
        assert ">accepted</td><td>1</td>" in page["en"]
        screenshot(f"{address}/?lang=en", tmp_path / "control.png")
        dossier = dom(f"{address}/physicians/522700/D522701000001?lang=en")
        assert "D522701000001" in dossier
        screenshot(f"{address}/physicians/522700/D522701000001?lang=zh", tmp_path / "dossier.png")
    finally:
        controls.dismiss()
