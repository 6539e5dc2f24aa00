"""A roster file against the log of events: reading both, how many may be ended at once, and sending the difference."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial

from pipeline.inputs.encodings import Encoding
from pipeline.inputs.registers import EventMapping, end_of
from pipeline.inputs.slicing import Notice
from pipeline.kafka.producing import Sender
from pipeline.kafka.reading import read_to_end
from pipeline.loading import BadLine, Loaded, mapped_events
from pipeline.register.difference import Change, Difference, Ends, Owner
from pipeline.settings.model import Settings
from rules.areas import areas_over_time, pooling_area
from rules.events import Event, encode
from rules.packs.pack_set import PackSet
from topics.catalogue import MAX_RECORD_BYTES, PHYSICIAN_EVENTS
from topics.events.acceptance import Accepted, accept, owner_code

MOST_ENDS, SHARE_OF_ENDS, FEW_ENDS = 50, 0.05, 3
"""So many may be ended without being asked for: a twentieth of those whom the log knows there, fifty at most; three always."""

_EVERY = 10_000


@dataclass(slots=True)
class Roster:
    """What a file says: its events, and the lines that say none."""

    events: list[Event] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)
    counts: Loaded = field(default_factory=Loaded)


def read_roster(
    place: str,
    mapping: EventMapping,
    encoding: Encoding | None,
    packs: PackSet,
    tell: Callable[[Notice], None] = lambda _notice: None,
) -> Roster:
    """The events of a file under a mapping; `tell` is told how it is read where that is not the usual. Raises InputError and
    MappingError."""
    roster = Roster()
    for checked in mapped_events(place, mapping, encoding, packs, roster.counts, tell):
        roster.counts.lines += checked.lines
        roster.bad += checked.bad
        for _, _, value in checked.records:
            found = accept(value, packs)
            assert isinstance(found, Accepted)
            roster.events.append(found.event)
    roster.counts.bad = len(roster.bad)
    return roster


def read_log(
    settings: Settings, packs: PackSet, regions: Collection[str], progress: Callable[[str, int], None]
) -> dict[Owner, list[Event]]:
    """The accepted events of the areas of these regions by dossier, each once. Raises ClusterError.

    An event that the control plane had to set aside for its dossier's sake is taken as recorded: to send it again would not help.
    """
    log: dict[Owner, dict[Event, None]] = {}
    areas = {area for region in regions for area in areas_over_time(region)}
    for number, message in enumerate(read_to_end(settings, PHYSICIAN_EVENTS.name), 1):
        found = accept(message.value(), packs)
        if isinstance(found, Accepted) and pooling_area(found.event.region, found.event.date) in areas:
            log.setdefault((found.kind, found.area, found.code), {})[found.event] = None
        if number % _EVERY == 0:
            progress(PHYSICIAN_EVENTS.name, number)
    return {owner: list(events) for owner, events in log.items()}


def ends_of(mapping: EventMapping, roster: Roster) -> Ends | None:
    """What ends those whom the file names no more. None where the mapping ends nobody, and where lines could not be read: whom
    they name is not known."""
    if mapping.ended is None or roster.bad or not roster.events:
        return None

    return Ends(mapping.name, mapping.ended.who, mapping.ended.type, partial(_end, mapping))


def _end(mapping: EventMapping, region: str, code: str, institution: str | None, day: dt.date, number: int) -> bytes:
    return end_of(mapping, (region, code, institution), day, number)


def too_many_ends(found: Difference, allowed: int | None) -> str | None:
    """Why the difference may not be sent: it would end more than are allowed, or than are without being asked for."""
    ended = len(found.of_kind("ended"))
    if allowed is not None:
        if ended <= allowed:
            return None
        return f"{ended:,} would be ended, and --allow-ends allows {allowed:,}"
    limit = max(FEW_ENDS, min(MOST_ENDS, int(max(found.known, ended) * SHARE_OF_ENDS)))
    if ended <= limit:
        return None
    return (
        f"{ended:,} would be ended, of {found.known:,} whom the log knows there; without being asked for {limit:,} may be. "
        f"If that is right, --allow-ends {ended} allows it"
    )


def send(settings: Settings, changes: Sequence[Change]) -> tuple[int, tuple[str, ...]]:
    """Sends the events: how many the brokers took, and what they said of the others. Raises ClusterError."""
    sender = Sender(settings, PHYSICIAN_EVENTS.name, MAX_RECORD_BYTES)
    sender.send([{"key": owner_code(change.event).encode(), "value": encode(change.event)} for change in changes])
    sender.finish()
    return sender.delivered, tuple(dict.fromkeys(sender.failed))
