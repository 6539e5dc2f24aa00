"""What every start of a local Apache Kafka would compute anew, computed once and kept beside its jars."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from pipeline.devtools.kafka import START_SECONDS, LocalKafka
from pipeline.devtools.kafka_jars import FEATURES, class_archive, ensure_jars, formatted, locked

_KEEP_CLASSES_SECONDS = 600.0
"""Java writes its classes down when it is told to stop, in ten seconds, or in half a minute where others compute as well."""


def prepare() -> None:
    """Fetches the jars, and keeps what would be computed anew at every start of a broker: the classes that one loads, as Java
    archives them, and the features of a freshly formatted folder. With both it starts with a third of the CPU.

    Without them everything works as well. Raises LocalKafkaError.
    """
    jars = ensure_jars()
    archive, features = class_archive(jars), formatted(jars)
    if (archive.is_file() and features.is_file()) or not os.access(jars, os.W_OK):
        return
    with locked(jars.with_name(jars.name + ".lock")), tempfile.TemporaryDirectory(prefix=".classes-", dir=jars) as name:
        if archive.is_file() and features.is_file():
            return
        made = Path(name) / archive.name
        broker = LocalKafka(Path(name) / "kafka", archive_to=made)
        broker.start()
        try:
            _work_once(broker.bootstrap_servers)
        finally:
            broker.stop(grace=_KEEP_CLASSES_SECONDS)
        if made.is_file():
            made.rename(archive)
        (broker.logs_dir / FEATURES).rename(features)


def _work_once(bootstrap: str) -> None:
    """What tests ask of a broker, once, so that its classes are loaded: a topic, a transaction with offsets, a group."""
    client: dict[str, str | int | float | bool] = {"bootstrap.servers": bootstrap, "log_level": 0}
    admin = AdminClient(client)
    admin.create_topics([NewTopic("work", 3, 1)])["work"].result(START_SECONDS)
    reader = Consumer(client | {"group.id": "work", "auto.offset.reset": "earliest", "enable.auto.commit": False})
    writer = Producer(client | {"transactional.id": "work"})
    try:
        reader.subscribe(["work"])
        writer.init_transactions(START_SECONDS)
        writer.begin_transaction()
        writer.produce("work", b"value", b"key")
        writer.send_offsets_to_transaction(
            [TopicPartition("work", 0, 0)], reader.consumer_group_metadata(), START_SECONDS
        )
        writer.commit_transaction(START_SECONDS)
        until = time.monotonic() + START_SECONDS
        while reader.poll(0.2) is None and time.monotonic() < until:
            pass
    finally:
        reader.close()
    admin.delete_topics(["work"])["work"].result(START_SECONDS)
