"""Creating the catalogue's topics on a cluster, and telling where a cluster differs from the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    ClusterMetadata,
    ConfigResource,
    ConfigSource,
    NewTopic,
    ResourceType,
)

from pipeline.kafka.diagnostics import ClusterError, first_answer
from pipeline.settings.model import Settings
from topics.catalogue import TopicSpec

_TIMEOUT_S = 30.0
_IN_SYNC = "min.insync.replicas"


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic of the catalogue as it is on the cluster. `drift` names each setting with what it is and what it should be."""

    name: str
    state: Literal["created", "present", "missing", "drifted"]
    partitions: int
    drift: tuple[str, ...] = ()
    copies: int | None = None
    """How many brokers keep the topic; None while it is missing."""


@dataclass(frozen=True, slots=True)
class Durability:
    """In how many copies a topic is kept, and how many of them must have a record before it counts."""

    copies: int
    in_sync: int


def durability(brokers: int, copies: int | None = None, in_sync: int | None = None) -> Durability:
    """What is asked for; by default three copies and a majority of them, or as many copies as there are brokers if fewer.

    Raises ClusterError when so many brokers cannot give it.
    """
    wanted = copies or min(3, brokers)
    needed = in_sync or (2 if wanted > 2 else 1)
    if wanted > brokers:
        raise ClusterError(
            f"{wanted} copies of a topic need {wanted} brokers, and the cluster has {brokers} that answer: start more, or ask "
            f"for --replication {brokers}"
        )
    if needed > wanted:
        raise ClusterError(
            f"{needed} copies cannot have a record of a topic that is kept in {wanted}: nothing could be written; ask for "
            f"--min-insync-replicas {wanted} at most"
        )
    return Durability(wanted, needed)


class TopicAdmin:
    """Looks at and creates topics. Existing topics are never altered."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = AdminClient(settings.client())

    def inspect(self, specs: Sequence[TopicSpec], wanted: Durability | None = None) -> list[TopicState]:
        """The state of every topic; with `wanted`, how safely it is kept counts, too. Nothing is changed. Raises ClusterError."""
        topics = self._metadata().topics
        present = [spec for spec in specs if spec.name in topics]
        configs = self._configs([spec.name for spec in present])
        states = []
        for spec in specs:
            if spec.name not in topics:
                states.append(TopicState(spec.name, "missing", spec.partitions))
                continue
            partitions = topics[spec.name].partitions
            copies = min((len(partition.replicas) for partition in partitions.values()), default=0)
            drift = _drift(spec, len(partitions), configs[spec.name])
            if wanted is not None:
                drift += _less_safe(wanted, copies, configs[spec.name])
            states.append(TopicState(spec.name, "drifted" if drift else "present", len(partitions), drift, copies))
        return states

    def durability(self, copies: int | None = None, in_sync: int | None = None) -> Durability:
        """What this cluster gives of what is asked for; see `durability`. Raises ClusterError when it cannot."""
        return durability(len(self._metadata().brokers), copies, in_sync)

    def apply(self, specs: Sequence[TopicSpec], wanted: Durability | None = None) -> list[TopicState]:
        """Creates what is missing and reports what differs. Repeating it changes nothing. Raises ClusterError."""
        wanted = wanted or self.durability()
        before = self.inspect(specs, wanted)
        missing = [spec for spec, state in zip(specs, before, strict=True) if state.state == "missing"]
        created = self._create(missing, wanted) if missing else set()
        return [
            TopicState(state.name, "created", state.partitions, copies=wanted.copies)
            if state.name in created
            else state
            for state in before
        ]

    def _create(self, specs: Sequence[TopicSpec], wanted: Durability) -> set[str]:
        topics = [
            NewTopic(
                spec.name,
                num_partitions=spec.partitions,
                replication_factor=wanted.copies,
                config={**spec.config(), _IN_SYNC: str(wanted.in_sync)},
            )
            for spec in specs
        ]
        created = set()
        for name, future in self._client.create_topics(topics, operation_timeout=_TIMEOUT_S).items():
            try:
                future.result(timeout=_TIMEOUT_S)
            except KafkaException as error:
                reason: KafkaError = error.args[0]
                if reason.code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise ClusterError(f"cannot create topic {name}: {reason.str()}") from error
            created.add(name)
        return created

    def _metadata(self) -> ClusterMetadata:
        return first_answer(lambda limit: self._client.list_topics(timeout=limit), self._settings)

    def _partitions(self) -> dict[str, int]:
        return {name: len(topic.partitions) for name, topic in self._metadata().topics.items()}

    def _configs(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        if not names:
            return {}
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        answer = {}
        for resource, future in self._client.describe_configs(resources).items():
            try:
                entries = future.result(timeout=_TIMEOUT_S)
            except KafkaException as error:
                raise ClusterError(f"cannot read the settings of {resource.name}: {error.args[0].str()}") from error
            answer[resource.name] = {
                name: entry.value
                for name, entry in entries.items()
                if entry.source != ConfigSource.UNKNOWN_CONFIG.value
            }
        return answer


def partition_counts(settings: Settings) -> dict[str, int]:
    """How many partitions each topic of the cluster has, by name. Raises ClusterError."""
    return TopicAdmin(settings)._partitions()


def _drift(spec: TopicSpec, partitions: int, config: dict[str, str]) -> tuple[str, ...]:
    differences = []
    if partitions != spec.partitions:
        differences.append(f"partitions: is {partitions}, catalogue says {spec.partitions}")
    for name, wanted in spec.config().items():
        found = config.get(name)
        if found is not None and found != wanted:
            differences.append(f"{name}: is {found}, catalogue says {wanted}")
    return tuple(differences)


def _less_safe(wanted: Durability, copies: int, config: dict[str, str]) -> tuple[str, ...]:
    differences = []
    if copies < wanted.copies:
        differences.append(f"copies: is {copies}, should be {wanted.copies}")
    found = int(config.get(_IN_SYNC, wanted.in_sync))
    if found < wanted.in_sync:
        differences.append(f"{_IN_SYNC}: is {found}, should be {wanted.in_sync}")
    return tuple(differences)
