"""Both planes on one Kafka: events change a standing while claims flow, and the oracle judges every verdict by the events
that its own standing revision rests on."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter, defaultdict
from typing import Any

import pytest

from rules.events import CHINA
from tests.oracle.law import judge_case
from tests.support.cluster import Cluster
from tests.support.control import Controls, last_values, record
from tests.support.flow import Flow
from tests.support.histories import make
from tests.support.runs import wait_judged
from tests.support.waiting import wait_for
from tests.support.workers import Crew

pytestmark = pytest.mark.kafka

REGION, CODE, OTHER, SITE = "522700", "D522701000001", "D522701000002", "H1"

STORY = (
    ("registration", "2023-01-03", {}),
    ("deduction", "2023-04-03", {"points": 6, "violation_id": "QN-T6-02"}),
    ("deduction", "2023-05-10", {"points": 6, "violation_id": "QN-T6-03"}),
    ("notice_received", "2023-05-12", {"ref": "e2"}),
    ("appeal_filed", "2023-05-15", {"ref": "e2"}),
    ("appeal_upheld", "2023-05-24", {"ref": "e2"}),
)
"""Registered, talked to at 6 points, 12 points reached, an appeal in time, and the appeal upheld."""

DAYS = ("2023-04-20", "2023-05-10", "2023-05-11", "2023-05-20", "2023-08-10", "2023-08-11")
KINDS = ("outpatient", "emergency", "inpatient")


def claim(number: int) -> dict[str, Any]:
    """One of the claims that flow, over days around the penalty period, two physicians, three kinds of encounter."""
    day = DAYS[number % len(DAYS)]
    kind = KINDS[number // len(DAYS) % len(KINDS)]
    return {
        "claim_id": f"C{number}",
        "region": REGION,
        "institution_code": SITE,
        "physician_code": CODE if number // (len(DAYS) * len(KINDS)) % 3 else OTHER,
        "encounter_type": kind,
        "service_date": day,
        "service_start": str(dt.date.fromisoformat(day) - dt.timedelta(days=2)) if kind == "inpatient" else None,
        "settlement_time": f"{day}T18:00:00+08:00",
        "insured_id": f"P{number}",
        "insurance_type": "resident",
        "total_amount": "100.00",
        "fund_amount": "70.00",
    }


def case(events: list[dict[str, Any]], one: dict[str, Any]) -> dict[str, Any]:
    """A worked case in the schema of the spec: the history known so far, and the claim."""
    names = {"event_id": "id", "recorded_at": "recorded"}
    history = []
    for event in events:
        kept = {names.get(key, key): value for key, value in event.items() if value is not None}
        kept["recorded"] = dt.datetime.fromisoformat(event["recorded_at"]).astimezone(CHINA).date().isoformat()
        history.append(kept)
    asked = {
        "service_date": one["service_date"],
        "settlement_date": one["settlement_time"][:10],
        "physician_code": one["physician_code"],
        "institution": one["institution_code"],
        "encounter_type": one["encounter_type"],
    }
    if one["service_start"]:
        asked["service_start"] = one["service_start"]
    return {"id": one["claim_id"], "locality": "qiannan", "as_of": "2030-01-01", "history": history, "claim": asked}


def test_a_physician_reaches_twelve_points_and_wins_the_appeal_while_claims_flow(
    cluster: Cluster, controls: Controls, crew: Crew
) -> None:
    controls.start().wait_ready()
    events = [
        make(kind, day, number, region=REGION, physician_code=CODE, institution=SITE, **fields)
        for number, (kind, day, fields) in enumerate(STORY)
    ]
    other = make("registration", "2023-01-03", 90, region=REGION, physician_code=OTHER, institution=SITE)
    cluster.send("physician-events", [record(other)])
    key = f"{REGION}|{CODE}"
    worker = crew.start().wait_ready()
    with Flow(cluster, claim) as flow:
        for number, event in enumerate(events, 1):
            flow.more(120)
            # A claim waits for the register, so those of one revision must be judged before the next is made.
            wait_judged(cluster, crew)
            cluster.send("physician-events", [record(event)])
            if event.type_name in ("registration", "deduction", "appeal_upheld"):
                wait_for(
                    f"the standing after {event.type_name} is published",
                    lambda number=number: (
                        last_values(cluster, "physician-standing").get(key, {}).get("revision") == number
                    ),
                )
        flow.more(240)
    wait_judged(cluster, crew)
    assert crew.stop() == [0]
    assert controls.stop() == [0]

    history = [json.loads(record(event)["value"]) for event in events]
    judged: Counter[str] = Counter()
    by_revision: defaultdict[int | None, Counter[str]] = defaultdict(Counter)
    for item in cluster.read("claim-verdicts"):
        verdict = json.loads(item.value or b"")
        one = claim(int(verdict["claim_id"].removeprefix("C")))
        known = history[: verdict["standing_revision"] or 0]
        if one["physician_code"] == OTHER:
            known = [json.loads(record(other)["value"])] if verdict["standing_revision"] else []
        lawful = judge_case(case(known, one))
        told = {name: verdict[name] for name in ("disposition", "reason", "standing", "cost_bearer", "penalty_period")}
        assert told == {name: lawful[name] for name in told}, (verdict, known)
        judged[verdict["reason"]] += 1
        if one["physician_code"] == CODE and one["service_date"] == "2023-05-11" and one["service_start"] is None:
            by_revision[verdict["standing_revision"]][f"{one['encounter_type']}: {verdict['reason']}"] += 1
    assert judged.total() == flow.sent, "one verdict for every claim"

    # The day after the decision, as it was answered before the decision, after it, and after the appeal.
    assert set(by_revision[2]) == {"outpatient: ok", "emergency: ok"}
    assert set(by_revision[3]) == {"outpatient: in_penalty_period", "emergency: exempt_emergency"}
    assert set(by_revision[6]) == {"outpatient: ok", "emergency: ok"}
    assert judged["straddles_penalty"] > 0
    assert worker.exit_code == 0
