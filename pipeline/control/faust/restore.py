"""Reading a table's changelog into its stores, through librdkafka.

Faust's own recovery handles records one at a time in Python and takes the marks that end transactions for records still to
come; it is told that the tables are complete, and this makes them so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from pipeline.kafka.diagnostics import ClusterError
from pipeline.kafka.offsets import ends
from pipeline.kafka.reading import committed_only, up_to_end
from pipeline.kafka.records import key, place
from pipeline.settings.model import Settings

_SILENT_S = 60.0
_ASK_TIMEOUT_S = 15.0


class RestoreError(RuntimeError):
    """A changelog cannot be read to its end; the message says why."""


class Restorable(Protocol):
    """What a partition of a changelog is read into."""

    @property
    def offset(self) -> int:
        """The last offset that is known; -1: none."""

    def write(self, changes: Mapping[bytes, bytes | None], offset: int) -> None:
        """Takes changes (None removes a key) and knows the changelog up to `offset`."""

    def clear(self) -> None:
        """Forgets everything, offset included."""


def restore(
    settings: Settings, topic: str, stores: Mapping[int, Restorable], go_on: Callable[[], bool] = lambda: True
) -> int:
    """Brings the stores of these partitions up to the very end of the changelog as of now; returns the records read.

    Committed records alone. While a transaction is open there, its end is waited for: what was committed behind its beginning
    cannot be read before. A store that knows more than the changelog holds belongs to another topic of that name and is begun
    anew. Raises RestoreError when the brokers stay silent. Blocks: to be called on a thread of its own.
    """
    consumer = Consumer(
        committed_only(
            settings,
            f"{settings.control_group_id}-restore",
            fetch__queue__backoff__ms=5,
            # How long the brokers keep a question for more open: the end of a topic would be known that much later.
            fetch__wait__max__ms=10,
            queued__max__messages__kbytes=65_536,
        )
    )
    try:
        wanted = ends(
            AdminClient(settings.client()),
            [(topic, number) for number in stores],
            committed=False,
            within_s=_ASK_TIMEOUT_S,
        )
        ended = {number: wanted[topic, number] for number in stores}
        return _read(consumer, topic, stores, ended, _where_to_start(consumer, topic, stores, ended), go_on)
    except ClusterError as error:
        raise RestoreError(str(error)) from error
    except KafkaException as error:
        raise RestoreError(f"cannot read {topic}: {error.args[0].str()}") from error
    except TimeoutError:
        raise RestoreError(f"cannot read {topic}: the brokers do not say where it ends") from None
    finally:
        consumer.close()


def _where_to_start(
    consumer: Consumer, topic: str, stores: Mapping[int, Restorable], ended: Mapping[int, int]
) -> dict[int, int]:
    """The partitions that hold more than their store, with the offset to start at."""
    starts = {}
    for partition, store in stores.items():
        low, _ = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_ASK_TIMEOUT_S)
        if store.offset >= ended[partition]:
            store.clear()
        start = max(low, store.offset + 1)
        if start < ended[partition]:
            starts[partition] = start
    return starts


def _read(
    consumer: Consumer,
    topic: str,
    stores: Mapping[int, Restorable],
    ended: Mapping[int, int],
    starts: dict[int, int],
    go_on: Callable[[], bool],
) -> int:
    count, heard = 0, time.monotonic()
    for batch in up_to_end(consumer, topic, starts, ended):
        changes: dict[int, dict[bytes, bytes | None]] = {partition: {} for partition in batch.next_offset}
        for message in batch.records:
            changes[place(message)[1]][key(message) or b""] = message.value()
        for partition, offset in batch.next_offset.items():
            stores[partition].write(changes[partition], max(offset - 1, stores[partition].offset))
        count += len(batch.records)
        if batch.records:
            heard = time.monotonic()
        elif not batch.caught_up and time.monotonic() - heard > _SILENT_S:
            raise RestoreError(
                f"cannot read {topic} to its end: nothing came for {_SILENT_S:.0f} s; the brokers are silent, or somebody has "
                "a transaction open there"
            )
        if not go_on():
            break
    return count
