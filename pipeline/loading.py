"""Files into Kafka: claims, physician events, standings, from NDJSON (.gz too), CSV and Parquet.

Every line is checked against its contract before it is sent. A bad one is reported with its number and does not stop the
rest, unless asked to be strict.
"""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec
import polars as pl
from pydantic import ValidationError

from pipeline.kafka.partitioner import standing_partition
from pipeline.kafka.producing import Sender
from pipeline.settings.model import Settings
from pipeline.settings.packs import load_pack_set
from rules.packs.pack import PackError, PackSet
from rules.timeline import InstitutionTimeline, PhysicianTimeline, check_order
from topics.catalogue import (
    CLAIMS,
    INSTITUTION_STANDING,
    MAX_RECORD_BYTES,
    PHYSICIAN_EVENTS,
    PHYSICIAN_STANDING,
    TopicSpec,
)
from topics.claims.codec import check_shape, decode_claims
from topics.events.acceptance import Refused, accept
from topics.messages import InstitutionStandingMessage, PhysicianStanding

Kind = Literal["claims", "events", "standing"]

_CHUNK = 20_000
_NDJSON = (".ndjson", ".jsonl", ".json")
_SUFFIXES = {*_NDJSON, ".gz", ".csv", ".parquet"}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class LoadError(ValueError):
    """A file that cannot be loaded, or not to its end; the message says why. `sent` lines were sent before that."""

    sent = 0


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was not sent: its number (counted from 1, a CSV's header included) and what is wrong."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class _Checked:
    records: list[tuple[TopicSpec, bytes, bytes]]
    bad: list[BadLine]


@dataclass(slots=True)
class Loaded:
    """What became of a file."""

    lines: int = 0
    sent: int = 0
    bad: int = 0
    refused: int = 0
    reasons: tuple[str, ...] = ()
    """What the brokers said of records that they refused, each once."""


def load_file(
    path: Path,
    kind: Kind,
    settings: Settings,
    *,
    strict: bool,
    report: Callable[[BadLine], None],
    progress: Callable[[Loaded], None],
) -> Loaded:
    """Sends a file's lines to the topic of their kind.

    With `strict` nothing of a chunk that has a bad line is sent, and LoadError stops the run. Raises LoadError for a file
    that cannot be read and ClusterError when the brokers do not answer.
    """
    senders: dict[str, Sender] = {}
    loaded = Loaded()
    try:
        _send_all(path, kind, settings, senders, loaded, strict=strict, report=report, progress=progress)
    except LoadError as error:
        for sender in senders.values():
            sender.finish()
        error.sent = sum(sender.delivered for sender in senders.values())
        raise
    for sender in senders.values():
        sender.finish()
    loaded.sent = sum(sender.delivered for sender in senders.values())
    failed = [reason for sender in senders.values() for reason in sender.failed]
    loaded.refused, loaded.reasons = len(failed), tuple(dict.fromkeys(failed))
    progress(loaded)
    return loaded


def _send_all(
    path: Path,
    kind: Kind,
    settings: Settings,
    senders: dict[str, Sender],
    loaded: Loaded,
    *,
    strict: bool,
    report: Callable[[BadLine], None],
    progress: Callable[[Loaded], None],
) -> None:
    check = _checker(kind, settings)
    for first, lines in read_lines(path, kind):
        checked = check(first, lines)
        loaded.lines += len(lines)
        loaded.bad += len(checked.bad)
        for bad in checked.bad:
            report(bad)
            if strict:
                raise LoadError(f"{path}: line {bad.number}: {bad.reason}; stopped, as --strict asks")
        for spec, records in itertools.groupby(checked.records, key=lambda record: record[0]):
            sender = senders.get(spec.name)
            if sender is None:
                sender = senders[spec.name] = Sender(settings, spec.name, MAX_RECORD_BYTES)
            for partition, placed in _placed(spec, records, sender.partitions).items():
                sender.send(placed, partition)
        loaded.sent = sum(sender.delivered for sender in senders.values())
        progress(loaded)


def _checker(kind: Kind, settings: Settings) -> Callable[[int, list[bytes]], _Checked]:
    if kind != "events":
        return _check_claims if kind == "claims" else _check_standing
    try:
        packs = load_pack_set(settings.packs_dir, settings.packs_on)
    except PackError as error:
        raise LoadError(f"events are held against the rule packs, which cannot be used: {error}") from error
    return partial(check_events, packs=packs)


def _placed(
    spec: TopicSpec, records: Iterable[tuple[TopicSpec, bytes, bytes]], partitions: int
) -> dict[int | None, list[dict[str, Any]]]:
    """Records by the partition that they must go to; None leaves it to the key."""
    kept = spec in (PHYSICIAN_STANDING, INSTITUTION_STANDING)
    placed: dict[int | None, list[dict[str, Any]]] = {}
    for _, key, value in records:
        partition = standing_partition(key, partitions) if kept else None
        placed.setdefault(partition, []).append({"key": key, "value": value})
    return placed


# -- reading ------------------------------------------------------------------------------------------------------


def read_lines(path: Path, kind: Kind = "claims") -> Iterator[tuple[int, list[bytes]]]:
    """Chunks of JSON lines with the number of the first. Raises LoadError."""
    if not path.exists():
        raise LoadError(f"{path}: no such file")
    suffixes = path.suffixes[-2:]
    if not {*suffixes[-1:]} <= _SUFFIXES:
        raise LoadError(f"{path}: unknown format; load NDJSON ({', '.join(_NDJSON)}; .gz too), .csv or .parquet")
    try:
        if suffixes[-1:] == [".parquet"]:
            yield from _numbered(_frame_lines(pl.scan_parquet(path), kind), first=1)
        elif suffixes[-1:] == [".csv"] or suffixes == [".csv", ".gz"]:
            yield from _numbered(_frame_lines(pl.scan_csv(path, infer_schema=False), kind), first=2)
        elif suffixes[-1:] == [".gz"]:
            with gzip.open(path, "rb") as stream:
                yield from _numbered(_stream_lines(stream), first=1)
        else:
            with path.open("rb") as stream:
                yield from _numbered(_stream_lines(stream), first=1)
    except (pl.exceptions.PolarsError, OSError, EOFError) as error:
        raise LoadError(f"{path}: cannot be read as {''.join(suffixes) or 'NDJSON'}: {error}") from error


def _stream_lines(stream: Iterable[bytes]) -> Iterator[list[bytes]]:
    source = iter(stream)
    mark = _BYTE_ORDER_MARK
    while lines := list(itertools.islice(source, _CHUNK)):
        lines[0] = lines[0].removeprefix(mark)
        mark = b""
        yield [line.rstrip(b"\r\n") for line in lines]


def _frame_lines(frame: pl.LazyFrame, kind: Kind) -> Iterator[list[bytes]]:
    if kind != "claims":
        raise LoadError("events and standings have nested fields; load them from NDJSON (.ndjson, .ndjson.gz)")
    columns = frame.collect_schema()
    shaped = [_json_type(name, dtype) for name, dtype in columns.items()]
    total = int(frame.select(pl.len()).collect().item())
    for start in range(0, total, _CHUNK):
        chunk = frame.slice(start, _CHUNK).select(shaped).collect()
        documents = chunk.select(pl.struct(pl.all()).struct.json_encode()).to_series().to_list()
        yield [document.encode() for document in documents]


def _json_type(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column in the contract's own JSON type: money as a decimal string, versions as numbers, empty text as null."""
    column = pl.col(name)
    if name == "claim_version":
        return column.cast(pl.Int64, strict=False)  # what is no number becomes null, and the check names the line
    if dtype == pl.String and name in {"physician_code", "service_start"}:
        return pl.when(column != "").then(column).alias(name)
    if dtype.is_float():
        return column.round(2).cast(pl.Decimal(38, 2)).cast(pl.String)
    if dtype.is_temporal() and dtype != pl.Date:
        zoned = column if getattr(dtype, "time_zone", None) else column.dt.replace_time_zone("Asia/Shanghai")
        return zoned.dt.to_string("%Y-%m-%dT%H:%M:%S%.3f%:z")
    if dtype.is_nested() or dtype == pl.Boolean:
        return column
    return column.cast(pl.String)


def _numbered(chunks: Iterator[list[bytes]], first: int) -> Iterator[tuple[int, list[bytes]]]:
    for chunk in chunks:
        yield first, chunk
        first += len(chunk)


# -- checking -----------------------------------------------------------------------------------------------------


def _check_claims(first: int, lines: list[bytes]) -> _Checked:
    decoded = decode_claims(lines)
    bad = [BadLine(first + row, str(error)) for row, error in decoded.errors if lines[row].strip()]
    claims = decoded.claims.select("row", "claim_id").iter_rows()
    return _Checked([(CLAIMS, claim_id.encode(), lines[row]) for row, claim_id in claims], bad)


def _check_each(
    first: int, lines: list[bytes], read: Callable[[dict[str, Any], bytes], tuple[TopicSpec, str]]
) -> _Checked:
    checked = _Checked([], [])
    for number, line in enumerate(lines, first):
        if not line.strip():
            continue
        try:
            spec, key = read(check_shape(line), line)
        except ValidationError as error:
            problem = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(str(part) for part in problem["loc"])
            checked.bad.append(BadLine(number, f"{place}: {problem['msg']}"))
        except ValueError as error:
            checked.bad.append(BadLine(number, str(error)))
        else:
            checked.records.append((spec, key.encode(), line))
    return checked


def check_events(first: int, lines: list[bytes], packs: PackSet) -> _Checked:
    """Holds lines of a file against the one acceptance; blank ones are passed over."""
    checked = _Checked([], [])
    for number, line in enumerate(lines, first):
        if not line.strip():
            continue
        found = accept(line, packs)
        if isinstance(found, Refused):
            checked.bad.append(BadLine(number, f"{found.code}: {found.reason}"))
        else:
            checked.records.append((PHYSICIAN_EVENTS, found.code.encode(), line))
    return checked


def _check_standing(first: int, lines: list[bytes]) -> _Checked:
    def read(fields: dict[str, Any], line: bytes) -> tuple[TopicSpec, str]:
        if "physician_code" in fields:
            physician = PhysicianStanding.model_validate(fields)
            timeline = msgspec.json.decode(line, type=PhysicianTimeline)
            check_order(timeline.spans, "spans")
            check_order(timeline.contested or (), "contested")
            return PHYSICIAN_STANDING, f"{physician.region}|{physician.physician_code}"
        institution = InstitutionStandingMessage.model_validate(fields)
        check_order(msgspec.json.decode(line, type=InstitutionTimeline).spans, "spans")
        return INSTITUTION_STANDING, f"{institution.region}|{institution.institution_code}"

    return _check_each(first, lines, read)
