"""What is in commit comes to an end: also when the client never answers and no other claim comes, and when the brokers refuse
a record for its size."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest

from pipeline.kafka.transactions import BATCH_BYTES, ReadUpTo, TransactionAborted
from pipeline.screening import committing
from pipeline.screening.batches import Batch, Commit, Records
from pipeline.screening.committing import Committer
from pipeline.screening.gate import Gate
from pipeline.screening.transaction import Output
from pipeline.settings.model import Settings
from pipeline.settings.packs import load_pack_set
from pipeline.telemetry.gate_metrics import GateMetrics
from tests.support.spoiled import claim
from tests.support.waiting import wait_for
from topics.claims.codec import ClaimError
from topics.dead_letters import Code, opened


def unchanged(_known: str | None) -> Callable[[], None]:
    """The topic of claims is what it was."""
    return lambda: None


class Silent:
    """A producer whose commit never answers, as librdkafka's after a sequence that the brokers have not expected."""

    made: ClassVar[list[Silent]] = []
    never = threading.Event()

    def __init__(self, *_given: Any) -> None:
        self.made.append(self)

    def start(self) -> None:
        """Nothing to take over."""


def test_a_commit_that_never_answers_is_given_up_though_no_other_claim_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committing, "TransactionalSink", Silent)
    monkeypatch.setattr(committing, "_COMMIT_WITHIN_S", 0.05)
    monkeypatch.setattr(Committer, "_commit", lambda *_given: Silent.never.wait())
    metrics, forgotten = GateMetrics(), []
    committer = Committer(
        Settings(), Gate(load_pack_set()), metrics, "w1",
        epoch=lambda: 0, forget=lambda: forgotten.append(1), give_back=lambda _parts: None, committed=lambda _commit: None,
        same_topic=unchanged,
    )  # fmt: skip

    batch: Any = object()
    committer.begin(batch)
    wait_for("the worker's turn sees that it is time to look", lambda: committer.busy and committer.idle)
    assert committer.settle() is False

    assert forgotten == [1], "what was read since is read again"
    assert len(Silent.made) == 2, "another producer of the same name goes on"
    assert metrics.registry.get_sample_value("screening_transactions_aborted_total", {"cause": "commit_stuck"}) == 1
    Silent.never.set()


class Narrow:
    """Brokers whose topics take records up to a size, and so much at once, and a worker's turns in front of them."""

    def __init__(self, *, verdict: int = 10_000, letter: int = 10_000, at_once: int = 10_000_000) -> None:
        self.verdict, self.letter, self.at_once = verdict, letter, at_once
        self.taken: list[Output] = []
        self.transactions = 0
        self.forgotten = 0
        self.waiting: deque[Records] = deque()
        self.metrics = GateMetrics()
        self.committed: list[Commit] = []

    def start(self) -> None:
        """Nothing to take over."""

    def commit(self, output: Output) -> None:
        """Takes all or nothing, as a transaction does."""
        self.transactions += 1
        verdicts = [len(record["value"]) for record in (*output.verdicts, *output.cases)]
        letters = [letter_size(record) for record in output.dead_letters]
        if any(size > self.verdict for size in verdicts) or any(size > self.letter for size in letters):
            raise TransactionAborted("MSG_SIZE_TOO_LARGE", "Broker: Message size too large")
        if min(self.batch_bytes, sum(verdicts)) > self.at_once:
            raise TransactionAborted("OUT_OF_ORDER_SEQUENCE_NUMBER", "Broker: Out of order sequence number")
        self.taken.append(output)

    def sink(self, _settings: Settings, _instance: str, _epoch: object, batch_bytes: int = BATCH_BYTES) -> Narrow:
        """Stands in for the producer."""
        self.batch_bytes = batch_bytes
        return self

    def run(self, values: list[bytes], monkeypatch: pytest.MonkeyPatch) -> Committer:
        """Judges a batch as the worker does, until nothing waits or everything has to be read again."""
        monkeypatch.setattr(committing, "TransactionalSink", self.sink)
        gate = Gate(load_pack_set())
        committer = Committer(
            Settings(), gate, self.metrics, "w1", epoch=lambda: 0, forget=self._forget,
            give_back=lambda parts: self.waiting.extendleft(reversed(parts)), committed=self.committed.append,
            same_topic=unchanged,
        )  # fmt: skip
        messages: list[Any] = [Read(offset, value) for offset, value in enumerate(values)]
        numbers = np.arange(len(values), dtype=np.int64)
        self.waiting.append(Records(messages, np.zeros(len(values), np.int32), numbers, numbers))
        while self.waiting:
            records = self.waiting.popleft()
            ruled = (
                gate.rule([item.value() for item in records.messages])
                if records.unwritable is None
                else gate.set_aside(ClaimError("not_writable", records.unwritable))
            )
            committer.begin(Batch(records, ruled, ReadUpTo([], None), 0, 0.0))
            committer.settle()
        return committer

    def _forget(self) -> None:
        self.forgotten += 1
        self.waiting.clear()

    def outcomes(self) -> Counter[int]:
        """How many verdicts and dead letters each offset has."""
        verdicts = [json.loads(record["value"])["source"]["offset"] for out in self.taken for record in out.verdicts]
        letters = [opened(record["headers"]) for record in self.letters()]
        return Counter([*verdicts, *(letter.offset for letter in letters if letter is not None)])

    def letters(self) -> list[dict[str, Any]]:
        """Every dead letter that was taken."""
        return [record for output in self.taken for record in output.dead_letters]


class Read:
    """A consumed record of partition 0."""

    def __init__(self, offset: int, value: bytes) -> None:
        self._offset, self._value = offset, value

    def topic(self) -> str:
        return "claims"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes:
        return b"k"

    def value(self) -> bytes:
        return self._value

    def headers(self) -> None:
        return None


def letter_size(record: dict[str, Any]) -> int:
    return len(record["value"]) + sum(len(name) + len(value or b"") for name, value in record["headers"])


@pytest.mark.parametrize("wrong", [[0], [299], [7, 8, 150], list(range(40, 60))])
def test_a_claim_whose_verdict_is_too_large_costs_itself_alone(
    monkeypatch: pytest.MonkeyPatch, wrong: list[int]
) -> None:
    long = {"claim_id": "L" * 64, "physician_code": "D" * 64}
    values = [claim(**long) if number in wrong else claim(claim_id=str(number)) for number in range(300)]
    brokers = Narrow(verdict=max(len(record["value"]) for record in everything([claim(claim_id="299")])))
    committer = brokers.run(values, monkeypatch)

    assert brokers.outcomes() == Counter(range(300))
    assert [opened(letter["headers"]).offset for letter in brokers.letters()] == wrong
    assert {opened(letter["headers"]).code for letter in brokers.letters()} == {Code.NOT_WRITABLE}
    assert [letter["value"] for letter in brokers.letters()] == [values[number] for number in wrong]
    assert brokers.transactions < 40 * len(wrong), "the way to the one to blame is short"
    assert (brokers.forgotten, committer.trouble, brokers.batch_bytes) == (0, None, BATCH_BYTES)
    figure = brokers.metrics.registry.get_sample_value
    assert figure("screening_transactions_aborted_total", {"cause": "MSG_SIZE_TOO_LARGE"})
    assert sum(len(commit.batch.records.messages) for commit in brokers.committed) == 300


def everything(values: list[bytes]) -> list[dict[str, Any]]:
    """The verdicts and cases of some claims."""
    judged = Gate(load_pack_set()).judge(
        values, topic="claims", partitions=[0] * len(values), offsets=[299] * len(values), screened_at="2026-11-27T00:00:00.000Z"
    )  # fmt: skip
    return [*judged.verdicts, *judged.cases]


def test_where_only_so_many_together_are_too_large_nothing_is_set_aside_and_less_is_sent_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    brokers = Narrow(at_once=300_000)
    brokers.run([claim(claim_id=str(number)) for number in range(400)], monkeypatch)

    assert brokers.outcomes() == Counter(range(400))
    assert brokers.letters() == []
    assert brokers.batch_bytes == BATCH_BYTES // 4


@pytest.mark.parametrize("limit", [100_000, 10_000, 1_100])
def test_a_letter_is_cut_until_its_topic_takes_it(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    brokers = Narrow(letter=limit)
    brokers.run([claim(claim_id="1"), b"\xff" * 900_000, claim(claim_id="2")], monkeypatch)

    assert brokers.outcomes() == Counter(range(3))
    [letter] = brokers.letters()
    told = dict(letter["headers"])
    assert told["cut"] == f"sha256={hashlib.sha256(bytes([255]) * 900_000).hexdigest()} bytes=900000".encode()
    assert (brokers.forgotten, len(letter["value"]) > 0) == (0, True)


def test_where_not_even_the_shortest_letter_is_taken_the_worker_says_what_to_raise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    brokers = Narrow(letter=100)
    committer = brokers.run([claim(claim_id="1"), b"no claim", claim(claim_id="2")], monkeypatch)

    assert brokers.outcomes() == Counter([0]), "what lies before it is judged; nothing is left out"
    assert brokers.forgotten == 1
    assert "claims-dead-letter" in (committer.trouble or "")
