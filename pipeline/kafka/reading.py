"""Reads topics from one end to the other, for all tools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from pipeline.kafka.diagnostics import ClusterError, first_answer, no_topic
from pipeline.settings.model import Settings

TOOLS_GROUP = "screening-tools"
"""The group that the tools name. They never join it, but the client asks for its coordinator all the same."""

_READ_AT_ONCE = 10_000
_TIMEOUT_S = 15.0


def read_to_end(
    settings: Settings, topic: str, *, since_ms: int | None = None, group: str = TOOLS_GROUP
) -> Iterator[Message]:
    """Every committed record of a topic, partition by partition interleaved, up to the end as of now.

    With `since_ms` (milliseconds since 1970 UTC) from each partition's first record on that is not older. `group` is one that
    the caller has a right to; nothing is committed in it. Raises ClusterError when the topic does not exist or the cluster
    cannot be reached.
    """
    consumer = tool_consumer(settings, "earliest", group)
    try:
        open_partitions = set(partitions(consumer, settings, topic))
        places = [TopicPartition(topic, partition, since_ms or 0) for partition in open_partitions]
        if since_ms is not None:
            # Where no record is as young as that the answer is the end, which is told at once.
            places = consumer.offsets_for_times(places, timeout=_TIMEOUT_S)
        consumer.assign(places)
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


def tool_consumer(settings: Settings, reset: Literal["earliest", "error"], group: str = TOOLS_GROUP) -> Consumer:
    """A consumer that reads committed records and is told where partitions end; `reset` is for an offset that is gone."""
    # The end of a partition is told only when a fetch came back empty.
    return Consumer(committed_only(settings, group, auto__offset__reset=reset, fetch__wait__max__ms=50))


def committed_only(settings: Settings, group: str, **more: Any) -> dict[str, Any]:
    """Configuration of a consumer that reads committed records, stores no offset by itself, and is told where partitions end.

    Where its offset is gone it begins at the first record, unless `more` (dots as double underscores) says otherwise.
    """
    options = {
        "enable__auto__commit": False,
        "enable__auto__offset__store": False,
        "auto__offset__reset": "earliest",
        "isolation__level": "read_committed",
        "enable__partition__eof": True,
    }
    return settings.client(group__id=group, **(options | more))


def partitions(consumer: Consumer, settings: Settings, topic: str) -> list[int]:
    """The numbers of a topic's partitions. Raises ClusterError when it does not exist or may not be seen."""
    metadata = first_answer(lambda limit: consumer.list_topics(topic, timeout=limit), settings).topics[topic]
    if metadata.error is not None or not metadata.partitions:
        raise ClusterError(no_topic(topic, metadata.error))
    return sorted(metadata.partitions)


def first_record(settings: Settings, topic: str, partition: int, low: int, group: str = TOOLS_GROUP) -> Message | None:
    """The first committed record of a partition that begins at `low`; None when it holds none. Raises ClusterError."""
    consumer = tool_consumer(settings, "earliest", group)
    try:
        consumer.assign([TopicPartition(topic, partition, low)])
        while True:
            for message in consumer.consume(1, 0.2):
                error = message.error()
                if error is None:
                    return message
                if error.code() == KafkaError._PARTITION_EOF:  # librdkafka's own codes are named so
                    return None
                if error.fatal() or not error.retriable():
                    raise ClusterError(f"cannot read {topic}/{partition}: {error.str()}")
    finally:
        consumer.close()
