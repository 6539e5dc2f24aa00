"""Finds records that another program wrote into a partition of our tables, and corrects them.

Other owners cannot write here, since they are fenced; other programs can, such as `screening load standing` or a tool that sends
a tombstone. The owner writes a table's partition alone, so that every record there stands where its own transactions put it,
each followed by one mark; what stands elsewhere is a stranger's, a tombstone too. The newest record of each key is then made the
owner's again. What was written while no owner was there is found by the dossiers, which the standings are held against at start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from confluent_kafka.admin import AdminClient

from pipeline.control.faust.restore import restore
from pipeline.control.faust.state_store import StateStore
from pipeline.control.publisher import Place, Standing
from pipeline.kafka.offsets import ends
from pipeline.settings.model import Settings

_ASK_TIMEOUT_S = 5.0


@dataclass(slots=True)
class Watch:
    """Where the owner's own records end in each table's partition, and from where on something foreign is supposed."""

    ends: dict[Place, int] = field(default_factory=dict)
    """Behind the last record of the owner and the mark of its transaction."""
    doubts: dict[Place, int] = field(default_factory=dict)
    """The first offset to look at."""

    def begin(self, where: Place, known: int) -> None:
        """The partition is known up to this offset."""
        self.ends[where] = known + 1
        self.doubts.pop(where, None)

    def wrote(self, where: Place, standing: Standing, known: int) -> None:
        """Notes where a batch of the owner stands; `known` is the offset up to which the partition was known before."""
        gap = standing.first > self.ends.get(where, standing.first)
        if gap or standing.last - standing.first + 1 != standing.count:
            self.doubts.setdefault(where, known + 1)
        self.ends[where] = standing.last + 2

    def compare(self, admin: AdminClient, known: Mapping[Place, int]) -> None:
        """Asks the brokers whether partitions have become longer than the owner's records explain. Blocks.

        `known` are the offsets up to which they are known. Raises KafkaException or TimeoutError.
        """
        for where, end in ends(admin, known, committed=False, within_s=_ASK_TIMEOUT_S).items():
            if end > self.ends.get(where, known[where] + 1):
                self.doubts.setdefault(where, known[where] + 1)


@dataclass(slots=True)
class _Range:
    """What stands from an offset on: the last value of each key, None where it was removed."""

    offset: int
    found: dict[bytes, bytes | None] = field(default_factory=dict)

    def write(self, changes: Mapping[bytes, bytes | None], offset: int) -> None:
        self.found.update(changes)
        self.offset = offset

    def clear(self) -> None:
        """Of another topic of that name nothing is ours."""


def look(settings: Settings, where: Place, start: int, store: StateStore) -> tuple[dict[bytes, bytes | None], int]:
    """Keys whose last value from `start` on is not the owner's, with the owner's; and the last offset looked at. Blocks.

    Raises RestoreError.
    """
    topic, partition = where
    told = _Range(start - 1)
    restore(settings, topic, {partition: told})
    ours = {key: store.get(key) for key in told.found}
    return {key: value for key, value in ours.items() if value != told.found[key]}, told.offset
