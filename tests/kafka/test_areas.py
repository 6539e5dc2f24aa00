"""A ledger of before the pooling areas kept one dossier a region; this one folds them again by area, while claims flow (P1)."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.control.dossiers import dossier_key, standing_key, write_dossier
from pipeline.control.notices import due_notices
from pipeline.kafka.partitioner import partition_of
from rules.dossier import fold
from rules.duties import duties
from rules.events import Event
from rules.standing import statement
from tests.support.cluster import Cluster
from tests.support.control import PACKS, Controls, last_values, right_place
from tests.support.flow import Flow
from tests.support.histories import make
from tests.support.ledger import tell_progress
from tests.support.runs import wait_judged
from tests.support.waiting import wait_for
from tests.support.workers import Crew

pytestmark = pytest.mark.kafka

AREA, PLACES = "522700", ("522701", "522702")
SITE = "H52270100001"
WELL, TWELVE = "D522701000001", "D522701000002"
DAY = "2023-05-20"


def events_of(code: str) -> list[Event]:
    """A registration in each county; of one of the two physicians six points in each as well."""
    found = []
    for number, region in enumerate(PLACES):
        common = {"region": region, "physician_code": code, "institution": SITE}
        found.append(make("registration", "2023-01-03", number, event_id=f"{code}-{number}", **common))
        if code == TWELVE:
            given = {"event_id": f"{code}-p{number}", "points": 6, "violation_id": "QN-T6-01", **common}
            found.append(make("deduction", "2023-05-10", 10 + number, **given))
    return found


def written_before(cluster: Cluster, today: str) -> set[str]:
    """The topics as a ledger left them whose pack listed the counties one by one; answers the ids of the notices given."""
    told: set[str] = set()
    law, count = PACKS.law(AREA), len(cluster.ends("dossiers", "read_committed"))
    for code in (WELL, TWELVE):
        partition = partition_of(code.encode(), count)
        cluster.send("physician-events", [right_place(cluster, event) for event in events_of(code)])
        for region in PLACES:
            own = tuple(event for event in events_of(code) if event.region == region)
            said = statement(fold(own), law, region=region, physician_code=code, revision=len(own))
            owed = due_notices(region, code, duties(fold(own), said, law), dt.date.fromisoformat(today), ())
            told |= {name for name, _ in owed}
            for topic, key, value in (
                ("dossiers", dossier_key("physician", region, code), write_dossier(own)),
                ("physician-standing", standing_key(region, code), msgspec.json.encode(said.timeline)),
                *(("notices", name.encode(), value) for name, value in owed),
            ):
                cluster.send(topic, [{"key": key, "value": value, "partition": partition}])
    tell_progress(cluster)
    return told


def claim(number: int) -> dict[str, Any]:
    return {
        "claim_id": f"C{number}", "region": (*PLACES, AREA)[number % 3], "institution_code": SITE,
        "physician_code": (WELL, TWELVE)[number // 3 % 2], "encounter_type": "outpatient", "service_date": DAY,
        "settlement_time": f"{DAY}T18:00:00+08:00", "insured_id": "P1", "insurance_type": "resident",
        "total_amount": "100.00", "fund_amount": "70.00",
    }  # fmt: skip


def verdicts(cluster: Cluster) -> list[dict[str, Any]]:
    return [json.loads(item.value or b"") for item in cluster.read("claim-verdicts")]


def test_dossiers_of_places_become_those_of_their_area_while_claims_flow_and_nobody_is_told_twice(
    cluster: Cluster, controls: Controls, crew: Crew, tmp_path: Path
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("2023-06-01T09:00:00+08:00")
    told = written_before(cluster, "2023-06-01")
    assert told
    crew.start().wait_ready()
    with Flow(cluster, claim) as flow:
        flow.more(120)
        wait_judged(cluster, crew)
        judged_before = len(verdicts(cluster))
        control = controls.start(control_clock_file=clock).wait_ready()
        wait_for(
            "the area has its standings and the places have none",
            lambda: (
                {name for name, value in last_values(cluster, "physician-standing").items() if value}
                == {f"{AREA}|{code}" for code in (WELL, TWELVE)}
            ),
        )
        control.wait_event("dossiers_folded_by_area")
        folded_at = flow.sent
        flow.more(240)
    wait_judged(cluster, crew)

    standing = last_values(cluster, "physician-standing")
    assert {name: value["revision"] for name, value in standing.items() if value} == {
        f"{AREA}|{WELL}": 2, f"{AREA}|{TWELVE}": 4,
    }  # fmt: skip
    kept = {name for name, value in last_values(cluster, "dossiers").items() if value}
    assert kept == {f"physician|{AREA}|{code}" for code in (WELL, TWELVE)}

    found = verdicts(cluster)
    assert len(found) == flow.sent
    assert {
        (one["physician_code"], one["disposition"], one["reason"]) for one in found if one["physician_code"] == WELL
    } == {(WELL, "pay", "ok")}
    assert {one["rule_pack"].partition("@")[0] for one in found} == {"qiannan-2022"}
    assert all(one.get("area", one["region"]) == AREA for one in found)
    late = [one for one in found if int(one["claim_id"][1:]) >= folded_at and one["physician_code"] == TWELVE]
    assert {one["reason"] for one in late} == {"in_penalty_period"}, "six and six are twelve"
    early = [one for one in found if int(one["claim_id"][1:]) < judged_before and one["physician_code"] == TWELVE]
    assert "physician_unregistered" not in {one["reason"] for one in early}

    said = [json.loads(item.value or b"") for item in cluster.read("notices")]
    notices = Counter(one["notice_id"] for one in said if "withdrawn" not in one)
    assert told <= notices.keys()
    assert set(notices.values()) == {1}
    taken_back = [(one["kind"], one["physician_code"], one["trigger"]) for one in said if "withdrawn" in one]
    assert taken_back == [("caution_talk", TWELVE, f"{TWELVE}-p1")], (
        "of twelve points the second six call for no caution"
    )
    meanings = Counter(
        (value["kind"], value["physician_code"], value["trigger"], value.get("phase"), value["due_on"])
        for value in last_values(cluster, "notices").values()
    )
    assert set(meanings.values()) == {1}, "the same step is told once, under whatever code"

    done = cluster.screening("audit", "--json", control_clock_file=clock)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
