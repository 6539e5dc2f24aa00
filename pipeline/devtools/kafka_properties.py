"""Settings of the single-node Apache Kafka that differ from its defaults: one replica, quick joins, large messages."""

from __future__ import annotations

# 12 MiB: the product promises to turn 10 MB values into dead letters, so they must fit with headers and batch overhead.
_MESSAGE_BYTES = 12 * 1024 * 1024

PROPERTIES: dict[str, str] = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    # One node carries every replica; a few partitions of internal state start and recover faster than the usual fifty.
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "auto.create.topics.enable": "false",
    # Crash tests wait for what these bound: joins, dead members, and transactions that their owner left open.
    # A killed broker may register again only when its former self's session is over (9 s by default).
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "500",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "group.consumer.min.session.timeout.ms": "1000",
    "group.consumer.min.heartbeat.interval.ms": "250",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    "message.max.bytes": str(_MESSAGE_BYTES),
    "replica.fetch.max.bytes": str(_MESSAGE_BYTES),
    # The usual 128 MB of clean-up buffer would be a quarter of the small heap.
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
}
