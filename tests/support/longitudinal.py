"""Claims of worked cases and generated histories of the checks over time, as they stand on the wire."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from pipeline.longitudinal.reading import past_claim, with_verdict
from pipeline.settings.packs import read_longitudinal
from rules.calendar import MONDAY_TO_FRIDAY
from rules.longitudinal.checking import Checks, Outcome
from rules.longitudinal.claims import PastClaim
from rules.longitudinal.facts import read_facts

Json = dict[str, Any]
PACKS = {pack.pack: pack for pack in read_longitudinal()}
REGIONS = {"shantou": "440500", "chongqing": "500106"}


def wire(told: Json) -> bytes:
    """A claim of a case: what it does not say is ordinary."""
    day = told["day"]
    settled = dt.datetime.fromisoformat(f"{day}T12:00:00+08:00") + dt.timedelta(minutes=told.get("at", 0))
    claim: Json = {
        "claim_id": told["id"],
        "claim_version": told.get("version", 1),
        "region": told.get("region", REGIONS["shantou"]),
        "institution_code": told.get("institution", "H1"),
        "physician_code": "D1",
        "encounter_type": told.get("kind", "outpatient"),
        "service_date": day,
        "service_start": told.get("from"),
        "settlement_time": settled.isoformat(),
        "insured_id": told.get("insured", "P1"),
        "insurance_type": "resident",
        "total_amount": told.get("total", "100.00"),
        "fund_amount": told.get("fund", "50.00"),
    }
    if "lines" in told:
        claim["lines"] = [
            {"person": "D1", "role": "prescriber", "day": day, "amount": "10.00", **line} for line in told["lines"]
        ]
    if "reverses" in told:
        institution, name, version = told["reverses"]
        claim["reverses"] = {"institution_code": institution, "claim_id": name, "claim_version": version}
    if told.get("emergency_origin"):
        claim["emergency_origin"] = True
    return json.dumps(claim).encode()


def claims_of(told: list[Json]) -> list[PastClaim]:
    """The claims, with what the gate said of them where a case says it."""
    found = []
    for one in told:
        claim = past_claim(wire(one))
        name = (claim.institution, claim.claim_id, claim.version)
        verdict = "reject" if one.get("rejected") else "pay"
        judged = with_verdict(claim, {name: verdict})
        assert judged is not None
        found.append(judged)
    return found


def outcome(case: Json) -> Outcome:
    """What the checks say of a case. Working days are Monday to Friday."""
    packs = [PACKS[name] for name in case["packs"]]
    return Checks(packs, read_facts(case["facts"]), MONDAY_TO_FRIDAY).all(claims_of(case["claims"]))


def told(found: Outcome) -> list[list[Any]]:
    """The findings as a case expects them: claim, ground, what was due where money is said, and the other claims."""
    return [
        [one.claim.claim_id, one.ground.value, one.figures.get("due"), [name for _, name in one.others]]
        for one in found.findings
    ]
