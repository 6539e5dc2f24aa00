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


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic of the catalogue as it is on the cluster. `drift` names each setting with what it is and what it should be."""

    name: str
    state: Literal["created", "present", "missing", "drifted"]
    partitions: int
    drift: tuple[str, ...] = ()


class TopicAdmin:
    """Looks at and creates topics. Existing topics are never altered."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = AdminClient(settings.client())

    def inspect(self, specs: Sequence[TopicSpec]) -> list[TopicState]:
        """The state of every topic, without changing anything. Raises ClusterError."""
        existing = self._partitions()
        present = [spec for spec in specs if spec.name in existing]
        configs = self._configs([spec.name for spec in present])
        states = []
        for spec in specs:
            if spec.name not in existing:
                states.append(TopicState(spec.name, "missing", spec.partitions))
                continue
            drift = _drift(spec, existing[spec.name], configs[spec.name])
            states.append(TopicState(spec.name, "drifted" if drift else "present", existing[spec.name], drift))
        return states

    def apply(self, specs: Sequence[TopicSpec], replication: int | None = None) -> list[TopicState]:
        """Creates what is missing and reports what differs. Repeating it changes nothing. Raises ClusterError.

        `replication` defaults to three copies, or as many as there are brokers if fewer.
        """
        before = self.inspect(specs)
        missing = [spec for spec, state in zip(specs, before, strict=True) if state.state == "missing"]
        created = self._create(missing, replication) if missing else set()
        return [
            TopicState(state.name, "created" if state.name in created else state.state, state.partitions, state.drift)
            if state.state == "missing"
            else state
            for state in before
        ]

    def _create(self, specs: Sequence[TopicSpec], replication: int | None) -> set[str]:
        copies = replication or min(3, len(self._metadata().brokers))
        topics = [
            NewTopic(
                spec.name,
                num_partitions=spec.partitions,
                replication_factor=copies,
                config={**spec.config(), "min.insync.replicas": str(2 if copies > 2 else 1)},  # a majority of three
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
