"""Seeded crashes of workers, control processes and the broker: nothing is lost, nothing is doubled, the audit is clean.

python -m benchmarks.crashes                   goes on until 1,000 crashes are proved: some hours on a quiet machine
python -m benchmarks.crashes --until 30        so many in all
python -m benchmarks.crashes --seed 7          repeats one seed, and writes nothing
python -m benchmarks.crashes --of intake       the same of `screening intake --live`, until 100 are proved

A seed is a run of ten crashes: kills of workers and broker failures while claims flow, then kills of control processes and broker
failures while events flow. What is proved of each run is what tests/crash proves. Every run that ended is written to
results/crashes.json at once, so that the command may be stopped at any time and begun again; a run that failed is written so, and
the command ends with 1.

A seed of the intake is ten kills of its process while the messages of a centre's day flow. What is proved is that the newest
claims are those of the oracle, and that each version was written once; results/crashes-intake.json tells it.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import random
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import click

from pipeline.devtools.kafka import LocalKafka
from tests.crash.test_control_crash import prove_progress, published
from tests.crash.test_crash import down_between_answers, in_flow, stream
from tests.support.balance import OUTPUTS, balance
from tests.support.centre_day import a_day, messages_of
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
from tests.support.intakes import QUICK as INTAKE_QUICK
from tests.support.intakes import Intakes, prove_claims, without_key
from tests.support.loading import Loading
from tests.support.register import make_register
from tests.support.runs import publish, wait_judged
from tests.support.waiting import wait_for
from tests.support.workers import QUICK, Crew, WorkerProcess

RESULTS = Path(__file__).resolve().parent / "results"
_FILES = {"planes": RESULTS / "crashes.json", "intake": RESULTS / "crashes-intake.json"}
_WHOLE = {"planes": 1_000, "intake": 100}
_OF_INTAKE, _VISITS = 10, 150
_OF_WORKERS, _OF_CONTROL, _OF_BROKER_WITH_EITHER = 5, 3, 1
_DAY = "2024-06-30"
_PATIENT = {"transaction_timeout_ms": 60_000}
"""A transaction must outlive the time without a broker."""


@dataclass(frozen=True)
class Run:
    """What one seed came to, and of which commit. `failed` is empty when everything was proved."""

    seed: int
    worker: int = 0
    control: int = 0
    broker: int = 0
    intake: int = 0
    messages: int = 0
    claims: int = 0
    verdicts: int = 0
    dead_letters: int = 0
    standings: int = 0
    notices: int = 0
    rolled_back: int = 0
    seconds: float = 0.0
    commit: str = ""
    failed: str = ""

    @property
    def crashes(self) -> int:
        """How many processes were killed or stopped."""
        return self.worker + self.control + self.broker + self.intake


def _fell(cluster: Cluster, rng: random.Random, workers: list[WorkerProcess]) -> None:
    """The broker fails between two answers and comes back: killed, or stopped."""
    down_between_answers(cluster.broker, workers, rng.choice(["killed", "stopped"]))
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


def _of_the_intake(cluster: Cluster, folder: Path, rng: random.Random, seed: int) -> dict[str, int]:
    plan = a_day(seed, _VISITS)
    messages = messages_of(plan, seed)
    share = len(messages) // (_OF_INTAKE + 1)
    intakes = Intakes(cluster, folder)
    try:
        process = intakes.start(**INTAKE_QUICK)
        for kill in range(_OF_INTAKE):
            cluster.send("interface-messages", without_key(messages[kill * share : (kill + 1) * share]))
            process.wait_event("messages_taken", count=rng.randint(1, 3))
            time.sleep(rng.random() * 0.3)  # the random moment
            process.kill()
            process = intakes.start(**INTAKE_QUICK)
        cluster.send("interface-messages", without_key(messages[_OF_INTAKE * share :]))
        intakes.start(**INTAKE_QUICK)
        claims = prove_claims(cluster, plan)
        assert set(intakes.stop()) == {0}
    finally:
        intakes.dismiss()
    wait_for("no transaction is left open", lambda: cluster.no_open_transactions(("claims",)), every=0.2)
    written = sum(map(len, cluster.read_all("claims", isolation="read_uncommitted").values()))
    return {"intake": _OF_INTAKE, "messages": len(messages), "claims": claims, "rolled_back": written - claims}


def run(of: str, seed: int) -> Run:
    """One seed, on a broker and in a folder of its own."""
    began, rng = time.monotonic(), random.Random(seed)
    found: Counter[str] = Counter()
    failed = ""
    try:
        with tempfile.TemporaryDirectory(prefix="screening-crashes-") as name:
            for part in ("gate", "ledger") if of == "planes" else ("intake",):
                folder = Path(name) / part
                with LocalKafka(folder / "kafka") as broker:
                    cluster = Cluster(broker)
                    cluster.reset()
                    if part == "intake":
                        found.update(_of_the_intake(cluster, folder, rng, seed))
                    elif part == "gate":
                        found.update(_of_the_gate(cluster, folder, rng))
                    else:
                        found.update(_of_the_ledger(cluster, folder, rng, seed))
    except AssertionError as error:
        failed = str(error)[-4000:] or repr(error)
    return Run(seed, **found, seconds=round(time.monotonic() - began, 1), commit=_commit(), failed=failed)


def _commit() -> str:
    """The commit that is checked out, with a plus where files differ from it."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"], cwd=RESULTS, capture_output=True, text=True, check=False
    )
    return told.stdout.strip()


def _known(file: Path) -> list[Run]:
    if not file.exists():
        return []
    return [Run(**row) for row in json.loads(file.read_text("utf-8"))["runs"]]


def _write(file: Path, runs: list[Run]) -> None:
    counts = [item.name for item in fields(Run) if item.type == "int" and item.name not in ("seed", "rolled_back")]
    proved = [one for one in runs if not one.failed]
    sums = {"crashes": sum(one.crashes for one in proved)}
    sums |= {name: number for name in counts if (number := sum(getattr(one, name) for one in proved))}
    told = {"proved": sums, "failed": [one.seed for one in runs if one.failed], "runs": [_row(one) for one in runs]}
    file.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def _row(one: Run) -> dict[str, Any]:
    """A run without the counts of what it is not about."""
    return {name: value for name, value in asdict(one).items() if value or name == "failed"}


@click.command()
@click.option("--of", default="planes", show_default=True, type=click.Choice(list(_FILES)), help="What is crashed.")
@click.option("--until", type=click.IntRange(min=1), help="So many crashes in all  [default: 1,000; of the intake 100]")
@click.option("--seed", type=int, help="Repeat this seed alone, and write nothing.")
def main(of: str, until: int | None, seed: int | None) -> None:
    """Crash processes and the broker in seeded order until so many crashes are proved to cost nothing."""
    if seed is not None:
        one = run(of, seed)
        click.echo(json.dumps(_row(one), indent=1))
        raise SystemExit(1 if one.failed else 0)
    file, wanted = _FILES[of], until or _WHOLE[of]
    runs = _known(file)
    while (done := sum(one.crashes for one in runs if not one.failed)) < wanted:
        seed = max((one.seed for one in runs), default=0) + 1
        runs.append(run(of, seed))
        _write(file, runs)
        click.echo(f"seed {seed}: {runs[-1].failed or 'proved'}; {done + runs[-1].crashes:,} of {wanted:,} crashes")
        if runs[-1].failed:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
