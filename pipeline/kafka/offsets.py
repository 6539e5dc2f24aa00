"""Where the partitions of a topic begin and end, and how far a consumer group has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from pipeline.kafka.diagnostics import ClusterError
from pipeline.kafka.reading import partitions
from pipeline.settings.model import Settings

_TIMEOUT_S = 30.0
_EXPIRED = " expired="
_AGAIN_S = 0.1
_STALE = {
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
}
"""What an answer by leaders of yesterday looks like."""

_LOADING = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
}
"""A group's coordinator that is still reading what it knows, as after a broker's start."""


class Noted(NamedTuple):
    """What the workers write beside a committed offset of claims: the id of the topic that it belongs to (empty: not told), and
    how many offsets below it expired before anybody had judged them."""

    topic: str
    expired: int = 0

    @property
    def text(self) -> str:
        """As it is written; an offset under which nothing has expired bears the id alone."""
        return f"{self.topic}{_EXPIRED}{self.expired}" if self.expired else self.topic

    @classmethod
    def read(cls, text: str) -> Noted:
        """What was written; words that are not ours are taken for an id."""
        topic, found, expired = text.partition(_EXPIRED)
        return cls(topic, int(expired)) if found and expired.isdecimal() else cls(text)


@dataclass(frozen=True, slots=True)
class PartitionOffsets:
    """One partition: its first offset that is still there, the end of what is committed, and the group's committed offset.

    `committed` is None where the group has none, or was not asked about; `noted` is what the group wrote beside it (the workers'
    group: see `Noted`), empty where it wrote nothing.
    """

    low: int
    high: int
    committed: int | None
    noted: str = ""


@contextmanager
def asking(settings: Settings, group: str) -> Iterator[Consumer]:
    """A consumer that only asks questions, in a group's name. Raises ClusterError when the brokers do not answer."""
    consumer = Consumer(settings.client(group__id=group, enable__auto__commit=False, isolation__level="read_committed"))
    try:
        yield consumer
    except KafkaException as error:
        raise ClusterError(
            f"{settings.bootstrap_servers} does not answer: {error.args[0].str()}; check SCREENING_BOOTSTRAP_SERVERS"
        ) from error
    finally:
        consumer.close()


def offsets_of(
    consumer: Consumer, settings: Settings, topic: str, *, committed: bool = False
) -> dict[int, PartitionOffsets]:
    """The offsets of a topic's partitions, by number; with what the consumer's group has `committed` on demand.

    Raises ClusterError when the topic does not exist, KafkaException when the brokers do not answer.
    """
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        try:
            return _offsets_of(consumer, settings, topic, committed=committed)
        except KafkaException as error:
            # Just after a topic is deleted, or a leader moved, the client still asks those who led it: we ask for the topic anew.
            if error.args[0].code() not in _STALE or time.monotonic() > deadline:
                raise
            time.sleep(_AGAIN_S)


def _offsets_of(consumer: Consumer, settings: Settings, topic: str, *, committed: bool) -> dict[int, PartitionOffsets]:
    answer = {}
    places = [TopicPartition(topic, number) for number in partitions(consumer, settings, topic)]
    # The group first: outcomes and offsets become visible together, so that what is judged by now is recorded by then.
    for item in _committed(consumer, places) if committed else places:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, item.partition), timeout=_TIMEOUT_S)
        answer[item.partition] = PartitionOffsets(
            low, high, item.offset if item.offset >= 0 else None, item.metadata or ""
        )
    return answer


def _committed(consumer: Consumer, places: list[TopicPartition]) -> list[TopicPartition]:
    """The group's committed offsets; a coordinator that is not ready is asked again. Raises KafkaException."""
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        try:
            return consumer.committed(places, timeout=_TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].code() not in _LOADING or time.monotonic() > deadline:
                raise
            time.sleep(_AGAIN_S)


def group_offsets(settings: Settings, topic: str, group: str) -> dict[int, PartitionOffsets]:
    """The offsets of a topic with what a group has committed. Raises ClusterError."""
    with asking(settings, group) as consumer:
        return offsets_of(consumer, settings, topic, committed=True)


class GroupOffsets:
    """Where a group goes on, asked by a member of it; after a failure by a client made for the question.

    A member that has outlived its brokers may wait for their coordinator without end (librdkafka 2.16), and its partitions too.
    """

    def __init__(self, settings: Settings, group: str, member: Consumer) -> None:
        self._settings, self._group, self._member = settings, group, member
        self._doubted = False

    def ask(self, topic: str, partitions: Iterable[int], within_s: float) -> list[tuple[TopicPartition, int, int]]:
        """What is committed in each partition, with the partition's first offset and its end.

        Raises KafkaException, or ClusterError, while the brokers cannot tell; also while an open transaction hides an offset.
        """
        places = [TopicPartition(topic, partition) for partition in partitions]
        try:
            if self._doubted:
                with asking(self._settings, self._group) as stranger:
                    answer = _with_ends(stranger, places, within_s)
            else:
                answer = _with_ends(self._member, places, within_s)
        except (KafkaException, ClusterError):
            self._doubted = not self._doubted
            raise
        self._doubted = False
        return answer


def _with_ends(
    consumer: Consumer, places: list[TopicPartition], within_s: float
) -> list[tuple[TopicPartition, int, int]]:
    answer = []
    for place in consumer.committed(places, timeout=within_s):
        if place.error is not None:
            raise KafkaException(place.error)
        where = TopicPartition(place.topic, place.partition)
        answer.append((place, *consumer.get_watermark_offsets(where, timeout=within_s, cached=False)))
    return answer


def ends(
    admin: AdminClient,
    places: Iterable[tuple[str, int]],
    *,
    committed: bool = True,
    spec: OffsetSpec | None = None,
    within_s: float = 5.0,
) -> dict[tuple[str, int], int]:
    """Where partitions (topic, number) end now: for readers of committed records, or (`committed` False) the very end.

    Another `spec` asks for another place than the end. Raises KafkaException, or TimeoutError after so many seconds.
    """
    asked = {TopicPartition(topic, number): spec or OffsetSpec.latest() for topic, number in places}  # type: ignore[no-untyped-call]  # the client leaves it untyped
    try:
        return _told(admin, asked, committed=committed, within_s=within_s)
    except KafkaException as error:
        if error.args[0].code() not in _STALE:
            raise
    # The client asks the leaders that it knew, and does not find out by itself that they are others since a broker died.
    for topic in {place.topic for place in asked}:
        admin.list_topics(topic, timeout=within_s)
    return _told(admin, asked, committed=committed, within_s=within_s)


def _told(
    admin: AdminClient, asked: dict[TopicPartition, OffsetSpec], *, committed: bool, within_s: float
) -> dict[tuple[str, int], int]:
    answers = admin.list_offsets(
        asked,
        isolation_level=IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED,
        request_timeout=within_s,
    )
    found = {(where.topic, where.partition): int(future.result(within_s).offset) for where, future in answers.items()}
    silent = sorted(place for place, offset in found.items() if offset == OFFSET_INVALID)
    if silent:  # no error comes with it (librdkafka 2.16): taken for an end, it would say that nothing is there
        raise KafkaException(
            KafkaError(KafkaError.LEADER_NOT_AVAILABLE, f"nobody answers for {silent[0][0]}/{silent[0][1]}")
        )
    return found


def topic_id(admin: AdminClient, topic: str, within_s: float = 5.0) -> str | None:
    """The id that a topic was given when it was made; None from brokers that do not tell, such as the embedded one.

    Raises KafkaException, also when there is no such topic, or TimeoutError after so many seconds.
    """
    known = admin.list_topics(topic, timeout=within_s)
    if known.controller_id not in known.brokers:
        return None  # the client asks the controller, and would wait for one
    return ask_topic_id(admin, topic, within_s)()


def ask_topic_id(admin: AdminClient, topic: str, within_s: float) -> Callable[[], str | None]:
    """Asks for a topic's id and does not wait; whoever calls what is returned waits for the answer.

    The call raises KafkaException, also when there is no such topic, or TimeoutError after so many seconds.
    """
    asked = admin.describe_topics(TopicCollection([topic]), request_timeout=within_s)[topic]

    def answer() -> str | None:
        found = asked.result(within_s).topic_id
        told = "" if found is None else str(found)
        return None if not told.strip("A") else told

    return answer
