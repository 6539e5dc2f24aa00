"""The image that is shipped: built from the Dockerfile, and every process of the line run from it against a real Kafka."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import Cluster
from tests.support.image import USER, Image
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.long]

MOST_BYTES = 400_000_000
CLAIMS = 2_000


@pytest.fixture
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The image of the line of payment."""
    made = Image(tmp_path_factory.mktemp("image"))
    made.build("line")  # one test alone asks for it: processes of pytest would each build their own
    yield made
    made.remove()


def test_every_process_runs_from_a_small_image_without_privileges_and_no_claim_is_lost(
    image: Image, cluster: Cluster, tmp_path: Path
) -> None:
    only_data_and_what_is_temporary_can_be_written(image)
    the_image_is_small_and_has_no_tools_to_build_or_install_with(image)
    a_command_whose_packages_only_the_other_image_has_says_so(image)
    tmp_path.chmod(0o777)
    os.chown(tmp_path, USER, USER)
    for words in (
        ("sample", "events", "/files/events.ndjson"),
        ("sample", "claims", "/files/claims.ndjson", "--count", str(CLAIMS)),
    ):
        made = image.screening(*words, files=tmp_path)
        assert made.returncode == 0, made.stderr

    names = ("control", "worker", "precheck")
    processes = [image.process(name, cluster, register_lag_ms=0) for name in names]
    try:
        for process in processes:
            process.wait_ready()
            status = Path(f"/proc/{process.pid}/status").read_text("ascii")
            told = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            assert set(told["Uid"].split()) == {str(USER)}
            for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
                assert int(told[kind], 16) == 0, f"{process.command}: {kind}"
        kind, *check = image.configuration["Healthcheck"]["Test"]
        assert kind == "CMD"
        for process in processes:
            port = process.events(f"{process.command}_started")[-1]["metrics"].rpartition(":")[2].partition("/")[0]
            asked = subprocess.run(
                image.command([word.replace("9464", port) for word in check]),
                capture_output=True,
                text=True,
                check=False,
            )
            assert asked.returncode == 0, asked.stderr

        for what in ("events", "claims"):
            loaded = image.screening(
                "load", what, f"/files/{what}.ndjson", files=tmp_path, bootstrap_servers=cluster.bootstrap
            )
            assert loaded.returncode in (0, 1), loaded.stderr
        inputs = cluster.read("claims")
        wait_for("every claim is judged", lambda: cluster.has_judged("claims-screening", inputs), within=120)
        audit = image.screening("audit", "--json", bootstrap_servers=cluster.bootstrap)
        assert audit.returncode == 0, audit.stdout + audit.stderr
        letters = image.screening("dlq", "list", bootstrap_servers=cluster.bootstrap)
        assert letters.returncode == 0, letters.stderr
    finally:
        codes = [process.terminate() for process in reversed(processes)]
    assert codes == [0, 0, 0]
    verdicts = [json.loads(one.value or b"") for one in cluster.read("claim-verdicts")]
    assert len(verdicts) + len(cluster.read("claims-dead-letter")) == len(inputs)
    assert {verdict["disposition"] for verdict in verdicts} >= {"pay", "reject"}


def only_data_and_what_is_temporary_can_be_written(image: Image) -> None:
    root = image.root
    open_to_all = {
        path.relative_to(root).as_posix()
        for path in [root, *root.rglob("*")]
        if not path.is_symlink() and (path.stat().st_mode & stat.S_IWOTH or path.stat().st_uid == USER)
    }
    assert {name for name in open_to_all if not name.startswith(("var/lib/screening", "tmp"))} == set()


def the_image_is_small_and_has_no_tools_to_build_or_install_with(image: Image) -> None:
    assert image.bytes < MOST_BYTES, f"{image.bytes:,} bytes"
    programs = {path.name for folder in ("usr/bin", "opt/screening/bin") for path in (image.root / folder).iterdir()}
    assert not programs & {"pip", "pip3", "apt", "apt-get", "dpkg", "gcc", "ld", "strip", "su", "mount", "perl"}


def a_command_whose_packages_only_the_other_image_has_says_so(image: Image) -> None:
    told = image.screening("archive", "--until-end")
    assert told.returncode == 2
    assert "deltalake" in told.stderr
    assert "tables" in told.stderr
