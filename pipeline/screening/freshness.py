"""Until when the register is complete (登记数据的时点): what the ledger had taken, asked for on clients of its own.

The view of the standing topics includes everything recorded until a moment when these steps were gone through in this order:
1. the ends of the topics that feed standings are asked for: that is the moment. The very ends, not those for readers of
   committed records: an event behind somebody's open transaction is recorded, too, and waits for it.
2. the ledger's progress is read until it has reached these ends.
3. the ends of the standing topics are asked for. Again the very ends: a transaction becomes visible partition by partition,
   so its progress may be seen while its standings are not yet.
4. the view has read to there.
Steps 1 to 3 happen here, on a thread of its own; the fourth is the view's. All moments are of this process's monotonic clock.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from pydantic import ValidationError

from pipeline.kafka.diagnostics import words_of
from pipeline.kafka.offsets import ends
from pipeline.kafka.reading import committed_only, is_end
from pipeline.kafka.records import place
from pipeline.screening.events import (
    EventPartitionsGrew,
    ProgressRecordUnreadable,
    RegisterQueryFailed,
    RegisterQueryRecovered,
)
from pipeline.settings.model import Settings
from pipeline.telemetry.events import Teller
from pipeline.telemetry.gate_metrics import RegisterMetrics
from pipeline.telemetry.logs import logger
from topics.catalogue import LEDGER_PROGRESS, PHYSICIAN_EVENTS, STANDING_TOPICS
from topics.fields import utc_text
from topics.messages.ledger import LedgerProgress
from topics.progress import behind, progress_partition

Place = tuple[str, int]

_ASK_EVERY_S = 0.15
_LOOK_AGAIN_S = 0.02
_PARTITIONS_EVERY_S = 1.0
_AFTER_FAILURE_S = 0.5
_MOST_WAITING = 64
_STUCK_AFTER_S = 0.5


class WaitCause(StrEnum):
    """Why the register is not complete until now."""

    NONE = "none"
    STARTING = "starting"
    LEDGER_BEHIND = "ledger_behind"
    LEDGER_NEVER_RAN = "ledger_never_ran"
    OPEN_TRANSACTION = "open_transaction_on_events"
    STANDINGS_UNREAD = "standing_topics_unread"
    BROKERS_AWAY = "brokers_away"


_STARTING = (WaitCause.STARTING, "the register is being read")


@dataclass(frozen=True, slots=True)
class Question:
    """The ends of the event topic's partitions at a moment (`asked_at` monotonic seconds, `as_of` RFC 3339)."""

    asked_at: float
    as_of: str
    ends: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Mark:
    """Once the standing topics are read to `ends`, the view includes everything recorded until `asked_at`.

    `progress` is by partition of the events the next offset that the ledger had taken by then, at least.
    """

    asked_at: float
    as_of: str
    progress: Mapping[int, int]
    ends: Mapping[Place, int]


@dataclass(slots=True)
class OpenQuestions:
    """Questions that the ledger has not reached yet, the oldest first. When there are many, some between are left out."""

    waiting: deque[Question] = field(default_factory=deque)

    def add(self, question: Question) -> None:
        """Takes another question. An older one of the same ends stays: what reaches one reaches both, the newer counts."""
        if len(self.waiting) >= _MOST_WAITING:
            self.waiting.pop()
        self.waiting.append(question)

    def reached(self, progress: Mapping[int, LedgerProgress]) -> Question | None:
        """The newest question whose ends the ledger has reached; it and all before it are done with."""
        found = None
        while self.waiting and not missing(progress, self.waiting[0].ends):
            found = self.waiting.popleft()
        return found


def missing(progress: Mapping[int, LedgerProgress], wanted: Mapping[int, int]) -> dict[int, int]:
    """By partition of the events how many offsets the ledger has still to take. Of an empty partition nothing is awaited."""
    return behind(progress, {partition: end for partition, end in wanted.items() if end > 0})


class Freshness:
    """Asks the brokers and the ledger how far they are, every 150 ms and when somebody waits, and leaves marks."""

    def __init__(
        self, settings: Settings, instance: str, metrics: RegisterMetrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings, self._clock = settings, clock
        self._teller = Teller(logger(component="freshness", instance=instance), metrics)
        self._questions = OpenQuestions()
        self._progress: dict[int, LedgerProgress] = {}
        self._events: list[int] = []
        self._standings: list[Place] = []
        self._assigned: set[int] = set()
        self._read_to_end: set[int] = set()
        self._partitions_due = 0.0
        self._failing = ""
        self._cause = _STARTING
        self._stable: Mapping[int, int] = {}
        self._stable_due = 0.0
        self.behind = 0
        self._demanded = threading.Event()
        self._stop = threading.Event()
        self.told = threading.Event()
        """Set whenever there is a new mark."""
        self.marks: deque[Mark] = deque()
        group = f"{settings.group_id}-view-{instance}"
        self._consumer = Consumer(committed_only(settings, group, fetch__queue__backoff__ms=10))
        # The consumers' own connections are busy with long fetches, behind which a question about the end would wait.
        self._admin = AdminClient(settings.client())
        self._thread = threading.Thread(target=self._run, name="freshness", daemon=True)

    def start(self) -> None:
        """Begins to ask."""
        self._thread.start()

    def demand(self) -> None:
        """Asks at once instead of at the next turn: somebody waits. Safe from any thread."""
        self._demanded.set()

    def close(self) -> None:
        """Stops asking and leaves the brokers."""
        self._stop.set()
        self._demanded.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._consumer.close()

    @property
    def oriented(self) -> bool:
        """Whether all that the ledger has told of its progress was read once; before that nothing is known of it."""
        return bool(self._assigned) and self._read_to_end >= self._assigned

    def cause(self) -> tuple[WaitCause, str]:
        """What the ledger's side waits for at present, in words."""
        return self._cause

    # -- the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        due = 0.0
        while not self._stop.is_set():
            try:
                self._know_partitions()
                if self._clock() >= due or self._demanded.is_set():
                    self._demanded.clear()
                    due = self._ask() + _ASK_EVERY_S
                self._read_progress(_LOOK_AGAIN_S if self._questions.waiting else 0.0)
                self._answer()
                self._explain()
            except (KafkaException, TimeoutError, KeyError) as error:
                # No answer, or one without the topic. This must outlive both: without it the view is old for ever.
                self._failed(words_of(error, repr))
                self._stop.wait(_AFTER_FAILURE_S)
                continue
            if self._failing:
                self._failing = ""
                self._teller.tell(RegisterQueryRecovered())
            if not self._questions.waiting:
                self._demanded.wait(max(0.0, due - self._clock()))

    def _failed(self, detail: str) -> None:
        self._cause = (WaitCause.BROKERS_AWAY, detail)
        if detail != self._failing:
            self._teller.tell(RegisterQueryFailed(detail))
        self._failing = detail

    def _ask(self) -> float:
        """Step 1. Returns the moment."""
        asked_at = self._clock()
        as_of = utc_text(dt.datetime.now(dt.UTC))
        told = ends(self._admin, [(PHYSICIAN_EVENTS.name, number) for number in self._events], committed=False)
        self._questions.add(Question(asked_at, as_of, {number: end for (_, number), end in told.items()}))
        return asked_at

    def _read_progress(self, wait_s: float) -> None:
        """Step 2, as far as there is anything new."""
        while messages := self._consumer.consume(1_000, wait_s):
            self._take(messages)
            wait_s = 0.0

    def _take(self, messages: Iterable[Message]) -> None:
        for message in messages:
            error = message.error()
            if error is not None:
                if is_end(error):
                    self._read_to_end.add(message.partition() or 0)
                elif error.fatal():
                    raise KafkaException(error)
                continue
            try:
                told = LedgerProgress.model_validate_json(message.value() or b"")
            except ValidationError as wrong:
                _, partition, offset = place(message)
                self._teller.tell(ProgressRecordUnreadable(partition, offset, str(wrong)))
                continue
            if told.topic == PHYSICIAN_EVENTS.name:
                self._progress[told.partition] = told

    def _answer(self) -> None:
        """Step 3, if the ledger has reached the ends of a question."""
        question = self._questions.reached(self._progress)
        if question is None:
            return
        progress = {number: told.next_offset for number, told in sorted(self._progress.items())}
        mark = Mark(question.asked_at, question.as_of, progress, ends(self._admin, self._standings, committed=False))
        if len(self.marks) >= _MOST_WAITING:
            self.marks.pop()
        self.marks.append(mark)
        self.told.set()

    def _explain(self) -> None:
        """Why the oldest question is still open."""
        if not self._questions.waiting:
            self.behind = 0
            self._cause = (WaitCause.NONE, "")
            return
        oldest = self._questions.waiting[0]
        left = missing(self._progress, self._questions.waiting[-1].ends)
        self.behind = sum(left.values())
        if not self.oriented:
            self._cause = _STARTING
            return
        if not self._progress:
            self._cause = (
                WaitCause.LEDGER_NEVER_RAN,
                f"{self.behind:,} events wait and no control plane has ever told its progress",
            )
            return
        if self._clock() - oldest.asked_at > _STUCK_AFTER_S and self._clock() > self._stable_due:
            self._stable_due = self._clock() + _PARTITIONS_EVERY_S
            told = ends(self._admin, [(PHYSICIAN_EVENTS.name, number) for number in self._events])
            self._stable = {number: end for (_, number), end in told.items()}
        pinned = [number for number in missing(self._progress, oldest.ends) if self._pinned(number, oldest)]
        if pinned:
            where = ", ".join(f"{PHYSICIAN_EVENTS.name}/{number}" for number in pinned)
            self._cause = (
                WaitCause.OPEN_TRANSACTION,
                f"an open transaction on {where} hides what is recorded behind it",
            )
            return
        self._cause = (WaitCause.LEDGER_BEHIND, f"the ledger is behind by {self.behind:,} events")

    def _pinned(self, number: int, question: Question) -> bool:
        """Whether the ledger has taken all that can be read of a partition, and more is recorded."""
        known, stable = self._progress.get(number), self._stable.get(number)
        if known is None or stable is None:
            return False
        return known.next_offset >= stable and stable < question.ends.get(number, 0)

    def _know_partitions(self) -> None:
        """Which partitions there are; those that were added are asked about, too."""
        if self._clock() < self._partitions_due:
            return
        counts = {}
        for spec in (PHYSICIAN_EVENTS, LEDGER_PROGRESS, *STANDING_TOPICS):
            topic = self._admin.list_topics(spec.name, timeout=5.0).topics[spec.name]
            if topic.error is not None:
                raise KafkaException(topic.error)
            if not topic.partitions:
                raise KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART, f"{spec.name} does not exist"))
            counts[spec.name] = sorted(topic.partitions)
        events = counts[PHYSICIAN_EVENTS.name]
        if self._events and len(events) > len(self._events):
            self._teller.tell(EventPartitionsGrew(before=len(self._events), now=len(events)))
        self._events = events
        self._standings = [(spec.name, number) for spec in STANDING_TOPICS for number in counts[spec.name]]
        known = counts[LEDGER_PROGRESS.name]
        wanted = {progress_partition(PHYSICIAN_EVENTS.name, number, len(known)) for number in events}
        new = wanted - self._assigned
        if new:
            self._consumer.incremental_assign([TopicPartition(LEDGER_PROGRESS.name, number, 0) for number in new])
            self._assigned |= new
        self._partitions_due = self._clock() + _PARTITIONS_EVERY_S
