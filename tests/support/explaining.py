"""A claim and the events of its physician, as `screening explain` is asked about them."""

from __future__ import annotations

import json
from typing import Any

PHYSICIAN = "D522701000001"


def claim(service: str = "2023-05-12", **fields: Any) -> bytes:
    whole = {
        "claim_id": "C0001",
        "region": "522700",
        "institution_code": "H1",
        "physician_code": PHYSICIAN,
        "encounter_type": "outpatient",
        "service_date": service,
        "settlement_time": f"{max(service, '2026-01-01')}T09:30:00+08:00",
        "insured_id": "P1",
        "insurance_type": "resident",
        "total_amount": "123.40",
        "fund_amount": "98.70",
    }
    return json.dumps({**whole, **fields}).encode()


def event(event_id: str, kind: str, date: str, region: str = "522700", **fields: Any) -> bytes:
    whole = {"event_id": event_id, "region": region, "type": kind, "date": date, "physician_code": PHYSICIAN}
    return json.dumps({**whole, "recorded_at": f"{date}T09:00:00+08:00", "institution": "H1", **fields}).encode()


TWELVE = (
    event("r1", "registration", "2023-01-03"),
    event("d1", "deduction", "2023-02-10", points=6, violation_id="QN-T6-03"),
    event("b1", "bonus", "2023-03-20", points=1, bonus_id="QN-B1"),
    event("d2", "deduction", "2023-04-02", points=3, violation_id="QN-T3-02"),
    event("d3", "deduction", "2023-05-10", points=4, cases=2, violation_id="QN-T2-02"),
)
