"""Compares published standings with the fold of the event log: missing, unexpected or different ones, and wrong revisions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from pipeline.audit.events import File, Log, Owner
from pipeline.audit.findings import EVERY, Fault, Findings, Progress
from pipeline.kafka.reading import read_to_end
from pipeline.kafka.records import key, place
from pipeline.kinds import KINDS, says_nothing
from pipeline.settings.model import Settings
from rules.changes import diff
from rules.dossier import fold
from rules.events import Event
from rules.timeline import AnyTimeline, PhysicianTimeline
from rules.vocabulary import Standing
from topics.catalogue import TopicSpec
from topics.events.acceptance import OwnerKind

PART = "standings"

_MOST_DAYS = 5


@dataclass(slots=True)
class _Last:
    """The newest record of a key: where it stands, its bytes, its revision (None: a tombstone, or unreadable)."""

    partition: int
    offset: int
    value: bytes | None
    revision: int | None


@dataclass(slots=True)
class Published:
    """A standing topic as it was read."""

    last: dict[bytes, _Last] = field(default_factory=dict)
    records: int = 0


def read_standings(settings: Settings, findings: Findings, progress: Progress) -> dict[OwnerKind, Published]:
    """The newest record of every key of the standing topics. Raises ClusterError."""
    return {kind.name: _read(settings, kind.topic, findings, progress) for kind in KINDS.values()}


def audit_standings(standings: dict[OwnerKind, Published], log: Log, findings: Findings, progress: Progress) -> None:
    """Compares what was published with the log, which was read after it."""
    for kind in KINDS.values():
        published, topic = standings[kind.name], kind.topic
        same = waiting = 0
        expected = {owner: file for owner, file in log.files.items() if owner.kind == kind.name}
        for number, (owner, file) in enumerate(expected.items(), 1):
            name = f"{owner.region}|{owner.code}"
            last = published.last.pop(name.encode(), None)
            found = list(_compare(owner, file, last, log))
            if found and file.waiting:
                waiting += 1
            elif found:
                for problem, detail in found:
                    findings.differ(PART, problem, f"{topic.name} {name}", detail)
            else:
                same += 1
            if number % EVERY == 0:
                progress(f"dossiers of {topic.name}", number)
        for name_bytes, last in published.last.items():
            if last.value is not None:
                text = f"revision {last.revision} at {last.partition}/{last.offset}, and the log holds no event of it"
                findings.differ(PART, Fault.UNEXPECTED, f"{topic.name} {_text(name_bytes)}", text)
        findings.count(PART, topic.name, dossiers=len(expected), records=published.records, same=same, waiting=waiting)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


def _read(settings: Settings, topic: TopicSpec, findings: Findings, progress: Progress) -> Published:
    """The newest record of every key; revisions that go back are named on the way, as far as compaction left them."""
    published = Published()
    revision_of = msgspec.json.Decoder(_Revision).decode
    for message in read_to_end(settings, topic.name):
        published.records += 1
        if published.records % EVERY == 0:
            progress(topic.name, published.records)
        name, value = key(message) or b"", message.value()
        _, partition, offset = place(message)
        try:
            revision = None if value is None else revision_of(value).revision
        except Exception:  # a decoder may raise anything
            revision = None
        before = published.last.get(name)
        if before is not None:
            _in_order(before, _Last(partition, offset, value, revision), f"{topic.name} {_text(name)}", findings)
        published.last[name] = _Last(partition, offset, value, revision)
    return published


class _Revision(msgspec.Struct):
    revision: int


def _in_order(before: _Last, now: _Last, where: str, findings: Findings) -> None:
    if before.partition != now.partition:
        text = (
            f"stands in partitions {before.partition} and {now.partition}, so that nobody can tell which is the newest"
        )
        findings.differ(PART, Fault.TWO_PARTITIONS, where, text)
    elif before.revision is not None and now.revision is not None:
        if now.revision < before.revision:
            text = f"from {before.revision} at offset {before.offset} to {now.revision} at offset {now.offset}"
            findings.differ(PART, Fault.REVISION_WENT_BACK, where, text)
        elif now.revision == before.revision and now.value != before.value:
            text = f"revision {now.revision} says different things at offsets {before.offset} and {now.offset}"
            findings.differ(PART, Fault.REVISION_TWICE, where, text)


def _compare(owner: Owner, file: File, last: _Last | None, log: Log) -> Iterator[tuple[Fault, str]]:
    """What is wrong with the newest record of a dossier: (kind, detail)."""
    expected = _expected(owner, file.events, log)
    if last is None or last.value is None:
        if not says_nothing(expected):
            yield Fault.MISSING, f"{len(file.events)} events are recorded and nothing is published"
        return
    try:
        published: AnyTimeline = msgspec.json.decode(last.value, type=KINDS[owner.kind].timeline)
    except Exception as error:  # a decoder may raise anything
        yield Fault.UNREADABLE, str(error)
        return
    if last.partition != file.partition:
        yield Fault.WRONG_PARTITION, f"in partition {last.partition}, its events are in {file.partition}"
    expected = _as_told(expected, published)
    fields = _differing(published, expected)
    if fields:
        days = diff(published, expected)
        told = ", ".join(_days(start, end) for start, end in days[:_MOST_DAYS]) or "no day's outcome"
        more = f" and {len(days) - _MOST_DAYS} further" if len(days) > _MOST_DAYS else ""
        yield Fault.DIFFERENT, f"{', '.join(fields)} at revision {published.revision}; days: {told}{more}"
    if published.revision > len(file.events):
        yield (
            Fault.REVISION_AHEAD,
            f"revision {published.revision}, and {len(file.events)} distinct events are recorded",
        )
    elif not fields and published.revision < len(file.events):
        # The events come to the ledger in the order of the log, so its first ones made what was published.
        first = _expected(owner, file.events[: published.revision], log)
        if _differing(published, first):
            yield Fault.REVISION_WRONG, f"the first {published.revision} events of the log make another standing"


def _differing(one: AnyTimeline, other: AnyTimeline) -> list[str]:
    """The fields in which two timelines differ, but for the revision and what it changed."""
    return [
        name
        for name in one.__struct_fields__
        if name not in ("revision", "changed") and getattr(one, name) != getattr(other, name)
    ]


def _as_told(expected: AnyTimeline, published: AnyTimeline) -> AnyTimeline:
    """What is expected, in the words of the release that wrote it: earlier ones named no status without a registration."""
    if not isinstance(expected, PhysicianTimeline) or not isinstance(published, PhysicianTimeline):
        return expected
    if any(isinstance(span.status, Standing) for span in published.spans):
        return expected
    spans = tuple(msgspec.structs.replace(span, status=msgspec.UNSET) for span in expected.spans)
    return msgspec.structs.replace(expected, spans=spans)


def _expected(owner: Owner, events: list[Event], log: Log) -> AnyTimeline:
    return KINDS[owner.kind].follows(fold(events), log.packs, owner.region, owner.code)


def _days(start: dt.date | None, end: dt.date | None) -> str:
    return f"{start or '…'} to {end or '…'}" if start != end else str(start)
