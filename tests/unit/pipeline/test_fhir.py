"""Resources of HL7 FHIR R4 as systems write them: contained resources, several codings, care teams with roles, totals by category."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.inputs.mapping import load_mapping
from pipeline.inputs.sources import open_inputs, slices

TYPE = "http://terminology.hl7.org/CodeSystem/claim-type"


def resource(**changes: Any) -> dict[str, Any]:
    """An ExplanationOfBenefit that a bundle of synthetic patients could have."""
    made: dict[str, Any] = {
        "resourceType": "ExplanationOfBenefit",
        "id": "E1",
        "contained": [
            {"resourceType": "ServiceRequest", "id": "referral"},
            {"resourceType": "Coverage", "id": "coverage", "type": {"text": "resident"}},
        ],
        "identifier": [{"system": "claim", "value": "C1"}, {"system": "group", "value": "99"}],
        "status": "active",
        "use": "claim",
        "type": {"coding": [{"system": "local", "code": "71"}, {"system": TYPE, "code": "institutional"}]},
        "patient": {"reference": "urn:uuid:7"},
        "billablePeriod": {"start": "2023-05-10T08:30:00+08:00", "end": "2023-05-10T08:45:00+08:00"},
        "created": "2023-05-11T09:30:00+08:00",
        "provider": {"identifier": {"value": "H52270100001"}},
        "careTeam": [
            {"sequence": 1, "provider": {"identifier": {"value": "D9"}}, "role": {"coding": [{"code": "assist"}]}},
            {
                "sequence": 2,
                "provider": {"identifier": {"value": "D1"}},
                "role": {"coding": [{"system": "local", "code": "1"}, {"code": "primary"}]},
            },
        ],
        "insurance": [
            {"focal": False, "coverage": {"display": "private"}},
            {"focal": True, "coverage": {"reference": "#coverage", "display": "resident"}},
        ],
        "total": [
            {"category": {"coding": [{"code": "benefit"}]}, "amount": {"value": 98.7}},
            {"category": {"coding": [{"code": "submitted"}]}, "amount": {"value": 123.4}},
        ],
        "payment": {"amount": {"value": 98.7}},
    }
    return {name: value for name, value in (made | changes).items() if value is not None}


def read(
    folder: Path, *resources: dict[str, Any], mapping: str = "fhir-r4-eob"
) -> tuple[list[dict[str, Any]], list[str]]:
    entries = [{"resource": {"resourceType": "Patient", "id": "7"}}, *({"resource": one} for one in resources)]
    (file := folder / "bundle.json").write_text(json.dumps({"resourceType": "Bundle", "entry": entries}), "utf-8")
    found = load_mapping(mapping)
    claims, refused = [], []
    for piece in slices(open_inputs(str(file), found).files, found):
        told = piece.decode()
        claims += [json.loads(record) for record in told.records()]
        refused += [f"{item.kind}: {item.problem}" for item in told.rejected]
    return claims, refused


def test_the_care_teams_primary_member_is_responsible_whatever_its_place(tmp_path: Path) -> None:
    (claim,), refused = read(tmp_path, resource())
    assert refused == []
    assert (claim["physician_code"], claim["encounter_type"], claim["insurance_type"]) == (
        "D1",
        "inpatient",
        "resident",
    )
    assert (claim["total_amount"], claim["fund_amount"]) == ("123.4", "98.7")
    assert (claim["service_date"], claim["service_start"], claim["region"]) == ("2023-05-10", "2023-05-10", "522701")


def test_who_is_marked_as_responsible_comes_before_the_primary_member(tmp_path: Path) -> None:
    team = [*resource()["careTeam"], {"responsible": True, "provider": {"identifier": {"value": "D3"}}}]
    assert read(tmp_path, resource(careTeam=team))[0][0]["physician_code"] == "D3"


@pytest.mark.parametrize("team", [None, [], [{"sequence": 1}], {"provider": "D1"}, "D1"])
def test_without_a_care_team_there_is_no_physician(team: Any, tmp_path: Path) -> None:
    claims, refused = read(tmp_path, resource(careTeam=team))
    assert (claims[0].get("physician_code"), refused) == (None, [])


def test_what_the_fund_pays_is_the_benefit_where_no_payment_is_told(tmp_path: Path) -> None:
    assert read(tmp_path, resource(payment=None))[0][0]["fund_amount"] == "98.7"


def test_a_claim_resource_is_read_by_the_same_roles(tmp_path: Path) -> None:
    claim = resource(resourceType="Claim", total={"value": 123.4, "currency": "CNY"}, payment=None)
    (made,), refused = read(tmp_path, claim, mapping="fhir-r4-claim")
    assert (made["physician_code"], made["total_amount"], refused) == ("D1", "123.4", [])
