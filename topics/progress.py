"""The ledger's progress (台账进度): where its records stand, and whether it has reached the ends of its input. Never connects.

Whoever asks whether the register holds everything recorded until a moment asks in this order: 1. the read_committed ends of
the input's partitions at that moment  2. the newest progress record of each partition. When `reached` says yes, everything that
follows from what was recorded until (1) was visible to read_committed readers before (2).
"""

from __future__ import annotations

from collections.abc import Mapping

from topics.catalogue import EVENT_PARTITIONS, PHYSICIAN_EVENTS
from topics.messages.ledger import LedgerProgress


def progress_key(topic: str, partition: int) -> bytes:
    """The key of an input partition's progress, such as `physician-events-3`."""
    return f"{topic}-{partition}".encode()


def progress_partition(topic: str, partition: int, count: int) -> int:
    """The partition of `ledger-progress`, which has `count`, in which an input partition's progress is written.

    Events and cases lie apart, so that no reader of the events' progress waits for a transaction of the cases.
    """
    first = 0 if topic == PHYSICIAN_EVENTS.name else EVENT_PARTITIONS
    return (first + partition) % count


def reached(progress: Mapping[int, LedgerProgress], ends: Mapping[int, int]) -> bool:
    """Whether the ledger has taken everything of one input topic below `ends` (by partition), and all that was sent on."""
    return not behind(progress, ends)


def behind(progress: Mapping[int, LedgerProgress], ends: Mapping[int, int]) -> dict[int, int]:
    """By partition, how many offsets are still to be taken to reach `ends`; partitions that have reached theirs are absent.

    An event that lay in the wrong partition was sent on to the right one, perhaps to behind the end that was asked for:
    whoever has reached the first end must reach the place where the event stands now, too. `progress` is that of one topic; of
    a partition without any, everything is still to be taken, and at least one offset counts.
    """
    wanted = dict(ends)
    for place in progress.values():
        for number, offset in place.sent_on.items():
            wanted[int(number)] = max(offset, wanted.get(int(number), 0))
    missing: dict[int, int] = {}
    for partition, end in wanted.items():
        known = progress.get(partition)
        left = max(1, end) if known is None else end - known.next_offset
        if left > 0:
            missing[partition] = left
    return missing
