"""What operators see of a worker: metrics that agree with the verdicts, health pages, logs without personal data, exit codes."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections import Counter
from decimal import Decimal

import pytest

from pipeline.telemetry.gate_metrics import MOST_INSTITUTIONS
from rules.vocabulary import Disposition, Reason, Subject
from tests.support.cluster import Cluster
from tests.support.runs import publish, sample, screen, send_claims, wait_judged
from tests.support.spoiled import SPOILED, claim
from tests.support.waiting import wait_for
from tests.support.workers import Crew
from topics.claims.codec import ClaimError

pytestmark = pytest.mark.kafka

LABELS = {
    "region": 10,
    "institution": MOST_INSTITUTIONS + 1,
    "disposition": len(Disposition),
    "reason": len(Reason),
    "ground": len(Reason),
    "kind": 2,
    "error": len(ClaimError.KINDS),
    "cause": 10,
    "partition": 12,
    "effect": 3,
    "owner": len(Subject),
    "form": 2,
    "le": 60,
    "version": 1,
    "instance": 1,
    "packs": 1,
}
"""Every label that a metric may have, and how many values of it at most."""


def test_the_metrics_agree_with_the_verdicts_and_have_bounded_labels(cluster: Cluster, crew: Crew) -> None:
    register, claims = sample(seed=31, claims=3000)
    publish(cluster, register)
    send_claims(cluster, [*claims, *(spoiled.value for spoiled in SPOILED)])
    worker = crew.start(batch_max_claims=400).wait_ready()
    wait_judged(cluster, crew)
    committed = "screening_transactions_committed_total"
    wait_for("the last batch is counted", lambda: worker.metric(committed) == len(worker.events("batch_committed")))
    wait_for(
        "all records are counted",
        lambda: sum(value for (name, _), value in worker.metrics().items() if name == "screening_claims_total") == 3000,
    )
    found = worker.metrics()
    crew.stop()

    verdicts = [json.loads(record.value or b"") for record in cluster.read("claim-verdicts")]
    counted = {
        tuple(dict(labels).values()): value
        for (name, labels), value in found.items()
        if name == "screening_claims_total"
    }
    told = Counter(
        frozenset({("region", v["region"]), ("disposition", v["disposition"]), ("reason", v["reason"])})
        for v in verdicts
    )
    assert {labels: value for (name, labels), value in found.items() if name == "screening_claims_total"} == told
    assert len(counted) == len(told)
    for disposition in ("pay", "reject", "review"):
        amounts = [Decimal(v["fund_amount"]) for v in verdicts if v["disposition"] == disposition]
        for kind, sign in (("charge", 1), ("reversal", -1)):
            labels = frozenset({("disposition", disposition), ("kind", kind)})
            expected = float(sum(sign * amount for amount in amounts if sign * amount > 0))
            assert found["screening_fund_amount_yuan_total", labels] == pytest.approx(expected)
    dead = {
        dict(labels)["error"]: value
        for (name, labels), value in found.items()
        if name == "screening_dead_letters_total"
    }
    assert dead == Counter(spoiled.kind for spoiled in SPOILED)
    exempted = sum(value for (name, _), value in found.items() if name == "screening_exempted_claims_total")
    assert exempted == sum(v["exempted_ground"] is not None for v in verdicts)
    for metric, counted_verdicts in (
        ("screening_institution_claims_total", verdicts),
        ("screening_institution_exempted_claims_total", [v for v in verdicts if v["exempted_ground"] is not None]),
    ):
        by_institution = {dict(labels)["institution"]: n for (name, labels), n in found.items() if name == metric and n}
        assert by_institution == Counter(v["institution_code"] for v in counted_verdicts)
    none: frozenset[tuple[str, str]] = frozenset()
    assert found["screening_cases_total", none] == sum(v["disposition"] != "pay" for v in verdicts)
    assert found["screening_latency_seconds_count", none] == 3000 + len(SPOILED)
    assert found["screening_batch_claims_sum", none] == 3000 + len(SPOILED)
    assert found["screening_standing_physicians", none] == len(register.physicians)
    assert found["screening_standing_institutions", none] == len(register.institutions)
    assert found["screening_standing_revision", none] == max(item["revision"] for item in register.physicians.values())

    values: dict[str, set[str]] = {}
    for _, labels in found:
        for name, value in labels:
            values.setdefault(name, set()).add(value)
    assert values.keys() <= LABELS.keys()
    assert not {name: seen for name, seen in values.items() if len(seen) > LABELS[name]}


def test_regions_that_do_not_exist_cannot_flood_the_metrics(cluster: Cluster, crew: Crew) -> None:
    register, _ = sample(seed=32, claims=0)
    send_claims(cluster, [claim(claim_id=f"C{number}", region=f"{number:06}") for number in range(2000)])
    publish(cluster, register)
    worker = crew.start().wait_ready()
    wait_judged(cluster, crew)
    wait_for(
        "all are counted",
        lambda: sum(v for (name, _), v in worker.metrics().items() if name == "screening_claims_total") == 2000,
    )

    regions = {dict(labels).get("region") for _, labels in worker.metrics()}

    assert len(regions) < 600, "a label is for what exists; a sender's slip must not make a series a claim"


def test_the_pages_say_whether_the_worker_lives_and_whether_it_judges(cluster: Cluster, crew: Crew) -> None:
    worker = crew.start(instance_id="gate-1").wait_ready()

    status, page = worker.get("/healthz")
    assert (status, json.loads(page)["ok"], json.loads(page)["instance"]) == (200, True, "gate-1")
    wait_for("it owns the partitions", lambda: json.loads(worker.get("/readyz")[1])["partitions"] == list(range(6)))
    ready = json.loads(worker.get("/readyz")[1])
    assert (ready["ok"], ready["held"]) == (True, False)
    assert ready["standing_staleness_seconds"] < 60
    assert worker.get("/other")[0] == 404
    assert "/metrics" in worker.get("/other")[1]
    page_of_metrics = worker.wait_event("worker_started")["metrics"]
    with urllib.request.urlopen(page_of_metrics, timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")


def test_neither_logs_nor_metrics_nor_error_headers_tell_who_was_treated(cluster: Cluster, crew: Crew) -> None:
    register, claims = sample(seed=33, claims=500)
    worker = crew.start(log_level="debug").wait_ready()
    publish(cluster, register)
    send_claims(cluster, [*claims, *(spoiled.value for spoiled in SPOILED)])
    wait_judged(cluster, crew)
    metrics = worker.get("/metrics")[1]
    crew.stop()

    persons = {json.loads(item)["insured_id"] for item in claims} | {"P-secret-1"}
    headers = [str(letter.headers) for letter in cluster.read("claims-dead-letter")]
    for told in (worker.output, metrics, *headers):
        assert not [person for person in persons if person in told]
    outputs = cluster.read_all("claim-verdicts", "claim-cases")
    for record in (*outputs["claim-verdicts"], *outputs["claim-cases"]):
        assert b"insured_id" not in record.value


def test_the_log_has_one_event_a_batch_that_counts_everything(cluster: Cluster, crew: Crew) -> None:
    register, claims = sample(seed=34, claims=1000)
    screen(cluster, crew, [*claims, b"{"], register, batch_max_claims=100)

    batches = crew.events("batch_committed")
    assert sum(batch["records"] for batch in batches) == 1001
    assert sum(batch["verdicts"] for batch in batches) == 1000
    assert sum(batch["dead_letters"] for batch in batches) == 1
    assert sum(batch["cases"] for batch in batches) == len(cluster.read("claim-cases"))
    assert max(batch["records"] for batch in batches) <= 100
    assert {"judge_ms", "commit_ms", "timestamp", "level", "instance"} <= batches[0].keys()


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ({"batch_max_claims": "many"}, 2, "SCREENING_BATCH_MAX_CLAIMS"),
        ({"staleness_policy": "guess"}, 2, "SCREENING_STALENESS_POLICY"),
        ({"packs_on": '["atlantis"]'}, 2, "no pack is called atlantis"),
        ({"packs_dir": "/nowhere"}, 2, "/nowhere"),
    ],
)
def test_a_worker_with_wrong_settings_says_which_and_does_not_start(
    kafka: Cluster, settings: dict[str, object], code: int, words: str
) -> None:
    done = kafka.screening("worker", **{"metrics_port": 0, **settings})

    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_without_topics_says_how_to_make_them(kafka: Cluster) -> None:
    kafka.clear()

    done = kafka.screening("worker", metrics_port=0)

    assert done.returncode == 1
    last = json.loads(done.stderr.splitlines()[-1])
    assert last["event"] == "worker_failed"
    assert "screening topics apply" in last["error"]
    for topic in ("physician-events", "ledger-progress", "physician-standing", "claims", "claim-verdicts"):
        assert topic in last["error"], "all that is missing is told at once"
    shown = kafka.screening("topics", "list")
    assert (shown.returncode, "None of the topics exists" in shown.stderr) == (1, True)


def test_a_port_that_another_program_has_is_told_with_the_setting_to_change(kafka: Cluster) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        done = kafka.screening("worker", metrics_port=stranger.getsockname()[1])

    assert done.returncode == 1
    assert "SCREENING_METRICS_PORT" in done.stderr


def test_a_second_worker_on_a_machine_takes_the_next_free_port_and_says_so(cluster: Cluster, crew: Crew) -> None:
    first = crew.start().wait_ready()
    asked = int(first.wait_event("worker_started")["metrics"].rpartition(":")[2].partition("/")[0])

    second = crew.start(metrics_port=asked).wait_ready()

    moved = second.wait_event("metrics_port_moved")
    assert moved["asked"] == asked
    assert f":{moved['taken']}/" in second.wait_event("worker_started")["metrics"]
    assert first.get("/readyz")[0] == second.get("/readyz")[0] == 200
