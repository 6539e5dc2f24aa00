"""The input of the demo: the events of the registers, and the claims, first all at once and then at a steady rate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice

from confluent_kafka import KafkaError, Message, Producer

from pipeline.demo.outcome import Place
from pipeline.kafka.producing import produce_one
from pipeline.kafka.records import place
from pipeline.settings.model import Settings
from rules.events import Event, encode
from topics.catalogue import CLAIMS, MAX_RECORD_BYTES, PHYSICIAN_EVENTS

STEADY_PER_SECOND = 2_000
"""Rate of the second part, at which latency is measured: in the rush it would only say how long the queue is."""

_STEADY_SHARE = 0.4
_MOST_STEADY = 10_000
_MOST_IN_FLIGHT = 8_000
"""The embedded broker drops old records above about 5 MB a partition, so the sender never runs far ahead of the reader."""
_TICK_S = 0.005
_FLUSH_S = 60.0


class StreamError(RuntimeError):
    """A record could not be sent."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What is known of a record that the broker took: its Kafka timestamp in seconds and a hash of its bytes."""

    stamp: float
    value_hash: int


class ClaimStream:
    """Sends and keeps account of every record that the broker took."""

    def __init__(self, settings: Settings, check: Callable[[], None], answered: Callable[[], int]) -> None:
        """`check` raises when there is no point in going on; `answered` says how many records have come out again."""
        self._check, self._answered = check, answered
        self.offered = 0
        self.taken: dict[Place, Sent] = {}
        self.steady_from = 0.0
        self.rush_seconds = 0.0
        self.rush_claims = 0
        self._refused: list[str] = []
        self._producer = Producer(
            settings.client(
                enable__idempotence=True,
                partitioner="murmur2_random",
                linger__ms=1,
                compression__type="lz4",
                message__max__bytes=MAX_RECORD_BYTES,
            )
        )

    def publish_events(self, events: Iterable[Event]) -> int:
        """Puts every event on its topic, institutions' first, and returns their number."""
        ordered = sorted(events, key=lambda event: not event.of_institution)
        for event in ordered:
            key = (event.institution if event.of_institution else event.physician_code) or ""
            record = {"key": key, "value": encode(event)}
            produce_one(self._producer, PHYSICIAN_EVENTS.name, record, delivered=self._refusal, wait=self._pause)
        self._flush()
        return len(ordered)

    def send(self, records: Iterable[tuple[bytes, bytes | None]], count: int) -> None:
        """Streams `count` records: as fast as they are judged at first, the last part at STEADY_PER_SECOND."""
        stream = iter(records)
        self.rush_claims = count - min(_MOST_STEADY, round(count * _STEADY_SHARE))
        started = time.monotonic()
        self._rush(islice(stream, self.rush_claims))
        self._wait_until_answered()
        self.rush_seconds = time.monotonic() - started
        self.steady_from = time.time()
        self._steady(stream)
        self._flush()

    def wait_until_answered(self) -> None:
        """Waits until as many records have come out as went in."""
        self._wait_until_answered()

    def _rush(self, records: Iterator[tuple[bytes, bytes | None]]) -> None:
        for record in records:
            while self.offered - self._answered() >= _MOST_IN_FLIGHT:
                self._pause()
            self._offer(record)
        self._flush()

    def _steady(self, records: Iterator[tuple[bytes, bytes | None]]) -> None:
        started = time.monotonic()
        sent = 0
        while True:
            due = int((time.monotonic() - started) * STEADY_PER_SECOND) + 1
            for record in islice(records, max(0, due - sent)):
                self._offer(record)
                sent += 1
            if sent < due:
                return
            self._pause()

    def _wait_until_answered(self) -> None:
        while self._answered() < self.offered:
            self._pause()

    def _pause(self) -> None:
        self._check()
        # Not poll(_TICK_S): Ctrl-C inside a waiting poll or flush can come out as a SystemError (confluent-kafka 2.16).
        self._producer.poll(0)
        time.sleep(_TICK_S)

    def _offer(self, claim: tuple[bytes, bytes | None]) -> None:
        key, value = claim
        # The mock acknowledges with a time of its own invention, so the record's time is given and remembered here.
        now_ms = int(time.time() * 1000)
        taken = partial(self._taken, now_ms / 1000)
        record = {"key": key, "value": value, "timestamp": now_ms}
        produce_one(self._producer, CLAIMS.name, record, delivered=taken, wait=self._pause)
        self.offered += 1
        if self.offered % 200 == 0:
            self._check()
            self._producer.poll(0)

    def _taken(self, stamp: float, error: KafkaError | None, message: Message) -> None:
        self._refusal(error, message)
        if error is None:
            _, partition, offset = place(message)
            self.taken[partition, offset] = Sent(stamp, hash(message.value()))

    def _refusal(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._refused.append(f"{message.topic()}: {error.str()}")

    def _flush(self) -> None:
        give_up_at = time.monotonic() + _FLUSH_S
        while len(self._producer) and time.monotonic() < give_up_at:
            self._pause()
        if self._refused:
            raise StreamError(f"the broker refused {len(self._refused)} records, the first: {self._refused[0]}")
        if left := len(self._producer):
            raise StreamError(f"the broker did not take {left} records within {_FLUSH_S:.0f} s")
