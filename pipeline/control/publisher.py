"""The one way in which the control plane writes: a transaction for each batch of a stream task.

Whatever follows from a batch (standings, dossiers, notices, cases, dead letters, records sent on) and how far its input has
been taken become visible together. Whoever owns an input partition takes over its transactional id and so fences the owner
before: what that one still tries to write, on waking from a halt for instance, no read_committed reader ever sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from confluent_kafka import KafkaError, Message

from pipeline.kafka.producing import Record
from pipeline.kafka.records import Headers, place
from pipeline.kafka.transactions import Outgoing, TransactionWriter
from pipeline.settings.model import Settings

Place = tuple[str, int]
"""Topic and partition."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One record to write; `partition` None leaves the choice to the key."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: Headers | None = None

    def record(self) -> Record:
        """In the form that the producer takes."""
        made: Record = {"key": self.key, "value": self.value}
        return {**made, "headers": self.headers} if self.headers else made


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the records of one batch stand in one partition: first and last offset, and how many they are."""

    first: int
    last: int
    count: int


Written = dict[Place, Standing]


class Publisher:
    """The transactional producer of one stream task. One batch at a time, on any thread."""

    def __init__(self, settings: Settings, transactional_id: str) -> None:
        self._settings, self._transactional_id = settings, transactional_id
        self._writer = self._new()
        self._written: Written = {}
        self.has_written = False
        """Whether the brokers have taken a batch since this process took the name."""

    def _new(self) -> TransactionWriter:
        return TransactionWriter(
            self._settings, self._transactional_id, linger__ms=0, queue__buffering__max__messages=1_000_000
        )

    def renew(self) -> None:
        """Goes on with another client of the same name. Blocks. Raises TransactionFatal.

        After the brokers have refused one record, librdkafka 2.16 counts the following ones of its partition wrongly, and every
        transaction ends with OUT_OF_ORDER_SEQUENCE_NUMBER.
        """
        self._writer = self._new()
        self.fence()

    def fence(self) -> None:
        """Ends what the owner before has begun, and keeps it from writing any more. Blocks. Raises TransactionFatal."""
        self._writer.start(within_s=60.0)

    def write(
        self,
        loose: Iterable[Entry],
        tables: Mapping[Place, Mapping[bytes, bytes | None]],
        conclude: Callable[[Written], Iterable[Entry]],
    ) -> Written:
        """Writes a batch in one transaction; returns where its records stand. Blocks until readers may see them.

        `conclude` gives the last records when it is known where the others stand. Raises TransactionAborted or
        TransactionFatal; then nothing of the batch counts.
        """
        self._written = {}
        self._writer.commit(self._parts(loose, tables, conclude), delivered=self._delivered)
        self.has_written = True
        return self._written

    def _parts(
        self,
        loose: Iterable[Entry],
        tables: Mapping[Place, Mapping[bytes, bytes | None]],
        conclude: Callable[[Written], Iterable[Entry]],
    ) -> Iterator[Outgoing]:
        yield from _singly(loose)
        for (topic, partition), changes in tables.items():
            records: list[Record] = [{"key": key, "value": value} for key, value in changes.items()]
            yield Outgoing(topic, records, partition)
        self._writer.flush()
        yield from _singly(conclude(self._written))
        self._writer.flush()

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            return  # the commit fails for it
        topic, partition, offset = place(message)
        before = self._written.get((topic, partition))
        self._written[topic, partition] = (
            Standing(offset, offset, 1)
            if before is None
            else Standing(min(before.first, offset), max(before.last, offset), before.count + 1)
        )


def _singly(entries: Iterable[Entry]) -> Iterator[Outgoing]:
    for (topic, partition), group in groupby(entries, key=lambda entry: (entry.topic, entry.partition)):
        yield Outgoing(topic, [entry.record() for entry in group], partition, single=True)
