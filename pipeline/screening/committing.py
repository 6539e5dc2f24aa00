"""Committing: at most one batch is in commit, on a thread of its own, while the next is read and ruled on."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

from confluent_kafka import Message

from pipeline.kafka.diagnostics import CLOCK_REFUSED, clock_refused
from pipeline.kafka.patience import apart
from pipeline.kafka.producing import Record
from pipeline.kafka.records import headers, key, place
from pipeline.kafka.transactions import (
    BATCH_BYTES,
    BEHIND_ONE_TOO_LARGE,
    TOO_LARGE,
    Objection,
    TransactionAborted,
    TransactionFatal,
)
from pipeline.screening import events
from pipeline.screening.batches import Batch, Commit, Records, Refusal
from pipeline.screening.gate import Gate
from pipeline.screening.transaction import Output, TransactionalSink
from pipeline.settings.model import Settings
from pipeline.telemetry.events import Teller
from pipeline.telemetry.gate_metrics import GateMetrics
from pipeline.telemetry.logs import logger
from topics.catalogue import CLAIMS, CLAIMS_DEAD_LETTER, MAX_DEAD_LETTER_BYTES
from topics.claims.codec import ClaimError
from topics.dead_letters import LEAST_LETTER_BYTES, Code, enclose
from topics.fields import utc_text

_MOST_NEW_PRODUCERS = 5
_COMMIT_WITHIN_S = 15.0
_ABORTS_OF_ONE_CAUSE = 3
"""After so many aborts in a row for the same cause another producer may be the way out."""
_FORGOTTEN = {"INVALID_PRODUCER_ID_MAPPING", "UNKNOWN_PRODUCER_ID"}
"""The brokers forget the transactional id of a producer that wrote nothing for a week; its client does not ask for a new one."""
_LEAST_BATCH_BYTES = 16 * 1024


class Committer:
    """Encodes and commits batches. All methods belong to the reading thread; the work itself has a thread of its own.

    `forget` is called when a transaction was rolled back: all that was read since the last commit is void. `give_back` takes,
    in their order, the parts of a batch that was too large for the brokers, to be ruled on and committed one after the other.
    `same_topic` begins to ask whether the topic of this id is still the one of claims; its answer is waited for before a commit.
    """

    def __init__(
        self,
        settings: Settings,
        gate: Gate,
        metrics: GateMetrics,
        instance: str,
        *,
        epoch: Callable[[], int],
        forget: Callable[[], None],
        give_back: Callable[[list[Records]], None],
        committed: Callable[[Commit], None],
        same_topic: Callable[[str | None], Callable[[], Objection | None]],
    ) -> None:
        self._settings, self._gate, self._instance = settings, gate, instance
        self._epoch, self._forget, self._give_back, self._committed = epoch, forget, give_back, committed
        self._same_topic = same_topic
        self._teller = Teller(logger(component="worker", instance=instance), metrics)
        self._committing: tuple[Batch, Future[Commit]] | None = None
        self._overdue_at = 0.0
        self.failures = 0
        self._last_cause = ("", 0)
        self._letter_bytes = MAX_DEAD_LETTER_BYTES
        self._batch_bytes = BATCH_BYTES
        self._clock_refused: str | None = None
        self._letter_refused: str | None = None
        self._sink = TransactionalSink(settings, instance, epoch)

    def start(self) -> None:
        """Takes over the instance's transactional id. Raises TransactionFatal."""
        self._sink.start()

    @property
    def trouble(self) -> str | None:
        """What keeps records from being committed for good, in words for people; None when nothing does."""
        return self._clock_refused or self._letter_refused

    @property
    def idle(self) -> bool:
        """Whether nothing is in commit, or what is has come to its end, or has taken so long that it may never come to one."""
        return self._committing is None or self._committing[1].done() or time.monotonic() > self._overdue_at

    @property
    def busy(self) -> bool:
        """Whether a batch was handed over that is not settled."""
        return self._committing is not None

    def begin(self, batch: Batch) -> None:
        """Commits a batch on a thread of its own."""
        sink = self._sink
        self._overdue_at = time.monotonic() + _COMMIT_WITHIN_S
        self._committing = batch, apart(lambda: self._commit(batch, sink), "commit")

    def _commit(self, batch: Batch, sink: TransactionalSink) -> Commit:
        """Runs on the committing thread: writes the batch out and commits it."""
        # If the topic was made again before the batch was read, its places are others than their numbers say. The brokers answer
        # while the batch is written.
        objection = self._same_topic(batch.topic_id)
        started = time.monotonic()
        records = batch.records
        judged = self._gate.write(
            batch.ruled,
            topic=CLAIMS.name,
            partitions=records.partitions,
            offsets=records.offsets,
            screened_at=_now(),
            topic_id=batch.topic_id,
        )
        written = time.monotonic()
        sink.commit(
            Output(
                verdicts=judged.verdicts,
                cases=judged.cases,
                dead_letters=[
                    _dead_letter(records.messages[letter.row], letter.error, self._letter_bytes, batch.topic_id)
                    for letter in judged.dead_letters
                ],
                read=batch.read,
                epoch=batch.epoch,
                objection=objection,
            )
        )
        return Commit(batch, judged, written - started, time.monotonic() - written)

    def settle(self) -> bool:
        """Waits for the batch in commit. Returns False when it was rolled back: all that was read since is void, or waits
        behind the parts that were given back.

        Raises TransactionFatal when no new producer is a way out.
        """
        if self._committing is None:
            return True
        (batch, answer), self._committing = self._committing, None
        try:
            commit = answer.result(_COMMIT_WITHIN_S)
        except TimeoutError:
            # After a broker restart librdkafka 2.16 can wait for ever for the group's coordinator to take the offsets,
            # whatever its time limit (found by the crash test). A new producer of the same name fences the old one.
            stuck = TransactionFatal("commit_stuck", f"no answer within {_COMMIT_WITHIN_S:.0f} s")
            self._teller.tell(events.TransactionAborted(stuck.cause, str(stuck)))
            self._replace_sink(stuck)
            return False
        except TransactionAborted as aborted:
            self._teller.tell(events.TransactionAborted(aborted.cause, str(aborted)))
            if self._taken_apart(batch, aborted):
                return False
            self.failures += 1
            self._forget()
            self._look_at(aborted)
            return False
        except TransactionFatal as fatal:
            self._teller.tell(events.TransactionAborted(fatal.cause, str(fatal)))
            self._replace_sink(fatal)
            return False
        self.failures, self._clock_refused, self._last_cause = 0, None, ("", 0)
        self._settled(commit)
        return True

    def _settled(self, commit: Commit) -> None:
        """Tells what was committed, and what the brokers had refused of it before."""
        self._committed(commit)
        records = commit.batch.records
        if commit.judged.dead_letters:
            self._letter_refused = None
        if records.unwritable is not None:
            _, partition, offset = place(records.messages[0])
            self._teller.tell(events.ClaimNotWritable(partition, offset, records.unwritable))
        refusal = records.refusal
        if refusal is None:
            return
        refusal.left -= len(records.messages)
        if not (refusal.left or refusal.one_to_blame) and self._batch_bytes > _LEAST_BATCH_BYTES:
            # A topic's limit is for all that is sent at once. No record is too large for it, but so many together are.
            self._batch_bytes = max(_LEAST_BATCH_BYTES, self._batch_bytes // 4)
            self._teller.tell(events.LessSentAtOnce(self._batch_bytes))
            self._begin_anew()

    def _taken_apart(self, batch: Batch, aborted: TransactionAborted) -> bool:
        """Gives a batch back in parts when it was too large for the brokers; what they refuse alone costs itself.

        False when that is no way out: for another cause, or when not even the shortest dead letter is taken.
        """
        records = batch.records
        alone = len(records.messages) == 1
        if aborted.cause != TOO_LARGE and (alone or aborted.cause != BEHIND_ONE_TOO_LARGE):
            return False
        refusal = records.refusal or Refusal(len(records.messages))
        if not alone:
            self._go_on_with(records.halves(refusal))
            return True
        refusal.one_to_blame = True
        if not batch.ruled.dead_letters:
            why = f"the brokers do not take the verdict or the case of this claim: {aborted}"
            self._go_on_with([replace(records, refusal=refusal, unwritable=why)])
            return True
        if self._letter_bytes > LEAST_LETTER_BYTES:
            # A cluster whose topic takes less than the catalogue says. The record costs its letter's length, not the partition.
            self._letter_bytes = max(LEAST_LETTER_BYTES, self._letter_bytes // 4)
            self._teller.tell(events.DeadLettersCutShorter(self._letter_bytes))
            self._go_on_with([replace(records, refusal=refusal)])
            return True
        name = CLAIMS_DEAD_LETTER.prefixed(self._settings.output_prefix).name
        self._letter_refused = (
            f"the brokers refuse a dead letter of {LEAST_LETTER_BYTES} bytes; raise max.message.bytes of {name}"
        )
        self._teller.tell(events.DeadLetterRefused(self._letter_refused))
        return False

    def _go_on_with(self, parts: list[Records]) -> None:
        """Gives parts back and goes on with another producer: behind a record that was too large this one has lost count, and the
        next part would be refused for that. Raises TransactionFatal."""
        self._begin_anew()
        self._give_back(parts)

    def _look_at(self, aborted: TransactionAborted) -> None:
        """Names what is known of a cause; after several aborts of one cause begins anew with another producer."""
        cause, times = self._last_cause
        times = times + 1 if cause == aborted.cause else 1
        self._last_cause = (aborted.cause, times)
        if aborted.cause == CLOCK_REFUSED:
            self._clock_refused = clock_refused()
            self._teller.tell(events.ClockRefused(self._clock_refused))
        if aborted.cause in _FORGOTTEN or (times % _ABORTS_OF_ONE_CAUSE == 0 and aborted.cause != "partitions_lost"):
            self._teller.tell(events.ProducerReplaced(aborted.cause, str(aborted)))
            self._begin_anew()

    def _replace_sink(self, fatal: TransactionFatal) -> None:
        """Begins anew with another producer of the same name; what became of the last transaction the brokers will tell.

        Brokers that went away and came back can leave a producer in a state that only a new one gets out of. Raises the
        error when that is no way out: another process has taken the name, or it keeps happening.
        """
        self.failures += 1
        if fatal.fenced or self.failures > _MOST_NEW_PRODUCERS:
            raise fatal
        self._teller.tell(events.ProducerReplaced(fatal.cause, str(fatal)))
        self._forget()
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Goes on with another producer of the same name. Raises TransactionFatal."""
        self._sink = TransactionalSink(self._settings, self._instance, self._epoch, self._batch_bytes)
        self._sink.start()


def _dead_letter(message: Message, error: ClaimError, limit: int, topic_id: str | None) -> Record:
    topic, partition, offset = place(message)
    letter = enclose(
        Code(error.kind),
        error.reason,
        topic=topic,
        partition=partition,
        offset=offset,
        key=key(message),
        value=message.value(),
        headers=headers(message),
        limit=limit,
        topic_id=topic_id,
    )
    return {"key": letter.key, "value": letter.value, "headers": letter.headers}


def _now() -> str:
    return utc_text(dt.datetime.now(dt.UTC))
