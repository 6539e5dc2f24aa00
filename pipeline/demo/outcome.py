"""The output of the demo: a read_committed reader of the three output topics that counts and keeps a few examples."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass

import msgspec
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from pipeline.kafka.records import headers
from pipeline.settings.model import Settings
from topics.catalogue import (
    CLAIM_CASES,
    CLAIM_VERDICTS,
    CLAIMS_DEAD_LETTER,
)
from topics.dead_letters import opened

Place = tuple[int, int]
"""Partition and offset of a record of `claims`."""

_READ_AT_ONCE = 5_000
_WAIT_S = 0.005


class _Source(msgspec.Struct):
    partition: int
    offset: int


class _Verdict(msgspec.Struct):
    disposition: str
    reason: str
    exempted_ground: str | None
    encounter_type: str
    fund_amount: str
    rule_pack: str
    source: _Source


class ExampleCase(msgspec.Struct):
    """What a person sees of a case."""

    case_id: str
    claim_id: str
    disposition: str
    reason: str
    fund_amount: str
    standing: str
    evidence: tuple[str, ...]
    explanation: dict[str, str]
    source: _Source

    @property
    def place(self) -> Place:
        """Where the judged record stands in `claims`."""
        return self.source.partition, self.source.offset


@dataclass(slots=True)
class Sum:
    """Number of claims and their fund share in fen (0.01 yuan)."""

    claims: int = 0
    fen: int = 0

    def add(self, fen: int, claims: int = 1) -> None:
        """Adds claims of a fund share."""
        self.claims += claims
        self.fen += fen


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record set aside: where it came from, its key and size, and what is wrong with it."""

    place: Place
    key: str
    size: int
    kind: str
    error: str


VerdictKind = tuple[str, str, str, str | None, str]
"""Rule pack, disposition, reason, exempted ground and encounter type."""


class Outcome:
    """Everything that the readers of the outputs saw. Its thread alone writes; others may read the counts meanwhile."""

    def __init__(self, settings: Settings, partitions: dict[str, int]) -> None:
        self.sums: defaultdict[VerdictKind, Sum] = defaultdict(Sum)
        self.verdicts = 0
        self.cases = 0
        self.case_ids: set[str] = set()
        self.examples: dict[str, ExampleCase] = {}
        self.dead_letters: list[DeadLetter] = []
        self.dead_values: dict[Place, int] = {}
        self.seen: Counter[Place] = Counter()
        self.arrived: dict[Place, float] = {}
        self.fen_by_disposition: Counter[str] = Counter()
        self.failure: Exception | None = None
        self._read_verdict = msgspec.json.Decoder(_Verdict).decode
        self._read_case = msgspec.json.Decoder(ExampleCase).decode
        self._stopping = threading.Event()
        self._consumer = Consumer(
            settings.client(
                group__id="screening-demo-reader",
                enable__auto__commit=False,
                auto__offset__reset="earliest",
                isolation__level="read_committed",
            )
        )
        self._consumer.assign(
            [
                TopicPartition(spec.name, partition, 0)
                for spec in (CLAIM_VERDICTS, CLAIM_CASES, CLAIMS_DEAD_LETTER)
                for partition in range(partitions[spec.name])
            ]
        )
        self._thread = threading.Thread(target=self._run, name="demo-reader", daemon=True)

    @property
    def answered(self) -> int:
        """Input records that have been answered so far, each counted once however often it was."""
        return len(self.seen)

    def start(self) -> None:
        """Begins to read."""
        self._thread.start()

    def close(self) -> None:
        """Stops reading. What was counted stays."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._consumer.close()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                messages = self._consumer.consume(_READ_AT_ONCE, _WAIT_S)
                now = time.time()
                for message in messages:
                    self._take(message, now)
        except Exception as error:  # whatever it is, the demo must end with it and not wait for its deadline
            self.failure = error

    def _take(self, message: Message, now: float) -> None:
        problem = message.error()
        if problem is not None:
            if problem.fatal() or not problem.retriable():
                raise KafkaException(problem)
            return
        topic = message.topic()
        if topic == CLAIM_VERDICTS.name:
            place = self._take_verdict(message.value() or b"")
        elif topic == CLAIMS_DEAD_LETTER.name:
            place = self._take_dead_letter(message)
        else:
            self._take_case(message.value() or b"")
            return
        self.seen[place] += 1
        self.arrived[place] = now

    def _take_verdict(self, value: bytes) -> Place:
        verdict = self._read_verdict(value)
        kind = verdict.rule_pack, verdict.disposition, verdict.reason, verdict.exempted_ground, verdict.encounter_type
        fen = to_fen(verdict.fund_amount)
        self.sums[kind].add(fen)
        self.fen_by_disposition[verdict.disposition] += fen
        self.verdicts += 1
        return verdict.source.partition, verdict.source.offset

    def _take_case(self, value: bytes) -> None:
        case = self._read_case(value)
        self.cases += 1
        self.case_ids.add(case.case_id)
        held = self.examples.get(case.reason)
        if held is None or case.place < held.place:
            self.examples[case.reason] = case

    def _take_dead_letter(self, message: Message) -> Place:
        about = opened(headers(message))
        assert about is not None, message.headers()
        place = about.partition, about.offset
        key, value = message.key() or b"", message.value()
        self.dead_values[place] = hash(value)
        self.dead_letters.append(
            DeadLetter(
                place=place,
                key=key.decode("utf-8", "replace"),
                size=len(value or b""),
                kind=about.code,
                error=about.reason,
            )
        )
        return place


def to_fen(amount: str) -> int:
    """A decimal string of the wire in fen; exact, whatever the number of decimals up to two."""
    whole, _, part = amount.lstrip("-").partition(".")
    fen = int(whole) * 100 + int(part.ljust(2, "0") or "0")
    return -fen if amount.startswith("-") else fen
