"""Fills the read model from its topics: a batch of records and how far they reach are written in one transaction.

After a restart the progress is read back from the database, and nothing is committed to Kafka. Where the database has gone on
without this process, because another one fills it or it was rebuilt, nothing is written and this process goes on from there.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from sqlalchemy import Connection, Engine, delete, select, update

from pipeline.desk import events
from pipeline.desk.store.database import put, write
from pipeline.desk.store.rows import SOURCES, Changes, Reader
from pipeline.desk.store.tables import FOLLOWING, PROGRESS
from pipeline.kafka.diagnostics import is_final
from pipeline.kafka.offsets import offsets_of, topic_id
from pipeline.kafka.reading import committed_only
from pipeline.kafka.records import key, place
from pipeline.settings.model import Settings
from pipeline.telemetry.desk_metrics import DeskMetrics
from pipeline.telemetry.events import Teller

_AT_ONCE = 2_000
_GATHER_S = 0.2
_LAG_EVERY_S = 2.0
_SHOWN = 500

Place = tuple[str, int]


class FeedError(RuntimeError):
    """The read model cannot be filled; the message says why and what to do."""


class _Overtaken(Exception):
    """The database has gone on without this process."""


class Feed:
    """Reads the topics of the read model into the database, turn by turn."""

    def __init__(
        self, settings: Settings, engine: Engine, reader: Reader, teller: Teller[DeskMetrics], metrics: DeskMetrics
    ) -> None:
        self._settings, self._engine, self._reader = settings, engine, reader
        self._teller, self._metrics = teller, metrics
        self._fatal: KafkaError | None = None
        options = committed_only(settings, settings.desk_group_id, fetch__queue__backoff__ms=10)
        self._consumer = Consumer({**options, "error_cb": self._heard})
        self._admin = AdminClient(settings.client())
        self._ids: dict[str, str] = {}
        self._next: dict[Place, int] = {}
        self._end: dict[Place, int] = {}
        self._lag_at = 0.0
        self.current_at: float | None = None
        """When (monotonic) the rows last were as new as the topics; None before the first time."""

    def begin(self) -> None:
        """Goes on where the rows end. Raises FeedError, ClusterError or KafkaException."""
        self._ids = {spec.name: topic_id(self._admin, spec.name) or "" for spec in SOURCES}
        self._next, self._end = {}, {}
        with self._engine.begin() as connection:
            kept = {(row.topic, row.partition): row for row in connection.execute(select(PROGRESS))}
            for spec in SOURCES:
                for number, there in offsets_of(self._consumer, self._settings, spec.name).items():
                    row = kept.get((spec.name, number))
                    if row is not None and row.topic_id != self._ids[spec.name]:
                        raise FeedError(f"{spec.name} was deleted and made again; run `screening desk rebuild`")
                    if row is None:
                        put(connection, PROGRESS, [self._progress((spec.name, number), 0)])
                    self._next[spec.name, number] = 0 if row is None else row.next_offset
                    self._end[spec.name, number] = there.high
        self._consumer.assign([TopicPartition(topic, number, at) for (topic, number), at in self._next.items()])

    def close(self) -> None:
        """Leaves the brokers."""
        self._consumer.close()

    @property
    def behind(self) -> int:
        """How many offsets the rows are behind the ends that were last heard of."""
        return sum(max(0, end - self._next[where]) for where, end in self._end.items())

    def turn(self) -> int:
        """Reads what is there and writes it; the number of records. Raises FeedError, or an error of the database."""
        found: list[Message] = []
        position: dict[Place, int] = {}
        for message in self._consumer.consume(_AT_ONCE, _GATHER_S):
            error = message.error()
            topic, partition, offset = place(message)
            if error is None:
                found.append(message)
                position[topic, partition] = offset + 1
            elif error.code() == KafkaError._PARTITION_EOF:  # librdkafka's own codes are named so
                # Behind the last record lies the marker of its transaction: the position is past it.
                position[topic, partition] = max(position.get((topic, partition), 0), offset)
            elif is_final(error):
                self._fatal = error
            else:
                self._teller.tell(events.DeskReadFailed(error.str()))
        if self._fatal is not None:
            raise FeedError(f"the consumer cannot go on: {self._fatal.name()}: {self._fatal.str()}")
        moved = {where: at for where, at in position.items() if at > self._next[where]}
        if moved:
            self._write(found, moved)
        self._tell_lag()
        return len(found)

    def read_to_end(self, progress: Callable[[int, int], None], stopped: Callable[[], bool] = lambda: False) -> int:
        """Turns until everything that was there at the beginning is in rows; `progress` hears the records read and those left."""
        goal, read = dict(self._end), 0
        while not stopped() and any(self._next[where] < end for where, end in goal.items()):
            read += self.turn()
            progress(read, sum(max(0, end - self._next[where]) for where, end in goal.items()))
        return read

    def _write(self, found: Iterable[Message], moved: dict[Place, int]) -> None:
        rows: Counter[str] = Counter()
        newest = {(place(message)[0], key(message)): message for message in found}
        changes = Changes()
        for message in newest.values():
            rows[place(message)[0]] += self._take(message, changes)
        try:
            with self._engine.begin() as connection:
                self._still_ours(connection, moved)
                write(connection, changes)
                put(connection, PROGRESS, [self._progress(where, at) for where, at in moved.items()])
        except _Overtaken:
            self._teller.tell(events.DeskOvertaken())
            self.begin()
            return
        self._next.update(moved)
        self._teller.tell(events.RowsTaken(dict(rows)))

    def _progress(self, where: Place, at: int) -> dict[str, object]:
        topic, partition = where
        return {"topic": topic, "partition": partition, "topic_id": self._ids[topic], "next_offset": at}

    def _still_ours(self, connection: Connection, moved: Iterable[Place]) -> None:
        """Raises _Overtaken where the database is not where this process left it."""
        # To write first takes the lock of either database, so that nobody comes between the question and what follows.
        connection.execute(update(PROGRESS).values(next_offset=PROGRESS.c.next_offset))
        kept = {(row.topic, row.partition): row.next_offset for row in connection.execute(select(PROGRESS))}
        if any(kept.get(where) != self._next[where] for where in moved):
            raise _Overtaken

    def _take(self, message: Message, changes: Changes) -> int:
        topic, partition, offset = place(message)
        try:
            found = self._reader.changes(topic, key(message), message.value())
        except (ValueError, RecursionError) as error:
            self._teller.tell(events.RecordUnreadable(topic, partition, offset, str(error)[:_SHOWN]))
            return 0
        changes.remove += found.remove
        changes.put += found.put
        return 1

    def _tell_lag(self) -> None:
        now = time.monotonic()
        if now - self._lag_at >= _LAG_EVERY_S:
            self._lag_at = now
            for topic, partition in self._next:
                _, end = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), cached=True)
                self._end[topic, partition] = max(self._end[topic, partition], end)
        behind = self.behind
        self._metrics.lag.set(behind)
        if not behind:
            self.current_at = now

    def _heard(self, error: KafkaError) -> None:
        if is_final(error):
            self._fatal = error


def clear(engine: Engine) -> None:
    """Removes every row that follows from topics; accounts and sessions stay."""
    with engine.begin() as connection:
        for table in FOLLOWING:
            connection.execute(delete(table))
