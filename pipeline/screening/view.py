"""The standing view: the compacted standing topics, read into the index and kept up to date.

Ready means that every partition has been read to the end as of the start. Afterwards a watch asks the brokers, once a
second, where the topics end; as long as the view has read that far it is fresh, otherwise it ages.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from pipeline.kafka.diagnostics import ClusterError, first_answer, no_topic
from pipeline.kafka.offsets import ends
from pipeline.kafka.records import key, place
from pipeline.settings.model import Settings
from pipeline.telemetry.gate_metrics import GateMetrics
from pipeline.telemetry.logs import logger
from rules.screens.index import StandingIndex
from rules.timeline import InstitutionTimeline, PhysicianTimeline, TimelineError
from topics.catalogue import INSTITUTION_STANDING, PHYSICIAN_STANDING, TopicSpec

_WATCH_EVERY_S = 1.0
_ASK_TIMEOUT_S = 5.0
_READ_AT_ONCE = 5_000
_MOST_UPDATES_A_TURN = 20_000
"""Updates applied between two batches. A roster of hundreds of thousands arriving at once must not stop the claims."""


class ViewError(RuntimeError):
    """The standing topics cannot be read; the message says what to do."""


@dataclass(slots=True)
class _Position:
    """How far one partition has been read: the next offset, and the end that the broker last told of."""

    next_offset: int = 0
    end_seen: int = -1
    at_end: bool = False


@dataclass
class StandingView:
    """Reads the standing topics into `index`. All methods but the watch's own run on the caller's thread."""

    settings: Settings
    index: StandingIndex
    metrics: GateMetrics
    clock: Callable[[], float] = time.monotonic
    _positions: dict[tuple[str, int], _Position] = field(default_factory=dict, init=False)
    _fresh_at: float | None = field(default=None, init=False)
    _stop: threading.Event = field(default_factory=threading.Event, init=False)
    _partitions_grew: threading.Event = field(default_factory=threading.Event, init=False)
    _highest_revision: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._log = logger(component="standing-view")
        self._read_physician = msgspec.json.Decoder(PhysicianTimeline).decode
        self._read_institution = msgspec.json.Decoder(InstitutionTimeline).decode
        self._consumer = Consumer(
            self.settings.client(
                group__id=f"{self.settings.group_id}-view-{self.settings.unique_instance()}",
                enable__auto__commit=False,
                enable__auto__offset__store=False,
                auto__offset__reset="earliest",
                isolation__level="read_committed",
                enable__partition__eof=True,
                # A roster is read once; what waits in the client's queue meanwhile stays in the process's memory for good.
                queued__min__messages=20_000,
                queued__max__messages__kbytes=16_384,
                fetch__queue__backoff__ms=10,
            )
        )
        # The consumer's own connection is busy with long fetches, behind which a question about the end would wait.
        self._admin = AdminClient(self.settings.client())
        self._watch = threading.Thread(target=self._watch_ends, name="standing-watch", daemon=True)

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
        self._fresh_at = self.clock()
        self._watch.start()
        self._publish_size()
        return True

    def refresh(self) -> None:
        """Applies what has arrived since, without waiting, and at most _MOST_UPDATES_A_TURN records."""
        if self._partitions_grew.is_set():
            self._partitions_grew.clear()
            self._assign()
        applied = self._apply(self._consumer.consume(_MOST_UPDATES_A_TURN, 0))
        if applied:
            self._publish_size()
        self.metrics.standing_staleness.set(self.staleness())

    def staleness(self) -> float:
        """Seconds since the view was last known to be complete; infinite before it was loaded."""
        fresh_at = self._fresh_at
        return float("inf") if fresh_at is None else max(0.0, self.clock() - fresh_at)

    def close(self) -> None:
        """Stops the watch and leaves the brokers."""
        self._stop.set()
        if self._watch.is_alive():
            self._watch.join(timeout=10)
        self._consumer.close()

    # -- reading ------------------------------------------------------------------------------------------------

    def _assign(self) -> None:
        known = self._partitions_of(PHYSICIAN_STANDING) + self._partitions_of(INSTITUTION_STANDING)
        new = [where for where in known if where not in self._positions]
        for where in new:
            self._positions[where] = _Position()
        self._consumer.incremental_assign([TopicPartition(name, number, 0) for name, number in new])

    def _partitions_of(self, spec: TopicSpec) -> list[tuple[str, int]]:
        try:
            known = first_answer(lambda limit: self._consumer.list_topics(spec.name, timeout=limit), self.settings)
        except ClusterError as error:
            raise ViewError(str(error)) from error
        topic = known.topics[spec.name]
        if topic.error is not None or not topic.partitions:
            raise ViewError(no_topic(spec.name, topic.error))
        return [(spec.name, number) for number in sorted(topic.partitions)]

    def _apply(self, messages: list[Message]) -> int:
        applied = 0
        for message in messages:
            error = message.error()
            topic, partition, offset = place(message)
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:  # librdkafka's own codes are named so
                    position = self._positions[topic, partition]
                    position.at_end = True
                    position.next_offset = max(position.next_offset, offset)
                elif error.fatal():
                    raise KafkaException(error)
                else:
                    self._log.warning("standing_read_failed", error=error.str())
                continue
            self._positions[topic, partition].next_offset = offset + 1
            if topic == PHYSICIAN_STANDING.name:
                self._apply_physician(message)
            else:
                self._apply_institution(message)
            applied += 1
        return applied

    def _apply_physician(self, message: Message) -> None:
        name, value = _text_key(message), message.value()
        if not value:
            self.index.drop(name)
            self._count("removed")
            return
        try:
            timeline = self._read_physician(value)
            self._check_key(name, f"{timeline.region}|{timeline.physician_code}")
            self.index.put(timeline)
        except (msgspec.MsgspecError, TimelineError, ValueError, OverflowError) as error:
            self.index.put_unreadable(name)
            self._unreadable(message, error)
            return
        self._highest_revision = max(self._highest_revision, timeline.revision)
        self._count("applied")

    def _apply_institution(self, message: Message) -> None:
        name, value = _text_key(message), message.value()
        if not value:
            self.index.drop_institution(name)
            self._count("removed")
            return
        try:
            timeline = self._read_institution(value)
            self._check_key(name, f"{timeline.region}|{timeline.institution_code}")
            self.index.put_institution(timeline)
        except (msgspec.MsgspecError, TimelineError, ValueError, OverflowError) as error:
            self.index.put_institution_unreadable(name)
            self._unreadable(message, error)
            return
        self._count("applied")

    @staticmethod
    def _check_key(name: str, expected: str) -> None:
        if name != expected:
            raise ValueError(f"the key is {name!r}, but the record speaks of {expected!r}")

    def _count(self, effect: str) -> None:
        self.metrics.standing_updates.labels(effect).inc()

    def _unreadable(self, message: Message, error: Exception) -> None:
        self._count("unreadable")
        self._log.error(
            "standing_record_unreadable",
            topic=message.topic(),
            partition=message.partition(),
            offset=message.offset(),
            error=str(error),
        )

    def _publish_size(self) -> None:
        self.metrics.standing_physicians.set(len(self.index))
        self.metrics.standing_institutions.set(self.index.institutions)
        self.metrics.standing_revision.set(self._highest_revision)

    # -- freshness ----------------------------------------------------------------------------------------------

    def _watch_ends(self) -> None:
        while not self._stop.wait(_WATCH_EVERY_S):
            asked_at = self.clock()
            try:
                complete = self._has_read_all()
            except (KafkaException, TimeoutError, KeyError) as error:
                # No answer, or one without the topic. The watch must outlive both: without it the view is old for ever.
                known = isinstance(error, KafkaException)
                self._log.warning("standing_watch_failed", error=error.args[0].str() if known else repr(error))
                continue
            if complete:
                self._fresh_at = asked_at

    def _has_read_all(self) -> bool:
        positions = dict(self._positions)
        for where, end in ends(self._admin, positions).items():
            positions[where].end_seen = end
        for spec in (PHYSICIAN_STANDING, INSTITUTION_STANDING):
            partitions = self._admin.list_topics(spec.name, timeout=_ASK_TIMEOUT_S).topics[spec.name].partitions
            if any((spec.name, number) not in positions for number in partitions):
                self._partitions_grew.set()
                return False
        return all(position.next_offset >= position.end_seen for position in positions.values())


def _text_key(message: Message) -> str:
    return (key(message) or b"").decode("utf-8", "replace")
