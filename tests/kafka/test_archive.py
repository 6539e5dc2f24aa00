"""Every claim and every verdict on a real Kafka is a row of the archive, each once, whoever is killed and whenever."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random

import polars as pl
import pytest

from tests.support.archives import QUICK, Archives
from tests.support.cluster import Cluster
from tests.support.runs import publish, sample, send_claims, wait_judged
from tests.support.waiting import wait_for
from tests.support.workers import QUICK as QUICK_WORKER
from tests.support.workers import Crew

pytestmark = pytest.mark.kafka

KILLS = 3


@pytest.fixture
def archives(cluster: Cluster, tmp_path: Path) -> Iterator[Archives]:
    """Starts processes of the archive on the cluster; none outlives the test."""
    made = Archives(cluster, tmp_path)
    yield made
    made.dismiss()


def _places(rows: pl.DataFrame) -> list[tuple[int, int]]:
    return sorted(rows.select("partition", "offset").iter_rows())


def test_every_claim_and_verdict_is_archived_once_though_the_archive_is_killed_in_the_middle(
    cluster: Cluster, crew: Crew, archives: Archives
) -> None:
    random = Random(17)
    register, values = sample(17, 1_200)
    publish(cluster, register)
    crew.start(**QUICK_WORKER)
    for number in range(KILLS):
        send_claims(cluster, [*values[number * 400 : (number + 1) * 400], b"no claim", None])
        process = archives.start(**QUICK)
        process.wait_event("rows_archived", count=random.randint(1, 4), within=60)
        process.kill()
    inputs = wait_judged(cluster, crew)
    assert crew.stop() == [0]
    verdicts = cluster.read("claim-verdicts")

    process = archives.start(**QUICK)
    wait_for("all verdicts are archived", lambda: len(archives.rows("verdicts")) >= len(verdicts))
    wait_for("all claims are archived", lambda: len(archives.rows("claims")) >= len(verdicts))
    process.wait_event("archive_tidied", count=4)
    assert process.terminate() == 0

    claims, ruled = archives.rows("claims"), archives.rows("verdicts")
    assert _places(ruled) == sorted(record.place for record in verdicts)
    sources = sorted(ruled.select("source_partition", "source_offset").iter_rows())
    assert _places(claims) == sources, "the claims that are no dead letter, each once, are those that have a verdict"
    kept = {(row[0], row[1]): row[2] for row in claims.select("partition", "offset", "value").iter_rows()}
    assert all(kept[record.place] == record.value for record in inputs if record.place in kept)
    told = {record.place: json.loads(record.value or b"") for record in verdicts}
    for row in ruled.iter_rows(named=True):
        wire = told[row["partition"], row["offset"]]
        assert (row["claim_id"], row["disposition"], row["reason"]) == (
            wire["claim_id"],
            wire["disposition"],
            wire["reason"],
        )
        assert (row["fund_amount"], row["citations"]) == (Decimal(wire["fund_amount"]), wire["citations"])
        period = row["penalty_period"]
        assert wire["penalty_period"] == (period and [day and day.isoformat() for day in period.values()])


def test_a_run_until_the_end_takes_what_is_there_and_the_next_one_nothing_more(
    cluster: Cluster, archives: Archives
) -> None:
    _, values = sample(3, 300)
    send_claims(cluster, values)
    for expected in (300, 0):
        done = cluster.screening("archive", "--until-end", "--json", "--metrics-port", "0", archive_url=archives.place)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["archived"].get("claims", 0) + told["excluded"].get("not_a_claim", 0) == expected
    replayed = cluster.screening(
        "replay", str(archives.place), "--events", str(_no_events(archives.place.parent)), "--out",
        str(archives.place.parent / "replayed"), "--json",
    )  # fmt: skip
    record = json.loads(replayed.stdout)
    assert record["counts"]["accepted"] == len(archives.rows("claims")), "a replay reads the archive without an export"


def test_a_second_archive_on_the_same_tables_writes_nothing_twice_and_ends(
    cluster: Cluster, archives: Archives
) -> None:
    _, values = sample(5, 600)
    one, two = archives.start(**QUICK), archives.start(**QUICK)
    one.wait_ready()
    two.wait_ready()
    send_claims(cluster, values)
    wait_for("one of them ends", lambda: any(process.exit_code is not None for process in (one, two)))
    wait_for("the other archives all", lambda: len(archives.rows("claims")) >= len(cluster.read("claims")) - 50)
    left = next(process for process in (one, two) if process.exit_code is None)
    ended = one if left is two else two
    assert ended.exit_code == 1
    assert "another process archives claims" in ended.events("archive_failed")[-1]["error"]
    assert left.terminate() == 0
    places = _places(archives.rows("claims"))
    assert len(places) == len(set(places))


def _no_events(folder: Path) -> Path:
    file = folder / "events.ndjson"
    file.write_text("", "utf-8")
    return file
