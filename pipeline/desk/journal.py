"""The journal: one writer, whose entries are a chain of hashes. What cannot be written was not done, and is not shown.

The thread of the journal gathers the entries that wait and writes them in one transaction, so that many readers at once cost no
more than one. It holds a transactional id: a process that starts under the same id fences the one before, whose pages then stop.
"""

from __future__ import annotations

import datetime as dt
import json
import queue
import threading
import time
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from pipeline.desk import events
from pipeline.kafka.diagnostics import ClusterError
from pipeline.kafka.offsets import group_offsets
from pipeline.kafka.reading import tool_consumer
from pipeline.kafka.transactions import Outgoing, TransactionAborted, TransactionFatal, TransactionWriter
from pipeline.settings.model import Settings
from pipeline.telemetry.desk_metrics import DeskMetrics
from pipeline.telemetry.events import Teller
from topics.catalogue import DESK_JOURNAL
from topics.fields import utc_text
from topics.journal import START, Head, head_of, linked, read_heads

HEADS_FILE = "desk-journal-heads.ndjson"
"""Under the data folder: the newest head of the journal, a line an hour. Keep a copy elsewhere."""

_WITHIN_S = 15.0
_TOGETHER = 200
_LOOK_BACK = 64
_HEAD_EVERY_S = 3600.0


class JournalClosed(Exception):
    """An entry could not be written; the message says why."""


class JournalError(RuntimeError):
    """The journal cannot be gone on with; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be written: who, as what, did or saw what, and for which work. `ids` are named, or counted in a digest."""

    by: str
    role: str
    act: str
    what: str
    why: str
    ids: tuple[str, ...] = ()
    count: int | None = None
    ids_sha256: str | None = None


class Recorder(Protocol):
    """Who keeps entries."""

    def record(self, entry: Entry) -> None:
        """Returns when the entry is kept. Raises JournalClosed."""


class Journal:
    """The writer of the topic `desk-journal`. `start` before the first entry; `close` at the end."""

    def __init__(self, settings: Settings, teller: Teller[DeskMetrics]) -> None:
        self._settings, self._teller = settings, teller
        self._file = settings.data_dir / HEADS_FILE
        self._writer: TransactionWriter | None = None
        self._waiting: queue.SimpleQueue[tuple[dict[str, Any], Future[None]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="desk-journal", daemon=True)
        self._kept_at = 0.0
        self.head = START
        self.fenced = False

    def start(self) -> None:
        """Takes the journal over. Raises JournalError, TransactionFatal or ClusterError."""
        self._take_over()
        self._same_as_kept()
        self._keep_head()
        self._thread.start()

    def close(self) -> None:
        """Writes what waits, keeps the head, and ends."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join(_WITHIN_S)
            if not self.fenced:
                self._keep_head()

    def record(self, entry: Entry) -> None:
        """Returns when the entry is committed. Raises JournalClosed. Safe from any thread."""
        if self.fenced or not self._thread.is_alive():
            raise JournalClosed("the journal has been taken over by another process, or this one is ending")
        fields = {name: value for name, value in asdict(entry).items() if value is not None}
        done: Future[None] = Future()
        self._waiting.put(({**fields, "at": utc_text(dt.datetime.now(dt.UTC))}, done))
        try:
            done.result(_WITHIN_S)
        except TimeoutError:
            raise JournalClosed(f"the brokers did not take the entry within {_WITHIN_S:.0f} s") from None

    # -- the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        going = True
        while going:
            batch = [self._waiting.get()]
            while len(batch) < _TOGETHER:
                try:
                    batch.append(self._waiting.get_nowait())
                except queue.Empty:
                    break
            going = None not in batch
            self._write([one for one in batch if one is not None])

    def _write(self, batch: list[tuple[dict[str, Any], Future[None]]]) -> None:
        if not batch:
            return
        try:
            self._commit([fields for fields, _ in batch])
        except Exception as error:
            # Whether it is there after all is not known: the next entry asks the topic.
            self._writer = None
            self.fenced = self.fenced or (isinstance(error, TransactionFatal) and error.fenced)
            self._teller.tell(events.JournalUnwritten(len(batch), str(error)))
            for _, done in batch:
                done.set_exception(JournalClosed(str(error)))
            return
        self._teller.tell(events.JournalWritten(self.head.seq, tuple(fields["act"] for fields, _ in batch)))
        for _, done in batch:
            done.set_result(None)
        if time.monotonic() - self._kept_at >= _HEAD_EVERY_S:
            self._keep_head()

    def _commit(self, entries: list[dict[str, Any]]) -> None:
        if self.fenced:
            raise JournalClosed("another process writes the journal")
        if self._writer is None:
            self._take_over()
        assert self._writer is not None
        head, records = self.head, []
        for fields in entries:
            entry, head = linked(head, fields)
            records.append({"key": entry.by, "value": entry.model_dump_json(by_alias=True).encode()})
        try:
            self._writer.commit([Outgoing(DESK_JOURNAL.name, records, partition=0)])
        except TransactionAborted as error:
            raise JournalClosed(str(error)) from None
        self.head = head

    def _take_over(self) -> None:
        """1. fence whoever wrote before  2. read what is the newest entry now. In another order one could come in between."""
        writer = TransactionWriter(self._settings, f"{self._settings.desk_group_id}-journal")
        writer.start(_WITHIN_S)
        self.head = newest_head(self._settings)
        self._writer = writer

    # -- heads kept elsewhere -----------------------------------------------------------------------------------

    def _same_as_kept(self) -> None:
        """Raises JournalError where the topic ends before a head that this process, or one before it, has kept."""
        try:
            head = max(read_heads(self._file.read_text("utf-8")), default=START)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise JournalError(f"{self._file}: {error}") from None
        if head.seq > self.head.seq or (head.seq == self.head.seq and head.hash != self.head.hash):
            raise JournalError(
                f"{DESK_JOURNAL.name} ends with entry {self.head.seq}, and {self._file} has kept the head of entry "
                f"{head.seq}: entries were removed, or this is another cluster. `screening audit --journal "
                "--journal-heads FILE` tells more; to begin a new journal all the same, move the file away"
            )

    def _keep_head(self) -> None:
        self._kept_at = time.monotonic()
        told = {"at": utc_text(dt.datetime.now(dt.UTC)), "seq": self.head.seq, "hash": self.head.hash}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with Path(self._file).open("a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")
        self._teller.tell(events.JournalHeadKept(self.head.seq, self.head.hash))


def newest_head(settings: Settings) -> Head:
    """The head that the newest entry is. Raises JournalError where that entry is not what its hash says, or ClusterError."""
    offsets = group_offsets(settings, DESK_JOURNAL.name, settings.desk_group_id)
    if set(offsets) != {0}:
        raise JournalError(
            f"{DESK_JOURNAL.name} has {len(offsets)} partitions; a chain has one order, so it must have one"
        )
    low, high = offsets[0].low, offsets[0].high
    back = _LOOK_BACK
    while True:
        start = max(low, high - back)
        value = _last_value(settings, start)
        if value is not None:
            try:
                return head_of(value)
            except ValueError as error:
                raise JournalError(
                    f"{DESK_JOURNAL.name}: {error}; `screening audit --journal` names every such entry"
                ) from None
        if start == low:
            return START
        back *= 8  # nothing but markers of transactions so far


def _last_value(settings: Settings, start: int) -> bytes | None:
    """The value of the last committed record at or behind an offset; None without any."""
    consumer = tool_consumer(settings, "earliest", settings.desk_group_id)
    found: bytes | None = None
    try:
        consumer.assign([TopicPartition(DESK_JOURNAL.name, 0, start)])
        while True:
            for message in consumer.consume(_TOGETHER, 0.2):
                error = message.error()
                if error is None:
                    found = message.value()
                elif error.code() == KafkaError._PARTITION_EOF:  # librdkafka's own codes are named so
                    return found
                elif error.fatal() or not error.retriable():
                    raise ClusterError(f"cannot read {DESK_JOURNAL.name}: {error.str()}")
    except KafkaException as error:
        raise ClusterError(f"cannot read {DESK_JOURNAL.name}: {error.args[0].str()}") from None
    finally:
        consumer.close()
