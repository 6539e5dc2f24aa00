"""Where to go on in a partition of claims: from the group's offset, or else from what was answered already.

An offset is written with the id of the topic that it belongs to, so that one of an earlier topic of the same name is known
for what it is. Where there is none, as after it has expired, the outcomes tell: each names the record that it answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer

from pipeline.kafka.offsets import GroupOffsets, Noted
from pipeline.kafka.reading import first_record, read_to_end
from pipeline.kafka.records import headers
from pipeline.screening.events import CommittedOffsetNotUsed, StartTakenFromOutcomes
from pipeline.settings.model import Settings
from pipeline.telemetry.events import Teller
from pipeline.telemetry.gate_metrics import GateMetrics
from pipeline.telemetry.logs import logger
from topics.catalogue import CLAIM_VERDICTS, CLAIMS, CLAIMS_DEAD_LETTER, DAY_MS
from topics.dead_letters import opened

_ASK_TIMEOUT_S = 5.0


class _Source(msgspec.Struct):
    topic: str
    partition: int
    offset: int
    topic_id: str | None = None


class _Sourced(msgspec.Struct):
    source: _Source


_sourced = msgspec.json.Decoder(_Sourced).decode


class Start(NamedTuple):
    """Where to go on in a partition; `expired` offsets before it were never judged, `newly` of them since the last commit."""

    offset: int
    expired: int = 0
    newly: int = 0


class Positions:
    """Answers where to go on. Belongs to the reading thread."""

    def __init__(self, settings: Settings, consumer: Consumer, metrics: GateMetrics) -> None:
        self._settings = settings
        self._group = GroupOffsets(settings, settings.group_id, consumer)
        self._teller = Teller(logger(component="positions"), metrics)

    def starts(self, partitions: Iterable[int], topic_id: str | None) -> dict[int, Start]:
        """Where to go on in each partition. Raises KafkaException, or ClusterError, while the brokers cannot tell."""
        found: dict[int, Start] = {}
        unknown: dict[int, tuple[int, int]] = {}
        for committed, low, high in self._group.ask(CLAIMS.name, partitions, _ASK_TIMEOUT_S):
            noted = Noted.read(committed.metadata or "")
            other = bool(noted.topic) and topic_id is not None and noted.topic != topic_id
            if other or committed.offset > high:
                self._teller.tell(CommittedOffsetNotUsed(committed.partition, committed.offset))
            if other:
                found[committed.partition] = Start(low)
            elif committed.offset < 0 or committed.offset > high:
                unknown[committed.partition] = (low, high)
            else:
                gone = max(0, low - committed.offset)
                found[committed.partition] = Start(committed.offset + gone, noted.expired + gone, gone)
        after = self._after_outcomes(unknown, topic_id)
        return found | {partition: Start(offset) for partition, offset in after.items()}

    def _after_outcomes(self, partitions: dict[int, tuple[int, int]], topic_id: str | None) -> dict[int, int]:
        """Behind the last record of each partition that has an outcome; its first record where none has."""
        starts = {partition: low for partition, (low, _) in partitions.items()}
        filled = {partition: ends for partition, ends in partitions.items() if ends[0] < ends[1]}
        group = self._settings.group_id
        firsts = [first_record(self._settings, CLAIMS.name, number, low, group) for number, (low, _) in filled.items()]
        stamps = [
            stamp if kind == TIMESTAMP_LOG_APPEND_TIME else stamp - DAY_MS
            for kind, stamp in (message.timestamp() for message in firsts if message is not None)
        ]
        if not stamps:
            return starts
        # What was written before the first record that is still there answers records that are gone, or of an earlier topic.
        since = max(0, min(stamps))
        prefix = self._settings.output_prefix
        for message in read_to_end(self._settings, CLAIM_VERDICTS.prefixed(prefix).name, since_ms=since, group=group):
            try:
                source = _sourced(message.value() or b"").source
            except msgspec.MsgspecError:
                continue  # no verdict of ours
            if topic_id is None or source.topic_id in (None, topic_id):
                self._answered(starts, filled, source.topic, source.partition, source.offset)
        for message in read_to_end(
            self._settings, CLAIMS_DEAD_LETTER.prefixed(prefix).name, since_ms=since, group=group
        ):
            letter = opened(headers(message))
            if letter is not None and (topic_id is None or letter.topic_id in (None, topic_id)):
                self._answered(starts, filled, letter.topic, letter.partition, letter.offset)
        went_on = {number: start for number, start in starts.items() if start > partitions[number][0]}
        if went_on:
            self._teller.tell(StartTakenFromOutcomes({str(number): start for number, start in went_on.items()}))
        return starts

    @staticmethod
    def _answered(
        starts: dict[int, int], partitions: dict[int, tuple[int, int]], topic: str, partition: int, offset: int
    ) -> None:
        if topic == CLAIMS.name and partition in partitions and offset < partitions[partition][1]:
            starts[partition] = max(starts[partition], offset + 1)
