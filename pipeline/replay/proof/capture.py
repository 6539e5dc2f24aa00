"""A range of the topic of claims and all that was recorded of it, copied into the replay's folder.

1 the range is fixed by offsets and noted, 2 the claims are copied as received, 3 the verdicts and dead letters that name them,
4 the events. What is copied does not change afterwards: the replay itself reads these files alone, and can be done again without
Kafka. A copy that was interrupted is made again, of the same range.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message

from pipeline.inputs.files import InputFile, fingerprint
from pipeline.kafka.partitioner import partition_of
from pipeline.kafka.records import headers, key, place
from pipeline.replay.errors import ReplayError
from pipeline.replay.files import write_json
from pipeline.replay.output import EVENTS_SCHEMA, INPUT_SCHEMA, RECORDED_SCHEMA
from pipeline.replay.progress import Progress
from pipeline.replay.proof.spooling import Recorder, Spool
from pipeline.replay.proof.topic_range import Ranges, Wanted, read_range, resolve, since, whole
from pipeline.settings.model import Settings
from topics.catalogue import (
    CLAIM_VERDICTS,
    CLAIMS,
    CLAIMS_DEAD_LETTER,
    DAY_MS,
    PHYSICIAN_EVENTS,
    PHYSICIAN_EVENTS_DEAD_LETTER,
)
from topics.dead_letters import opened
from topics.events.acceptance import Refused, owner_code, read_event

NOTE = "capture.json"
INPUT, RECORDED, EVENTS = "input", "recorded", "events.parquet"

_EARLIER_MS = DAY_MS
"""Outcomes are looked for from so long before the range's earliest claim on: the clocks of senders and gates may differ."""

_TELL_EVERY = 5_000


@dataclass(frozen=True, slots=True)
class Part:
    """A file of claims: one partition's records from offset `first` up to, not including, `end`."""

    partition: int
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Captured:
    """A copied range. `record` is what run.json tells of it; `events` is None when they come from elsewhere."""

    root: Path
    parts: dict[str, Part]
    inputs: tuple[InputFile, ...]
    events: Path | None
    record: dict[str, Any]

    def recorded(self) -> pl.LazyFrame:
        """The recorded outcomes, as RECORDED_SCHEMA."""
        files = sorted((self.root / RECORDED).glob("*.parquet"))
        return pl.scan_parquet(files) if files else pl.LazyFrame(schema=RECORDED_SCHEMA)


def capture(
    root: Path, settings: Settings, wanted: Wanted, *, with_events: bool, resume: bool, progress: Progress
) -> Captured:
    """Copies a range, or takes up the copy that is there. Raises RangeError, ClusterError, and ReplayError for another folder."""
    note = root / NOTE
    asked = {"topic": CLAIMS.name, **wanted.as_json(), "events_copied": with_events}
    found = _noted(root, asked, resume=resume)
    if found is None:
        # 1 the range
        ranges = resolve(settings, CLAIMS.name, wanted)
        root.mkdir(parents=True, exist_ok=True)
        found = {"asked": asked, "ranges": {str(number): list(ends) for number, ends in ranges.items()}, "parts": None}
        write_json(note, found)
    if found["parts"] is None:
        _remove(root, INPUT, RECORDED)
        found = _copy(root, settings, found, progress, with_events=with_events)
        write_json(note, found)
    parts = {name: Part(*item) for name, item in found["parts"].items()}
    inputs = tuple(
        InputFile(root / INPUT / name, name, "records", (root / INPUT / name).stat().st_size) for name in parts
    )
    record = {name: item for name, item in found.items() if name != "parts"}
    return Captured(root, parts, inputs, root / INPUT / EVENTS if with_events else None, record)


def _noted(root: Path, asked: dict[str, Any], *, resume: bool) -> dict[str, Any] | None:
    note = root / NOTE
    if not note.exists():
        names = {path.name for path in root.iterdir()} if root.exists() else set()
        if names and (resume or not names & {"run.json", ".replay"}):
            raise ReplayError(f"{root}: is not empty and holds no replay of a topic; give another --out")
        return None
    if not resume:
        _remove(root, INPUT, RECORDED, NOTE)
        return None
    found: dict[str, Any] = json.loads(note.read_text("utf-8"))
    different = [name for name in asked if found["asked"].get(name) != asked[name]]
    if different:
        raise ReplayError(
            f"{root}: holds another range of {CLAIMS.name}, which differs in {', '.join(different)}; "
            "give another --out, or --no-resume to replace it"
        )
    return found


def _remove(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _copy(
    root: Path, settings: Settings, found: dict[str, Any], progress: Progress, *, with_events: bool
) -> dict[str, Any]:
    ranges: Ranges = {int(number): (ends[0], ends[1]) for number, ends in found["ranges"].items()}
    # 2 the claims
    parts, records, earliest = _copy_claims(root / INPUT, settings, ranges, progress)
    # 3 what was recorded of them
    recorded = Recorder(root / RECORDED, ranges, len(whole(settings, PHYSICIAN_EVENTS.name)))
    for spec, take in ((CLAIM_VERDICTS, recorded.verdict), (CLAIMS_DEAD_LETTER, recorded.dead_letter)):
        name = spec.prefixed(settings.output_prefix).name
        places = whole(settings, name) if earliest is None else since(settings, name, earliest - _EARLIER_MS)
        for message in _told(settings, name, places, progress):
            take(message)
    recorded.spool.flush()
    # 4 the events
    events = _copy_events(root / INPUT, settings, progress) if with_events else None
    return {
        **found,
        "records": records,
        "recorded": recorded.counts,
        "events": events,
        "sha256": {file.name: fingerprint(file) for file in sorted((root / RECORDED).glob("*.parquet"))},
        "parts": {name: [part.partition, part.first, part.end] for name, part in parts.items()},
    }


def _told(settings: Settings, topic: str, places: Ranges, progress: Progress) -> Iterator[Message]:
    """The records of a topic, and how far the reading is."""
    total = sum(end - begin for begin, end in places.values())
    for number, message in enumerate(read_range(settings, topic, places), 1):
        if number % _TELL_EVERY == 0:
            progress.copied(topic, number, total)
        yield message
    progress.copied(topic, total, total)


# -- claims -------------------------------------------------------------------------------------------------------


def _copy_claims(
    folder: Path, settings: Settings, ranges: Ranges, progress: Progress
) -> tuple[dict[str, Part], int, int | None]:
    """The files with their places, how many records there are, and the earliest timestamp (None: one has none)."""
    spool = Spool(folder, "claims", INPUT_SCHEMA)
    ends: list[tuple[int, int]] = []
    records = 0
    earliest: int | None = None
    last = (-1, -1)
    for message in _told(settings, CLAIMS.name, ranges, progress):
        _, partition, offset = place(message)
        if last[0] not in (-1, partition):
            spool.flush()
        if len(spool.files) > len(ends):
            ends.append(last)
        kind, instant = message.timestamp()
        stamp = None if kind == TIMESTAMP_NOT_AVAILABLE else instant
        earliest = stamp if not records else _earlier(earliest, stamp)
        value = message.value()
        spool.add((partition, offset, stamp, key(message), value), len(value or b"") + 64)
        records, last = records + 1, (partition, offset)
    spool.flush()
    if len(spool.files) > len(ends):
        ends.append(last)
    return _places(spool.files, ends, ranges), records, earliest


def _earlier(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else min(one, other)


def _places(files: list[Path], ends: list[tuple[int, int]], ranges: Ranges) -> dict[str, Part]:
    """Each file with the offsets that it answers for: together those of one partition cover its whole range."""
    parts: dict[str, Part] = {}
    begins = {number: begin for number, (begin, _) in ranges.items()}
    for number, (path, (partition, offset)) in enumerate(zip(files, ends, strict=True)):
        final = number + 1 == len(ends) or ends[number + 1][0] != partition
        end = ranges[partition][1] if final else offset + 1
        parts[path.name] = Part(partition, begins[partition], end)
        begins[partition] = end
    return parts


# -- events -------------------------------------------------------------------------------------------------------


def _copy_events(folder: Path, settings: Settings, progress: Progress) -> dict[str, Any]:
    """Copies the events in the order in which each physician's arrived; returns what run.json tells of them.

    What the control plane has set aside is left out. A record in another partition than its code's is forwarded by the control
    plane and counts where it arrives; it is put last, where it adds nothing once its copy is there.
    """
    name, letters = PHYSICIAN_EVENTS.name, PHYSICIAN_EVENTS_DEAD_LETTER.name
    # The events first: what is set aside of them is known by the time that the dead letters are read.
    ranges = whole(settings, name)
    named = (opened(headers(message)) for message in _told(settings, letters, whole(settings, letters), progress))
    refused = {(item.partition, item.offset) for item in named if item is not None and item.topic == name}
    placed, elsewhere = Spool(folder, ".events", EVENTS_SCHEMA), Spool(folder, ".misplaced", EVENTS_SCHEMA)
    counts = {"records": 0, "refused": 0, "misplaced": 0}
    for message in _told(settings, name, ranges, progress):
        _, partition, offset = place(message)
        counts["records"] += 1
        if (partition, offset) in refused:
            counts["refused"] += 1
            continue
        value = message.value() or b""
        right = _belongs(value, partition, len(ranges))
        counts["misplaced"] += not right
        (placed if right else elsewhere).add(
            (partition, offset if right else None, message.timestamp()[1] * 1_000, value), len(value) + 64
        )
    placed.flush()
    elsewhere.flush()
    files = [*placed.files, *elsewhere.files]
    every = pl.concat([pl.scan_parquet(file) for file in files]) if files else pl.LazyFrame(schema=EVENTS_SCHEMA)
    folder.mkdir(parents=True, exist_ok=True)
    every.sink_parquet(folder / EVENTS, compression="zstd", maintain_order=True)
    for file in files:
        file.unlink()
    return {"topic": name, "ranges": {str(number): list(ends) for number, ends in ranges.items()}, **counts}


def _belongs(value: bytes, partition: int, partitions: int) -> bool:
    event = read_event(value)
    return isinstance(event, Refused) or partition_of(owner_code(event).encode(), partitions) == partition
