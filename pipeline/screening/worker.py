"""The worker: reads claims in batches, judges them, and commits each batch exactly once.

While one batch is being committed on a thread of its own, the next is read and judged. At most one batch is in commit and
one waits behind it. Whenever partitions go away, the batch in commit is finished first; whenever a transaction is rolled
back, everything read since the last commit is read again.
"""

from __future__ import annotations

import datetime as dt
import gc
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from pipeline.kafka.records import headers, key, place
from pipeline.kafka.transactions import ReadUpTo, TransactionAborted, TransactionFatal
from pipeline.screening.gate import Gate, Judged, Ruled
from pipeline.screening.status import status_page
from pipeline.screening.transaction import Output, TransactionalSink
from pipeline.screening.view import StandingView
from pipeline.settings.model import Settings, StalenessPolicy
from pipeline.telemetry.gate_metrics import GateMetrics
from pipeline.telemetry.logs import logger
from pipeline.web.server import StatusServer
from rules.packs.pack import PackSet
from topics.catalogue import CLAIMS, MAX_DEAD_LETTER_BYTES
from topics.claims.codec import ClaimError
from topics.dead_letters import Code, enclose

_LAG_EVERY_S = 1.0
_COLLECT_EVERY = 200_000
"""Allocations between garbage collections. A batch makes tens of thousands of short-lived objects and no cycles; at Python's
default of 700 the collector took a fifth of the worker's time (measured)."""
_LONGEST_PAUSE_S = 5.0
_MOST_NEW_PRODUCERS = 5
_COMMIT_WITHIN_S = 15.0
_ASK_TIMEOUT_S = 5.0


class WorkerError(RuntimeError):
    """The worker cannot go on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class _Records:
    """Records of one poll, with their places."""

    messages: list[Message]
    partitions: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]

    def next_offsets(self) -> list[TopicPartition]:
        """Where each partition goes on behind these records."""
        return [
            TopicPartition(CLAIMS.name, partition, int(self.offsets[self.partitions == partition][-1]) + 1)
            for partition in np.unique(self.partitions).tolist()
        ]


@dataclass(frozen=True, slots=True)
class _Batch:
    """Records as they came and what was ruled on them, under which generation and ownership."""

    records: _Records
    ruled: Ruled
    generation: object
    epoch: int
    rule_seconds: float


@dataclass(frozen=True, slots=True)
class _Commit:
    batch: _Batch
    judged: Judged
    write_seconds: float
    commit_seconds: float


class Worker:
    """One process of the gate. `run` returns when `stop` was called and everything judged is committed."""

    def __init__(self, settings: Settings, packs: PackSet) -> None:
        self.settings = settings
        self.instance = settings.unique_instance()
        self.metrics = GateMetrics()
        self.gate = Gate(packs)
        self._log = logger(component="worker", instance=self.instance)
        self._stopping = False
        self._ready = False
        self._loaded = 0
        self._epoch = 0
        self._rewind_needed = False
        self._aborts_in_a_row = 0
        self._owned: set[int] = set()
        self._next: dict[int, int] = {}
        self._committing: Future[_Commit] | None = None
        self._lag_due = 0.0
        self._held = False
        self._paused: set[int] = set()
        self.view = StandingView(settings, self.gate.index, self.metrics)
        self._consumer = Consumer(
            settings.client(
                group__id=settings.group_id,
                enable__auto__commit=False,
                enable__auto__offset__store=False,
                auto__offset__reset="earliest",
                isolation__level="read_committed",
                partition__assignment__strategy="cooperative-sticky",
                session__timeout__ms=settings.session_timeout_ms,
                heartbeat__interval__ms=max(300, settings.session_timeout_ms // 4),
                queued__min__messages=settings.batch_max_claims * 4,
                queued__max__messages__kbytes=131_072,
                fetch__queue__backoff__ms=10,
            )
        )
        self._sink = TransactionalSink(settings, self.instance, lambda: self._epoch)
        self.metrics.info.info(
            {
                "version": version("claims-screening"),
                "instance": self.instance,
                "packs": ",".join(pack.name for pack in packs.packs),
            }
        )
        self._status = status_page(self.metrics, self._is_ready, packs, version("claims-screening"))
        self.pages = StatusServer(
            **settings.pages(),
            registry=self.metrics.registry,
            healthy=self._healthy,
            ready=self._is_ready,
            home=self._status,
        )

    # -- life ---------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Asks the worker to finish what it has judged and leave. Safe to call from a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Loads the register, then judges until stopped. Raises WorkerError, ViewError or TransactionFatal."""
        try:
            self._log.info("worker_started", metrics=f"http://{self.pages.host}:{self.pages.port}/metrics")
            started = time.monotonic()
            gc.set_threshold(_COLLECT_EVERY, 50, 100)
            if not self._load_view():
                return
            self._log.info(
                "standing_view_loaded",
                physicians=len(self.gate.index),
                institutions=self.gate.index.institutions,
                seconds=round(time.monotonic() - started, 3),
            )
            gc.collect()
            gc.freeze()
            if not len(self.gate.index):
                self._log.warning("register_is_empty", consequence="every physician counts as unregistered")
            self._sink.start()
            self._consumer.subscribe(
                [CLAIMS.name], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
            )
            self._set_ready(ready=True)
            while not self._stopping:
                self._turn()
            self._settle()
        finally:
            self._leave()

    def _load_view(self) -> bool:
        def progress(read: int) -> None:
            self._loaded = read

        if not self.view.load(lambda: self._stopping, progress):
            return False
        while len(self.gate.index) < self.settings.min_standings:
            if self._stopping:
                return False
            self.view.refresh()
            time.sleep(0.05)
        return True

    def _leave(self) -> None:
        self._set_ready(ready=False)
        self._consumer.close()
        self.view.close()
        self.pages.close()
        self._status.close()
        self._log.info("worker_stopped")

    # -- one turn -----------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        """Refresh the register, read a batch, judge it, hand it to the committer."""
        self.view.refresh()
        stale = self._is_stale()
        self._hold(on=stale and self.settings.staleness_policy is StalenessPolicy.HOLD)
        messages = self._consumer.consume(self.settings.batch_max_claims, self.settings.batch_max_wait_ms / 1000)
        if self._held and any(message.error() is None for message in messages):
            # Fetched before the pause took hold; a gate that holds judges nothing.
            self._rewind_needed = True
        if self._rewind_needed:
            self._rewind()
            return
        records = self._fresh(messages)
        if records.messages:
            batch = self._rule(records, stale=stale and self.settings.staleness_policy is StalenessPolicy.REVIEW)
            if self._settle() and batch.epoch == self._epoch:
                self._committing = self._begin_commit(batch)
        elif self._committing is not None and self._committing.done():
            self._settle()
        self._publish_lag()

    def _fresh(self, messages: list[Message]) -> _Records:
        """Records to judge: of partitions that are owned now, and each offset once."""
        good = [message for message in messages if message.error() is None]
        if len(good) < len(messages):
            for error in filter(None, (message.error() for message in messages)):
                self._read_failed(error)
        partitions = np.array([message.partition() for message in good], np.int32)
        offsets = np.array([message.offset() for message in good], np.int64)
        fresh = self._advance(partitions, offsets)
        if fresh.all():
            return _Records(good, partitions, offsets)
        return _Records([good[row] for row in np.flatnonzero(fresh)], partitions[fresh], offsets[fresh])

    def _advance(self, partitions: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which of the records are new; moves on past them."""
        fresh = np.zeros(len(partitions), np.bool_)
        for partition in np.unique(partitions).tolist():
            if partition not in self._owned:
                continue
            rows = np.flatnonzero(partitions == partition)
            seen = np.maximum.accumulate(np.concatenate(([self._next.get(partition, 0) - 1], offsets[rows])))
            fresh[rows] = offsets[rows] > seen[:-1]
            self._next[partition] = int(seen[-1]) + 1
        return fresh

    def _read_failed(self, error: KafkaError) -> None:
        if error.fatal():
            raise WorkerError(f"the consumer cannot go on: {error.name()}: {error.str()}")
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            self._log.error("claims_topic_missing", advice="create it with `screening topics apply`")
            time.sleep(1.0)
            return
        self._log.warning("claims_read_failed", error=error.str())

    def _rule(self, records: _Records, *, stale: bool) -> _Batch:
        started = time.monotonic()
        ruled = self.gate.rule([message.value() for message in records.messages], stale=stale)
        return _Batch(records, ruled, self._consumer.consumer_group_metadata(), self._epoch, time.monotonic() - started)

    def _begin_commit(self, batch: _Batch) -> Future[_Commit]:
        """Commits on a thread of its own, one that may be left behind: librdkafka 2.16 has waits that never end."""
        answer: Future[_Commit] = Future()
        sink = self._sink

        def commit() -> None:
            try:
                answer.set_result(self._commit(batch, sink))
            except BaseException as error:
                answer.set_exception(error)

        threading.Thread(target=commit, name="commit", daemon=True).start()
        return answer

    def _commit(self, batch: _Batch, sink: TransactionalSink) -> _Commit:
        """Runs on the committing thread: writes the batch out and commits it."""
        started = time.monotonic()
        records = batch.records
        judged = self.gate.write(
            batch.ruled,
            topic=CLAIMS.name,
            partitions=records.partitions,
            offsets=records.offsets,
            screened_at=_now(),
        )
        written = time.monotonic()
        sink.commit(
            Output(
                verdicts=judged.verdicts,
                cases=judged.cases,
                dead_letters=[
                    _dead_letter(records.messages[letter.row], letter.error) for letter in judged.dead_letters
                ],
                read=ReadUpTo(records.next_offsets(), batch.generation),
                epoch=batch.epoch,
            )
        )
        return _Commit(batch, judged, written - started, time.monotonic() - written)

    def _settle(self) -> bool:
        """Waits for the batch in commit. Returns False when it was rolled back: all that was read since is void."""
        if self._committing is None:
            return True
        committing, self._committing = self._committing, None
        try:
            self._record(committing.result(_COMMIT_WITHIN_S))
        except TimeoutError:
            # After a broker restart librdkafka 2.16 can wait for ever for the group's coordinator to take the offsets,
            # whatever its time limit (found by the crash test). A new producer of the same name fences the old one.
            self._replace_sink(TransactionFatal("commit_stuck", f"no answer within {_COMMIT_WITHIN_S:.0f} s"))
            return False
        except TransactionAborted as aborted:
            self._aborts_in_a_row += 1
            self._epoch += 1
            self._rewind_needed = True
            self.metrics.aborted.labels(aborted.cause).inc()
            self._log.warning("transaction_aborted", cause=aborted.cause, detail=str(aborted))
            return False
        except TransactionFatal as fatal:
            self.metrics.aborted.labels(fatal.cause).inc()
            self._replace_sink(fatal)
            return False
        self._aborts_in_a_row = 0
        return True

    def _replace_sink(self, fatal: TransactionFatal) -> None:
        """Begins anew with another producer of the same name; what became of the last transaction the brokers will tell.

        Brokers that went away and came back can leave a producer in a state that only a new one gets out of. Raises the
        error when that is no way out: another process has taken the name, or it keeps happening.
        """
        self._aborts_in_a_row += 1
        if fatal.fenced or self._aborts_in_a_row > _MOST_NEW_PRODUCERS:
            raise fatal
        self._log.warning("producer_replaced", cause=fatal.cause, detail=str(fatal))
        self._epoch += 1
        self._rewind_needed = True
        self._sink = TransactionalSink(self.settings, self.instance, lambda: self._epoch)
        self._sink.start()

    def _rewind(self) -> None:
        """Goes back to the last committed offsets of every partition that is owned."""
        self._rewind_needed = False
        if self._aborts_in_a_row > 1:
            time.sleep(min(_LONGEST_PAUSE_S, 0.1 * 2 ** min(self._aborts_in_a_row, 10)))
        if not self._owned:
            return
        try:
            for partition, start in self._committed_offsets(self._owned).items():
                self._consumer.seek(TopicPartition(CLAIMS.name, partition, start))
                self._next[partition] = start
        except KafkaException as error:
            self._log.warning("rewind_failed", error=error.args[0].str())
            self._rewind_needed = True
            self._aborts_in_a_row += 1

    def _first_offset(self, partition: int) -> int:
        first, _ = self._consumer.get_watermark_offsets(
            TopicPartition(CLAIMS.name, partition), timeout=_ASK_TIMEOUT_S, cached=False
        )
        return int(first)

    # -- ownership ----------------------------------------------------------------------------------------------

    def _on_assign(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        # Where to start is asked for here and told to the consumer. Left to find it itself, librdkafka 2.16 starts at the
        # topic's first record when the assignment changes while a dead worker's open transaction still hides the committed
        # offset: everything would be judged again (found by the crash test).
        starts = self._starts([taken.partition for taken in places])
        if starts:
            consumer.incremental_assign([TopicPartition(CLAIMS.name, *start) for start in starts.items()])
        self._owned.update(starts)
        self._next.update(starts)
        if self._held:
            self._pause(set(starts))
        self._owned_changed("partitions_assigned", places)

    def _starts(self, partitions: list[int]) -> dict[int, int]:
        """The committed offset of each partition, its first record where there is none. Asks until the brokers can tell.

        Empty when the worker is to stop before that.
        """
        told = False
        while partitions and not self._stopping:
            try:
                return self._committed_offsets(partitions)
            except KafkaException as error:
                if not told:
                    told = True
                    self._log.warning("assignment_waits", partitions=sorted(partitions), error=error.args[0].str())
                time.sleep(0.1)
        return {}

    def _committed_offsets(self, partitions: Iterable[int]) -> dict[int, int]:
        offsets = {}
        places = [TopicPartition(CLAIMS.name, partition) for partition in partitions]
        for committed in self._consumer.committed(places, timeout=_ASK_TIMEOUT_S):
            if committed.error is not None:
                raise KafkaException(committed.error)
            known = committed.offset >= 0
            offsets[committed.partition] = committed.offset if known else self._first_offset(committed.partition)
        return offsets

    def _on_revoke(self, _consumer: Consumer, places: list[TopicPartition]) -> None:
        # The group waits for this callback, so what is in commit is finished under the old ownership.
        self._settle()
        self._give_up(places)
        self._owned_changed("partitions_revoked", places)

    def _on_lost(self, _consumer: Consumer, places: list[TopicPartition]) -> None:
        # Others may own them already: nothing read so far may be committed any more.
        self._epoch += 1
        self._settle()
        self._give_up(places)
        self._rewind_needed = True
        self._owned_changed("partitions_lost", places)

    def _give_up(self, places: list[TopicPartition]) -> None:
        # A paused partition would still be paused if it ever came back.
        self._resume(self._paused & {given.partition for given in places})
        for given in places:
            self._owned.discard(given.partition)
            self._next.pop(given.partition, None)
            self._forget_lag(given.partition)

    def _owned_changed(self, event: str, places: list[TopicPartition]) -> None:
        self.metrics.partitions.set(len(self._owned))
        self._log.info(event, partitions=sorted(one.partition for one in places), owned=sorted(self._owned))

    # -- state for people ---------------------------------------------------------------------------------------

    def _is_stale(self) -> bool:
        return self.view.staleness() > self.settings.staleness_limit_s

    def _hold(self, *, on: bool) -> None:
        """Stops or restarts reading claims, without leaving the group."""
        if on:
            self._pause(self._owned - self._paused)
        else:
            self._resume(self._paused)
        if on != self._held:
            self._held = on
            self.metrics.held.set(on)
            self._log.warning("gate_held" if on else "gate_released", staleness_seconds=round(self.view.staleness(), 1))

    def _pause(self, partitions: set[int]) -> None:
        if partitions:
            self._consumer.pause([TopicPartition(CLAIMS.name, partition) for partition in partitions])
            self._paused |= partitions

    def _resume(self, partitions: set[int]) -> None:
        if partitions:
            self._consumer.resume([TopicPartition(CLAIMS.name, partition) for partition in partitions])
            self._paused -= partitions

    def _set_ready(self, *, ready: bool) -> None:
        self._ready = ready
        self.metrics.ready.set(ready)
        self._log.info("worker_ready" if ready else "worker_not_ready")

    def _healthy(self) -> tuple[bool, dict[str, Any]]:
        return True, {"instance": self.instance, "stopping": self._stopping}

    def _is_ready(self) -> tuple[bool, dict[str, Any]]:
        staleness = self.view.staleness()
        # Without brokers the turn waits for its commit and does not get to hold; a probe must be told all the same.
        held = self._held or (self._is_stale() and self.settings.staleness_policy is StalenessPolicy.HOLD)
        return self._ready and not held, {
            "instance": self.instance,
            "physicians": len(self.gate.index),
            "institutions": self.gate.index.institutions,
            "standing_records_read": self._loaded,
            "standing_staleness_seconds": None if staleness == float("inf") else round(staleness, 3),
            "held": held,
            "partitions": sorted(self._owned),
        }

    def _record(self, commit: _Commit) -> None:
        """Publishes what a committed batch came to: one event, one set of metrics."""
        batch, judged = commit.batch, commit.judged
        messages = batch.records.messages
        judge_seconds = batch.rule_seconds + commit.write_seconds
        metrics = self.metrics
        for region, disposition, reason, exempted, claims, charged, reversed_ in judged.tally.iter_rows():
            metrics.claims.labels(metrics.region(region), disposition, reason).inc(claims)
            metrics.fund_amount.labels(disposition, "charge").inc(charged)
            metrics.fund_amount.labels(disposition, "reversal").inc(reversed_)
            if exempted is not None:
                metrics.exempted.labels(exempted, reason).inc(claims)
        metrics.institutions.add(judged.institutions)
        for kind, count in judged.dead_by_kind.items():
            metrics.dead_letters.labels(kind).inc(count)
        for form, count in judged.code_forms.items():
            metrics.national_codes.labels(form).inc(count)
        metrics.cases.inc(len(judged.cases))
        metrics.committed.inc()
        metrics.batch_claims.observe(len(messages))
        metrics.judge_seconds.observe(judge_seconds)
        metrics.commit_seconds.observe(commit.commit_seconds)
        stamps = np.array([message.timestamp()[1] for message in messages], np.float64)
        metrics.latency.observe(np.maximum(0.0, time.time() - stamps / 1000))
        self._log.info(
            "batch_committed",
            records=len(messages),
            verdicts=len(judged.verdicts),
            cases=len(judged.cases),
            dead_letters=len(judged.dead_letters),
            judge_ms=round(judge_seconds * 1000, 1),
            commit_ms=round(commit.commit_seconds * 1000, 1),
        )

    def _publish_lag(self) -> None:
        now = time.monotonic()
        if now < self._lag_due:
            return
        self._lag_due = now + _LAG_EVERY_S
        for partition in self._owned:
            try:
                _, end = self._consumer.get_watermark_offsets(TopicPartition(CLAIMS.name, partition), cached=True)
            except KafkaException:
                continue  # nothing was fetched from the partition yet; the next second knows more
            if end >= 0:
                self.metrics.lag.labels(str(partition)).set(max(0, end - self._next.get(partition, end)))

    def _forget_lag(self, partition: int) -> None:
        try:
            self.metrics.lag.remove(str(partition))
        except KeyError:
            return  # it was owned too briefly to have been measured


def _dead_letter(message: Message, error: ClaimError) -> dict[str, Any]:
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
        limit=MAX_DEAD_LETTER_BYTES,
    )
    return {"key": letter.key, "value": letter.value, "headers": letter.headers}


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
