"""Where a group goes on is found out although the client that asks has lost its coordinator."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from pipeline.kafka import offsets
from pipeline.kafka.offsets import GroupOffsets
from pipeline.kafka.patience import patiently


class Client:
    """Answers, or waits in vain."""

    def __init__(self, *, lost: bool) -> None:
        self.lost, self.asked = lost, 0

    def committed(self, places: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        self.asked += 1
        if self.lost:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "Failed to get committed offsets"))
        return [TopicPartition(place.topic, place.partition, 7) for place in places]

    def get_watermark_offsets(self, _place: TopicPartition, timeout: float, *, cached: bool) -> tuple[int, int]:
        return 2, 9


def test_partitions_are_taken_over_by_a_member_whose_client_has_lost_the_coordinator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member, stranger = Client(lost=True), Client(lost=False)

    @contextmanager
    def asking(_settings: object, _group: str):
        yield stranger

    monkeypatch.setattr(offsets, "asking", asking)
    group = GroupOffsets(SimpleNamespace(), "screening", member)  # type: ignore[arg-type]
    told: list[Exception] = []

    found = patiently(lambda: group.ask("claims", [3, 4], 5.0), lambda: member.asked > 3, told.append)

    assert [(place.partition, place.offset, low, high) for place, low, high in found or []] == [
        (3, 7, 2, 9),
        (4, 7, 2, 9),
    ]
    assert (member.asked, stranger.asked, len(told)) == (1, 1, 1)
    member.lost = False
    assert len(group.ask("claims", [3], 5.0)) == 1
    assert (member.asked, stranger.asked) == (2, 1), "who has answered is asked first again"
