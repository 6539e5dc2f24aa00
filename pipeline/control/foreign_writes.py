"""Records that another process wrote into a partition of ours, and what is done about them.

Faust gives no fencing: a process that wakes from a halt in the middle of sending may still get records out, after its
partitions were given away (see `pulse`). The owner writes a table's partition alone, so that every offset there is one of its
own; one that is not is a stranger's. What the stranger knew better is taken over, and what it knew less well is written over,
so that the newest record of a key is again the right one.
"""

from __future__ import annotations

import msgspec
from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from pipeline.control.faust.restore import restore
from pipeline.control.faust.state_store import MemoryStateStore, StateStore
from pipeline.control.publisher import Written
from pipeline.settings.model import Settings

Place = tuple[str, int]
"""Topic and partition."""

_ASK_TIMEOUT_S = 5.0


def gaps(written: Written, before: dict[Place, int]) -> dict[Place, int]:
    """Where a batch did not come to stand right behind the offset known before: the first offset in doubt of each."""
    return {
        where: before[where] + 1
        for where, first in written.first.items()
        if where in before and (first != before[where] + 1 or written.last[where] - first + 1 != written.count[where])
    }


def beyond(admin: AdminClient, known: dict[Place, int]) -> dict[Place, int]:
    """Partitions that have become longer than their store knows: the first offset in doubt of each. Blocks."""
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # the client leaves it untyped
    asked = {TopicPartition(topic, partition): latest for topic, partition in known}
    answers = admin.list_offsets(asked, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=_ASK_TIMEOUT_S)
    found = {}
    for where, future in answers.items():
        place = (where.topic, where.partition)
        if future.result(_ASK_TIMEOUT_S).offset > known[place] + 1:
            found[place] = known[place] + 1
    return found


def settle(
    settings: Settings, where: Place, start: int, store: StateStore
) -> tuple[dict[bytes, bytes], dict[bytes, bytes], int]:
    """Reads a partition from an offset on: what to take over, what to write over, and the last offset read. Blocks."""
    topic, partition = where
    told = MemoryStateStore(start - 1)
    restore(settings, topic, {partition: told})
    adopt: dict[bytes, bytes] = {}
    rewrite: dict[bytes, bytes] = {}
    for key, value in told.items_from(b""):
        ours = store.get(key)
        if ours is None or (ours != value and _rank(value) > _rank(ours)):
            adopt[key] = value
        elif ours != value:
            rewrite[key] = ours
    return adopt, rewrite, told.offset


class _Revised(msgspec.Struct):
    revision: int = 0


def _rank(value: bytes) -> tuple[int, int]:
    """Which of two values knows more: the higher revision; of those without any, the longer, since files only grow."""
    try:
        return msgspec.json.decode(value, type=_Revised).revision, len(value)
    except msgspec.MsgspecError:
        return -1, 0
