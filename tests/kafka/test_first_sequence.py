"""README's sequence, in any order and without a pause: the stream gives the verdicts of a replay of the same files."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pipeline.kafka.partitioner import partition_of
from tests.support import replaying
from tests.support.cluster import SMALL, Cluster
from tests.support.control import MORTAL, Controls, record
from tests.support.histories import make
from tests.support.judging import OF_THE_RUN
from tests.support.runs import wait_judged
from tests.support.workers import Crew

pytestmark = pytest.mark.kafka

Verdicts = dict[tuple[str, int], dict[str, Any]]
"""By claim and version."""
Files = tuple[Path, Path, Verdicts]

CLAIMS = 20_000
FEW = 4_000
"""Where a process is killed, or nothing is compared but one reason."""
ROSTER = 5_000
WITHIN_S = 240


@cache
def files(kafka: Cluster, folder: Path, count: int) -> Files:
    """The sample's events and so many claims, and the verdicts of a replay of them by claim and version."""
    folder = folder / f"{count}"
    folder.mkdir()
    events, claims = folder / "events.ndjson", folder / "claims.ndjson.gz"
    for command in (("events", str(events)), ("claims", str(claims), "--count", str(count))):
        made = kafka.screening("sample", *command)
        assert made.returncode == 0, made.stderr
    replaying.run(folder / "replayed", claims, events)
    replayed = replaying.on_the_wire(replaying.verdicts(folder / "replayed"))
    return events, claims, {(row["claim_id"], row["claim_version"]): compared(row) for row in replayed}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files of this module lie."""
    return tmp_path_factory.mktemp("sequence")


def load(cluster: Cluster, what: str, path: Path) -> None:
    done = cluster.screening("load", what, str(path))
    assert done.returncode in (0, 1, 3), done.stderr


def judged(cluster: Cluster) -> Verdicts:
    """The verdicts of the topic, as they are compared."""
    found: Verdicts = {}
    for item in cluster.read("claim-verdicts"):
        verdict = replaying.two_decimals(json.loads(item.value or b""))
        found[verdict["claim_id"], verdict["claim_version"]] = compared(verdict)
    return found


def compared(verdict: dict[str, Any]) -> dict[str, Any]:
    """A verdict without what belongs to the run.

    `standing_revision` counts the events behind a standing as it was published, and one more event that changes nothing is not
    published: whether it is counted depends on the batches of the ledger.
    """
    return {name: value for name, value in verdict.items() if name not in {*OF_THE_RUN, "standing_revision"}}


def roster(number: int) -> dict[str, Any]:
    """The registration of a physician whom no claim names."""
    code = f"D9990000{number:05}"
    made = make("registration", "2023-01-03", number, region="522700", physician_code=code, event_id=f"{code}-0")
    return {**record(made), "partition": partition_of(code.encode(), SMALL)}


@pytest.mark.parametrize("order", ["processes first", "files first", "control killed while a roster is loaded"])
def test_the_stream_judges_like_a_replay_of_the_same_files(
    cluster: Cluster, crew: Crew, controls: Controls, folder: Path, order: str
) -> None:
    events, claims, replayed = files(cluster, folder, FEW if "killed" in order else CLAIMS)
    if order != "files first":
        control = controls.start(**MORTAL).wait_ready()
        crew.start(register_lag_ms=0).wait_ready()
    if "killed" in order:
        # Far more than is taken by the time that the first claims come; the events behind the claims lie behind these.
        cluster.send("physician-events", map(roster, range(ROSTER)))
    load(cluster, "events", events)
    load(cluster, "claims", claims)
    if "killed" in order:
        control.kill()
        controls.start()
    if order == "files first":
        crew.start(register_lag_ms=0)
        controls.start()
    wait_judged(cluster, crew, within=WITHIN_S)

    verdicts = judged(cluster)
    assert verdicts.keys() == replayed.keys()
    wrong = [(name, verdicts[name], replayed[name]) for name in replayed if verdicts[name] != replayed[name]]
    assert not wrong, f"{len(wrong)} of {len(replayed)} differ: {wrong[:2]}"


@pytest.mark.parametrize("ahead", [0, ROSTER], ids=["alone", "while a roster is loaded"])
def test_with_the_default_lag_nobody_is_called_unregistered_wrongly(
    cluster: Cluster, crew: Crew, controls: Controls, folder: Path, ahead: int
) -> None:
    events, claims, replayed = files(cluster, folder, FEW)
    crew.start().wait_ready()
    controls.start()
    if ahead:
        cluster.send("physician-events", map(roster, range(ahead)))
    load(cluster, "events", events)
    load(cluster, "claims", claims)
    wait_judged(cluster, crew, within=WITHIN_S)

    wrong = [
        verdict
        for name, verdict in judged(cluster).items()
        if verdict["reason"] == "physician_unregistered" != replayed[name]["reason"]
    ]
    assert not wrong, f"{len(wrong)}: {wrong[:2]}"
