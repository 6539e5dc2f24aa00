"""`make bench`: every contender on one Kafka, in one run, over the same claims.

python -m benchmarks.run                all of it, about ten minutes
python -m benchmarks.run --quick        a smoke run of a minute or two; its figures mean nothing
python -m benchmarks.run --only gate --only pass-through --parts throughput
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import click
import polars as pl

from benchmarks.contenders import Contender, ContenderError, Gate, Job, KafkaStreams, LockedPeer, PythonPeer
from benchmarks.latency import LatencyRun, measure_latency
from benchmarks.measure import (
    CASES,
    CLAIMS,
    Cluster,
    MeasurementError,
    Offsets,
    Readiness,
    Throughput,
    check_verdicts,
    compare_verdicts,
    measure_readiness,
    measure_throughput,
    read_verdicts,
    tally,
)
from benchmarks.report import LIMIT, Report, write
from benchmarks.workload import Message, Roster, claims, load
from pipeline.devtools.kafka import LocalKafka
from pipeline.devtools.kafka_jars import LocalKafkaError

RESULTS = Path(__file__).resolve().parent / "results"
PARTS = ("throughput", "latency", "readiness")
STANDINGS = "physician-standing"


@dataclass(frozen=True)
class Scale:
    """How much of everything."""

    claims: int = 1_000_000
    standings: int = 200_000
    rounds: int = 3
    rate: float = 2_000.0
    warm_up: float = 10.0
    window: float = 60.0
    long_warm_up: float = 30.0
    ready_standings: int = 1_000_000


QUICK = Scale(claims=60_000, standings=20_000, rounds=1, warm_up=3, window=8, long_warm_up=6, ready_standings=60_000)


def contenders() -> list[Contender]:
    """Everybody, in the order of a round. The slow ones get a part of the claims."""
    return [
        PythonPeer(LIMIT, "passthrough", judges=False),
        Gate(),
        KafkaStreams(2),
        LockedPeer("quix", "quix", share=0.2),
        PythonPeer(
            "faust",
            "faust_gate",
            share=0.02,
            remark="exactly_once asked for",
            tuning={"PEER_STYLE": "guide", "PEER_GUARANTEE": "exactly_once"},
        ),
        PythonPeer("faust (at least once)", "faust_gate", share=0.02, remark="tuned; a weaker promise"),
    ]


class Bench:
    """One run: a broker, its topics, and the report that grows."""

    def __init__(
        self, cluster: Cluster, scale: Scale, work_dir: Path, report: Report, say: Callable[[str], None]
    ) -> None:
        self._cluster = cluster
        self._scale = scale
        self._work_dir = work_dir
        self._report = report
        self._say = say
        self._runs = 0
        self._reference: pl.DataFrame | None = None
        self._reference_of = ""
        self._roster = Roster.make(scale.standings)
        self._loaded = 0

    def load(self) -> None:
        """Load the standings and the claims."""
        self._say(f"loading {self._scale.standings:,} standings and {self._scale.claims:,} claims")
        servers = self._cluster.bootstrap_servers
        self._loaded = load(servers, STANDINGS, self._roster.messages())
        load(servers, CLAIMS, claims(self._roster, self._scale.claims))

    def _job(self, contender: Contender) -> Job:
        """A fresh group, fresh output topics, a fresh folder."""
        self._runs += 1
        name = f"bench-{self._runs}"
        job = Job(self._cluster.bootstrap_servers, name, f"{name}-", self._work_dir / name)
        self._cluster.create_outputs(job.output_prefix)
        return job

    def throughput(self, who: list[Contender]) -> None:
        """Measure the fast ones in turns, several times, and the slow ones once."""
        end = self._cluster.ends(CLAIMS)
        fast = [contender for contender in who if contender.share == 1]
        slow = [contender for contender in who if contender.share < 1]
        found: dict[str, list[Throughput]] = {}
        # The broker is a Java process too: the first round would measure its warm-up, to the loss of whoever comes first.
        for contender in fast:
            self._throughput_run(contender, end, {}, "warm-up of the broker, not counted")
        for number in range(self._scale.rounds):
            for contender in fast:
                self._throughput_run(contender, end, found, f"round {number + 1} of {self._scale.rounds}")
        for contender in slow:
            self._throughput_run(contender, end, found, f"{contender.share:.0%} of the claims")
        for contender in who:
            if contender.name in found:
                self._add_throughput(contender, found[contender.name])
        self._report.add_ratios()

    def _throughput_run(
        self, contender: Contender, end: Offsets, found: dict[str, list[Throughput]], which: str
    ) -> None:
        begin = {partition: round(offset * (1 - contender.share)) for partition, offset in end.items()}
        job = self._job(contender)
        try:
            run = measure_throughput(self._cluster, contender, job, begin, end, timeout=600)
        except (ContenderError, MeasurementError) as error:
            self._report.invalidate(contender.name, [str(error)])
            self._say(f"{contender.name}: {error}")
            return
        problems = self._check(contender, job, begin, end) if contender.judges else []
        self._report.invalidate(contender.name, problems)
        found.setdefault(contender.name, []).append(run)
        self._cluster.delete_outputs(job.output_prefix)
        verdict = "; ".join(problems) or ("verdicts are right" if contender.judges else "")
        self._say(
            f"{contender.name}, {which}: {run.claims_per_second:,.0f} claims/s, second half {run.second_half:,.0f}, "
            f"first commit after {run.first_commit_seconds:.1f} s. {verdict}"
        )

    def _check(self, contender: Contender, job: Job, begin: Offsets, end: Offsets) -> list[str]:
        """Whether the verdicts are complete, single, and those of the contender that came first."""
        verdicts = read_verdicts(self._cluster, job.output_prefix)
        problems = check_verdicts(verdicts, begin, end)
        flagged = verdicts.filter(pl.col("disposition").cast(pl.String) != "pay").height
        cases = sum(len(values) for values in self._cluster.read(job.output_prefix + CASES))
        if cases != flagged:
            problems.append(f"{cases:,} cases for {flagged:,} flagged verdicts")
        if self._reference is None:
            self._reference, self._reference_of = verdicts, contender.name
            counts = ", ".join(f"{reason} {count:,}" for _, reason, count in tally(verdicts).rows())
            self._report.notes.append(f"Verdicts by reason: {counts}.")
        else:
            differences = compare_verdicts(verdicts, self._reference)
            problems += [f"compared with {self._reference_of}: {difference}" for difference in differences]
        return problems

    def _add_throughput(self, contender: Contender, runs: list[Throughput]) -> None:
        def middle(values: Iterable[float]) -> float:
            return statistics.median(values)

        note = f"median of {len(runs)} runs" if len(runs) > 1 else "one run"
        if contender.share < 1:
            note += f" over {runs[0].claims:,} claims"
        if contender.remark:
            note += f", {contender.remark}"
        name, add = contender.name, self._report.add
        self._report.rates[name] = [run.claims_per_second for run in runs]
        add(name, "throughput", middle(run.claims_per_second for run in runs), "claims/s", note)
        add(name, "throughput_second_half", middle(run.second_half for run in runs), "claims/s")
        add(name, "first_commit_seconds", middle(run.first_commit_seconds for run in runs), "s")
        add(name, "cpu_us_per_claim", middle(run.cpu_us_per_claim for run in runs), "us")
        add(name, "resident_mb", middle(run.resident_bytes / 1e6 for run in runs), "MB")

    def latency(self, who: list[Contender]) -> None:
        """Measure the gate and Kafka Streams at a fixed rate."""
        scale = self._scale
        for contender in who:
            if not isinstance(contender, Gate | KafkaStreams):
                continue
            starts = [scale.warm_up]
            if isinstance(contender, KafkaStreams):  # a Java process may warm up longer; the better window counts
                starts.append(scale.long_warm_up)
            count = round((starts[-1] + scale.window) * scale.rate)
            messages: list[Message] = [
                message for batch in claims(self._roster, count, name=f"L{self._runs}-") for message in batch
            ]
            job = self._job(contender)
            self._say(f"{contender.name}: {scale.rate:,.0f} claims/s for {count / scale.rate:.0f} s")
            try:
                run = measure_latency(self._cluster, contender, job, messages, scale.rate)
                self._add_latency(contender.name, run, starts)
            except (ContenderError, MeasurementError) as error:
                self._report.invalidate(contender.name, [f"latency: {error}"])
                self._say(f"{contender.name}: {error}")
            self._cluster.delete_outputs(job.output_prefix)

    def _add_latency(self, name: str, run: LatencyRun, starts: list[float]) -> None:
        window = self._scale.window
        measured = {start: run.window(start, start + window) for start in starts}
        for start, found in measured.items():
            how = f"{self._scale.rate:,.0f} claims/s for {window:.0f} s after {start:.0f} s of warm-up"
            self._report.notes.append(
                f"{name}, {how}: p50 {found.p50:.1f}, p95 {found.p95:.1f}, p99 {found.p99:.1f}, max {found.worst:.1f} ms; "
                f"the sender was late by at most {run.late:.1f} ms (p99)."
            )
            self._say(self._report.notes[-1])
        start, best = min(measured.items(), key=lambda item: item[1].p99)
        how = f"{self._scale.rate:,.0f} claims/s for {window:.0f} s after {start:.0f} s of warm-up"
        self._report.add(name, "latency_p50", best.p50, "ms")
        self._report.add(name, "latency_p95", best.p95, "ms")
        self._report.add(name, "latency_p99", best.p99, "ms", how)
        self._report.add(name, "latency_max", best.worst, "ms")

    def empty_memory(self, gate: Contender) -> int | None:
        """The memory of a gate that knows no standing, asked before any is loaded; None when it did not get ready."""
        found = self._readiness_run(gate)
        return found.resident_bytes if found else None

    def _readiness_run(self, gate: Contender) -> Readiness | None:
        try:
            return measure_readiness(gate, self._job(gate))
        except ContenderError as error:
            self._report.invalidate(gate.name, [f"readiness: {error}"])
            self._say(f"{gate.name}: {error}")
            return None

    def readiness(self, gate: Contender, empty: int) -> None:
        """Load further standings, and see how long the gate takes and what memory it needs."""
        count = self._scale.ready_standings
        self._say(f"loading up to {count:,} standings")
        load(self._cluster.bootstrap_servers, STANDINGS, Roster.make(count).messages(start=self._loaded))
        found = self._readiness_run(gate)
        if found is None:
            return
        each = (found.resident_bytes - empty) / count
        note = f"{count:,} standings; {found.resident_bytes / 1e6:,.0f} MB, with none {empty / 1e6:,.0f} MB"
        self._say(f"{gate.name}: ready after {found.seconds:.1f} s, {each:.0f} bytes each ({note})")
        self._report.add(gate.name, "ready_seconds", found.seconds, "s", note)
        self._report.add(gate.name, "resident_bytes_per_standing", each, "bytes")


def _choose(names: tuple[str, ...]) -> list[Contender]:
    everybody = contenders()
    chosen = [one for one in everybody if not names or any(one.name.startswith(name) for name in names)]
    for one in chosen:
        one.prepare()
    return chosen


@click.command(context_settings={"show_default": True})
@click.option("--claims", "count", type=click.IntRange(min=1_000), help="Number of claims.  [default: 1000000]")
@click.option("--rounds", type=click.IntRange(min=1), help="Times that each fast contender runs.  [default: 3]")
@click.option("--quick", is_flag=True, help="A smoke run of two minutes; its figures mean nothing.")
@click.option("--only", multiple=True, help="Only contenders whose name begins so; may be given several times.")
@click.option("--parts", type=click.Choice(PARTS), multiple=True, default=PARTS, help="Only these parts.")
@click.option("--strict", is_flag=True, help="Exit with 1 when a target is missed, too.")
def main(
    count: int | None, rounds: int | None, quick: bool, only: tuple[str, ...], parts: tuple[str, ...], strict: bool
) -> None:
    """Measure the gate and its peers on one Kafka, and write benchmarks/results/latest.json and latest.md.

    Runs with --only or --parts write results/partial.* instead, and those with --quick results/quick.*

    Exits with 1 when a contender failed or its verdicts were not those of the others.
    """
    scale = QUICK if quick else Scale()
    scale = replace(scale, claims=count or scale.claims, rounds=rounds or scale.rounds)
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:6.1f} s] {text}", flush=True)

    report = Report(scale.claims, scale.standings)
    work_dir = Path(tempfile.mkdtemp(prefix="screening-bench-"))
    try:
        say("preparing the contenders")
        who = _choose(only)
        with LocalKafka(work_dir / "kafka", heap_mb=1024, steady=True, properties=_BROKER) as broker:
            cluster = Cluster(broker.bootstrap_servers)
            cluster.create(CLAIMS)
            cluster.create(STANDINGS, "institution-standing", "ledger-progress", compacted=True)
            cluster.create("physician-events")  # no event is under way: the register is complete at any moment
            _measure(Bench(cluster, scale, work_dir, report, say), who, parts)
    except (LocalKafkaError, ContenderError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        shutil.rmtree(work_dir, ignore_errors=True)
    whole = not only and set(parts) == set(PARTS)
    write(report, RESULTS, "quick" if quick else "latest" if whole else "partial")
    print(f"\n{report.as_markdown()}")
    if report.problems or (strict and not all(met for _, _, met in report.targets())):
        raise SystemExit(1)


# The contenders' outputs, some hundred megabytes a run, are deleted after each run: at once, not after a minute.
_BROKER = {"log.segment.delete.delay.ms": "1000"}


def _measure(bench: Bench, who: list[Contender], parts: tuple[str, ...]) -> None:
    gate = next((one for one in who if isinstance(one, Gate)), None)
    wants_readiness = gate is not None and "readiness" in parts
    empty = bench.empty_memory(gate) if gate is not None and wants_readiness else None
    if "throughput" in parts or "latency" in parts:
        bench.load()
    if "throughput" in parts:
        bench.throughput(who)
    if "latency" in parts:
        bench.latency(who)
    if gate is not None and empty is not None:
        bench.readiness(gate, empty)


if __name__ == "__main__":
    main()
