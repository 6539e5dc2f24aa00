"""What the pre-check answers over HTTP on the loopback: a claim at a steady rate, as many claims as it can, and lists of 500.

`python -m benchmarks.precheck` starts the service on one core with a register of 200,000 physicians that is always current (no
Kafka), and a load generator on another. Beside it, in the same run, the same service decides each claim alone in a plain loop.
Latency counts from the moment at which a request was due, also where the sender was late. Writes results/precheck.json and .md.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.workload import Roster, claims
from pipeline.intake.classes import load_classes
from pipeline.precheck.answers import Told
from pipeline.precheck.api import Api
from pipeline.precheck.app import interface
from pipeline.precheck.asking import Waiting
from pipeline.precheck.encounters import Encounters
from pipeline.precheck.feedback import TopicRecorder
from pipeline.precheck.guard import Tokens
from pipeline.precheck.judging import AskedClaims, ClaimsAnswer, Judge
from pipeline.precheck.national import National
from pipeline.screening.freshness import WaitCause
from pipeline.screening.gate import DeadLetter, Gate
from pipeline.settings.model import LogFormat, Settings
from pipeline.settings.packs import load_pack_set
from pipeline.telemetry.events import Teller
from pipeline.telemetry.logs import configure_logs, logger
from pipeline.telemetry.precheck_metrics import PrecheckMetrics
from pipeline.web.server import Server
from rules.timeline import PhysicianTimeline
from topics.fields import utc_text
from topics.messages.verdicts import VerdictRegister

RESULTS = Path(__file__).parent / "results"
PHYSICIANS = 200_000
RATE = 500
WARM_S, RATE_S, MOST_S = 2.0, 15.0, 6.0
BATCH = 500
_CONNECTIONS, _BATCH_CONNECTIONS = 16, 3
_CLAIMS = 5_000


class CurrentView:
    """A register that is always current."""

    register = VerdictRegister(as_of="2026-01-01T00:00:00.000Z", progress={"0": 1})

    def refresh(self) -> None:
        """Nothing arrives."""

    def staleness(self) -> float:
        """It is never old."""
        return 0.0

    def covers(self, _moment: float) -> bool:
        """It has everything."""
        return True

    def cause(self) -> tuple[WaitCause, str]:
        """Nothing is waited for."""
        return WaitCause.NONE, ""


class LoopJudge(Judge):
    """The same, one claim after the other."""

    def _judge(self, asked: Sequence[AskedClaims], *, review: bool) -> None:
        for one in asked:
            told: dict[int, Told] = {}
            refused: list[DeadLetter] = []
            for place, value in enumerate(one.values):
                ruled = self._gate.rule([value], stale=review)
                found = self._answers.of(ruled, [one.lang], [place], utc_text(dt.datetime.now(dt.UTC)))
                told |= {place: found[0]} if found else {}
                refused += ruled.dead_letters
            one.answer(ClaimsAnswer(told, tuple(refused), self._register(current=True)))


def serve(*, loop: bool) -> None:
    """The service, on the core that it was started on, until its input ends."""
    configure_logs(LogFormat.JSON, "info")
    settings = Settings(precheck_claims_per_s=10_000_000)
    gate, metrics = Gate(load_pack_set()), PrecheckMetrics()
    read = msgspec.json.Decoder(PhysicianTimeline).decode
    for records in Roster.make(PHYSICIANS).messages():
        for record in records:
            gate.index.put(read(record["value"]))
    teller = Teller(logger(component="precheck"), metrics)
    waiting = Waiting(settings.precheck_queue_claims)
    api = Api(settings, waiting, Tokens(None, teller), teller)
    judge = (LoopJudge if loop else Judge)(settings, gate, CurrentView(), waiting, metrics)  # type: ignore[arg-type]
    api.refusing = None
    national = National(api, Encounters(load_classes()), TopicRecorder(settings))
    server = Server(interface(api, national, "0"), "127.0.0.1", 0)
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    while True:
        judge.turn()


# -- the load ---------------------------------------------------------------------------------------------------------


class Connection:
    """One connection that is kept; just enough HTTP to measure by."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> Connection:
        """Connects."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, body: bytes) -> None:
        """Sends one request and reads its answer. Raises RuntimeError for any other than 200."""
        head = f"POST /v1/precheck HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        self._writer.write(head + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(answer.decode("latin-1"))
        length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await self._reader.readexactly(int(length.partition(b":")[2]))


async def at_a_rate(port: int, bodies: Sequence[bytes], seconds: float) -> list[float]:
    """Seconds from the moment a request was due until its answer, at RATE requests a second."""
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(64):
        free.put_nowait(await Connection.to(port))
    found: list[float] = []
    started = time.perf_counter()

    async def one(number: int, due: float) -> None:
        connection = await free.get()
        await connection.ask(bodies[number % len(bodies)])
        found.append(time.perf_counter() - due)
        free.put_nowait(connection)

    async with asyncio.TaskGroup() as tasks:
        for number in range(int(RATE * seconds)):
            due = started + number / RATE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.create_task(one(number, due))
    return found


async def as_many_as_it_can(port: int, bodies: Sequence[bytes], connections: int, seconds: float) -> float:
    """Requests a second, each connection asking again as soon as it is answered."""
    until = time.perf_counter() + seconds
    asked = 0

    async def one(connection: Connection, number: int) -> None:
        nonlocal asked
        while time.perf_counter() < until:
            await connection.ask(bodies[number % len(bodies)])
            number += connections
            asked += 1

    async with asyncio.TaskGroup() as tasks:
        for number in range(connections):
            tasks.create_task(one(await Connection.to(port), number))
    return asked / seconds


def cpu_seconds(pid: int) -> float:
    """What a process has computed so far, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def load(port: int, pid: int, values: Sequence[bytes]) -> dict[str, float]:
    """Every figure of one service: by the clock, and by what the service computed, which a busy machine changes little."""
    lists = [
        b"[" + b",".join(values[start : start + BATCH]) + b"]" for start in range(0, len(values) - BATCH + 1, BATCH)
    ]
    await at_a_rate(port, values, WARM_S)
    p50, p99 = np.percentile(np.array(await at_a_rate(port, values, RATE_S)) * 1000, [50, 99])
    began = cpu_seconds(pid)
    singles = await as_many_as_it_can(port, values, _CONNECTIONS, MOST_S)
    between = cpu_seconds(pid)
    in_lists = await as_many_as_it_can(port, lists, _BATCH_CONNECTIONS, MOST_S) * BATCH
    return {
        "p50_ms": round(float(p50), 2),
        "p99_ms": round(float(p99), 2),
        "singles_per_s": round(singles),
        "singles_per_cpu_s": round(singles * MOST_S / (between - began)),
        "claims_per_s_in_lists": round(in_lists),
        "claims_per_cpu_s_in_lists": round(in_lists * MOST_S / (cpu_seconds(pid) - between)),
    }


def measure() -> dict[str, Any]:
    """Measures both services, one after the other."""
    values = [record["value"] for records in claims(Roster.make(PHYSICIANS), _CLAIMS) for record in records]
    first, last = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {last})
    figures: dict[str, Any] = {}
    for name, more in (("service", []), ("plain_loop", ["--loop"])):
        # From its start on a core of its own: what it is started from has given itself to the other one.
        core = ["taskset", "-c", str(first)]
        command = [*core, sys.executable, "-m", "benchmarks.precheck", "--serve", *more]
        started = time.perf_counter()
        before = os.getloadavg()[0]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
            try:
                assert server.stdout is not None
                port = int(server.stdout.readline())
                ready = time.perf_counter() - started
                figures[name] = {
                    **asyncio.run(load(port, server.pid, values)),
                    "ready_s": round(ready, 1),
                    "load_before": round(before, 1),
                }
            finally:
                server.kill()
    return {
        "physicians": PHYSICIANS,
        "rate": RATE,
        "batch": BATCH,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "measured": dt.datetime.now(dt.UTC).date().isoformat(),
        **figures,
    }


def page(figures: dict[str, Any]) -> str:
    """The figures as a page."""
    rows = (
        (f"median at {RATE} requests/s of one claim, ms", "p50_ms"),
        (f"p99 at {RATE} requests/s of one claim, ms", "p99_ms"),
        ("most requests/s of one claim", "singles_per_s"),
        ("the same, by a second of the service's own computing", "singles_per_cpu_s"),
        (f"most claims/s in lists of {BATCH}", "claims_per_s_in_lists"),
        ("the same, by a second of the service's own computing", "claims_per_cpu_s_in_lists"),
        ("load average of the machine before", "load_before"),
    )
    table = "\n".join(
        f"| {what} | {figures['service'][key]:,} | {figures['plain_loop'][key]:,} |" for what, key in rows
    )
    cores = figures["cores"]
    return f"""# The pre-check over HTTP

Measured on {figures["measured"]} by `python -m benchmarks.precheck`: {figures["physicians"]:,} physicians, explanations
included, the service on one of {cores} cores and the load generator on another, Python {figures["python"]}, no Kafka. Other
work ran on the machine at the same time, as the load average tells: above {cores} the service did not have its core to itself.
Compare the columns, and take the figures by the clock for lower bounds; those by the service's own computing depend on that
other work much less.

| | the service | the same, a plain loop over the decision |
|---|---|---|
{table}
"""


def main() -> None:
    """Runs the benchmark, or a service of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--loop", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(loop=given.loop)
        return
    figures = measure()
    (RESULTS / "precheck.json").write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    (RESULTS / "precheck.md").write_text(page(figures), "utf-8")
    print(page(figures))


if __name__ == "__main__":
    main()
