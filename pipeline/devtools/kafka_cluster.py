"""Three brokers on this machine: what is right with one may lose or double something when leaders move and replicas lag.

Each is broker and controller at once (KRaft). Whatever a client may rely on has three copies, of which two must have a record
before it counts, so that any one of the three may die.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from pipeline.devtools.kafka import LocalKafka, Member, new_cluster_id
from pipeline.devtools.kafka_places import free_ports

SIZE = 3

_REPLICATED = {
    name: value
    for topic, value in (("replication.factor", "3"), ("min.isr", "2"))
    for name in (f"transaction.state.log.{topic}", f"share.coordinator.state.topic.{topic}")
} | {
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    # A dead broker's partitions have a new leader when its session is over, and a replica that lags is left out in time.
    "replica.lag.time.max.ms": "5000",
    "unclean.leader.election.enable": "false",
    "controlled.shutdown.enable": "true",
}


class LocalKafkaCluster:
    """Three brokers with fixed addresses. Each may be stopped, killed and started again by itself: `brokers[1].kill()`."""

    def __init__(self, data_dir: Path, *, heap_mb: int = 384) -> None:
        ports = free_ports(2 * SIZE)
        pairs = list(zip(ports[::2], ports[1::2], strict=True))
        voters = ",".join(f"{node}@127.0.0.1:{pair[1]}" for node, pair in enumerate(pairs, 1))
        cluster_id = new_cluster_id()
        self.brokers: Sequence[LocalKafka] = [
            LocalKafka(
                data_dir / f"broker-{node}",
                heap_mb=heap_mb,
                properties=_REPLICATED,
                member=Member(node, cluster_id, voters, pair),
            )
            for node, pair in enumerate(pairs, 1)
        ]

    @property
    def bootstrap_servers(self) -> str:
        """Addresses of all three, so that a client finds the cluster whichever of them is away."""
        return ",".join(broker.bootstrap_servers for broker in self.brokers)

    def start(self) -> Self:
        """Starts all three side by side, since one alone waits for a majority. Raises LocalKafkaError."""
        with ThreadPoolExecutor(SIZE) as together, contextlib.ExitStack() as undo:
            undo.callback(self.stop)
            for started in [together.submit(broker.start) for broker in self.brokers]:
                started.result()
            undo.pop_all()
        return self

    def stop(self) -> None:
        """Stops all three. The last two cannot hand over to a majority, so none is given long."""
        with ThreadPoolExecutor(SIZE) as together:
            list(together.map(lambda broker: broker.stop(grace=8.0), self.brokers))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()
