"""Where the partitions of a topic begin and end, and how far a consumer group has come."""

from __future__ import annotations

from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, TopicPartition

from pipeline.config import Settings
from pipeline.kafka.trouble import ClusterError

_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Extent:
    """One partition: its first offset that is still there, its end, and the group's committed offset (None: it has none)."""

    low: int
    high: int
    committed: int | None


def extents(settings: Settings, topic: str, group: str) -> dict[int, Extent]:
    """The extents of a topic's partitions, by number. Raises ClusterError."""
    consumer = Consumer(settings.client(group__id=group, enable__auto__commit=False))
    try:
        found = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
        if found.error is not None or not found.partitions:
            raise ClusterError(f"topic {topic} does not exist; create it with `screening topics apply`")
        places = [TopicPartition(topic, number) for number in sorted(found.partitions)]
        answer = {}
        for place in consumer.committed(places, timeout=_TIMEOUT_S):
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, place.partition), timeout=_TIMEOUT_S)
            answer[place.partition] = Extent(low, high, place.offset if place.offset >= 0 else None)
        return answer
    except KafkaException as error:
        raise ClusterError(
            f"cannot ask {settings.bootstrap_servers} about {topic}: {error.args[0].str()}; check SCREENING_BOOTSTRAP_SERVERS"
        ) from error
    finally:
        consumer.close()
