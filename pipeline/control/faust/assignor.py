"""Who is given which partitions of the control plane's input: all of it, or nobody anything."""

from __future__ import annotations

from typing import Any

from faust.assignor.partition_assignor import PartitionAssignor


class TopicNotShown(RuntimeError):
    """The brokers do not show a topic that is to be assigned, as just after one of them was started."""


class Assignor(PartitionAssignor):
    """Faust's assignor, which leaves no topic out.

    Faust 0.15.3 ignores a topic that the leader's view of the cluster lacks for a moment. Then nobody is given its partitions,
    all are content, and events wait for the next rebalance, which may never come. A refusal makes the leader begin anew;
    `ControlApp.keep_joining` sees to that.
    """

    @classmethod
    def _get_copartitioned_groups(cls, topics: set[str], cluster: Any, subscriptions: Any) -> Any:
        missing = sorted(topic for topic in topics if not cluster.partitions_for_topic(topic))
        if missing:
            raise TopicNotShown(f"the brokers do not show {', '.join(missing)} at this moment")
        return super()._get_copartitioned_groups(topics, cluster, subscriptions)
