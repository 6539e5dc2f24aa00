"""Asks how far the control plane has come, before anything is read."""

from __future__ import annotations

import time

from pipeline.kafka.offsets import PartitionOffsets, group_offsets
from pipeline.settings.model import Settings
from topics.catalogue import TopicSpec

FIRST_COMMIT_S = 5.0
"""A control plane commits every second. One that has just begun, and has published but not committed, has done so by then."""

_AGAIN_S = 0.2


def control_offsets(settings: Settings, *topics: TopicSpec) -> dict[str, dict[int, PartitionOffsets]]:
    """The offsets of topics, by name, with what the control plane's group has committed. Raises ClusterError.

    A group that has committed nothing of any of them, though there are records, is given the time of its first commit: taken as
    done with everything, it would be wrong in all that it has not come to yet.
    """
    deadline = time.monotonic() + FIRST_COMMIT_S
    while True:
        found = {spec.name: group_offsets(settings, spec.name, settings.control_group_id) for spec in topics}
        every = [offsets for of_topic in found.values() for offsets in of_topic.values()]
        begun = any(offsets.committed is not None for offsets in every)
        if begun or not any(offsets.high for offsets in every) or time.monotonic() > deadline:
            return found
        time.sleep(_AGAIN_S)
