"""Reading a table's changelog into its stores, through librdkafka.

Faust's own recovery handles records one at a time in Python. It stays as the last step: it finds the tables complete.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pipeline.control.faust.state_store import StateStore
from pipeline.kafka.records import key, place
from pipeline.settings.model import Settings

_READ_AT_ONCE = 10_000
_SILENT_S = 60.0
_ASK_TIMEOUT_S = 15.0


class RestoreError(RuntimeError):
    """A changelog cannot be read to its end; the message says why."""


def restore(
    settings: Settings, topic: str, stores: Mapping[int, StateStore], go_on: Callable[[], bool] = lambda: True
) -> int:
    """Brings the stores of these partitions up to the end of the changelog as of now; returns the records read.

    A store that knows more than the changelog holds belongs to another topic of that name and is begun anew. Raises
    RestoreError when the brokers stay silent. Blocks: to be called on a thread of its own.
    """
    consumer = Consumer(
        settings.client(
            group__id=f"{settings.control_group_id}-restore",
            enable__auto__commit=False,
            enable__auto__offset__store=False,
            auto__offset__reset="earliest",
            enable__partition__eof=True,
            fetch__queue__backoff__ms=5,
            # How long the brokers keep a question for more open: the end of a topic would be known that much later.
            fetch__wait__max__ms=10,
            queued__max__messages__kbytes=65_536,
        )
    )
    try:
        return _read(consumer, topic, stores, _where_to_start(consumer, topic, stores), go_on)
    except KafkaException as error:
        raise RestoreError(f"cannot read {topic}: {error.args[0].str()}") from error
    finally:
        consumer.close()


def _where_to_start(consumer: Consumer, topic: str, stores: Mapping[int, StateStore]) -> dict[int, int]:
    """The partitions that hold more than their store, with the offset to start at."""
    starts = {}
    for partition, store in stores.items():
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_ASK_TIMEOUT_S)
        if store.offset >= high:
            store.clear()
        start = max(low, store.offset + 1)
        if start < high:
            starts[partition] = start
    return starts


def _read(
    consumer: Consumer, topic: str, stores: Mapping[int, StateStore], starts: dict[int, int], go_on: Callable[[], bool]
) -> int:
    consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in starts.items()])
    waiting, count, heard = set(starts), 0, time.monotonic()
    while waiting and go_on():
        found: dict[int, tuple[dict[bytes, bytes | None], int]] = {}
        for message in consumer.consume(_READ_AT_ONCE, 0.2):
            _topic, partition, offset = place(message)
            heard = time.monotonic()
            error = message.error()
            if error is None:
                count += 1
                changes, _ = found.get(partition, ({}, 0))
                changes[key(message) or b""] = message.value()
                found[partition] = (changes, offset)
            elif error.code() == KafkaError._PARTITION_EOF:  # librdkafka's own codes are named so
                waiting.discard(partition)
            elif error.fatal() or not error.retriable():
                raise RestoreError(f"cannot read {topic}: {error.str()}")
        for partition, (changes, offset) in found.items():
            stores[partition].write(changes, offset)
        if time.monotonic() - heard > _SILENT_S:
            raise RestoreError(f"cannot read {topic}: the brokers were silent for {_SILENT_S:.0f} s")
    return count
