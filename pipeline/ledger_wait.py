"""Waits until the ledger has taken what was loaded, according to `ledger-progress`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, Message
from confluent_kafka.admin import AdminClient
from pydantic import ValidationError

from pipeline.kafka.diagnostics import ClusterError
from pipeline.kafka.offsets import ends
from pipeline.kafka.reading import follow, partitions, tool_consumer, up_to_end
from pipeline.kafka.records import headers
from pipeline.settings.model import Settings
from topics.catalogue import LEDGER_PROGRESS, PHYSICIAN_EVENTS, PHYSICIAN_EVENTS_DEAD_LETTER
from topics.dead_letters import opened
from topics.messages.ledger import LedgerProgress
from topics.progress import behind

_ASK_WITHIN_S = 15.0


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
        most = 0
        for batch in follow(self._consumer, LEDGER_PROGRESS.name, dict.fromkeys(self._places[LEDGER_PROGRESS.name], 0)):
            for message in batch.records:
                self._take(message)
            if batch.caught_up:
                left = sum(behind(self._progress, wanted).values())
                most = max(most, left)
                tell(Still(left, most))
                if not left:
                    break
        return self._dead_letters()

    def _take(self, message: Message) -> None:
        try:
            told = LedgerProgress.model_validate_json(message.value() or b"")
        except ValidationError:
            return
        if told.topic == PHYSICIAN_EVENTS.name:
            self._progress[told.partition] = told

    def _dead_letters(self) -> int:
        """Letters that were written since, of events that were not there before."""
        topic = PHYSICIAN_EVENTS_DEAD_LETTER.name
        starts = {
            number: self._letters[number] for number, end in self._ends(topic).items() if end > self._letters[number]
        }
        count = 0
        for batch in up_to_end(self._consumer, topic, starts):
            for letter in (opened(headers(message)) for message in batch.records):
                count += letter is not None and letter.offset >= self._begun.get(letter.partition, 0)
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
