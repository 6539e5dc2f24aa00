"""A batch on its way through the worker: as it was read, as it was ruled on, as it was committed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from confluent_kafka import Message

from pipeline.kafka.transactions import ReadUpTo
from pipeline.screening.gate import Judged, Ruled


@dataclass(slots=True)
class Refusal:
    """A batch that the brokers refused for its size and that is tried again in parts: how many of its records are not
    committed yet, and whether one of them was to blame, and not that so many were sent at once."""

    left: int
    one_to_blame: bool = False


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one poll, with their places and Kafka's timestamps (milliseconds since 1970 UTC), and when the gate received
    them (seconds on its own monotonic clock).

    `refusal` is that of the batch that they are a part of. `unwritable` is what the brokers said of what follows from this
    record, which is then alone.
    """

    messages: list[Message]
    partitions: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    stamps: npt.NDArray[np.int64]
    arrived: float = field(default_factory=time.monotonic)
    refusal: Refusal | None = None
    unwritable: str | None = None

    def halves(self, refusal: Refusal) -> list[Records]:
        """Two parts in their order. There must be more records than one."""
        middle = len(self.messages) // 2
        return [
            replace(
                self,
                messages=self.messages[part],
                partitions=self.partitions[part],
                offsets=self.offsets[part],
                stamps=self.stamps[part],
                refusal=refusal,
            )
            for part in (slice(None, middle), slice(middle, None))
        ]

    def next_offsets(self) -> dict[int, int]:
        """By partition the offset behind these records."""
        return {
            partition: int(self.offsets[self.partitions == partition][-1]) + 1
            for partition in np.unique(self.partitions).tolist()
        }


@dataclass(frozen=True, slots=True)
class Batch:
    """Records and what was ruled on them, and under which ownership; `read` is the input that is done with them, `topic_id` the
    id of the topic that they were read from (None: not told)."""

    records: Records
    ruled: Ruled
    read: ReadUpTo
    epoch: int
    rule_seconds: float
    topic_id: str | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """A batch that is committed, with the seconds that encoding and the transaction took."""

    batch: Batch
    judged: Judged
    write_seconds: float
    commit_seconds: float
