"""The embedded broker: librdkafka's mock cluster, which speaks Kafka's own protocol on a local port.

It is fit for a demo and for tests, and for nothing else: it keeps everything in memory, drops old records above about 5 MB
a partition, knows no access control, and shows the records of a rolled-back transaction. It never keeps data.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType

from confluent_kafka import KafkaException, Producer
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from pipeline.settings.model import Settings
from topics.catalogue import TopicSpec

_TIMEOUT_S = 10.0

CLIENT_CONFIG: dict[str, str] = {
    # The mock answers a fetch that finds nothing only when its time is up, so that time must be short.
    "fetch.wait.max.ms": "5",
    # It changes records of transactions without counting their checksums anew.
    "check.crcs": "false",
    # The clients outlive the broker by a moment at the end; nobody needs to read that it is gone.
    "log_level": "2",
}
"""Settings that every client of the embedded broker needs."""


class EmbeddedBrokerError(RuntimeError):
    """The embedded broker did not start or did not make a topic."""


class DemoSettings(Settings):
    """Settings of the demo's processes. The environment has no say: a demo must not reach a real cluster by accident."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is given in the code."""
        return (init_settings,)


class EmbeddedBroker:
    """A broker for as long as the `with` block lasts."""

    def __init__(self) -> None:
        self._producer: Producer | None = None
        self.bootstrap_servers = ""

    def __enter__(self) -> EmbeddedBroker:
        """Starts listening. Raises EmbeddedBrokerError."""
        self._producer = Producer({"test.mock.num.brokers": 1, **CLIENT_CONFIG})
        try:
            brokers = self._producer.list_topics(timeout=_TIMEOUT_S).brokers.values()
        except KafkaException as error:
            raise EmbeddedBrokerError(f"the embedded broker did not start: {error.args[0].str()}") from error
        self.bootstrap_servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops listening; every record is gone."""
        self._producer = None

    def make_topics(self, specs: Iterable[TopicSpec]) -> dict[str, int]:
        """Makes topics, each with the four partitions that the mock gives, and returns their numbers of partitions.

        The mock cannot create topics on request; one appears when a producer asks about it.
        """
        if self._producer is None:
            raise EmbeddedBrokerError("the embedded broker is not running")
        made = {}
        for spec in specs:
            topic = self._producer.list_topics(spec.name, timeout=_TIMEOUT_S).topics[spec.name]
            if topic.error is not None or not topic.partitions:
                raise EmbeddedBrokerError(f"the embedded broker did not make the topic {spec.name}: {topic.error}")
            made[spec.name] = len(topic.partitions)
        return made
