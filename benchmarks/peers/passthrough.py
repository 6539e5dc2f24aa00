"""The limit: claims copied unchanged to another topic, exactly once, in batches, with nothing decoded.

No program that reads the same topic with the same client library and writes a record for each claim can be faster.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

from confluent_kafka import Consumer, Producer

from .job import Settings

_BATCH = int(os.environ.get("PEER_BATCH", "20000"))


def main() -> None:
    """Copy until SIGTERM."""
    settings = Settings.from_environment()
    stopping = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            "group.id": settings.group_id,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "fetch.min.bytes": 100_000,
            "fetch.wait.max.ms": 20,
            "max.partition.fetch.bytes": 8_000_000,
            "queued.min.messages": 200_000,
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            "transactional.id": settings.group_id,
            "linger.ms": 5,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 500_000,
            "compression.type": os.environ.get("PEER_COMPRESSION", "none"),
        }
    )
    producer.init_transactions(30)
    consumer.subscribe(["claims"])
    output = f"{settings.output_prefix}claim-verdicts"
    print("READY", flush=True)
    while not stopping:
        messages = consumer.consume(_BATCH, timeout=0.2)
        if not messages:
            continue
        for message in messages:
            if message.error():
                raise RuntimeError(message.error())
        producer.begin_transaction()
        producer.produce_batch(output, [{"key": message.key(), "value": message.value()} for message in messages])
        producer.send_offsets_to_transaction(
            consumer.position(consumer.assignment()), consumer.consumer_group_metadata()
        )
        producer.commit_transaction()
    consumer.close()


if __name__ == "__main__":
    main()
