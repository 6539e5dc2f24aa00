"""A cluster of three keeps what it was given when any one of them dies; a smaller one says what it cannot give."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from pipeline.devtools.kafka_cluster import LocalKafkaCluster
from pipeline.kafka.admin import Durability, durability
from pipeline.kafka.diagnostics import ClusterError
from tests.support.cluster import Cluster
from tests.support.waiting import wait_for
from topics.catalogue import CATALOGUE

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafkaCluster]:
    with LocalKafkaCluster(tmp_path_factory.mktemp("three")) as made:
        yield made


def test_three_brokers_keep_three_copies_of_which_two_must_have_a_record_and_one_may_die(
    three: LocalKafkaCluster,
) -> None:
    cluster = Cluster(three)
    wait_for("all three brokers answer", lambda: len(cluster.admin.list_topics(timeout=20).brokers) == 3)
    small = [word for spec in CATALOGUE for word in ("--partitions", f"{spec.name}=1")]
    done = cluster.screening("topics", "apply", "--json", *small)
    assert done.returncode == 0, done.stderr
    assert {state["copies"] for state in json.loads(done.stdout)} == {3}
    assert "lose records" not in done.stderr

    three.brokers[0].kill()
    assert cluster.send("claims", [{"key": "C1", "value": b"{}"}]) == 1
    assert [record.value for record in cluster.read("claims")] == [b"{}"]
    three.brokers[0].start()
    wait_for("the third has every copy again", lambda: all(
        len(partition.isrs) == 3 for partition in cluster.admin.list_topics("claims", timeout=20).topics["claims"].partitions.values()
    ))  # fmt: skip

    more = cluster.screening("topics", "apply", "--replication", "4", *small)
    assert more.returncode == 1
    assert "need 4 brokers, and the cluster has 3" in more.stderr


def test_one_broker_says_that_its_loss_loses_records_and_what_it_cannot_give(cluster: Cluster) -> None:
    small = [
        word for spec in CATALOGUE for word in ("--partitions", f"{spec.name}={6 if spec.name == 'claims' else 3}")
    ]
    done = cluster.screening("topics", "apply", *small)
    assert "The cluster has 1 broker" in done.stderr
    assert "can lose records" in done.stderr
    asked = cluster.screening("topics", "apply", "--replication", "3")
    assert asked.returncode == 1
    assert "3 copies of a topic need 3 brokers, and the cluster has 1" in asked.stderr


def test_by_default_a_majority_of_three_copies_and_never_more_than_there_are_brokers() -> None:
    assert [durability(brokers) for brokers in (1, 2, 3, 9)] == [
        Durability(1, 1), Durability(2, 1), Durability(3, 2), Durability(3, 2),
    ]  # fmt: skip
    assert durability(5, copies=5, in_sync=3) == Durability(5, 3)
    with pytest.raises(ClusterError, match="nothing could be written"):
        durability(3, in_sync=4)
