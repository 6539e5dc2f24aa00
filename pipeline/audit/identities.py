"""Claims of one name against each other: the same once more is a repetition, a later version a correction, and another content
is a conflict that people must see (同号不同内容). The gate keeps no memory of claims, so that only the topic can tell.

Of each claim thirty bytes are kept, on disk; claims in conflict are read once more to be named. What a conflict says is which
fields differ and where the records lie, never whose they are.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import polars as pl
from confluent_kafka import Message

from pipeline.audit.findings import Fault, Findings, Progress
from pipeline.audit.rows import MOST_NAMED, OFFSETS, again
from pipeline.inputs.decode import decode_values
from pipeline.inputs.identity import KINDS, identities, repeated
from pipeline.kafka.records import place
from pipeline.settings.model import Settings
from topics.catalogue import CLAIMS
from topics.claims.codec import ClaimError, examine
from topics.claims.content import differing, name_of

PART = "claim_identities"
_AT_ONCE = 50_000
_BYTES_AT_ONCE = 64 << 20
_PLACES_TOLD = 5
_NAME = ["key", "check", "negative"]
"""A version of the other sign is the reversal of a claim, and settles nothing."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """What came more than once among so many claims: records that say the same once more, those that a later version replaces,
    conflicts that a later version has settled, and for each other conflict the places of its records."""

    claims: int
    repeated: int
    replaced: int
    settled: int
    conflicts: list[list[int]]


class Identities:
    """The identities of the claims of a topic, gathered while it is read; to be closed, since they are kept on disk."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="screening-audit-")
        self._files: list[Path] = []
        self._values: list[bytes | None] = []
        self._places: list[int] = []
        self._size = 0
        self.claims = 0

    def __enter__(self) -> Identities:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def take(self, partition: int, offset: int, value: bytes | None) -> None:
        """Takes a record; one that is no claim has no identity."""
        self._values.append(value)
        self._places.append(partition * OFFSETS + offset)
        self._size += len(value or b"")
        if len(self._values) == _AT_ONCE or self._size > _BYTES_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        if not self._values:
            return
        claims = decode_values(self._values).claims
        placed = claims.with_columns(row=pl.Series(self._places, dtype=pl.Int64).gather(claims["row"]))
        path = Path(self._folder.name) / f"{len(self._files)}.parquet"
        identities(placed, 0).write_parquet(path, compression="uncompressed")
        self._files.append(path)
        self.claims += claims.height
        self._values, self._places, self._size = [], [], 0

    def found(self) -> Repeated:
        """What comes more than once."""
        self._flush()
        rows = repeated(self._files)
        many = {kind: rows.filter(pl.col("kind") == kind)["row"] for kind in KINDS}
        conflicts, settled = self._conflicts(many["conflict"])
        return Repeated(self.claims, len(many["duplicate"]), len(many["replaced"]), settled, conflicts)

    def _conflicts(self, rows: pl.Series) -> tuple[list[list[int]], int]:
        """The rows of each name in conflict, and how many others a later version has settled."""
        if rows.is_empty():
            return [], 0
        kept = pl.scan_parquet(self._files)
        ours = kept.filter(pl.col("row").is_in(rows.implode())).collect()
        groups = ours.group_by(*_NAME, "version").agg(pl.col("row").sort())
        versions = kept.join(ours.lazy().select(_NAME).unique(), on=_NAME, how="semi").select(*_NAME, "version")
        last = versions.group_by(_NAME).agg(pl.col("version").max().alias("last")).collect()
        standing = groups.join(last, on=_NAME).filter(pl.col("version") == pl.col("last"))
        return sorted(standing["row"].to_list()), groups.height - standing.height


def tell_repeated(found: Repeated, settings: Settings, findings: Findings, progress: Progress) -> None:
    """Names each conflict that no later version has settled, and counts the rest. Raises ClusterError."""
    named = found.conflicts[:MOST_NAMED]
    records = again(settings, CLAIMS.name, _number, {row for rows in named for row in rows}, progress)
    for rows in named:
        where = ", ".join(f"{CLAIMS.name}/{row // OFFSETS}/{row % OFFSETS}" for row in rows[:_PLACES_TOLD])
        more = f" and {len(rows) - _PLACES_TOLD:,} further" if len(rows) > _PLACES_TOLD else ""
        findings.differ(
            PART, Fault.CONFLICT, where + more, told([records[row][0].value for row in rows if row in records])
        )
    for _ in found.conflicts[MOST_NAMED:]:
        findings.differ(PART, Fault.CONFLICT, CLAIMS.name, "one more, of too many to be named")
    findings.count(
        PART, CLAIMS.name, claims=found.claims, repeated=found.repeated, replaced=found.replaced,
        settled=found.settled, conflicts=len(found.conflicts),
    )  # fmt: skip


def told(values: list[bytes | None]) -> str:
    """A conflict in words: the claim's name and the fields in which its records differ."""
    try:
        claims = [examine(value) for value in values]
    except ClaimError:
        claims = []
    if len(claims) < 2:
        return "records of one claim with different content, which have expired since they were read"
    area, institution, claim_id, version = name_of(claims[0])
    fields = dict.fromkeys(field for claim in claims[1:] for field in differing(claims[0], claim))
    return f"{claim_id} version {version} of {institution} in {area}: {', '.join(fields)} differ"


def _number(message: Message) -> int:
    _, partition, offset = place(message)
    return partition * OFFSETS + offset
