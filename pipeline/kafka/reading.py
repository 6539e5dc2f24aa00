"""Reads partitions up to their ends, and notices where a partition ends, for all processes and tools."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from pipeline.kafka.diagnostics import ClusterError, first_answer, no_topic
from pipeline.kafka.records import place
from pipeline.settings.model import Settings

TOOLS_GROUP = "screening-tools"
"""The group that the tools name. They never join it, but the client asks for its coordinator all the same."""

_READ_AT_ONCE = 10_000
_WAIT_S = 0.1
_TIMEOUT_S = 15.0
_SILENT_S = 2.0
"""After so long without a record the brokers are asked whether the topic is still there: the client tells a deletion minutes
later."""


def is_end(error: KafkaError) -> bool:
    """Whether this is no error: the consumer has read a partition to its end, and the message's offset is that end."""
    return error.code() == KafkaError._PARTITION_EOF  # librdkafka's own codes are named so


@dataclass(frozen=True, slots=True)
class Batch:
    """What was read at once: records, and the `next_offset` of each partition of which something was heard.

    Such an offset may lie behind the mark that ends a transaction, which is an offset too and no record. `caught_up` says
    whether every partition has been read to its end by now.
    """

    records: list[Message]
    next_offset: dict[int, int]
    caught_up: bool


def follow(consumer: Consumer, topic: str, starts: Mapping[int, int]) -> Iterator[Batch]:
    """Reads partitions from these offsets on, for as long as it is asked to.

    A batch comes at least every tenth of a second, empty if need be. The consumer has to be one of `committed_only`. Raises
    ClusterError.
    """
    return _batches(consumer, topic, starts, None, beyond=True)


def up_to_end(
    consumer: Consumer, topic: str, starts: Mapping[int, int], ends: Mapping[int, int] | None = None
) -> Iterator[Batch]:
    """As `follow`, until every partition is at its end; what comes later in a partition that is at its end is left out.

    A partition ends where the consumer is told so. Where offsets are given as `ends`, it does not end before them: in front
    of a transaction that is still open the consumer is told of an end, too.
    """
    if starts:
        for batch in _batches(consumer, topic, starts, ends, beyond=False):
            yield batch
            if batch.caught_up:
                return


def _batches(
    consumer: Consumer, topic: str, starts: Mapping[int, int], ends: Mapping[int, int] | None, *, beyond: bool
) -> Iterator[Batch]:
    consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in starts.items()])
    left = set(starts)
    while True:
        records, next_offset = [], {}
        for message in consumer.consume(_READ_AT_ONCE, _WAIT_S):
            _, partition, offset = place(message)
            error = message.error()
            if error is not None and not is_end(error):
                if error.fatal() or not error.retriable():
                    raise ClusterError(f"cannot read {topic}: {error.str()}")
            elif beyond or partition in left:
                if error is None:
                    records.append(message)
                    next_offset[partition] = offset + 1
                else:
                    next_offset[partition] = offset
                at_end = error is not None if ends is None else next_offset[partition] >= ends[partition]
                if at_end:
                    left.discard(partition)
        yield Batch(records, next_offset, not left)


def read_to_end(
    settings: Settings, topic: str, *, since_ms: int | None = None, group: str = TOOLS_GROUP
) -> Iterator[Message]:
    """Every committed record of a topic, partition by partition interleaved, up to the end as of now.

    With `since_ms` (milliseconds since 1970 UTC) from each partition's first record on that is not older. `group` is one that
    the caller has a right to; nothing is committed in it. Raises ClusterError when the topic does not exist or is deleted
    meanwhile, or the cluster cannot be reached.
    """
    consumer = tool_consumer(settings, "earliest", group)
    try:
        starts = dict.fromkeys(partitions(consumer, settings, topic), 0)
        if since_ms is not None:
            # Where no record is as young as that the answer is the end, which is told at once.
            asked = [TopicPartition(topic, partition, since_ms) for partition in starts]
            starts = {one.partition: one.offset for one in consumer.offsets_for_times(asked, timeout=_TIMEOUT_S)}
        for batch in _there(consumer, topic, up_to_end(consumer, topic, starts)):
            yield from batch.records
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


def _there(consumer: Consumer, topic: str, batches: Iterable[Batch]) -> Iterator[Batch]:
    """The batches, as long as the topic is there. Raises ClusterError when it was deleted while it was being read."""
    heard = time.monotonic()
    for batch in batches:
        yield batch
        if batch.next_offset:
            heard = time.monotonic()
        elif time.monotonic() - heard > _SILENT_S:
            with suppress(KafkaException):  # whoever reads waits for brokers that do not answer
                error = consumer.list_topics(topic, timeout=_SILENT_S).topics[topic].error
                if error is not None and error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise ClusterError(
                        f"topic {topic} was deleted while it was being read: this is not its whole content"
                    )
            heard = time.monotonic()


def first_record(settings: Settings, topic: str, partition: int, low: int, group: str = TOOLS_GROUP) -> Message | None:
    """The first committed record of a partition that begins at `low`; None when it holds none. Raises ClusterError."""
    consumer = tool_consumer(settings, "earliest", group)
    try:
        for batch in _there(consumer, topic, up_to_end(consumer, topic, {partition: low})):
            if batch.records:
                return batch.records[0]
        return None
    finally:
        consumer.close()
