"""How far this process has come in its input, as records of `ledger-progress`: reading them back, and going on from them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from confluent_kafka.admin import AdminClient
from pydantic import ValidationError

from pipeline.control.faust.restore import restore
from pipeline.control.publisher import Entry, Place
from pipeline.kafka.offsets import ends
from pipeline.settings.model import Settings
from topics.catalogue import LEDGER_PROGRESS
from topics.fields import utc_text
from topics.messages.ledger import LedgerProgress
from topics.progress import progress_key, progress_partition


@dataclass(slots=True)
class _Newest:
    """The newest records of one partition of the topic, in memory."""

    found: dict[bytes, bytes | None]
    offset: int = -1

    def write(self, changes: Mapping[bytes, bytes | None], offset: int) -> None:
        self.found.update(changes)
        self.offset = offset

    def clear(self) -> None:
        self.found.clear()
        self.offset = -1


def read_progress(settings: Settings, partitions: int) -> dict[Place, LedgerProgress]:
    """The newest progress of every input partition. Blocks until the topic is read to its very end.

    Raises RestoreError. What cannot be read is as if it were not there: the input is then read from the group's offset.
    """
    newest = {number: _Newest({}) for number in range(partitions)}
    restore(settings, LEDGER_PROGRESS.name, newest)
    told: dict[Place, LedgerProgress] = {}
    for one in newest.values():
        for value in one.found.values():
            try:
                progress = LedgerProgress.model_validate_json(value or b"")
            except ValidationError:
                continue
            where = (progress.topic, progress.partition)
            if where not in told or told[where].next_offset < progress.next_offset:
                told[where] = progress
    return told


def out_of_date(
    admin: AdminClient, told: Mapping[Place, LedgerProgress], kept_in: Mapping[str, str], ids: Mapping[str, str]
) -> set[Place]:
    """Input partitions whose progress is that of other topics: they have to be read from their first record again.

    Either the input was made again, as its id (`ids`, by topic) or a progress beyond its end says, or the table that is `kept_in`
    a topic was, to be made again from the input: it holds nothing, although something was published from it. Raises
    KafkaException.
    """
    if not told:
        return set()
    tables = {(kept_in[topic], partition) for topic, partition in told}
    found = ends(admin, {*told, *tables}, committed=False)
    emptied = {
        (kept_in[topic], partition)
        for (topic, partition), progress in told.items()
        if progress.revisions and not found[kept_in[topic], partition]
    }
    return {
        (topic, partition)
        for (topic, partition), progress in told.items()
        if progress.next_offset > found[topic, partition]
        or (progress.topic_id is not None and ids.get(topic, progress.topic_id) != progress.topic_id)
        or (kept_in[topic], partition) in emptied
    }


def never_read(admin: AdminClient, places: Iterable[Place], kept_in: Mapping[str, str]) -> set[Place]:
    """Those of these input partitions of which nothing is kept, so that they are read from their first record.

    A group may still remember offsets of topics that were deleted and made again under the same names. Raises KafkaException.
    """
    asked = {(topic, partition): (kept_in[topic], partition) for topic, partition in places}
    if not asked:
        return set()
    found = ends(admin, set(asked.values()), committed=False)
    return {place for place, table in asked.items() if not found[table]}


def entry_of(progress: LedgerProgress, partitions: int) -> Entry:
    """The record that tells it."""
    return Entry(
        LEDGER_PROGRESS.name,
        progress_key(progress.topic, progress.partition),
        progress.model_dump_json().encode(),
        progress_partition(progress.topic, progress.partition, partitions),
    )


def moved(
    before: LedgerProgress | None,
    where: Place,
    next_offset: int,
    *,
    instance: str,
    last_event_at: float | None = None,
    revisions: int = 0,
    sent_on: Mapping[int, int] | None = None,
    topic_id: str | None = None,
) -> LedgerProgress:
    """The progress after some more: `last_event_at` in seconds since 1970, further `revisions`, ends of what was `sent_on`."""
    told = {} if before is None else dict(before.sent_on)
    for partition, offset in (sent_on or {}).items():
        told[str(partition)] = max(offset, told.get(str(partition), 0))
    at = None if before is None else before.last_event_at
    return LedgerProgress(
        topic=where[0],
        partition=where[1],
        next_offset=next_offset,
        last_event_at=at if last_event_at is None else _rfc3339(last_event_at),
        revisions=revisions + (0 if before is None else before.revisions),
        instance=instance,
        written_at=_rfc3339(dt.datetime.now(dt.UTC).timestamp()),
        sent_on=told,
        topic_id=topic_id,
    )


def _rfc3339(seconds: float) -> str:
    return utc_text(dt.datetime.fromtimestamp(seconds, dt.UTC))
