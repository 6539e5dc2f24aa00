"""Waits until the ledger has taken what was loaded, according to `ledger-progress`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from pydantic import ValidationError

from pipeline.kafka.diagnostics import ClusterError
from pipeline.kafka.offsets import ends
from pipeline.kafka.reading import partitions, tool_consumer
from pipeline.kafka.records import headers, place
from pipeline.settings.model import Settings
from topics.catalogue import LEDGER_PROGRESS, PHYSICIAN_EVENTS, PHYSICIAN_EVENTS_DEAD_LETTER
from topics.dead_letters import opened
from topics.messages.ledger import LedgerProgress
from topics.progress import behind

_READ_AT_ONCE = 1_000
_ASK_WITHIN_S = 15.0
_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Still:
    """How much is left: offsets still to be taken, of those that there were at first."""

    left: int
    of: int


class LedgerWait:
    """To be made before events are loaded; `until_taken` then waits for them.

    Raises ClusterError when a topic does not exist or the brokers do not answer.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin = AdminClient(settings.client())
        self._consumer: Consumer = tool_consumer(settings, "earliest")
        self._places = {
            spec.name: partitions(self._consumer, settings, spec.name)
            for spec in (PHYSICIAN_EVENTS, PHYSICIAN_EVENTS_DEAD_LETTER, LEDGER_PROGRESS)
        }
        self._begun = self._ends(PHYSICIAN_EVENTS.name)
        self._letters = self._ends(PHYSICIAN_EVENTS_DEAD_LETTER.name)
        self._progress: dict[int, LedgerProgress] = {}

    def until_taken(self, tell: Callable[[Still], None]) -> int:
        """Waits until everything in the event topic as of now was taken; returns how many of the new events are dead letters.

        Events that others have sent meanwhile are counted in. It waits for as long as it takes: a control plane that does not
        run takes nothing.
        """
        wanted = self._ends(PHYSICIAN_EVENTS.name)
        self._consumer.assign(
            [TopicPartition(LEDGER_PROGRESS.name, number, 0) for number in self._places[LEDGER_PROGRESS.name]]
        )
        most, at_end = 0, set[int]()
        while True:
            self._read(at_end)
            if len(at_end) < len(self._places[LEDGER_PROGRESS.name]):
                continue
            left = sum(behind(self._progress, wanted).values())
            most = max(most, left)
            tell(Still(left, most))
            if not left:
                return self._dead_letters()

    def _read(self, at_end: set[int]) -> None:
        for message in self._consumer.consume(_READ_AT_ONCE, _EVERY_S):
            error = message.error()
            if error is None:
                try:
                    told = LedgerProgress.model_validate_json(message.value() or b"")
                except ValidationError:
                    continue
                if told.topic == PHYSICIAN_EVENTS.name:
                    self._progress[told.partition] = told
            elif error.code() == KafkaError._PARTITION_EOF:  # librdkafka's own codes are named so
                at_end.add(place(message)[1])
            elif error.fatal() or not error.retriable():
                raise ClusterError(f"cannot read {LEDGER_PROGRESS.name}: {error.str()}")

    def _dead_letters(self) -> int:
        """Letters that were written since, of events that were not there before."""
        topic = PHYSICIAN_EVENTS_DEAD_LETTER.name
        wanted = self._ends(topic)
        waiting = {number for number, end in wanted.items() if end > self._letters[number]}
        self._consumer.assign([TopicPartition(topic, number, self._letters[number]) for number in waiting])
        count = 0
        while waiting:
            for message in self._consumer.consume(_READ_AT_ONCE, _EVERY_S):
                error = message.error()
                if error is None:
                    letter = opened(headers(message))
                    count += letter is not None and letter.offset >= self._begun.get(letter.partition, 0)
                elif error.code() == KafkaError._PARTITION_EOF:
                    waiting.discard(place(message)[1])
                elif error.fatal() or not error.retriable():
                    raise ClusterError(f"cannot read {topic}: {error.str()}")
        return count

    def _ends(self, topic: str) -> dict[int, int]:
        places = [(topic, number) for number in self._places[topic]]
        try:
            found = ends(self._admin, places, within_s=_ASK_WITHIN_S)
        except (KafkaException, TimeoutError) as error:
            raise ClusterError(
                f"{self._settings.bootstrap_servers} does not say where {topic} ends: {error}"
            ) from error
        return {number: end for (_, number), end in found.items()}

    def close(self) -> None:
        """Lets go."""
        self._consumer.close()
