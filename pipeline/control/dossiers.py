"""Dossiers as they are kept (topic `dossiers`): the accepted events of one owner in one area.

The kept bytes do not depend on the order of arrival, nor on repetition: each distinct event stands there once, in the
law's order. Two different events under one id both stay, because which of them counts is the ledger's decision.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import cast

import msgspec

from pipeline.kinds import KINDS
from rules.dossier import Dossier, fold, law_order
from rules.events import TYPES, AnyEvent, Event, decode, encode
from topics.events.acceptance import OwnerKind


class _File(msgspec.Struct, frozen=True):
    events: tuple[AnyEvent, ...] = ()


class _Kept(msgspec.Struct, frozen=True):
    events: tuple[msgspec.Raw, ...] = ()


class _Typed(msgspec.Struct, frozen=True):
    type: str = ""


_type = msgspec.json.Decoder(_Typed).decode
_read = msgspec.json.Decoder(_File).decode
_count = msgspec.json.Decoder(_Kept).decode


def dossier_key(kind: OwnerKind, region: str, code: str) -> bytes:
    """Key of a dossier: owners of different kinds may bear the same code."""
    return f"{kind}|{region}|{code}".encode()


def owner_of(key: bytes) -> tuple[OwnerKind, str, str]:
    """Kind, region and code of a dossier's key. Raises LookupError for a kind that this version does not know."""
    kind, region, code = key.decode().split("|", 2)
    return KINDS[cast("OwnerKind", kind)].name, region, code


def standing_key(region: str, code: str) -> bytes:
    """Key of the standing topics."""
    return f"{region}|{code}".encode()


def read_dossier(value: bytes | None) -> tuple[Event, ...]:
    """The distinct events of a kept dossier, in the law's order. Raises msgspec.MsgspecError when it is not one.

    An event that was accepted under wider bounds than today's is left out, as the audit leaves it out of the log.
    """
    return read_whole(value)[0]


def read_whole(value: bytes | None) -> tuple[tuple[Event, ...], tuple[bytes, ...]]:
    """The events of a kept dossier as `read_dossier` tells them, and as bytes those that this version cannot read.

    Whoever writes the dossier keeps those: another process of a rolling upgrade may know them.
    """
    if value is None:
        return (), ()
    try:
        return _read(value).events, ()
    except msgspec.ValidationError:
        kept = [(bytes(raw), _usable(raw)) for raw in _count(value).events]
        return (
            tuple(event for _, event in kept if event is not None),
            tuple(raw for raw, event in kept if event is None),
        )


def of_later_version(unread: tuple[bytes, ...]) -> bool:
    """Whether one of these has a type that only a later version knows."""
    return any(_type(raw).type not in TYPES for raw in unread)


def _usable(raw: msgspec.Raw) -> Event | None:
    try:
        return decode(bytes(raw))
    except msgspec.ValidationError:
        return None


def write_dossier(events: tuple[Event, ...], unread: tuple[bytes, ...] = ()) -> bytes:
    """The bytes that are kept, the same for the same events; `unread` are events that this version cannot read."""
    return b'{"events":[' + b",".join((*map(encode, events), *unread)) + b"]}"


def with_event(events: tuple[Event, ...], event: Event) -> tuple[Event, ...]:
    """The events, in the order in which they are kept, with one more; the very same tuple when it is already there."""
    order = law_order(event)
    first = bisect_left(events, order, key=law_order)
    last = bisect_right(events, order, lo=first, key=law_order)
    if event in events[first:last]:
        return events
    at = bisect_left(events, encode(event), lo=first, hi=last, key=encode)
    return (*events[:at], event, *events[at:])


def file_of(events: tuple[Event, ...]) -> Dossier:
    """The law's view: of several events under one id only the one recorded first counts."""
    return fold(events)


def revision_of(events: tuple[Event, ...]) -> int:
    """How many distinct events are known: it only grows, and anybody can count it again from the log."""
    return len(events)
