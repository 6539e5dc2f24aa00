"""The demo: the real worker on an embedded broker, everything accounted for, nothing left behind."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
import structlog
from rich.console import Console

from pipeline.demo import run_demo
from pipeline.demo.embedded import DemoSettings, EmbeddedBroker
from pipeline.demo.outcome import to_fen
from pipeline.sample import claims, institutions, roster
from pipeline.screening.gate import Gate
from pipeline.screening.worker import Worker
from pipeline.settings.packs import load_pack_set
from tests.support.commands import environment, screening
from topics.catalogue import CATALOGUE
from topics.claims.codec import ClaimError

COUNT, SEED = 3_000, 11
PHYSICIANS = 200
"""A tenth of the demo's own register, with every kind of history: the rest costs every demo some seconds and shows nothing more."""


@pytest.fixture(scope="module", autouse=True)
def small_register():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.demo.run.PHYSICIANS", PHYSICIANS)
        yield


def demo(**options) -> tuple[int, str]:
    told = io.StringIO()
    console = Console(file=told, width=100)
    code = run_demo(console=console, **options)
    return code, told.getvalue()


@pytest.fixture(scope="module")
def answer(small_register):
    code, text = demo(claims=COUNT, seed=SEED, workers=2, as_json=True)
    assert code == 0, text
    return json.loads(text)


@pytest.fixture(scope="module")
def judged():
    """The same sample through the same law, without Kafka."""
    register = roster(SEED, PHYSICIANS)
    gate = Gate(load_pack_set())
    for physician in register:
        gate.index.put(physician)
    for institution in institutions(SEED):
        gate.index.put_institution(institution)
    return gate.judge(
        [value for _, value in claims(SEED, COUNT, register)],
        topic="claims",
        partitions=[0] * COUNT,
        offsets=range(COUNT),
        screened_at="2026-01-05T08:00:00Z",
    )


def test_every_record_gives_exactly_one_verdict_or_dead_letter(answer):
    kept = answer["conservation"]
    assert answer["ok"]
    assert kept["holds"]
    assert kept["records_in"] == COUNT == kept["verdicts"] + kept["dead_letters"]
    assert (kept["lost"], kept["repeated"], kept["invented"]) == (0, 0, 0)


def test_dead_letters_keep_their_bytes_and_every_kind_is_shown_with_its_place(answer):
    assert answer["conservation"]["dead_letters_changed"] == 0
    assert {row["error"] for row in answer["dead_letters"]} == set(ClaimError.KINDS)
    for row in answer["dead_letters"]:
        assert row["example"]["detail"]
        assert row["example"]["offset"] >= 0
        assert row["example"]["key"].startswith(f"C{SEED}-")


def test_the_stream_says_what_the_law_says_without_a_stream(answer, judged):
    expected = Counter()
    for document in (record["value"] for record in judged.verdicts):
        verdict = json.loads(document)
        expected[verdict["disposition"], verdict["reason"], "claims"] += 1
        expected[verdict["disposition"], verdict["reason"], "fen"] += to_fen(verdict["fund_amount"])
    shown = Counter()
    for row in answer["reasons"]:
        shown[row["disposition"], row["reason"], "claims"] = row["claims"]
        shown[row["disposition"], row["reason"], "fen"] = to_fen(row["fund_yuan"])
    assert shown == expected
    assert Counter({row["error"]: row["records"] for row in answer["dead_letters"]}) == judged.dead_by_kind


def test_every_reject_and_review_has_a_case_and_examples_explain_themselves(answer):
    doubtful = answer["dispositions"]["reject"]["claims"] + answer["dispositions"]["review"]["claims"]
    assert answer["conservation"]["cases"] == doubtful
    assert len(answer["examples"]) == 3
    for example in answer["examples"]:
        assert example["evidence"]
        assert example["explanation"]["zh"].endswith("。")
        assert "Legal basis" in example["explanation"]["en"]


def test_money_adds_up(answer):
    by_disposition = sum(to_fen(part["fund_yuan"]) for part in answer["dispositions"].values())
    by_reason = sum(to_fen(row["fund_yuan"]) for row in answer["reasons"])
    by_pack = sum(
        to_fen(row[disposition]["fund_yuan"]) for row in answer["rule_packs"] for disposition in answer["dispositions"]
    )
    assert by_disposition == by_reason == by_pack


def test_speed_is_measured_and_says_between_which_points(answer):
    speed = answer["speed"]
    assert speed["rush_claims"] + speed["steady_claims"] == COUNT
    assert 0 < speed["latency_ms"]["p50"] <= speed["latency_ms"]["p95"] <= speed["latency_ms"]["p99"]
    assert "timestamp" in speed["latency_from"]
    assert answer["workers"] == 2
    assert answer["transactions"]["committed"] > 0


def test_a_customer_reads_the_tables_in_chinese_and_nothing_stays_behind(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("SCREENING_BOOTSTRAP_SERVERS", "a-real-cluster.invalid:9092")
    monkeypatch.setenv("SCREENING_OUTPUT_PREFIX", "shadow-")
    logging_before = structlog.get_config()
    code, text = demo(claims=1_000, seed=SEED, lang="zh")
    assert code == 0, text
    assert "✔ 输入 1,000 = 裁定" in text
    assert "责罚期内 in_penalty_period" in text
    assert "内嵌消息服务仅供演示" in text
    assert "✘" not in text
    assert max(len(line) for line in text.splitlines()) <= 100
    assert list(tmp_path.iterdir()) == []
    assert structlog.get_config() == logging_before


def test_the_demo_cuts_nothing_that_it_writes_into_a_pipe():
    told = screening("demo", "--claims", "300")
    assert told.returncode == 0, told.stdout[-6000:] + told.stderr
    assert "…" not in told.stdout


def test_a_demo_that_is_told_to_end_leaves_no_process_and_no_file_behind(tmp_path):
    command = [sys.executable, "-m", "pipeline.cli", "demo", "--claims", "300"]
    with subprocess.Popen(
        command, env=environment({}) | {"TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        begun = next(line for line in run.stdout if "to the control plane" in line)
        [control] = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        run.send_signal(signal.SIGTERM)
        told = begun + run.stdout.read()
    assert run.returncode == 130, told
    assert "interrupted; nothing was kept" in told
    assert not list(tmp_path.iterdir())
    assert not Path(f"/proc/{control}").exists()


def test_a_worker_that_fails_ends_the_demo_with_the_reason_and_its_log(monkeypatch):
    def fail(*_args, **_options):
        raise RuntimeError("no room left [on] the device")

    monkeypatch.setattr(Gate, "rule", fail)
    code, text = demo(claims=600, seed=SEED)
    assert code == 1
    assert "The demo stopped: the worker stopped: RuntimeError: no room left [on] the device" in text
    assert "worker_ready" in text
    assert "worker_failed" in text


def test_lost_records_are_seen(monkeypatch):
    """A gate that forgets a verdict must not pass: the demo waits for it, and then says no."""
    thorough = Gate.write

    def forget_one(self, *args, **options):
        judged = thorough(self, *args, **options)
        del judged.verdicts[:1]
        return judged

    monkeypatch.setattr(Gate, "write", forget_one)
    monkeypatch.setattr("pipeline.demo.run.DEADLINE_S", 6.0)
    code, text = demo(claims=600, seed=SEED, as_json=True)
    failed = json.loads(text)
    assert code == 1
    assert not failed["ok"]
    assert failed["error"].startswith("not done in time: ")


def test_the_embedded_broker_has_every_topic_and_is_gone_afterwards():
    with EmbeddedBroker() as broker:
        partitions = broker.make_topics(CATALOGUE)
        assert set(partitions) == {spec.name for spec in CATALOGUE}
        host, _, port = broker.bootstrap_servers.partition(":")
        assert host in {"127.0.0.1", "localhost"}
        assert int(port) > 0


def test_the_demo_runs_the_worker_of_production_with_settings_of_its_own(monkeypatch):
    monkeypatch.setenv("SCREENING_GROUP_ID", "production")
    settings = DemoSettings(bootstrap_servers="localhost:1", metrics_port=0, data_dir=Path("unused"))
    assert settings.group_id == "claims-screening"
    assert "pipeline.screening.worker" in Worker.__module__


def test_the_next_claim_is_answered_differently_once_events_have_changed_the_standing(answer):
    told = [(chapter["recorded"], chapter["encounter_type"], chapter["reason"]) for chapter in answer["story"]]
    assert told == [
        ("nothing", "outpatient", "ok"),
        ("twelve_points", "outpatient", "in_penalty_period"),
        ("twelve_points", "emergency", "exempt_emergency"),
        ("appeal_upheld", "outpatient", "ok"),
    ]
    assert answer["story"][1]["penalty_period"] == ["2025-07-11", "2025-10-10"]
