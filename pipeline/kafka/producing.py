"""Handing records to a producer: in batches, waiting while its queue is full, and counting what the brokers took."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from pipeline.kafka.diagnostics import ClusterError, first_answer, no_topic
from pipeline.settings.model import Settings

Record = dict[str, Any]
"""A record in the form that the producer takes: key and value; where it is handed over alone also headers and timestamp."""

Delivered = Callable[[KafkaError | None, Message], None]
"""Hears of every record whether the brokers took it, and where it stands."""

_PAUSE_S = 0.1
_SILENT_S = 15.0


def _refuse(_record: Record, error: KafkaError) -> NoReturn:
    raise KafkaException(error)


def produce_many(
    producer: Producer,
    topic: str,
    records: list[Record],
    *,
    partition: int | None = None,
    delivered: Delivered | None = None,
    refused: Callable[[Record, KafkaError], None] = _refuse,
) -> None:
    """Queues records of key and value alone, for one partition or where their keys belong; waits while the queue is full.

    `refused` hears of a record that the client does not take; by default that raises KafkaException. The list is not
    changed, its records may be marked.
    """
    # A partition in the records themselves is not heeded, nor are headers (confluent-kafka 2.16).
    more: dict[str, Any] = {} if partition is None else {"partition": partition}
    if delivered is not None:
        more["on_delivery"] = delivered
    while records:
        try:
            if producer.produce_batch(topic, records, **more) == len(records):
                producer.poll(0)
                return
        except BufferError:
            producer.poll(_PAUSE_S)
            continue
        again = []
        for record in records:
            error: KafkaError | None = record.pop("_error", None)
            if error is None:
                continue
            if error.code() == KafkaError._QUEUE_FULL:  # librdkafka's own codes are named so
                again.append(record)
            else:
                refused(record, error)
        producer.poll(_PAUSE_S if again else 0)
        records = again


def produce_one(
    producer: Producer,
    topic: str,
    record: Record,
    *,
    partition: int | None = None,
    delivered: Delivered | None = None,
    wait: Callable[[], object] | None = None,
) -> None:
    """Queues one record, headers and all; waits while the queue is full. Raises KafkaException if the client does not take it.

    `wait` is called again and again while the queue is full, in place of the producer's own waiting. It may raise.
    """
    more: dict[str, Any] = {} if partition is None else {"partition": partition}
    if delivered is not None:
        more["on_delivery"] = delivered
    while True:
        try:
            producer.produce(topic, **record, **more)
        except BufferError:
            if wait is None:
                producer.poll(_PAUSE_S)
            else:
                wait()
        else:
            return


class Sender:
    """Sends batches of records without duplicates of its own making, and counts what the brokers took."""

    def __init__(self, settings: Settings, topic: str, max_bytes: int) -> None:
        self._topic = topic
        self._settings = settings
        self.delivered = 0
        self.failed: list[str] = []
        self._producer = Producer(
            settings.client(
                enable__idempotence=True,
                partitioner="murmur2_random",
                linger__ms=20,
                compression__type="lz4",
                batch__size=1_000_000,
                message__max__bytes=max_bytes,
                queue__buffering__max__messages=500_000,
            )
        )
        self.partitions = self._check()

    def _check(self) -> int:
        """How many partitions the topic has."""
        topic = first_answer(
            lambda limit: self._producer.list_topics(self._topic, timeout=limit), self._settings
        ).topics[self._topic]
        if topic.error is not None or not topic.partitions:
            raise ClusterError(no_topic(self._topic, topic.error))
        return len(topic.partitions)

    def send(self, records: list[Record], partition: int | None = None) -> None:
        """Queues records ({"key", "value"}), for one partition or where their keys belong; waits while the queue is full."""
        produce_many(
            self._producer,
            self._topic,
            records,
            partition=partition,
            delivered=self._delivered,
            refused=lambda _record, error: self.failed.append(error.str()),
        )

    def finish(self, progress: Callable[[int], None] = lambda _delivered: None) -> None:
        """Waits until everything queued was taken or refused. Raises ClusterError when the brokers stay silent."""
        silent = 0
        while left := self._producer.flush(1.0):
            before = self.delivered
            progress(self.delivered)
            silent = silent + 1 if self.delivered == before else 0
            if silent > _SILENT_S:
                raise ClusterError(
                    f"{left} records were not taken by {self._settings.bootstrap_servers} within {_SILENT_S:.0f} s; "
                    f"{self.delivered} were"
                )
        progress(self.delivered)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.delivered += 1
        else:
            self.failed.append(error.str())
