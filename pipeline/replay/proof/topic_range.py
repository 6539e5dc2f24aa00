"""A stretch of a topic by offsets: what was asked for, what that is in this log, and its records in order."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass

from confluent_kafka import Consumer, Message, TopicPartition

from pipeline.kafka.offsets import PartitionOffsets, asking, offsets_of
from pipeline.kafka.reading import TOOLS_GROUP, tool_consumer, up_to_end
from pipeline.kafka.records import place
from pipeline.replay.errors import RangeError
from pipeline.settings.model import Settings

Ranges = dict[int, tuple[int, int]]
"""By partition the first offset, and the first that is beyond the range."""

Offsets = dict[int, int] | int | None
"""An offset for each partition named, one for all, or none asked for."""

_TIMEOUT_S = 30.0
_PAIR = re.compile(r"^\s*([0-9]+)\s*:\s*([0-9]+)\s*$")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A range as it was asked for: offsets or times (aware); ends are exclusive. Nothing asked for is the log's own end."""

    from_offsets: Offsets = None
    to_offsets: Offsets = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None

    def as_json(self) -> dict[str, object]:
        """The request as run.json tells it."""
        return {
            "from_offsets": _plain(self.from_offsets),
            "to_offsets": _plain(self.to_offsets),
            "since": None if self.since is None else self.since.isoformat(),
            "until": None if self.until is None else self.until.isoformat(),
        }


def _plain(offsets: Offsets) -> object:
    return {str(number): at for number, at in sorted(offsets.items())} if isinstance(offsets, dict) else offsets


def parse_offsets(text: str) -> dict[int, int] | int:
    """`250` or `0:100,1:250`. Raises RangeError."""
    if text.strip().isdecimal():
        return int(text)
    found: dict[int, int] = {}
    for part in text.split(","):
        pair = _PAIR.match(part)
        if pair is None:
            raise RangeError(
                f"{text!r}: expected one offset for all partitions, such as 250, or one a partition: 0:100,1:250"
            )
        if int(pair[1]) in found:
            raise RangeError(f"{text!r}: partition {pair[1]} stands twice")
        found[int(pair[1])] = int(pair[2])
    return found


def parse_time(text: str) -> dt.datetime:
    """An RFC 3339 time with its offset from UTC. Raises RangeError."""
    try:
        moment = dt.datetime.fromisoformat(text.strip().upper())
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise RangeError(f"{text!r}: expected a time with its offset from UTC, such as 2026-11-01T00:00:00+08:00")
    return moment


# -- where a range lies -------------------------------------------------------------------------------------------


def whole(settings: Settings, topic: str) -> Ranges:
    """Everything of a topic that is committed now. Raises ClusterError."""
    with asking(settings, TOOLS_GROUP) as consumer:
        return {number: (item.low, item.high) for number, item in offsets_of(consumer, settings, topic).items()}


def since(settings: Settings, topic: str, instant_ms: int) -> Ranges:
    """The records of a topic written from an instant (milliseconds since 1970 UTC) on, up to the end as of now."""
    with asking(settings, TOOLS_GROUP) as consumer:
        log = offsets_of(consumer, settings, topic)
        begins = _at(consumer, topic, log, instant_ms)
        return {number: (begins[number], item.high) for number, item in log.items()}


def resolve(settings: Settings, topic: str, wanted: Wanted) -> Ranges:
    """What was asked for as offsets of this log, fixed as of now.

    Without an end, what the workers' group has judged is the end; where it has judged nothing, the end of the log. Raises
    RangeError for offsets that the log does not hold, ClusterError when it cannot be asked.
    """
    with asking(settings, settings.group_id) as consumer:
        log = offsets_of(consumer, settings, topic, committed=True)
        named = _named(topic, log, wanted)
        first = None if wanted.since is None else _at(consumer, topic, log, _ms(wanted.since))
        last = None if wanted.until is None else _at(consumer, topic, log, _ms(wanted.until))
    answer = {}
    for number in named:
        item = log[number]
        begin = first[number] if first is not None else _bound(topic, number, item, wanted.from_offsets, item.low)
        judged = item.high if item.committed is None else max(item.low, min(item.committed, item.high))
        end = last[number] if last is not None else _bound(topic, number, item, wanted.to_offsets, judged)
        if end < begin and isinstance(wanted.to_offsets, dict):
            raise RangeError(f"{topic}/{number}: the range would end at offset {end:,}, before its begin at {begin:,}")
        answer[number] = (begin, max(begin, end))
    if not any(end > begin for begin, end in answer.values()):
        raise RangeError(f"{topic}: no record lies in this range; the log holds {_told(log)}")
    return answer


def _ms(moment: dt.datetime) -> int:
    passed = moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return (passed.days * 86_400 + passed.seconds) * 1_000 + -(-passed.microseconds // 1_000)


def _at(consumer: Consumer, topic: str, log: dict[int, PartitionOffsets], instant_ms: int) -> dict[int, int]:
    """By partition the first offset whose record is not older than the instant; the end where none is."""
    asked = [TopicPartition(topic, number, instant_ms) for number in log]
    found = {item.partition: item.offset for item in consumer.offsets_for_times(asked, timeout=_TIMEOUT_S)}
    return {
        number: item.high if found[number] < 0 else max(item.low, min(found[number], item.high))
        for number, item in log.items()
    }


def _named(topic: str, log: dict[int, PartitionOffsets], wanted: Wanted) -> list[int]:
    maps = [offsets for offsets in (wanted.from_offsets, wanted.to_offsets) if isinstance(offsets, dict)]
    if len(maps) == 2 and maps[0].keys() != maps[1].keys():
        raise RangeError("--from-offsets and --to-offsets name different partitions; name the same in both")
    named = sorted(maps[0]) if maps else sorted(log)
    unknown = [number for number in named if number not in log]
    if unknown:
        raise RangeError(f"{topic} has no partition {unknown[0]}; the log holds {_told(log)}")
    return named


def _bound(topic: str, number: int, offsets: PartitionOffsets, asked: Offsets, default: int) -> int:
    if asked is None:
        return default
    if isinstance(asked, int):
        return max(offsets.low, min(asked, offsets.high))
    if offsets.low <= asked[number] <= offsets.high:
        return asked[number]
    raise RangeError(
        f"{topic}/{number}: offset {asked[number]:,} is not there; the log holds {offsets.low:,} up to {offsets.high:,}"
    )


def _told(log: dict[int, PartitionOffsets]) -> str:
    return ", ".join(f"{number}:{item.low}-{item.high}" for number, item in sorted(log.items()))


# -- reading ------------------------------------------------------------------------------------------------------


def read_range(settings: Settings, topic: str, ranges: Ranges) -> Iterator[Message]:
    """The committed records of a range, one partition after the other, each in the log's order. Raises ClusterError."""
    consumer = tool_consumer(settings, "error")
    try:
        for number, (begin, end) in sorted(ranges.items()):
            if begin < end:
                for batch in up_to_end(consumer, topic, {number: begin}):
                    yield from (message for message in batch.records if place(message)[2] < end)
                    if batch.next_offset.get(number, begin) >= end:
                        break
    finally:
        consumer.close()
