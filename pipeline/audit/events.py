"""Reads the event log again: every dossier from its events, and what became of the records that were not accepted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from confluent_kafka import Message

from pipeline.audit.findings import EVERY, Fault, Findings, Progress, ranges, told
from pipeline.audit.rows import Kept, timestamp
from pipeline.inputs.same_ids import EventIds
from pipeline.kafka.offsets import PartitionOffsets
from pipeline.kafka.partitioner import partition_of
from pipeline.kafka.reading import read_to_end
from pipeline.kafka.records import headers, place
from pipeline.kinds import KINDS
from pipeline.settings.model import Settings
from rules.dossier import fold
from rules.events import Event
from rules.packs.pack_set import PackSet
from topics.catalogue import LEDGER_PROGRESS, PHYSICIAN_EVENTS, PHYSICIAN_EVENTS_DEAD_LETTER
from topics.dead_letters import Code, Envelope, opened
from topics.events.acceptance import OwnerKind, Refused, accept

PART = "events"
Place = tuple[int, int]
"""Partition and offset."""


class Owner(NamedTuple):
    """Whose dossier it is."""

    kind: OwnerKind
    region: str
    code: str


@dataclass(slots=True)
class File:
    """A dossier's accepted events, each distinct one once, in the order of the log."""

    partition: int
    events: list[Event] = field(default_factory=list)
    waiting: bool = False
    """Whether some of its events lie beyond what the control plane has committed."""


@dataclass(slots=True)
class Log:
    """The events as they were read. `offsets` is that of the events' partitions."""

    packs: PackSet
    offsets: dict[int, PartitionOffsets]
    files: dict[Owner, File] = field(default_factory=dict)
    unusable: dict[Place, Refused] = field(default_factory=dict)
    set_aside: dict[Place, tuple[Owner, Event]] = field(default_factory=dict)
    misplaced: dict[Place, tuple[Owner, Event]] = field(default_factory=dict)
    figures: dict[int, Counter[str]] = field(default_factory=dict)
    letters_kept: Kept = field(default_factory=Kept)
    ids: EventIds = field(default_factory=EventIds)
    """What has been read under which event_id, by partition and offset as one number."""
    expired: int = 0
    """Unusable events whose letter may have been there and has expired: events are kept for ever, letters are not."""
    never_run: bool = False
    """Whether no control plane has ever taken an event: none has said how far it is, and nothing is there that one leaves."""

    @property
    def committed(self) -> bool:
        """Whether the control plane has ever said how far it is."""
        return any(item.committed is not None for item in self.offsets.values())

    def waits(self, where: Place) -> bool:
        """Whether the control plane has not said that it is done with a record. Without any offset it is taken as done, unless
        no control plane has ever run."""
        return self.never_run or (self.committed and where[1] >= (self.offsets[where[0]].committed or 0))


def read_log(
    settings: Settings,
    packs: PackSet,
    done: dict[int, PartitionOffsets],
    findings: Findings,
    progress: Progress,
    *,
    published: bool = True,
) -> Log:
    """Reads the dead letters and then the events, and balances them by partition. Raises ClusterError.

    `done` says how far the control plane had come before anything was read, `published` whether any standing was there.
    """
    kept = Kept()
    letters = _letters(settings, kept, findings, progress)
    log = Log(packs, done, letters_kept=kept)
    log.figures = {number: Counter() for number in log.offsets}
    log.never_run = not (log.committed or published or letters or _has_progress(settings))
    for number, message in enumerate(read_to_end(settings, PHYSICIAN_EVENTS.name), 1):
        take(message, log, letters)
        if number % EVERY == 0:
            progress(PHYSICIAN_EVENTS.name, number)
    _tell_nothing_committed(settings, log, findings)
    for where in log.set_aside:
        _justify(where, letters[where][-1], log, findings)
    _balance(log, letters, findings)
    return log


def _has_progress(settings: Settings) -> bool:
    """Whether a ledger has ever told how far it is. Brokers forget what a group has committed; this is kept for ever."""
    return next(iter(read_to_end(settings, LEDGER_PROGRESS.name)), None) is not None


def _tell_nothing_committed(settings: Settings, log: Log, findings: Findings) -> None:
    """Says how events are counted of which no group has said that it is done with them."""
    if log.never_run:
        number = sum(counted["read"] for counted in log.figures.values())
        if number:
            findings.notes.append(
                f"the ledger has never run: group {settings.control_group_id} has committed nothing and nothing is published, so "
                f"{number:,} events wait; start a control plane"
            )
    elif not log.committed:
        findings.notes.append(
            f"group {settings.control_group_id} has committed nothing: every event is taken as one that it is done with"
        )


def take(message: Message, log: Log, letters: dict[Place, list[Envelope]]) -> None:
    """One record of the events: into its dossier, or among those that cannot be accepted or lie elsewhere."""
    _, partition, offset = place(message)
    where, counted = (partition, offset), log.figures[partition]
    counted["read"] += 1
    counted["waiting"] += log.waits(where)
    found = accept(message.value(), log.packs)
    if isinstance(found, Refused):
        if where not in letters and log.letters_kept.expired(timestamp(message)):
            log.expired += 1
        else:
            log.unusable[where] = found
        return
    event, owner = found.event, Owner(found.kind, found.area, found.code)
    log.ids.add(partition << _OFFSET_BITS | offset, event)
    if partition_of(owner.code.encode(), len(log.offsets)) != partition:
        log.misplaced[where] = owner, event
        counted["forwarded"] += 1
        return
    if where in letters:
        log.set_aside[where] = owner, event
        return
    file = log.files.setdefault(owner, File(partition))
    file.waiting = file.waiting or log.waits(where)
    if event in file.events:
        counted["repeated"] += 1
    else:
        counted["accepted"] += 1
        file.events.append(event)


def _letters(settings: Settings, kept: Kept, findings: Findings, progress: Progress) -> dict[Place, list[Envelope]]:
    """The errors of the dead letters, by the place of the event that each names."""
    found: dict[Place, list[Envelope]] = {}
    for number, message in enumerate(read_to_end(settings, PHYSICIAN_EVENTS_DEAD_LETTER.name), 1):
        _, partition, offset = place(message)
        kept.saw(partition, timestamp(message))
        where = f"{PHYSICIAN_EVENTS_DEAD_LETTER.name}/{partition}/{offset}"
        source = opened(headers(message))
        if source is None:
            findings.differ(PART, Fault.UNREADABLE_DEAD_LETTER, where, "its headers name no source record")
        elif source.topic != PHYSICIAN_EVENTS.name:
            findings.differ(
                PART,
                Fault.FOREIGN_DEAD_LETTER,
                where,
                f"names {source.topic}/{source.partition}/{source.offset}",
            )
        else:
            found.setdefault((source.partition, source.offset), []).append(source)
        if number % EVERY == 0:
            progress(PHYSICIAN_EVENTS_DEAD_LETTER.name, number)
    kept.close(settings, PHYSICIAN_EVENTS_DEAD_LETTER.name)
    return found


def _justify(where: Place, letter: Envelope, log: Log, findings: Findings) -> None:
    """A letter of an event that is usable by itself: its dossier must be full, or impossible to count with it."""
    owner, event = log.set_aside[where]
    file = log.files.get(owner, File(where[0]))
    if event in file.events:
        return  # sent again when the law or the dossier had come to allow it
    if letter.code in (Code.UNCODED, Code.NOT_WRITABLE) or (letter.code is Code.DOSSIER_FULL and file.events):
        return
    try:
        _count([*file.events, event], owner, log.packs)
    except (ValueError, OverflowError, ArithmeticError, LookupError):
        return
    findings.differ(
        PART,
        Fault.NEEDLESS_DEAD_LETTER,
        f"{PHYSICIAN_EVENTS.name}/{where[0]}/{where[1]}",
        f"{event.event_id} is usable: {letter.error}",
    )


def _count(events: list[Event], owner: Owner, packs: PackSet) -> None:
    KINDS[owner.kind].follows(fold(events), packs, owner.region, owner.code)


def _balance(log: Log, letters: dict[Place, list[Envelope]], findings: Findings) -> None:
    for partition in sorted(log.offsets):
        known = sorted(offset for number, offset in letters if number == partition)
        unusable = sorted(offset for number, offset in log.unusable if number == partition)
        alone = [offset for offset in unusable if (partition, offset) not in letters]
        _lost(partition, [offset for offset in alone if not log.waits((partition, offset))], log, findings)
        _strange(partition, known, log, findings)
        counted = log.figures[partition]
        findings.count(
            PART,
            f"partition {partition}",
            read=counted["read"],
            accepted=counted["accepted"],
            repeated=counted["repeated"],
            forwarded=counted["forwarded"],
            dead_letters=len(known),
            waiting=counted["waiting"],
        )
    for partition, offset in sorted(letters):
        if partition not in log.offsets:
            where = f"{PHYSICIAN_EVENTS.name}/{partition}/{offset}"
            findings.differ(PART, Fault.FOREIGN_DEAD_LETTER, where, "no such partition")
    twice = sum(len(errors) > 1 for errors in letters.values())
    if twice:
        findings.notes.append(f"{twice:,} events have several dead letters: after a crash a batch is done again")
    if log.expired:
        findings.notes.append(f"{log.expired:,} unusable events are older than the oldest dead letter that is kept")
    _tell_same_ids(log, findings)
    _forwarded(log, findings)


_OFFSET_BITS = 48


def _tell_same_ids(log: Log, findings: Findings) -> None:
    """Names the events that share an event_id and say different things. The log cannot be changed, so that this is no difference:
    of a dossier the event recorded first counts, and a notice of the ledger says so."""
    same = log.ids.same()
    if not same.ids:
        return
    shown = "; ".join(
        ", ".join(f"{number >> _OFFSET_BITS}/{number & (1 << _OFFSET_BITS) - 1}" for number in numbers)
        for numbers in same.first
    )
    more = f" and {same.ids - len(same.first):,} more" if same.ids > len(same.first) else ""
    findings.notes.append(
        f"{same.ids:,} event_ids have several contents, in {same.events:,} events of {PHYSICIAN_EVENTS.name}: {shown}{more}; of "
        "a dossier the one recorded first counts"
    )


def _lost(partition: int, offsets: list[int], log: Log, findings: Findings) -> None:
    if offsets:
        where = f"{PHYSICIAN_EVENTS.name}/{partition} offsets {told(ranges(offsets))}"
        why = log.unusable[partition, offsets[0]].reason
        text = f"{len(offsets):,} unusable and not set aside; the first: {why}"
        findings.differ(PART, Fault.MISSING_DEAD_LETTER, where, text)


def _strange(partition: int, offsets: list[int], log: Log, findings: Findings) -> None:
    low = log.offsets[partition].low
    # What lies in the wrong partition may have been refused there before its scheme took it; the right one must have it.
    known = log.unusable.keys() | log.set_aside.keys() | log.misplaced.keys()
    strange = [offset for offset in offsets if offset >= low and (partition, offset) not in known]
    if strange:
        where = f"{PHYSICIAN_EVENTS.name}/{partition} offsets {told(ranges(strange))}"
        text = f"{len(strange):,} dead letters name offsets where no event stands that may be set aside"
        findings.differ(PART, Fault.NEEDLESS_DEAD_LETTER, where, text)


def _forwarded(log: Log, findings: Findings) -> None:
    """An event in a partition that is not its key's has to stand in the right one as well."""
    for (partition, offset), (owner, event) in sorted(log.misplaced.items(), key=lambda item: item[0]):
        file = log.files.get(owner)
        if (file is None or event not in file.events) and not log.waits((partition, offset)):
            findings.differ(
                PART,
                Fault.MISPLACED,
                f"{PHYSICIAN_EVENTS.name}/{partition}/{offset}",
                f"{event.event_id} of {owner.code} lies in the wrong partition and was not sent to the right one",
            )
