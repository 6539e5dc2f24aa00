"""What a batch changes of the visits, as it is made: states, claims, letters and counts, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.intake.messages import Refused
from pipeline.intake.state import Record, State, encode
from pipeline.intake.visits import Changes, Letter, Visits, numbers_of
from topics.catalogue import MAX_RECORD_BYTES
from topics.dead_letters import Code

MOST_BYTES = MAX_RECORD_BYTES - 1024 * 1024
"""Most bytes of what is kept of a visit."""


class UnitOfWork:
    """The changes of one batch. `dirty` are the visits of which something new is known, with the records that said it. Nothing
    that is known of the visits is changed."""

    def __init__(self, visits: Visits, now: int) -> None:
        self.visits, self.now = visits, now
        self.out = Changes()
        self.dirty: dict[str, list[Record]] = {}
        self.refused: dict[int, tuple[Record, list[tuple[Code, str]]]] = {}
        self._states: dict[str, State] = {}
        self._before: dict[str, set[str]] = {}
        self._changed: dict[str, None] = {}

    # -- states -------------------------------------------------------------------------------------------------

    def known(self, key: str) -> State | None:
        """The state of a key as it is in this batch."""
        state = self._states.get(key)
        if state is None:
            state = self.visits.state(key)
            if state is not None:
                self._states[key] = state
                self._before[key] = numbers_of(state)
        return state

    def open(self, key: str) -> State:
        """The state of a key, made if there is none; it will be written."""
        state = self.known(key)
        if state is None:
            state = self._states[key] = State()
            self._before[key] = set()
        state.touched = max(state.touched, self.now)
        return self.changing(key)

    def changing(self, key: str) -> State:
        """A state that will be written although nothing was said of it."""
        self._changed[key] = None
        return self._states[key]

    def is_changed(self, key: str) -> bool:
        """Whether a state will be written."""
        return key in self._changed

    def forget(self, key: str) -> None:
        """Takes a state out, of which nothing was said for long."""
        self.out.tally.forgotten += 1
        self._states[key] = State()
        self._changed[key] = None

    def keep(self, key: str, records: list[Record] | None = None) -> bool:
        """Writes a state; False if it is too large, and what came of it in this batch is set aside."""
        state = self._states[key]
        empty = not (state.facts or state.written or state.requests or state.responses or state.done)
        value = None if empty and not (state.understood or state.failed) else encode(state)
        if value is not None and len(value) > MOST_BYTES:
            for record in records or ():
                told = f"what is kept of {key} would have {len(value):,} bytes; at most {MOST_BYTES:,} are kept"
                self.refuse(record, Code.VISIT_FULL, told)
            self.leave(key)
            return False
        self.out.states[key] = value
        self.out.numbers[key] = (self._before[key], numbers_of(state))
        if value is not None:
            self.out.dues[key] = self.visits.due(state)
        return True

    def leave(self, key: str) -> None:
        """Leaves a state as it was."""
        for known in (self.out.states, self.out.numbers, self.out.dues, self._changed):
            known.pop(key, None)

    def keep_the_rest(self) -> None:
        """Writes the states that will be written and are not yet. A half of a message that does not find room is set aside."""
        for key in list(self._changed):
            if key not in self.out.states and not self.keep(key):
                for record in self._come(key):
                    told = f"what waits under {key} would have more than {MOST_BYTES:,} bytes with this message"
                    self.refuse(record, Code.VISIT_FULL, told)

    def _come(self, key: str) -> list[Record]:
        """The halves of messages that wait under a key since this batch."""
        state, before = self._states[key], self.visits.state(key)
        known = set() if before is None else {record.offset for record in (*before.requests, *before.responses)}
        return [record for record in (*state.requests, *state.responses) if record.offset not in known]

    # -- what is wrong --------------------------------------------------------------------------------------------

    def count(self, outcome: str) -> None:
        """Counts what a record came to."""
        self.out.tally.records[outcome] += 1

    def refuse(self, record: Record, code: Code, reason: str) -> None:
        """Sets a record aside, with one reason more."""
        self.refused.setdefault(record.offset, (record, []))[1].append((code, reason))

    @contextmanager
    def costing_itself(self, record: Record, *, counted: bool = False) -> Iterator[None]:
        """Sets a record aside of which nothing can be used; whatever nobody foresaw in a message of others costs it alone."""
        try:
            yield
        except Refused as refused:
            self.refuse(record, refused.code, refused.reason)
        except Exception as error:
            self.refuse(record, Code.UNREADABLE, f"{type(error).__name__}: {error}")
        else:
            return
        if not counted:
            self.count("set_aside")

    def write_letters(self) -> None:
        """Makes one dead letter of each record that was refused, for whatever reasons."""
        for record, reasons in self.refused.values():
            code = reasons[0][0]
            reason = "; ".join(dict.fromkeys(told for _, told in reasons))
            self.out.letters.append(Letter(record, code, reason))
            self.out.tally.letters[code.value] += 1
