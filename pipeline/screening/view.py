"""The standing view: the compacted standing topics, read into the index and kept up to date.

Ready means that every partition has been read to the end as of the start. The view has a time: everything recorded until
then is in it (`freshness` tells how that is known). As long as the ledger keeps up, that is a fraction of a second ago.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin import TopicMetadata

from pipeline.kafka.diagnostics import ClusterError, first_answer, is_denied, no_topic, no_topics
from pipeline.kafka.reading import committed_only, is_end
from pipeline.kafka.records import key, place
from pipeline.kinds import Kind
from pipeline.screening.events import StandingReadFailed, StandingRecordUnreadable, StandingsTaken
from pipeline.screening.freshness import Freshness, Mark, WaitCause
from pipeline.screening.keeping import Kept, kept_in
from pipeline.settings.model import Settings
from pipeline.telemetry.events import Teller
from pipeline.telemetry.gate_metrics import RegisterMetrics
from pipeline.telemetry.logs import logger
from rules.screens.index import StandingIndex
from rules.timeline import AnyTimeline
from rules.vocabulary import Subject
from topics.catalogue import (
    CLAIM_CASES,
    CLAIM_VERDICTS,
    CLAIMS,
    CLAIMS_DEAD_LETTER,
    LEDGER_PROGRESS,
    PHYSICIAN_EVENTS,
    STANDING_TOPICS,
    TopicSpec,
)
from topics.messages.verdicts import VerdictRegister

_READ_AT_ONCE = 5_000
_UNREAD_AFTER_S = 1.0
_MOST_UPDATES_A_TURN = 20_000
"""Updates applied between two batches. A roster of hundreds of thousands arriving at once must not stop the claims."""


class ViewError(RuntimeError):
    """The standing topics cannot be read; the message says what to do."""


@dataclass(slots=True)
class _Position:
    """How far one partition has been read: the next offset, past transaction markers, and whether that was its end once."""

    next_offset: int = 0
    at_end: bool = False


@dataclass
class StandingView:
    """Reads the standing topics into `index`. All methods run on the caller's thread, save those that only tell."""

    settings: Settings
    index: StandingIndex
    metrics: RegisterMetrics
    clock: Callable[[], float] = time.monotonic
    heard: Callable[[Kind, str, AnyTimeline | None], None] | None = None
    """Is told of every record that is applied: whose it is, its key, and what holds now (None: nothing, or unreadable)."""
    _positions: dict[tuple[str, int], _Position] = field(default_factory=dict, init=False)
    _mark: Mark | None = field(default=None, init=False)
    _loaded_at: float | None = field(default=None, init=False)
    _highest_revision: int = field(default=0, init=False)
    changes: int = field(default=0, init=False)
    """Standing records applied so far: what was ruled before a change may have to be ruled again."""
    register: VerdictRegister | None = field(default=None, init=False)
    """By what the view judges, as verdicts tell it."""

    def __post_init__(self) -> None:
        instance = self.settings.unique_instance()
        self._teller = Teller(logger(component="standing-view"), self.metrics)
        self._freshness = Freshness(self.settings, instance, self.metrics, self.clock)
        self._keeps = kept_in(self.index)
        self._consumer = Consumer(
            committed_only(
                self.settings,
                f"{self.settings.group_id}-view-{instance}",
                # A roster is read once; what waits in the client's queue meanwhile stays in the process's memory for good.
                queued__min__messages=20_000,
                queued__max__messages__kbytes=16_384,
                fetch__queue__backoff__ms=10,
                # Behind a transaction's marker the end of a partition is told only when a fetch came back empty.
                fetch__wait__max__ms=50,
            )
        )

    def load(
        self, stop: Callable[[], bool] = lambda: False, progress: Callable[[int], None] = lambda _read: None
    ) -> bool:
        """Reads every partition to its end as of now. Returns False if `stop` said so before that.

        Raises ViewError when a topic does not exist or the brokers cannot be reached.
        """
        self._assign()
        read = 0
        while not all(position.at_end for position in self._positions.values()):
            if stop():
                return False
            read += self._apply(self._consumer.consume(_READ_AT_ONCE, 0.2))
            progress(read)
        self._loaded_at = self.clock()
        self._freshness.start()
        self._publish_size()
        return True

    def refresh(self) -> None:
        """Applies what has arrived since, without waiting, and at most _MOST_UPDATES_A_TURN records; moves the view's time on."""
        self._freshness.told.clear()
        applied = self._apply(self._consumer.consume(_MOST_UPDATES_A_TURN, 0))
        if applied:
            self.changes += applied
            self._publish_size()
        while self._freshness.marks and self._has_read(self._freshness.marks[0]):
            self._mark = self._freshness.marks.popleft()
            progress = {str(number): offset for number, offset in self._mark.progress.items()}
            self.register = VerdictRegister(as_of=self._mark.as_of, progress=progress)
        self.metrics.standing_staleness.set(self.staleness())
        self.metrics.ledger_behind.set(self._freshness.behind)

    def covers(self, moment: float) -> bool:
        """Whether everything recorded until a moment (seconds on the monotonic clock) is in the view."""
        return self._mark is not None and self._mark.asked_at >= moment

    def wait(self, seconds: float) -> None:
        """Asks for a newer time at once, and waits until there may be one."""
        self._freshness.demand()
        if not self._freshness.marks:
            self._freshness.told.wait(seconds)
        elif seconds > 0:
            # The ledger's side is known; what is missing are records of the standing topics, or the end of a transaction.
            time.sleep(min(seconds, 0.005))

    def demand(self) -> None:
        """Asks for a newer time at once, without waiting for it."""
        self._freshness.demand()

    def cause(self) -> tuple[WaitCause, str]:
        """Why the view's time does not move on, in words. Safe from any thread."""
        cause, detail = self._freshness.cause()
        marks = list(self._freshness.marks)
        if cause is WaitCause.NONE and marks and self.clock() - marks[0].asked_at > _UNREAD_AFTER_S:
            return WaitCause.STANDINGS_UNREAD, f"not read to their ends: {', '.join(self._unread(marks[0]))}"
        return cause, detail

    @property
    def oriented(self) -> bool:
        """Whether it is known how far the ledger is. Safe from any thread."""
        return self._freshness.oriented

    def staleness(self) -> float:
        """Seconds since the view was last known to be complete; infinite before it was loaded."""
        at = self._loaded_at if self._mark is None else self._mark.asked_at
        return float("inf") if at is None else max(0.0, self.clock() - at)

    def close(self) -> None:
        """Leaves the brokers."""
        self._freshness.close()
        self._consumer.close()

    def _has_read(self, mark: Mark) -> bool:
        """Step 4: whether the standing topics are read to the ends of a mark. Partitions that are new are read from here on."""
        if any(place not in self._positions for place in mark.ends):
            self._assign()
        return not self._unread(mark)

    def _unread(self, mark: Mark) -> list[str]:
        """Partitions that are not read to a mark's end."""
        read = dict(self._positions)
        return [
            f"{topic}/{number}"
            for (topic, number), end in mark.ends.items()
            if (topic, number) not in read or read[topic, number].next_offset < end
        ]

    # -- reading ------------------------------------------------------------------------------------------------

    def _assign(self) -> None:
        if not self._positions:
            self._require((PHYSICIAN_EVENTS, LEDGER_PROGRESS, *STANDING_TOPICS))
        known = [where for spec in STANDING_TOPICS for where in self._partitions_of(spec)]
        new = [where for where in known if where not in self._positions]
        for where in new:
            self._positions[where] = _Position()
        self._consumer.incremental_assign([TopicPartition(name, number, 0) for name, number in new])

    def _require(self, specs: tuple[TopicSpec, ...]) -> None:
        """Raises ViewError if one of these is not there: a cluster without them cannot tell how old the view is.

        The message names every topic of a worker that is missing, so that people need not mend one after the other.
        """
        there = self._asked(None)
        outputs = [
            spec.prefixed(self.settings.output_prefix) for spec in (CLAIM_VERDICTS, CLAIM_CASES, CLAIMS_DEAD_LETTER)
        ]
        absent = [spec for spec in (*specs, CLAIMS, *outputs) if spec.name not in there]
        if not set(specs) & set(absent):
            return
        # A topic that this process may not see is missing from the list, too; asked for by name the brokers say so.
        errors = {spec.name: self._asked(spec.name)[spec.name].error for spec in absent}
        denied = [(name, error) for name, error in errors.items() if is_denied(error)]
        raise ViewError(no_topic(*denied[0]) if denied else no_topics(list(errors)))

    def _asked(self, name: str | None) -> dict[str, TopicMetadata]:
        def ask(limit: float) -> dict[str, TopicMetadata]:
            options: dict[str, Any] = {"timeout": limit} if name is None else {"topic": name, "timeout": limit}
            found: dict[str, TopicMetadata] = self._consumer.list_topics(**options).topics
            return found

        try:
            return first_answer(ask, self.settings)
        except ClusterError as error:
            raise ViewError(str(error)) from error

    def _partitions_of(self, spec: TopicSpec) -> list[tuple[str, int]]:
        topic = self._asked(spec.name)[spec.name]
        if topic.error is not None or not topic.partitions:
            raise ViewError(no_topic(spec.name, topic.error))
        return [(spec.name, number) for number in sorted(topic.partitions)]

    def _apply(self, messages: list[Message]) -> int:
        taken: Counter[str] = Counter()
        for message in messages:
            error = message.error()
            topic, partition, offset = place(message)
            if error is not None:
                if is_end(error):
                    position = self._positions[topic, partition]
                    position.at_end = True
                    position.next_offset = max(position.next_offset, offset)
                elif error.fatal():
                    raise KafkaException(error)
                else:
                    self._teller.tell(StandingReadFailed(error.str()))
                continue
            self._positions[topic, partition].next_offset = offset + 1
            taken[self._apply_one(self._keeps[topic], message)] += 1
        if taken:
            self._teller.tell(StandingsTaken(taken["applied"], taken["removed"], taken["unreadable"]))
        return taken.total()

    def _apply_one(self, kept: Kept, message: Message) -> Literal["applied", "removed", "unreadable"]:
        name, timeline, fault = _text_key(message), None, None
        try:
            timeline = kept.apply(name, message.value())
        except Exception as error:
            # Whatever a decoder may raise: an unreadable standing is a review, and the worker goes on.
            fault = error
        if self.heard is not None:
            self.heard(kept.kind, name, timeline)
        if fault is not None:
            self._teller.tell(StandingRecordUnreadable(*place(message), str(fault)))
            return "unreadable"
        if timeline is None:
            return "removed"
        if kept.kind.name == "physician":
            self._highest_revision = max(self._highest_revision, timeline.revision)
        return "applied"

    def _publish_size(self) -> None:
        self.metrics.standing_physicians.set(len(self.index))
        self.metrics.standing_institutions.set(self.index.institutions)
        for subject in Subject:
            held = self.index.beside.get(subject)
            self.metrics.standing_subjects.labels(subject.value).set(0 if held is None else len(held))
        self.metrics.standing_revision.set(self._highest_revision)


def _text_key(message: Message) -> str:
    return (key(message) or b"").decode("utf-8", "replace")
