"""Watches the topics of the ledger on the brokers: whether one was created again, and whether partitions were added."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pipeline.control.aside import aside
from pipeline.control.events import PartitionsAdded, TopicsQueryFailed
from pipeline.control.stream_task import InputLost
from pipeline.kafka.offsets import topic_id
from pipeline.telemetry.control_metrics import ControlMetrics
from pipeline.telemetry.events import Teller

_ASK_WITHIN_S = 5.0
_LOOK_EVERY_S = 3.0


def ids_of(admin: AdminClient, topics: Iterable[str]) -> dict[str, str]:
    """The id that each topic was given when it was made; absent from brokers that do not tell. Raises KafkaException."""
    told = {topic: topic_id(admin, topic, _ASK_WITHIN_S) for topic in topics}
    return {topic: name for topic, name in told.items() if name is not None}


def made_again(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The topics whose id is another."""
    return sorted(topic for topic, name in now.items() if before.get(topic, name) != name)


class TopicWatch:
    """Looks at the topics while a plane runs. `ids` are those of its sources, `partitions` how many each topic had."""

    def __init__(
        self, admin: AdminClient, ids: Mapping[str, str], partitions: Mapping[str, int], teller: Teller[ControlMetrics]
    ) -> None:
        self._admin = admin
        self._ids = ids
        self._partitions = partitions
        self._teller = teller
        self.trouble: str | None = None
        """What people have to put right, in words: the plane goes on with the partitions that it has, and is not ready."""

    async def keep(self) -> None:
        """Looks every few seconds, until a source was deleted and made again. Raises InputLost."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                ids = await aside(ids_of, self._admin, tuple(self._ids))
                added = await aside(self._added)
            except (KafkaException, TimeoutError) as error:
                self._teller.tell(TopicsQueryFailed(str(error)))
                continue
            if again := made_again(self._ids, ids):
                raise InputLost(f"{', '.join(again)}: deleted and made again")
            if added is not None and added != self.trouble:
                self._teller.tell(PartitionsAdded(added))
            self.trouble = added

    def _added(self) -> str | None:
        topics = self._admin.list_topics(timeout=_ASK_WITHIN_S).topics
        now = {name: len(topics[name].partitions) for name in self._partitions if name in topics}
        told = [
            f"{name} has {count}, it had {self._partitions[name]}"
            for name, count in sorted(now.items())
            if count > self._partitions[name]
        ]
        return (
            f"partitions were added: {'; '.join(told)}; see More partitions in the operations guide" if told else None
        )
