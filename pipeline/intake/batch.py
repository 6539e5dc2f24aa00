"""Files of messages of the national interface as a file of claims: every line accounted for.

A file has one message a line, an array of them, or one over several lines; or it is an export of the same fields as CSV, workbook
or Parquet, whose rows say by `infno`, or by the columns that are filled, what they are. All that was said is in memory at a time,
since what belongs to a visit may stand anywhere in the files: about 1.5 KB for each row of a message (measured).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.inputs.document_slices import json_form
from pipeline.inputs.encodings import Encoding
from pipeline.inputs.errors import InputError
from pipeline.inputs.files import DAMAGE, PASSED_OVER, InputFile, by_its_bytes, damaged, find_inputs, opened
from pipeline.inputs.rows import numbered_documents, read_table
from pipeline.intake.classes import VisitClasses
from pipeline.intake.gathering import Gathered, Gathering, counted
from pipeline.intake.history import Outcome, Refusal
from pipeline.whole_files import whole_file
from topics.claims.errors import ClaimError
from topics.dead_letters import Code, coded


@dataclass(slots=True)
class Aside:
    """What was set aside for one reason: how many rows, and where and why the first of them."""

    rows: int
    first: str
    reason: str


@dataclass(slots=True)
class Taken:
    """What the files came to. So lines and further are blank, continued, visits, fee_lines, settlements, joined, answers, passed,
    failed and set aside; `repeated` is a part of visits, lines and settlements. `refunds` and `versions` are a part of claims."""

    files: int = 0
    lines: int = 0
    blank: int = 0
    continued: int = 0
    further: int = 0
    visits: int = 0
    fee_lines: int = 0
    settlements: int = 0
    joined: int = 0
    answers: int = 0
    failed: int = 0
    passed: Counter[str] = field(default_factory=Counter)
    set_aside: dict[str, Aside] = field(default_factory=dict)
    repeated: Counter[str] = field(default_factory=Counter)
    claims: int = 0
    versions: int = 0
    refunds: int = 0
    visit_not_seen: int = 0
    encounter_unknown: Counter[str] = field(default_factory=Counter)
    visits_without_settlement: int = 0
    lines_not_settled: int = 0
    doubts: Counter[str] = field(default_factory=Counter)
    damaged: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    @property
    def set_aside_rows(self) -> int:
        """Rows of all reasons."""
        return sum(aside.rows for aside in self.set_aside.values())


class StrictError(InputError):
    """Something was set aside or could not be read, and the run was to be strict; nothing was written."""


def take_files(
    places: Sequence[str],
    out: Path,
    classes: VisitClasses,
    *,
    encoding: Encoding | None = None,
    strict: bool = False,
    progress: Callable[[int], None] = lambda _lines: None,
) -> Taken:
    """Writes the claims that follow from the messages of files, folders and patterns to `out` (NDJSON, or .gz).

    The file is there as a whole or, where no claim follows, not at all. A file that cannot be read to its end is told, with
    what was read until there. Raises InputError where there is no such file, StrictError as `strict` asks.
    """
    taken = Taken()
    files = _files(places, taken)
    gathering = Gathering()
    for file in files:
        _read(file, gathering, taken, encoding, progress)
    if strict and taken.damaged:
        raise StrictError(taken.damaged[0])
    gathered = gathering.end()
    _sum_up(gathered, taken)
    refused = list(gathered.refused)
    known: set[tuple[Any, ...]] = set()
    with _told(out), whole_file(out, lambda: taken.claims > 0) as target:
        for outcome in gathered.outcomes(classes):
            refused += outcome.refused
            _count(outcome, taken, known)
            for made in outcome.claims:
                target.write(made.value + b"\n")
        for refusal in refused:
            _aside(refusal, taken)
        for told in (aside for aside in taken.set_aside.values() if strict):
            raise StrictError(f"{told.first}: {told.reason}; stopped, as --strict asks")
    return taken


def _files(places: Sequence[str], taken: Taken) -> list[InputFile]:
    found: dict[Path, InputFile] = {}
    for place in places:
        here = find_inputs(place)
        found |= {file.path.resolve(): file for file in here.files}
        taken.notices += [f"{name}: {PASSED_OVER}" for name in here.passed_over]
    taken.files = len(found)
    return list(found.values())


# -- reading ------------------------------------------------------------------------------------------------------


def _read(
    file: InputFile, gathering: Gathering, taken: Taken, encoding: Encoding | None, progress: Callable[[int], None]
) -> None:
    try:
        made, told = by_its_bytes(file, encoding)
        taken.notices += [f"{file.name}: {text}" for text in told]
        if file.format == "ndjson":
            _documents(made, gathering, taken, progress)
        else:
            _table(made, gathering, taken)
    except InputError as error:
        taken.damaged.append(str(error))
    progress(taken.lines)


def _documents(file: InputFile, gathering: Gathering, taken: Taken, progress: Callable[[int], None]) -> None:
    made = replace(file, format=json_form(file))
    number = 0
    try:
        with opened(made) as text:
            for number, _, document in numbered_documents(text, made):
                taken.lines += 1
                place = f"{file.name}:{number}"
                if document is None:
                    taken.blank += 1
                elif isinstance(document, ClaimError):
                    gathering.refuse(place, taken.lines, Code(document.kind), document.reason)
                else:
                    gathering.take(document, place, taken.lines)
                if not taken.lines % 1000:
                    progress(taken.lines)
    except DAMAGE as error:
        raise damaged(file, error, f"line {number:,}") from error


def _table(file: InputFile, gathering: Gathering, taken: Taken) -> None:
    table = read_table(file, (), encoding=file.encoding)
    position = taken.lines
    taken.lines += table.lines.lines - table.lines.header
    taken.blank += table.lines.blank
    taken.continued += table.lines.continued
    for number, row in enumerate(table.rows, position):
        place = f"{file.name}:{row.line}"
        if row.problem is None:
            gathering.take(row.values, place, number)
        else:
            gathering.refuse(place, number, *coded(row.problem, Code.UNREADABLE))


# -- counting -----------------------------------------------------------------------------------------------------


def _sum_up(gathered: Gathered, taken: Taken) -> None:
    rows = counted(gathered.facts)
    taken.visits, taken.fee_lines, taken.settlements = rows["visit"], rows["line"], rows["settlement"]
    taken.further, taken.joined, taken.answers = gathered.further, gathered.joined, gathered.answers
    taken.failed, taken.passed = gathered.failed, gathered.passed


def _count(outcome: Outcome, taken: Taken, known: set[tuple[Any, ...]]) -> None:
    taken.repeated += outcome.repeated
    taken.doubts += outcome.doubts
    taken.lines_not_settled += outcome.unsettled
    taken.visits_without_settlement += outcome.of_settlements == 0
    # What was read as something and does not count in the end is set aside, and nothing else.
    for refusal in outcome.refused:
        name = {"visit": "visits", "line": "fee_lines", "settlement": "settlements"}[refusal.what]
        setattr(taken, name, getattr(taken, name) - refusal.rows)
    for made in outcome.claims:
        claim = made.claim
        identity = (
            claim["region"], claim["institution_code"], claim["claim_id"], claim["claim_version"],
        )  # fmt: skip
        if identity in known:
            taken.doubts["claim_of_two_visits"] += 1
        known.add(identity)
        taken.claims += 1
        taken.versions += claim["claim_version"] > 1
        taken.refunds += "reverses" in claim or claim["fund_amount"].startswith("-")
        taken.visit_not_seen += claim.get("visit") == "not_seen"
        if claim["encounter_type"] == "unknown":
            taken.encounter_unknown[claim.get("encounter_code") or "none"] += 1


def _aside(refusal: Refusal, taken: Taken) -> None:
    if not refusal.rows:
        return
    aside = taken.set_aside.get(refusal.code)
    if aside is None:
        taken.set_aside[refusal.code] = Aside(refusal.rows, refusal.told.place, refusal.reason)
    else:
        aside.rows += refusal.rows


@contextmanager
def _told(out: Path) -> Iterator[None]:
    """Says of a file that cannot be written which it is. Raises InputError."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror or error}") from error
