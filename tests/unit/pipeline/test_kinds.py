"""The table of kinds: whose standing lies where, and what the ledger and the gate do with each."""

from __future__ import annotations

import datetime as dt
import json
import random

import msgspec
import pytest

from pipeline.control.dossiers import dossier_key, owner_of, standing_key
from pipeline.control.faust.state_store import MemoryStateStore, StateStore
from pipeline.control.ledger import Ledger
from pipeline.control.write_batch import Received, WriteBatch
from pipeline.kafka.partitioner import partition_of, standing_partition
from pipeline.kinds import KINDS, OF_TOPIC, kind_of_fields
from pipeline.screening.gate import Gate
from rules.vocabulary import Subject
from tests.support.explaining import event
from tests.support.judging import AT
from tests.unit.rules.test_subjects import CITY, OWN, PACKS, department, here, insured
from topics.catalogue import DOSSIERS, PHYSICIAN_EVENTS, STANDING_TOPICS
from topics.events.acceptance import Accepted, accept

TODAY = dt.date(2025, 7, 1)
BACK = event(
    "x9",
    "insured_restored",
    "2025-06-01",
    region=CITY,
    insured_id="P1",
    ref="x1",
    physician_code=None,
    institution=None,
)
LINES = [OWN, insured(), department(), insured("x2", insured_id="P2")]
OWNERS = {
    "physician": "D522701000001",
    "insured": "P1",
    "department": "H1|骨科",
}


class Tables:
    """Tables in memory, and what the ledger publishes into them."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], StateStore] = {}
        self.ledger = Ledger(PACKS, 3)

    def of(self, table: str, partition: int) -> StateStore:
        return self._kept.setdefault((table, partition), MemoryStateStore())

    def take(self, *lines: bytes) -> WriteBatch:
        batch = WriteBatch(self.of)
        self.ledger.take([_received(line) for line in lines], batch, TODAY)
        for where, changes in batch.changes.items():
            self.of(*where).write(changes, 0)
        return batch

    def standing(self, kind: str, code: str) -> bytes | None:
        topic = next(one for name, one in KINDS.items() if name == kind).topic
        return self.of(topic.name, partition_of(code.encode(), 3)).get(standing_key(CITY, code))


def _received(line: bytes) -> Received:
    found = accept(line, PACKS)
    assert isinstance(found, Accepted), found
    key = found.code.encode()
    return Received(PHYSICIAN_EVENTS.name, partition_of(key, 3), 0, key, line, [])


def test_every_standing_topic_has_its_kind_and_every_key_leads_back_to_its_owner() -> None:
    assert [kind.topic for kind in KINDS.values()] == list(STANDING_TOPICS)
    assert OF_TOPIC.keys() == {spec.name for spec in STANDING_TOPICS}
    for name in KINDS:
        code = OWNERS.get(name, "H1")
        assert owner_of(dossier_key(name, CITY, code)) == (name, CITY, code)
        assert standing_partition(standing_key(CITY, code), 6) == partition_of(code.encode(), 6)
    with pytest.raises(LookupError):
        owner_of(b"pharmacy|360100|H1")


def test_a_decision_is_published_as_the_standing_of_whom_it_suspends_and_of_nobody_else() -> None:
    tables = Tables()
    tables.take(*LINES)
    for kind, code in OWNERS.items():
        published = json.loads(tables.standing(kind, code) or b"null")
        assert published["region"] == CITY, kind
        assert kind_of_fields(published) is next(one for name, one in KINDS.items() if name == kind)
    told = json.loads(tables.standing("insured", "P1") or b"")
    assert [(span["from"], span["to"], span["standing"]) for span in told["spans"]] == [
        ("2025-05-11", "2025-08-10", "suspended")
    ]
    assert told["changed"] == [["2025-05-11", "2025-08-10"]]
    assert tables.take(*LINES).entries() == [], "once more is no news"


@pytest.mark.parametrize("seed", range(4))
def test_a_suspension_taken_back_is_published_whatever_came_first(seed: int) -> None:
    lines = [*LINES, BACK]
    random.Random(seed).shuffle(lines)
    tables = Tables()
    for line in lines:
        tables.take(line)
    told = json.loads(tables.standing("insured", "P1") or b"")
    assert [(span["from"], span["to"]) for span in told["spans"]] == [("2025-05-11", "2025-05-31")]
    assert told["revision"] == 2


def test_a_standing_that_nobody_explains_is_withdrawn_and_one_that_was_removed_comes_again() -> None:
    tables = Tables()
    tables.take(*LINES)
    for kind, code in OWNERS.items():
        topic, partition = (
            OF_TOPIC[next(one.topic.name for name, one in KINDS.items() if name == kind)].topic,
            partition_of(code.encode(), 3),
        )
        store, key = tables.of(topic.name, partition), standing_key(CITY, code)
        true = store.get(key)
        batch = WriteBatch(tables.of)
        assert not tables.ledger.withdraw_stray(topic, partition, key, batch)
        store.write({key: None}, 0)
        again = WriteBatch(tables.of)
        dossier = next(
            name for name, _ in tables.of(DOSSIERS.name, partition).items_from(b"") if name.endswith(code.encode())
        )
        tally, _ = tables.ledger.remind(partition, [dossier], again, TODAY)
        assert again.changes[topic.name, partition][key] == true
        assert tally.corrected == 1
        tables.of(DOSSIERS.name, partition).write({dossier: None}, 0)
        store.write({key: true}, 0)
        assert tables.ledger.withdraw_stray(topic, partition, key, batch)


def test_the_gate_reads_what_the_ledger_publishes_and_forgets_what_is_removed() -> None:
    tables, gate = Tables(), Gate(PACKS)
    tables.take(*LINES)
    gate.index.put(
        msgspec.json.decode(tables.standing("physician", OWNERS["physician"]) or b"", type=KINDS["physician"].timeline)
    )

    def reason() -> list[str]:
        claims = [here(), here(insured_id="P7", department="骨科"), here(insured_id="P7")]
        judged = gate.judge(claims, topic="claims", partitions=[0] * 3, offsets=range(3), screened_at=AT)
        return [json.loads(one["value"])["reason"] for one in judged.verdicts]

    assert reason() == ["ok", "ok", "ok"]
    for kind in (KINDS["insured"], KINDS["department"]):
        assert kind.subject is not None
        gate.index.put_beside(
            kind.subject,
            msgspec.json.decode(tables.standing(kind.name, OWNERS[kind.name]) or b"", type=kind.timeline).plain(),
        )
    assert reason() == ["insured_suspended", "department_suspended", "department_not_named"]
    gate.index.drop_beside(Subject.INSURED, f"{CITY}|P1")
    gate.index.drop_beside(Subject.DEPARTMENT, f"{CITY}|H1|骨科")
    gate.index.drop_beside(Subject.DEPARTMENT, f"{CITY}|H1|骨科")
    assert reason() == ["ok", "ok", "ok"]
    assert not gate.index.beside, "who keeps nothing gathers nothing"
