"""The traffic of the long run: claims in, events in, and outcomes out."""

from __future__ import annotations

import itertools
import threading
import time
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition

from pipeline.kafka.records import headers
from pipeline.sample.claims import claims
from pipeline.sample.roster import register_events, roster
from rules.events import Event
from tests.support.cluster import Cluster
from tests.support.control import record
from topics.catalogue import CLAIM_VERDICTS, CLAIMS, CLAIMS_DEAD_LETTER, PHYSICIAN_EVENTS
from topics.dead_letters import Envelope, opened

SEED = 20221226
PHYSICIANS = 20_000


@dataclass(frozen=True)
class Plan:
    """How long, how fast, and where things are kept."""

    bootstrap_servers: str
    seconds: float
    rate: float
    folder: Path

    @property
    def count(self) -> int:
        """Claims sent in all."""
        return round(self.seconds * self.rate)


# -- claims in ------------------------------------------------------------------------------------------------------


def send_claims(plan: Plan, start: float) -> None:
    """Sends the sample's claims at an even rate; a process of its own. Leaves sent.parquet: place and moment meant of each."""
    partitions, offsets, moments = array("i", [-1]) * plan.count, array("q", [-1]) * plan.count, array("d")
    failed: list[str] = []
    producer = Producer(
        {
            "bootstrap.servers": plan.bootstrap_servers,
            "linger.ms": 1,
            # A claim that is sent again because an answer was lost must not be two claims: they would be counted as such.
            "enable.idempotence": True,
            "queue.buffering.max.messages": 1_000_000,
            "queue.buffering.max.kbytes": 1_048_576,
            "message.max.bytes": 16_000_000,
            "log_level": 2,
        }
    )

    def noted(number: int) -> Any:
        def note(error: Any, message: Any) -> None:
            if error is not None:
                failed.append(str(error))
                return
            partitions[number], offsets[number] = message.partition(), message.offset()

        return note

    late = 0.0
    for number, (key, value) in enumerate(claims(SEED, plan.count, roster(SEED, PHYSICIANS))):
        moment = start + number / plan.rate
        while (now := time.time()) < moment:
            producer.poll(0)
            time.sleep(min(moment - now, 0.001))
        late = max(late, now - moment)
        moments.append(moment)
        producer.produce(CLAIMS.name, value, key, timestamp=int(now * 1000), on_delivery=noted(number))
    producer.flush(120)
    if failed:
        raise RuntimeError(f"{len(failed):,} claims were not taken: {failed[0]}")
    frame = pl.DataFrame({"partition": partitions, "offset": offsets, "moment": moments})
    frame.filter(pl.col("offset") >= 0).write_parquet(plan.folder / "sent.parquet")
    (plan.folder / "late").write_text(str(late))


# -- outcomes out ---------------------------------------------------------------------------------------------------


class _Source(msgspec.Struct):
    partition: int
    offset: int


class _Verdict(msgspec.Struct):
    source: _Source


_verdict = msgspec.json.Decoder(_Verdict).decode


def _source(message: Message) -> _Source | Envelope:
    """The claim that an outcome is about. A letter that names none would be a fault to stop at."""
    if message.topic() == CLAIM_VERDICTS.name:
        return _verdict(message.value() or b"").source
    found = opened(headers(message))
    assert found is not None, message.headers()
    return found


class Outcomes(threading.Thread):
    """Notes when a read_committed reader can first see each outcome, whatever its kind."""

    def __init__(self, bootstrap_servers: str) -> None:
        super().__init__(name="outcomes", daemon=True)
        self.partitions, self.offsets, self.moments, self.letters = array("i"), array("q"), array("d"), 0
        self._stopping = threading.Event()
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "soak-reader",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 100,
                "fetch.message.max.bytes": 16_000_000,
                "log_level": 2,
            }
        )

    @property
    def seen(self) -> int:
        """Outcomes read so far."""
        return len(self.moments)

    def run(self) -> None:
        """Reads until told to stop."""
        places = [
            TopicPartition(spec.name, number, OFFSET_BEGINNING)
            for spec in (CLAIM_VERDICTS, CLAIMS_DEAD_LETTER)
            for number in range(spec.partitions)
        ]
        self._consumer.assign(places)
        while not self._stopping.is_set():
            message = self._consumer.poll(0.1)
            if message is None or message.error():
                continue
            source = _source(message)
            self.letters += isinstance(source, Envelope)
            self.partitions.append(source.partition)
            self.offsets.append(source.offset)
            self.moments.append(time.time())
        self._consumer.close()

    def stop(self) -> pl.DataFrame:
        """Ends the reading; every outcome's source and the moment it was seen."""
        self._stopping.set()
        self.join(30)
        return pl.DataFrame({"partition": self.partitions, "offset": self.offsets, "seen": self.moments})


# -- events ---------------------------------------------------------------------------------------------------------


def events(during: int) -> tuple[list[Event], list[Event]]:
    """The registers' events: those that stand before the run begins, and at most so many that come while it runs."""
    first: list[Event] = []
    later: list[Event] = []
    for _, history in itertools.groupby(
        register_events(SEED, PHYSICIANS), key=lambda event: (event.region, event.physician_code, event.institution)
    ):
        known = list(history)
        first.append(known[0])
        later += known[1:]
    step = max(1, len(later) // during)
    flowing = later[::step][:during]
    waiting = {event.event_id for event in flowing}
    return first + [event for event in later if event.event_id not in waiting], flowing


class Flow(threading.Thread):
    """Sends events at an even rate while claims are judged."""

    def __init__(self, cluster: Cluster, made: list[Event], seconds: float) -> None:
        super().__init__(name="events", daemon=True)
        self.sent = 0
        self._cluster, self._made, self._seconds = cluster, made, seconds

    def run(self) -> None:
        """Sends a second's events at a time; the broker may be away for a while."""
        begun, total = time.monotonic(), len(self._made)
        while self.sent < total:
            due = min(total, int(total * (time.monotonic() - begun) / self._seconds) + 1)
            if due > self.sent:
                self._cluster.send(PHYSICIAN_EVENTS.name, map(record, self._made[self.sent : due]))
                self.sent = due
            time.sleep(1.0)
