"""A batch of claims is committed only while the topic that it was read from is still there under its name.

Offsets are numbers. A topic that was deleted and made again has the same ones, and who reads on at an old position reads other
claims under them, before anybody has said that the topic is another.
"""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from pipeline.kafka import transactions
from pipeline.kafka.transactions import Objection, ReadUpTo, TransactionAborted, TransactionWriter
from pipeline.screening import input_watch
from pipeline.screening.input_watch import InputWatch
from pipeline.settings.model import Settings
from pipeline.telemetry.gate_metrics import GateMetrics


class Brokers:
    """Answers as told when asked what the topic's id is, one question after the other."""

    def __init__(self, *answers: str | KafkaError | None) -> None:
        self.answers = list(answers)

    def describe_topics(self, topics: Any, request_timeout: float) -> dict[str, Future[Any]]:
        assert request_timeout > 0
        answer, told = self.answers.pop(0), Future[Any]()
        if isinstance(answer, KafkaError):
            told.set_exception(KafkaException(answer))
        elif answer is not None:
            told.set_result(SimpleNamespace(topic_id=answer))
        return {"claims": told}


def against(monkeypatch: pytest.MonkeyPatch, *answers: str | KafkaError | None) -> str | None:
    """Under what name a batch that was read from the topic `old` is rolled back; None: it is committed."""
    monkeypatch.setattr(input_watch, "_ASK_WITHIN_S", 0.01)
    monkeypatch.setattr(input_watch, "_ASK_AGAIN_S", 0.0)
    monkeypatch.setattr(input_watch, "_TOLD_WITHIN_S", 0.1)
    watch = InputWatch(Settings(), GateMetrics(), set)
    monkeypatch.setattr(watch, "_admin", Brokers(*answers))
    found = watch.same_topic("old")()
    return None if found is None else found.cause


def test_a_batch_read_from_a_topic_that_was_made_again_is_rolled_back(monkeypatch: pytest.MonkeyPatch) -> None:
    assert against(monkeypatch, "old") is None
    assert against(monkeypatch, "new") == "topic_made_again"


def test_while_the_topic_is_away_nothing_read_from_it_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert against(monkeypatch, KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)) == "topic_id_not_told"


def test_a_broker_that_dies_when_it_is_asked_costs_no_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert against(monkeypatch, KafkaError(KafkaError._TRANSPORT), None, "old") is None
    assert against(monkeypatch, *[None] * 100) == "topic_id_not_told", "and where nobody answers, it is read again"


class Client:
    """A transactional producer that notes what it is told to do."""

    def __init__(self, _options: dict[str, Any]) -> None:
        self.done: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *_given: self.done.append(name)


def test_what_speaks_against_a_commit_is_asked_last_and_undoes_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "Producer", Client)
    writer = TransactionWriter(Settings(), "w1")
    client: Any = writer._producer
    read = ReadUpTo([TopicPartition("claims", 0, 5)], object())
    writer.commit([], read)
    assert client.done == ["begin_transaction", "send_offsets_to_transaction", "commit_transaction"]

    client.done.clear()
    with pytest.raises(TransactionAborted) as aborted:
        writer.commit([], read, objection=lambda: Objection("topic_made_again", "another id"))
    assert client.done == ["begin_transaction", "send_offsets_to_transaction", "abort_transaction"]
    assert aborted.value.cause == "topic_made_again"
