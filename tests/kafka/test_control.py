"""The control plane on a real Kafka: events in, standings and notices out, cases kept."""

from __future__ import annotations

import datetime as dt
import json
import random
import re
import shutil
import time
from pathlib import Path

import pytest
from confluent_kafka.admin import NewPartitions

from pipeline.settings.packs import SHIPPED
from rules.events import encode
from tests.support.cluster import Cluster
from tests.support.control import (
    MORTAL,
    Controls,
    Physicians,
    expected_notices,
    last_values,
    physicians,
    prove_notices,
    prove_standings,
    record,
    right_place,
    shuffled,
    wait_taken,
)
from tests.support.histories import make
from tests.support.waiting import wait_for

pytestmark = pytest.mark.kafka

QIANNAN = "522700"
LATE = "2031-01-01T09:00:00+08:00"


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    """A clock that stands still until a test moves it."""
    file = tmp_path / "clock"
    file.write_text("2023-03-01T09:00:00+08:00")
    return file


def at(file: Path, day: str) -> dt.date:
    """Moves the clock, so that nobody reads half a time."""
    fresh = file.with_suffix(".new")
    fresh.write_text(f"{day}T09:00:00+08:00")
    fresh.replace(file)
    return dt.date.fromisoformat(day)


def qiannan(kind: str, day: str, number: int, code: str = "D522701000001", **fields: object) -> dict:
    """A record of one physician's event in Qiannan."""
    return record(make(kind, day, number, region=QIANNAN, physician_code=code, event_id=f"{code}-{number}", **fields))


def test_each_standing_is_the_rules_own_fold_and_its_revisions_only_grow(
    cluster: Cluster, controls: Controls, clock: Path
) -> None:
    made = physicians(1, 40)
    controls.start(control_clock_file=clock).wait_ready()
    today = at(clock, "2027-06-01")
    cluster.send("physician-events", (right_place(cluster, event) for event in made.events))
    wait_taken(cluster, controls)
    assert prove_standings(cluster, made) == 120
    assert prove_notices(cluster, made, today) > 100
    assert controls.stop() == [0]


def test_repetition_any_order_and_a_foreign_partitioner_change_nothing(
    cluster: Cluster, controls: Controls, clock: Path
) -> None:
    made = physicians(2, 25)
    rng = random.Random(2)
    control = controls.start(control_clock_file=clock).wait_ready()
    today = at(clock, "2027-06-01")
    # The plain client of the tests places records by another hash than Kafka's own clients.
    cluster.send("physician-events", (record(event) for event in shuffled(made.events, rng)))
    wait_taken(cluster, controls)
    prove_standings(cluster, made)
    prove_notices(cluster, made, today)
    standings, notices = (cluster.ends(topic, "read_committed") for topic in ("physician-standing", "notices"))

    cluster.send("physician-events", (record(event) for event in shuffled(made.events, rng)))
    wait_taken(cluster, controls)
    assert cluster.ends("physician-standing", "read_committed") == standings
    assert cluster.ends("notices", "read_committed") == notices
    repeated = sum(
        value
        for (name, labels), value in control.metrics().items()
        if name == "screening_control_events_total" and ("outcome", "repeated") in labels
    )
    assert repeated >= len(made.events)


def test_an_event_that_cannot_be_accepted_is_set_aside_with_its_reason_and_its_neighbours_count(
    cluster: Cluster, controls: Controls
) -> None:
    good = qiannan("registration", "2023-01-03", 0)
    spoiled = {
        "not JSON": b"{not json",
        "the record has no value": None,
        "unknown event type": json.dumps({**json.loads(good["value"]), "type": "promotion"}).encode(),
        "is not an item of this scheme": encode(
            make("deduction", "2023-02-01", 2, region=QIANNAN, points=1, violation_id="nothing")
        ),
        "does not exist in this scheme": encode(make("full_12", "2023-02-01", 3, region=QIANNAN, period="p")),
        "cannot be counted": encode(
            make("deduction", "9999-12-31", 4, region=QIANNAN, points=12, violation_id="QN-T12-01")
        ),
        "institution: missing": encode(make("registration", "2023-02-01", 5, region=QIANNAN, institution=None)),
    }
    control = controls.start().wait_ready()
    records = [good, *({"key": f"k{number}", "value": value} for number, value in enumerate(spoiled.values()))]
    cluster.send(
        "physician-events", [*records, qiannan("deduction", "2023-03-01", 1, points=3, violation_id="QN-T3-01")]
    )
    wait_taken(cluster, controls)

    letters = cluster.read("physician-events-dead-letter")
    assert {letter.value for letter in letters} == set(spoiled.values())
    for letter in letters:
        headers = {name: (value or b"").decode() for name, value in letter.headers}
        assert headers["source.topic"] == "physician-events"
        assert int(headers["source.partition"]) in range(3)
        assert int(headers["source.offset"]) >= 0
        said = next(words for words, value in spoiled.items() if value == letter.value)
        assert said in headers["error"], headers["error"]
    standing = last_values(cluster, "physician-standing")[f"{QIANNAN}|D522701000001"]
    assert 9 in [span["points_remaining"] for span in standing["spans"]], "the neighbours of a bad record count"
    counted = sum(v for (name, _), v in control.metrics().items() if name == "screening_control_dead_letters_total")
    assert counted == len(spoiled)


def test_a_standing_is_published_only_when_it_says_something_new_and_names_the_days(
    cluster: Cluster, controls: Controls
) -> None:
    controls.start().wait_ready()
    for sent in (
        qiannan("registration", "2023-01-03", 0),
        qiannan("deduction", "2023-03-01", 1, points=12, violation_id="QN-T12-01"),
        qiannan("notice_received", "2023-03-02", 2, ref="D522701000001-1"),
        qiannan("appeal_filed", "2023-03-03", 3, ref="D522701000001-1"),
        qiannan("appeal_upheld", "2023-03-20", 4, ref="D522701000001-1"),
    ):
        cluster.send("physician-events", [sent])
        wait_taken(cluster, controls)
    told = [json.loads(item.value or b"") for item in cluster.read("physician-standing")]
    assert [item["revision"] for item in told] == [1, 2, 5]
    assert told[0]["changed"] == [["2023-01-03", None]]
    assert told[1]["changed"][0][0] == "2023-03-01"
    assert "blacklisted" in {span["standing"] for span in told[1]["spans"]}
    assert told[2]["changed"] == told[1]["changed"]
    assert {span["standing"] for span in told[2]["spans"]} == {"normal"}


def test_what_happens_to_an_institution_is_published_as_its_own_standing(cluster: Cluster, controls: Controls) -> None:
    controls.start().wait_ready()
    snapshot = make("institution_snapshot", "2015-03-02", 1, region="620100", institution="H620100001",
                    physician_code=None, approved_physicians=20, cancelled_in_term=1)  # fmt: skip
    signed = make(
        "institution_resigned", "2015-09-01", 2, region="620100", institution="H620100001", physician_code=None
    )
    for event in (snapshot, signed):
        cluster.send("physician-events", [record(event)])
        wait_taken(cluster, controls)
    told = [json.loads(item.value or b"") for item in cluster.read("institution-standing")]
    assert [item["revision"] for item in told] == [1, 2]
    assert [(span["from"], span["to"], span["standing"]) for span in told[1]["spans"]] == [
        ("2015-03-03", "2015-08-31", "terminated")
    ]
    assert told[1]["changed"] == [["2015-09-01", None]]


def test_a_contradiction_is_accepted_flagged_and_told_to_people_once(cluster: Cluster, controls: Controls) -> None:
    control = controls.start().wait_ready()
    orphan = qiannan("appeal_upheld", "2023-05-04", 1, ref="D522701000001-77")
    cluster.send("physician-events", [qiannan("registration", "2023-01-03", 0), orphan, orphan])
    wait_taken(cluster, controls)
    cluster.send(
        "physician-events",
        [orphan, qiannan("deduction", "2023-03-01", 2, code="D9", points=1, violation_id="QN-T1-01")],
    )
    wait_taken(cluster, controls)
    told = [json.loads(item.value or b"") for item in cluster.read("notices")]
    flagged = sorted((item["physician_code"], item["flag"]) for item in told if item["kind"] == "contradiction")
    assert flagged == [("D522701000001", "unknown_reference"), ("D9", "unknown_physician")]
    assert cluster.read("physician-events-dead-letter") == []
    assert control.metric("screening_control_flags_total", flag="unknown_reference") == 1


def test_notices_are_raised_fall_due_and_are_missed_each_once_also_across_a_kill(
    cluster: Cluster, controls: Controls, clock: Path
) -> None:
    control = controls.start(control_clock_file=clock, **MORTAL).wait_ready()
    code = "D522701000001"
    events = [
        make("registration", "2023-01-03", 0, region=QIANNAN, physician_code=code),
        make("deduction", "2023-03-01", 1, region=QIANNAN, physician_code=code, points=12, violation_id="QN-T12-01"),
        make("notice_received", "2023-03-01", 2, region=QIANNAN, physician_code=code, ref="e1"),
    ]
    made = Physicians({(QIANNAN, code): events})
    cluster.send("physician-events", [record(event) for event in events])
    wait_taken(cluster, controls)
    first = prove_notices(cluster, made, at(clock, "2023-03-01"))
    assert first > 0
    counts = [first]
    for day, kill in (("2023-03-06", False), ("2023-03-07", True), ("2023-03-10", False), ("2023-03-13", True)):
        if kill:
            control.kill()
        today = at(clock, day)
        if kill:
            control = controls.start(control_clock_file=clock, **MORTAL).wait_ready()
        demanded = expected_notices(QIANNAN, code, events, today)
        wait_for(
            f"the notices of {day} are there",
            lambda demanded=demanded: demanded <= {(item.key or b"").decode() for item in cluster.read("notices")},
            every=0.2,
            detail=lambda control=control: control.output[-2000:],
        )
        counts.append(prove_notices(cluster, made, today))
        assert counts[-1] == len(demanded)
    assert counts == sorted(set(counts)), "every day chosen has notices of its own"

    def told(kind: str) -> list[str]:
        notices = last_values(cluster, "notices").values()
        return [one["phase"] for one in notices if one["kind"] == kind and "withdrawn" not in one]

    phases = {json.loads(item.value or b"")["phase"] for item in cluster.read("notices")}
    assert phases == {"raised", "due", "missed", "lapsed"}

    at(clock, "2036-01-01")
    wait_for(
        "a clock that is ahead reminds of the end of the ban",
        lambda: sorted(told("reapply_after_ban")) == ["due", "raised"],
        every=0.2,
    )
    today = at(clock, "2023-03-13")
    wait_for("it is withdrawn when the clock is right again", lambda: told("reapply_after_ban") == ["raised"], every=0.2,
             detail=lambda: control.output[-2000:])  # fmt: skip
    assert prove_notices(cluster, made, today) == counts[-1]
    assert control.wait_event("clock_went_back")["now"] == "2023-03-13"


def test_two_processes_share_the_work_and_one_takes_over_what_a_killed_one_had(
    cluster: Cluster, controls: Controls
) -> None:
    made = physicians(3, 30)
    pair = [controls.start(**MORTAL).wait_ready(), controls.start(**MORTAL)]
    wait_for(
        "each has partitions",
        lambda: all(
            item.get("/readyz")[0] == 200 and json.loads(item.get("/readyz")[1])["partitions"] for item in pair
        ),
        every=0.2,
        detail=lambda: pair[1].output[-3000:],
    )
    half = len(made.events) // 2
    cluster.send("physician-events", (right_place(cluster, event) for event in made.events[:half]))
    pair[0].kill()
    cluster.send("physician-events", (right_place(cluster, event) for event in made.events[half:]))
    wait_taken(cluster, controls)
    prove_standings(cluster, made)
    assert json.loads(pair[1].get("/readyz")[1])["partitions"] == [0, 1, 2]
    assert pair[1].terminate() == 0


def test_one_dossier_is_to_be_seen_as_a_page(cluster: Cluster, controls: Controls) -> None:
    control = controls.start(control_store="memory").wait_ready()
    cluster.send("physician-events", [qiannan("registration", "2023-01-03", 0),
                                      qiannan("deduction", "2023-03-01", 1, points=3, violation_id="QN-T3-01")])  # fmt: skip
    wait_taken(cluster, controls)
    status, page = control.get(f"/physicians/{QIANNAN}/D522701000001?lang=en")
    assert status == 200, page
    assert "D522701000001" in page
    assert 'lang="en"' in page
    assert control.get(f"/physicians/{QIANNAN}/D522701000001")[1] != page
    status, text = control.get(f"/physicians/{QIANNAN}/nobody")
    assert status == 404
    assert "nothing is recorded" in text
    assert control.get("/physicians/522700")[0] == 404
    assert control.get("/healthz")[0] == 200


def test_without_equal_partitions_it_says_what_is_wrong_and_ends(cluster: Cluster, controls: Controls) -> None:
    cluster.admin.create_partitions([NewPartitions("notices", 5)])["notices"].result(30)
    control = controls.start()
    assert control.wait() == 1
    assert "notices has 5" in control.wait_event("control_failed")["error"]


def test_a_setting_that_cannot_be_used_is_wrong_use_and_says_what_was_expected(
    cluster: Cluster, tmp_path: Path
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("tomorrow")
    told = cluster.screening("control", control_clock_file=clock, metrics_port=0, data_dir=tmp_path)
    assert told.returncode == 2
    assert "SCREENING_CONTROL_CLOCK_FILE" in told.stderr
    assert "2023-05-11T09:30:00+08:00" in told.stderr


def test_a_process_that_starts_under_a_changed_pack_publishes_what_the_change_makes_different(
    cluster: Cluster, controls: Controls, tmp_path: Path
) -> None:
    punished, quiet = "D522701000001", "D522701000002"
    cluster.send(
        "physician-events",
        [
            *(qiannan("registration", "2023-01-03", 0, code=code) for code in (punished, quiet)),
            qiannan("deduction", "2023-05-10", 1, points=12, violation_id="QN-T12-01"),
        ],
    )
    controls.start().wait_ready()
    wait_taken(cluster, controls)
    assert controls.stop() == [0]
    before = last_values(cluster, "physician-standing")
    packs = tmp_path / "packs"
    shutil.copytree(SHIPPED, packs)
    pack = packs / "qiannan-2022.yaml"
    text = pack.read_text("utf-8")
    changed = re.sub(r"penalty_months: \{value: 3,", "penalty_months: {value: 6,", text)
    assert changed != text
    pack.write_text(changed, "utf-8")

    controls.start(packs_dir=packs).wait_ready()

    def window() -> list[str]:
        spans = last_values(cluster, "physician-standing")[f"{QIANNAN}|{punished}"]["spans"]
        return next(span["penalty_period"] for span in spans if span["penalty_period"])

    wait_for("the longer penalty is published", lambda: window() == ["2023-05-11", "2023-11-10"])
    after = last_values(cluster, "physician-standing")
    assert after[f"{QIANNAN}|{punished}"]["revision"] == before[f"{QIANNAN}|{punished}"]["revision"]
    assert after[f"{QIANNAN}|{punished}"]["changed"], "the days that have to be screened again are named"
    assert after[f"{QIANNAN}|{quiet}"] == before[f"{QIANNAN}|{quiet}"]
    assert sum(1 for item in cluster.read("physician-standing") if quiet.encode() in (item.key or b"")) == 1


def test_it_ends_soon_also_while_the_brokers_are_away(own_cluster: Cluster, tmp_path: Path) -> None:
    controls = Controls(own_cluster, tmp_path)
    control = controls.start(session_timeout_ms=10_000).wait_ready()
    own_cluster.send("physician-events", (qiannan("registration", "2023-01-03", 0, code=f"D{n}") for n in range(3_000)))
    wait_for("it has begun", lambda: sum(own_cluster.ends("dossiers", "read_committed")) > 0)
    own_cluster.broker.stop()
    begun = time.monotonic()
    assert control.terminate() == 0
    assert time.monotonic() - begun < 30, control.output[-3000:]
