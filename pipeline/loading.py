"""Loads files into Kafka: claims from every format and mapping that a replay reads, and events and standings as on the wire.

Every record is checked against its contract before it is sent. A bad one is reported with its line and does not stop the
rest, unless asked to be strict. Of a claim that stands in what is loaded more than once with the same content one is sent.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
from pydantic import ValidationError

from pipeline.inputs.encodings import Encoding
from pipeline.inputs.errors import InputError, MappingError
from pipeline.inputs.files import find_inputs
from pipeline.inputs.identity import identities, repeated
from pipeline.inputs.mapping import Mapping
from pipeline.inputs.records import read_records
from pipeline.inputs.registers import EventMapping, MadeEvent, events_of
from pipeline.inputs.rows import read_table
from pipeline.inputs.same_ids import EventIds
from pipeline.inputs.slicing import Cut, Notice, Prepared
from pipeline.inputs.sources import open_inputs, slices
from pipeline.kafka.partitioner import standing_partition
from pipeline.kafka.producing import Sender
from pipeline.kinds import kind_of_fields
from pipeline.settings.model import Settings
from pipeline.settings.packs import load_pack_set
from rules.events import Event
from rules.packs.pack import PackError
from rules.packs.pack_set import PackSet
from rules.timeline import AnyTimeline, PhysicianTimeline, check_order
from topics.catalogue import (
    CLAIMS,
    MAX_RECORD_BYTES,
    PHYSICIAN_EVENTS,
    STANDING_TOPICS,
    TopicSpec,
)
from topics.claims.codec import check_shape
from topics.dead_letters import Code
from topics.events.acceptance import Accepted, Refused, accept, read_event

Kind = Literal["claims", "events", "standing", "messages"]

_CHUNK = 20_000
_CUT = Cut(rows=_CHUNK, lines=_CHUNK, size=4 << 20)


class LoadError(ValueError):
    """A file that cannot be loaded, or not to its end; the message says why. `sent` records were sent before that."""

    sent = 0


@dataclass(frozen=True, slots=True)
class BadLine:
    """A record that was not sent: its file and line (counted from 1, a CSV's header included) and what is wrong."""

    number: int
    reason: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """Some lines of what is loaded: the records to send (topic, key, value), and what is wrong with others. `lines` that were
    counted as they were read are not among these."""

    records: list[tuple[TopicSpec, bytes, bytes]]
    bad: list[BadLine]
    lines: int = 0
    duplicates: int = 0


@dataclass(slots=True)
class Loaded:
    """What became of the files. `lines` are all but headers, `blank` among them hold nothing and `continued` carry a record on;
    `further` are rows beyond the first of a document. So lines and further are blank, continued, sent, bad, duplicates and
    refused. `conflicts` were sent, but others have the same identity (of events: event_id) and another content."""

    lines: int = 0
    sent: int = 0
    bad: int = 0
    refused: int = 0
    duplicates: int = 0
    conflicts: int = 0
    blank: int = 0
    continued: int = 0
    further: int = 0
    reasons: tuple[str, ...] = ()
    """What the brokers said of records that they refused, each once."""
    notices: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Source:
    """What is loaded: a file, or for claims also a folder or pattern, under a mapping and perhaps in an encoding that is
    known."""

    place: str
    kind: Kind
    mapping: Mapping | EventMapping
    encoding: Encoding | None = None


def load_file(
    source: Source,
    settings: Settings,
    *,
    strict: bool,
    report: Callable[[BadLine], None],
    progress: Callable[[Loaded], None],
    tell: Callable[[Notice], None] = lambda _notice: None,
) -> Loaded:
    """Sends the records of files to the topic of their kind. `tell` is told what people should know before anything is sent.

    With `strict` nothing of a chunk that has a bad line is sent, and LoadError stops the run. Raises LoadError for a file
    that cannot be read and ClusterError when the brokers do not answer.
    """
    loaded = Loaded()
    chunks = _checked(source, settings, loaded, strict=strict, tell=tell)
    send_checked(chunks, settings, loaded, strict=strict, report=report, progress=progress)
    return loaded


def send_checked(
    chunks: Iterable[Checked],
    settings: Settings,
    loaded: Loaded,
    *,
    strict: bool,
    report: Callable[[BadLine], None],
    progress: Callable[[Loaded], None],
) -> None:
    """Sends the records of chunks as they come, and counts them in `loaded`. As `load_file` otherwise."""
    senders: dict[str, Sender] = {}
    try:
        _send_all(chunks, settings, senders, loaded, strict=strict, report=report, progress=progress)
    except (LoadError, InputError) as error:
        for sender in senders.values():
            sender.finish()
        failed = error if isinstance(error, LoadError) else LoadError(str(error))
        failed.sent = sum(sender.delivered for sender in senders.values())
        raise failed from None
    for sender in senders.values():
        sender.finish()
    loaded.sent = sum(sender.delivered for sender in senders.values())
    refused = [reason for sender in senders.values() for reason in sender.failed]
    loaded.refused, loaded.reasons = len(refused), tuple(dict.fromkeys(refused))
    progress(loaded)


def _send_all(
    chunks: Iterable[Checked],
    settings: Settings,
    senders: dict[str, Sender],
    loaded: Loaded,
    *,
    strict: bool,
    report: Callable[[BadLine], None],
    progress: Callable[[Loaded], None],
) -> None:
    for checked in chunks:
        loaded.lines += checked.lines
        loaded.bad += len(checked.bad)
        loaded.duplicates += checked.duplicates
        for bad in checked.bad:
            report(bad)
            if strict:
                where = f"{bad.file}: " if bad.file else ""
                raise LoadError(f"{where}line {bad.number}: {bad.reason}; stopped, as --strict asks")
        for spec, records in itertools.groupby(checked.records, key=lambda record: record[0]):
            sender = senders.get(spec.name)
            if sender is None:
                sender = senders[spec.name] = Sender(settings, spec.name, MAX_RECORD_BYTES)
            for partition, placed in _placed(spec, records, sender.partitions).items():
                sender.send(placed, partition)
        loaded.sent = sum(sender.delivered for sender in senders.values())
        progress(loaded)


def _placed(
    spec: TopicSpec, records: Iterable[tuple[TopicSpec, bytes, bytes]], partitions: int
) -> dict[int | None, list[dict[str, Any]]]:
    """Records by the partition that they must go to; None leaves it to the key."""
    kept = spec in STANDING_TOPICS
    placed: dict[int | None, list[dict[str, Any]]] = {}
    for _, key, value in records:
        partition = standing_partition(key, partitions) if kept else None
        placed.setdefault(partition, []).append({"key": key, "value": value})
    return placed


# -- checking -----------------------------------------------------------------------------------------------------


def _checked(
    source: Source, settings: Settings, loaded: Loaded, *, strict: bool, tell: Callable[[Notice], None]
) -> Iterator[Checked]:
    if isinstance(source.mapping, EventMapping):
        yield from mapped_events(source.place, source.mapping, source.encoding, _packs(settings), loaded, tell)
        return
    if source.kind == "claims":
        prepared = open_inputs(source.place, source.mapping, source.encoding)
        for notice in prepared.notices:
            tell(notice)
            loaded.notices.append(str(notice))
        doubts = [str(notice) for notice in prepared.notices if notice.doubt]
        if strict and doubts:
            raise LoadError("\n".join([*doubts, "stopped, as --strict asks"]))
        yield from checked_claims(prepared, source.mapping, loaded)
        return
    packs = _packs(settings) if source.kind == "events" else None
    if packs is not None:
        _tell_same_ids(Path(source.place), loaded, strict=strict, tell=tell)
    records = read_records(Path(source.place))
    while chunk := list(itertools.islice(records, _CHUNK)):
        lines = [line for _, line in chunk]
        loaded.blank += sum(not line.strip() for line in lines)
        # Records follow each other, so that the first number gives all of them.
        first = chunk[0][0]
        yield check_events(first, lines, packs) if packs is not None else _check_standings(first, lines)


def _tell_same_ids(path: Path, loaded: Loaded, *, strict: bool, tell: Callable[[Notice], None]) -> None:
    """Finds two contents under one event_id before anything is sent. Both are sent, so that the ledger tells of them, too."""
    ids = EventIds()
    for number, line in read_records(path):
        event = read_event(line) if line.strip() else None
        if isinstance(event, Event):
            ids.add(number, event)
    found = ids.same()
    loaded.conflicts = found.events
    if found.ids:
        notice = Notice(path.name, str(found), doubt=True)
        if strict:
            raise LoadError(f"{notice}; stopped, as --strict asks")
        tell(notice)
        loaded.notices.append(str(notice))


def _packs(settings: Settings) -> PackSet:
    try:
        return load_pack_set(settings.packs_dir, settings.packs_on, with_subjects=True)
    except PackError as error:
        raise LoadError(f"events are held against the rule packs, which cannot be used: {error}") from error


def checked_claims(prepared: Prepared, mapping: Mapping, loaded: Loaded) -> Iterator[Checked]:
    """The claims of the files, a stretch of lines at a time: what is to be sent, and the lines that are no claims.

    What is left out is counted in `loaded`: blank lines, lines that go on, and claims that come more than once.
    """
    duplicates = _duplicates(prepared, mapping, loaded)
    several = len(prepared.files) > 1
    for piece in slices(prepared.files, mapping, _CUT):
        decoded = piece.decode()
        bad = [
            BadLine(piece.line_of(item.row), f"{item.kind}: {item.problem}", piece.file if several else "")
            for item in decoded.rejected
        ]
        rows = decoded.claims.select("row", "claim_id").iter_rows()
        records = [
            (CLAIMS, claim_id.encode(), value)
            for (row, claim_id), value in zip(rows, decoded.records(), strict=True)
            if piece.first_row + row not in duplicates
        ]
        loaded.blank += piece.lines.blank
        loaded.continued += piece.lines.continued
        loaded.further += piece.lines.further
        left_out = decoded.claims.height - len(records)
        yield Checked(records, bad, piece.lines.lines - piece.lines.header, left_out)


def _duplicates(prepared: Prepared, mapping: Mapping, loaded: Loaded) -> frozenset[int]:
    """Rows that say once more what an earlier one says; they are read before anything is sent. A later version is a record of its
    own, and of a conflict both are sent, so that it is seen where claims are judged."""
    with tempfile.TemporaryDirectory(prefix="screening-load-") as folder:
        kept = []
        for piece in slices(prepared.files, mapping):
            path = Path(folder) / f"{piece.number}.parquet"
            identities(piece.decode().claims, piece.first_row).write_parquet(path, compression="uncompressed")
            kept.append(path)
        found = repeated(kept)
    loaded.conflicts = int((found["kind"] == "conflict").sum())
    return frozenset(found.filter(found["kind"] == "duplicate")["row"])


def mapped_events(
    place: str,
    mapping: EventMapping,
    encoding: Encoding | None,
    packs: PackSet,
    loaded: Loaded,
    tell: Callable[[Notice], None] = lambda _notice: None,
) -> Iterator[Checked]:
    """The events that the rows of registers and rosters become, each held against the one acceptance."""
    files = find_inputs(place).files
    tables = [
        read_table(file, mapping.columns, encoding=encoding, paths=mapping.rows, sheet=mapping.sheet) for file in files
    ]
    for file, table in zip(files, tables, strict=True):
        for text in table.told:
            tell(Notice(file.name, text))
            loaded.notices.append(f"{file.name}: {text}")
    absent = {
        f"{file.name}: {told}": None
        for file, table in zip(files, tables, strict=True)
        for told in (mapping.absent(table.columns) if table.rows else ())
    }
    if absent:
        raise MappingError(tuple(absent))
    for file, table in zip(files, tables, strict=True):
        checked = Checked([], [], table.lines.lines - table.lines.header)
        name = file.name if len(files) > 1 else ""
        loaded.blank += table.lines.blank
        loaded.continued += table.lines.continued
        loaded.further += table.lines.further
        for row in table.rows:
            made = list(events_of(mapping, row, frozenset((*table.columns, *mapping.columns))))
            records, outside, wrong = _as_records(made, packs)
            if wrong:
                # A line counts as a whole or not at all: half of what it says is something else than it says.
                checked.bad.append(BadLine(row.line, "; ".join(wrong), name))
                continue
            # A row may become several events, or none where it meets no condition.
            loaded.further += len(made) - 1
            checked.records.extend(records)
            checked.bad.extend(BadLine(row.line, reason, name) for reason in outside)
        yield checked


def _as_records(
    made: Iterable[MadeEvent], packs: PackSet
) -> tuple[list[tuple[TopicSpec, bytes, bytes]], list[str], list[str]]:
    """The records of the events that a row becomes; of which events the law of the region knows nothing, which is no fault of the
    row; and what is wrong with the row, each once."""
    records: list[tuple[TopicSpec, bytes, bytes]] = []
    outside: list[str] = []
    wrong: dict[str, None] = {}
    for item in made:
        found = None if item.problem is not None else accept(item.value, packs)
        if isinstance(found, Accepted):
            records.append((PHYSICIAN_EVENTS, found.code.encode(), item.value))
        elif found is not None and found.code is Code.OUTSIDE_SCHEME:
            outside.append(f"{found.code}: {found.reason}")
        else:
            wrong[(item.problem or "") if found is None else f"{found.code}: {found.reason}"] = None
    return records, outside, list(wrong)


def check_events(first: int, lines: list[bytes], packs: PackSet) -> Checked:
    """Holds lines of a file against the one acceptance; blank ones are passed over."""
    checked = Checked([], [], len(lines))
    for number, line in enumerate(lines, first):
        if not line.strip():
            continue
        found = accept(line, packs)
        if isinstance(found, Refused):
            checked.bad.append(BadLine(number, f"{found.code}: {found.reason}"))
        else:
            checked.records.append((PHYSICIAN_EVENTS, found.code.encode(), line))
    return checked


def _check_standings(first: int, lines: list[bytes]) -> Checked:
    checked = Checked([], [], len(lines))
    for number, line in enumerate(lines, first):
        if not line.strip():
            continue
        try:
            spec, key = _standing(check_shape(line), line)
        except ValidationError as error:
            problem = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(str(part) for part in problem["loc"])
            checked.bad.append(BadLine(number, f"{place}: {problem['msg']}"))
        except ValueError as error:
            checked.bad.append(BadLine(number, str(error)))
        else:
            checked.records.append((spec, key.encode(), line))
    return checked


def _standing(fields: dict[str, Any], line: bytes) -> tuple[TopicSpec, str]:
    kind = kind_of_fields(fields)
    assert kind.topic.model is not None  # every standing has one
    kind.topic.model.model_validate(fields)
    timeline: AnyTimeline = msgspec.json.decode(line, type=kind.timeline)
    check_order(timeline.spans, "spans")
    if isinstance(timeline, PhysicianTimeline):
        check_order(timeline.contested or (), "contested")
    return kind.topic, kind.key(timeline)
