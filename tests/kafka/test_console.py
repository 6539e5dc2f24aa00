"""What commands tell of a cluster is whole, in a file or a pipe."""

from __future__ import annotations

import pytest

from tests.support.cluster import Cluster
from tests.support.commands import screening

LONG = " ".join(["a reason that runs on"] * 20)


@pytest.mark.kafka
def test_no_command_cuts_what_it_tells_of_a_cluster(cluster: Cluster) -> None:
    cluster.send(
        "claims-dead-letter",
        [{"key": "K" * 200, "value": b"x", "headers": [("error", f"invalid_json: {LONG}".encode())]}],
    )
    letters = screening("dlq", "list", "--topic", "all", bootstrap_servers=cluster.bootstrap).stdout
    assert "K" * 200 in letters
    assert LONG in letters
    for command in (("topics", "list"), ("audit",), ("topics", "acls", "operator", "User:night")):
        told = screening(*command, bootstrap_servers=cluster.bootstrap).stdout
        assert told
        assert "…" not in told
