"""A batch on its way through the worker: as it was read, as it was ruled on, as it was committed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from confluent_kafka import Message

from pipeline.kafka.transactions import ReadUpTo
from pipeline.screening.gate import Judged, Ruled


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one poll, with their places and Kafka's timestamps (milliseconds since 1970 UTC), and when the gate received
    them (seconds on its own monotonic clock)."""

    messages: list[Message]
    partitions: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    stamps: npt.NDArray[np.int64]
    arrived: float = field(default_factory=time.monotonic)

    def next_offsets(self) -> dict[int, int]:
        """By partition the offset behind these records."""
        return {
            partition: int(self.offsets[self.partitions == partition][-1]) + 1
            for partition in np.unique(self.partitions).tolist()
        }


@dataclass(frozen=True, slots=True)
class Batch:
    """Records and what was ruled on them, and under which ownership; `read` is the input that is done with them."""

    records: Records
    ruled: Ruled
    read: ReadUpTo
    epoch: int
    rule_seconds: float


@dataclass(frozen=True, slots=True)
class Commit:
    """A batch that is committed, with the seconds that encoding and the transaction took."""

    batch: Batch
    judged: Judged
    write_seconds: float
    commit_seconds: float
