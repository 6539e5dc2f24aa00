"""Asks how far the control plane has come, before anything is read."""

from __future__ import annotations

import time

from pipeline.kafka.offsets import Extent, group_extents
from pipeline.settings.model import Settings
from topics.catalogue import TopicSpec

FIRST_COMMIT_S = 5.0
"""A control plane commits every second. One that has just begun, and has published but not committed, has done so by then."""

_AGAIN_S = 0.2


def control_extents(settings: Settings, *topics: TopicSpec) -> dict[str, dict[int, Extent]]:
    """The extents of topics, by name, with what the control plane's group has committed. Raises ClusterError.

    A group that has committed nothing of any of them, though there are records, is given the time of its first commit: taken as
    done with everything, it would be wrong in all that it has not come to yet.
    """
    deadline = time.monotonic() + FIRST_COMMIT_S
    while True:
        found = {spec.name: group_extents(settings, spec.name, settings.control_group_id) for spec in topics}
        every = [extent for extents in found.values() for extent in extents.values()]
        begun = any(extent.committed is not None for extent in every)
        if begun or not any(extent.high for extent in every) or time.monotonic() > deadline:
            return found
        time.sleep(_AGAIN_S)
