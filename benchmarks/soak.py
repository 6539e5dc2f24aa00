"""The long run: `python -m benchmarks.soak` (25 minutes) writes results/soak.json, soak.md and soak.svg.

One Kafka, two workers and the control plane, as they are run in production, for 20 minutes at 3,000 claims a second, the
nation's peak by our arithmetic, while events of the registers go on changing standings. One worker is killed (SIGKILL) every two
minutes and started again under its name; the broker is restarted once. The other worker and the control plane live through all
of it, and their memory is watched. At the end every claim that the broker took must have exactly one verdict or dead letter, and
`screening audit` must find nothing.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition

from benchmarks.control import say
from benchmarks.soak_report import Disturbance, Soak, write
from pipeline.devtools.kafka import LocalKafka
from pipeline.kafka.admin import TopicAdmin
from pipeline.kafka.records import headers
from pipeline.sample.claims import claims
from pipeline.sample.roster import register_events, roster
from rules.events import Event
from tests.support.cluster import CONTROL_GROUP, Cluster
from tests.support.control import Controls, record
from tests.support.waiting import wait_for
from tests.support.workers import Crew, WorkerProcess
from topics.catalogue import (
    CATALOGUE,
    CLAIM_VERDICTS,
    CLAIMS,
    CLAIMS_DEAD_LETTER,
    PHYSICIAN_EVENTS,
)
from topics.dead_letters import Envelope, opened

SEED = 20221226
PHYSICIANS = 20_000
EVENTS_A_SECOND = 5.0
KILL_EVERY_S = 120.0
_FIRST_KILL_S = 60.0
_SAMPLE_EVERY_S = 5.0
_PATIENCE_S = 180.0
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Plan:
    """How long, how fast, and where things are kept."""

    bootstrap_servers: str
    seconds: float
    rate: float
    folder: Path

    @property
    def count(self) -> int:
        """Claims sent in all."""
        return round(self.seconds * self.rate)


# -- claims in ------------------------------------------------------------------------------------------------------


def send_claims(plan: Plan, start: float) -> None:
    """Sends the sample's claims at an even rate; a process of its own. Leaves sent.parquet: place and moment meant of each."""
    partitions, offsets, moments = array("i", [-1]) * plan.count, array("q", [-1]) * plan.count, array("d")
    failed: list[str] = []
    producer = Producer(
        {
            "bootstrap.servers": plan.bootstrap_servers,
            "linger.ms": 1,
            # A claim that is sent again because an answer was lost must not be two claims: they would be counted as such.
            "enable.idempotence": True,
            "queue.buffering.max.messages": 1_000_000,
            "queue.buffering.max.kbytes": 1_048_576,
            "message.max.bytes": 16_000_000,
            "log_level": 2,
        }
    )

    def noted(number: int) -> Any:
        def note(error: Any, message: Any) -> None:
            if error is not None:
                failed.append(str(error))
                return
            partitions[number], offsets[number] = message.partition(), message.offset()

        return note

    late = 0.0
    for number, (key, value) in enumerate(claims(SEED, plan.count, roster(SEED, PHYSICIANS))):
        moment = start + number / plan.rate
        while (now := time.time()) < moment:
            producer.poll(0)
            time.sleep(min(moment - now, 0.001))
        late = max(late, now - moment)
        moments.append(moment)
        producer.produce(CLAIMS.name, value, key, timestamp=int(now * 1000), on_delivery=noted(number))
    producer.flush(120)
    if failed:
        raise RuntimeError(f"{len(failed):,} claims were not taken: {failed[0]}")
    frame = pl.DataFrame({"partition": partitions, "offset": offsets, "moment": moments})
    frame.filter(pl.col("offset") >= 0).write_parquet(plan.folder / "sent.parquet")
    (plan.folder / "late").write_text(str(late))


# -- outcomes out ---------------------------------------------------------------------------------------------------


class _Source(msgspec.Struct):
    partition: int
    offset: int


class _Verdict(msgspec.Struct):
    source: _Source


_verdict = msgspec.json.Decoder(_Verdict).decode


def _source(message: Message) -> _Source | Envelope:
    """The claim that an outcome is about. A letter that names none would be a fault to stop at."""
    if message.topic() == CLAIM_VERDICTS.name:
        return _verdict(message.value() or b"").source
    found = opened(headers(message))
    assert found is not None, message.headers()
    return found


class Outcomes(threading.Thread):
    """Notes when a read_committed reader can first see each outcome, whatever its kind."""

    def __init__(self, bootstrap_servers: str) -> None:
        super().__init__(name="outcomes", daemon=True)
        self.partitions, self.offsets, self.moments, self.letters = array("i"), array("q"), array("d"), 0
        self._stopping = threading.Event()
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "soak-reader",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 100,
                "fetch.message.max.bytes": 16_000_000,
                "log_level": 2,
            }
        )

    @property
    def seen(self) -> int:
        """Outcomes read so far."""
        return len(self.moments)

    def run(self) -> None:
        """Reads until told to stop."""
        places = [
            TopicPartition(spec.name, number, OFFSET_BEGINNING)
            for spec in (CLAIM_VERDICTS, CLAIMS_DEAD_LETTER)
            for number in range(spec.partitions)
        ]
        self._consumer.assign(places)
        while not self._stopping.is_set():
            message = self._consumer.poll(0.1)
            if message is None or message.error():
                continue
            source = _source(message)
            self.letters += isinstance(source, Envelope)
            self.partitions.append(source.partition)
            self.offsets.append(source.offset)
            self.moments.append(time.time())
        self._consumer.close()

    def stop(self) -> pl.DataFrame:
        """Ends the reading; every outcome's source and the moment it was seen."""
        self._stopping.set()
        self.join(30)
        return pl.DataFrame({"partition": self.partitions, "offset": self.offsets, "seen": self.moments})


# -- events ---------------------------------------------------------------------------------------------------------


def events(during: int) -> tuple[list[Event], list[Event]]:
    """The registers' events: those that stand before the run begins, and at most so many that come while it runs."""
    first: list[Event] = []
    later: list[Event] = []
    for _, history in itertools.groupby(
        register_events(SEED, PHYSICIANS), key=lambda event: (event.region, event.physician_code, event.institution)
    ):
        known = list(history)
        first.append(known[0])
        later += known[1:]
    step = max(1, len(later) // during)
    flowing = later[::step][:during]
    waiting = {event.event_id for event in flowing}
    return first + [event for event in later if event.event_id not in waiting], flowing


class Flow(threading.Thread):
    """Sends events at an even rate while claims are judged."""

    def __init__(self, cluster: Cluster, made: list[Event], seconds: float) -> None:
        super().__init__(name="events", daemon=True)
        self.sent = 0
        self._cluster, self._made, self._seconds = cluster, made, seconds

    def run(self) -> None:
        """Sends a second's events at a time; the broker may be away for a while."""
        begun, total = time.monotonic(), len(self._made)
        while self.sent < total:
            due = min(total, int(total * (time.monotonic() - begun) / self._seconds) + 1)
            if due > self.sent:
                self._cluster.send(PHYSICIAN_EVENTS.name, map(record, self._made[self.sent : due]))
                self.sent = due
            time.sleep(1.0)


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
