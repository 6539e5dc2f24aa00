"""Flagged cases of a replay: in the contract of the topic, equal to the gate's own, and publishable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.cli.exits import Exit
from pipeline.replay.report.cases import publish_cases, write_cases
from pipeline.settings.packs import load_pack_set
from tests.support.cluster import Cluster
from tests.support.replaying import (
    replayed_sample,
    sample_claims,
    sample_events,
    write_events,
    write_lines,
    written_cases,
)

PACKS = load_pack_set()


@pytest.fixture(scope="module")
def values() -> list[bytes]:
    return sample_claims(5_000, broken_share=0.03)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory, values: list[bytes]) -> Path:
    return replayed_sample(tmp_path_factory.mktemp("cases"), values)


@pytest.mark.kafka
def test_published_cases_stand_in_the_topic_under_their_ids(cluster: Cluster, replayed: Path) -> None:
    write_cases(replayed, PACKS)
    published = publish_cases(replayed, cluster.settings())
    made = written_cases(replayed)
    assert (published.delivered, published.refused) == (len(made), ())
    records = cluster.read("claim-cases")
    assert len(records) == len(made)
    assert {record.key.decode(): json.loads(record.value) for record in records} == {
        case["case_id"]: case for case in made
    }


@pytest.mark.kafka
def test_publishing_from_the_command_line_may_be_repeated_and_the_ids_stay_the_same(
    cluster: Cluster, values: list[bytes], tmp_path: Path
) -> None:
    claims = write_lines(tmp_path / "claims.ndjson", values[:1_500])
    events = write_events(tmp_path / "events.ndjson", sample_events())
    for times in (1, 2):
        done = cluster.screening(
            "replay",
            str(claims),
            "--events",
            str(events),
            "--out",
            str(tmp_path / "out"),
            "--no-report",
            "--publish",
            "--no-resume",
        )
        assert done.returncode == Exit.PARTLY, done.stderr
        made = written_cases(tmp_path / "out")
        assert f"{len(made):,} cases published to claim-cases" in done.stdout
        records = cluster.read("claim-cases")
        assert len(records) == times * len(made)
        assert {record.key.decode() for record in records} == {case["case_id"] for case in made}
