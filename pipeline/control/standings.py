"""Which standing follows from a dossier, and whether it has to be published."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from pipeline.control.dossiers import revision_of
from pipeline.kinds import says_nothing
from rules.changes import with_changes
from rules.dossier import Dossier
from rules.events import Event
from rules.packs.pack_set import Law
from rules.standing import Statement, statement
from rules.timeline import AnyTimeline

T = TypeVar("T")


class _Revised(msgspec.Struct):
    revision: int


_read_revision = msgspec.json.Decoder(_Revised).decode

_encode = msgspec.json.Encoder().encode


def physician_statement(
    events: tuple[Event, ...], file: Dossier, law: Law, region: str, code: str, before: Statement | None = None
) -> Statement:
    """The physician's timeline with the account behind it, from everything recorded; its revision counts the events. `before`:
    what was said of fewer of them, to be counted on."""
    revision = revision_of(events)
    return statement(file, law, region=region, physician_code=code, revision=revision, before=before)


def publication(timeline: AnyTimeline, published: bytes | None, *, owner: bool = False) -> bytes | None:
    """The bytes to publish, with the days that changed; None when the published standing says the same or knows more.

    Under the same revision another content is published: the events are the same, so the law has changed. The `owner`, whose
    dossier holds every event of the log, is told nothing by a higher revision: somebody else has written it.
    """
    old = _or_none(msgspec.json.Decoder(type(timeline)).decode, published)
    if old is None:
        # An unreadable record is replaced whatever its revision was: claims of that owner wait for it.
        return None if published is None and says_nothing(timeline) else _encode(with_changes(timeline, None))
    if old.revision > timeline.revision:
        return _encode(with_changes(timeline, old)) if owner else None
    return None if _content(old) == _content(timeline) else _encode(with_changes(timeline, old))


def foreign(published: bytes | None, ours: bytes) -> bool:
    """Whether a published standing that ours replaces was never the owner's: removed, unreadable, or of a later revision."""
    old = _or_none(_read_revision, published)
    return old is None or old.revision > _read_revision(ours).revision


def _content(timeline: AnyTimeline) -> AnyTimeline:
    return msgspec.structs.replace(timeline, revision=0, changed=())


def _or_none(read: Callable[[bytes], T], value: bytes | None) -> T | None:
    if value is None:
        return None
    try:
        return read(value)
    except Exception:  # a decoder may raise anything
        return None
