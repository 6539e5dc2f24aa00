"""From a file of events to the standing index that claims are judged by, under one of four clocks.

Everything recorded; what was recorded by a day; for each claim, what was recorded at its own settlement; or, for each claim that
has a verdict already, the revisions of the standings that this verdict rests on.
"""

from __future__ import annotations

import datetime as dt
import itertools
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

import msgspec
import polars as pl

from pipeline.inputs.errors import InputError
from pipeline.inputs.records import read_records
from pipeline.inputs.same_ids import EventIds, SameIds
from pipeline.replay.errors import ReplayError
from pipeline.replay.knowledge.standings import institutions_frame, standings_frame
from rules.dossier import Dossier, fold
from rules.events import CHINA, Event, decode, encode, known_by
from rules.holidays import Holidays
from rules.packs.pack import Pack
from rules.packs.pack_set import Law, PackSet
from rules.screens.index import StandingIndex
from rules.screens.versions import RevisedIndex, VersionedIndex
from rules.standing import institution_timeline, timeline
from rules.timeline import InstitutionTimeline, PhysicianTimeline
from rules.vocabulary import Subject
from topics.dead_letters import Code
from topics.events.acceptance import Refused, accept

Owner = tuple[str, str, bool]
"""Region, code, and whether it is an institution."""

Revisions = Mapping[tuple[str, str], Sequence[int]]
"""By region and code of a physician the revisions that recorded verdicts name."""

_Filed = tuple[Owner, list[bytes], list[int]]
"""An owner, its events, and what `_cuts` needs beside them."""

_OWNERS_A_TASK = 2_000
_PROCESSES_ABOVE = 50_000
"""Owners for whom starting further processes pays: a start costs about a second, a dossier 40 microseconds (measured)."""


class ClockMode(StrEnum):
    """Which events count."""

    EVERYTHING = "everything"
    KNOWN_ON = "as_known_on"
    AT_SETTLEMENT = "as_known_at_settlement"
    AS_RECORDED = "as_recorded"


_INDEXES: dict[ClockMode, type[StandingIndex]] = {
    ClockMode.AT_SETTLEMENT: VersionedIndex,
    ClockMode.AS_RECORDED: RevisedIndex,
}


@dataclass(frozen=True, slots=True)
class Clock:
    """Which events count; `day` goes with KNOWN_ON: what was recorded up to its end (China) counts."""

    mode: ClockMode = ClockMode.EVERYTHING
    day: dt.date | None = None


@dataclass(frozen=True, slots=True)
class UnusableLine:
    """A line of the events file that counts for nothing, as it would be a dead letter of the ledger."""

    line: int
    code: Code
    problems: tuple[str, ...]


@dataclass(slots=True)
class EventFile:
    """The events of a file, by owner, as bytes; the lines that are none; and how many lines there are and how many count.

    `arrived` tells of every distinct event of an institution when it was known (microseconds since 1970 UTC, never falling)
    and its offset in the topic (None: it comes from elsewhere).
    """

    owners: dict[Owner, list[bytes]] = field(default_factory=dict)
    arrived: dict[Owner, list[tuple[int, int | None]]] = field(default_factory=dict)
    subjects: dict[tuple[Subject, str, str], list[bytes]] = field(default_factory=dict)
    """The events about insured persons and departments, by subject, area and code."""
    unusable: list[UnusableLine] = field(default_factory=list)
    same: SameIds = field(default_factory=SameIds)
    """Events that came more than once, and several contents under one id."""
    lines: int = 0
    used: int = 0


class Version(msgspec.Struct, frozen=True, gc=False):
    """A physician's timeline and the instant (microseconds since 1970 UTC) from which it was known, or its revision."""

    instant: int
    timeline: PhysicianTimeline


class InstitutionVersion(msgspec.Struct, frozen=True, gc=False):
    """An institution's timeline and the instant from which it was known, or its revision."""

    instant: int
    timeline: InstitutionTimeline


class _Answer(msgspec.Struct):
    """What one task comes to: every version of every owner, and those for whom the law gave no answer."""

    physicians: list[list[Version]] = []
    institutions: list[list[InstitutionVersion]] = []
    unanswered: list[tuple[str, str, bool, str]] = []


@dataclass(slots=True)
class Knowledge:
    """The index, the timelines it was made of as tables (the last version of each), and whose standing could not be computed."""

    index: StandingIndex
    physicians: pl.DataFrame
    institutions: pl.DataFrame
    unanswered: list[tuple[str, str, bool, str]]


def histories(events: EventFile) -> Iterator[tuple[str, str, Dossier]]:
    """Region, code and dossier of every physician, in order: everything recorded."""
    for (region, code, of_institution), lines in sorted(events.owners.items()):
        if not of_institution:
            yield region, code, fold(decode(line) for line in lines)


# -- reading ------------------------------------------------------------------------------------------------------


def read_events(path: Path, packs: PackSet, progress: Callable[[int], None] = lambda _lines: None) -> EventFile:
    """Reads the events of a file (NDJSON, .gz too; or records copied from their topic), checked under the packs.

    Raises ReplayError when it cannot be read.
    """
    found, ids = EventFile(), EventIds()
    try:
        for number, (line, arrived, offset) in enumerate(_lines(path), 1):
            found.lines = number
            if number % 50_000 == 0:
                progress(number)
            # A record from the topic is judged as it stood there; of a file's line its end is no part.
            if line.strip() or arrived is not None:
                _take(found, ids, number, line, packs, arrived, offset)
    except (OSError, InputError, pl.exceptions.PolarsError) as error:
        raise ReplayError(f"{path.name}: the events cannot be read: {error}") from error
    found.same = ids.same()
    return found


def _lines(path: Path) -> Iterator[tuple[bytes, int | None, int | None]]:
    """Each event as bytes, with the instant at which it arrived and its offset where these are known."""
    if path.suffix == ".parquet":
        for batch in pl.scan_parquet(path).select("value", "arrived", "offset").collect().iter_slices(50_000):
            yield from batch.iter_rows()
        return
    for _, line in read_records(path):
        yield line, None, None


def _take(
    found: EventFile,
    ids: EventIds,
    number: int,
    line: bytes,
    packs: PackSet,
    arrived: int | None,
    offset: int | None,
) -> None:
    judged = accept(line, packs)
    if isinstance(judged, Refused):
        found.unusable.append(UnusableLine(number, judged.code, judged.reasons))
        return
    found.used += 1
    ids.add(number, judged.event)
    event, of_institution = judged.event, judged.event.of_institution
    if event.subject is not None:
        found.subjects.setdefault((event.subject, judged.area, judged.code), []).append(encode(event))
        return
    owner = (judged.area, judged.code, of_institution)
    known, said = found.owners.setdefault(owner, []), encode(event)
    if of_institution:
        if said in known:
            return
        times = found.arrived.setdefault(owner, [])
        at = known_from(event) if arrived is None else arrived
        times.append((max(at, times[-1][0]) if times else at, offset))
    known.append(said)


# -- folding ------------------------------------------------------------------------------------------------------


def gather_knowledge(
    events: EventFile,
    packs: PackSet,
    clock: Clock,
    *,
    revisions: Revisions = MappingProxyType({}),
    processes: int | None = None,
    progress: Callable[[int], None] = lambda _owners: None,
) -> Knowledge:
    """Folds all dossiers under the packs and fills an index; in several processes where that pays.

    `revisions` are those for which AS_RECORDED needs a physician's standing; the last is always there.
    """
    index = _INDEXES.get(clock.mode, StandingIndex)()
    # Timelines become tables as they come: as objects those of a large register would fill the memory.
    physicians, institutions = [standings_frame(())], [institutions_frame(())]
    unanswered: list[tuple[str, str, bool, str]] = []
    done = 0
    for answer in _answers(events, packs, clock, revisions, processes):
        _put(index, answer)
        physicians.append(standings_frame([versions[-1].timeline for versions in answer.physicians]))
        institutions.append(institutions_frame([versions[-1].timeline for versions in answer.institutions]))
        unanswered += answer.unanswered
        done += len(answer.physicians) + len(answer.institutions) + len(answer.unanswered)
        progress(done)
    unanswered += _put_subjects(index, events, packs, clock)
    return Knowledge(index, pl.concat(physicians), pl.concat(institutions), unanswered)


def _answers(
    events: EventFile, packs: PackSet, clock: Clock, revisions: Revisions, processes: int | None
) -> Iterator[_Answer]:
    def marks(owner: Owner) -> list[int]:
        # Of an institution a verdict may rest on any version; there are few.
        return list(range(len(events.owners[owner]))) if owner[2] else list(revisions.get(owner[:2], ()))

    owners = sorted(events.owners)
    tasks: list[list[_Filed]] = [
        [(owner, events.owners[owner], marks(owner)) for owner in owners[start : start + _OWNERS_A_TASK]]
        for start in range(0, len(owners), _OWNERS_A_TASK)
    ]
    count = os.cpu_count() or 1 if processes is None else processes
    if count == 1 or len(owners) < _PROCESSES_ABOVE:
        yield from (_fold_task(packs, clock, task) for task in tasks)
        return
    # Forking a process that runs polars' threads can deadlock; a fresh one cannot.
    context = multiprocessing.get_context("spawn")
    said = [pack.model_dump_json(by_alias=True) for pack in packs.packs]
    with ProcessPoolExecutor(count, context, initializer=_start, initargs=(said, packs.holidays, clock)) as pool:
        for raw in pool.map(_fold_remote, tasks):
            yield msgspec.msgpack.decode(raw, type=_Answer)


_remote: list[tuple[PackSet, Clock]] = []


def _start(said: list[str], holidays: Holidays, clock: Clock) -> None:
    # Ctrl-C reaches every process of a terminal; the one that was called answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    packs = [Pack.model_validate_json(text) for text in said]
    _remote[:] = [(PackSet(packs, switched_on=[pack.pack for pack in packs], holidays=holidays), clock)]


def _fold_remote(task: Sequence[_Filed]) -> bytes:
    return msgspec.msgpack.encode(_fold_task(*_remote[0], task))


def _fold_task(packs: PackSet, clock: Clock, task: Sequence[_Filed]) -> _Answer:
    answer = _Answer([], [], [])
    for (region, code, of_institution), lines, marks in task:
        law = packs.law(region)
        try:
            events = [decode(line) for line in lines]
            cuts = _cuts(events, clock, marks)
            if of_institution:
                made = [InstitutionVersion(at, _institution(known, law, code, region)) for at, known in cuts]
                if made:
                    answer.institutions.append(made)
            else:
                versions = [Version(at, _physician(known, law, code, region, clock)) for at, known in cuts]
                if versions:
                    answer.physicians.append(versions)
        except (
            ValueError,
            OverflowError,
        ) as error:  # calendars, packs and timelines say so, and days past the year 9999
            answer.unanswered.append((region, code, of_institution, str(error)))
    return answer


def _put_subjects(
    index: StandingIndex, events: EventFile, packs: PackSet, clock: Clock
) -> Iterator[tuple[str, str, bool, str]]:
    """Folds what is recorded of insured persons and departments into the index; tells of whom the law gave no answer. There are
    few, so all of them are folded here."""
    for (subject, area, code), lines in sorted(events.subjects.items()):
        law = packs.law_beside(subject, area)
        if law is None:
            continue  # this rule set says nothing of them
        try:
            known = [decode(line) for line in lines]
            cuts = _cuts(known, clock, list(range(len(known))))
            versions = [(at, _physician(some, law, code, area, clock)) for at, some in cuts]
        except (ValueError, OverflowError) as error:
            index.put_beside_unreadable(subject, f"{area}|{code}")
            yield area, code, False, str(error)
            continue
        if not versions:
            continue
        if isinstance(index, VersionedIndex):
            index.put_versions_beside(subject, versions)
        else:
            index.put_beside(subject, versions[-1][1])


def _cuts(events: list[Event], clock: Clock, marks: list[int]) -> list[tuple[int, list[Event]]]:
    """The events known from each instant on: one cut, or one for every instant at which something was recorded.

    AS_RECORDED: the first n distinct events for every revision n of `marks` and for the last.
    """
    if clock.mode is ClockMode.AS_RECORDED:
        distinct = list(dict.fromkeys(events))
        numbers = {number for number in marks if 0 < number < len(distinct)} | {len(distinct)}
        return [(number, distinct[:number]) for number in sorted(numbers)]
    if clock.mode is not ClockMode.AT_SETTLEMENT:
        known = [event for event in events if known_by(event, clock.day)]
        return [(0, known)] if known else []
    ordered = sorted((known_from(event), number) for number, event in enumerate(events))
    cuts = []
    known = []
    for at, group in itertools.groupby(ordered, key=lambda item: item[0]):
        known += [events[number] for _, number in group]
        cuts.append((at, list(known)))
    return cuts


def known_from(event: Event) -> int:
    """The instant (microseconds since 1970 UTC) from which an event counts: its recording, or else its day's begin in China."""
    moment = event.recorded_at
    if moment is None:
        moment = dt.datetime.combine(event.date, dt.time(), CHINA)
    passed = moment - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def _physician(events: list[Event], law: Law, code: str, region: str, clock: Clock) -> PhysicianTimeline:
    return timeline(
        events,
        law,
        clock.day,
        region=region,
        physician_code=code,
        revision=len(set(events)),
    )


def _institution(events: list[Event], law: Law, code: str, region: str) -> InstitutionTimeline:
    return institution_timeline(events, law, institution_code=code, region=region, revision=len(set(events)))


# -- filling ------------------------------------------------------------------------------------------------------


def _put(index: StandingIndex, answer: _Answer) -> None:
    for versions in answer.physicians:
        if isinstance(index, VersionedIndex):
            index.put_versions([(version.instant, version.timeline) for version in versions])
        else:
            index.put(versions[-1].timeline)
    for states in answer.institutions:
        if isinstance(index, VersionedIndex):
            index.put_institution_versions([(state.instant, state.timeline) for state in states])
        else:
            index.put_institution(states[-1].timeline)
    for region, code, of_institution, _ in answer.unanswered:
        # What cannot be computed is no standing: claims go to review, never to a guess.
        if of_institution:
            index.put_institution_unreadable(f"{region}|{code}")
        else:
            index.put_unreadable(f"{region}|{code}")
