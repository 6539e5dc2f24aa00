"""What an event is: the one answer that the control plane, the audit, replays, `explain` and `load` give.

A record is read as one JSON object, its codes and ids are normalised, it is decoded into the type of its kind, whose bounds are
the contract's, and it is held against the scheme of its area. Whatever bytes come, the answer is `Accepted` or `Refused`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from rules.areas import pooling_area, province_of
from rules.events import TYPES, Event, check, decode, faults_of_form, subject_code
from rules.packs.pack import Pack
from rules.packs.pack_set import PackSet
from rules.vocabulary import Subject
from topics.dead_letters import Code
from topics.normalisation import normal_code, normal_id
from topics.objects import MAX_DEPTH, MAX_VALUE_BYTES, FormError, read_object

OwnerKind = Literal["physician", "institution", "insured", "department"]

MOST_EVENTS = 5_000
"""Events of one dossier. A career does not come near; a sender gone wild must not make a file that no topic takes."""

_NAMES = {Subject.INSURED: "insured person", Subject.DEPARTMENT: "institution's department"}

_LOOSE = re.compile(rb'"[ \t\r\n]')
"""White space after a quote: a key may be followed by something else than its colon, so that keys cannot be counted."""
_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event under the pack that takes it, and whose dossier it belongs to: of which area, or of which place inside it."""

    event: Event
    pack: Pack
    area: str

    @property
    def kind(self) -> OwnerKind:
        """Whose the dossier is: a physician's, an institution's, an insured person's or a department's."""
        return kind_of(self.event)

    @property
    def code(self) -> str:
        """The code of the physician or institution, the record's key; or the insured person, or institution|department."""
        return owner_code(self.event)


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a record is not accepted: everything that is wrong, and the code of the first."""

    code: Code
    reasons: tuple[str, ...]

    @property
    def reason(self) -> str:
        """All of it in one line, as in a dead letter."""
        return "; ".join(self.reasons)


def accept(value: bytes | None, packs: PackSet) -> Accepted | Refused:
    """Judges one event by its value alone."""
    event = read_event(value)
    if isinstance(event, Refused):
        return event
    return file_under(event, packs)


def file_under(event: Event, packs: PackSet) -> Accepted | Refused:
    """The dossier that an event belongs to: that of its pooling area (P1), whose law has to know such events.

    What only the national law knows, a status of the person for one, stays with the place inside the area that it was sent for,
    or, about a person, with the province where it was sent for the area itself: it says nothing under the area's own law and
    binds beside it (P3).
    """
    area = pooling_area(event.region, event.date)
    if event.subject is not None:
        return _held_beside(event, event.subject, packs, area)
    found = _held(event, packs, area)
    place = event.region
    if place == area and not event.of_institution:
        place = province_of(area)
    if isinstance(found, Accepted) or place == area:
        return found
    beside = _held(event, packs, place)
    return beside if isinstance(beside, Accepted) else found


def filed_under(event: Event, packs: PackSet) -> str:
    """The area, or the place inside it, whose dossier an event belongs to; of one that is refused its pooling area."""
    found = file_under(event, packs)
    return found.area if isinstance(found, Accepted) else pooling_area(event.region, event.date)


def _held(event: Event, packs: PackSet, area: str) -> Accepted | Refused:
    law = packs.law(area)
    pack = law.on(event.date)
    if pack.ledger is None:
        return Refused(Code.NO_LEDGER, (f"region: {area} is governed by {pack.name}, which counts no events",))
    problems = check(event, pack.ledger.on(event.date))
    if not problems:
        return Accepted(event, pack, area)
    if hasattr(event, "ref"):
        # What is about a decision goes by the law of that decision, which may have ended since (S3).
        for earlier in reversed(law.packs[: law.packs.index(pack)]):
            if earlier.ledger is not None and not check(event, earlier.ledger):
                return Accepted(event, earlier, area)
    return Refused(Code.OUTSIDE_SCHEME, tuple(problems))


def _held_beside(event: Event, subject: Subject, packs: PackSet, area: str) -> Accepted | Refused:
    """An event about an insured person or a department, under the law of that subject.

    Who keeps no standing of them refuses it by name: it must not seem to be known.
    """
    if not packs.subjects:
        told = f"type: what {event.type_name} says of an {_NAMES[subject]} is not kept here; its law is not among the packs"
        return Refused(Code.OUTSIDE_SCHEME, (told,))
    pack = packs.beside(subject, area, event.date)
    if pack is None or pack.ledger is None:
        reason = f"region: no law of {area} speaks on {event.date} of an {_NAMES[subject]} ({event.type_name})"
        return Refused(Code.OUTSIDE_SCHEME, (reason,))
    problems = check(event, pack.ledger.on(event.date))
    return Refused(Code.OUTSIDE_SCHEME, tuple(problems)) if problems else Accepted(event, pack, area)


def read_event(value: bytes | None) -> Event | Refused:
    """The event that a value says, in its normal form; not yet held against any scheme."""
    event = _plain(value)
    return _examined(value) if event is None else event


def kind_of(event: Event) -> OwnerKind:
    """Whose dossier an event belongs to."""
    if event.subject is not None:
        return "insured" if event.subject is Subject.INSURED else "department"
    return "institution" if event.of_institution else "physician"


def owner_code(event: Event) -> str:
    """The code of whom an event concerns; empty where it names none."""
    if event.subject is not None:
        return subject_code(event)
    return (event.institution if event.of_institution else event.physician_code) or ""


def _plain(value: bytes | None) -> Event | None:
    """The event of a value that is normal beyond doubt; None for every other, which is then looked at closely."""
    if value is None or len(value) > MAX_VALUE_BYTES or value.count(b"{") + value.count(b"[") > MAX_DEPTH:
        return None
    try:
        event = decode(value)
        # Every key ends in `":`. So a text with exactly as many of those as distinct keys has no key twice.
        if _LOOSE.search(value) or value.count(b'":') != len(_object(value)):
            return None
    except Exception:
        # Whatever the decoder raises, the closer look says what is wrong.
        return None
    return event if event.recorded_at is not None and _normal(event) else None


def _normal(event: Event) -> bool:
    return all(
        getattr(event, name) == normal(getattr(event, name))
        for name, normal in _NORMAL.items()
        if getattr(event, name, None) is not None
    )


def _examined(value: bytes | None) -> Event | Refused:
    try:
        fields: dict[str, Any] = read_object(value, "event")
    except FormError as error:
        before = "not JSON: " if error.code is Code.INVALID_JSON else ""
        return Refused(error.code, (before + error.reason,))
    for name, normal in _NORMAL.items():
        if isinstance(fields.get(name), str):
            fields[name] = normal(fields[name])
    faults = faults_of_form(fields)
    told = fields.get("type")
    if fields.get("recorded_at") is None and isinstance(told, str) and told in TYPES:
        faults.append(("missing_field", "recorded_at: missing; every event tells when it was recorded"))
    if faults:
        return Refused(Code(faults[0][0]), tuple(reason for _, reason in faults))
    known = TYPES[fields["type"]].__struct_fields__
    try:
        return decode(msgspec.json.encode({name: fields[name] for name in fields if name == "type" or name in known}))
    except Exception as error:
        # No field is wrong by itself and yet the whole cannot be decoded: nobody has foreseen that.
        return Refused(Code.UNREADABLE, (f"{type(error).__name__}: {error}",))


def _code(text: str) -> str | None:
    return normal_code(text) or None


_NORMAL: dict[str, Callable[[str], str | None]] = {
    "region": normal_code,
    "physician_code": _code,
    "institution": _code,
    "insured_id": _code,
    "department": _code,
    "article": normal_id,
    "event_id": normal_id,
    "ref": normal_id,
    "violation_id": normal_id,
    "bonus_id": normal_id,
    "period": normal_id,
}
"""The fields that name somebody or something, and what makes them the same name however they were written."""
