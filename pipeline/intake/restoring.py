"""Where a process goes on that takes partitions over: the group's offset first, then what is known of the visits.

The order matters. The brokers tell an offset only when no transaction that holds one is open any more; after that the owner
before can commit nothing more, so that the states of that moment are those which belong to the offset.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from confluent_kafka.admin import AdminClient

from pipeline.kafka.offsets import GroupOffsets, ends
from pipeline.kafka.reading import tool_consumer, up_to_end
from pipeline.kafka.records import key, place
from pipeline.settings.model import Settings
from topics.catalogue import INTAKE_VISITS, INTERFACE_MESSAGES

_ASK_WITHIN_S = 5.0
_AGAIN_S = 0.1


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
    for told, low, high in group.ask(INTERFACE_MESSAGES.name, partitions, _ASK_WITHIN_S):
        if told.offset < 0 or told.offset > high:  # reading again what is known changes nothing
            found[told.partition] = Start(low)
        else:
            found[told.partition] = Start(max(told.offset, low), max(0, low - told.offset))
    return found


def states(settings: Settings, admin: AdminClient, partitions: Iterable[int]) -> dict[int, dict[str, bytes]]:
    """What is known of the visits of each partition, as of now.

    Raises KafkaException, ClusterError or TimeoutError.
    """
    places = [(INTAKE_VISITS.name, partition) for partition in partitions]
    found: dict[int, dict[str, bytes]] = {partition: {} for _, partition in places}
    very = ends(admin, places, committed=False)
    stable = ends(admin, places)
    if behind := [partition for (_, partition), end in very.items() if stable[INTAKE_VISITS.name, partition] < end]:
        raise TimeoutError(f"transactions are open in partitions {behind} of {INTAKE_VISITS.name}")
    left = {partition: end for (_, partition), end in very.items() if end > 0}
    consumer = tool_consumer(settings, "earliest", settings.intake_group_id)
    try:
        for batch in up_to_end(consumer, INTAKE_VISITS.name, dict.fromkeys(left, 0), left):
            for message in batch.records:
                visits = found[place(message)[1]]
                name, value = (key(message) or b"").decode(), message.value()
                if value is None:
                    visits.pop(name, None)
                else:
                    visits[name] = value
    finally:
        consumer.close()
    return found
