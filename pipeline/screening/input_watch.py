"""What the brokers say of the topic of claims, once a second: which topic it is, where it begins, and what nobody can read yet.

A topic that was deleted and made again has the old name and another id; positions in the old one mean nothing in the new one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, OffsetSpec

from pipeline.kafka.diagnostics import words_of
from pipeline.kafka.offsets import ask_topic_id, ends, topic_id
from pipeline.kafka.transactions import Objection
from pipeline.screening.events import ClaimsTopicQueryFailed
from pipeline.settings.model import Settings
from pipeline.telemetry.events import Teller
from pipeline.telemetry.gate_metrics import GateMetrics
from pipeline.telemetry.logs import logger
from topics.catalogue import CLAIMS

_EVERY_S = 1.0
_ASK_WITHIN_S = 1.0
_ASK_AGAIN_S = 0.1
_TOLD_WITHIN_S = 5.0
"""A broker that is asked while it dies does not answer: another is asked, until so long after."""


class InputWatch:
    """Watches the topic of claims from a thread of its own.

    `low` is where each partition begins; `pinned` how many records of each lie behind somebody's open transaction; `id` the
    topic's id (None: the cluster does not tell, or the topic is not there); `missing` says that the topic does not exist.
    """

    def __init__(self, settings: Settings, metrics: GateMetrics, partitions: Callable[[], set[int]]) -> None:
        self._metrics, self._partitions = metrics, partitions
        self._admin = AdminClient(settings.client())
        self._teller = Teller(logger(component="input-watch"), metrics)
        self._failing = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="input-watch", daemon=True)
        self.id: str | None = None
        self.missing = False
        self.low: dict[int, int] = {}
        self.pinned: dict[int, int] = {}

    def start(self) -> None:
        """Begins to watch."""
        self._thread.start()

    def close(self) -> None:
        """Stops watching."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def ask_id(self) -> str | None:
        """The topic's id as of now. Raises KafkaException when the brokers do not answer or the topic does not exist."""
        self.id = topic_id(self._admin, CLAIMS.name)
        return self.id

    def same_topic(self, known: str | None) -> Callable[[], Objection | None]:
        """Begins to ask whether the topic is still the one of this id; the answer is what speaks against it.

        Ids are never given twice, so that whatever was read before the question is of that topic if it is still there. Safe to
        call from any thread.
        """
        if known is None:
            return lambda: None  # brokers that do not tell ids
        asked = ask_topic_id(self._admin, CLAIMS.name, _ASK_WITHIN_S)

        def objection() -> Objection | None:
            answer, give_up_at = asked, time.monotonic() + _TOLD_WITHIN_S
            while True:
                try:
                    now = answer()
                except (KafkaException, TimeoutError) as error:
                    if _missing(error) or time.monotonic() > give_up_at:
                        return Objection("topic_id_not_told", words_of(error, repr))
                    time.sleep(_ASK_AGAIN_S)
                    answer = ask_topic_id(self._admin, CLAIMS.name, _ASK_WITHIN_S)
                else:
                    return None if now in (None, known) else Objection("topic_made_again", f"{known} is now {now}")

        return objection

    def _run(self) -> None:
        while not self._stop.wait(_EVERY_S):
            try:
                self.ask_id()
                self.missing = False
                self._look()
                self._failing = ""
            except (KafkaException, TimeoutError) as error:
                self.missing, detail = _missing(error), words_of(error, repr)
                if detail != self._failing:
                    self._teller.tell(ClaimsTopicQueryFailed(detail))
                self._failing = detail

    def _look(self) -> None:
        places = [(CLAIMS.name, number) for number in sorted(self._partitions())]
        if not places:
            self.low, self.pinned = {}, {}
            return
        very, stable = ends(self._admin, places, committed=False), ends(self._admin, places)
        first = ends(self._admin, places, spec=OffsetSpec.earliest())  # type: ignore[no-untyped-call]  # left untyped
        self.low = {number: first[topic, number] for topic, number in places}
        for number in self.pinned.keys() - {number for _, number in places}:
            self._metrics.forget(self._metrics.pinned, str(number))
        self.pinned = {number: max(0, very[topic, number] - stable[topic, number]) for topic, number in places}
        for number, records in self.pinned.items():
            self._metrics.pinned.labels(str(number)).set(records)


def _missing(error: KafkaException | TimeoutError) -> bool:
    return isinstance(error, KafkaException) and error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART
