"""Reading partitions up to their ends: what comes later is left out, and in front of an open transaction is no end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError

from pipeline.kafka.diagnostics import ClusterError
from pipeline.kafka.reading import Batch, up_to_end

END = KafkaError._PARTITION_EOF


class Told:
    """A record, or what the client says in place of one: the code of an error, and whether it tries again."""

    def __init__(self, partition: int, offset: int, code: int | None = None, *, tries_again: bool = False) -> None:
        self._place, self._code, self._tries_again = (partition, offset), code, tries_again

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return self._place[0]

    def offset(self) -> int:
        return self._place[1]

    def error(self) -> KafkaError | None:
        return None if self._code is None else KafkaError(self._code, retriable=self._tries_again)


class Telling:
    """A consumer that has this to tell, a batch at a time."""

    def __init__(self, *batches: list[Told]) -> None:
        self.left = list(batches)
        self.assigned: dict[int, int] = {}

    def assign(self, places: Iterable[Any]) -> None:
        self.assigned = {place.partition: place.offset for place in places}

    def consume(self, _most: int, _within_s: float) -> list[Told]:
        return self.left.pop(0)


def read(consumer: Telling, starts: dict[int, int], ends: dict[int, int] | None = None) -> list[Batch]:
    return list(up_to_end(cast("Consumer", consumer), "t", starts, ends))


def places(batches: list[Batch]) -> list[tuple[int | None, int | None]]:
    return [(message.partition(), message.offset()) for batch in batches for message in batch.records]


def test_what_comes_later_in_a_partition_that_has_ended_is_left_out() -> None:
    consumer = Telling(
        [Told(0, 5), Told(0, 6, END), Told(0, 6), Told(1, 0)],
        [Told(0, 7), Told(1, 1)],
        [Told(1, 2, END)],
    )
    batches = read(consumer, {0: 5, 1: 0})
    assert places(batches) == [(0, 5), (1, 0), (1, 1)]
    assert [batch.caught_up for batch in batches] == [False, False, True]
    assert consumer.assigned == {0: 5, 1: 0}


def test_in_front_of_a_transaction_that_is_open_is_no_end_and_behind_its_mark_is_one() -> None:
    consumer = Telling([Told(0, 0), Told(0, 1, END)], [], [Told(0, 1), Told(0, 3, END)])
    batches = read(consumer, {0: 0}, ends={0: 3})
    assert places(batches) == [(0, 0), (0, 1)]
    assert [batch.next_offset for batch in batches] == [{0: 1}, {}, {0: 3}]


def test_without_a_partition_there_is_nothing_to_read() -> None:
    assert read(Telling(), {}) == []


def test_what_the_client_mends_by_itself_is_waited_for_and_the_rest_ends_the_reading() -> None:
    moved = Told(0, -1, KafkaError.NOT_LEADER_FOR_PARTITION, tries_again=True)
    assert places(read(Telling([moved], [Told(0, 0), Told(0, 1, END)]), {0: 0})) == [(0, 0)]
    with pytest.raises(ClusterError, match="cannot read t"):
        read(Telling([Told(0, -1, KafkaError.TOPIC_AUTHORIZATION_FAILED)]), {0: 0})
