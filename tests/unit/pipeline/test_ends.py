"""Where a topic ends is asked again when a broker has died, and a silence is never taken for an end.

The answers are those of librdkafka 2.16 on three brokers of which one was killed: a client goes on asking the leaders that it
knew, and is told -1001 without an error, or that its epoch is old, until it asks who leads now.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition

from pipeline.kafka.offsets import ends


class Client:
    """Answers as told, one question after the other; counts how often it was asked who leads."""

    def __init__(self, *answers: int | KafkaException) -> None:
        self.answers = list(answers)
        self.refreshed = 0

    def list_topics(self, _topic: str, timeout: float) -> None:
        assert timeout > 0
        self.refreshed += 1

    def list_offsets(self, asked: dict[TopicPartition, Any], **_how: Any) -> dict[TopicPartition, Future[Any]]:
        answer = self.answers.pop(0)
        made = {}
        for place in asked:
            told: Future[Any] = Future()
            if isinstance(answer, KafkaException):
                told.set_exception(answer)
            else:
                told.set_result(TopicPartition(place.topic, place.partition, answer))
            made[place] = told
        return made


def told(client: Client) -> int:
    return ends(client, [("physician-events", 3)], committed=False)["physician-events", 3]  # type: ignore[arg-type]  # a stand-in


@pytest.mark.parametrize(
    "stale", [OFFSET_INVALID, *(KafkaException(KafkaError(code)) for code in (
        KafkaError.FENCED_LEADER_EPOCH, KafkaError.UNKNOWN_LEADER_EPOCH, KafkaError.NOT_LEADER_FOR_PARTITION,
    ))],
)  # fmt: skip
def test_an_answer_by_the_leaders_of_yesterday_is_asked_again_of_those_of_today(stale: int | KafkaException) -> None:
    client = Client(stale, 17)
    assert told(client) == 17
    assert client.refreshed == 1


def test_a_silence_is_an_error_and_never_an_end() -> None:
    with pytest.raises(KafkaException, match="nobody answers for physician-events/3"):
        told(Client(OFFSET_INVALID, OFFSET_INVALID))


def test_another_error_is_told_at_once() -> None:
    client = Client(KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)), 17)
    with pytest.raises(KafkaException):
        told(client)
    assert client.refreshed == 0
