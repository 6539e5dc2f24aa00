"""Where a process goes on that takes partitions over: the group's offset first, then what is known of the visits.

The order matters. The brokers tell an offset only when no transaction that holds one is open any more; after that the owner
before can commit nothing more, so that the states of that moment are those which belong to the offset.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from pipeline.kafka.offsets import GroupOffsets, ends
from pipeline.kafka.reading import tool_consumer
from pipeline.kafka.records import key
from pipeline.settings.model import Settings
from topics.catalogue import INTAKE_VISITS, INTERFACE_MESSAGES

_ASK_WITHIN_S = 5.0
_AGAIN_S = 0.1
_READ_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Start:
    """Where to go on in a partition; so many offsets before it `expired` unread."""

    offset: int
    expired: int = 0


def starts(group: GroupOffsets, partitions: Iterable[int]) -> dict[int, Start]:
    """The group's offset of each partition, or its first record.

    Raises KafkaException, or ClusterError, while the brokers cannot tell.
    """
    found = {}
    for place, low, high in group.ask(INTERFACE_MESSAGES.name, partitions, _ASK_WITHIN_S):
        if place.offset < 0 or place.offset > high:  # reading again what is known changes nothing
            found[place.partition] = Start(low)
        else:
            found[place.partition] = Start(max(place.offset, low), max(0, low - place.offset))
    return found


def states(settings: Settings, admin: AdminClient, partitions: Iterable[int]) -> dict[int, dict[str, bytes]]:
    """What is known of the visits of each partition, as of now. Raises KafkaException or TimeoutError."""
    places = [(INTAKE_VISITS.name, partition) for partition in partitions]
    found: dict[int, dict[str, bytes]] = {partition: {} for _, partition in places}
    very = ends(admin, places, committed=False)
    stable = ends(admin, places)
    if behind := [partition for (_, partition), end in very.items() if stable[INTAKE_VISITS.name, partition] < end]:
        raise TimeoutError(f"transactions are open in partitions {behind} of {INTAKE_VISITS.name}")
    left = {partition: end for (_, partition), end in very.items() if end > 0}
    consumer = tool_consumer(settings, "earliest", settings.intake_group_id)
    try:
        consumer.assign([TopicPartition(INTAKE_VISITS.name, partition, 0) for partition in left])
        while left:
            for message in consumer.consume(_READ_AT_ONCE, 0.2):
                error, partition = message.error(), message.partition()
                if error is None and partition is not None:
                    name, value = (key(message) or b"").decode(), message.value()
                    if value is None:
                        found[partition].pop(name, None)
                    else:
                        found[partition][name] = value
                elif error is not None and error.code() == KafkaError._PARTITION_EOF:  # librdkafka's own codes
                    if (message.offset() or 0) >= left.get(partition or 0, 0):
                        left.pop(partition or 0, None)
                elif error is not None and (error.fatal() or not error.retriable()):
                    raise KafkaException(error)
    finally:
        consumer.close()
    return found
