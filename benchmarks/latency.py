"""Latency at a fixed rate, measured from outside: from sending a claim to reading its verdict as a read_committed reader."""

from __future__ import annotations

import multiprocessing
import threading
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    Producer,
    TopicPartition,
)

from benchmarks.contenders import Contender, Job
from benchmarks.measure import CLAIMS, PARTITIONS, VERDICTS, Cluster, MeasurementError
from benchmarks.workload import Message

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Latency:
    """Milliseconds from sending a claim to reading its verdict, over a window of the run."""

    p50: float
    p95: float
    p99: float
    worst: float
    count: int

    @classmethod
    def of(cls, milliseconds: Floats) -> Latency:
        """Summarise the latencies of a window."""
        p50, p95, p99 = np.percentile(milliseconds, [50, 95, 99])
        return cls(float(p50), float(p95), float(p99), float(milliseconds.max()), len(milliseconds))


@dataclass(frozen=True)
class LatencyRun:
    """One run at a fixed rate: when each claim was sent (s since the first) and how long its verdict took (ms; NaN: never)."""

    sent: Floats
    milliseconds: Floats
    late: float
    """How late the sender itself was (ms, 99th percentile): above some milliseconds the machine was too busy to measure on."""

    def window(self, first: float, last: float) -> Latency:
        """The latencies of the claims sent between two moments.

        Raises:
            MeasurementError: when a verdict never came.
        """
        inside = self.milliseconds[(self.sent >= first) & (self.sent < last)]
        missing = int(np.isnan(inside).sum())
        if missing:
            raise MeasurementError(f"{missing:,} of {len(inside):,} claims got no verdict")
        return Latency.of(inside)


def _pace(
    bootstrap_servers: str, messages: list[Message], rate: float, answer: multiprocessing.SimpleQueue[Floats]
) -> None:
    """Send the messages at an even rate, each stamped with its moment; answer with the moments meant and the moments sent."""
    producer = Producer({"bootstrap.servers": bootstrap_servers, "linger.ms": 1})
    producer.list_topics(CLAIMS, timeout=30)
    sent = np.empty((2, len(messages)))
    start = time.time() + 0.1
    for number, message in enumerate(messages):
        moment = start + number / rate
        while (now := time.time()) < moment:
            time.sleep(min(moment - now, 0.001))
        producer.produce(CLAIMS, message["value"], message["key"], timestamp=int(now * 1000))
        producer.poll(0)
        sent[0, number], sent[1, number] = moment, now
    producer.flush(30)
    answer.put(sent)


class _Arrivals(threading.Thread):
    """Notes when each verdict can first be read by a read_committed reader. Claims are numbered in the order of sending."""

    def __init__(self, bootstrap_servers: str, topic: str, numbers: dict[bytes, int]) -> None:
        super().__init__(daemon=True)
        self.moments = np.full(len(numbers), np.nan)
        self.enough = threading.Event()
        self.positioned = threading.Event()
        self._numbers = numbers
        self._topic = topic
        self._stopping = threading.Event()
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "benchmark-arrivals",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 100,
            }
        )

    def run(self) -> None:
        """Read until stopped or until every claim has its verdict."""
        self._consumer.assign(
            [TopicPartition(self._topic, partition, OFFSET_BEGINNING) for partition in range(PARTITIONS)]
        )
        self.positioned.set()
        left = len(self._numbers)
        while left and not self._stopping.is_set():
            message = self._consumer.poll(0.1)
            if message is None or message.error():
                continue
            number = self._numbers[message.key() or b""]
            if np.isnan(self.moments[number]):
                self.moments[number] = time.time()
                left -= 1
        if not left:
            self.enough.set()
        self._consumer.close()

    def stop(self) -> None:
        """End the reading."""
        self._stopping.set()
        self.join(10)


def measure_latency(
    cluster: Cluster, contender: Contender, job: Job, messages: list[Message], rate: float, patience: float = 30.0
) -> LatencyRun:
    """Send claims at a fixed rate to a contender that waits for them, and note when each verdict can be read.

    Raises:
        ContenderError: when the contender dies.
    """
    cluster.begin_at(job.group_id, CLAIMS, cluster.ends(CLAIMS))
    with contender.start(job) as running:
        contender.await_ready(running)
        time.sleep(3)  # the group's first assignment is part of starting, not of latency
        numbers = {message["key"]: number for number, message in enumerate(messages)}
        arrivals = _Arrivals(cluster.bootstrap_servers, job.output_prefix + VERDICTS, numbers)
        arrivals.start()
        arrivals.positioned.wait(10)
        context = multiprocessing.get_context("spawn")
        answer: multiprocessing.SimpleQueue[Floats] = context.SimpleQueue()
        pacer = context.Process(target=_pace, args=(cluster.bootstrap_servers, messages, rate, answer), daemon=True)
        pacer.start()
        deadline = time.monotonic() + len(messages) / rate + 30
        while answer.empty():
            running.check()
            if not pacer.is_alive() and answer.empty():
                raise MeasurementError("the paced sender died")
            if time.monotonic() > deadline:
                raise MeasurementError("the paced sender did not finish")
            time.sleep(0.2)
        meant, sent = answer.get()
        pacer.join(10)
        arrivals.enough.wait(patience)
        arrivals.stop()
    return LatencyRun(
        sent=meant - meant[0],
        milliseconds=(arrivals.moments - sent) * 1000,
        late=float(np.percentile((sent - meant) * 1000, 99)),
    )
