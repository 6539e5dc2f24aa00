"""A running broker as the tests use it: clean topics, raw records in, committed records out, the console script."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ConfigSource, ResourceType

from pipeline.devtools.kafka import LocalKafka
from pipeline.devtools.kafka_cluster import LocalKafkaCluster
from pipeline.kafka.admin import TopicAdmin
from pipeline.kafka.offsets import ends
from pipeline.kafka.records import headers
from pipeline.settings.model import Settings
from tests.support.commands import screening
from tests.support.waiting import GaveUpWaiting, wait_for
from topics.catalogue import CATALOGUE, MAX_DEAD_LETTER_BYTES, TopicSpec

CLAIM_PARTITIONS = 6
GROUP = "claims-screening"
"""The consumer group of workers, unless told otherwise."""
CONTROL_GROUP = "claims-screening-control"
"""That of the control plane."""

MOST_PARTITIONS = 16
"""More than any topic of a test has."""

_SHOWN_WITHIN_S = 5.0

SMALL = 3
"""Partitions of every other topic: enough to have several, few enough to make them quickly."""


_ASK_AGAIN = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError.UNSTABLE_OFFSET_COMMIT,
    KafkaError._TIMED_OUT,
    KafkaError._TRANSPORT,
}


@dataclass(frozen=True, slots=True)
class Record:
    """One committed record, as read."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp: int

    @property
    def place(self) -> tuple[int, int]:
        """Partition and offset."""
        return self.partition, self.offset


class Cluster:
    """One broker or three. `reset` gives a test topics of its own; names are fixed, so the old ones are deleted."""

    def __init__(self, brokers: LocalKafka | LocalKafkaCluster) -> None:
        self._brokers = brokers
        self._admin: AdminClient | None = None

    @property
    def bootstrap(self) -> str:
        """Address of the broker."""
        return self._brokers.bootstrap_servers

    @property
    def broker(self) -> LocalKafka:
        """The one broker."""
        assert isinstance(self._brokers, LocalKafka)
        return self._brokers

    @property
    def admin(self) -> AdminClient:
        """A client for questions about the cluster."""
        if self._admin is None:
            self._admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        return self._admin

    def settings(self, **settings: Any) -> Settings:
        """Settings of the product that lead to this broker."""
        return Settings(bootstrap_servers=self.bootstrap, **settings)

    def topics(self) -> set[str]:
        """Names of the topics that exist, internal ones left out."""
        return {name for name in self.admin.list_topics(timeout=20).topics if not name.startswith("__")}

    def clear(self) -> None:
        """Deletes every topic."""
        self._make_room(())

    def reset(self, claim_partitions: int = CLAIM_PARTITIONS) -> None:
        """Gives each topic of the catalogue as new and empty, with few partitions, and no other. Untouched ones stay."""
        specs = [
            replace(spec, partitions=claim_partitions if spec.name == "claims" else min(spec.partitions, SMALL))
            for spec in CATALOGUE
        ]
        self._make_room(specs)
        TopicAdmin(self.settings()).apply(specs)
        wait_for("the new topics are there", lambda: self.topics() >= {spec.name for spec in specs})

    def _make_room(self, specs: Sequence[TopicSpec]) -> None:
        """Deletes every topic but the untouched ones of these."""
        there = self.topics()
        if not there:
            return
        self._coordinators_answer()
        names = there - self._untouched(specs)
        if not names:
            return
        for future in self.admin.delete_topics(sorted(names), operation_timeout=30).values():
            future.result(30)
        wait_for("the topics of the last test are gone", lambda: not self.topics() & names)
        wait_for("their offsets are forgotten", lambda: not self._remembered(names))

    def _untouched(self, specs: Sequence[TopicSpec]) -> set[str]:
        """Topics as `reset` would make them: so many partitions, their own settings and no others, and never written to."""
        found = {name: len(topic.partitions) for name, topic in self.admin.list_topics(timeout=20).topics.items()}
        alike = [spec for spec in specs if found.get(spec.name) == spec.partitions]
        if not alike:
            return set()
        asked = self.admin.describe_configs([ConfigResource(ResourceType.TOPIC, spec.name) for spec in alike])
        settings = {
            resource.name: {
                name: entry.value
                for name, entry in future.result(30).items()
                if entry.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value
            }
            for resource, future in asked.items()
        }
        places = {(spec.name, number) for spec in alike for number in range(spec.partitions)}
        try:
            written = {topic for (topic, _), end in ends(self.admin, places, committed=False).items() if end}
        except KafkaException:  # made a moment ago: not every partition has its leader yet
            return set()
        remembered = {
            place.topic
            for group in (GROUP, CONTROL_GROUP)
            for place in self._committed_by(group)
            if place.offset > 0 or (place.offset == 0 and group == GROUP)
        }
        return {
            spec.name
            for spec in alike
            if spec.name not in written | remembered
            and settings[spec.name].items() >= spec.config().items()
            and settings[spec.name].keys() <= {*spec.config(), "min.insync.replicas"}
        }

    def send(self, topic: str, records: Iterable[Mapping[str, Any]]) -> int:
        """Writes records ({"key", "value", "headers", "partition"}) and waits until the broker has them all."""
        refused: list[KafkaError] = []
        producer = Producer(
            {
                "bootstrap.servers": self.bootstrap,
                # A record sent twice by a retry is one input more, which is counted like any other.
                "enable.idempotence": False,
                "linger.ms": 5,
                "message.max.bytes": MAX_DEAD_LETTER_BYTES,
                "log_level": 0,
            }
        )
        count = 0
        for record in records:
            count += 1
            while True:
                try:
                    producer.produce(
                        topic, on_delivery=lambda error, _message: refused.extend([error] if error else []), **record
                    )
                except BufferError:
                    producer.poll(0.1)
                else:
                    break
        assert producer.flush(60) == 0
        assert not refused, refused[:3]
        return count

    def read(self, topic: str) -> list[Record]:
        """All committed records of a topic, up to its end as of now."""
        return self.read_all(topic)[topic]

    def read_all(self, *topics: str, isolation: str = "read_committed") -> dict[str, list[Record]]:
        """All committed records of several topics, each up to its end as of now."""
        records: dict[str, list[Record]] = {topic: [] for topic in topics}
        consumer = self._consumer(isolation)
        try:
            waiting = {(topic, number) for topic in topics for number in self._partitions(consumer, topic)}
            consumer.assign([TopicPartition(topic, number, 0) for topic, number in waiting])
            while waiting:
                for message in consumer.consume(10_000, 0.05):
                    topic, partition, error = message.topic(), message.partition(), message.error()
                    if error is None:
                        named: Any = tuple(headers(message))
                        stamp = message.timestamp()[1]
                        records[topic].append(
                            Record(topic, partition, message.offset(), message.key(), message.value(), named, stamp)
                        )
                    elif error.code() == KafkaError._PARTITION_EOF:
                        waiting.discard((topic, partition))
                    else:
                        raise AssertionError(f"cannot read {topic}: {error}")
        finally:
            consumer.close()
        return records

    def _consumer(self, isolation: str) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": "tests",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": isolation,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 20,
                "fetch.message.max.bytes": 16 * 1024 * 1024,
                "log_level": 0,
            }
        )

    @staticmethod
    def _partitions(consumer: Consumer, topic: str) -> list[int]:
        return sorted(consumer.list_topics(topic, timeout=20).topics[topic].partitions)

    def ends(self, topic: str, isolation: str) -> list[int]:
        """Where each partition of a topic ends for readers of this isolation."""
        consumer = self._consumer(isolation)

        def end(number: int) -> int | None:
            try:
                return int(consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=20)[1])
            except KafkaException as error:
                if error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION:  # made a moment ago
                    raise
                return None

        def known() -> list[int] | None:
            found = [end(number) for number in self._partitions(consumer, topic)]
            return None if None in found else found

        try:
            return wait_for(f"the partitions of {topic} have leaders", known)
        finally:
            consumer.close()

    def no_open_transactions(self, topics: Iterable[str]) -> bool:
        """Whether nothing of these topics is still undecided: read_committed readers see up to the very end."""
        asked = tuple(topics)
        known = self.admin.list_topics(timeout=20).topics
        places = {(topic, number) for topic in asked for number in known[topic].partitions}
        try:
            return ends(self.admin, places) == ends(self.admin, places, committed=False)
        except (KafkaException, TimeoutError):  # a leader has moved, which the admin client may not have noticed
            return all(self.ends(topic, "read_committed") == self.ends(topic, "read_uncommitted") for topic in asked)

    def wait_shown(self, topics: Iterable[str]) -> None:
        """Waits until readers see every transaction of these topics; those topics that do not exist are left out.

        The brokers may show the offsets of a transaction a moment before its records. A transaction that a killed process left open
        is not waited for.
        """
        there = self.topics() & {*topics}
        with contextlib.suppress(GaveUpWaiting):
            wait_for("readers see it", lambda: self.no_open_transactions(there), within=_SHOWN_WITHIN_S)

    def committed(self, group: str = GROUP, topic: str = "claims") -> dict[int, int]:
        """Offsets that a consumer group has committed, by partition. A coordinator that is still starting is asked again.

        A consumer asks, because the admin client's own question ends the whole process when the coordinator moves or is
        still loading (confluentinc/librdkafka issue 5040: a null pointer in librdkafka 2.16).
        """
        answers: list[list[TopicPartition]] = []

        def answered() -> bool:
            consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group, "log_level": 0})
            try:
                places = [TopicPartition(topic, number) for number in range(MOST_PARTITIONS)]
                answers.append(consumer.committed(places, timeout=30))
            except KafkaException as error:
                if error.args[0].code() not in _ASK_AGAIN:
                    raise
                return False
            finally:
                consumer.close()
            return True

        wait_for(f"the coordinator of {group} answers", answered)
        return {place.partition: place.offset for place in answers[0] if place.offset >= 0}

    def _remembered(self, topics: set[str]) -> list[TopicPartition]:
        """What the groups of both planes have committed of topics that are gone: only the admin client is told of those."""
        return [
            place
            for group in (GROUP, CONTROL_GROUP)
            for place in self._committed_by(group)
            if place.topic in topics and place.offset >= 0
        ]

    def _coordinators_answer(self) -> None:
        """Waits until the admin client may ask what groups have committed: on a new broker nobody has coordinated them yet."""
        for group in (GROUP, CONTROL_GROUP):
            self.committed(group)

    def _committed_by(self, group: str) -> list[TopicPartition]:
        asked = [ConsumerGroupTopicPartitions(group)]
        # A client that has outlived a restart of the broker waits for the group's old coordinator without end.
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        return list(admin.list_consumer_group_offsets(asked)[group].result(30).topic_partitions)

    def members(self, group: str) -> int:
        """How many members a consumer group has at this moment."""
        return len(self.admin.describe_consumer_groups([group])[group].result(30).members)

    def has_judged(self, group: str, inputs: Iterable[Record]) -> bool:
        """Whether the group has committed offsets beyond every one of these records."""
        last: dict[int, int] = {}
        for record in inputs:
            last[record.partition] = max(record.offset, last.get(record.partition, -1))
        done = self.committed(group)
        return all(done.get(partition, 0) > offset for partition, offset in last.items())

    def screening(self, *arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
        """Runs the console script to its end."""
        return screening(*arguments, **{"bootstrap_servers": self.bootstrap, **settings})
