"""Law 1 under fire: whatever dies and whenever, every input offset has exactly one verdict or one dead letter.

The moments are random but seeded. A run that failed is repeated with `CRASH_SEED=<seed> pytest tests/crash/test_crash.py`.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from pipeline.devtools.kafka import LocalKafka
from tests.support.balance import OUTPUTS, Balance, balance
from tests.support.cluster import GROUP, Cluster
from tests.support.loading import Loading
from tests.support.register import Register, make_claim, make_register, wire
from tests.support.runs import publish, send_claims, wait_judged
from tests.support.spoiled import SPOILED
from tests.support.waiting import PATIENCE_S, wait_for
from tests.support.workers import QUICK, Crew, WorkerProcess

pytestmark = pytest.mark.kafka

SEED = int(os.environ.get("CRASH_SEED", "20230511"))
KILLS = 2
"""Random moments; two more deaths fall into an open transaction. `python -m benchmarks.crashes` goes on to a thousand."""
SMALL_SPOILED = [spoiled.value for spoiled in SPOILED if len(spoiled.value or b"") < 100_000]


def stream(rng: random.Random, register: Register) -> Iterator[bytes | None]:
    """Claims without end, some sent twice, some spoiled."""
    number = 0
    while True:
        number += 1
        value = wire(make_claim(rng, register, number))
        yield value
        if number % 40 == 0:
            yield rng.choice(SMALL_SPOILED)
        if number % 60 == 0:
            yield value


def in_flow(*workers: WorkerProcess, batches: int = 2) -> WorkerProcess:
    """Waits until one of the workers has committed more batches than it had; returns the first of those that have."""
    seen = {worker: len(worker.events("batch_committed")) for worker in workers}

    def flowing() -> list[WorkerProcess]:
        for worker in workers:
            assert worker.exit_code is None, worker.output[-3000:]
        return [worker for worker in workers if len(worker.events("batch_committed")) >= seen[worker] + batches]

    return wait_for(
        f"one of {[worker.pid for worker in workers]} goes on committing", flowing, within=PATIENCE_S,
        detail=lambda: "\n".join(worker.output[-2000:] for worker in workers),
    )[0]  # fmt: skip


def undecided(cluster: Cluster, workers: list[WorkerProcess]) -> None:
    """Freezes the workers in a moment in which a transaction of theirs is open: random moments alone may miss every one."""

    def frozen() -> bool:
        for worker in workers:
            worker.signal(signal.SIGSTOP)
        if not cluster.no_open_transactions(OUTPUTS):
            return True
        for worker in workers:
            worker.signal(signal.SIGCONT)
        return False

    wait_for("a transaction is open when the workers are frozen", frozen, every=0.013)


def finish(cluster: Cluster, crew: Crew, register: Register, what: str) -> Balance:
    """Lets the workers catch up and stop, waits for transactions left open, and proves the balance."""
    wait_judged(cluster, crew)
    assert set(crew.stop()) <= {0}
    wait_for("no transaction is left open", lambda: cluster.no_open_transactions(OUTPUTS), every=0.2)
    figures = balance(cluster, register)
    rolled_back = sum(map(len, cluster.read_all(*OUTPUTS, isolation="read_uncommitted").values())) - (
        figures.verdicts + figures.cases + figures.dead_letters
    )
    print(  # noqa: T201  # the figures are for people
        f"\n[CRASH_SEED={SEED}] {what}: {figures.inputs:,} inputs = {figures.verdicts:,} verdicts + {figures.dead_letters:,} "
        f"dead letters; {figures.cases:,} cases; 0 duplicates; {rolled_back:,} records rolled back; "
        f"{len(crew.all)} worker processes; aborts seen by workers: "
        f"{sorted(event['cause'] for event in crew.events('transaction_aborted'))}"
    )
    assert figures.reasons, "the run judged nothing"
    if "kill -9" in what:
        assert rolled_back > 0, "no kill fell inside a transaction: the test has proved nothing"
    return figures


def test_workers_killed_at_random_moments_lose_and_repeat_nothing(cluster: Cluster, crew: Crew) -> None:
    rng = random.Random(SEED)
    register = make_register(rng, 40)
    publish(cluster, register)
    settings = QUICK | {"session_timeout_ms": 2000, "batch_max_claims": 300}
    pair = [crew.start(**settings, instance_id=name).wait_ready() for name in ("gate-a", "gate-b")]

    with Loading(cluster, stream(rng, register)) as loading:
        for kill in range(KILLS):
            place = pair.index(in_flow(*rng.sample(pair, 2)))
            time.sleep(rng.random() * 0.12)  # the random moment
            pair[place].kill()
            stable = {"instance_id": ("gate-a", "gate-b")[place]} if kill % 2 == 0 else {}
            pair[place] = crew.start(**settings, **stable)
        undecided(cluster, pair)
        for place, worker in enumerate(pair):
            worker.kill()
            pair[place] = crew.start(**settings)
        for worker in pair:
            in_flow(worker)
    print(f"\n{KILLS + 2} kills while {loading.sent:,} records were loaded")  # noqa: T201  # the figures are for people

    figures = finish(cluster, crew, register, f"{KILLS + 2} x kill -9")
    assert figures.inputs >= loading.sent
    assert figures.dead_letters > 0


def test_a_worker_frozen_past_its_session_writes_nothing_twice_when_it_wakes(cluster: Cluster, crew: Crew) -> None:
    rng = random.Random(SEED + 1)
    register = make_register(rng, 40)
    publish(cluster, register)
    settings = QUICK | {"session_timeout_ms": 2000, "batch_max_claims": 300}
    crew.start(**settings).wait_ready()
    crew.start(**settings).wait_ready()

    with Loading(cluster, stream(rng, register)):
        for _ in range(3):
            zombie, other = crew.running[:2]
            in_flow(zombie)
            time.sleep(rng.random() * 0.12)  # the random moment
            zombie.signal(signal.SIGSTOP)
            wait_for(
                "the other has all partitions", lambda other=other: other.metric("screening_partitions_owned") == 6.0
            )
            in_flow(other)
            joined = len(zombie.events("partitions_assigned"))
            zombie.signal(signal.SIGCONT)
            wait_for(
                "the zombie is a member again, or has left",
                lambda zombie=zombie, joined=joined: (
                    zombie.exit_code is not None or len(zombie.events("partitions_assigned")) > joined
                ),
                detail=lambda zombie=zombie: zombie.output[-3000:],
            )
            if zombie.exit_code is None:
                in_flow(zombie)
            else:
                failed = zombie.events("worker_failed")
                assert zombie.exit_code == 1, zombie.output[-3000:]
                assert failed, "a worker that gives up says why"
                crew.all.remove(zombie)
                crew.start(**settings).wait_ready()

    finish(cluster, crew, register, "3 x frozen")


def test_the_older_of_two_workers_of_one_name_is_fenced_and_says_so(cluster: Cluster, crew: Crew) -> None:
    rng = random.Random(SEED + 2)
    register = make_register(rng, 40)
    publish(cluster, register)
    older = crew.start(**QUICK, instance_id="gate-1").wait_ready()

    with Loading(cluster, stream(rng, register)):
        in_flow(older)
        younger = crew.start(**QUICK, instance_id="gate-1").wait_ready()
        assert older.wait() == 1
        in_flow(younger)

    failed = older.wait_event("worker_failed")
    assert "fence" in failed["error"].lower()
    assert "gate-1" in failed["instance"] + failed["error"]
    assert younger.exit_code is None
    crew.all.remove(older)
    finish(cluster, crew, register, "fenced")


def test_a_worker_starts_where_a_dead_one_ended_although_its_open_transaction_hides_that(
    cluster: Cluster, crew: Crew
) -> None:
    """A rebalance while offsets are hidden makes librdkafka forget them and start at the first record: all judged twice."""
    rng = random.Random(SEED + 4)
    register = make_register(rng, 40)
    publish(cluster, register)
    claims = stream(rng, register)
    send_claims(cluster, itertools.islice(claims, 3000))
    crew.start(**QUICK).wait_ready()
    wait_judged(cluster, crew)
    assert crew.stop() == [0]

    ends = [TopicPartition("claims", partition, offset) for partition, offset in cluster.committed().items()]
    client = {"bootstrap.servers": cluster.bootstrap, "log_level": 0}
    member = Consumer(client | {"group.id": GROUP})
    dead = Producer(client | {"transactional.id": "dead", "transaction.timeout.ms": 5000})
    dead.init_transactions(30)
    dead.begin_transaction()
    dead.send_offsets_to_transaction(ends, member.consumer_group_metadata(), 30)
    send_claims(cluster, itertools.islice(claims, 1000))
    first = crew.start(**QUICK)
    first.wait_event("worker_ready")
    wait_for(
        "it is a member", lambda: len(cluster.admin.describe_consumer_groups([GROUP])[GROUP].result(30).members) == 1
    )
    crew.start(**QUICK).wait_event("worker_ready")

    wait_judged(cluster, crew)
    member.close()
    crew.stop()
    assert balance(cluster, register).inputs == 4000


def down_between_answers(broker: LocalKafka, workers: list[WorkerProcess], how: str) -> None:
    """Ends the broker with transactions open, but none that it has promised to end and not yet ended.

    A single-node Kafka 4.3.1 that goes down in that moment forgets the end: while it starts again its partitions have no
    leader for a moment, and the coordinator logs "Couldn't find leader endpoint ... likely deleted already and hence can be
    skipped". The transaction then hangs for ever, which no client can mend. With replicas there is a leader.
    """
    for worker in workers:
        worker.signal(signal.SIGSTOP)
    time.sleep(0.5)  # what the brokers were asked for is done; more cannot be asked
    if how == "killed":
        broker.kill()
    else:
        broker.stop()
    for worker in workers:
        worker.signal(signal.SIGCONT)


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_broker_that_goes_away_and_comes_back_costs_nothing(own_cluster: Cluster, tmp_path: Path, how: str) -> None:
    rng = random.Random(f"{SEED} {how}")
    register = make_register(rng, 40)
    publish(own_cluster, register)
    crew = Crew(own_cluster, tmp_path)
    # A transaction must outlive the outage; one that does not ends its worker, which a supervisor would start again.
    patient = {"transaction_timeout_ms": 60_000, "staleness_limit_s": 1.5, "staleness_policy": "hold"}
    try:
        pair = [crew.start(**QUICK | patient).wait_ready() for _ in range(2)]
        with Loading(own_cluster, stream(rng, register)):
            for worker in pair:
                in_flow(worker)
            time.sleep(rng.random() * 0.12)  # the random moment
            down_between_answers(own_cluster.broker, pair, how)
            for worker in pair:
                wait_for("a gate without brokers is not ready", lambda worker=worker: worker.get("/readyz")[0] == 503)
                assert worker.get("/healthz")[0] == 200
            own_cluster.broker.start()
            for worker in pair:
                worker.wait_ready()
            for worker in pair:
                in_flow(worker)
        finish(own_cluster, crew, register, f"broker {how}")
    finally:
        crew.dismiss()
