"""The long run: `python -m benchmarks.soak` (25 minutes) writes results/soak.json, soak.md and soak.svg.

One Kafka, two workers and the control plane, as they are run in production, for 20 minutes at 3,000 claims a second, the
nation's peak by our arithmetic, while events of the registers go on changing standings. One worker is killed (SIGKILL) every two
minutes and started again under its name; the broker is restarted once. The other worker and the control plane live through all
of it, and their memory is watched. At the end every claim that the broker took must have exactly one verdict or dead letter, and
`screening audit` must find nothing.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.control import say
from benchmarks.soak_report import Disturbance, Soak, write
from benchmarks.soak_traffic import PHYSICIANS, Flow, Outcomes, Plan, events, send_claims
from pipeline.devtools.kafka import LocalKafka
from pipeline.kafka.admin import TopicAdmin
from rules.events import Event
from tests.support.cluster import CONTROL_GROUP, Cluster
from tests.support.control import Controls, record
from tests.support.waiting import wait_for
from tests.support.workers import Crew, WorkerProcess
from topics.catalogue import (
    CATALOGUE,
    PHYSICIAN_EVENTS,
)

EVENTS_A_SECOND = 5.0
KILL_EVERY_S = 120.0
_FIRST_KILL_S = 60.0
_SAMPLE_EVERY_S = 5.0
_PATIENCE_S = 180.0
_PAGE = os.sysconf("SC_PAGE_SIZE")


# -- the run --------------------------------------------------------------------------------------------------------


@dataclass
class House:
    """What runs: two workers, of which the second is the victim, and the control plane."""

    cluster: Cluster
    folder: Path
    stack: ExitStack
    memory: list[tuple[float, str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._crew = Crew(self.cluster, self.folder)
        self._controls = Controls(self.cluster, self.folder)
        self.stack.callback(self._crew.dismiss)
        self.stack.callback(self._controls.dismiss)
        # The defaults of production, not the short timeouts that the tests use.
        self.control = self._controls.start(
            session_timeout_ms=10_000, control_batch_events=1_000, instance_id="control"
        )

    def open(self, standings: int) -> None:
        """Starts the workers once the register is published."""
        self.control.wait_ready(_PATIENCE_S)
        wait_for("the register is published", lambda: self._published() >= standings, within=_PATIENCE_S, every=0.5)
        self.witness = self._worker("witness")
        self.victim = self._worker("victim")
        self.witness.wait_ready(_PATIENCE_S)
        self.victim.wait_ready(_PATIENCE_S)

    def _published(self) -> int:
        return sum(self.cluster.ends("physician-standing", "read_committed"))

    def _worker(self, name: str) -> WorkerProcess:
        return self._crew.start(instance_id=name)

    def kill(self) -> None:
        """Kills the victim and starts it again, as a supervisor would."""
        self.victim.kill()
        self.victim = self._worker("victim")

    def sample(self, moment: float) -> None:
        """Notes the resident memory of those that are never killed; all must be alive."""
        for name, process in (("worker", self.witness), ("control", self.control)):
            assert process.exit_code is None, f"{name} ended ({process.exit_code}):\n{process.output[-3000:]}"
            resident = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * _PAGE
            self.memory.append((moment, name, resident / 1e6))

    def close(self) -> None:
        """Stops everything in good order."""
        assert self._crew.stop() == [0] * 2
        assert self._controls.stop() == [0]

    def taken(self) -> bool:
        """Whether the control plane has taken every event."""
        ends = self.cluster.ends(PHYSICIAN_EVENTS.name, "read_committed")
        committed = self.cluster.committed(CONTROL_GROUP, PHYSICIAN_EVENTS.name)
        return all(committed.get(number, 0) == end for number, end in enumerate(ends) if end)


def _timetable(seconds: float) -> Iterator[tuple[float, str]]:
    """What is done to the house, and when (seconds from the first claim)."""
    kills = np.arange(_FIRST_KILL_S, seconds - 30, KILL_EVERY_S).tolist()
    restart = _FIRST_KILL_S + KILL_EVERY_S * 1.5
    yield from sorted([*((moment, "worker killed") for moment in kills), (restart, "broker restarted")])


def run(seconds: float, rate: float) -> Soak:
    """The whole run."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="screening-soak-")))
        broker = stack.enter_context(LocalKafka(folder / "kafka", heap_mb=1024, steady=True))
        cluster = Cluster(broker)
        TopicAdmin(cluster.settings()).apply(CATALOGUE)
        before, during = events(int(seconds * EVENTS_A_SECOND))
        say(f"{len(before):,} events stand before, {len(during):,} come while claims flow")
        cluster.send(PHYSICIAN_EVENTS.name, map(record, before))
        house = House(cluster, folder, stack)
        house.open(PHYSICIANS * 9 // 10)
        wait_for("the events before the run are taken", house.taken, within=_PATIENCE_S, every=0.5)
        say("two workers and the control plane are ready")
        return _Run(Plan(cluster.bootstrap, seconds, rate, folder), cluster, house, during).go()


class _Run:
    """The part of the run that is measured."""

    def __init__(self, plan: Plan, cluster: Cluster, house: House, during: list[Event]) -> None:
        self._plan, self._cluster, self._house = plan, cluster, house
        self._flow = Flow(cluster, during, plan.seconds)
        self._outcomes = Outcomes(plan.bootstrap_servers)

    def go(self) -> Soak:
        """Sends, disturbs, waits for the rest, and counts."""
        self._outcomes.start()
        start = time.time() + 15  # the sender makes its roster first
        sender = multiprocessing.get_context("spawn").Process(target=send_claims, args=(self._plan, start), daemon=True)
        sender.start()
        time.sleep(max(0.0, start - time.time()))
        self._flow.start()
        disturbances = self._disturb(start, sender)
        sender.join(_PATIENCE_S)
        assert sender.exitcode == 0, "the sender failed"
        sent = pl.read_parquet(self._plan.folder / "sent.parquet")
        self._await(sent.height)
        time.sleep(2.0)  # whatever came twice would come now
        seen = self._outcomes.stop()
        self._flow.join(_PATIENCE_S)
        wait_for("every event is taken", self._house.taken, within=_PATIENCE_S, every=0.5)
        self._house.close()
        say("audit")
        audit = self._cluster.screening("audit", "--json", "--notices-on", "2022-01-01")
        return Soak(
            rate=self._plan.rate,
            seconds=self._plan.seconds,
            meant=self._plan.count,
            sent=sent.with_columns(pl.col("moment") - start),
            seen=seen.with_columns(pl.col("seen") - start),
            letters=self._outcomes.letters,
            events=self._flow.sent,
            late=float((self._plan.folder / "late").read_text()),
            disturbances=disturbances,
            memory=pl.DataFrame(self._house.memory, schema=["moment", "process", "mb"], orient="row"),
            audit=json.loads(audit.stdout) if audit.returncode in (0, 1) else {"failed": audit.stderr[-2000:]},
        )

    def _disturb(self, start: float, sender: Any) -> list[Disturbance]:
        done: list[Disturbance] = []
        left = list(_timetable(self._plan.seconds))
        told = 0.0
        while sender.is_alive():
            now = time.time() - start
            if left and now >= left[0][0]:
                _, what = left.pop(0)
                self._house.kill() if what == "worker killed" else self._cluster.broker.restart()
                done.append(Disturbance(now, time.time() - start, what))
                say(f"{now:6.0f} s  {what}")
            self._house.sample(now)
            if now >= told + 60:
                told = now
                say(f"{now:6.0f} s  {self._outcomes.seen:,} outcomes, {self._flow.sent:,} events")
            time.sleep(_SAMPLE_EVERY_S)
        return done

    def _await(self, number: int) -> None:
        wait_for("every claim has an outcome", lambda: self._outcomes.seen >= number, within=_PATIENCE_S, every=0.2,
                 detail=lambda: f"{self._outcomes.seen:,} of {number:,}")  # fmt: skip


def main() -> int:
    """Runs, prints the table, writes the results; exit code 1 when something was lost or a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20.0, help="length of the run [default: 20]")
    parser.add_argument("--rate", type=float, default=3_000.0, help="claims a second [default: 3000]")
    parser.add_argument(
        "--folder", type=Path, default=Path(__file__).parent / "results", help="where results are written"
    )
    given = parser.parse_args()
    soak = run(given.minutes * 60, given.rate)
    text = write(soak, given.folder)
    print(text)
    return 0 if soak.passed else 1


if __name__ == "__main__":
    sys.exit(main())
