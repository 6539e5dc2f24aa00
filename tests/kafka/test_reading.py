"""A topic is read to its end, or whoever reads it is told why not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import Consumer
from confluent_kafka.admin import NewTopic

from pipeline.kafka import reading
from pipeline.kafka.diagnostics import ClusterError
from pipeline.settings.model import Settings
from tests.support.cluster import Cluster
from tests.support.waiting import wait_for

TOPIC = "read-while-deleted"


def whole(settings: Settings) -> None:
    """Reads all of it."""
    list(reading.read_to_end(settings, TOPIC))


def first(settings: Settings) -> None:
    """Asks for its first record."""
    reading.first_record(settings, TOPIC, 0, 0)


@pytest.mark.kafka
@pytest.mark.parametrize("read", [whole, first])
def test_a_topic_that_is_deleted_while_it_is_read_is_named(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, read: Callable[[Settings], None]
) -> None:
    class Deleting(Consumer):
        """Its topic goes between the question for its partitions and the first record."""

        def assign(self, partitions):
            cluster.admin.delete_topics([TOPIC])[TOPIC].result(30)
            wait_for("the topic is gone", lambda: TOPIC not in cluster.topics())
            super().assign(partitions)

    cluster.admin.create_topics([NewTopic(TOPIC, 2, 1)])[TOPIC].result(30)
    wait_for("the topic is shown", lambda: TOPIC in cluster.topics())
    monkeypatch.setattr(reading, "Consumer", Deleting)
    with pytest.raises(ClusterError, match=f"{TOPIC} was deleted while it was being read"):
        read(cluster.settings())
