"""Two claims under the name of one case: told, counted and set aside, without a Kafka."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from pipeline.control.cases import CaseDesk
from pipeline.control.counting import count_cases
from pipeline.control.events import CaseConflictFound
from pipeline.control.write_batch import Received, WriteBatch
from pipeline.kafka.partitioner import partition_of
from pipeline.settings.packs import load_pack_set
from pipeline.telemetry.control_metrics import ControlMetrics
from tests.unit.topics.test_golden import golden
from topics.catalogue import CASE_ACTIONS_DEAD_LETTER, CASE_FILES, CLAIM_CASES
from topics.messages.cases import CaseFile

CASE = json.loads(golden("claim-cases"))


def received(offset: int, **changes: Any) -> Received:
    """A case as the gate sends it, with some fields changed, in the partition of its name."""
    key = CASE["case_id"].encode()
    return Received(CLAIM_CASES.name, partition_of(key, 6), offset, key, json.dumps(CASE | changes).encode(), [])


def test_a_case_of_another_claim_is_told_counted_and_set_aside_and_the_first_stands() -> None:
    batch = WriteBatch(lambda _topic, _partition: SimpleNamespace(get=lambda _key: None))
    desk = CaseDesk(load_pack_set(), 6, 6)
    other = received(7, fund_amount="9870.00")
    tally = desk.take([received(3), received(5, screened_at="2026-11-27T00:00:00Z"), other], batch)
    assert dict(tally.cases) == {"opened": 1, "repeated": 1, "conflict": 1}
    [found] = tally.conflicts
    assert (found.case_id, found.partition, found.offset) == (CASE["case_id"], other.partition, 7)
    assert found.problem.endswith("was opened for another claim: fund_amount differ")
    [letter] = [entry for entry in batch.loose if entry.topic == CASE_ACTIONS_DEAD_LETTER.name]
    assert letter.value == other.value
    kept = batch.get(CASE_FILES, other.partition, CASE["case_id"].encode())
    assert CaseFile.model_validate_json(kept or b"").case.fund_amount == CASE["fund_amount"]
    metrics = ControlMetrics()
    count_cases(metrics, tally)
    assert metrics.registry.get_sample_value("screening_control_cases_total", {"outcome": "conflict"}) == 1
    event = CaseConflictFound(found.case_id, found.partition, found.offset, found.problem)
    assert (event.name(), event.level) == ("case_conflict_found", "error")
