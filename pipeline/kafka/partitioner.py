"""Which partition a key belongs to."""

from __future__ import annotations

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key, as every producer of this product and Kafka's own clients compute it."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


def standing_partition(key: bytes, partitions: int) -> int:
    """The partition of a standing (`region|code`): that of its code's events, where the control plane keeps it.

    A key that stood in two partitions would have two newest records.
    """
    return partition_of(key.partition(b"|")[2], partitions)
