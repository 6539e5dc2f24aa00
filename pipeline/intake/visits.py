"""What the intake knows of the visits of one partition, and what a batch changes of it.

A batch says what is to be written and changes nothing; `apply` remembers it once it is written, and `discard` says that it could
not be. Time arrives as an argument.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.intake.classes import VisitClasses
from pipeline.intake.state import Record, State, decode
from topics.dead_letters import Code

MOST_DUE_AT_ONCE = 2_000
"""Most states that are looked at in one transaction because their time has come."""


@dataclass(slots=True)
class Tally:
    """What a batch came to, by name. Each record is one of `records`: used, joined, waiting, repeated, answer, passed, failed,
    sent_on or set_aside. `letters` go by code, `claims` are first ones, later versions and refunds."""

    records: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    claims: Counter[str] = field(default_factory=Counter)
    letters: Counter[str] = field(default_factory=Counter)
    encounter_unknown: Counter[str] = field(default_factory=Counter)
    doubts: Counter[str] = field(default_factory=Counter)
    visit_not_seen: int = 0
    forgotten: int = 0


@dataclass(frozen=True, slots=True)
class Letter:
    """A record that is set aside, and why."""

    record: Record
    code: Code
    reason: str


@dataclass(slots=True)
class Changes:
    """What a batch writes: claims by claim_id, states by key (None: forgotten), letters, and records for other partitions."""

    claims: list[tuple[str, bytes]] = field(default_factory=list)
    states: dict[str, bytes | None] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    sent_on: dict[int, list[Record]] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    numbers: dict[str, tuple[set[str], set[str]]] = field(default_factory=dict)
    """By key the numbers of messages that a visit's facts had, and have now."""
    dues: dict[str, int] = field(default_factory=dict)
    looked_at: list[tuple[int, str]] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.claims or self.states or self.letters or self.sent_on)


class Visits:
    """What is known of the visits of one partition. `wait_ms` is how long a settlement waits for its visit and one half of a
    message for the other, `keep_ms` how long a visit is known after its last message."""

    def __init__(
        self, topic: str, partition: int, partitions: int, classes: VisitClasses, *, wait_ms: int, keep_ms: int
    ) -> None:
        self.topic, self.partition, self.partitions = topic, partition, partitions
        self.classes, self.wait_ms, self.keep_ms = classes, wait_ms, keep_ms
        self._states: dict[str, bytes] = {}
        self._numbers: dict[str, tuple[str, ...]] = {}
        self._dues: list[tuple[int, str]] = []
        self._due_of: dict[str, int] = {}
        """When each state is looked at next: its earliest entry in `_dues`, the others of it count no more."""

    def __len__(self) -> int:
        return len(self._states)

    def restore(self, values: Iterable[tuple[str, bytes]]) -> None:
        """Remembers what was written by whoever had the partition before: the newest value of each key."""
        for key, value in values:
            state = decode(key, value, self.place)
            self._states[key] = value
            self._index(key, set(), numbers_of(state))
            self._due_of[key] = self.due(state)
        self._dues = [(due, key) for key, due in self._due_of.items()]
        heapq.heapify(self._dues)

    def due_until(self, now: int) -> list[tuple[int, str]]:
        """The keys whose time has come, no more than are looked at in one batch; `discard` gives them back."""
        found: list[tuple[int, str]] = []
        while self._dues and self._dues[0][0] <= now and len(found) < MOST_DUE_AT_ONCE:
            due, key = heapq.heappop(self._dues)
            if self._due_of.get(key) == due:
                del self._due_of[key]
                found.append((due, key))
        return found

    def apply(self, changes: Changes) -> None:
        """Remembers what is written."""
        for key, value in changes.states.items():
            if value is None:
                self._states.pop(key, None)
            else:
                self._states[key] = value
        for key, (before, after) in changes.numbers.items():
            self._index(key, before, after)
        for key, due in changes.dues.items():
            self._look_at(key, due)

    def discard(self, changes: Changes) -> None:
        """What was not written is looked at again."""
        for due, key in changes.looked_at:
            self._look_at(key, due)

    def _look_at(self, key: str, due: int) -> None:
        """Notes when to look at a state. If it is looked at before, that says anew when to look again."""
        known = self._due_of.get(key)
        if known is None or due < known:
            self._due_of[key] = due
            heapq.heappush(self._dues, (due, key))

    # -- for a batch --------------------------------------------------------------------------------------------

    def state(self, key: str) -> State | None:
        """What is known under a key, decoded anew."""
        value = self._states.get(key)
        return None if value is None else decode(key, value, self.place)

    def visits_of(self, number: str) -> tuple[str, ...]:
        """The keys of the visits that a message of this number speaks of."""
        return self._numbers.get(number, ())

    def place(self, offset: int) -> str:
        """A record of this partition, as people find it."""
        return f"{self.topic}/{self.partition}/{offset}"

    def due(self, state: State) -> int:
        """When a state is to be looked at although nothing came."""
        forgotten = state.touched + self.keep_ms
        return forgotten if state.since is None else min(state.since + self.wait_ms, forgotten)

    def _index(self, key: str, before: set[str], after: set[str]) -> None:
        for number in before - after:
            left = tuple(other for other in self._numbers.get(number, ()) if other != key)
            if left:
                self._numbers[number] = left
            else:
                self._numbers.pop(number, None)
        for number in after - before:
            self._numbers[number] = (*self._numbers.get(number, ()), key)


def numbers_of(state: State) -> set[str]:
    """The numbers of the messages that said something of a visit."""
    return {fact.told.number for fact in state.facts if fact.told.number is not None}
