"""The control plane under fire: whatever dies and whenever, standings are the fold of the log and no notice is lost or doubled.

The moments are random but seeded. A run that failed is repeated with
`CONTROL_CRASH_SEED=<seed> pytest tests/crash/test_control_crash.py`.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from rules.events import encode
from tests.support.cluster import Cluster, Record
from tests.support.control import (
    Controls,
    physicians,
    prove_notices,
    prove_standings,
    prove_suspensions,
    right_place,
    shuffled,
    suspended,
    wait_taken,
)
from tests.support.waiting import wait_for
from topics.messages.ledger import LedgerProgress
from topics.progress import reached

pytestmark = pytest.mark.kafka

SEED = int(os.environ.get("CONTROL_CRASH_SEED", "20230511"))
KILLS, MOST_KILLS = 4, 8
"""Of processes: so many, and more until one has fallen between reading and committing. `python -m benchmarks.crashes` goes on to a
thousand crashes of every kind."""
POISON = [b"", b"{", b'{"type":"promotion"}', b"[1,2,3]", "死信".encode()]
TODAY = dt.date(2027, 6, 1)
WRITTEN = ("physician-standing", "dossiers", "physician-events-dead-letter", "case-state")


@pytest.fixture
def controls(own_cluster: Cluster, tmp_path: Path) -> Iterator[Controls]:
    made = Controls(own_cluster, tmp_path)
    yield made
    made.dismiss()


def published(cluster: Cluster) -> int:
    """How many standings have ever been published."""
    return sum(cluster.ends("physician-standing", "read_committed"))


def prove_progress(cluster: Cluster) -> None:
    """How far the ledger is never goes back, whoever writes it, and at last is where the log ends."""
    newest: dict[bytes | None, LedgerProgress] = {}
    for item in cluster.read("ledger-progress"):
        told = LedgerProgress.model_validate_json(item.value or b"")
        known = newest.get(item.key)
        assert known is None or known.next_offset <= told.next_offset, f"{known} was followed by {told}"
        newest[item.key] = told
    ends = dict(enumerate(cluster.ends("physician-events", "read_committed")))
    assert reached({place.partition: place for place in newest.values() if place.topic == "physician-events"}, ends)


def to_be_seen(cluster: Cluster) -> dict[str, list[Record]]:
    """Every committed record of what the control plane writes, each partition in its order."""
    found = cluster.read_all(*WRITTEN)
    return {topic: sorted(records, key=lambda item: (item.partition, item.offset)) for topic, records in found.items()}


def feed(cluster: Cluster, records: Iterator[dict], number: int) -> int:
    """Sends some more of the records; returns how many there were."""
    return cluster.send("physician-events", itertools.islice(records, number))


def test_kills_rebalances_and_a_broker_restart_lose_nothing_and_send_nothing_old(
    own_cluster: Cluster, controls: Controls, tmp_path: Path
) -> None:
    cluster, rng = own_cluster, random.Random(SEED)
    clock = tmp_path / "clock"
    clock.write_text(f"{TODAY}T09:00:00+08:00")
    made, bound = physicians(SEED, 100), suspended(SEED, 25)
    events = shuffled([*made.events, *(event for own in bound.values() for event in own)], rng)
    records = [
        right_place(cluster, event) if rng.random() < 0.8 else {"key": "?", "value": encode(event)} for event in events
    ]
    for _ in range(40):
        records.insert(rng.randrange(len(records)), {"key": "poison", "value": rng.choice(POISON)})
    flow, share = iter(records), len(records) // (MOST_KILLS + 2)

    settings = {"control_clock_file": clock, "session_timeout_ms": 2000, "control_batch_events": 40}
    pair = [controls.start(**settings).wait_ready(), controls.start(**settings).wait_ready()]
    feed(cluster, flow, share)
    inside = kills = 0
    while kills < KILLS or (not inside and kills < MOST_KILLS):
        before = published(cluster)
        feed(cluster, flow, share)
        wait_for("events flow", lambda before=before: published(cluster) > before, every=0.01,
                 detail=lambda: "\n".join(item.output[-2500:] for item in controls.running))  # fmt: skip
        time.sleep(rng.random() * 0.3)  # the random moment
        place = rng.randrange(2)
        pair[place].kill()
        inside += sum(cluster.ends("physician-events", "read_committed")) > sum(
            cluster.committed("claims-screening-control", "physician-events").values()
        )
        pair[place] = controls.start(**settings)
        kills += 1
        if kills == KILLS // 2:
            assert pair[1 - place].wait_ready().terminate() == 0
            pair[1 - place] = controls.start(**settings)

    for item in pair:  # one that starts while there is no broker ends with 1, as it should
        item.wait_ready()
    cluster.broker.stop()
    feed_later = list(flow)
    cluster.broker.start()
    cluster.send("physician-events", feed_later)
    # On a machine with other brokers on its two cores the group may need several of its rounds of 30 s.
    wait_taken(cluster, controls, within=300)
    assert [item.exit_code for item in pair] == [None, None], "\n".join(item.output[-2500:] for item in pair)

    standings = prove_standings(cluster, made) + prove_suspensions(cluster, bound)
    notices = prove_notices(cluster, made, TODAY)
    letters = cluster.read("physician-events-dead-letter")
    assert Counter(letter.value for letter in letters) == Counter(
        i["value"] for i in records if i["key"] == "poison"
    ), "every record that cannot be read is set aside exactly once, whatever died"
    prove_progress(cluster)
    assert set(controls.stop()) == {0}
    audit = cluster.screening("audit", "--standings", "--notices-on", TODAY.isoformat())
    assert audit.returncode == 0, audit.stdout[-3000:] + audit.stderr[-1000:]
    anew = sum(len(item.events("control_restarted")) for item in controls.all)
    print(  # noqa: T201  # the figures are for people
        f"\n[CONTROL_CRASH_SEED={SEED}] {kills} x kill -9 ({inside} with uncommitted events), 1 x broker restart, {len(records):,} "
        f"records: {standings:,} standings, {notices:,} notices, {len(letters)} dead letters, {anew} planes begun anew"
    )
    assert inside > 0, "no kill fell between reading and committing: the test has proved nothing"


def test_a_process_frozen_past_its_session_overwrites_nothing_when_it_wakes(
    own_cluster: Cluster, controls: Controls
) -> None:
    cluster, rng = own_cluster, random.Random(SEED + 1)
    made = physicians(SEED + 1, 60)
    records = [right_place(cluster, event) for event in shuffled(made.events, rng)]
    settings = {"session_timeout_ms": 2000, "control_batch_events": 40}
    zombie, other = controls.start(**settings).wait_ready(), controls.start(**settings).wait_ready()
    wait_for("the zombie has partitions again", lambda: zombie.get("/readyz")[0] == 200)
    flow = iter(records)
    before = published(cluster)
    feed(cluster, flow, len(records) * 3 // 4)
    wait_for("events flow", lambda: published(cluster) > before, every=0.01)

    def frozen_in_a_transaction() -> bool:
        time.sleep(rng.random() * 0.1)  # the random moment
        zombie.signal(signal.SIGSTOP)
        if not cluster.no_open_transactions(["dossiers"]) and not cluster.no_open_transactions(["dossiers"]):
            return True
        zombie.signal(signal.SIGCONT)
        return False

    wait_for("the zombie stands still with records written and not committed", frozen_in_a_transaction, every=0.01)
    feed(cluster, flow, len(records))
    wait_for("the other has all partitions", lambda: json.loads(other.get("/readyz")[1])["partitions"] == [0, 1, 2],
             every=0.2)  # fmt: skip
    wait_taken(cluster, controls)
    visible = to_be_seen(cluster)
    assert all(cluster.no_open_transactions([topic]) for topic in WRITTEN), (
        "the new owner ended what the zombie had begun"
    )
    zombie.signal(signal.SIGCONT)
    wait_for("the zombie is a member again", lambda: len(json.loads(zombie.get("/readyz")[1])["partitions"]) in (1, 2)
             and zombie.get("/readyz")[0] == 200, every=0.2, detail=lambda: zombie.output[-3000:])  # fmt: skip
    wait_taken(cluster, controls)
    assert to_be_seen(cluster) == visible, "a record of the zombie's is to be seen"
    prove_standings(cluster, made)
    prove_progress(cluster)
    assert controls.stop() == [0, 0]
