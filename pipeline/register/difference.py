"""What a register or roster says that the log of events does not: pure, from events to events.

Whether an event says anything new is asked of the ledger's own fold: it is needed if with it the timeline holds something else
on any day. So a registration that stands under another id is not sent again, and one that no day would change by is told as
kept. The events of a file are tried until none of them changes anything, so that what was sent and the same file again
make no difference any more.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from pipeline.kinds import KINDS
from rules.areas import pooling_area
from rules.changes import diff
from rules.dossier import fold
from rules.events import (
    NEEDS_INSTITUTION,
    Event,
    OptOut,
    Registration,
    SiteDeclaration,
    SiteEnded,
    StatusCorrected,
    StatusRecorded,
    encode,
)
from rules.packs.pack_set import PackSet
from rules.standing import span_on
from rules.timeline import InstitutionTimeline, PhysicianTimeline, Site, SubjectTimeline
from rules.vocabulary import SiteStatus, Standing
from topics.events.acceptance import Accepted, OwnerKind, Refused, accept, filed_under, kind_of, owner_code

Owner = tuple[OwnerKind, str, str]
"""Kind, region and code of a dossier."""

Timeline = PhysicianTimeline | InstitutionTimeline | SubjectTimeline
Kind = Literal["added", "ended", "changed"]
_BARRED = (Standing.SUSPENDED, Standing.TERMINATED)


@dataclass(frozen=True, slots=True)
class Change:
    """An event to send. `ended` is one that takes somebody out of a register, `added` one for whom that institution was not
    recorded, `changed` any other; `was` says what the log said before."""

    kind: Kind
    event: Event
    was: str


@dataclass(frozen=True, slots=True)
class Unsaid:
    """Something that the file says and no event of the scheme can say, or that the log holds against it."""

    code: str
    why: str


@dataclass(slots=True)
class Difference:
    """`same` events are in the log or change nothing; `kept` are those of them whose first day the log has otherwise and keeps;
    `known` is how many persons the log knows whom the file would have to name."""

    changes: list[Change] = field(default_factory=list)
    unsaid: list[Unsaid] = field(default_factory=list)
    kept: list[Unsaid] = field(default_factory=list)
    same: int = 0
    known: int = 0

    def of_kind(self, kind: Kind) -> list[Change]:
        """The changes of a kind."""
        return [change for change in self.changes if change.kind == kind]


@dataclass(frozen=True, slots=True)
class Ends:
    """What becomes of those whom the file names no more. `who`: those whom an institution of the file has declared, or those
    who have a status by this list; `event` makes what ends them, of region, code, institution, day and a number."""

    name: str
    who: Literal["declared", "listed"]
    type: str
    event: Callable[[str, str, str | None, dt.date, int], bytes]


def difference(
    log: Mapping[Owner, Sequence[Event]], rows: Iterable[Event], packs: PackSet, day: dt.date, ends: Ends | None
) -> Difference:
    """What the rows of a file say beyond the log, as of a day. Without `ends` nobody is ended for being absent."""
    found = Difference()
    said: dict[Owner, list[Event]] = {}
    for event in rows:
        said.setdefault(_owner(event, packs), []).append(event)
    places = _Places(said)
    for owner in sorted(said):
        person = _Person(owner, log.get(owner, ()), packs, day)
        _take(person, said[owner], found)
        if ends is not None and owner[0] == "physician":
            _bring_back(person, said[owner], ends, found)
            _end(person, places, ends, found)
    for owner in sorted(log.keys() - said.keys()):
        if ends is not None and owner[0] == "physician" and owner[1] in places.regions:
            _end(_Person(owner, log[owner], packs, day), places, ends, found)
    return found


class _Places:
    """Of whom the file speaks: its areas, the regions as it writes them, its institutions, and whom it names where."""

    def __init__(self, said: Mapping[Owner, Sequence[Event]]) -> None:
        self.regions = {owner[1] for owner in said}
        self.sent = {event.region for events in said.values() for event in events}
        self.institutions = {event.institution for events in said.values() for event in events if event.institution}
        self.named = {(owner, event.institution) for owner, events in said.items() for event in events}
        self.owners = said.keys()

    def wrote(self, event: Event) -> bool:
        """Whether an event is of a place that the file speaks of; what speaks of the area as such speaks of all its places."""
        return event.region in self.sent or pooling_area(event.region, event.date) in self.sent


class _Person:
    """A dossier while events are tried on it."""

    def __init__(self, owner: Owner, events: Sequence[Event], packs: PackSet, day: dt.date) -> None:
        self.owner, self.events, self.packs, self.day = owner, list(events), packs, day
        self._now: Timeline | None = None

    @property
    def now(self) -> Timeline:
        """What holds by the events so far."""
        if self._now is None:
            self._now = self._fold(self.events)
        return self._now

    def _fold(self, events: Sequence[Event]) -> Timeline:
        kind, region, code = self.owner
        return KINDS[kind].follows(fold(events), self.packs, region, code)

    def named(self, event: Event) -> Event:
        """The event under an id that says nothing else in the dossier."""
        if event in self.events or all(known.event_id != event.event_id for known in self.events):
            return event
        digest = hashlib.sha256(encode(event)).hexdigest()[:12]
        return replace_id(event, f"{event.event_id}:{digest}")

    def take(self, event: Event) -> bool:
        """Whether the event makes anything different on any day; then it counts from here on."""
        after = self._fold([*self.events, event])
        if not diff(self.now, after):
            return False
        self.events.append(event)
        self._now = after
        return True

    def sites(self) -> list[Site]:
        """Which institutions have declared the person on the day."""
        now = self.now
        sites = now.sites if isinstance(now, PhysicianTimeline) else ()
        held = [site for site in sites if isinstance(site, Site) and site.status is SiteStatus.DECLARED]
        return [site for site in held if _covers(site, self.day)]

    def words(self, institution: str | None) -> str:
        """What the log says of the person, at an institution where one is meant."""
        now = self.now
        if isinstance(now, InstitutionTimeline):
            return f"{len(self.events)} events recorded"
        if not self.events:
            return "not recorded"
        span = span_on(now.spans, self.day)
        if not isinstance(now, PhysicianTimeline):
            return "not suspended" if span is None else f"{span.standing} until {span.end or 'further notice'}"
        standing = "unregistered" if span is None else str(span.standing)
        at = next((site for site in self.sites() if site.institution_code == institution), None)
        if institution is None:
            return standing
        return f"{standing}, " + (f"declared since {at.start}" if at is not None else "not declared there")


def replace_id(event: Event, event_id: str) -> Event:
    """The same event under another id."""
    return msgspec.structs.replace(event, event_id=event_id)


def _owner(event: Event, packs: PackSet) -> Owner:
    return kind_of(event), filed_under(event, packs), owner_code(event)


def _covers(site: Site, day: dt.date) -> bool:
    return (site.start is None or site.start <= day) and (site.end is None or day <= site.end)


def _take(person: _Person, rows: Sequence[Event], found: Difference) -> None:
    """Sends of a person's rows those that say something new, until none does."""
    waiting = list(dict.fromkeys(rows))
    moved = True
    while moved:
        moved = False
        for event in tuple(waiting):
            named, was = person.named(event), None
            if named not in person.events:
                was, kind = person.words(event.institution), _kind(person, event)
                if not person.take(named):
                    continue
                found.changes.append(Change(kind, named, was))
            else:
                found.same += 1
            waiting.remove(event)
            moved = True
    for event in waiting:
        found.same += 1
        _tell_kept(person, event, found)


def _kind(person: _Person, event: Event) -> Kind:
    if isinstance(event, OptOut | SiteEnded) or (isinstance(event, StatusRecorded) and event.status != "normal"):
        return "ended"
    now = person.now
    sites = now.sites if isinstance(now, PhysicianTimeline) else ()
    there = {site.institution_code for site in sites if isinstance(site, Site)}
    is_new = isinstance(event, Registration | SiteDeclaration) and event.institution not in there
    return "added" if is_new or not person.events else "changed"


def _tell_kept(person: _Person, event: Event, found: Difference) -> None:
    """A declaration that starts later than the log has it: what was once declared cannot be declared less."""
    if not isinstance(event, Registration | SiteDeclaration):
        return
    for site in person.sites():
        if site.institution_code == event.institution and site.start is not None and site.start < event.date:
            why = (
                f"{event.institution}: the file begins on {event.date}, the log has it since {site.start} and keeps it"
            )
            found.kept.append(Unsaid(person.owner[2], why))


# -- who is named no more, and who is back ------------------------------------------------------------------------


def _own_ends(person: _Person, ends: Ends) -> list[Event]:
    """Ends that this mapping has made, and that were not made void."""
    void = {event.ref for event in person.events if isinstance(event, StatusCorrected)}
    prefix = f"{ends.name}:ended:"
    return [event for event in person.events if event.event_id.startswith(prefix) and event.event_id not in void]


def _bring_back(person: _Person, rows: Sequence[Event], ends: Ends, found: Difference) -> None:
    """Whoever was ended for being absent and is named again: the end is void, or the status is normal from the new first day."""
    holding = (Registration, SiteDeclaration) if ends.who == "declared" else (StatusRecorded,)
    days = [event.date for event in rows if isinstance(event, holding)]
    for ended in _own_ends(person, ends):
        if not isinstance(ended, StatusRecorded) or not days:
            continue
        last = max(days)
        was = person.words(None)
        event_id = f"{ends.name}:back:{ended.event_id}"
        back: Event
        if last <= ended.date:
            common = {"event_id": event_id, "region": ended.region, "physician_code": ended.physician_code}
            back = StatusCorrected(**common, date=person.day, recorded_at=_morning(person.day), ref=ended.event_id)  # type: ignore[arg-type]
        elif ends.who == "declared":
            back = replace_id(
                msgspec.structs.replace(ended, status="normal", date=last, recorded_at=_morning(last)), event_id
            )
        else:
            continue
        if back not in person.events and _sendable(back, person, found) and person.take(back):
            kind: Kind = "ended" if ended.status == "normal" else "changed"
            found.changes.append(Change(kind, back, was))


def _end(person: _Person, places: _Places, ends: Ends, found: Difference) -> None:
    """Ends what the log has and the file does not name any more."""
    if ends.who == "listed":
        if _listed(person, places, ends):
            found.known += 1
            if person.owner not in places.owners:
                _make_end(person, None, ends, found)
        return
    mine = [site for site in person.sites() if site.institution_code in places.institutions]
    if not mine or _barred(person):
        return
    found.known += 1
    absent = [site.institution_code for site in mine if (person.owner, site.institution_code) not in places.named]
    if not absent:
        return
    if ends.type in NEEDS_INSTITUTION:
        for institution in absent:
            _make_end(person, institution, ends, found)
        return
    others = sorted({site.institution_code for site in person.sites()} - set(absent))
    if others:
        why = f"{', '.join(absent)}: a {ends.type} would end the person, who is declared at {', '.join(others)} as well"
        found.unsaid.append(Unsaid(person.owner[2], why))
    else:
        _make_end(person, absent[0], ends, found)


def _listed(person: _Person, places: _Places, ends: Ends) -> bool:
    """Whether what bars the person on the day is this list's: another's decision is not for a list to end, nor what the list of
    another place in the area says."""
    now = person.now
    span = None if isinstance(now, InstitutionTimeline) else span_on(now.spans, person.day)
    if span is None or not span.penalised:
        return False
    bars = [event for event in person.events if isinstance(event, StatusRecorded) and event.status != "normal"]
    causes = span.causes or tuple(event.event_id for event in bars)
    if any(event.event_id in causes and not places.wrote(event) for event in bars):
        return False
    return bool(causes) and all(cause.startswith(f"{ends.name}:") for cause in causes)


def _barred(person: _Person) -> bool:
    now = person.now
    span = None if isinstance(now, InstitutionTimeline) else span_on(now.spans, person.day)
    return span is not None and span.standing in _BARRED


_BINDS_EVERYWHERE = (
    "{type} does not exist in the law of {region} and would bind in every area, which a name that is no longer on a list "
    "does not say; send the decision itself, or give the mapping an end that this law knows"
)


def _make_end(person: _Person, institution: str | None, ends: Ends, found: Difference) -> None:
    _, region, code = person.owner
    prefix = f"{ends.name}:ended:"
    number = sum(event.event_id.startswith(prefix) for event in person.events)
    answer = accept(ends.event(region, code, institution, person.day, number), person.packs)
    if isinstance(answer, Refused) or answer.area != region:
        why = answer.reason if isinstance(answer, Refused) else _BINDS_EVERYWHERE.format(type=ends.type, region=region)
        found.unsaid.append(Unsaid(code, f"{institution or region}: named no more; {why}"))
        return
    was = person.words(institution)
    if person.take(answer.event):
        kind: Kind = (
            "changed" if isinstance(answer.event, StatusRecorded) and answer.event.status == "normal" else "ended"
        )
        found.changes.append(Change(kind, answer.event, was))


def _sendable(event: Event, person: _Person, found: Difference) -> bool:
    answer = accept(encode(event), person.packs)
    if isinstance(answer, Accepted):
        return True
    found.unsaid.append(Unsaid(person.owner[2], f"named again; {answer.reason}"))
    return False


def _morning(day: dt.date) -> dt.datetime:
    """When the events of a register count as recorded: as its day begins."""
    return dt.datetime.combine(day, dt.time(), dt.timezone(dt.timedelta(hours=8)))
