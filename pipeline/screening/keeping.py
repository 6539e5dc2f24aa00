"""Where the index keeps the standings of each kind of owners: a record of a standing topic becomes an entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from pipeline.kinds import KINDS, Kind
from rules.screens.index import StandingIndex
from rules.timeline import AnyTimeline


@dataclass(frozen=True, slots=True)
class Kept:
    """The place of one kind of owners in an index."""

    kind: Kind
    read: Callable[[bytes], AnyTimeline]
    put: Callable[[Any], None]
    put_unreadable: Callable[[str], None]
    drop: Callable[[str], None]

    def apply(self, name: str, value: bytes | None) -> AnyTimeline | None:
        """Takes the newest record of an owner by its key; None for a tombstone.

        Raises whatever a decoder may raise for a record that cannot be read: the owner is marked as unreadable then.
        """
        if not value:
            self.drop(name)
            return None
        try:
            timeline = self.read(value)
            expected = self.kind.key(timeline)
            if name != expected:
                raise ValueError(f"the key is {name!r}, but the record speaks of {expected!r}")
            self.put(timeline)
        except Exception:
            self.put_unreadable(name)
            raise
        return timeline


def kept_in(index: StandingIndex) -> Mapping[str, Kept]:
    """The places of all kinds in an index, by the names of their topics."""
    return {kind.topic.name: _kept(kind, index) for kind in KINDS.values()}


def _kept(kind: Kind, index: StandingIndex) -> Kept:
    read = msgspec.json.Decoder(kind.timeline).decode
    if kind.name == "physician":
        return Kept(kind, read, index.put, index.put_unreadable, index.drop)
    if kind.subject is None:
        return Kept(kind, read, index.put_institution, index.put_institution_unreadable, index.drop_institution)
    subject = kind.subject
    return Kept(
        kind,
        read,
        lambda timeline: index.put_beside(subject, timeline.plain()),
        lambda name: index.put_beside_unreadable(subject, name),
        lambda name: index.drop_beside(subject, name),
    )
