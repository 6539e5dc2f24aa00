"""One partition of the input with everything that is kept and written by its number: what Kafka Streams calls a task.

A task has a transactional producer of its own, so that several write at the same time, and an inbox. Whatever it writes goes
through `publish`: 1. the transaction, progress included  2. the state stores  3. the progress known here.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from pipeline.control.aside import aside
from pipeline.control.faust.consumer import Reading
from pipeline.control.faust.state_store import StateStore
from pipeline.control.foreign_writes import Watch
from pipeline.control.progress import entry_of, moved
from pipeline.control.publisher import Entry, Place, Publisher, Written
from pipeline.control.write_batch import Received, WriteBatch
from topics.catalogue import CASE_STATE, STANDING_TOPICS
from topics.messages.ledger import LedgerProgress

_STUCK_S = 60.0
_REVISED = (*(spec.name for spec in STANDING_TOPICS), CASE_STATE.name)


class InputLost(RuntimeError):
    """What the task reads is not what it has read before; the plane has to begin anew."""


class StreamTask:
    """One partition number of topics that belong together. Raises whatever its publisher raises."""

    def __init__(
        self,
        sources: Iterable[str],
        partition: int,
        publisher: Publisher,
        store_of: Callable[[str, int], StateStore],
        instance: str,
        progress_partitions: int,
        topic_ids: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.sources = tuple(sources)
        self.partition = partition
        self.publisher = publisher
        self.turn = asyncio.Lock()
        """Held by whoever reads and changes the task's tables."""
        self.inbox: deque[Any] = deque()
        self.work = asyncio.Event()
        self.room = asyncio.Event()
        self.room.set()
        self.progress: dict[str, LedgerProgress] = {}
        self.watch = Watch()
        self.caught_up_at: dict[str, float] = dict.fromkeys(self.sources, time.monotonic())
        """When each source was last known to hold nothing that is not taken, on the monotonic clock."""
        self._store_of = store_of
        self._instance = instance
        self._progress_partitions = progress_partitions
        self._topic_ids = topic_ids
        self._accepted: dict[str, int] = {}
        self._taken: dict[str, int] = {}
        self._waits_since: dict[str, float] = {}

    # -- input --------------------------------------------------------------------------------------------------

    def rewind(self) -> None:
        """Reading goes on at the progress: what was collected and not taken comes again."""
        self.inbox.clear()
        self.room.set()
        self._waits_since.clear()
        for source in self.sources:
            known = self.progress.get(source)
            self._accepted[source] = self._taken[source] = 0 if known is None else known.next_offset

    def accept(self, event: Any, most: int) -> None:
        """Puts a record of Faust's into the inbox; one that was there before is passed over."""
        message = event.message
        if message.offset < self._accepted[message.topic]:
            return
        self._accepted[message.topic] = message.offset + 1
        self.inbox.append(message)
        self.work.set()
        if len(self.inbox) >= most:
            self.room.clear()

    def next_records(self, most: int) -> tuple[list[Received], float | None]:
        """Takes records out of the inbox; with the timestamp of the last one, in seconds since 1970."""
        records: list[Received] = []
        at: float | None = None
        while self.inbox and len(records) < most:
            message = self.inbox.popleft()
            at = message.timestamp
            records.append(_received(message))
        self.room.set()
        return records, at

    def drained(self, source: str, reading: Reading) -> bool:
        """Whether every record below the reader's position was taken and written."""
        return reading.handed is None or reading.handed < self._taken[source]

    def position_moved(self, source: str, reading: Reading) -> bool:
        """Whether the progress is to be written because the reader has moved, over whatever is no record.

        Raises InputLost when the log is not the one that was read before, or records never came that were handed out.
        """
        if reading.went_back:
            raise InputLost(
                f"{source}-{self.partition}: the log now ends before the ledger's progress, as if made again"
            )
        now = time.monotonic()
        if not self.drained(source, reading):
            since = self._waits_since.setdefault(source, now)
            if self.inbox or self.turn.locked():
                self._waits_since[source] = now
            elif now - since > _STUCK_S:
                raise InputLost(f"{source}-{self.partition}: records that were read have not come for {_STUCK_S:.0f} s")
            return False
        self._waits_since.pop(source, None)
        if not reading.behind:
            self.caught_up_at[source] = now
        known = self.progress.get(source)
        return known is None or known.next_offset < reading.position

    # -- output -------------------------------------------------------------------------------------------------

    async def publish(
        self, batch: WriteBatch, next_offsets: Mapping[str, int], last_event_at: float | None = None
    ) -> None:
        """Writes a batch and the progress of the sources that have moved. To be called with `turn` held.

        Without anything to write it does nothing. When it raises, nothing of the batch counts.
        """
        if not batch.changes and not batch.loose and not next_offsets:
            return
        made: dict[str, LedgerProgress] = {}
        published = sum(len(changed) for (table, _), changed in batch.changes.items() if table in _REVISED)

        def conclude(written: Written) -> list[Entry]:
            for source in dict.fromkeys([*next_offsets, *(self.sources[:1] if published else ())]):
                known = self.progress.get(source)
                if source not in next_offsets and known is None:
                    continue
                made[source] = moved(
                    known,
                    (source, self.partition),
                    next_offsets.get(source, 0 if known is None else known.next_offset),
                    instance=self._instance,
                    last_event_at=last_event_at if source in next_offsets else None,
                    revisions=published if source == self.sources[0] else 0,
                    sent_on=_sent_on(source, self.partition, batch.loose, written),
                    topic_id=self._topic_ids.get(source),
                )
            return [entry_of(one, self._progress_partitions) for one in made.values()]

        # 1. the transaction
        written = await aside(self.publisher.write, batch.loose, batch.changes, conclude)
        # 2. the state stores
        for where, changes in batch.changes.items():
            store = self._store_of(*where)
            self.watch.wrote(where, written[where], store.offset)
            store.write(changes, written[where].last)
        # 3. the progress
        self.progress.update(made)
        for source, offset in next_offsets.items():
            self._taken[source] = max(offset, self._taken[source])

    def next_offsets(self, records: Iterable[Received], readings: Mapping[str, Reading]) -> dict[str, int]:
        """Where each source goes on after these records: at the reader's position, if they are all that it has read."""
        last = {record.topic: record.offset for record in records}
        found = {}
        for source, offset in last.items():
            reading = readings.get(source)
            found[source] = offset + 1
            if reading is not None and reading.handed == offset:
                found[source] = max(reading.position, offset + 1)
        return found


def _sent_on(source: str, partition: int, loose: Iterable[Entry], written: Written) -> dict[int, int]:
    """Up to where the records end that lay wrong and were sent on to other partitions of the same topic."""
    numbers = {entry.partition for entry in loose if entry.topic == source and entry.partition not in (None, partition)}
    places: dict[int, Place] = {number: (source, number) for number in numbers if number is not None}
    return {number: written[where].last + 1 for number, where in places.items() if where in written}


def _received(message: Any) -> Received:
    headers = message.headers or []
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers)
    return Received(message.topic, message.partition, message.offset, message.key, message.value, pairs)
