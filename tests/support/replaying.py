"""Replays for tests: the product's sample as files, a run without the command line, and its verdicts in the wire's form."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from pipeline.inputs.mapping import CONTRACT, load_mapping
from pipeline.replay.progress import Progress
from pipeline.replay.report.cases import FILE
from pipeline.replay.run.engine import Job, replay
from pipeline.sample import claims, register_events, roster
from pipeline.settings.packs import load_pack_set
from rules.events import Event, encode
from rules.timeline import PhysicianTimeline
from topics.claims.codec import decode_claims

SEED = 11
PHYSICIANS = 300


@cache
def _roster() -> list[PhysicianTimeline]:
    """The standings behind the sample, which take longer than its claims."""
    return roster(SEED, PHYSICIANS)


def sample_claims(count: int, broken_share: float = 0.0) -> list[bytes]:
    """Claims of the product's sample, those that cannot stand in a file left out."""
    made = claims(SEED, count, _roster(), broken_share=broken_share)
    return [
        value for _, value in made if value is not None and b"\n" not in value and b"\r" not in value and value.strip()
    ]


def sample_events(*, late: bool = False) -> list[Event]:
    """The register's events behind the sample; `late`, each recorded up to a year after its day."""
    chance = random.Random(SEED)
    events = list(register_events(SEED, PHYSICIANS))
    if not late:
        return events
    return [_later(event, timedelta(minutes=chance.randrange(365 * 24 * 60))) for event in events]


def _later(event: Event, delay: timedelta) -> Event:
    assert event.recorded_at is not None
    return msgspec.structs.replace(event, recorded_at=event.recorded_at + delay)


def write_lines(path: Path, lines: Iterable[bytes]) -> Path:
    """Writes lines; a name that ends in .gz is packed."""
    data = b"".join(line + b"\n" for line in lines)
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


def write_events(path: Path, events: Sequence[Event]) -> Path:
    """Writes events as on the wire."""
    return write_lines(path, map(encode, events))


def frame_of(values: Sequence[bytes]) -> pl.DataFrame:
    """Claims as a table of text, as a source has them; values that are no claims left out."""
    kept = [values[row] for row in decode_claims(list(values)).claims["row"]]
    fields = [msgspec.json.decode(value) for value in kept]
    names = load_mapping(CONTRACT).fields
    columns = [name for name in names if name not in ("drug", "staff_category")]
    return pl.DataFrame(
        [{name: item.get(name, 1 if name == "claim_version" else None) for name in columns} for item in fields]
    )


def job(folder: Path, claims_file: Path | str, events_file: Path, **changes: Any) -> Job:
    """A job with the shipped packs and the contract's mapping."""
    plain = Job(str(claims_file), events_file, folder, load_mapping(CONTRACT), load_pack_set())
    return replace(plain, **changes)


def run(folder: Path, claims_file: Path | str, events_file: Path, **changes: Any) -> dict[str, Any]:
    """A replay, silent; its record."""
    return replay(job(folder, claims_file, events_file, **changes), Progress())


def verdicts(folder: Path) -> pl.DataFrame:
    """All verdicts of a replay, in the order of the input."""
    return pl.concat([pl.read_parquet(path) for path in sorted((folder / "verdicts").glob("*.parquet"))])


def on_the_wire(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Verdicts in the wire's form, `source` and `screened_at` apart; money with two decimals."""
    rows = []
    for row in frame.drop(
        "source_row", "settlement_time", "settlement_month", "ruling", "evidence", "people"
    ).iter_rows(named=True):
        period = row["penalty_period"]
        row["penalty_period"] = period and [_iso(period["from"]), _iso(period["to"])]
        row["service_date"] = row["service_date"].isoformat()
        row["fund_amount"] = str(row["fund_amount"])
        rows.append(row)
    return rows


def two_decimals(verdict: dict[str, Any]) -> dict[str, Any]:
    """A verdict of the wire with its money as replay writes it."""
    return verdict | {"fund_amount": f"{Decimal(verdict['fund_amount']):.2f}"}


def _iso(day: Any) -> str | None:
    return None if day is None else day.isoformat()


def hashes(folder: Path) -> dict[str, str]:
    """Digest of every file of a replay that must not depend on when and how fast it ran."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "timing.json"]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def replayed_sample(folder: Path, values: Sequence[bytes]) -> Path:
    """The folder of a replay of claims and of the sample's events."""
    claims = write_lines(folder / "claims.ndjson.gz", values)
    run(folder / "out", claims, write_events(folder / "events.ndjson", sample_events()))
    return folder / "out"


def written_cases(folder: Path) -> list[dict]:
    """The cases that a replay has written."""
    with gzip.open(folder / FILE, "rb") as stream:
        return [json.loads(line) for line in stream]
