"""Processes that look back, as operators run them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.cluster import Cluster
from tests.support.workers import Crew, WorkerProcess


class ReconcileProcess(WorkerProcess):
    """One `screening reconcile --follow`."""

    def __init__(self, cluster: Cluster, log: Path, *options: str, **settings: object) -> None:
        self.command = " ".join(("reconcile --follow", *options))
        super().__init__(cluster, log, **settings)


class Reconciles(Crew):
    """The processes of one test."""

    def start(self, *options: str, **settings: object) -> ReconcileProcess:
        """Starts a process; the setting `archive_url` says where the archive is."""
        log = self._folder / f"reconcile-{len(self.all)}.log"
        made = ReconcileProcess(self._cluster, log, *options, reconcile_look_s=0.1, **settings)
        self.all.append(made)
        return made


def revisions(cluster: Cluster) -> list[dict[str, Any]]:
    """Every revision that is published."""
    return [json.loads(record.value or b"") for record in cluster.read("claim-revisions")]


def last_answers(cluster: Cluster) -> dict[tuple[int, int], dict[str, Any]]:
    """The last answer on every claim record, by partition and offset: that of its last revision, or of its verdict."""
    last: dict[tuple[int, int], tuple[int, dict[str, Any]]] = {}
    first = [(0, told, told) for told in (json.loads(item.value or b"") for item in cluster.read("claim-verdicts"))]
    for number, told, answer in [*first, *((one["number"], one, one["new"]) for one in revisions(cluster))]:
        where = told["source"]["partition"], told["source"]["offset"]
        if where not in last or last[where][0] < number:
            last[where] = number, {"claim_id": told["claim_id"], **answer}
    return {where: answer for where, (_, answer) in last.items()}
