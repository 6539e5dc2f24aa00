"""The process `screening intake --live`: messages become claims, exactly once.

A turn: 1. read a batch  2. join it, partition by partition, which changes nothing yet  3. write claims, states, dead letters and
the input's offsets in one transaction  4. remember the states. What is rolled back is read again. A process that takes
partitions over reads back what is known of their visits first.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from importlib.metadata import version
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from pipeline.garbage import collect_seldom
from pipeline.intake import events
from pipeline.intake.classes import VisitClasses
from pipeline.intake.parts import Part, outgoing_of
from pipeline.intake.restoring import Start, starts, states
from pipeline.intake.state import Record
from pipeline.intake.status import status_page
from pipeline.intake.taking import take
from pipeline.intake.visits import Changes, Letter, Tally, Visits
from pipeline.kafka.admin import partition_counts
from pipeline.kafka.diagnostics import is_final, no_topic, words_of
from pipeline.kafka.offsets import GroupOffsets
from pipeline.kafka.patience import apart, patiently, pause_after
from pipeline.kafka.reading import committed_only, is_end
from pipeline.kafka.records import headers, key, place
from pipeline.kafka.transactions import (
    BEHIND_ONE_TOO_LARGE,
    TOO_LARGE,
    ReadUpTo,
    TransactionAborted,
    TransactionFatal,
    TransactionWriter,
)
from pipeline.settings.model import Settings
from pipeline.telemetry.events import Teller
from pipeline.telemetry.intake_metrics import IntakeMetrics
from pipeline.telemetry.logs import logger
from pipeline.web.server import process_pages
from topics.catalogue import (
    CLAIMS,
    DAY_MS,
    INTAKE_VISITS,
    INTERFACE_MESSAGES,
    INTERFACE_MESSAGES_DEAD_LETTER,
)
from topics.dead_letters import Code

_GATHER_S = 0.1
_LAG_EVERY_S = 1.0
_COMMIT_WITHIN_S = 20.0
_MOST_NEW_PRODUCERS = 5


class IntakeError(RuntimeError):
    """The intake cannot go on; the message says why and what to do."""


class Intake:
    """One process. `run` returns when `stop` was called and everything taken is committed."""

    def __init__(self, settings: Settings, classes: VisitClasses) -> None:
        self.settings, self._classes = settings, classes
        self.instance = settings.unique_instance()
        self.metrics = IntakeMetrics()
        self._teller = Teller(logger(component="intake", instance=self.instance), self.metrics)
        self._stopping = False
        self._parts: dict[int, Part] = {}
        self._partitions = 0
        self._lost = False
        self._failures = 0
        self._most = settings.intake_batch_messages
        self._joined = False
        self._moved_at = time.monotonic()
        self._lag_due = 0.0
        self._fatal: KafkaError | None = None
        self._admin = AdminClient(settings.client())
        self._writer = self._new_writer()
        options = committed_only(
            settings,
            settings.intake_group_id,
            partition__assignment__strategy="range",
            session__timeout__ms=settings.session_timeout_ms,
            heartbeat__interval__ms=min(1_000, settings.session_timeout_ms // 4),
            queued__max__messages__kbytes=65_536,
            fetch__queue__backoff__ms=10,
        )
        self._consumer = Consumer({**options, "error_cb": self._heard})
        self._group = GroupOffsets(settings, settings.intake_group_id, self._consumer)
        self._status = status_page(self.metrics, self._ready, version("claims-screening"))
        self.pages = process_pages(settings, self.metrics.registry, self._healthy, self._ready, self._status)

    # -- life ---------------------------------------------------------------------------------------------------

    def _healthy(self) -> tuple[bool, dict[str, Any]]:
        return True, {"instance": self.instance, "stopping": self._stopping}

    def stop(self) -> None:
        """Asks the process to finish what it has begun and leave. Safe to call from a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Takes messages until it is stopped. Raises IntakeError, ClusterError, TransactionFatal or KafkaException."""
        try:
            where = f"{self.pages.address}/metrics"
            self._teller.tell(events.IntakeStarted(self.settings.intake_group_id, where))
            collect_seldom()
            self._partitions = self._count()
            self._writer.start()
            self._consumer.subscribe(
                [INTERFACE_MESSAGES.name], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._on_lost
            )
            while not self._stopping:
                self._turn()
        finally:
            self._joined = False
            self.metrics.ready.set(0)
            self._consumer.close()
            self.pages.close()
            self._status.close()
            self._teller.tell(events.IntakeStopped())

    def _count(self) -> int:
        """How many partitions the messages have, and what is known of visits as well. Raises IntakeError or ClusterError."""
        counts = partition_counts(self.settings)
        for spec in (INTERFACE_MESSAGES, INTAKE_VISITS, INTERFACE_MESSAGES_DEAD_LETTER, CLAIMS):
            if spec.name not in counts:
                raise IntakeError(no_topic(spec.name, None))
        messages, visits = counts[INTERFACE_MESSAGES.name], counts[INTAKE_VISITS.name]
        if messages != visits:
            raise IntakeError(
                f"{INTERFACE_MESSAGES.name} has {messages} partitions and {INTAKE_VISITS.name} {visits}; they must be as many, "
                "since what is known of a visit stands in the partition of its messages"
            )
        return messages

    def _ready(self) -> tuple[bool, dict[str, Any]]:
        stalled = time.monotonic() - self._moved_at > self.settings.stall_s
        return self._joined and not stalled, {
            "instance": self.instance,
            "partitions": sorted(self._parts),
            "states": sum(len(part.visits) for part in list(self._parts.values())),
            "stalled": stalled,
        }

    # -- a turn ---------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        """Reads a batch, joins it, commits it."""
        for message in self._consumer.consume(self._most, _GATHER_S):
            self._take_in(message)
        if self._fatal is not None:
            raise IntakeError(f"the consumer cannot go on: {self._fatal.name()}: {self._fatal.str()}")
        found: dict[int, Changes] = {}
        with self.metrics.take_seconds.time():
            for number, part in self._parts.items():
                changes = take(part.visits, part.records, part.time())
                if part.records or not changes.empty:
                    found[number] = changes
                else:
                    part.visits.apply(changes)  # nothing to write, but when to look again
        if found:
            self._commit(found)
        self._tell_lag()

    def _take_in(self, message: Message) -> None:
        error = message.error()
        if error is None:
            _, number, offset = place(message)
            part = self._parts.get(number)
            if part is None or offset < part.after:
                return  # of a partition that has gone, or read before a rewind
            record = Record(offset, message.value(), key(message), headers(message), message.timestamp()[1])
            part.records.append(record)
            part.caught_up = False
        elif is_end(error):
            part = self._parts.get(message.partition() or 0)
            if part is not None:
                part.caught_up = True
        elif is_final(error):
            self._fatal = error
        else:
            self._teller.tell(events.MessagesReadFailed(error.str()))

    def _heard(self, error: KafkaError) -> None:
        if is_final(error):
            self._fatal = error

    # -- committing -----------------------------------------------------------------------------------------------

    def _commit(self, found: dict[int, Changes]) -> None:
        """Writes what follows from a batch and remembers it; what is rolled back is read again."""
        taken = sum(len(self._parts[number].records) for number in found)
        try:
            with self.metrics.commit_seconds.time():
                self._write(found)
        except TransactionAborted as aborted:
            self._teller.tell(events.IntakeTransactionAborted(aborted.cause, str(aborted)))
            too_large = aborted.cause == TOO_LARGE or (taken > 1 and aborted.cause == BEHIND_ONE_TOO_LARGE)
            if too_large:
                # Behind a record that was too large the producer has lost count, and would refuse what comes next for that.
                self._renew_writer()
            if too_large and taken == 1:
                self._set_aside(found, str(aborted))
            else:
                # What follows from one of them may be too large: alone it costs itself, and not its neighbours.
                self._most = max(1, self._most // 8) if too_large else self._most
                self._rewind(found)
        except TransactionFatal as fatal:
            self._teller.tell(events.IntakeTransactionAborted(fatal.cause, str(fatal)))
            self._begin_anew(fatal)
        else:
            self._most = min(self.settings.intake_batch_messages, self._most * 2)
            self._committed(found)

    def _write(self, found: dict[int, Changes]) -> None:
        """Writes what follows from a batch in one transaction."""
        offsets = [
            TopicPartition(INTERFACE_MESSAGES.name, number, self._parts[number].after) for number in sorted(found)
        ]
        read = ReadUpTo(offsets, self._consumer.consumer_group_metadata())
        outgoing = [part for number, changes in found.items() for part in outgoing_of(number, changes)]
        writer = self._writer
        try:
            apart(lambda: writer.commit(outgoing, read), "commit").result(_COMMIT_WITHIN_S)
        except TimeoutError:
            raise TransactionFatal("commit_stuck", f"no answer within {_COMMIT_WITHIN_S:.0f} s") from None

    def _committed(self, found: dict[int, Changes]) -> None:
        self._failures = 0
        self._moved_at = time.monotonic()
        for number, changes in found.items():
            part = self._parts[number]
            part.visits.apply(changes)
            part.next, taken = part.after, len(part.records)
            part.records = []
            told = events.MessagesTaken(taken, len(changes.claims), len(changes.letters), changes.tally)
            self._teller.tell(told)
        self.metrics.kept.set(sum(len(part.visits) for part in self._parts.values()))

    def _set_aside(self, found: dict[int, Changes], why: str) -> None:
        """Sets a message aside of which the brokers do not take what follows."""
        number = next(number for number in found if self._parts[number].records)
        record = self._parts[number].records[0]
        for changes in found.values():
            self._parts[number].visits.discard(changes)
        tally = Tally()
        tally.records["set_aside"] += 1
        tally.letters[Code.NOT_WRITABLE.value] += 1
        self._teller.tell(events.MessageNotWritable(number, record.offset, why))
        letter = Letter(record, Code.NOT_WRITABLE, f"the brokers do not take what follows from this message: {why}")
        alone = {number: Changes(letters=[letter], tally=tally)}
        for other in found.keys() - alone.keys():
            self._parts[other].records = []
        try:
            self._write(alone)
        except (TransactionAborted, TransactionFatal) as error:
            raise IntakeError(f"the brokers refuse a dead letter: {error}") from error
        self._committed(alone)

    def _rewind(self, found: dict[int, Changes]) -> None:
        """Nothing of the batch counts: it is read again, slowly after repeated failures."""
        self._failures += 1
        for number, changes in found.items():
            part = self._parts[number]
            part.visits.discard(changes)
            part.records = []
            self._consumer.seek(TopicPartition(INTERFACE_MESSAGES.name, number, part.next))
        pause_after(self._failures)

    def _begin_anew(self, fatal: TransactionFatal) -> None:
        """Goes on with another producer of the same name; what became of the last transaction the topics tell.

        Raises the error when that is no way out: another process has taken the name, or it keeps happening.
        """
        self._failures += 1
        if fatal.fenced or self._failures > _MOST_NEW_PRODUCERS:
            raise fatal
        self._renew_writer()
        for number, start in self._take_over(list(self._parts)).items():
            self._consumer.seek(TopicPartition(INTERFACE_MESSAGES.name, number, start.offset))

    def _renew_writer(self) -> None:
        self._writer = self._new_writer()
        self._writer.start()

    def _new_writer(self) -> TransactionWriter:
        return TransactionWriter(
            self.settings,
            f"{self.settings.intake_group_id}-{self.instance}",
            queue__buffering__max__messages=500_000,
            queue__buffering__max__kbytes=1_048_576,
        )

    # -- partitions come and go -----------------------------------------------------------------------------------

    def _assigned(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        found = self._take_over([taken.partition for taken in places])
        consumer.assign(
            [TopicPartition(INTERFACE_MESSAGES.name, number, start.offset) for number, start in found.items()]
        )
        self._joined = True
        self._moved_at = time.monotonic()
        self.metrics.ready.set(1)

    def _take_over(self, partitions: Collection[int]) -> dict[int, Start]:
        """Reads back what is known of the visits of partitions, and where to go on; nothing when the process is to stop."""
        if not partitions:
            return {}  # more processes than partitions: this one stands by
        begun = time.monotonic()

        def delayed(error: Exception) -> None:
            self._teller.tell(events.IntakeAssignmentDelayed(sorted(partitions), words_of(error, repr)))

        for number in partitions:
            self._parts.pop(number, None)
        found = patiently(lambda: starts(self._group, partitions), lambda: self._stopping, delayed)
        kept = patiently(lambda: states(self.settings, self._admin, partitions), lambda: self._stopping, delayed)
        if found is None or kept is None:
            return {}
        for number, start in found.items():
            visits = Visits(
                INTERFACE_MESSAGES.name, number, self._partitions, self._classes,
                wait_ms=round(self.settings.intake_visit_wait_s * 1000), keep_ms=self.settings.intake_keep_days * DAY_MS,
            )  # fmt: skip
            visits.restore(kept[number].items())
            self._parts[number] = Part(visits, start.offset)
            if start.expired:
                self._teller.tell(events.MessagesExpiredUnread(number, start.offset, start.expired))
        restored = sum(len(one) for one in kept.values())
        self._teller.tell(events.IntakePartitionsAssigned(sorted(found), restored, round(time.monotonic() - begun, 3)))
        return found

    def _revoked(self, _consumer: Consumer, places: list[TopicPartition]) -> None:
        self._give_up(places)
        self._teller.tell(events.IntakePartitionsRevoked(sorted(given.partition for given in places)))

    def _on_lost(self, _consumer: Consumer, places: list[TopicPartition]) -> None:
        self._give_up(places)
        self._teller.tell(events.IntakePartitionsLost(sorted(given.partition for given in places)))

    def _give_up(self, places: list[TopicPartition]) -> None:
        # Nothing is in commit while the group is asked: a turn reads, and then commits.
        for given in places:
            self._parts.pop(given.partition, None)

    def _tell_lag(self) -> None:
        if time.monotonic() < self._lag_due:
            return
        self._lag_due = time.monotonic() + _LAG_EVERY_S
        left = 0
        self.metrics.lag.clear()
        for number, part in self._parts.items():
            try:
                _, end = self._consumer.get_watermark_offsets(
                    TopicPartition(INTERFACE_MESSAGES.name, number), cached=True
                )
            except KafkaException:
                continue  # nothing was fetched from the partition yet
            behind = 0 if part.caught_up else max(0, end - part.next)
            left += behind
            self.metrics.lag.labels(str(number)).set(behind)
        if not left:
            self._moved_at = time.monotonic()
