"""How long after an event the gate judges by it: `python -m benchmarks.events` writes results/events.json.

While 2,000 claims a second flow, 50 physicians a second are registered, each of whom has a claim on its way right behind the
registration. Its verdict rests on the registration, or the gate would call the physician unregistered. The time from sending the
event until a read_committed reader has that verdict holds the ledger's transaction, the gate's view and the gate's own one.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from pipeline.devtools.kafka import LocalKafka
from pipeline.kafka.partitioner import partition_of
from tests.support.cluster import SMALL, Cluster
from tests.support.control import Controls, record
from tests.support.histories import make
from tests.support.runs import wait_judged
from tests.support.spoiled import claim
from tests.support.workers import Crew

RESULTS = Path(__file__).parent / "results" / "events.json"
EVENTS_S, CLAIMS_S = 50, 2_000
WARM_S, FOR_S = 10.0, 40.0
TARGET_MS = 500.0
_KNOWN = 500
"""Physicians whose claims flow beside."""
_INSTITUTION = "H52270100001"

Sent = dict[str, float]


def _code(number: int) -> str:
    return f"D5227{number:08}"


def _registration(number: int) -> dict[str, Any]:
    code = _code(number)
    made = make("registration", "2023-01-03", number, region="522700", physician_code=code, event_id=f"r-{number}",
                institution=_INSTITUTION)  # fmt: skip
    return {**record(made), "partition": partition_of(code.encode(), SMALL)}


def _claim(name: str, number: int) -> dict[str, Any]:
    value = claim(claim_id=name, physician_code=_code(number), institution_code=_INSTITUTION, service_date="2023-06-10")
    return {"key": name.encode(), "value": value}


def pace(bootstrap: str, seconds: float, answer: multiprocessing.SimpleQueue[Sent]) -> None:
    """Sends at an even rate; answers when each registration was sent, by the name of its claim."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 1})
    sent: Sent = {}
    every = CLAIMS_S // EVENTS_S
    start = time.time() + 0.1
    for number in range(int(CLAIMS_S * seconds)):
        moment = start + number / CLAIMS_S
        while (now := time.time()) < moment:
            time.sleep(min(moment - now, 0.001))
        if number % every:
            producer.produce("claims", **_claim(f"beside-{number}", number % _KNOWN))
        else:
            event = _registration(_KNOWN + number)
            sent[f"after-{number}"] = time.time()
            producer.produce("physician-events", **event)
            producer.produce("claims", **_claim(f"after-{number}", _KNOWN + number))
        producer.poll(0)
    producer.flush(60)
    answer.put(sent)


def _arrivals(bootstrap: str, until: float, left: int) -> dict[str, tuple[float, str]]:
    """When the verdict of each such claim could be read, and its reason."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "benchmark",
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 20,
        }
    )
    consumer.assign([TopicPartition("claim-verdicts", number, OFFSET_BEGINNING) for number in range(SMALL)])
    found: dict[str, tuple[float, str]] = {}
    while time.time() < until and len(found) < left:
        for message in consumer.consume(1_000, 0.02):
            if message.error() is None and (name := (message.key() or b"").decode()).startswith("after-"):
                found.setdefault(name, (time.time(), json.loads(message.value() or b"")["reason"]))
    consumer.close()
    return found


def run(seconds: float) -> dict[str, float]:
    """Everything on one broker, with default settings of both processes."""
    with tempfile.TemporaryDirectory(prefix="screening-events-") as name, LocalKafka(Path(name) / "kafka") as broker:
        cluster, folder = Cluster(broker), Path(name)
        cluster.reset(SMALL)
        crew, controls = Crew(cluster, folder), Controls(cluster, folder)
        try:
            controls.start().wait_ready()
            crew.start().wait_ready()
            cluster.send("physician-events", map(_registration, range(_KNOWN)))
            cluster.send("claims", [_claim(f"first-{number}", number) for number in range(_KNOWN)])
            wait_judged(cluster, crew)
            context = multiprocessing.get_context("spawn")
            answer: multiprocessing.SimpleQueue[Sent] = context.SimpleQueue()
            pacer = context.Process(target=pace, args=(cluster.bootstrap, WARM_S + seconds, answer), daemon=True)
            pacer.start()
            expected = int((WARM_S + seconds) * EVENTS_S)
            arrived = _arrivals(cluster.bootstrap, time.time() + WARM_S + seconds + 60, expected)
            sent = answer.get()
            pacer.join(30)
        finally:
            crew.dismiss()
            controls.dismiss()
    measured = [one for one, moment in sent.items() if moment >= min(sent.values()) + WARM_S]
    waits = np.array([arrived[one][0] - sent[one] for one in measured if one in arrived]) * 1000
    p50, p95, p99 = np.percentile(waits, [50, 95, 99])
    return {
        "events_per_s": EVENTS_S,
        "claims_per_s": CLAIMS_S,
        "events": len(measured),
        "never_judged": len(measured) - len(waits),
        "wrongly_unregistered": sum(arrived[one][1] == "physician_unregistered" for one in measured if one in arrived),
        "p50_ms": round(float(p50), 1),
        "p95_ms": round(float(p95), 1),
        "p99_ms": round(float(p99), 1),
        "worst_ms": round(float(waits.max()), 1),
        "load_average": round(os.getloadavg()[0], 1),
    }


def main() -> int:
    """Measures, prints, writes; exit code 1 when the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=FOR_S, help="behind ten seconds of warm-up")
    asked = parser.parse_args().seconds
    told = run(asked)
    print(json.dumps(told, indent=1))
    if asked == FOR_S:
        RESULTS.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    return 1 if told["never_judged"] or told["wrongly_unregistered"] or told["p99_ms"] > TARGET_MS else 0


if __name__ == "__main__":
    sys.exit(main())
