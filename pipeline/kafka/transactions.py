"""Writing a transaction: records and input offsets become visible together or not at all.

The gate, the control plane and `dlq redrive` write through this one class.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from pipeline.kafka.producing import Delivered, Record, produce_many, produce_one
from pipeline.settings.model import Settings
from topics.catalogue import MAX_DEAD_LETTER_BYTES

_CALL_TIMEOUT_S = 5.0
_GIVE_UP_AFTER_S = 10.0
"""A call that has not worked by then is rolled back; the batch is merely read again."""
_START_WITHIN_S = 300.0
_PAUSE_S = 0.1
BATCH_BYTES = 1_000_000
"""What is sent at once to one partition, before it is compressed."""
TOO_LARGE = "MSG_SIZE_TOO_LARGE"
"""The cause of a rollback: a record, or what was sent at once, is larger than its topic takes."""
BEHIND_ONE_TOO_LARGE = "OUT_OF_ORDER_SEQUENCE_NUMBER"
"""How the client tells it when more records of the partition were on their way behind the one that was refused."""
_FENCED = {"_FENCED", "PRODUCER_FENCED", "INVALID_PRODUCER_EPOCH", "FENCED_INSTANCE_ID"}


class TransactionAborted(Exception):
    """The transaction was rolled back; nothing of the batch is visible. The batch must be read again."""

    def __init__(self, cause: str, detail: str) -> None:
        self.cause = cause
        super().__init__(f"{cause}: {detail}")


class TransactionFatal(Exception):
    """The producer can do nothing more. `fenced`: because another process has taken its transactional id."""

    def __init__(self, cause: str, detail: str) -> None:
        self.cause = cause
        self.fenced = cause in _FENCED
        super().__init__(f"{cause}: {detail}")


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a transaction that is written may not be committed; `cause` is the name under which its rollback is counted."""

    cause: str
    detail: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Records for one topic, for one partition or (None) where their keys belong.

    `single` records are handed over one by one, which is slower and lets each carry headers.
    """

    topic: str
    records: list[Record]
    partition: int | None = None
    single: bool = False


@dataclass(frozen=True, slots=True)
class ReadUpTo:
    """Input that a transaction takes as done: where each partition goes on, and the consumer's group metadata.

    `generation` is taken at the time of reading, on the reading thread: asked from another thread it waits behind the
    reader's polls, for seconds (measured). If the partitions have been given to another member since, the brokers refuse it.
    """

    offsets: list[TopicPartition]
    generation: object


class TransactionWriter:
    """A transactional producer. It may be used from any thread, but only by one at a time.

    Whoever starts last under a transactional id fences everybody who started under it before.
    """

    def __init__(self, settings: Settings, transactional_id: str, **client: Any) -> None:
        """`client` are further settings of the producer, dots as double underscores."""
        self._producer = Producer(
            settings.client(
                transactional__id=transactional_id,
                enable__idempotence=True,
                partitioner="murmur2_random",
                compression__type="lz4",
                message__max__bytes=MAX_DEAD_LETTER_BYTES,
                **{
                    "transaction__timeout__ms": settings.transaction_timeout_ms,
                    "linger__ms": 1,
                    "batch__size": BATCH_BYTES,
                    **client,
                },
            )
        )

    def start(self, within_s: float = _START_WITHIN_S) -> None:
        """Takes over the transactional id: fences any earlier producer of that id and finishes its transaction.

        Raises TransactionFatal when that is not possible within so many seconds.
        """
        self._retry(lambda: self._producer.init_transactions(_CALL_TIMEOUT_S), abort=False, give_up_after=within_s)

    def commit(
        self,
        outgoing: Iterable[Outgoing],
        read: ReadUpTo | None = None,
        *,
        owner: Callable[[], bool] = lambda: True,
        objection: Callable[[], Objection | None] = lambda: None,
        delivered: Delivered | None = None,
    ) -> None:
        """Writes one batch: 1. begin  2. produce  3. the input's offsets, if any  4. commit.

        A crash at any point leaves either everything or nothing to read_committed readers. `owner` is asked before the
        third step whether what was read is still this process's to answer, and `objection` before the fourth whether anything
        else speaks against the commit. `delivered` hears where every record stands.
        Raises TransactionAborted (rolled back, read again) or TransactionFatal (this producer is done for).
        """
        # 1. begin
        self._retry(self._producer.begin_transaction)
        # 2. produce
        try:
            for part in outgoing:
                self._produce(part, delivered)
        except KafkaException as error:
            self._abort_for(error.args[0])
        # 3. offsets
        if not owner():
            self._abort("partitions_lost", "ownership changed while the batch was worked on")
        if read is not None:
            self._retry(
                lambda: self._producer.send_offsets_to_transaction(read.offsets, read.generation, _CALL_TIMEOUT_S)
            )
        # 4. commit
        if (against := objection()) is not None:
            self._abort(against.cause, against.detail)
        self._retry(lambda: self._producer.commit_transaction(_CALL_TIMEOUT_S))

    def flush(self) -> None:
        """Waits until the brokers have answered for what was produced so far; `delivered` has then heard of all of it.

        For parts of a transaction that tell where others stand: to be called while `outgoing` is iterated over.
        """
        give_up_at = time.monotonic() + _GIVE_UP_AFTER_S
        while self._producer.flush(_PAUSE_S):
            if time.monotonic() > give_up_at:
                self._abort("_TIMED_OUT", f"the brokers did not take the batch within {_GIVE_UP_AFTER_S:.0f} s")

    def _produce(self, part: Outgoing, delivered: Delivered | None) -> None:
        if part.single:
            for record in part.records:
                produce_one(self._producer, part.topic, record, partition=part.partition, delivered=delivered)
        else:
            produce_many(self._producer, part.topic, part.records, partition=part.partition, delivered=delivered)

    def _retry(
        self, call: Callable[[], object], *, abort: bool = True, give_up_after: float = _GIVE_UP_AFTER_S
    ) -> None:
        """Calls until it works. Retriable errors are tried again, abortable ones roll back, fatal ones end the producer."""
        give_up_at = time.monotonic() + give_up_after
        while True:
            try:
                call()
            except KafkaException as failure:
                error: KafkaError = failure.args[0]
                if error.fatal():
                    raise TransactionFatal(error.name(), error.str()) from failure
                if error.txn_requires_abort() and abort:
                    self._abort_for(error)
                if not error.retriable() or time.monotonic() > give_up_at:
                    if abort:
                        self._abort_for(error)
                    raise TransactionFatal(error.name(), error.str()) from failure
                time.sleep(_PAUSE_S)
            else:
                return

    def _abort_for(self, error: KafkaError) -> NoReturn:
        if error.fatal():
            raise TransactionFatal(error.name(), error.str())
        if error.code() == KafkaError._STATE:  # librdkafka's own codes are named so
            error = self._root(error)
        self._abort(error.name(), error.str())

    def _root(self, state: KafkaError) -> KafkaError:
        """What was refused before the client answered with an erroneous state. A transaction in that state cannot be committed,
        and whoever tries is told the reason."""
        try:
            self._producer.commit_transaction(_CALL_TIMEOUT_S)
        except KafkaException as error:
            root: KafkaError = error.args[0]
            return root
        raise TransactionFatal(state.name(), state.str())

    def _abort(self, cause: str, detail: str) -> NoReturn:
        self._retry(lambda: self._producer.abort_transaction(_CALL_TIMEOUT_S), abort=False)
        raise TransactionAborted(cause, detail)
