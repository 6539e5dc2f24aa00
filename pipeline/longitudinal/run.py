"""One run of the checks over time: claims of files or of the archive in, cases out as one file.

The same claims, verdicts and facts give the same bytes, in whatever order the claims stand. A run after a late, corrected or
reversed claim computes everything anew; against the cases of the run before it tells which are new, changed, or hold no more.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.inputs.errors import InputError
from pipeline.inputs.mapping import Mapping
from pipeline.inputs.records import read_records
from pipeline.inputs.slicing import Notice
from pipeline.inputs.sources import open_inputs, slices
from pipeline.inputs.verdicts import Judged
from pipeline.longitudinal.reading import past_claim, with_verdict
from rules.longitudinal.checking import Checks, differing, record
from rules.longitudinal.claims import PastClaim
from topics.verdicts.codec import case_id


@dataclass(slots=True)
class Read:
    """What was read: the claims, and how many rows are none, or are not settled yet because the gate has said nothing of them."""

    claims: list[PastClaim] = field(default_factory=list)
    rows: int = 0
    not_claims: int = 0
    not_judged: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """The cases in order, what could not be examined by what it needs, and what changed since the run before."""

    cases: list[dict[str, Any]]
    counted: int
    not_examined: Counter[str]
    changes: Counter[str]


def read_claims(wanted: str, mapping: Mapping, judged: Judged | None, tell: Callable[[Notice], None]) -> Read:
    """All claims of a file, folder, pattern or archive. Raises InputError or MappingError."""
    prepared = open_inputs(wanted, mapping)
    for notice in prepared.notices:
        tell(notice)
    read = Read()
    for piece in slices(prepared.files, mapping):
        decoded = piece.decode()
        read.rows += decoded.rows
        read.not_claims += len(decoded.rejected)
        for value in decoded.records():
            claim: PastClaim | None = past_claim(value)
            if claim is not None and judged is not None and claim.reverses is None:
                claim = with_verdict(claim, judged)
            if claim is None:
                read.not_judged += 1
            else:
                read.claims.append(claim)
    return read


def examine(claims: Iterable[PastClaim], checks: Checks, before: Iterable[dict[str, Any]] | None) -> Result:
    """What the checks find, as cases, and what is new against those of a run before."""
    outcome = checks.all(claims)
    cases = [
        record(one, case_id(one.claim.area, *one.claim.key, one.claim.version, one.ground)) for one in outcome.findings
    ]
    needs = Counter(f"{one.pack}: {one.needs}" for one in outcome.not_examined)
    changes = Counter(kind for kind, _ in differing(before, cases)) if before is not None else Counter()
    return Result(cases, outcome.counted, needs, changes)


def earlier_cases(path: Path) -> Iterator[dict[str, Any]]:
    """The cases of a run before. Raises InputError for what is none."""
    for number, line in read_records(path):
        try:
            found = json.loads(line)
            found["case_id"]
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{path}: line {number} is no case of a run before") from None
        yield found


def write_cases(path: Path, cases: Iterable[dict[str, Any]]) -> None:
    """Puts the file there whole or not at all. Raises OSError."""
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as stream:
        for case in cases:
            stream.write(json.dumps(case, ensure_ascii=False, separators=(",", ":")) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)
