"""Sixteen golden claims under golden standings: one a kind of ruling, in every rule pack, with its verdict byte for byte.

Other systems have stored such verdicts. A change that would change one of these files is a new version of the contract.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
from pydantic import BaseModel

from tests.support.judging import judge, make_gate
from tests.support.register import Register
from topics.messages.cases import Case
from topics.messages.claims import Claim
from topics.messages.ledger import InstitutionStandingMessage, PhysicianStanding
from topics.messages.verdicts import Verdict

GOLDEN = Path(__file__).parent / "golden_verdicts"
MODELS: dict[str, type[BaseModel]] = {
    "claims": Claim,
    "claim-verdicts": Verdict,
    "claim-cases": Case,
    "physician-standing": PhysicianStanding,
    "institution-standing": InstitutionStandingMessage,
}


def golden(name: str) -> list[bytes]:
    """Records of a topic, one a line, as they are on the wire."""
    return (GOLDEN / f"{name}.ndjson").read_bytes().splitlines()


def register() -> Register:
    """The golden standings."""
    physicians = {
        f"{item['region']}|{item['physician_code']}": item for item in map(json.loads, golden("physician-standing"))
    }
    institutions = {
        f"{item['region']}|{item['institution_code']}": item for item in map(json.loads, golden("institution-standing"))
    }
    return Register(physicians, institutions)


def worded_anew(line: bytes) -> bytes:
    """A case without the wording of its explanation, which may be improved; everything else is the contract."""
    case = json.loads(line)
    assert list(case["explanation"]) == ["zh", "en"]
    assert all(case["explanation"].values())
    return msgspec.json.encode(case | {"explanation": {"zh": "", "en": ""}})


def test_the_golden_claims_give_the_golden_verdicts_and_cases_byte_for_byte() -> None:
    judged = judge(make_gate(register()), golden("claims"))

    assert [record["value"].encode() for record in judged.verdicts] == golden("claim-verdicts")
    assert [record["key"] for record in judged.verdicts] == [json.loads(line)["claim_id"] for line in golden("claims")]
    assert [worded_anew(record["value"]) for record in judged.cases] == [
        worded_anew(line) for line in golden("claim-cases")
    ]
    assert [record["key"] for record in judged.cases] == [json.loads(line)["case_id"] for line in golden("claim-cases")]


def test_the_models_read_the_golden_bytes_and_tolerate_what_a_later_version_adds() -> None:
    for name, model in MODELS.items():
        for line in golden(name):
            read = model.model_validate_json(line)
            assert json.loads(read.model_dump_json(by_alias=True, exclude_unset=True)) == json.loads(line)
            later = model.model_validate_json(line[:-1] + b',"of_a_later_version":{"x":[1]}}')
            assert all(getattr(later, field) == getattr(read, field) for field in model.model_fields)
