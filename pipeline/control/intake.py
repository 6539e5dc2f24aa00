"""Intake: is this record an event that can be accepted, whose dossier does it belong to, and does it lie in the right place?"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from pipeline.control.dossiers import Kind, dossier_key
from pipeline.kafka.partitioner import partition_of
from rules.events import Event, EventError, check, decode
from rules.packs.pack import Pack, PackSet
from topics.dead_letters import Code
from topics.messages import PhysicianEvent


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event under the pack of its region, with the dossier that it belongs to."""

    event: Event
    pack: Pack
    kind: Kind
    code: str
    partition: int

    @property
    def dossier(self) -> bytes:
        """Key of the dossier."""
        return dossier_key(self.kind, self.event.region, self.code)


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a record is not accepted: everything that is wrong, and the code of the first."""

    code: Code
    reasons: tuple[str, ...]

    @property
    def error(self) -> str:
        """The reason as it stands in the dead letter's header."""
        return "; ".join(self.reasons)


def examine(value: bytes | None, packs: PackSet, partitions: int) -> Accepted | Refused:
    """Judges one record of `physician-events` by its value alone; `partitions` is the number of the topic's partitions.

    The record's own place is not looked at: the caller compares it with `Accepted.partition`.
    """
    if not value:
        return Refused(Code.NULL_VALUE, ("the record has no value",))
    try:
        event = decode(value)
        PhysicianEvent.model_validate_json(value)
    except EventError as error:
        return Refused(Code.INVALID_VALUE, tuple(error.problems))
    except ValidationError as error:
        return Refused(
            Code.INVALID_VALUE, tuple(_problem(item["loc"], item["msg"]) for item in error.errors(include_url=False))
        )
    pack = packs.for_region(event.region)
    if pack.ledger is None:
        return Refused(Code.NO_LEDGER, (f"region: {event.region} is governed by {pack.name}, which counts no events",))
    problems = check(event, pack.ledger)
    if problems:
        return Refused(Code.OUTSIDE_SCHEME, tuple(problems))
    kind: Kind = "institution" if event.of_institution else "physician"
    code = (event.institution if event.of_institution else event.physician_code) or ""
    return Accepted(event, pack, kind, code, partition_of(code.encode(), partitions))


def _problem(place: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(map(str, place))}: {message}" if place else message
