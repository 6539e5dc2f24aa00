"""How fast the control plane takes events and how soon it is back: `python -m benchmarks.control` writes results/control.json.

Roster: registrations of 200,000 physicians wait in the topic; one process reads them from its first commit to its last.
Histories: the same with events of every kind, several a physician, in the order of their dates. Restarts: the process is killed
with everything taken and started again with its tables on disk (warm) and without (cold).
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks.report import Row
from pipeline.devtools.kafka import LocalKafka
from pipeline.kafka.admin import TopicAdmin
from pipeline.kafka.producing import Sender
from pipeline.settings.model import Settings
from rules.events import encode
from tests.support.cluster import CONTROL_GROUP, Cluster
from tests.support.control import ControlProcess, physicians
from tests.support.histories import make
from tests.support.waiting import wait_for
from topics.catalogue import CATALOGUE, EVENT_PARTITIONS, PHYSICIAN_EVENTS

RESULTS = Path(__file__).parent / "results" / "control.json"
TARGETS = {("roster", "throughput"): 1_500.0, ("restart", "recovery_cold"): 60.0, ("restart", "recovery_warm"): 60.0}
"""Events a second of one process, at least; seconds until it is ready again with 200,000 dossiers, at most."""


def registrations(number: int) -> Iterator[dict[str, bytes]]:
    """One registration for each physician of a roster."""
    for place in range(number):
        code = f"D5227{place:08}"
        event = make("registration", "2023-01-03", place, region="522700", physician_code=code, event_id=f"r{place}",
                     institution=f"H522701{place % 1500:05}")  # fmt: skip
        yield {"key": code.encode(), "value": encode(event)}


def histories(number: int) -> Iterator[dict[str, bytes]]:
    """About so many events of random histories, in the order of their dates."""
    made = physicians(7, number // 21)
    for event in sorted(made.events, key=lambda event: event.date):
        yield {"key": (event.physician_code or "").encode(), "value": encode(event)}


def load(settings: Settings, records: Iterable[dict[str, bytes]]) -> int:
    """Sends records; returns how many."""
    sender, batch, count = Sender(settings, PHYSICIAN_EVENTS.name, 1_000_000), [], 0
    for record in records:
        batch.append(record)
        count += 1
        if len(batch) == 20_000:
            sender.send(batch)
            batch = []
    sender.send(batch)
    sender.finish()
    return count


def say(what: str) -> None:
    """Progress, for people."""
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


class Bench:
    """One broker, one process at a time."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self.folder = folder
        self.data = folder / "data"
        self.started = 0

    def start(self) -> ControlProcess:
        """Starts a process."""
        self.started += 1
        log = self.folder / f"control-{self.started}.log"
        return ControlProcess(self.cluster, log, data_dir=self.data, control_clock_file=self.clock())

    def clock(self) -> Path:
        """A day that does not depend on when the benchmark runs."""
        file = self.folder / "clock"
        file.write_text("2027-06-01T09:00:00+08:00")
        return file

    def taken(self, process: ControlProcess) -> int:
        """Events committed; 0 as long as the coordinator of the group does not answer."""
        assert process.exit_code is None, process.output[-3000:]
        try:
            return sum(self.cluster.committed(CONTROL_GROUP, PHYSICIAN_EVENTS.name).values())
        except TimeoutError:
            return 0

    def throughput(self, name: str, records: Iterable[dict[str, bytes]]) -> tuple[list[Row], ControlProcess]:
        """Takes everything that waits in the topic."""
        self.cluster.clear()
        shutil.rmtree(self.data, ignore_errors=True)
        TopicAdmin(self.cluster.settings()).apply(CATALOGUE)
        wait_for("the topics are there", lambda: self.cluster.topics() >= {spec.name for spec in CATALOGUE}, every=0.2)
        say(f"{name}: loading")
        loaded = load(self.cluster.settings(), records)
        say(f"{name}: {loaded:,} events wait, a process starts")
        process = self.start()
        wait_for("the first commit", lambda: self.taken(process), within=120, every=0.05)
        begun, first = time.monotonic(), self.taken(process)
        wait_for("the last commit", lambda: self.taken(process) >= loaded, within=1_200, every=0.25,
                 detail=lambda: process.output[-3000:])  # fmt: skip
        seconds = time.monotonic() - begun
        rate = (loaded - first) / seconds
        memory = int(Path(f"/proc/{process.pid}/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
        return [
            Row(name, "events", float(loaded), "events"),
            Row(name, "throughput", round(rate, 1), "events/s"),
            Row(name, "seconds", round(seconds, 2), "s"),
            Row(name, "memory_peak", round(memory, 1), "MB"),
        ], process

    def recovery(self, process: ControlProcess, how: str) -> tuple[Row, ControlProcess]:
        """Kills the process and starts another; seconds from its start until it is ready."""
        say(f"restart, {how}")
        process.kill()
        if how == "cold":
            shutil.rmtree(self.data, ignore_errors=True)
        begun = time.monotonic()
        fresh = self.start()
        fresh.wait_ready(within=600)
        return Row("restart", f"recovery_{how}", round(time.monotonic() - begun, 2), "s"), fresh


def run(number: int) -> list[Row]:
    """Every figure."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name, LocalKafka(Path(name) / "kafka", steady=True) as broker:
        bench = Bench(Cluster(broker), Path(name))
        found, process = bench.throughput("histories", histories(number // 4))
        process.terminate()
        rows += found
        found, process = bench.throughput("roster", registrations(number))
        rows += found
        for how in ("warm", "cold"):
            row, process = bench.recovery(process, how)
            rows.append(row)
        process.terminate()
    return rows


def main() -> int:
    """Measures, prints a table, writes the results; exit code 1 when a target is missed by a full run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of everything; judged by nothing, written nowhere"
    )
    quick = parser.parse_args().quick
    rows = run(20_000 if quick else 200_000)
    missed = 0
    print(f"one process, {EVENT_PARTITIONS} partitions, broker on the same machine")
    for row in rows:
        target = TARGETS.get((row.name, row.metric))
        good = target is None or (row.value >= target if row.metric == "throughput" else row.value <= target)
        missed += not good
        told = "" if target is None else f"   target {target:,.0f} {'met' if good else 'MISSED'}"
        print(f"{row.name:<12}{row.metric:<16}{row.value:>14,.1f} {row.unit}{told}")
    if quick:
        return 0
    RESULTS.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
