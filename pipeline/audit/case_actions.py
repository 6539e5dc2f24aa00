"""Reads all case actions from the log: what each action does, and whether each refused action has its dead letter.

The logs say everything but one thing: whether an action came before its case was known, since the two stand in different topics.
The dead letters tell. After a crash they may tell it of an action that was taken the second time, so that a state counts as
following from the log when it follows for one of the moments at which its case may have become known.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import msgspec
import polars as pl
from pydantic import ValidationError

from pipeline.audit.findings import EVERY, Fault, Findings, Progress, ranges, told
from pipeline.audit.offsets import control_offsets
from pipeline.audit.rows import Kept, timestamp
from pipeline.kafka.partitioner import partition_of
from pipeline.kafka.reading import read_to_end
from pipeline.kafka.records import headers, place
from pipeline.settings.model import Settings
from rules.packs.pack_set import PackSet
from topics.cases.casebook import Applied, apply, events_of_law, facts_of, facts_with, open_case, open_state
from topics.catalogue import CASE_ACTIONS, CASE_ACTIONS_DEAD_LETTER, CLAIM_CASES, PHYSICIAN_EVENTS
from topics.dead_letters import Code, Envelope, opened
from topics.messages.cases import Case, CaseAction, CaseState
from topics.normalisation import without_mark

PART = "case_actions"
Place = tuple[str, int, int]
"""Topic, partition and offset."""

_TAKEN_AS_TOLD = frozenset({Code.CASE_FULL, Code.NOT_WRITABLE, Code.OUTSIDE_SCHEME, Code.UNCODED})
"""Letters of actions that today might be taken: bounds and what a scheme knows may have changed since, and what was written
before there were codes does not say why."""


_NOT_FILED = frozenset({Code.ID_CONFLICT, Code.CASE_FULL, Code.NOT_WRITABLE})
"""Letters of cases that the file of that name has no place for."""


class Opening(Protocol):
    """What the state of a case begins with."""

    case_id: str
    opened_at: str


class Act(NamedTuple):
    """An action as it stands in the log, with the time (ms) at which it was written."""

    partition: int
    offset: int
    at: int
    value: bytes

    @property
    def place(self) -> Place:
        """Where it stands."""
        return CASE_ACTIONS.name, self.partition, self.offset


@dataclass(slots=True)
class Settled:
    """A case after its actions: its state, and what became of each action. `answers` are reviews by the id of their event."""

    state: CaseState
    counted: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[Act, str]] = field(default_factory=list)
    needless: list[tuple[Act, str]] = field(default_factory=list)
    overtaken: list[Act] = field(default_factory=list)
    """Taken, though a letter says that their case was not known: after a crash they were read once more."""
    answers: dict[str, str] = field(default_factory=dict)


class _Event(msgspec.Struct, gc=False):
    event_id: str


_event = msgspec.json.Decoder(_Event).decode


def digest(state: CaseState) -> int:
    """A hash of the state's bytes as they are published."""
    return hash(state.model_dump_json().encode())


class CaseBook:
    """The actions of every case and their letters. Asks first how far the control plane has come. Raises ClusterError."""

    def __init__(self, settings: Settings, packs: PackSet) -> None:
        self._settings = settings
        self._packs = packs
        self._done = {
            name: {number: offsets.committed for number, offsets in found.items()}
            for name, found in control_offsets(settings, CLAIM_CASES, CASE_ACTIONS).items()
        }
        self._unbegun = False
        self._partitions = len(self._done[CLAIM_CASES.name])
        self._letters: dict[Place, list[Envelope]] = {}
        self._letters_kept = Kept()
        self._right: set[Place] = set()
        self._files: dict[str, list[Act]] = {}
        self._misplaced: list[tuple[str, Act]] = []
        self._unusable: list[tuple[Act, str]] = []
        self._published: dict[str, int | None] = {}
        self._known: set[str] = set()
        self._answers: dict[str, str] = {}
        self._counted: Counter[str] = Counter(
            dict.fromkeys(("read", "applied", "repeated", "refused", "forwarded", "dead_letters", "waiting"), 0)
        )
        self._actions_kept = Kept()
        self._missing: list[tuple[Act, str]] = []
        self._needless: list[tuple[Act, str]] = []

    def waits(self, topic: str, partition: int, offset: int) -> bool:
        """Whether the control plane has not said that it is done with a record. Without any offset it is taken as done, unless
        it has published nothing either."""
        return self._unbegun or (self.committed and offset >= (self._done[topic].get(partition) or 0))

    @property
    def committed(self) -> bool:
        """Whether the control plane has ever said how far it is."""
        return any(offset is not None for done in self._done.values() for offset in done.values())

    # -- the log --------------------------------------------------------------------------------------------------

    def read(self, states: pl.DataFrame, findings: Findings, progress: Progress) -> None:
        """Reads letters and actions. `states` are the published ones, read before. Raises ClusterError."""
        if not self.committed:
            self._unbegun = states.is_empty()
            done = "waits for it" if self._unbegun else "is taken as one that it is done with"
            findings.notes.append(f"group {self._settings.control_group_id} has committed nothing: every case {done}")
        self._read_letters(findings, progress)
        for number, message in enumerate(read_to_end(self._settings, CASE_ACTIONS.name), 1):
            _, partition, offset = place(message)
            self._actions_kept.saw(partition, timestamp(message))
            self._take(Act(partition, offset, timestamp(message), message.value() or b""))
            if number % EVERY == 0:
                progress(CASE_ACTIONS.name, number)
        self._actions_kept.close(self._settings, CASE_ACTIONS.name)
        acted = pl.DataFrame({"case_id": list(self._files)}, schema={"case_id": pl.String})
        found = states.join(acted, on="case_id", how="semi").select("case_id", "digest")
        self._published = dict(found.iter_rows())

    def _read_letters(self, findings: Findings, progress: Progress) -> None:
        name = CASE_ACTIONS_DEAD_LETTER.name
        for number, message in enumerate(read_to_end(self._settings, name), 1):
            _, partition, offset = place(message)
            self._letters_kept.saw(partition, timestamp(message))
            self._counted["dead_letters"] += 1
            source, where = opened(headers(message)), f"{name}/{partition}/{offset}"
            if source is None:
                findings.differ(PART, Fault.UNREADABLE_DEAD_LETTER, where, "its headers name no source record")
            elif source.partition not in self._done.get(source.topic, ()):
                named = (
                    f"names {source.topic}/{source.partition}/{source.offset}, which is no place of an action or case"
                )
                findings.differ(PART, Fault.FOREIGN_DEAD_LETTER, where, named)
            else:
                self._letters.setdefault(source[:3], []).append(source)
            if number % EVERY == 0:
                progress(name, number)
        self._letters_kept.close(self._settings, name)

    def _take(self, act: Act) -> None:
        self._counted["read"] += 1
        try:
            name = CaseAction.model_validate_json(without_mark(act.value)).case_id
        except ValidationError as error:
            self._unusable.append((act, "; ".join(item["msg"] for item in error.errors(include_url=False))))
            return
        if partition_of(name.encode(), self._partitions) == act.partition:
            self._files.setdefault(name, []).append(act)
        else:
            self._misplaced.append((name, act))

    # -- one case -------------------------------------------------------------------------------------------------

    def opened(self, partition: int, offset: int, case: Opening, value: bytes) -> tuple[int | None, bool]:
        """A case: the hash of the state that it must have (None: none), and whether some of what it is counted from waits."""
        where = CLAIM_CASES.name, partition, offset
        waits = self.waits(*where)
        acts = self._files.get(case.case_id)
        conflicts = any(item.code in _NOT_FILED for item in self._letters.get(where, ()))
        if conflicts:
            # Another claim stood under this name before, or the file has no room; the letter tells people.
            self._right.add(where)
        if acts is None and (where not in self._letters or conflicts):
            return digest(open_state(case.case_id, case.opened_at)), waits
        try:
            whole = Case.model_validate_json(value)
        except ValidationError:
            self.set_aside(partition, offset)
            return None, waits
        waits = waits or any(self.waits(*act.place) for act in acts or ())
        settled = self.settled(whole)
        if case.case_id not in self._known:
            self._known.add(case.case_id)
            self._enter(settled)
        return digest(settled.state), waits

    def has_letter(self, partition: int, offset: int) -> bool:
        """Whether a record of the cases was set aside."""
        return (CLAIM_CASES.name, partition, offset) in self._letters

    def set_aside(self, partition: int, offset: int) -> None:
        """A record of the cases that is none; its letter is right."""
        self._right.add((CLAIM_CASES.name, partition, offset))

    def settled(self, case: Case) -> Settled:
        """A case after its actions: as its published state says, if that can follow from them, else as the letters say."""
        acts = self._files.get(case.case_id, [])
        early = self._early(acts)
        first = self._settle(case, acts, early[0])
        published = self._published.get(case.case_id)
        if digest(first.state) == published:
            return first
        others = (self._settle(case, acts, known) for known in early[1:])
        return next((other for other in others if digest(other.state) == published), first)

    def _early(self, acts: list[Act]) -> list[int]:
        """How many actions may have come before their case, the likeliest number first."""
        least = most = 0
        for act in acts:
            if not self._came_early(act):
                break
            least += 1
        for act in acts:
            if act.place not in self._letters and not self._letters_kept.expired(act.at):
                break
            most += 1
        return [least, *(number for number in range(max(least, most) + 1) if number != least)]

    def _settle(self, case: Case, acts: list[Act], early: int) -> Settled:
        settled, facts = Settled(open_case(case)), facts_of(case)
        scheme = events_of_law(case, self._packs)
        seen: dict[str, CaseAction] = {}
        refused: set[str] = set()
        for number, act in enumerate(acts):
            action = CaseAction.model_validate_json(without_mark(act.value))
            if number < early:
                settled.refused.append((act, f"case_id: no case was called {case.case_id!r} when it came"))
                continue
            applied = self._applied(act, action, refused)
            if applied is None:
                applied = apply(settled.state, action, facts, seen=seen, scheme_events=scheme)
            errors = self._letters.get(act.place, [])
            if applied.problem is not None:
                if applied.code is not Code.ID_CONFLICT:
                    refused.add(action.action_id)
                settled.refused.append((act, applied.problem))
                continue
            if any(item.code is Code.NO_CASE for item in errors):
                settled.overtaken.append(act)
            elif errors:
                refused.add(action.action_id)
                settled.needless.append((act, f"{action.action_id} is possible: {errors[-1].error}"))
                continue
            settled.counted["repeated" if applied.state is None else "applied"] += 1
            if applied.event is not None and not self.waits(*act.place):
                settled.answers[_event(applied.event).event_id] = f"{case.case_id} {action.action_id}"
            settled.state = applied.state or settled.state
            facts = facts_with(facts, action)
            seen.setdefault(action.action_id, action)
        return settled

    def _came_early(self, act: Act) -> bool:
        return any(item.code in (Code.NO_CASE, Code.UNCODED) for item in self._letters.get(act.place, ()))

    def _applied(self, act: Act, action: CaseAction, refused: set[str]) -> Applied | None:
        """The refusals that do not follow from the state; None where it decides."""
        if action.action_id in refused:
            return Applied(problem="action_id: this action was refused before")
        told = (item for item in self._letters.get(act.place, ()) if item.code in _TAKEN_AS_TOLD)
        return next((Applied(problem=item.error, code=item.code) for item in told), None)

    # -- what became of the actions -------------------------------------------------------------------------------

    def _enter(self, settled: Settled) -> None:
        self._counted.update(settled.counted)
        self._answers.update(settled.answers)
        self._right.update(act.place for act in settled.overtaken)
        self._needless += settled.needless
        for act, why in settled.refused:
            self._demand(act, why)

    def _demand(self, act: Act, why: str) -> None:
        """An action that cannot be applied: its letter is right, and must be there."""
        if act.place in self._letters:
            self._right.add(act.place)
            self._counted["refused"] += 1
        elif self.waits(*act.place):
            self._counted["waiting"] += 1
        elif not self._letters_kept.expired(act.at):
            self._missing.append((act, why))

    def close(self, begun: set[int], findings: Findings, progress: Progress) -> None:
        """After the last case: names what is wrong with actions and letters. Raises ClusterError.

        `begun` are the partitions of the cases of which the oldest have expired.
        """
        for name, acts in self._files.items():
            for act in acts if name not in self._known else ():
                if act.place in self._letters or act.partition not in begun:
                    self._demand(act, f"no case is called {name!r}")
        for act, why in self._unusable:
            self._demand(act, why)
        self._name_missing(findings)
        self._name_needless(begun, findings)
        self._name_misplaced(findings)
        self._name_answers(findings, progress)
        findings.count(PART, CASE_ACTIONS.name, **self._counted)
        twice = sum(len(errors) > 1 for errors in self._letters.values())
        if twice:
            findings.notes.append(f"{twice:,} actions have several dead letters: after a crash a batch is done again")

    def _name_missing(self, findings: Findings) -> None:
        for partition in sorted({act.partition for act, _ in self._missing}):
            lost = sorted((act.offset, why) for act, why in self._missing if act.partition == partition)
            findings.differ(
                PART,
                Fault.MISSING_DEAD_LETTER,
                f"{CASE_ACTIONS.name}/{partition} offsets {told(ranges(offset for offset, _ in lost))}",
                f"{len(lost):,} cannot be applied and were not set aside; the first: {lost[0][1]}",
            )

    def _name_needless(self, begun: set[int], findings: Findings) -> None:
        named = {act.place: why for act, why in self._needless}
        gone = {CLAIM_CASES.name: begun, CASE_ACTIONS.name: self._actions_kept.begun}
        for where in sorted(self._letters.keys() - self._right):
            topic, partition, offset = where
            if where in named or partition not in gone[topic]:
                text = named.get(where, f"nothing stands there that may be set aside: {self._letters[where][-1].error}")
                findings.differ(PART, Fault.NEEDLESS_DEAD_LETTER, f"{topic}/{partition}/{offset}", text)

    def _name_misplaced(self, findings: Findings) -> None:
        """An action in a partition that is not its case's has to stand in the right one as well."""
        for name, act in self._misplaced:
            self._counted["forwarded"] += 1
            sent_on = any(act.value == other.value for other in self._files.get(name, ()))
            if not sent_on and not self.waits(*act.place):
                where = f"{CASE_ACTIONS.name}/{act.partition}/{act.offset}"
                text = f"an action on {name} lies in the wrong partition and was not sent to the right one"
                findings.differ(PART, Fault.MISPLACED, where, text)

    def _name_answers(self, findings: Findings, progress: Progress) -> None:
        """A review decided on a case has to stand among the events of its physician."""
        left = dict(self._answers)
        for number, message in enumerate(read_to_end(self._settings, PHYSICIAN_EVENTS.name) if left else (), 1):
            try:
                left.pop(_event(message.value() or b"").event_id, None)
            except msgspec.MsgspecError:
                continue  # the part of the events names it
            if number % EVERY == 0:
                progress(PHYSICIAN_EVENTS.name, number)
        for name, action in left.items():
            text = f"decided a review, and its event {name} is not in {PHYSICIAN_EVENTS.name}"
            findings.differ(PART, Fault.MISSING_EVENT, f"{CASE_ACTIONS.name} {action}", text)
