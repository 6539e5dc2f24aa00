"""Processes of the intake as operators run them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from tests.oracle.centre import Visit, claims_of
from tests.property.test_intake_stream import said
from tests.support.centre_day import Message
from tests.support.cluster import Cluster
from tests.support.waiting import wait_for
from tests.support.workers import Crew, WorkerProcess

QUICK = {
    "session_timeout_ms": 3000, "transaction_timeout_ms": 3000, "intake_batch_messages": 25, "intake_visit_wait_s": 8,
}  # fmt: skip
"""Settings by which a killed process is soon replaced, and a batch soon full."""


class IntakeProcess(WorkerProcess):
    """One `screening intake --live`."""

    command = "intake --live"


class Intakes(Crew):
    """The processes of one test."""

    def start(self, **settings: object) -> IntakeProcess:
        """Starts a process."""
        log = self._folder / f"intake-{len(self.all)}.log"
        made = IntakeProcess(self._cluster, log, **settings)
        self.all.append(made)
        return made


def without_key(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Records as integrators send them who set no key: they are sent on to the partition of their institution."""
    return [{"value": json.dumps(message).encode()} for message in messages]


def written_claims(cluster: Cluster) -> list[dict[str, Any]]:
    """All claims, each with its key as its name."""
    found = []
    for record in cluster.read("claims"):
        claim = json.loads(record.value or b"")
        assert record.key == claim["claim_id"].encode()
        found.append(claim)
    return found


def set_aside(cluster: Cluster) -> list[dict[str, Any]]:
    """The messages that were set aside, as `dlq list` tells them."""
    done = cluster.screening("dlq", "list", "--topic", "messages", "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def prove_claims(cluster: Cluster, plan: list[Visit], within: float = 240) -> int:
    """Waits until the newest claims are the oracle's, and proves that each version was written once and none is left out.
    Returns how many claims were written."""
    expected = said(claims_of(plan))

    def whole() -> bool:
        if any(letter["kind"] == "missing_field" and not letter["redriven"] for letter in set_aside(cluster)):
            # A request and its response that missed each other, because a process was dead for so long.
            cluster.screening("dlq", "redrive", "--topic", "messages", "--where", "kind=missing_field")
        return said(written_claims(cluster)) == expected

    wait_for("the newest claims are those of the oracle", whole, within=within)
    found = written_claims(cluster)
    names = Counter((claim["institution_code"], claim["claim_id"], claim["claim_version"]) for claim in found)
    assert set(names.values()) == {1}, "each version is written once"
    newest: dict[tuple[str, str], int] = {}
    for institution, name, version in names:
        newest[institution, name] = max(version, newest.get((institution, name), 0))
    assert sum(newest.values()) == len(found), "versions count without a gap"
    return len(found)
