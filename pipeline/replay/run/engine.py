"""The replay itself: slices of claims through the same decision as the gate's, by several threads, in bounded memory.

1 the inputs are found and the mapping is fitted to all of them, 2 everything is fingerprinted, 3 the folder is opened or taken up
again, 4 the events become a standing index for each rule set, 5 slices are decoded, decided and written, 6 the counts are
added up. Only as many slices are in memory as there are threads, whatever the input's size.
"""

from __future__ import annotations

import os
import resource
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.inputs.encodings import Encoding
from pipeline.inputs.files import InputFile
from pipeline.inputs.identity import KINDS, identities
from pipeline.inputs.mapping import Mapping
from pipeline.inputs.slicing import Lines, Notice, Slice
from pipeline.inputs.sources import open_inputs, rows_known, slices
from pipeline.replay.errors import StrictError
from pipeline.replay.files import write_json, write_table
from pipeline.replay.knowledge.register import Clock, ClockMode, EventFile, Revisions, gather_knowledge, read_events
from pipeline.replay.progress import Progress
from pipeline.replay.proof.capture import Captured
from pipeline.replay.proof.recorded import Proof, summary
from pipeline.replay.run.folder import Folder
from pipeline.replay.run.provenance import describe
from pipeline.replay.run.writing import Judge, rejected_frame, tally
from rules.packs.pack_set import PackSet
from rules.screens.verdict import Screen
from rules.vocabulary import Disposition

_MOST_THREADS = 4
"""Slices in work at once. Each takes a few hundred megabytes; polars itself uses every core."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be replayed. `other` is the second rule set, `changes` how it was made (for the record). `captured` is a
    range of the topic of claims, in place of `claims`; what was recorded of it is held against the verdicts."""

    claims: str
    events: Path
    out: Path
    mapping: Mapping
    packs: PackSet
    other: PackSet | None = None
    changes: tuple[str, ...] = ()
    clock: Clock = field(default_factory=Clock)
    strict: bool = False
    resume: bool = True
    threads: int | None = None
    captured: Captured | None = None
    encoding: Encoding | None = None


class Interrupted(Exception):
    """The run was stopped between two slices; what is done is kept. `done` and `rows` count slices and rows."""

    def __init__(self, done: int, rows: int) -> None:
        self.done = done
        self.rows = rows
        super().__init__(f"{done:,} parts ({rows:,} rows)")


@dataclass(frozen=True, slots=True)
class _Standings:
    """What the record tells of the standings under one rule set."""

    physicians: int
    institutions: int
    unanswered: list[tuple[str, str, bool, str]]


@dataclass(slots=True)
class _Run:
    job: Job
    folder: Folder
    judges: list[Judge]
    proof: Proof | None = None
    stop: threading.Event = field(default_factory=threading.Event)


def replay(job: Job, progress: Progress, tell: Callable[[Notice], None] = lambda _notice: None) -> dict[str, Any]:
    """Runs a replay and returns its record, as run.json holds it. Raises ReplayError, InputError, and Interrupted after SIGINT.

    `tell` is told of everything about the files that people should know before anything is judged.
    """
    try:
        return _replay(job, progress, tell)
    finally:
        progress.close()


def _replay(job: Job, progress: Progress, tell: Callable[[Notice], None]) -> dict[str, Any]:
    began = time.monotonic()
    # 1 the inputs and the mapping
    inputs, notices = _opened(job, tell)
    # 2 the fingerprints
    progress.stage("fingerprints of the inputs")
    description = describe(inputs, job.events, job.mapping, job.packs, job.other, job.changes, job.clock)
    if job.captured is not None:
        description["capture"] = job.captured.record
    # 3 the folder
    folder = Folder(job.out)
    if folder.open(description, resume=job.resume):
        progress.stage("this replay is complete already; nothing is done again")
        return folder.read_run()
    # 4 the events
    events = read_events(job.events, job.packs, progress.events)
    if job.strict:
        _refuse_doubtful_events(job.events.name, events)
    _write_unusable(folder, events)
    judges: list[Judge] = []
    standings: list[_Standings] = []
    proof = None if job.captured is None else Proof(job.captured, job.clock, events)
    revisions = {} if proof is None else proof.revisions()
    for packs in (job.packs, *([] if job.other is None else [job.other])):
        judge, known = _prepare(folder, events, packs, job, revisions, progress, other=bool(judges))
        judges.append(judge)
        standings.append(known)
    # What is in the index is not needed a second time; a large register's events would stay in memory to the end.
    events.owners.clear()
    del revisions
    prepared = time.monotonic()
    # 5 the slices
    run = _Run(job, folder, judges, proof)
    rows = _judge_all(run, inputs, progress)
    # 6 what came more than once, and the counts
    if proof is None:
        progress.stage("claims that come more than once")
        folder.leave_out_repeated()
    folder.merge_rejected()
    if proof is not None:
        folder.merge_differences()
    record = _record(run, description, events, standings, notices)
    seconds = time.monotonic() - prepared
    write_json(
        folder.root / "timing.json",
        {
            "preparing_s": round(prepared - began, 3),
            "judging_s": round(seconds, 3),
            "rows_judged_now": rows,
            "rows_per_s": round(rows / seconds) if seconds > 0 else None,
            "peak_resident_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        },
    )
    folder.finish(record)
    return record


def _opened(job: Job, tell: Callable[[Notice], None]) -> tuple[tuple[InputFile, ...], tuple[Notice, ...]]:
    if job.captured is not None:
        return job.captured.inputs, ()
    prepared = open_inputs(job.claims, job.mapping, job.encoding)
    for notice in prepared.notices:
        tell(notice)
    doubts = [str(notice) for notice in prepared.notices if notice.doubt]
    if doubts and job.strict:
        raise StrictError("\n".join([*doubts, "stopped, as --strict asks"]))
    return prepared.files, prepared.notices


# -- slices -------------------------------------------------------------------------------------------------------


def _judge_all(run: _Run, inputs: Sequence[InputFile], progress: Progress) -> int:
    """Judges what is not done yet; returns how many rows that were."""
    progress.begin(sum(file.size for file in inputs), rows_known(tuple(inputs)))
    threads = run.job.threads or min(_MOST_THREADS, os.cpu_count() or 1)
    waiting: dict[Future[int], Slice] = {}
    judged = 0
    try:
        with ThreadPoolExecutor(threads, thread_name_prefix="replay") as pool:
            try:
                for piece in _open_slices(run, inputs, progress):
                    if len(waiting) >= threads:
                        judged += _collect(waiting, progress)
                    waiting[pool.submit(_judge, run, piece)] = piece
                while waiting:
                    judged += _collect(waiting, progress)
            except BaseException:
                run.stop.set()
                pool.shutdown(cancel_futures=True)
                raise
    except KeyboardInterrupt:
        notes = list(run.folder.notes())
        raise Interrupted(len(notes), sum(note["rows"] for note in notes)) from None
    finally:
        progress.end()
    return judged


def _open_slices(run: _Run, inputs: Sequence[InputFile], progress: Progress) -> Iterator[Slice]:
    """The slices that are not done yet."""
    for piece in slices(tuple(inputs), run.job.mapping):
        note = run.folder.note(piece.number)
        if note is None:
            yield piece
        else:
            progress.advance(piece.weight, note["rows"], again=True)


def _collect(waiting: dict[Future[int], Slice], progress: Progress) -> int:
    """Waits for at least one slice; returns the rows of those that are done."""
    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
    rows = 0
    for future in done:
        piece = waiting.pop(future)
        rows += future.result()
        progress.advance(piece.weight, future.result())
    return rows


def _judge(run: _Run, piece: Slice) -> int:
    """One slice, from its bytes to its note. Returns its rows."""
    decoded = piece.decode()
    if decoded.rejected and run.job.strict:
        first = decoded.rejected[0]
        raise StrictError(
            f"{piece.file}: line {piece.line_of(first.row)}: {first.kind}: {first.problem}; stopped, as --strict asks"
        )
    if run.stop.is_set():
        return 0
    tallies = []
    proof = run.proof
    found: dict[str, int] = {}
    if proof is not None and run.job.clock.mode is ClockMode.AS_RECORDED:
        decoded = proof.known(piece, decoded)
    for number, judge in enumerate(run.judges):
        verdicts = judge.verdicts(decoded.claims, piece.first_row)
        if proof is not None and number == 0:
            verdicts, differences, found = proof.differences(
                piece, decoded, verdicts, partial(judge.verdicts, first_row=piece.first_row)
            )
            write_table(differences, run.folder.differences(piece.number))
        tallies.append(tally(verdicts))
        write_table(verdicts, run.folder.part(piece.number, other=number > 0))
    if decoded.rejected:
        write_table(rejected_frame(decoded, piece), run.folder.rejected(piece.number))
    if proof is None:
        write_table(identities(decoded.claims, piece.first_row), run.folder.identities(piece.number))
    note = {
        "rows": decoded.rows,
        "accepted": decoded.claims.height,
        "file": piece.file,
        "first_row": piece.first_row,
        "reversals": int((decoded.claims["fund_amount"] < 0).sum()),
        "lines": asdict(piece.lines),
        "rejected": Counter(item.kind for item in decoded.rejected),
        "taken_as": {name: count for name, count in decoded.counts.items() if count},
        "tallies": tallies,
        "proof": found,
    }
    run.folder.finish_part(piece.number, note)
    return decoded.rows


# -- what is told once --------------------------------------------------------------------------------------------


def _prepare(
    folder: Folder,
    events: EventFile,
    packs: PackSet,
    job: Job,
    revisions: Revisions,
    progress: Progress,
    *,
    other: bool,
) -> tuple[Judge, _Standings]:
    """Folds the events under one rule set, writes the standings, and makes ready to judge by them."""
    total = len(events.owners)
    known = gather_knowledge(
        events, packs, job.clock, revisions=revisions, progress=lambda done: progress.owners(done, total)
    )
    root = folder.root / "other" if other else folder.root
    write_table(known.physicians, root / "standings.parquet")
    write_table(known.institutions, root / "institutions.parquet")
    told = _Standings(known.physicians.height, known.institutions.height, known.unanswered)
    return Judge(Screen(packs), known.index), told


_MOST_LINES = 5


def _refuse_doubtful_events(name: str, events: EventFile) -> None:
    """Raises StrictError where a line of the events counts for nothing, or where two contents share an event_id."""
    if events.unusable:
        first = events.unusable[0]
        raise StrictError(
            f"{name}: line {first.line}: {first.code}: {'; '.join(first.problems)}; stopped, as --strict asks"
        )
    if events.same.ids:
        raise StrictError(f"{name}: {events.same}; stopped, as --strict asks")


def _event_lines(events: EventFile) -> dict[str, Any]:
    """How the lines of the events divide, why some count for nothing, and which of them share an event_id."""
    why: dict[str, dict[str, Any]] = {}
    for item in events.unusable:
        told = why.setdefault(item.code.value, {"lines": 0, "first": [], "example": "; ".join(item.problems)})
        told["lines"] += 1
        if len(told["first"]) < _MOST_LINES:
            told["first"].append(item.line)
    same = events.same
    return {
        "lines": events.lines,
        "used": events.used,
        "unusable": len(events.unusable),
        "unusable_by_code": dict(sorted(why.items())),
        "repeated": same.repeated,
        "same_id": {"ids": same.ids, "events": same.events, "first": [list(lines) for lines in same.first]},
    }


def _write_unusable(folder: Folder, events: EventFile) -> None:
    table = pl.DataFrame(
        {
            "line": [item.line for item in events.unusable],
            "code": [item.code.value for item in events.unusable],
            "problems": [list(item.problems) for item in events.unusable],
        },
        schema={"line": pl.Int64, "code": pl.String, "problems": pl.List(pl.String)},
    )
    write_table(table, folder.root / "unusable-events.parquet")


def _record(
    run: _Run,
    description: dict[str, Any],
    events: EventFile,
    standings: Sequence[_Standings],
    notices: Sequence[Notice],
) -> dict[str, Any]:
    notes = list(run.folder.notes())
    rejected: Counter[str] = Counter()
    rows: Counter[str] = Counter()
    again: Counter[str] = Counter()
    taken_as: Counter[str] = Counter()
    lines: dict[str, Counter[str]] = {item["name"]: Counter(asdict(Lines())) for item in description["inputs"]}
    for note in notes:
        rejected.update(note["rejected"])
        rows[note["file"]] += note["rows"]
        again.update(note.get("repeated", {}))
        taken_as.update(note.get("taken_as", {}))
        lines[note["file"]].update(note["lines"])
    return {
        "format": 1,
        **description,
        **({} if run.proof is None else {"recorded": summary(notes)}),
        "notices": [{"file": item.file, "text": item.text, "doubt": item.doubt} for item in notices],
        "rows": {item["name"]: rows[item["name"]] for item in description["inputs"]},
        "lines": {name: dict(counts) for name, counts in lines.items()},
        "counts": {
            "rows": sum(rows.values()),
            "accepted": sum(note["accepted"] for note in notes),
            "reversals": sum(note["reversals"] for note in notes),
            **{kind: again[kind] for kind in KINDS},
            "rejected": sum(rejected.values()),
            "rejected_by_reason": dict(sorted(rejected.items())),
            "null_words": _by_field(taken_as, "word:"),
            "absent": _by_field(taken_as, "absent:"),
            "parts": len(notes),
        },
        "event_lines": _event_lines(events),
        "rule_sets": [
            _rule_set(judge, known, [note["tallies"][number] for note in notes])
            for number, (judge, known) in enumerate(zip(run.judges, standings, strict=True))
        ],
    }


def _by_field(counted: Counter[str], kind: str) -> dict[str, int]:
    """The counts of one kind, by field."""
    return {name.removeprefix(kind): count for name, count in sorted(counted.items()) if name.startswith(kind)}


def _rule_set(judge: Judge, known: _Standings, tallies: Sequence[list[list[Any]]]) -> dict[str, Any]:
    """What came out under one rule set: claims and fund share (yuan, as a decimal string) by ruling and by disposition."""
    claims: Counter[int] = Counter()
    fund: dict[int, Decimal] = {}
    for counted in tallies:
        for ruling, count, amount in counted:
            claims[ruling] += count
            fund[ruling] = fund.get(ruling, Decimal(0)) + Decimal(amount)
    by_disposition = {item.value: {"claims": 0, "fund_amount": Decimal(0)} for item in Disposition}
    by_ruling = []
    for number in sorted(claims):
        ruling = judge.screen.rulings[number]
        row: dict[str, Any] = by_disposition[ruling.disposition.value]
        row["claims"] += claims[number]
        row["fund_amount"] += fund[number]
        by_ruling.append(
            {
                "ruling": number,
                "rule_pack": ruling.pack.name,
                "ground": ruling.ground.value,
                "disposition": ruling.disposition.value,
                "reason": ruling.reason.value,
                **({"field": ruling.implausible.field} if ruling.implausible else {}),
                "exempted_ground": None if ruling.exempted_ground is None else ruling.exempted_ground.value,
                "claims": claims[number],
                "fund_amount": str(fund[number]),
            }
        )
    return {
        "by_disposition": {
            name: {"claims": row["claims"], "fund_amount": str(row["fund_amount"])}
            for name, row in by_disposition.items()
        },
        "by_ruling": by_ruling,
        "physicians": known.physicians,
        "institutions": known.institutions,
        "unanswered": [
            {"region": region, "code": code, "institution": of_institution, "problem": problem}
            for region, code, of_institution, problem in known.unanswered
        ],
    }
