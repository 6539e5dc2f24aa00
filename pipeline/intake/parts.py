"""A partition of the messages that a process of the intake has, and what it writes of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from pipeline.intake.state import Record
from pipeline.intake.visits import Changes, Letter, Visits
from pipeline.kafka.producing import Record as Produced
from pipeline.kafka.transactions import Outgoing
from topics.catalogue import (
    CLAIMS,
    INTAKE_VISITS,
    INTERFACE_MESSAGES,
    INTERFACE_MESSAGES_DEAD_LETTER,
    MAX_DEAD_LETTER_BYTES,
)
from topics.dead_letters import enclose


@dataclass(slots=True)
class Part:
    """A partition that this process has: its visits, where reading goes on, and what time it is there."""

    visits: Visits
    next: int
    caught_up: bool = False
    now: int = 0
    records: list[Record] = field(default_factory=list)

    @property
    def after(self) -> int:
        """Where reading goes on behind what was read."""
        return self.records[-1].offset + 1 if self.records else self.next

    def time(self) -> int:
        """The clock's time where all was read, else that of the last record: what waits does not wait for a backlog in vain."""
        last = self.records[-1].at if self.records else 0
        self.now = max(self.now, last, _now_ms() if self.caught_up else 0)
        return self.now


def outgoing_of(number: int, changes: Changes) -> list[Outgoing]:
    """What a partition's changes write, topic by topic."""
    claims: list[Produced] = [{"key": name, "value": value} for name, value in changes.claims]
    kept: list[Produced] = [{"key": name, "value": value} for name, value in changes.states.items()]
    letters = [_letter(number, letter) for letter in changes.letters]
    found = [
        Outgoing(CLAIMS.name, claims),
        Outgoing(INTAKE_VISITS.name, kept, partition=number),
        Outgoing(INTERFACE_MESSAGES_DEAD_LETTER.name, letters, single=True),
    ]
    for target, records in changes.sent_on.items():
        sent = [{"key": one.key, "value": one.value, "headers": list(one.headers)} for one in records]
        found.append(Outgoing(INTERFACE_MESSAGES.name, sent, partition=target, single=True))
    return [part for part in found if part.records]


def _letter(number: int, letter: Letter) -> Produced:
    record = letter.record
    made = enclose(
        letter.code, letter.reason, topic=INTERFACE_MESSAGES.name, partition=number, offset=record.offset, key=record.key,
        value=record.value, headers=record.headers, limit=MAX_DEAD_LETTER_BYTES,
    )  # fmt: skip
    return {"key": made.key, "value": made.value, "headers": made.headers}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
