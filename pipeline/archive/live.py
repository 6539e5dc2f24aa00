"""The process `screening archive`: claims and verdicts become rows of two Delta tables, each once.

A turn: 1. read what is there  2. make rows of it  3. when enough has come together, or enough time has passed, write the rows and
the progress in one commit a table. After a restart the progress is read back from the tables, and nothing is committed to Kafka.
A commit whose outcome is not known is looked up in the table before it is tried again.
"""

from __future__ import annotations

import time
from collections import defaultdict
from importlib.metadata import version
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from deltalake.exceptions import DeltaError

from pipeline.archive import events
from pipeline.archive.feed import Feed
from pipeline.archive.layout import CLAIM_TABLE, VERDICT_TABLE, TableSpec
from pipeline.archive.status import status_page
from pipeline.archive.table import ArchiveTable
from pipeline.kafka.diagnostics import is_final
from pipeline.kafka.offsets import offsets_of, topic_id
from pipeline.kafka.patience import pause_after
from pipeline.kafka.reading import committed_only, is_end
from pipeline.kafka.records import place
from pipeline.settings.model import Settings
from pipeline.telemetry.archive_metrics import ArchiveMetrics
from pipeline.telemetry.events import Teller
from pipeline.telemetry.logs import logger
from pipeline.web.server import process_pages

_AT_ONCE = 50_000
_GATHER_S = 0.2
_MOST_FAILURES = 20
_STORE_ERRORS = (DeltaError, OSError)


class ArchiveError(RuntimeError):
    """The archive cannot go on; the message says why and what to do."""


class Archive:
    """One process. `run` returns when `stop` was called, or with `until_end` when all that was there at the start is kept."""

    def __init__(self, settings: Settings, *, until_end: bool = False) -> None:
        self.settings, self._until_end = settings, until_end
        self.instance = settings.unique_instance()
        self.metrics = ArchiveMetrics()
        self.archived: dict[str, int] = defaultdict(int)
        self.excluded: dict[str, int] = defaultdict(int)
        self._teller = Teller(logger(component="archive", instance=self.instance), self.metrics)
        self._stopping = self._running = False
        self._moved_at = time.monotonic()
        self._written_at = self._tidied_at = time.monotonic()
        self._fatal: KafkaError | None = None
        self._feeds: dict[str, Feed] = {}
        self._ends: dict[tuple[str, int], int] = {}
        self._at_end: set[tuple[str, int]] = set()
        self._admin = AdminClient(settings.client())
        options = committed_only(
            settings,
            settings.archive_group_id,
            queued__max__messages__kbytes=131_072,
            queued__min__messages=200_000,
            fetch__queue__backoff__ms=10,
        )
        self._consumer = Consumer({**options, "error_cb": self._heard})
        self._status = status_page(self.metrics, self._ready, version("claims-screening"))
        self.pages = process_pages(settings, self.metrics.registry, self._healthy, self._ready, self._status)

    # -- life ---------------------------------------------------------------------------------------------------

    def _healthy(self) -> tuple[bool, dict[str, Any]]:
        return True, {"instance": self.instance, "stopping": self._stopping}

    def stop(self) -> None:
        """Asks the process to write what it has read and to end. Safe to call from a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Archives until it is stopped or done. Raises ArchiveError, ClusterError, KafkaException or an error of the store."""
        try:
            self._begin()
            while not self._stopping and not (self._until_end and self._all_read()):
                self._turn()
            self._write()
            if self._until_end and not self._stopping:
                self._tidy()
        finally:
            self._running = False
            self.metrics.ready.set(0)
            self._consumer.close()
            self.pages.close()
            self._status.close()
            self._teller.tell(events.ArchiveStopped())

    def _begin(self) -> None:
        where = self.settings.archive_place()
        self._teller.tell(events.ArchiveStarted(where, f"{self.pages.address}/metrics"))
        places = []
        for spec in (CLAIM_TABLE, VERDICT_TABLE):
            feed = self._feed(where, spec)
            self._feeds[feed.topic] = feed
            places += [TopicPartition(feed.topic, number, at) for number, at in feed.read.items()]
        self._consumer.assign(places)
        self._running = True
        self.metrics.ready.set(1)

    def _feed(self, where: str, spec: TableSpec) -> Feed:
        """A topic and its table, with where to go on. What has expired in between is told."""
        name = spec.spec.name if spec is CLAIM_TABLE else spec.spec.prefixed(self.settings.output_prefix).name
        log = offsets_of(self._consumer, self.settings, name)
        made = topic_id(self._admin, name)
        table = ArchiveTable(where, spec)
        begin = {}
        for number, offsets in log.items():
            kept = table.position(made, number)
            begin[number] = offsets.low if kept is None else max(kept, offsets.low)
            if kept is not None and kept < offsets.low:
                self._teller.tell(events.RecordsExpiredUnarchived(name, number, offsets.low, offsets.low - kept))
            self._ends[name, number] = offsets.high
        return Feed(name, made, table, dict(begin), begin)

    def _ready(self) -> tuple[bool, dict[str, Any]]:
        stalled = time.monotonic() - self._moved_at > self.settings.stall_s + self.settings.archive_flush_s
        return self._running and not stalled, {
            "instance": self.instance,
            "stalled": stalled,
            "waiting": {feed.topic: feed.waiting for feed in list(self._feeds.values())},
        }

    def _all_read(self) -> bool:
        return len(self._at_end) == len(self._ends)

    # -- a turn ---------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        """Reads what is there, and writes when it is time."""
        found: dict[str, list[Message]] = defaultdict(list)
        for message in self._consumer.consume(min(_AT_ONCE, self.settings.archive_batch_records), _GATHER_S):
            error = message.error()
            if error is None:
                topic, _, _ = place(message)
                found[topic].append(message)
            elif is_end(error):
                topic, partition, offset = place(message)
                self._at_end.add((topic, partition))
                feed = self._feeds[topic]
                # Behind the last record lies the marker of its transaction: the position is past it.
                feed.read[partition] = max(feed.read[partition], offset)
            elif is_final(error):
                self._fatal = error
            else:
                self._teller.tell(events.ArchiveReadFailed(error.str()))
        if self._fatal is not None:
            raise ArchiveError(f"the consumer cannot go on: {self._fatal.name()}: {self._fatal.str()}")
        for topic, messages in found.items():
            self._feeds[topic].take(messages)
        now = time.monotonic()
        full = any(feed.waiting >= self.settings.archive_batch_records for feed in self._feeds.values())
        if full or now - self._written_at >= self.settings.archive_flush_s:
            self._write()
        if now - self._tidied_at >= self.settings.archive_tidy_s:
            self._tidy()
        self._tell_lag()

    def _heard(self, error: KafkaError) -> None:
        if is_final(error):
            self._fatal = error

    def _tell_lag(self) -> None:
        left = 0
        for feed in self._feeds.values():
            for number, kept in feed.kept.items():
                _, end = self._consumer.get_watermark_offsets(TopicPartition(feed.topic, number), cached=True)
                behind = max(0, end - (kept if feed.waiting else feed.read[number]))
                left += behind
                self.metrics.lag.labels(feed.topic, str(number)).set(behind)
        if not left:
            self._moved_at = time.monotonic()

    # -- writing --------------------------------------------------------------------------------------------------

    def _write(self) -> None:
        """Writes what has come together. The claims first, so that a verdict seldom waits for its claim."""
        self._written_at = time.monotonic()
        for feed in self._feeds.values():
            if feed.waiting:
                self._commit(feed)

    def _commit(self, feed: Feed) -> None:
        """One commit of a table; of an unknown outcome the table tells, and what did not come in is tried again."""
        rows, progress, failures = feed.rows(), feed.progress(), 0
        begun = time.monotonic()
        while True:
            self._still_ours(feed)
            try:
                with self.metrics.commit_seconds.time():
                    feed.table.append(rows, feed.topic_id, progress)
                break
            except _STORE_ERRORS as error:
                failures += 1
                self._teller.tell(events.ArchiveCommitFailed(feed.table.spec.folder, str(error)))
                if failures > _MOST_FAILURES or self._stopping:
                    raise
                pause_after(failures)
                if self._came_in(feed, progress):
                    break
        told = events.RowsArchived(
            feed.table.spec.folder, rows.height, feed.excluded.total(), feed.table.version,
            round(time.monotonic() - begun, 3), dict(feed.excluded),
        )  # fmt: skip
        self.archived[feed.table.spec.folder] += rows.height
        for why, number in feed.excluded.items():
            self.excluded[why] += number
        feed.written()
        self._moved_at = time.monotonic()
        self.metrics.files.labels(feed.table.spec.folder).set(feed.table.files)
        self._teller.tell(told)

    def _still_ours(self, feed: Feed) -> None:
        """Raises ArchiveError where the table, or the topic, is not what it was when this process began."""
        try:
            made = topic_id(self._admin, feed.topic)
        except (KafkaException, TimeoutError) as error:
            # Brokers that are away delete no topic; what was read is as it was.
            self._teller.tell(events.ArchiveReadFailed(str(error)))
        else:
            if made != feed.topic_id:
                raise ArchiveError(
                    f"{feed.topic} was deleted and made again; start the archive again to read the new one"
                )
        for number, kept in feed.kept.items():
            at = feed.table.position(feed.topic_id, number)
            if at is not None and at > kept:
                raise ArchiveError(
                    f"another process archives {feed.topic} into {feed.table.place}: partition {number} is at {at:,} there and "
                    f"at {kept:,} here; let one process write an archive"
                )

    def _came_in(self, feed: Feed, progress: dict[int, int]) -> bool:
        """Whether a commit that was answered by an error is in the table all the same."""
        feed.table.reopen()
        return all(feed.table.position(feed.topic_id, number) == at for number, at in progress.items())

    def _tidy(self) -> None:
        """Joins small files and removes old ones; what fails is tried again at the next time."""
        self._tidied_at = time.monotonic()
        for feed in self._feeds.values():
            begun = time.monotonic()
            try:
                done = feed.table.tidy(self.settings.archive_keep_hours)
            except _STORE_ERRORS as error:
                self._teller.tell(events.ArchiveTidyFailed(feed.table.spec.folder, str(error)))
                continue
            seconds = round(time.monotonic() - begun, 3)
            self._teller.tell(
                events.ArchiveTidied(feed.table.spec.folder, done.joined, done.written, done.removed, seconds)
            )
            self.metrics.files.labels(feed.table.spec.folder).set(feed.table.files)
