"""Measuring from outside: progress as the consumer group's committed offsets, verdicts as a read_committed reader sees them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import polars as pl
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from benchmarks.contenders import Contender, Job

CLAIMS = "claims"
VERDICTS = "claim-verdicts"
CASES = "claim-cases"
DEAD_LETTERS = "claims-dead-letter"
PARTITIONS = 4

_POLL_SECONDS = 0.04
_SHORTEST_SECONDS = 0.25

Offsets = dict[int, int]


class MeasurementError(RuntimeError):
    """What was measured is not what should have been: a contender was too slow, or lost or repeated verdicts."""


class Cluster:
    """The broker as the harness sees it."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers
        self._admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})

    def create(self, *names: str, compacted: bool = False) -> None:
        """Create topics of four partitions."""
        config = {"cleanup.policy": "compact"} if compacted else {"retention.ms": "-1"}
        topics = [NewTopic(name, PARTITIONS, 1, config=config) for name in names]
        for future in self._admin.create_topics(topics).values():
            future.result(30)

    def create_outputs(self, prefix: str) -> None:
        """Create the output topics of a contender."""
        self.create(*(prefix + name for name in (VERDICTS, CASES, DEAD_LETTERS)))

    def delete_outputs(self, prefix: str) -> None:
        """Delete the output topics of a contender, so that the disk holds one contender's output at a time."""
        names = [prefix + name for name in (VERDICTS, CASES, DEAD_LETTERS)]
        for future in self._admin.delete_topics(names).values():
            future.result(30)

    def ends(self, topic: str) -> Offsets:
        """The offset behind the last committed record of each partition."""
        consumer = Consumer(self._reader("benchmark-reader"))
        ends = {}
        for partition in range(PARTITIONS):
            watermarks = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)
            if watermarks is None:
                raise MeasurementError(f"the broker did not tell where {topic} ends")
            ends[partition] = watermarks[1]
        consumer.close()
        return ends

    def _reader(self, group: str, isolation: str = "read_committed") -> dict[str, str | int | bool]:
        return {
            "bootstrap.servers": self.bootstrap_servers,
            "group.id": group,
            "enable.auto.commit": False,
            "isolation.level": isolation,
            "log_level": 3,
        }

    def begin_at(self, group: str, topic: str, offsets: Offsets) -> None:
        """Make a fresh consumer group begin at these offsets."""
        consumer = self._member_of(group)
        where = [TopicPartition(topic, partition, offset) for partition, offset in offsets.items()]
        consumer.commit(offsets=where, asynchronous=False)
        consumer.close()

    def progress(self, group: str, topic: str) -> Progress:
        """A meter of what the group has finished."""
        return Progress(self._member_of(group), topic)

    def _member_of(self, group: str) -> Consumer:
        """A client that reads and writes the group's offsets without joining it.

        The admin client would do, were it not that librdkafka 2.16 crashes the process when it lists a group's offsets while the
        coordinator is moving or loading. Uncommitted offsets of open transactions are not waited for: the last committed ones
        are what counts.
        """
        return Consumer(self._reader(group, "read_uncommitted"))

    def read(self, topic: str, timeout: float = 120.0) -> Iterator[list[bytes]]:
        """The committed values of a topic, from its beginning to its present end, in lists.

        Raises:
            MeasurementError: when the end is not reached in time.
        """
        ends = self.ends(topic)
        consumer = Consumer(
            {
                **self._reader("benchmark-reader"),
                "enable.partition.eof": True,
                "max.partition.fetch.bytes": 8_000_000,
                "queued.min.messages": 200_000,
            }
        )
        unfinished = {partition for partition, end in ends.items() if end > 0}
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in unfinished])
        deadline = time.monotonic() + timeout
        while unfinished:
            if time.monotonic() > deadline:
                raise MeasurementError(f"{topic} was not read to its end within {timeout:.0f} s")
            values = []
            for message in consumer.consume(50_000, timeout=0.2):
                if message.error():
                    unfinished.discard(message.partition())
                else:
                    values.append(message.value() or b"")
            if values:
                yield values
        consumer.close()


class Progress:
    """The committed offsets of a consumer group, seen from outside."""

    def __init__(self, consumer: Consumer, topic: str) -> None:
        self._consumer = consumer
        self._where = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._consumer.close()

    def total(self) -> int:
        """The sum of the committed offsets."""
        return sum(max(found.offset, 0) for found in self._consumer.committed(self._where, timeout=30))


# What has to be equal between contenders; `source` says which claim a verdict is about.
_JUDGEMENT: dict[str, pl.DataType | type[pl.DataType]] = {
    "claim_id": pl.String,
    "physician_code": pl.String,
    "fund_amount": pl.String,
    "disposition": pl.String,
    "reason": pl.String,
    "exempted_ground": pl.String,
    "cost_bearer": pl.String,
    "standing": pl.String,
    "penalty_period": pl.List(pl.String),
    "rule_pack": pl.String,
    "citations": pl.List(pl.String),
    "standing_revision": pl.Int64,
}
_SOURCE = pl.Struct({"topic": pl.String, "partition": pl.Int32, "offset": pl.Int64})


def read_verdicts(cluster: Cluster, prefix: str) -> pl.DataFrame:
    """All committed verdicts of a contender: the claim's place, disposition, reason, and a digest of the whole judgement."""
    parts = []
    for values in cluster.read(prefix + VERDICTS):
        frame = pl.read_ndjson(b"\n".join(values), schema={**_JUDGEMENT, "source": _SOURCE})
        parts.append(
            frame.select(
                pl.col("source").struct.field("partition"),
                pl.col("source").struct.field("offset"),
                pl.col("disposition").cast(pl.Categorical),
                pl.col("reason").cast(pl.Categorical),
                pl.struct(*_JUDGEMENT).struct.json_encode().hash(seed=0).alias("judgement"),
            )
        )
    if not parts:
        return pl.DataFrame(
            schema={
                "partition": pl.Int32,
                "offset": pl.Int64,
                "disposition": pl.Categorical,
                "reason": pl.Categorical,
                "judgement": pl.UInt64,
            }
        )
    return pl.concat(parts)


def tally(verdicts: pl.DataFrame) -> pl.DataFrame:
    """The number of verdicts by disposition and reason."""
    names = verdicts.with_columns(pl.col("disposition", "reason").cast(pl.String))
    return names.group_by("disposition", "reason").len("count").sort("disposition", "reason")


def check_verdicts(verdicts: pl.DataFrame, begin: Offsets, end: Offsets) -> list[str]:
    """Whether there is exactly one verdict for every claim in the given offsets; a list of what is wrong."""
    problems = []
    expected = sum(end[partition] - begin[partition] for partition in end)
    if verdicts.height != expected:
        problems.append(f"{verdicts.height:,} verdicts for {expected:,} claims")
    distinct = verdicts.select(pl.struct("partition", "offset").n_unique()).item()
    if distinct != verdicts.height:
        problems.append(f"{verdicts.height - distinct:,} claims were judged more than once")
    return problems


def compare_verdicts(verdicts: pl.DataFrame, reference: pl.DataFrame) -> list[str]:
    """Whether the verdicts are those of another contender, on the claims that both have judged; a list of what differs."""
    joined = verdicts.join(reference, on=["partition", "offset"], how="left", suffix="_reference")
    unknown = joined.filter(pl.col("judgement_reference").is_null()).height
    problems = [f"{unknown:,} verdicts on claims that the reference did not judge"] if unknown else []
    both = joined.filter(pl.col("judgement_reference").is_not_null()).with_columns(
        pl.col("disposition", "reason", "disposition_reference", "reason_reference").cast(pl.String)
    )
    other = both.filter(
        (pl.col("disposition") != pl.col("disposition_reference")) | (pl.col("reason") != pl.col("reason_reference"))
    )
    if other.height:
        shown = (
            other.group_by("disposition_reference", "reason_reference", "disposition", "reason")
            .len()
            .sort("len")
            .tail(5)
        )
        problems.append(f"{other.height:,} verdicts differ in disposition or reason: {shown.rows()}")
    details = both.filter(pl.col("judgement") != pl.col("judgement_reference")).height - other.height
    if details > 0:
        problems.append(f"{details:,} verdicts agree in disposition and reason but not in another field")
    return problems


@dataclass(frozen=True)
class Throughput:
    """One run of one contender over claims that were there before it started."""

    claims: int
    claims_per_second: float
    second_half: float
    first_commit_seconds: float
    cpu_us_per_claim: float
    resident_bytes: int


def measure_throughput(
    cluster: Cluster, contender: Contender, job: Job, begin: Offsets, end: Offsets, timeout: float
) -> Throughput:
    """Run a contender over the claims between two sets of offsets.

    The rate is taken from the first commit that was seen to the last: what lies before the first commit is start-up, and the
    claims of the first commit are not counted, since their work fell into it.

    Raises:
        ContenderError: when the contender dies.
        MeasurementError: when it is not done in time.
    """
    cluster.begin_at(job.group_id, CLAIMS, begin)
    base, total = sum(begin.values()), sum(end.values()) - sum(begin.values())
    seen: list[tuple[float, int]] = []
    with cluster.progress(job.group_id, CLAIMS) as progress, contender.start(job) as running:
        deadline = running.started + timeout
        cpu = 0.0
        while not seen or seen[-1][1] < total:
            running.check()
            now = time.monotonic()
            if now > deadline:
                done = seen[-1][1] if seen else 0
                raise MeasurementError(
                    f"{contender.name} finished {done:,} of {total:,} claims in {timeout:.0f} s:\n{running.log_tail()}"
                )
            done = progress.total() - base
            now = time.monotonic()
            if done > (seen[-1][1] if seen else 0):
                if not seen:
                    cpu = running.cpu_seconds()
                seen.append((now, done))
            time.sleep(_POLL_SECONDS)
        cpu, resident = running.cpu_seconds() - cpu, running.resident_bytes()
        started = running.started
    (first_time, first_done), (last_time, last_done) = seen[0], seen[-1]
    half = next(index for index, (_, done) in enumerate(seen) if done >= total / 2)
    half = min(half, max(len(seen) - 2, 0))
    return Throughput(
        claims=total,
        claims_per_second=_rate(first_time, first_done, last_time, last_done),
        second_half=_rate(*seen[half], last_time, last_done),
        first_commit_seconds=first_time - started,
        cpu_us_per_claim=cpu * 1e6 / (last_done - first_done) if last_done > first_done else float("nan"),
        resident_bytes=resident,
    )


def _rate(first_time: float, first_done: int, last_time: float, last_done: int) -> float:
    """Claims a second between two commits; not a number when they lie too close together to tell."""
    passed = last_time - first_time
    return (last_done - first_done) / passed if passed > _SHORTEST_SECONDS else float("nan")


@dataclass(frozen=True)
class Readiness:
    """How long a worker took to get ready, and its memory then."""

    seconds: float
    resident_bytes: int


def measure_readiness(contender: Contender, job: Job, timeout: float = 180.0) -> Readiness:
    """Start a contender, wait until it is ready, and read its memory."""
    with contender.start(job) as running:
        seconds = contender.await_ready(running, timeout)
        return Readiness(seconds, running.resident_bytes())
