"""The flagged cases of a replay in the contract of the topic `claim-cases`: as NDJSON, and sent to the topic.

A case of a replay has no place in a topic and no time of screening: its source is `replay`, partition 0, at the row of the input,
and it was screened and opened at the claim's settlement. That is when a gate would first have met the claim, and unlike the
time of the export it is the same whenever the cases are written: the same replay gives the same bytes.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from pipeline.kafka.producing import Sender
from pipeline.replay.sums import existing
from pipeline.settings.model import Settings
from pipeline.whole_files import whole_file
from rules.packs.pack_set import PackSet
from rules.screens.verdict import Screen
from rules.vocabulary import Disposition
from topics.catalogue import CLAIM_CASES, REPLAY_SOURCE
from topics.verdicts.codec import VerdictCodec, facts_of
from topics.verdicts.shape import on_the_wire

FILE = "cases.ndjson.gz"
_ROWS = 100_000
_BATCH = 10_000
_FLAGGED = [item.value for item in Disposition if item.opens_case]


@dataclass(frozen=True, slots=True)
class Published:
    """What the brokers took of the cases, and what they refused and why."""

    delivered: int
    refused: tuple[str, ...]


def write_cases(folder: Path, packs: PackSet, progress: Callable[[int], None] = lambda _cases: None) -> int:
    """Writes every reject and review of the replay in `folder` to `cases.ndjson.gz`, in the order of the input; returns how many.

    `packs` are those of the replay's (first) rule set. Raises FiguresError when the folder holds no replay.
    """
    existing(folder / "verdicts")
    written = 0
    place = folder / FILE
    with whole_file(place) as stream:
        for made in cases(folder, packs):
            for case in made:
                stream.write(bytes(case["value"]) + b"\n")
            written += len(made)
            progress(written)
    return written


def cases(folder: Path, packs: PackSet) -> Iterator[list[dict[str, Any]]]:
    """The cases as records {"key", "value"}, some at a time, in the order of the input."""
    codec = VerdictCodec(Screen(packs))
    for part in sorted((folder / "verdicts").glob("*.parquet")):
        flagged = pl.scan_parquet(part).filter(pl.col("disposition").is_in(_FLAGGED)).collect()
        for rows in flagged.iter_slices(_ROWS):
            yield _made(rows, codec)


def _made(rows: pl.DataFrame, codec: VerdictCodec) -> list[dict[str, Any]]:
    times = rows["settlement_time"].dt.to_string("%Y-%m-%dT%H:%M:%S%.f%:z")
    verdicts = rows.select(on_the_wire(rows))
    partition = pl.Series([0], dtype=pl.Int32).new_from_index(0, rows.height)
    rulings = rows["ruling"].to_numpy()
    documents = codec.documents(verdicts, rulings, REPLAY_SOURCE, partition, rows["source_row"], times)
    evidence = [tuple(causes or ()) for causes in rows["evidence"].to_list()]
    people = rows["people"].to_list() if "people" in rows.columns else None
    made = codec.cases(
        facts_of(verdicts), rows["ruling"], documents, evidence, opened_at=times.to_list(), people=people
    )
    return list(made)


def publish_cases(
    folder: Path, settings: Settings, progress: Callable[[int], None] = lambda _delivered: None
) -> Published:
    """Sends the cases that `write_cases` wrote to the topic of cases, keyed by case id.

    Control opens a case once, whatever the number of records with its id, so that sending again does no harm. Raises
    ClusterError when the brokers do not answer, FiguresError when no cases were written.
    """
    spec = CLAIM_CASES.prefixed(settings.output_prefix)
    sender = Sender(settings, spec.name, spec.max_record_bytes)
    with gzip.open(existing(folder / FILE), "rb") as stream:
        while lines := [line.rstrip(b"\n") for line in islice(stream, _BATCH)]:
            sender.send([{"key": _case_id(line), "value": line} for line in lines])
            progress(sender.delivered)
    sender.finish(progress)
    return Published(sender.delivered, tuple(sender.failed))


class _Key(msgspec.Struct):
    case_id: str


_key = msgspec.json.Decoder(_Key)


def _case_id(line: bytes) -> bytes:
    return _key.decode(line).case_id.encode()
