"""How long claims wait when a worker dies or is restarted: `python -m benchmarks.failover`, results/failover.json.

Two workers share a topic of claims that flow all the time. One of them is killed (SIGKILL) or stopped (SIGTERM) and replaced,
several times for each setting; the longest time from a claim's sending to its verdict being readable is what the death cost.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from benchmarks.control import say
from pipeline.devtools.kafka import LocalKafka
from tests.support.cluster import CLAIM_PARTITIONS, Cluster
from tests.support.spoiled import claim
from tests.support.waiting import wait_for
from tests.support.workers import Crew, WorkerProcess
from topics.catalogue import CLAIM_VERDICTS, CLAIMS

RESULTS = Path(__file__).parent / "results" / "failover.json"
RATE = 400
"""Claims a second: every partition has some in flight at any moment."""
_MOST = 400_000
_CALM_S = 4.0

DEFAULT_LIMITS = {
    "group.min.session.timeout.ms": "6000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "10000",
}
"""What brokers have unless somebody sets it; the local Kafka of the tests is quicker."""
SHORT_LIMITS = {
    "group.min.session.timeout.ms": "2000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
}


@dataclass(frozen=True, slots=True)
class Setup:
    """What is measured: the brokers' limits, the worker's settings (an empty mapping: its defaults), and how it ends."""

    name: str
    brokers: Mapping[str, str]
    worker: Mapping[str, object] = field(default_factory=dict)
    ends: signal.Signals = signal.SIGKILL


SETUPS = (
    Setup(
        "session of 10 s, as it was", DEFAULT_LIMITS, {"session_timeout_ms": 10_000, "transaction_timeout_ms": 15_000}
    ),
    Setup("the worker's defaults", DEFAULT_LIMITS),
    Setup("session of 2 s", SHORT_LIMITS, {"session_timeout_ms": 2_000, "transaction_timeout_ms": 2_000}),
    Setup(
        "sessions and transactions of 6 s",
        DEFAULT_LIMITS,
        {"session_timeout_ms": 6_000, "transaction_timeout_ms": 6_000},
    ),
    Setup("planned restart", DEFAULT_LIMITS, ends=signal.SIGTERM),
)


class Flow(threading.Thread):
    """Sends claims at a steady rate and notes when each was sent."""

    def __init__(self, bootstrap: str) -> None:
        super().__init__(daemon=True)
        self.sent = np.full(_MOST, np.nan)
        self.count = 0
        self._stopping = threading.Event()
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0})

    def run(self) -> None:
        """Sends until stopped."""
        begun = time.monotonic()
        while not self._stopping.wait(0.01):
            while self.count < (time.monotonic() - begun) * RATE:
                self.sent[self.count] = time.monotonic()
                value = claim(claim_id=f"F{self.count}")
                self._producer.produce(CLAIMS.name, value, partition=self.count % CLAIM_PARTITIONS)
                self.count += 1
            self._producer.poll(0)
        self._producer.flush(60)

    def stop(self) -> None:
        """Ends the sending."""
        self._stopping.set()
        self.join()


class Verdicts(threading.Thread):
    """Notes when each verdict can first be read."""

    def __init__(self, bootstrap: str, partitions: int) -> None:
        super().__init__(daemon=True)
        self.seen = np.full(_MOST, np.nan)
        self.stopping = threading.Event()
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "benchmark-failover",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 50,
            }
        )
        self._consumer.assign([TopicPartition(CLAIM_VERDICTS.name, n, OFFSET_BEGINNING) for n in range(partitions)])

    def run(self) -> None:
        """Reads until stopped."""
        while not self.stopping.is_set():
            for message in self._consumer.consume(1_000, 0.05):
                if message.error() is None:
                    number = int((message.key() or b"F0")[1:])
                    assert np.isnan(self.seen[number]), f"claim {number} has two verdicts"
                    self.seen[number] = time.monotonic()
        self._consumer.close()


def measure(setup: Setup, times: int, folder: Path) -> list[float]:
    """The longest wait of any claim, for each death, in seconds."""
    with LocalKafka(folder / "kafka", properties=setup.brokers) as broker:
        cluster = Cluster(broker)
        cluster.reset()
        crew = Crew(cluster, folder)
        flow = Flow(cluster.bootstrap)
        verdicts = Verdicts(cluster.bootstrap, len(cluster.ends(CLAIM_VERDICTS.name, "read_committed")))
        try:
            workers = [_started(crew, setup) for _ in range(2)]
            _settled(workers)
            verdicts.start()
            flow.start()
            found = [_one(setup, crew, workers, flow, verdicts) for _ in range(times)]
            flow.stop()
            wait_for("every claim has its verdict", lambda: not np.isnan(verdicts.seen[: flow.count]).any(), within=120)
        finally:
            verdicts.stopping.set()
            crew.dismiss()
    return found


def _started(crew: Crew, setup: Setup) -> WorkerProcess:
    return crew.start(**setup.worker).wait_ready()


def _settled(workers: list[WorkerProcess]) -> None:
    wait_for(
        "both have partitions",
        lambda: all(worker.metric("screening_partitions_owned") == CLAIM_PARTITIONS / 2 for worker in workers),
    )


def _one(setup: Setup, crew: Crew, workers: list[WorkerProcess], flow: Flow, verdicts: Verdicts) -> float:
    """One death in the middle of the flow, and the time until everything sent around it was answered."""
    time.sleep(_CALM_S)
    first = flow.count
    victim = workers.pop(0)
    if setup.ends is signal.SIGTERM:
        # A rolling upgrade: the new one is there before the old one goes.
        workers.append(_started(crew, setup))
        time.sleep(_CALM_S)
    victim.signal(setup.ends)
    victim.wait()
    crew.all.remove(victim)
    time.sleep(_CALM_S)
    last = flow.count
    wait_for("what came meanwhile is answered", lambda: not np.isnan(verdicts.seen[first:last]).any(), within=120)
    if setup.ends is signal.SIGKILL:
        workers.append(_started(crew, setup))
    _settled(workers)
    return float((verdicts.seen[first:last] - flow.sent[first:last]).max())


def main() -> int:
    """Measures every setup and writes the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=5, help="deaths of each setup")
    parser.add_argument("--only", help="part of the name of the setups to measure; the others keep their results")
    given = parser.parse_args()
    found: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if given.only and RESULTS.exists() else {}
    for setup in SETUPS:
        if given.only and given.only not in setup.name:
            continue
        with tempfile.TemporaryDirectory(prefix="failover-") as folder:
            waits = measure(setup, given.times, Path(folder))
        found[setup.name] = {
            "brokers": dict(setup.brokers),
            "worker": dict(setup.worker),
            "signal": setup.ends.name,
            "longest_wait_s": [round(wait, 2) for wait in waits],
        }
        say(f"{setup.name}: {found[setup.name]['longest_wait_s']}")
        RESULTS.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
