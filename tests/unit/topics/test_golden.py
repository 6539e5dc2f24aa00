"""Version 1 of the wire, byte for byte. These files are never changed: a change here is a new version of the contract."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pipeline.screening.gate import Gate
from pipeline.settings.packs import load_pack_set
from rules.timeline import InstitutionTimeline, PhysicianTimeline
from topics.catalogue import CATALOGUE, TopicSpec

GOLDEN = Path(__file__).parent / "golden"
TYPED = [spec for spec in CATALOGUE if spec.model is not None]


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes()


@pytest.mark.parametrize("spec", TYPED, ids=lambda spec: spec.name)
def test_every_message_is_read_and_written_again_byte_for_byte(spec: TopicSpec) -> None:
    assert spec.model is not None
    message = spec.model.model_validate_json(golden(spec.name))
    assert message.model_dump_json(by_alias=True).encode() == golden(spec.name)


def test_every_golden_file_belongs_to_a_topic() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {spec.name for spec in TYPED}


def test_the_gate_answers_the_golden_claim_with_the_golden_verdict_and_case() -> None:
    gate = Gate(load_pack_set())
    gate.index.put(msgspec.json.decode(golden("physician-standing"), type=PhysicianTimeline))
    judged = gate.judge(
        [golden("claims")], topic="claims", partitions=[0], offsets=[123], screened_at="2026-11-23T04:12:02.123Z"
    )
    assert [record["value"].encode() for record in judged.verdicts] == [golden("claim-verdicts")]
    assert [record["value"] for record in judged.cases] == [golden("claim-cases")]


def test_the_gate_reads_standings_as_the_contract_writes_them() -> None:
    physician = msgspec.json.decode(golden("physician-standing"), type=PhysicianTimeline)
    institution = msgspec.json.decode(golden("institution-standing"), type=InstitutionTimeline)
    assert msgspec.json.decode(msgspec.json.encode(physician)) == msgspec.json.decode(golden("physician-standing"))
    assert msgspec.json.decode(msgspec.json.encode(institution)) == msgspec.json.decode(golden("institution-standing"))
