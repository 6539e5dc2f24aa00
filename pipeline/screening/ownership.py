"""The partitions of claims that a worker owns, and where it stands in each of them.

Everything here runs on the thread that reads. Partitions come and go inside `read`, in Kafka's own callbacks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

import numpy as np
import numpy.typing as npt
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pipeline.kafka.diagnostics import ClusterError, is_final, words_of
from pipeline.kafka.offsets import Noted
from pipeline.kafka.patience import patiently, pause_after
from pipeline.kafka.reading import committed_only, is_end
from pipeline.kafka.records import place
from pipeline.screening import events
from pipeline.screening.batches import Records
from pipeline.screening.input_watch import InputWatch
from pipeline.screening.positions import Positions, Start
from pipeline.settings.model import Settings
from pipeline.telemetry.events import Teller
from pipeline.telemetry.gate_metrics import GateMetrics
from pipeline.telemetry.logs import logger
from topics.catalogue import CLAIMS

ASSIGNOR = "range"
"""An eager one: at each rebalance everybody gives everything back, and one round of the group is enough. A cooperative one needs
two for what moves, and the client (librdkafka 2.16) lets a second pass before it joins for the second."""
_HEARTBEAT_MS = 200
"""A member hears of a rebalance with its next heartbeat."""


class WorkerError(RuntimeError):
    """The worker cannot go on; the message says why and what to do."""


class Ownership:
    """Reads claims as a member of the group, each offset once.

    `epoch` grows whenever what was read so far may no longer be committed. `topic_id` is the id of the topic that is read (None:
    not told). `settle` is called before partitions are given up: it finishes what is in commit. `void` forgets what was read and
    is not handed over yet, and says whether there was any.
    """

    def __init__(
        self,
        settings: Settings,
        metrics: GateMetrics,
        instance: str,
        *,
        settle: Callable[[], object],
        void: Callable[[], bool],
        stopping: Callable[[], bool],
    ) -> None:
        self._metrics = metrics
        self._settle, self._void, self._stopping = settle, void, stopping
        self._teller = Teller(logger(component="worker", instance=instance), metrics)
        self.epoch = 0
        self.owned: set[int] = set()
        self.rewind_needed = False
        self._failures = 0
        self._next: dict[int, int] = {}
        self._done: dict[int, int] = {}
        self._reached: dict[int, int] = {}
        self._gone: dict[int, int] = {}
        self._gone_told: dict[int, int] = {}
        self._paused: set[int] = set()
        self._pausing = False
        self.topic_id: str | None = None
        self._fatal: KafkaError | None = None
        self.watch = InputWatch(settings, metrics, lambda: set(self.owned))
        options = committed_only(
            settings,
            settings.group_id,
            partition__assignment__strategy=ASSIGNOR,
            session__timeout__ms=settings.session_timeout_ms,
            heartbeat__interval__ms=min(_HEARTBEAT_MS, settings.session_timeout_ms // 4),
            queued__min__messages=settings.batch_max_claims * 4,
            queued__max__messages__kbytes=131_072,
            fetch__queue__backoff__ms=10,
        )
        self._consumer = Consumer({**options, "error_cb": self._heard})
        self._positions = Positions(settings, self._consumer, metrics)

    def join(self) -> None:
        """Joins the group."""
        self.watch.start()
        self._consumer.subscribe(
            [CLAIMS.name], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def leave(self) -> None:
        """Leaves the group; what is in commit is finished first."""
        self._consumer.close()
        self.watch.close()

    def generation(self) -> object:
        """The group's metadata, for a transaction. To be asked on the reading thread alone."""
        return self._consumer.consumer_group_metadata()

    # -- reading ------------------------------------------------------------------------------------------------

    def read(self, most: int, wait_s: float) -> Records:
        """Up to so many records of partitions that are owned now, each offset once. Raises WorkerError."""
        messages = self._consumer.consume(most, wait_s)
        if self._fatal is not None:
            raise WorkerError(_no_way_on(self._fatal))
        if self.watch.id is not None and self.topic_id not in (None, self.watch.id):
            self._settle()
            self.forget()
            messages = []  # of which of the two topics they are nobody knows
        good = [message for message in messages if message.error() is None]
        if len(good) < len(messages):
            for message, error in ((message, message.error()) for message in messages):
                if error is None:
                    continue
                if is_end(error):
                    # If a transaction's mark is the last thing there, the end lies behind it, and no record tells so.
                    self._reached[place(message)[1]] = place(message)[2]
                else:
                    self._read_failed(error)
        partitions = np.array([message.partition() for message in good], np.int32)
        offsets = np.array([message.offset() for message in good], np.int64)
        fresh = self._advance(partitions, offsets)
        stamps = np.array([message.timestamp()[1] for message in good], np.int64)
        if fresh.all():
            return Records(good, partitions, offsets, stamps)
        kept = [good[row] for row in np.flatnonzero(fresh)]
        return Records(kept, partitions[fresh], offsets[fresh], stamps[fresh])

    def _advance(self, partitions: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which of the records are new; moves on past them."""
        fresh = np.zeros(len(partitions), np.bool_)
        for partition in np.unique(partitions).tolist():
            if partition not in self.owned:
                continue
            rows = np.flatnonzero(partitions == partition)
            expected, low = self._next.get(partition, 0), self.watch.low.get(partition, 0)
            if low > expected and offsets[rows[0]] > expected:
                self._expired(partition, expected, min(low, int(offsets[rows[0]])))
            seen = np.maximum.accumulate(np.concatenate(([self._next.get(partition, 0) - 1], offsets[rows])))
            fresh[rows] = offsets[rows] > seen[:-1]
            self._next[partition] = int(seen[-1]) + 1
        return fresh

    def _read_failed(self, error: KafkaError) -> None:
        if is_final(error):
            raise WorkerError(_no_way_on(error))
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            self._teller.tell(events.ClaimsTopicNotFound())
            time.sleep(1.0)
            return
        self._teller.tell(events.ClaimsReadFailed(error.str()))

    def _heard(self, error: KafkaError) -> None:
        if is_final(error):
            self._fatal = error

    def _expired(self, partition: int, expected: int, low: int) -> None:
        """Records that were deleted by the topic's retention unread: told once, and kept with the offsets."""
        self._gone[partition] = self._gone.get(partition, 0) + low - expected
        self._tell_expired(partition, expected, low)

    def _tell_expired(self, partition: int, expected: int, low: int) -> None:
        expected = max(expected, self._gone_told.get(partition, 0))
        if expected >= low:
            return
        self._gone_told[partition] = low
        self._teller.tell(events.ClaimsExpiredUnread(partition, first=expected, records=low - expected))

    def committed(self, records: Records) -> None:
        """Notes what was committed, for the lag."""
        self._done.update((number, done) for number, done in records.next_offsets().items() if number in self.owned)

    def pause(self, *, on: bool) -> None:
        """Stops or restarts fetching, without leaving the group. Records fetched before may still come."""
        self._pausing = on
        if on:
            self._pause(self.owned - self._paused)
        else:
            self._resume(self._paused)

    def _pause(self, partitions: set[int]) -> None:
        if partitions:
            self._consumer.pause([TopicPartition(CLAIMS.name, partition) for partition in partitions])
            self._paused = self._paused | partitions

    def _resume(self, partitions: set[int]) -> None:
        if partitions:
            self._consumer.resume([TopicPartition(CLAIMS.name, partition) for partition in partitions])
            self._paused = self._paused - partitions

    # -- where to go on -----------------------------------------------------------------------------------------

    def forget(self) -> None:
        """What was read since the last commit is void: it will be read again."""
        self.epoch += 1
        self.rewind_needed = True
        self._void()

    def rewind(self, failures: int) -> None:
        """Goes back to the last committed offsets of every partition that is owned, slowly after repeated `failures`.

        What is in commit is finished first: its offsets are among those that are asked for.
        """
        self._settle()
        self._void()
        self.rewind_needed = False
        failures += self._failures
        pause_after(failures)
        if not self.owned:
            return
        try:
            for partition, start in self._committed_offsets(self.owned).items():
                self._consumer.seek(TopicPartition(CLAIMS.name, partition, start.offset))
                self._begin_at(partition, start)
            self._failures = 0
        except (KafkaException, ClusterError) as error:
            self._teller.tell(events.RewindFailed(words_of(error)))
            self.rewind_needed = True
            self._failures += 1

    def _begin_at(self, partition: int, start: Start) -> None:
        self._next[partition] = self._done[partition] = start.offset
        self._gone[partition] = start.expired
        self._reached.pop(partition, None)
        if start.newly:
            self._tell_expired(partition, start.offset - start.newly, start.offset)

    def _starts(self, partitions: list[int]) -> dict[int, Start]:
        """The committed offset of each partition, its first record where there is none. Asks until the brokers can tell.

        Empty when the worker is to stop before that.
        """
        if not partitions:
            return {}

        def delayed(error: Exception) -> None:
            self._teller.tell(events.AssignmentDelayed(sorted(partitions), words_of(error)))

        return patiently(lambda: self._committed_offsets(partitions), self._stopping, delayed) or {}

    def _committed_offsets(self, partitions: Collection[int]) -> dict[int, Start]:
        before = self.topic_id
        try:
            self.topic_id = self.watch.ask_id() or before
        except TimeoutError as error:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, str(error))) from error
        if before not in (None, self.topic_id):
            self._gone_told.clear()
            self._teller.tell(events.ClaimsTopicMadeAgain(before, self.topic_id, sorted(partitions)))
        return self._positions.starts(partitions, self.topic_id)

    def offsets(self, records: Records) -> list[TopicPartition]:
        """Where each partition goes on behind these records, with the id of their topic and what was never judged."""
        return [
            TopicPartition(
                CLAIMS.name, partition, offset, metadata=Noted(self.topic_id or "", self._gone.get(partition, 0)).text
            )
            for partition, offset in records.next_offsets().items()
        ]

    # -- partitions come and go ---------------------------------------------------------------------------------

    def _on_assign(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        # Where to start is asked for here and told to the consumer. Left to find it itself, librdkafka 2.16 starts at the
        # topic's first record when the assignment changes while a dead worker's open transaction still hides the committed
        # offset: everything would be judged again (found by the crash test).
        starts = self._starts([taken.partition for taken in places])
        if starts:
            consumer.assign(
                [TopicPartition(CLAIMS.name, partition, start.offset) for partition, start in starts.items()]
            )
        self.owned.update(starts)
        for partition, start in starts.items():
            self._begin_at(partition, start)
        if self._pausing:
            self._pause(set(starts))
        self._changed(events.PartitionsAssigned, places)

    def _on_revoke(self, _consumer: Consumer, places: list[TopicPartition]) -> None:
        # The group waits for this callback, so what is in commit is finished under the old ownership. What was read and
        # waits for the register is void: whoever gets the partitions reads it again.
        self._settle()
        if self._void():
            self.epoch += 1
        self._give_up(places)
        self._changed(events.PartitionsRevoked, places)

    def _on_lost(self, _consumer: Consumer, places: list[TopicPartition]) -> None:
        # Others may own them already: nothing read so far may be committed any more.
        self.forget()
        self._settle()
        self._give_up(places)
        self._changed(events.PartitionsLost, places)

    def _give_up(self, places: list[TopicPartition]) -> None:
        # A paused partition would still be paused if it ever came back.
        self._resume(self._paused & {given.partition for given in places})
        for given in places:
            self.owned.discard(given.partition)
            for known in (self._next, self._done, self._reached, self._gone, self._gone_told):
                known.pop(given.partition, None)
            self._metrics.forget(self._metrics.lag, str(given.partition))
            self._metrics.forget(self._metrics.pinned, str(given.partition))

    def _changed(self, event: type[events.PartitionsChanged], places: list[TopicPartition]) -> None:
        self._teller.tell(event(sorted(one.partition for one in places), sorted(self.owned)))

    # -- how much is left ---------------------------------------------------------------------------------------

    def lag(self) -> dict[int, int]:
        """By partition how many records are not committed yet, as far as the last fetch told; published as a metric, too."""
        found = {}
        for partition in self.owned:
            try:
                _, end = self._consumer.get_watermark_offsets(TopicPartition(CLAIMS.name, partition), cached=True)
            except KafkaException:
                continue  # nothing was fetched from the partition yet; the next second knows more
            if end >= 0:
                done = self._done.get(partition, end)
                if done == self._next.get(partition):
                    done = max(done, self._reached.get(partition, done))
                found[partition] = max(0, end - done)
                self._metrics.lag.labels(str(partition)).set(found[partition])
        return found


def _no_way_on(error: KafkaError) -> str:
    if error.code() == KafkaError.FENCED_INSTANCE_ID or "FENCED_INSTANCE_ID" in error.str():
        return f"the consumer cannot go on: another member of the group runs under the same group.instance.id: {error.str()}"
    return f"the consumer cannot go on: {error.name()}: {error.str()}"
