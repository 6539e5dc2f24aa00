"""Compares claims with verdicts and dead letters: every judged offset must have exactly one outcome, whatever was killed.

One byte an offset: its highest bit says that a record stands there, the others count its outcomes.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pipeline.audit.findings import EVERY, Fault, Findings, Progress, ranges, told
from pipeline.audit.identities import Identities, tell_repeated
from pipeline.kafka.diagnostics import ClusterError
from pipeline.kafka.offsets import Noted, PartitionOffsets, ends, group_offsets, topic_id
from pipeline.kafka.reading import read_to_end
from pipeline.kafka.records import headers, place
from pipeline.settings.model import Settings
from topics.catalogue import CLAIM_VERDICTS, CLAIMS, CLAIMS_DEAD_LETTER
from topics.dead_letters import opened

PART = "claims"
_PRESENT = 0x80
_COUNT = 0x7F

Marks = npt.NDArray[np.uint8]


class _Source(msgspec.Struct):
    topic: str
    partition: int
    offset: int
    topic_id: str | None = None


class _Judged(msgspec.Struct):
    source: _Source


_verdict = msgspec.json.Decoder(_Judged).decode


class Ledger:
    """What stands at every offset of the claims log that is still there, and what came of it."""

    def __init__(
        self, offsets: dict[int, PartitionOffsets], topic: str | None = None, open_ends: dict[int, int] | None = None
    ) -> None:
        """`topic` is the id of the topic of today (None: not told); `open_ends` where partitions end for who reads everything."""
        self.offsets = offsets
        self.topic = topic
        self.open_ends = open_ends or {}
        self.marks: dict[int, Marks] = {
            number: np.zeros(max(0, item.high - item.low), np.uint8) for number, item in offsets.items()
        }
        self.verdicts = dict.fromkeys(offsets, 0)
        self.letters = dict.fromkeys(offsets, 0)
        self.elsewhere = dict.fromkeys(offsets, 0)
        """Outcomes of records of another topic of the same name, made before this one; by the partition that they name."""
        self.furthest = dict.fromkeys(offsets, -1)
        self.since: dict[int, int] = {}
        """When the first claim that waits came, in ms since 1970 UTC, of each partition in which one waits."""

    def of_another_topic(self, partition: int) -> bool:
        """Whether the group's offset was written for a topic of the same name that is no more."""
        noted = self.noted(partition).topic
        return bool(noted) and self.topic is not None and noted != self.topic

    def noted(self, partition: int) -> Noted:
        """What the group wrote beside its offset."""
        return Noted.read(self.offsets[partition].noted)

    def committed(self, partition: int) -> int | None:
        """How far the group has come in the topic of today."""
        return None if self.of_another_topic(partition) else self.offsets[partition].committed

    def record(self, partition: int, offset: int, stamp_ms: int = 0) -> None:
        """A claim stands here. `stamp_ms` is the time that the brokers gave it, in ms since 1970 UTC; 0 where they gave none."""
        if stamp_ms > 0 and offset >= (self.committed(partition) or 0):
            self.since.setdefault(partition, stamp_ms)
        where = offset - self.offsets[partition].low
        if 0 <= where < len(self.marks[partition]):
            self.marks[partition][where] |= _PRESENT

    def outcome(self, partition: int, offset: int) -> bool | None:
        """An outcome names this offset. None: it has expired, or came after the audit began; False: there is no such place."""
        marks = self.marks.get(partition)
        if marks is None or offset < 0:
            return False
        self.furthest[partition] = max(self.furthest[partition], offset)
        where = offset - self.offsets[partition].low
        if not 0 <= where < len(marks):
            return None
        if marks[where] & _COUNT < _COUNT:
            marks[where] += 1
        return True


def audit_claims(settings: Settings, findings: Findings, progress: Progress) -> None:
    """Balances the topics of the gate, and holds claims of one name against each other. Raises ClusterError.

    Judged is what the workers' group has committed; it is asked for first, so that a gate at work is no difference: its
    outcomes and its offsets become visible together.
    """
    ledger = _asked(settings)
    with Identities() as identities:
        for number, message in enumerate(read_to_end(settings, CLAIMS.name), 1):
            _, partition, offset = place(message)
            if partition in ledger.offsets:
                ledger.record(partition, offset, message.timestamp()[1])
            identities.take(partition, offset, message.value())
            _tell(progress, CLAIMS.name, number)
        several = identities.found()
    _verdicts(settings, ledger, findings, progress)
    _letters(settings, ledger, findings, progress)
    later = group_offsets(settings, CLAIMS.name, settings.group_id)
    for partition in sorted(ledger.offsets):
        balance(partition, ledger, findings)
        _beyond(partition, ledger, later[partition].high, findings)
    tell_repeated(several, settings, findings, progress)


def _asked(settings: Settings) -> Ledger:
    """What the brokers say before anything is read: how far the group has come, in which topic, and what is hidden."""
    offsets = group_offsets(settings, CLAIMS.name, settings.group_id)
    admin = AdminClient(settings.client())
    try:
        open_ends = ends(admin, [(CLAIMS.name, number) for number in offsets], committed=False)
        made = topic_id(admin, CLAIMS.name)
    except (KafkaException, TimeoutError) as error:
        raise ClusterError(f"{settings.bootstrap_servers} does not tell the ends of {CLAIMS.name}: {error}") from error
    return Ledger(offsets, made, {number: end for (_, number), end in open_ends.items()})


def _tell(progress: Progress, topic: str, number: int) -> None:
    if number % EVERY == 0:
        progress(topic, number)


def _verdicts(settings: Settings, ledger: Ledger, findings: Findings, progress: Progress) -> None:
    name = CLAIM_VERDICTS.prefixed(settings.output_prefix).name
    for number, message in enumerate(read_to_end(settings, name), 1):
        _, partition, offset = place(message)
        where = f"{name}/{partition}/{offset}"
        try:
            source = _verdict(message.value() or b"").source
        except Exception as error:  # a decoder may raise anything
            findings.differ(PART, Fault.UNREADABLE_VERDICT, where, str(error))
            continue
        if _note(source.topic, source.topic_id, source.partition, source.offset, where, ledger, findings):
            ledger.verdicts[source.partition] += 1
        _tell(progress, name, number)


def _letters(settings: Settings, ledger: Ledger, findings: Findings, progress: Progress) -> None:
    name = CLAIMS_DEAD_LETTER.prefixed(settings.output_prefix).name
    for number, message in enumerate(read_to_end(settings, name), 1):
        _, partition, offset = place(message)
        where = f"{name}/{partition}/{offset}"
        source = opened(headers(message))
        if source is None:
            findings.differ(PART, Fault.UNREADABLE_DEAD_LETTER, where, "its headers name no source record")
        elif _note(source.topic, source.topic_id, source.partition, source.offset, where, ledger, findings):
            ledger.letters[source.partition] += 1
        _tell(progress, name, number)


def _note(
    topic: str, topic_id: str | None, partition: int, offset: int, where: str, ledger: Ledger, findings: Findings
) -> bool:
    """Counts an outcome; says whether it belongs to the part of the log that is compared."""
    if topic == CLAIMS.name and topic_id is not None and ledger.topic not in (None, topic_id):
        ledger.elsewhere[partition] = ledger.elsewhere.get(partition, 0) + 1
        return False
    noted = ledger.outcome(partition, offset) if topic == CLAIMS.name else False
    if noted is False:
        findings.differ(
            PART,
            Fault.FOREIGN_OUTCOME,
            where,
            f"names {topic}/{partition}/{offset}, which is no place of a claim",
        )
    return bool(noted)


def balance(partition: int, ledger: Ledger, findings: Findings) -> None:
    """Holds one partition's claims against their outcomes."""
    offsets, marks, committed = ledger.offsets[partition], ledger.marks[partition], ledger.committed(partition)
    judged = 0 if committed is None else max(0, min(committed, offsets.high) - offsets.low)
    present, counts = (marks & _PRESENT) != 0, marks & _COUNT
    cases = (
        (Fault.MISSING, (present & (counts == 0))[:judged], "judged, and neither verdict nor dead letter"),
        (Fault.DOUBLED, counts > 1, "more than one verdict or dead letter"),
        (Fault.INVENTED, ~present & (counts > 0), "a verdict or dead letter, and no claim stands there"),
    )
    for kind, wrong, text in cases:
        found = np.flatnonzero(wrong)
        if found.size:
            spans = ranges(int(number) + offsets.low for number in found)
            findings.differ(PART, kind, f"{CLAIMS.name}/{partition} offsets {told(spans)}", f"{found.size:,} {text}")
    findings.count(
        PART,
        f"partition {partition}",
        claims=int(np.count_nonzero(present[:judged])),
        verdicts=ledger.verdicts[partition],
        dead_letters=ledger.letters[partition],
        waiting=int(np.count_nonzero((present & (counts == 0))[judged:])),
        **_not_judged(partition, ledger, int(np.count_nonzero(present)), findings),
    )
    if partition in ledger.since:
        findings.wait(PART, ledger.since[partition])
    if offsets.low:
        findings.notes.append(
            f"{CLAIMS.name}/{partition}: compared from offset {offsets.low:,} on; older claims have expired"
        )


def _not_judged(partition: int, ledger: Ledger, present: int, findings: Findings) -> dict[str, int]:
    """Each further kind of claims that nobody has judged, by its own name; the loss of some is a difference."""
    offsets, where = ledger.offsets[partition], f"{CLAIMS.name}/{partition}"
    hidden = max(0, ledger.open_ends.get(partition, offsets.high) - offsets.high)
    if hidden:
        findings.notes.append(
            f"{where}: {hidden:,} offsets from {offsets.high:,} on wait behind an open transaction of a sender"
        )
    other = present if ledger.of_another_topic(partition) else 0
    if other:
        text = f"the workers' offset {offsets.committed} is of a topic made before; {other:,} claims of this one wait for them"
        findings.differ(PART, Fault.OTHER_TOPIC, where, text)
    committed = ledger.committed(partition)
    ahead = 0 if committed is None else max(0, offsets.low - committed)
    if ahead:
        span = f"{where} offsets {told([(offsets.low - ahead, offsets.low - 1)])}"
        findings.differ(PART, Fault.EXPIRED_UNREAD, span, f"{ahead:,} offsets have expired before they were judged")
    passed = 0 if committed is None else ledger.noted(partition).expired
    if passed:
        findings.notes.append(f"{where}: {passed:,} offsets expired unread before the workers went on behind them")
    elsewhere = ledger.elsewhere[partition]
    if elsewhere:
        findings.notes.append(f"{where}: {elsewhere:,} outcomes answer claims of a topic made before, and are left out")
    return {
        "behind_open_transaction": hidden,
        "expired_unread": ahead + passed,
        "of_another_topic": other,
        "outcomes_of_another_topic": elsewhere,
    }


def _beyond(partition: int, ledger: Ledger, end: int, findings: Findings) -> None:
    """Outcomes and offsets that cannot be: beyond the end of a log that was cut or made anew, or one without the other."""
    where, committed = f"{CLAIMS.name}/{partition}", ledger.offsets[partition].committed
    outcomes = ledger.verdicts[partition] + ledger.letters[partition]
    if committed is None and outcomes:
        text = f"{outcomes:,} outcomes, and the workers' group has committed nothing; check SCREENING_GROUP_ID"
        findings.differ(PART, Fault.UNCOMMITTED, where, text)
    if ledger.furthest[partition] >= end:
        findings.differ(
            PART,
            Fault.INVENTED,
            where,
            f"outcomes up to offset {ledger.furthest[partition]:,}, the log ends at {end:,}",
        )
    if committed is not None and committed > end and not ledger.of_another_topic(partition):
        findings.differ(PART, Fault.BEYOND_END, where, f"judged up to offset {committed:,}, the log ends at {end:,}")
