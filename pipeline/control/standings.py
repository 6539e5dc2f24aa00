"""Which standing follows from a dossier, and whether it has to be published."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TypeVar

import msgspec

from pipeline.control.dossiers import revision_of
from rules.changes import diff, with_changes
from rules.dossier import Dossier
from rules.events import Event
from rules.packs.pack_set import Law
from rules.standing import Statement, institution_timeline, statement
from rules.timeline import InstitutionTimeline, PhysicianTimeline

T = TypeVar("T")


class _Revised(msgspec.Struct):
    revision: int


_read_revision = msgspec.json.Decoder(_Revised).decode

_encode = msgspec.json.Encoder().encode
_read_physician = msgspec.json.Decoder(PhysicianTimeline).decode
_read_institution = msgspec.json.Decoder(InstitutionTimeline).decode


def physician_statement(events: tuple[Event, ...], file: Dossier, law: Law, region: str, code: str) -> Statement:
    """The physician's timeline with the account behind it, from everything recorded; its revision counts the events."""
    revision = revision_of(events)
    return statement(file, law, region=region, physician_code=code, revision=revision)


def physician_publication(timeline: PhysicianTimeline, published: bytes | None, *, owner: bool = False) -> bytes | None:
    """The bytes to publish, with the days that changed; None when the published standing says the same or knows more.

    Under the same revision another content is published: the events are the same, so the law has changed. The `owner`, whose
    dossier holds every event of the log, is told nothing by a higher revision: somebody else has written it.
    """
    old = _or_none(_read_physician, published)
    if old is None:
        # An unreadable record is replaced whatever its revision was: claims of that physician wait for it.
        nothing = published is None and not timeline.spans and not timeline.sites
        return None if nothing else _encode(with_changes(timeline, None))
    if old.revision > timeline.revision:
        return _encode(with_changes(timeline, old)) if owner else None
    if _content(old) == _content(timeline):
        return None
    return _encode(with_changes(timeline, old))


def institution_publication(
    events: tuple[Event, ...],
    file: Dossier,
    law: Law,
    region: str,
    code: str,
    published: bytes | None,
    *,
    owner: bool = False,
) -> bytes | None:
    """The same for an institution's agreement."""
    new = institution_timeline(file, law, institution_code=code, region=region, revision=revision_of(events))
    old = _or_none(_read_institution, published)
    if old is None:
        return None if published is None and not new.spans and not new.headed else _encode(_changed(new, None))
    if old.revision > new.revision:
        return _encode(_changed(new, old)) if owner else None
    if (old.spans, old.headed) == (new.spans, new.headed):
        return None
    return _encode(_changed(new, old))


def foreign(published: bytes | None, ours: bytes) -> bool:
    """Whether a published standing that ours replaces was never the owner's: removed, unreadable, or of a later revision."""
    old = _or_none(_read_revision, published)
    return old is None or old.revision > _read_revision(ours).revision


def _changed(new: InstitutionTimeline, old: InstitutionTimeline | None) -> InstitutionTimeline:
    return msgspec.structs.replace(new, changed=diff(old, new))


def _content(timeline: PhysicianTimeline) -> PhysicianTimeline:
    none: tuple[tuple[dt.date | None, dt.date | None], ...] = ()
    return msgspec.structs.replace(timeline, revision=0, changed=none)


def _or_none(read: Callable[[bytes], T], value: bytes | None) -> T | None:
    if value is None:
        return None
    try:
        return read(value)
    except Exception:  # a decoder may raise anything
        return None
