"""Situations of operation that stopped a gate or lost a claim in silence elsewhere. Here nothing stops and nothing vanishes."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from pipeline.devtools.kafka import LocalKafka
from tests.kafka.test_register import NORMAL, PENALTY, PHYSICIAN, ask, standing
from tests.support.cluster import CLAIM_PARTITIONS, GROUP, Cluster
from tests.support.ledger import transaction
from tests.support.raw_headers import send_with_header
from tests.support.register import QIANNAN
from tests.support.runs import send_claims, wait_judged
from tests.support.spoiled import claim
from tests.support.waiting import wait_for
from tests.support.workers import QUICK, Crew, WorkerProcess
from topics.catalogue import MAX_DEAD_LETTER_BYTES

pytestmark = pytest.mark.kafka

BUSY, REJECTED = "D522701000002", "D522701000003"
"""Physicians of whose penalty many events tell, and one."""


def publish_standing(cluster: Cluster) -> None:
    record = {"key": f"{QIANNAN}|{PHYSICIAN}", "value": json.dumps(standing(1, NORMAL))}
    cluster.send("physician-standing", [record])


def outcomes(cluster: Cluster) -> Counter[tuple[int, int]]:
    """How many verdicts and dead letters each record of the claims has."""
    found = Counter(
        (source["partition"], source["offset"])
        for source in (json.loads(item.value or b"")["source"] for item in cluster.read("claim-verdicts"))
    )
    for letter in cluster.read("claims-dead-letter"):
        named = dict(letter.headers)
        found[int(named["source.partition"] or 0), int(named["source.offset"] or 0)] += 1
    return found


def configure(cluster: Cluster, topic: str, name: str, value: str) -> None:
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    for future in cluster.admin.incremental_alter_configs([resource]).values():
        future.result(30)


# -- 1 a record that cannot be written stops the rest ------------------------------------------------------------------


def test_a_record_whose_dead_letter_does_not_fit_costs_that_record_alone(cluster: Cluster, crew: Crew) -> None:
    """Twenty megabytes that compress well: the topic takes them, the letter is cut and says so."""
    publish_standing(cluster)
    sender = Producer({"bootstrap.servers": cluster.bootstrap, "message.max.bytes": 30_000_000,
                       "compression.type": "lz4", "log_level": 0})  # fmt: skip
    sender.produce("claims", b"9" * 20_000_000, "big", partition=0)
    assert sender.flush(60) == 0
    cluster.send("claims", [{"key": "k", "value": claim(claim_id="Q1"), "partition": 0}])
    crew.start().wait_ready()
    wait_judged(cluster, crew)
    crew.stop()

    (letter,) = cluster.read("claims-dead-letter")
    named = dict(letter.headers)
    assert b"bytes=20000000" in (named["cut"] or b"")
    assert len(letter.value or b"") < MAX_DEAD_LETTER_BYTES
    assert set(outcomes(cluster).values()) == {1}
    assert len(outcomes(cluster)) == 2


def test_a_letter_that_the_topic_does_not_take_is_cut_until_it_does(cluster: Cluster, crew: Crew) -> None:
    """A cluster whose topic of dead letters takes less than the catalogue says."""
    configure(cluster, "claims-dead-letter", "max.message.bytes", "300000")
    publish_standing(cluster)
    noise = random.Random(1).randbytes(2_000_000)
    cluster.send("claims", [{"key": "k", "value": noise, "partition": 0}])
    send_claims(cluster, [claim(claim_id="Q1")])
    worker = crew.start().wait_ready()
    wait_judged(cluster, crew)
    crew.stop()

    assert set(outcomes(cluster).values()) == {1}
    assert len(outcomes(cluster)) == 2
    assert "MSG_SIZE_TOO_LARGE" in {event["cause"] for event in worker.events("transaction_aborted")}


def test_a_case_that_its_topic_does_not_take_costs_its_claim_alone(cluster: Cluster, crew: Crew) -> None:
    """A cluster whose topics take less than the catalogue says: a case with much evidence does not fit, nor its letter as a whole."""
    configure(cluster, "claim-cases", "max.message.bytes", "20000")
    configure(cluster, "claims-dead-letter", "max.message.bytes", "1500")
    rng = random.Random(2)
    many = [rng.randbytes(20).hex() for _ in range(900)]
    penalty = PENALTY | {"causes": many}
    records = [standing(1, NORMAL), standing(1, penalty, code=BUSY), standing(1, PENALTY, code=REJECTED)]
    cluster.send(
        "physician-standing",
        [{"key": f"{QIANNAN}|{record['physician_code']}", "value": json.dumps(record)} for record in records],
    )
    codes = [REJECTED, PHYSICIAN]
    values = [claim(claim_id=f"Q{number}", physician_code=codes[number % 2]) for number in range(400)]
    for place in (3, 203):
        values[place] = claim(claim_id=f"B{place}", physician_code=BUSY, note=rng.randbytes(3_000).hex())
    cluster.send("claims", [{"key": "k", "value": value, "partition": 1} for value in values])
    worker = crew.start().wait_ready()
    wait_judged(cluster, crew)

    letters = cluster.read("claims-dead-letter")
    assert [(dict(letter.headers)["error"] or b"").partition(b":")[0] for letter in letters] == [b"not_writable"] * 2
    assert all(dict(letter.headers)["cut"] for letter in letters)
    assert (len(outcomes(cluster)), set(outcomes(cluster).values())) == (400, {1})
    assert len(cluster.read("claim-cases")) == 200, "every reject that is no letter"
    assert len(worker.events("claim_not_writable")) == 2
    assert worker.metric("screening_dead_letters_total", error="not_writable") == 2
    assert worker.get("/readyz")[0] == 200
    assert crew.stop() == [0]
    audited = json.loads(cluster.screening("audit", "--claims", "--json").stdout)
    assert audited["differences"] == []


def test_a_header_that_is_not_utf8_makes_a_dead_letter_like_any_other(cluster: Cluster, crew: Crew) -> None:
    publish_standing(cluster)
    send_with_header(cluster.bootstrap, "claims", b"no claim", b"\xd6\xd0\xce\xc4")
    send_claims(cluster, [claim(claim_id="Q1")])
    crew.start().wait_ready()
    wait_judged(cluster, crew)
    crew.stop()

    (letter,) = cluster.read("claims-dead-letter")
    assert (letter.value, letter.headers[0]) == (b"no claim", ("headers.unreadable", b"\xd6\xd0\xce\xc4"))
    assert set(outcomes(cluster).values()) == {1}


# -- 3 silent loss by time ---------------------------------------------------------------------------------------------


def test_what_others_write_bears_the_brokers_time_and_apply_names_a_topic_that_does_not(cluster: Cluster) -> None:
    """Claims with the timestamp of their settlement day would be deleted before they are judged."""
    settled = int((time.time() - 90 * 86_400) * 1000)
    cluster.send("claims", [{"key": "k", "value": claim(), "timestamp": settled}])
    assert cluster.read("claims")[0].timestamp > settled + 80 * 86_400_000

    configure(cluster, "claims", "message.timestamp.type", "CreateTime")
    told = json.loads(cluster.screening("topics", "apply", "--json").stdout)
    drift = next(state["drift"] for state in told if state["name"] == "claims")
    assert any("message.timestamp.type: is CreateTime, catalogue says LogAppendTime" in line for line in drift)


def test_offsets_that_expired_are_found_again_in_the_outcomes(cluster: Cluster, crew: Crew) -> None:
    publish_standing(cluster)
    send_claims(cluster, [*(claim(claim_id=f"Q{number}") for number in range(300)), b"spoiled"])
    crew.start().wait_ready()
    wait_judged(cluster, crew)
    assert crew.stop() == [0]
    wait_for("the group has no members", lambda: _forgotten(cluster))
    assert cluster.committed() == {}
    send_claims(cluster, [claim(claim_id=f"R{number}") for number in range(100)])

    worker = crew.start().wait_ready()
    wait_judged(cluster, crew)
    crew.stop()
    assert worker.events("start_taken_from_outcomes")
    assert set(outcomes(cluster).values()) == {1}
    assert len(outcomes(cluster)) == 401


def _forgotten(cluster: Cluster) -> bool:
    """Whether the brokers have forgotten the group, which they do not while it has members."""
    try:
        cluster.admin.delete_consumer_groups([GROUP])[GROUP].result(30)
    except Exception:
        return False
    return True


def test_claims_that_expired_unread_are_told_and_stay_a_number_of_the_audit(cluster: Cluster, crew: Crew) -> None:
    """Retention passes the workers while they are away; when they are back they go on behind the hole."""
    publish_standing(cluster)
    fill(cluster, "Q", 10)
    crew.start().wait_ready()
    wait_judged(cluster, crew)
    assert crew.stop() == [0]
    fill(cluster, "R", 50)
    for future in cluster.admin.delete_records([TopicPartition("claims", 1, 40)]).values():
        future.result(30)
    [lost] = json.loads(cluster.screening("audit", "--claims", "--json").stdout)["differences"]
    assert (lost["kind"], lost["where"]) == ("expired_unread", "claims/1 offsets 10-39")

    tellings = []
    for _ in range(2):
        worker = crew.start().wait_ready()
        wait_judged(cluster, crew)
        tellings.append([event["records"] for event in worker.events("claims_expired_unread")])
        assert crew.stop() == [0]
        fill(cluster, "S", 5)
    assert tellings == [[30], []], "told once, and not again by the second worker"
    audited = json.loads(cluster.screening("audit", "--claims", "--json").stdout)
    assert (audited["differences"], total(audited, "expired_unread"), total(audited, "waiting")) == ([], 30, 5)


def fill(cluster: Cluster, name: str, count: int) -> None:
    """So many claims into partition 1."""
    values = [{"key": "k", "value": claim(claim_id=f"{name}{number}"), "partition": 1} for number in range(count)]
    cluster.send("claims", values)


def total(audited: dict, figure: str) -> int:
    """A figure of the audit's claims over all partitions."""
    return sum(row[figure] for row in audited["figures"] if row["part"] == "claims")


# -- 4 topics made again -----------------------------------------------------------------------------------------------


def test_claims_deleted_and_made_again_under_a_running_worker_are_read_from_their_start(
    cluster: Cluster, crew: Crew
) -> None:
    publish_standing(cluster)
    worker = crew.start(**QUICK).wait_ready()
    send_claims(cluster, [claim(claim_id=f"Q{number}") for number in range(600)])
    wait_judged(cluster, crew)
    cluster.admin.delete_topics(["claims"], operation_timeout=30)["claims"].result(30)
    wait_for("the topic is gone", lambda: "claims" not in cluster.topics())
    cluster.admin.create_topics([NewTopic("claims", CLAIM_PARTITIONS, 1)])["claims"].result(30)
    wait_for("the topic is there", lambda: "claims" in cluster.topics())
    wait_for("it can be written to", lambda: len(cluster.ends("claims", "read_committed")) == CLAIM_PARTITIONS)
    # At once: the worker reads at its old positions, 100 of each partition, before it hears that the topic is another.
    send_claims(cluster, [claim(claim_id=f"R{number}") for number in range(1500)])

    def answered() -> Counter[str]:
        verdicts = (json.loads(item.value or b"")["claim_id"] for item in cluster.read("claim-verdicts"))
        return Counter(name for name in verdicts if name.startswith("R"))

    wait_for("all of the new topic are judged", lambda: len(answered()) == 1500, every=0.5,
             detail=lambda: f"{len(answered())} of 1500\n{worker.output[-3000:]}")  # fmt: skip
    assert set(answered().values()) == {1}
    wait_judged(cluster, crew)
    wait_for("nothing is left to do", lambda: worker.get("/readyz")[0] == 200 and not lag(worker))
    assert len(worker.events("claims_topic_made_again")) == 1
    crew.stop()
    audited = json.loads(cluster.screening("audit", "--claims", "--json").stdout)
    assert audited["differences"] == []
    assert total(audited, "outcomes_of_another_topic") == 600
    assert (total(audited, "claims"), total(audited, "verdicts")) == (1500, 1500)


# -- 5 somebody else's doing -------------------------------------------------------------------------------------------


def test_claims_behind_an_open_transaction_are_counted_and_the_worker_is_not_ready(
    cluster: Cluster, crew: Crew
) -> None:
    publish_standing(cluster)
    worker = crew.start(stall_s=2).wait_ready()
    sender = transaction(cluster)
    sender.produce("claims", claim(claim_id="Q1"), "k", partition=2)
    sender.flush(30)
    cluster.send("claims", [{"key": "k", "value": claim(claim_id=f"R{number}"), "partition": 2} for number in range(5)])
    wait_for("it tells what nobody can read", lambda: worker.metric(
        "screening_claims_behind_open_transaction_records", partition="2") == 6)  # fmt: skip
    wait_for("it is not ready", lambda: worker.get("/readyz")[0] == 503)
    told = json.loads(worker.get("/readyz")[1])
    assert (told["stalled"], told["behind_open_transactions"]) == (True, 6)

    sender.commit_transaction(30)
    wait_judged(cluster, crew)
    worker.wait_ready()
    wait_for("nothing is left, though a transaction's mark is the last thing there", lambda: not lag(worker))
    crew.stop()


def lag(worker: WorkerProcess) -> float:
    """What the worker says is not judged yet, over its partitions."""
    return sum(value for (name, _), value in worker.metrics().items() if name == "screening_consumer_lag_records")


def test_a_shadow_run_by_its_prefix_alone_takes_no_claim_from_the_real_gate(cluster: Cluster, crew: Crew) -> None:
    cluster.screening("topics", "apply", output_prefix="shadow-")
    publish_standing(cluster)
    crew.start(**QUICK).wait_ready()
    crew.start(**QUICK, output_prefix="shadow-").wait_ready()
    send_claims(cluster, [claim(claim_id=f"Q{number}") for number in range(300)])
    wait_judged(cluster, crew)
    wait_judged(cluster, crew, group=f"shadow-{GROUP}")
    crew.stop()

    assert len(cluster.read("claim-verdicts")) == len(cluster.read("shadow-claim-verdicts")) == 300
    refused = cluster.screening("worker", output_prefix="shadow-", group_id=GROUP)
    assert (refused.returncode, "SCREENING_OUTPUT_PREFIX" in refused.stderr) == (2, True)


# -- 6 after a long quiet ----------------------------------------------------------------------------------------------


def test_a_worker_whose_transactional_id_has_expired_goes_on(tmp_path: Path) -> None:
    quiet = {"transactional.id.expiration.ms": "10000", "producer.id.expiration.ms": "10000",
             "transaction.remove.expired.transaction.cleanup.interval.ms": "500",
             "producer.id.expiration.check.interval.ms": "500"}  # fmt: skip
    with LocalKafka(tmp_path / "kafka", properties=quiet) as broker:
        cluster = Cluster(broker)
        cluster.reset()
        crew = Crew(cluster, tmp_path)
        try:
            publish_standing(cluster)
            worker = crew.start(**QUICK).wait_ready()
            assert ask(cluster, crew, 1)["reason"] == "ok"
            wait_for(
                "the brokers forget the id", lambda: any(not item.value for item in cluster.read("__transaction_state"))
            )
            asked = time.monotonic()
            assert ask(cluster, crew, 2)["reason"] == "ok"
            assert time.monotonic() - asked < 90
            assert worker.exit_code is None
            assert crew.stop() == [0]
        finally:
            crew.dismiss()


def test_the_older_of_two_static_members_of_one_name_ends_and_says_why(cluster: Cluster, crew: Crew) -> None:
    publish_standing(cluster)
    static = {"kafka_config": '{"group.instance.id": "gate-1"}'}
    older = crew.start(**QUICK, **static).wait_ready()
    wait_for("it owns all", lambda: older.metric("screening_partitions_owned") == 6)
    younger = crew.start(**QUICK, **static)
    assert older.wait() == 1
    assert "group.instance.id" in older.events("worker_failed")[0]["error"]
    crew.all.remove(older)
    younger.wait_ready()
    assert ask(cluster, crew, 1)["reason"] == "ok"
    crew.stop()


def test_a_host_whose_clock_the_brokers_refuse_is_not_ready_and_names_its_clock(cluster: Cluster, crew: Crew) -> None:
    """The brokers are told to take no record that is older than now: what a clock two hours ahead is to them by default."""
    publish_standing(cluster)
    worker = crew.start(**QUICK).wait_ready()
    for topic in ("claim-verdicts", "claim-cases"):
        configure(cluster, topic, "message.timestamp.before.max.ms", "0")
    send_claims(cluster, [claim(claim_id="Q1")])
    worker.wait_event("clock_refused")
    wait_for("it is not ready", lambda: worker.get("/readyz")[0] == 503)
    assert "clock" in json.loads(worker.get("/readyz")[1])["trouble"]

    for topic in ("claim-verdicts", "claim-cases"):
        configure(cluster, topic, "message.timestamp.before.max.ms", "9223372036854775807")
    # The limit of this test refuses the broker's own mark at the end of a transaction as well, when it comes a millisecond late
    # ("Unexpected error ... while sending txn marker"), and the broker sends it again only after a start.
    cluster.broker.restart()
    wait_judged(cluster, crew)
    worker.wait_ready()
    assert set(outcomes(cluster).values()) == {1}
    crew.stop()
