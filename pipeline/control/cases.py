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
from rules.packs.pack_set import PackSet
from topics.cases.casebook import events_of_law, state_of, take_action, take_case, unknown_case
from topics.catalogue import (
    CASE_ACTIONS,
    CASE_ACTIONS_DEAD_LETTER,
    CASE_FILES,
    CASE_STATE,
    CLAIM_CASES,
    PHYSICIAN_EVENTS,
)
from topics.dead_letters import Code
from topics.messages.cases import Case, CaseAction, CaseFile
from topics.normalisation import without_mark
from topics.objects import FormError, form_error, read_object


@dataclass(frozen=True, slots=True)
class CaseConflict:
    """A case record under the name of a case that was opened for another claim: its name, its place, and what differs."""

    case_id: str
    partition: int
    offset: int
    problem: str


@dataclass(slots=True)
class CaseTally:
    """What a batch did: cases by outcome, actions by outcome."""

    cases: Counter[str] = field(default_factory=Counter)
    actions: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    conflicts: list[CaseConflict] = field(default_factory=list)


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
                fault = _fault(record, error)
                self._refuse(record, fault.code, fault.reason, batch, tally)
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
        file = _file(batch.get(CASE_FILES, record.partition, key))
        filed = take_case(file, case)
        if filed.applied.problem is not None and filed.applied.code is not None:
            self._refuse(record, filed.applied.code, filed.applied.problem, batch, tally)
            if filed.applied.code is Code.ID_CONFLICT:
                tally.cases["conflict"] += 1
                tally.conflicts.append(
                    CaseConflict(case.case_id, record.partition, record.offset, filed.applied.problem)
                )
            return
        if filed.file is not None:
            self._keep(record, filed.file, batch)
        if filed.action is not None:
            value = filed.action.model_dump_json().encode()
            batch.loose.append(Entry(CASE_ACTIONS.name, key, value, record.partition))
        again = "repeated" if filed.action is None else "judged_again"
        tally.cases[again if filed.file is None else "opened"] += 1
        self._publish(record.partition, key, batch)

    def _act(self, record: Received, batch: WriteBatch, tally: CaseTally) -> None:
        action = CaseAction.model_validate_json(without_mark(record.value or b""))
        key = action.case_id.encode()
        if self._misplaced(record, key, batch):
            return
        file = _file(batch.get(CASE_FILES, record.partition, key))
        if file is None:
            unknown = unknown_case(action)
            self._refuse(record, Code.NO_CASE, unknown.problem or "", batch, tally)
            return
        filed = take_action(file, action, events_of_law(file.case, self._packs))
        applied = filed.applied
        if filed.file is not None:
            self._keep(record, filed.file, batch)
        if applied.problem is not None:
            self._refuse(record, applied.code or Code.NOT_POSSIBLE, applied.problem, batch, tally)
            return
        tally.actions[action.action, "repeated" if applied.state is None else "applied"] += 1
        self._publish(record.partition, key, batch)
        if applied.event is not None:
            code = (file.case.physician_code or "").encode()
            where = partition_of(code, self._event_partitions)
            batch.loose.append(Entry(PHYSICIAN_EVENTS.name, code, applied.event, where))

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
        state = state_of(file).model_dump_json().encode()
        if batch.get(CASE_STATE, partition, key) != state:
            batch.put(CASE_STATE, partition, key, state)


def _file(value: bytes | None) -> CaseFile | None:
    return None if value is None else CaseFile.model_validate_json(value)


def _fault(record: Received, error: ValidationError) -> FormError:
    """What is wrong with a record that is no case or action, by the codes of every dead letter."""
    try:
        read_object(record.value, "case" if record.topic.endswith(CLAIM_CASES.name) else "case action")
    except FormError as fault:
        return fault
    return form_error(error)
