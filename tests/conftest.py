"""Fixtures of the whole suite: one real Kafka a session, clean topics a test, and the shared data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.devtools.kafka import LocalKafka
from tests.support.cluster import Cluster
from tests.support.control import Controls
from tests.support.desks import Desks
from tests.support.intakes import Intakes
from tests.support.missing import stand_aside
from tests.support.prechecks import Prechecks
from tests.support.thorough import load_profile
from tests.support.workers import Crew

ROOT = Path(__file__).resolve().parent.parent

load_profile()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A real Apache Kafka for the session. If it does not start the tests fail: nothing here may pass without it."""
    with LocalKafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield Cluster(broker)


@pytest.fixture
def cluster(kafka: Cluster) -> Cluster:
    """The session's Kafka with fresh topics of the catalogue."""
    kafka.reset()
    return kafka


@pytest.fixture
def crew(cluster: Cluster, tmp_path: Path) -> Iterator[Crew]:
    """Starts workers on the cluster; none outlives the test."""
    made = Crew(cluster, tmp_path)
    yield made
    made.dismiss()


@pytest.fixture
def intakes(cluster: Cluster, tmp_path: Path) -> Iterator[Intakes]:
    """Starts processes of the intake on the cluster; none outlives the test."""
    made = Intakes(cluster, tmp_path)
    yield made
    made.dismiss()


@pytest.fixture
def controls(cluster: Cluster, tmp_path: Path) -> Iterator[Controls]:
    """Starts processes of the control plane on the cluster; none outlives the test."""
    made = Controls(cluster, tmp_path)
    yield made
    made.dismiss()


@pytest.fixture
def prechecks(cluster: Cluster, tmp_path: Path) -> Iterator[Prechecks]:
    """Starts processes of the pre-check on the cluster; none outlives the test."""
    made = Prechecks(cluster, tmp_path)
    yield made
    made.dismiss()


@pytest.fixture
def desks(cluster: Cluster, tmp_path: Path) -> Iterator[Desks]:
    """Starts processes of the desk on the cluster; none outlives the test."""
    made = Desks(cluster, tmp_path)
    yield made
    made.dismiss()


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A broker that this test may stop or kill."""
    with LocalKafka(tmp_path / "kafka") as broker:
        made = Cluster(broker)
        made.reset()
        yield made


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared folder beside the checkout, which is no part of the product's repository."""
    folder = ROOT.parent / "shared"
    if not (folder / "data" / "claims.ndjson.gz").is_file():
        stand_aside(f"{folder} with the real-size claims is not beside the checkout")
    return folder
