"""Cases and what people do about them: one batch, decided without Kafka.

A case's file keeps the actions that it has taken; its state is counted from them, so that a batch may be repeated after any
failure and an action sent twice changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import ValidationError

from pipeline.control.publisher import Entry
from pipeline.control.write_batch import Received, WriteBatch
from pipeline.kafka.partitioner import partition_of
from rules.packs.pack import PackSet
from topics.cases.casebook import Applied, apply, facts_of, open_case, unknown_case
from topics.catalogue import (
    CASE_ACTIONS_DEAD_LETTER,
    CASE_FILES,
    CASE_STATE,
    CLAIM_CASES,
    PHYSICIAN_EVENTS,
)
from topics.dead_letters import Code
from topics.messages import Case, CaseAction, CaseFile, CaseState

_MOST_ACTIONS = 500
_MOST_BYTES = 16_384
"""Bounds of a case's file: a sender gone wild must not make one that its topic does not take."""


@dataclass(slots=True)
class CaseTally:
    """What a batch did: cases by outcome, actions by outcome."""

    cases: Counter[str] = field(default_factory=Counter)
    actions: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


class CaseDesk:
    """Opens cases and applies actions. `partitions` are those of the case topics, `event_partitions` of the events."""

    def __init__(self, packs: PackSet, partitions: int, event_partitions: int) -> None:
        self._packs = packs
        self._partitions = partitions
        self._event_partitions = event_partitions

    def take(self, records: Iterable[Received], batch: WriteBatch) -> CaseTally:
        """Takes records of `claim-cases` and `case-actions` into the batch."""
        tally = CaseTally()
        for record in records:
            try:
                if record.topic.endswith(CLAIM_CASES.name):
                    self._open(record, batch, tally)
                else:
                    self._act(record, batch, tally)
            except ValidationError as error:
                problems = (f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
                self._refuse(record, Code.INVALID_VALUE, "; ".join(problems), batch, tally)
        return tally

    @staticmethod
    def _refuse(record: Received, code: Code, why: str, batch: WriteBatch, tally: CaseTally) -> None:
        batch.dead_letter(CASE_ACTIONS_DEAD_LETTER, record, code, why)
        tally.refused[code] += 1

    def _open(self, record: Received, batch: WriteBatch, tally: CaseTally) -> None:
        case = Case.model_validate_json(record.value or b"")
        key = case.case_id.encode()
        if self._misplaced(record, key, batch):
            return
        if batch.get(CASE_FILES, record.partition, key) is None:
            batch.put(CASE_FILES, record.partition, key, CaseFile(case=case).model_dump_json().encode())
            tally.cases["opened"] += 1
        else:
            tally.cases["repeated"] += 1
        self._publish(record.partition, key, batch)

    def _act(self, record: Received, batch: WriteBatch, tally: CaseTally) -> None:
        action = CaseAction.model_validate_json(record.value or b"")
        key = action.case_id.encode()
        if self._misplaced(record, key, batch):
            return
        file = _file(batch.get(CASE_FILES, record.partition, key))
        if file is None:
            unknown = unknown_case(action)
            self._refuse(record, Code.NO_CASE, unknown.problem or "", batch, tally)
            return
        applied = self._applied(file, action)
        if applied.problem is not None:
            self._refuse(record, applied.code or Code.NOT_POSSIBLE, applied.problem, batch, tally)
            if action.action_id not in file.refused:
                self._keep(record, file.model_copy(update={"refused": (*file.refused, action.action_id)}), batch)
            return
        if applied.state is not None:
            self._keep(record, file.model_copy(update={"actions": (*file.actions, action)}), batch)
        tally.actions[action.action, "repeated" if applied.state is None else "applied"] += 1
        self._publish(record.partition, key, batch)
        if applied.event is not None:
            code = (file.case.physician_code or "").encode()
            where = partition_of(code, self._event_partitions)
            batch.loose.append(Entry(PHYSICIAN_EVENTS.name, code, applied.event, where))

    def _applied(self, file: CaseFile, action: CaseAction) -> Applied:
        if action.action_id in file.refused:
            return Applied(
                problem="action_id: this action was refused before; send what is possible now under a new id",
                code=Code.NOT_POSSIBLE,
            )
        if len(file.actions) + len(file.refused) >= _MOST_ACTIONS or len(action.model_dump_json()) > _MOST_BYTES:
            text = f"a case takes at most {_MOST_ACTIONS} actions of {_MOST_BYTES} bytes"
            return Applied(problem=text, code=Code.CASE_FULL)
        ledger = self._packs.for_region(file.case.region).ledger
        return apply(
            _state(file),
            action,
            facts_of(file.case),
            seen={taken.action_id for taken in file.actions},
            scheme_events=() if ledger is None else ledger.events,
        )

    @staticmethod
    def _keep(record: Received, file: CaseFile, batch: WriteBatch) -> None:
        batch.put(CASE_FILES, record.partition, file.case.case_id.encode(), file.model_dump_json().encode())

    def _misplaced(self, record: Received, key: bytes, batch: WriteBatch) -> bool:
        """Sends an action to the partition where its case is kept; cases come from the gate and lie right."""
        right = partition_of(key, self._partitions)
        if record.partition == right:
            return False
        batch.forward(record, key, right)
        return True

    @staticmethod
    def _publish(partition: int, key: bytes, batch: WriteBatch) -> None:
        file = _file(batch.get(CASE_FILES, partition, key))
        assert file is not None
        state = _state(file).model_dump_json().encode()
        if batch.get(CASE_STATE, partition, key) != state:
            batch.put(CASE_STATE, partition, key, state)


def _file(value: bytes | None) -> CaseFile | None:
    return None if value is None else CaseFile.model_validate_json(value)


def _state(file: CaseFile) -> CaseState:
    """Where the case stands after the actions of its file."""
    state, facts = open_case(file.case), facts_of(file.case)
    for action in file.actions:
        state = apply(state, action, facts).state or state
    return state
