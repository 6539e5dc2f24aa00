"""How many settlements a second the intake joins, without Kafka and on it: `python -m benchmarks.intake [--before COMMIT]`.

The messages are those of a generated centre's day (visits, fee lines, settlements, refunds, a tenth of them twice) of hundreds
of institutions, wholly shuffled, so that nearly every message finds its visit in an earlier batch: the hardest case. The core
reads and joins them in batches of the default size; beside it `--before` runs an earlier commit's, in turns, so that a busy
machine is busy for both. On Kafka one process and then two read what waits in the topic, from the first commit to the last.
Writes results/intake.json and .md; compare the ratios of one run only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

from pipeline.intake.classes import load_classes
from pipeline.intake.state import Record
from pipeline.intake.taking import take
from pipeline.intake.visits import Visits
from tests.support.centre_day import a_day, messages_of

RESULTS = Path(__file__).parent / "results"
GOAL = 3_000
"""Settlements a second on two cores with Kafka: the nation's peak."""
_BLOCK, _BATCH, _DAY_MS, _BEGIN = 20, 2_000, 24 * 3_600_000, 1_710_000_000_000
_CODES = ("H52270100001", "H50010100002", "H43010200003")


def workload(visits: int) -> tuple[list[tuple[bytes, bytes]], int]:
    """Messages as key and value, shuffled, and how many settlements they are about."""
    sent: list[tuple[bytes, bytes]] = []
    settlements = 0
    for block in range(visits // _BLOCK):
        plan = a_day(block, _BLOCK)
        settlements += sum(len(visit.settlements) for visit in plan)
        for message in messages_of(plan, block):
            text = json.dumps(message, ensure_ascii=False)
            code = next(code for code in _CODES if code in text)
            own = f"{code[:7]}{block:05}"  # numbers of visits begin anew in each block
            sent.append((own.encode(), text.replace(code, own).encode()))
    Random(1).shuffle(sent)
    return sent, settlements


def core(visits: int) -> dict[str, float]:
    """Settlements and messages a second of processor time, without Kafka."""
    sent, settlements = workload(visits)
    records = [Record(at, value, key, at=_BEGIN + at) for at, (key, value) in enumerate(sent)]
    known = Visits("interface-messages", 0, 1, load_classes(), wait_ms=600_000, keep_ms=30 * _DAY_MS)
    claims, now, begun = 0, _BEGIN, time.process_time()
    for start in range(0, len(records), _BATCH):
        now += _BATCH
        changes = take(known, records[start : start + _BATCH], now)
        known.apply(changes)
        claims += len(changes.claims)
    seconds = time.process_time() - begun
    return {"settlements": settlements / seconds, "messages": len(sent) / seconds, "claims": claims / seconds}


def _of(checkout: Path, visits: int) -> dict[str, float]:
    """The core of a checkout, in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--core", "--visits", str(visits)],
        cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout)}, check=True, capture_output=True, text=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout)
    return found


def cores(visits: int, before: str | None, rounds: int) -> dict[str, dict[str, float]]:
    """The best of some rounds of this checkout, and of an earlier commit in turns with it."""
    root = Path(__file__).resolve().parents[1]
    best: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        checkouts = {"core": root}
        if before is not None:
            checkouts["core before"] = Path(folder) / "before"
            subprocess.run(
                ["git", "worktree", "add", "--detach", checkouts["core before"], before], cwd=root, check=True
            )
        try:
            for _ in range(rounds):
                for name, checkout in checkouts.items():
                    found = _of(checkout, visits)
                    best[name] = max(best.get(name, found), found, key=lambda one: one["settlements"])
        finally:
            if before is not None:
                subprocess.run(["git", "worktree", "remove", "--force", checkouts["core before"]], cwd=root, check=True)
    return best


def on_kafka(visits: int) -> dict[str, dict[str, float]]:
    """What one process commits a second, and what two do, on a broker of their own on the same machine."""
    from pipeline.devtools.kafka import LocalKafka  # noqa: PLC0415  # the core of an earlier commit needs none of it
    from pipeline.kafka.admin import TopicAdmin  # noqa: PLC0415
    from pipeline.kafka.producing import Sender  # noqa: PLC0415
    from tests.support.cluster import Cluster  # noqa: PLC0415
    from tests.support.intakes import Intakes  # noqa: PLC0415
    from tests.support.waiting import wait_for  # noqa: PLC0415
    from topics.catalogue import CATALOGUE, INTERFACE_MESSAGES  # noqa: PLC0415

    sent, settlements = workload(visits)
    found = {}
    with tempfile.TemporaryDirectory() as name, LocalKafka(Path(name) / "kafka", steady=True) as broker:
        cluster = Cluster(broker)
        settings = cluster.settings()
        for count in (1, 2):
            cluster.clear()
            TopicAdmin(settings).apply(CATALOGUE)
            wait_for("the topics are there", lambda: cluster.topics() >= {spec.name for spec in CATALOGUE}, every=0.2)
            sender = Sender(settings, INTERFACE_MESSAGES.name, 1_000_000)
            sender.send([{"key": key, "value": value} for key, value in sent])
            sender.finish()
            intakes = Intakes(cluster, Path(name))
            group = f"bench-{count}"

            def taken(group: str = group) -> int:
                try:
                    return sum(cluster.committed(group, INTERFACE_MESSAGES.name).values())
                except TimeoutError:
                    return 0

            try:
                for _ in range(count):
                    intakes.start(intake_group_id=group)
                wait_for("the first commit", taken, within=180, every=0.05)
                begun, first = time.monotonic(), taken()
                wait_for("the last commit", lambda: taken() >= len(sent), within=1_200, every=0.1)
                rate = (len(sent) - first) / (time.monotonic() - begun)
            finally:
                intakes.stop()
            found[f"Kafka, {count} process{'es' if count > 1 else ''}"] = {
                "settlements": rate * settlements / len(sent), "messages": rate,
            }  # fmt: skip
    return found


def page(figures: dict[str, dict[str, float]]) -> str:
    """The figures as a table."""
    whole = figures["core"]["settlements"]
    rows = [
        f"| {name} | {one['messages']:,.0f} | {one['settlements']:,.0f} | {one['settlements'] / whole:.2f} |"
        for name, one in figures.items()
    ]
    told = "A second, in one run; the core by processor time (`python -m benchmarks.intake`). The goal is"
    return "\n".join(
        ["# The intake", "", f"{told} {GOAL:,} settlements/s on two cores with Kafka.", "",
         "| what | messages | settlements | times the core |", "|---|---:|---:|---:|", *rows, ""]
    )  # fmt: skip


def main() -> None:
    """Measures, prints a table, writes the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", metavar="COMMIT", help="a commit whose core is measured beside this checkout's")
    parser.add_argument("--visits", type=int, default=6_000, help="visits of the workload (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the core (default: %(default)s)")
    parser.add_argument("--core", action="store_true", help="the core alone, once, as JSON; nothing is written")
    wanted = parser.parse_args()
    if wanted.core:
        print(json.dumps(core(wanted.visits)))
        return
    figures: dict[str, Any] = cores(wanted.visits, wanted.before, wanted.rounds) | on_kafka(wanted.visits)
    print(page(figures))
    (RESULTS / "intake.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    (RESULTS / "intake.md").write_text(page(figures), "utf-8")


if __name__ == "__main__":
    main()
