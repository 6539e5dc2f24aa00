"""One transaction a batch: verdicts, cases, dead letters and input offsets become visible together or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from pipeline.settings.model import Settings
from topics.catalogue import CLAIM_CASES, CLAIM_VERDICTS, CLAIMS_DEAD_LETTER, MAX_DEAD_LETTER_BYTES

_CALL_TIMEOUT_S = 5.0
_GIVE_UP_AFTER_S = 10.0
"""A call that has not worked by then is rolled back; the batch is merely read again."""
_START_WITHIN_S = 300.0
_PAUSE_S = 0.1


class TransactionAborted(Exception):
    """The transaction was rolled back; nothing of the batch is visible. The batch must be read again."""

    def __init__(self, cause: str, detail: str) -> None:
        self.cause = cause
        super().__init__(f"{cause}: {detail}")


_FENCED = {"_FENCED", "PRODUCER_FENCED", "INVALID_PRODUCER_EPOCH", "FENCED_INSTANCE_ID"}


class TransactionFatal(Exception):
    """The producer can do nothing more. `fenced`: because another process runs under the same instance name."""

    def __init__(self, cause: str, detail: str) -> None:
        self.cause = cause
        self.fenced = cause in _FENCED
        super().__init__(f"{cause}: {detail}")


@dataclass(frozen=True, slots=True)
class Output:
    """What one batch writes. Dead letters carry key, value and headers as one keyword mapping each.

    `generation` is the consumer's group metadata at the time of reading. It is taken on the reading thread: asked from
    another thread it waits behind the reader's polls, for seconds (measured).
    """

    verdicts: list[dict[str, Any]]
    cases: list[dict[str, Any]]
    dead_letters: list[dict[str, Any]]
    offsets: list[TopicPartition]
    generation: object
    epoch: int


class TransactionalSink:
    """Writes outputs. `commit` may run on another thread than the one that made the sink, but only on one at a time.

    `epoch` answers the current ownership epoch; an output of an older epoch is not written, because its partitions may
    by now belong to another worker.
    """

    def __init__(self, settings: Settings, instance: str, epoch: Callable[[], int]) -> None:
        self._epoch = epoch
        self._verdicts = CLAIM_VERDICTS.prefixed(settings.output_prefix).name
        self._cases = CLAIM_CASES.prefixed(settings.output_prefix).name
        self._dead_letters = CLAIMS_DEAD_LETTER.prefixed(settings.output_prefix).name
        self._producer = Producer(
            settings.client(
                transactional__id=f"{settings.group_id}-{settings.output_prefix}{instance}",
                transaction__timeout__ms=settings.transaction_timeout_ms,
                enable__idempotence=True,
                partitioner="murmur2_random",
                linger__ms=1,
                compression__type="lz4",
                batch__size=1_000_000,
                message__max__bytes=MAX_DEAD_LETTER_BYTES,
                queue__buffering__max__messages=1_000_000,
                queue__buffering__max__kbytes=1_048_576,
            )
        )

    def start(self) -> None:
        """Takes over the instance name: fences any earlier producer of that name and finishes its transaction.

        Raises TransactionFatal when that is not possible.
        """
        self._retry(
            lambda: self._producer.init_transactions(_CALL_TIMEOUT_S), abort=False, give_up_after=_START_WITHIN_S
        )

    def commit(self, output: Output) -> None:
        """Writes one batch and its offsets.

        1. begin  2. produce  3. offsets, under the group's current generation  4. commit.
        A crash at any point leaves either everything or nothing to read_committed readers.
        Raises TransactionAborted (rolled back, read again) or TransactionFatal (this producer is done for).
        """
        # 1. begin
        self._retry(self._producer.begin_transaction)
        # 2. produce
        self._produce(self._verdicts, output.verdicts)
        self._produce(self._cases, output.cases)
        for letter in output.dead_letters:
            self._produce_one(letter)
        # 3. offsets. The generation is the one under which the batch was read: if the partitions have been given to
        # another worker since, the brokers refuse it.
        if self._epoch() != output.epoch:
            self._abort("partitions_lost", "ownership changed while the batch was judged")
        self._retry(
            lambda: self._producer.send_offsets_to_transaction(output.offsets, output.generation, _CALL_TIMEOUT_S)
        )
        # 4. commit
        self._retry(lambda: self._producer.commit_transaction(_CALL_TIMEOUT_S))

    def _produce(self, topic: str, messages: list[dict[str, Any]]) -> None:
        while messages:
            try:
                if self._producer.produce_batch(topic, messages) == len(messages):
                    return
            except BufferError:
                self._producer.poll(_PAUSE_S)
                continue
            except KafkaException as error:
                self._abort_for(error.args[0])
            messages = self._refused(messages)

    def _refused(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Messages that the local queue did not take and that may be offered again."""
        again = []
        for message in messages:
            error: KafkaError | None = message.pop("_error", None)
            if error is None:
                continue
            if error.code() != KafkaError._QUEUE_FULL:  # librdkafka's own codes are named so
                self._abort_for(error)
            again.append(message)
        if again:
            self._producer.poll(_PAUSE_S)
        return again

    def _produce_one(self, letter: dict[str, Any]) -> None:
        while True:
            try:
                self._producer.produce(self._dead_letters, **letter)
            except BufferError:
                self._producer.poll(_PAUSE_S)
            except KafkaException as error:
                self._abort_for(error.args[0])
            else:
                return

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
        self._abort(error.name(), error.str())

    def _abort(self, cause: str, detail: str) -> NoReturn:
        self._retry(lambda: self._producer.abort_transaction(_CALL_TIMEOUT_S), abort=False)
        raise TransactionAborted(cause, detail)
