"""What an event is has one answer: the control plane, the audit, a replay, `explain` and `load` give the same for anything."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from pathlib import Path
from typing import cast

import polars as pl
import pytest
from confluent_kafka import Message

from pipeline.audit.events import Log, take
from pipeline.control.faust.state_store import MemoryStateStore, StateStore
from pipeline.control.ledger import Ledger
from pipeline.control.write_batch import Received, WriteBatch
from pipeline.explain.explaining import explain_claim
from pipeline.kafka.offsets import PartitionOffsets
from pipeline.kafka.partitioner import partition_of
from pipeline.loading import check_events
from pipeline.replay.knowledge.register import read_events
from pipeline.settings.packs import load_pack_set
from rules.events import encode
from tests.support.odd_events import GOOD, odd_event
from topics.catalogue import PHYSICIAN_EVENTS
from topics.dead_letters import Code, opened
from topics.events.acceptance import Accepted, Refused, accept
from topics.messages.events import PhysicianEvent

PACKS = load_pack_set()
SEEDS = range(1_000)
TODAY = dt.date(2026, 11, 27)
Answer = tuple[str, ...]
"""The code and the reasons of a refusal, or the owner of an accepted event."""
CLAIM = json.dumps({
    "claim_id": "C1", "region": "522700", "institution_code": "H52270100001", "physician_code": "D522701000001",
    "encounter_type": "outpatient", "service_date": "2023-05-12", "settlement_time": "2023-05-12T10:00:00+08:00",
    "insured_id": "P1", "insurance_type": "employee", "total_amount": "120.00", "fund_amount": "98.70",
}).encode()  # fmt: skip


def expected(value: bytes | None) -> Answer:
    found = accept(value, PACKS)
    return refusal(found.code, found.reason) if isinstance(found, Refused) else accepted(found.event.region, found.code)


def refusal(code: str, reason: str) -> Answer:
    return "refused", code, reason


def accepted(region: str, code: str) -> Answer:
    return "accepted", region, code


def by_control(value: bytes | None) -> Answer:
    """The ledger's answer in the partition of the record's own key, and after a forward in that which is right."""
    stores: dict[tuple[str, int], StateStore] = {}

    def store_of(table: str, partition: int) -> StateStore:
        return stores.setdefault((table, partition), MemoryStateStore())

    record = Received(PHYSICIAN_EVENTS.name, 0, 7, b"k", value, [])
    batch = WriteBatch(store_of)
    tally, _ = Ledger(PACKS, 6).take([record], batch, TODAY)
    if sum(number for (_, outcome), number in tally.events.items() if outcome == "forwarded"):
        [sent] = batch.loose
        assert sent.partition is not None
        batch = WriteBatch(store_of)
        again = Received(PHYSICIAN_EVENTS.name, sent.partition, 8, sent.key, sent.value, [])
        tally, _ = Ledger(PACKS, 6).take([again], batch, TODAY)
    if batch.loose:
        [letter] = batch.loose
        assert letter.value == value or letter.value == (value or b"")[: len(letter.value or b"")]
        envelope = opened(letter.headers or [])
        assert envelope is not None
        if envelope.code is not Code.UNCOUNTABLE:
            return refusal(envelope.code, envelope.reason)
    else:
        [(topic, _)] = [where for where in batch.changes if where[0] == "dossiers"]
        assert topic == "dossiers"
    key = next((key for (table, _), changed in batch.changes.items() if table == "dossiers" for key in changed), b"")
    _, region, code = (key or b"physician||").decode().split("|", 2)
    return accepted(region, code) if key else uncountable(value)


def uncountable(value: bytes | None) -> Answer:
    """An event that is accepted by itself and that no dossier can be counted with: the ledger's own answer comes after it."""
    return expected(value)


def by_audit(value: bytes | None) -> Answer:
    log = Log(PACKS, {number: PartitionOffsets(0, 100, 100) for number in range(6)})
    log.figures = {number: Counter() for number in log.offsets}
    take(cast(Message, Consumed(value)), log, {})
    if log.unusable:
        found = log.unusable[0, 7]
        return refusal(found.code, found.reason)
    [owner] = [*log.files, *(owner for owner, _ in log.misplaced.values())]
    return accepted(owner.region, owner.code)


class Consumed:
    """A consumed record, as far as it is looked at."""

    def __init__(self, value: bytes | None) -> None:
        self._value = value

    def topic(self) -> str:
        return PHYSICIAN_EVENTS.name

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 7

    def timestamp(self) -> tuple[int, int]:
        return 1, 0

    def value(self) -> bytes | None:
        return self._value


def by_load(value: bytes | None) -> Answer | None:
    checked = check_events(1, [value or b""], packs=PACKS)
    if not checked.bad and not checked.records:
        return None
    if checked.bad:
        code, _, reason = checked.bad[0].reason.partition(": ")
        return refusal(code, reason)
    [(_, key, sent)] = checked.records
    assert sent == value, "a record is sent as it was written"
    found = accept(sent, PACKS)
    assert isinstance(found, Accepted)
    return accepted(found.event.region, key.decode())


def as_records(folder: Path, values: list[bytes | None]) -> Path:
    """The values as they are copied from the topic: a replay may read records that hold line breaks."""
    frame = pl.DataFrame(
        {"value": [value or b"" for value in values], "arrived": [0] * len(values), "offset": range(len(values))}
    )
    frame.write_parquet(folder / "events.parquet")
    return folder / "events.parquet"


@pytest.fixture(scope="module")
def odd() -> list[bytes | None]:
    return [odd_event(seed) for seed in SEEDS]


def test_a_thousand_odd_events_have_one_answer(odd: list[bytes | None], tmp_path: Path) -> None:
    answers = [expected(value) for value in odd]
    assert [by_control(value) for value in odd] == answers
    assert [by_audit(value) for value in odd] == answers

    replayed = read_events(as_records(tmp_path, odd), PACKS)
    # A file has no records without a value: there, they are empty lines.
    told = {item.line: refusal(item.code, "; ".join(item.problems)) for item in replayed.unusable}
    values = [value or b"" for value in odd]
    assert told == {
        number: answer for number, value in enumerate(values, 1) if (answer := expected(value))[0] == "refused"
    }
    owners = Counter(answer[1:] for answer in answers if answer[0] == "accepted")
    assert {owner[:2]: len(lines) for owner, lines in replayed.owners.items()} == dict(owners)

    loaded = [by_load(value) for value in odd]
    assert [answer for answer in loaded if answer] == [expected(value) for value in values if value.strip()], (
        "blank lines of a file are no events"
    )

    explained = explain_claim(CLAIM, values, PACKS, as_of=None, today=TODAY)
    assert {item.line: refusal(item.code, "; ".join(item.problems)) for item in explained.unusable} == {
        number: expected(value) for number, value in enumerate(values, 1) if value.strip() and number in told
    }
    assert explained.used + explained.others == sum(owners.values())

    codes = Counter(answer[1] for answer in answers if answer[0] == "refused")
    assert len(codes) >= 13, codes
    assert sum(owners.values()) > 100


def test_what_is_accepted_keeps_the_contract_of_the_message(odd: list[bytes | None]) -> None:
    for value in odd:
        found = accept(value, PACKS)
        if isinstance(found, Accepted):
            PhysicianEvent.model_validate_json(encode(found.event))
            assert len(found.code) <= 256
            assert accept(encode(found.event), PACKS) == found, "what is kept is accepted again as the same event"


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"recorded_at": ...}, Code.MISSING_FIELD, "recorded_at: missing"),
        ({"recorded_at": None}, Code.MISSING_FIELD, "recorded_at: missing"),
        ({"event_id": "x" * 300}, Code.INVALID_VALUE, "event_id: "),
        ({"event_id": " "}, Code.INVALID_VALUE, "event_id: "),
        ({"region": "Qiannan"}, Code.INVALID_VALUE, "region: "),
        ({"violation_id": "QN-T9-99"}, Code.OUTSIDE_SCHEME, "violation_id: 'QN-T9-99' is not an item"),
        ({"physician_code": "D" * 300}, Code.INVALID_VALUE, "physician_code: "),
        ({"institution": "H" * 300}, Code.INVALID_VALUE, "institution: "),
        ({"type": "eclipse"}, Code.UNKNOWN_TYPE, "type: unknown event type 'eclipse'"),
        ({"type": ...}, Code.MISSING_FIELD, "type: missing"),
        ({"points": "6"}, Code.WRONG_TYPE, "points: Expected `int`, got `str`"),
        ({"points": 10**9}, Code.INVALID_VALUE, "points: "),
    ],
)
def test_what_the_five_readers_once_told_apart_is_refused_by_name(changes: dict, code: Code, says: str) -> None:
    fields = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    found = accept(json.dumps(fields).encode(), PACKS)
    assert isinstance(found, Refused)
    assert found.code is code
    assert any(reason.startswith(says) for reason in found.reasons), found.reasons


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, Code.NULL_VALUE),
        (b" ", Code.EMPTY_VALUE),
        (json.dumps(GOOD, ensure_ascii=False).replace("QN-T6-02", "黔南").encode("gbk"), Code.INVALID_UTF8),
        (b'{"x":' * 3_000 + b"1" + b"}" * 3_000, Code.TOO_DEEP),
        (b"{" * 3_000, Code.TOO_DEEP),
        (json.dumps(GOOD).encode()[:-1] + b',"event_id":"ev-2"}', Code.DUPLICATE_KEY),
        (json.dumps(GOOD).encode() + b" " * 1_000_000, Code.TOO_LARGE),
    ],
)
def test_whatever_bytes_come_the_answer_is_a_code(value: bytes | None, code: Code) -> None:
    found = accept(value, PACKS)
    assert isinstance(found, Refused)
    assert found.code is code


@pytest.mark.parametrize(
    "code", ["D522701000001 ", "d522701000001", "\ufeffD522701000001", "Ｄ５22701000001", "D5227\u200b01000001"]
)
def test_a_code_written_strangely_belongs_to_the_same_dossier(code: str) -> None:
    found = accept(json.dumps({**GOOD, "physician_code": code}).encode(), PACKS)
    assert isinstance(found, Accepted)
    assert found.code == "D522701000001"
    assert partition_of(found.code.encode(), 6) == partition_of(b"D522701000001", 6)
