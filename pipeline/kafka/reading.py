"""Reading topics from one end to the other, and writing files into them: what the tools share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from pipeline.kafka.diagnostics import ClusterError, first_answer, no_topic
from pipeline.settings.model import Settings

TOOLS_GROUP = "screening-tools"
"""The group that the tools name. They never join it, but the client asks for its coordinator all the same."""

_READ_AT_ONCE = 10_000
_TIMEOUT_S = 15.0


def read_to_end(settings: Settings, topic: str) -> Iterator[Message]:
    """Every committed record of a topic, partition by partition interleaved, up to the end as of now.

    Raises ClusterError when the topic does not exist or the cluster cannot be reached.
    """
    consumer = tool_consumer(settings, "earliest")
    try:
        open_partitions = set(partitions(consumer, settings, topic))
        consumer.assign([TopicPartition(topic, partition, 0) for partition in open_partitions])
        while open_partitions:
            for message in consumer.consume(_READ_AT_ONCE, 0.2):
                error = message.error()
                if error is None:
                    if message.partition() in open_partitions:
                        yield message
                elif error.code() == KafkaError._PARTITION_EOF:  # librdkafka's own codes are named so
                    open_partitions.discard(message.partition())
                elif error.fatal() or not error.retriable():
                    raise ClusterError(f"cannot read {topic}: {error.str()}")
    finally:
        consumer.close()


def tool_consumer(settings: Settings, reset: Literal["earliest", "error"]) -> Consumer:
    """A consumer that reads committed records and is told where partitions end; `reset` is for an offset that is gone."""
    return Consumer(
        settings.client(
            group__id=TOOLS_GROUP,
            enable__auto__commit=False,
            enable__auto__offset__store=False,
            auto__offset__reset=reset,
            isolation__level="read_committed",
            enable__partition__eof=True,
            fetch__wait__max__ms=50,  # the end of a partition is told only when a fetch came back empty
        )
    )


def partitions(consumer: Consumer, settings: Settings, topic: str) -> list[int]:
    """The numbers of a topic's partitions. Raises ClusterError when it does not exist or may not be seen."""
    metadata = first_answer(lambda limit: consumer.list_topics(topic, timeout=limit), settings).topics[topic]
    if metadata.error is not None or not metadata.partitions:
        raise ClusterError(no_topic(topic, metadata.error))
    return sorted(metadata.partitions)


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

    def send(self, records: list[dict[str, Any]], partition: int | None = None) -> None:
        """Queues records ({"key", "value"}), for one partition or where their keys belong; waits while the queue is full.

        Raises ClusterError on an impossible record.
        """
        # A partition in the records themselves is not heeded (confluent-kafka 2.16).
        where: dict[str, Any] = {} if partition is None else {"partition": partition}
        while records:
            try:
                self._producer.produce_batch(self._topic, records, on_delivery=self._delivered, **where)
            except BufferError:
                self._producer.poll(0.2)
                continue
            refused = []
            for record in records:
                error: KafkaError | None = record.pop("_error", None)
                if error is None:
                    continue
                if error.code() != KafkaError._QUEUE_FULL:  # librdkafka's own codes are named so
                    self.failed.append(error.str())
                    continue
                refused.append(record)
            self._producer.poll(0.2 if refused else 0)
            records = refused

    def finish(self, progress: Callable[[int], None] = lambda _delivered: None) -> None:
        """Waits until everything queued was taken or refused. Raises ClusterError when the brokers stay silent."""
        silent = 0
        while left := self._producer.flush(1.0):
            before = self.delivered
            progress(self.delivered)
            silent = silent + 1 if self.delivered == before else 0
            if silent > _TIMEOUT_S:
                raise ClusterError(
                    f"{left} records were not taken by {self._settings.bootstrap_servers} within {_TIMEOUT_S:.0f} s; "
                    f"{self.delivered} were"
                )
        progress(self.delivered)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.delivered += 1
        else:
            self.failed.append(error.str())
