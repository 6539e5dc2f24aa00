"""What operators do on ordinary days and on the worst one: another version takes over, the register is made again from its log."""

from __future__ import annotations

import json
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.kafka.admin import TopicAdmin
from tests.support.cluster import SMALL, Cluster
from tests.support.control import Controls, last_values, physicians, right_place, wait_taken
from tests.support.flow import Flow
from tests.support.runs import wait_judged
from tests.support.waiting import wait_for
from tests.support.workers import Crew
from topics.catalogue import DOSSIERS, INSTITUTION_STANDING, PHYSICIAN_STANDING

pytestmark = pytest.mark.kafka


def audited(cluster: Cluster, clock: Path) -> dict[str, Any]:
    """What the audit says; it must find nothing."""
    done = cluster.screening("audit", "--json", control_clock_file=clock)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    file = tmp_path / "clock"
    file.write_text("2027-06-01T09:00:00+08:00")
    return file


def test_new_processes_take_over_while_claims_and_events_flow_and_nothing_is_lost_or_repeated(
    cluster: Cluster, controls: Controls, crew: Crew, clock: Path
) -> None:
    made = physicians(31, 15)
    codes = [code for _, code in made.files]

    def claim(number: int) -> dict[str, Any]:
        code = codes[number % len(codes)]
        region = next(region for region, known in made.files if known == code)
        return {
            "claim_id": f"C{number}", "region": region, "institution_code": "H1", "physician_code": code,
            "encounter_type": "outpatient", "service_date": "2023-05-20", "settlement_time": "2023-05-20T18:00:00+08:00",
            "insured_id": f"P{number}", "insurance_type": "resident", "total_amount": "100.00", "fund_amount": "70.00",
        }  # fmt: skip

    old_control, old_worker = controls.start(control_clock_file=clock).wait_ready(), crew.start().wait_ready()
    events = made.events
    with Flow(cluster, claim) as flow:
        cluster.send("physician-events", (right_place(cluster, event) for event in events[: len(events) // 2]))
        flow.more(300)
        controls.start(control_clock_file=clock).wait_ready()
        crew.start().wait_ready()
        flow.more(300)
        for old in (old_worker, old_control):
            old.signal(signal.SIGTERM)
        cluster.send("physician-events", (right_place(cluster, event) for event in events[len(events) // 2 :]))
        wait_for("the old ones are gone", lambda: (old_worker.exit_code, old_control.exit_code) == (0, 0))
        flow.more(300)
    wait_taken(cluster, controls)
    wait_judged(cluster, crew)
    sources = Counter(
        (source["partition"], source["offset"])
        for source in (json.loads(item.value or b"")["source"] for item in cluster.read("claim-verdicts"))
    )
    assert len(sources) == flow.sent
    assert set(sources.values()) == {1}
    audited(cluster, clock)


def test_the_register_is_made_again_from_the_event_log_alone(
    cluster: Cluster, controls: Controls, tmp_path: Path, clock: Path
) -> None:
    made = physicians(32, 20)
    controls.start(control_clock_file=clock).wait_ready()
    cluster.send("physician-events", (right_place(cluster, event) for event in made.events))
    wait_taken(cluster, controls)
    audited(cluster, clock)
    assert controls.stop() == [0]
    before = {name: last_values(cluster, name) for name in ("physician-standing", "notices", "dossiers")}
    lost = (DOSSIERS, PHYSICIAN_STANDING, INSTITUTION_STANDING)
    for future in cluster.admin.delete_topics([spec.name for spec in lost], operation_timeout=30).values():
        future.result(30)
    wait_for("they are gone", lambda: not cluster.topics() & {spec.name for spec in lost})
    TopicAdmin(cluster.settings()).apply([replace(spec, partitions=SMALL) for spec in lost])
    wait_for("they are there again, and empty", lambda: cluster.topics() >= {spec.name for spec in lost})

    again = controls.start(control_clock_file=clock, data_dir=tmp_path / "fresh").wait_ready()
    assert again.events("input_read_from_its_start")
    wait_for("every event is folded again", lambda: last_values(cluster, "dossiers") == before["dossiers"], every=0.3)

    def told(values: dict[str, Any]) -> dict[str, Any]:
        """What a standing says of the days; its revision may count later events of the same batch that changed nothing."""
        told = ("spans", "sites", "contested", "points")
        return {key: {name: one[name] for name in told} for key, one in values.items()}

    assert told(last_values(cluster, "physician-standing")) == told(before["physician-standing"])
    # One that a later event restores may be withdrawn and given again on the way (ADR 0077).
    wait_for("every notice holds that held, and no other", lambda: last_values(cluster, "notices") == before["notices"])
    audited(cluster, clock)
