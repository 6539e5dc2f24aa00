"""Seeded crashes of workers, control processes and the broker: nothing is lost, nothing is doubled, the audit is clean.

python -m benchmarks.crashes                   goes on until 1,000 crashes are proved: some hours on a quiet machine
python -m benchmarks.crashes --until 30        so many in all
python -m benchmarks.crashes --seed 7          repeats one seed, and writes nothing

A seed is a run of ten crashes: kills of workers and broker failures while claims flow, then kills of control processes and broker
failures while events flow. What is proved of each run is what tests/crash proves. Every run that ended is written to
results/crashes.json at once, so that the command may be stopped at any time and begun again; a run that failed is written so, and
the command ends with 1.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import random
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import click

from pipeline.devtools.kafka import LocalKafka
from tests.crash.test_control_crash import prove_progress, published
from tests.crash.test_crash import down_between_answers, in_flow, stream
from tests.support.balance import OUTPUTS, balance
from tests.support.cluster import Cluster
from tests.support.control import (
    Controls,
    physicians,
    prove_notices,
    prove_standings,
    right_place,
    shuffled,
    wait_taken,
)
from tests.support.loading import Loading
from tests.support.register import make_register
from tests.support.runs import publish, wait_judged
from tests.support.waiting import wait_for
from tests.support.workers import QUICK, Crew, WorkerProcess

RESULTS = Path(__file__).resolve().parent / "results" / "crashes.json"
_WHOLE = 1_000
_OF_WORKERS, _OF_CONTROL, _OF_BROKER_WITH_EITHER = 5, 3, 1
_DAY = "2024-06-30"
_PATIENT = {"transaction_timeout_ms": 60_000}
"""A transaction must outlive the time without a broker."""


@dataclass(frozen=True)
class Run:
    """What one seed came to. `failed` is empty when everything was proved."""

    seed: int
    worker: int = 0
    control: int = 0
    broker: int = 0
    claims: int = 0
    verdicts: int = 0
    dead_letters: int = 0
    standings: int = 0
    notices: int = 0
    rolled_back: int = 0
    seconds: float = 0.0
    failed: str = ""

    @property
    def crashes(self) -> int:
        """How many processes were killed or stopped."""
        return self.worker + self.control + self.broker


def _fell(cluster: Cluster, rng: random.Random, workers: list[WorkerProcess]) -> None:
    """The broker fails and comes back: killed between two answers, or stopped."""
    if rng.random() < 0.5:
        down_between_answers(cluster.broker, workers, "killed")
    else:
        cluster.broker.stop()
    cluster.broker.start()


def _order(rng: random.Random, kills: int) -> list[str]:
    order = ["kill"] * kills + ["broker"] * _OF_BROKER_WITH_EITHER
    rng.shuffle(order)
    return order


def _of_the_gate(cluster: Cluster, folder: Path, rng: random.Random) -> dict[str, int]:
    register, crew, done = make_register(rng, 40), Crew(cluster, folder), Counter[str]()
    publish(cluster, register)
    try:
        pair = [crew.start(**QUICK | _PATIENT).wait_ready() for _ in range(2)]
        with Loading(cluster, stream(rng, register)):
            for what in _order(rng, _OF_WORKERS):
                in_flow(*pair)
                time.sleep(rng.random() * 0.3)  # the random moment
                done[what] += 1
                if what == "broker":
                    for worker in pair:  # one that starts while there is no broker ends with 1, as it should
                        worker.wait_ready()
                    _fell(cluster, rng, pair)
                    continue
                place = rng.randrange(2)
                pair[place].kill()
                pair[place] = crew.start(**QUICK | _PATIENT)
            in_flow(*pair)
        wait_judged(cluster, crew, within=240)
        assert set(crew.stop()) <= {0}
    finally:
        crew.dismiss()
    wait_for("no transaction is left open", lambda: cluster.no_open_transactions(OUTPUTS), every=0.2)
    found = balance(cluster, register)
    written = sum(map(len, cluster.read_all(*OUTPUTS, isolation="read_uncommitted").values()))
    audit = cluster.screening("audit", "--claims", "--json")
    assert json.loads(audit.stdout)["differences"] == [], audit.stdout[-3000:]
    return {
        "worker": done["kill"],
        "broker": done["broker"],
        "claims": found.inputs,
        "verdicts": found.verdicts,
        "dead_letters": found.dead_letters,
        "rolled_back": written - found.verdicts - found.cases - found.dead_letters,
    }


def _more_than(cluster: Cluster, before: int) -> bool:
    return published(cluster) > before


def _of_the_ledger(cluster: Cluster, folder: Path, rng: random.Random, seed: int) -> dict[str, int]:
    clock, controls, done = folder / "clock", Controls(cluster, folder), Counter[str]()
    clock.write_text(f"{_DAY}T09:00:00+08:00", "utf-8")
    made = physicians(seed, 60)
    flow = iter([right_place(cluster, event) for event in shuffled(made.events, rng)])
    share = len(made.events) // (_OF_CONTROL + _OF_BROKER_WITH_EITHER + 1)
    settings = {"control_clock_file": clock, "session_timeout_ms": 2000, "control_batch_events": 40}
    try:
        pair = [controls.start(**settings).wait_ready(), controls.start(**settings).wait_ready()]
        for what in _order(rng, _OF_CONTROL):
            before = published(cluster)
            cluster.send("physician-events", itertools.islice(flow, share))
            wait_for("events flow", partial(_more_than, cluster, before), every=0.01)
            time.sleep(rng.random() * 0.3)  # the random moment
            done[what] += 1
            if what == "broker":
                for process in pair:
                    process.wait_ready()
                _fell(cluster, rng, pair)
                continue
            place = rng.randrange(2)
            pair[place].kill()
            pair[place] = controls.start(**settings)
        cluster.send("physician-events", flow)
        wait_taken(cluster, controls, within=240)
        standings = prove_standings(cluster, made)
        notices = prove_notices(cluster, made, dt.date.fromisoformat(_DAY))
        prove_progress(cluster)
        assert set(controls.stop()) == {0}
    finally:
        controls.dismiss()
    audit = cluster.screening("audit", "--standings", "--notices-on", _DAY)
    assert audit.returncode == 0, audit.stdout[-3000:] + audit.stderr[-1000:]
    return {"control": done["kill"], "broker": done["broker"], "standings": standings, "notices": notices}


def run(seed: int) -> Run:
    """One seed, on a broker and in a folder of its own."""
    began, rng = time.monotonic(), random.Random(seed)
    found: Counter[str] = Counter()
    failed = ""
    try:
        with tempfile.TemporaryDirectory(prefix="screening-crashes-") as name:
            for part in ("gate", "ledger"):
                folder = Path(name) / part
                with LocalKafka(folder / "kafka") as broker:
                    cluster = Cluster(broker)
                    cluster.reset()
                    if part == "gate":
                        found.update(_of_the_gate(cluster, folder, rng))
                    else:
                        found.update(_of_the_ledger(cluster, folder, rng, seed))
    except AssertionError as error:
        failed = str(error)[-4000:] or repr(error)
    return Run(seed, **found, seconds=round(time.monotonic() - began, 1), failed=failed)


def _known() -> list[Run]:
    if not RESULTS.exists():
        return []
    return [Run(**row) for row in json.loads(RESULTS.read_text("utf-8"))["runs"]]


def _write(runs: list[Run]) -> None:
    sums = {
        name: sum(getattr(one, name) for one in runs if not one.failed)
        for name in (
            "crashes",
            "worker",
            "control",
            "broker",
            "claims",
            "verdicts",
            "dead_letters",
            "standings",
            "notices",
        )
    }
    told = {"proved": sums, "failed": [one.seed for one in runs if one.failed], "runs": [asdict(one) for one in runs]}
    RESULTS.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


@click.command()
@click.option("--until", default=_WHOLE, show_default=True, type=click.IntRange(min=1), help="So many crashes in all.")
@click.option("--seed", type=int, help="Repeat this seed alone, and write nothing.")
def main(until: int, seed: int | None) -> None:
    """Crash workers, control processes and the broker in seeded order until so many crashes are proved to cost nothing."""
    if seed is not None:
        one = run(seed)
        click.echo(json.dumps(asdict(one), indent=1))
        raise SystemExit(1 if one.failed else 0)
    runs = _known()
    while (done := sum(one.crashes for one in runs if not one.failed)) < until:
        seed = max((one.seed for one in runs), default=0) + 1
        runs.append(run(seed))
        _write(runs)
        click.echo(f"seed {seed}: {runs[-1].failed or 'proved'}; {done + runs[-1].crashes:,} of {until:,} crashes")
        if runs[-1].failed:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
