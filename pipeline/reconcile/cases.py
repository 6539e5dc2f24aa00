"""The cases of revised claims: the one that a new answer opens, and the one of an earlier answer that no longer stands.

A case of the gate stands beside the claim's verdict, one of a revision beside that revision, so that `claim-cases` itself tells
which case was the last answer's. What becomes of a case is the control plane's: it is told by an action.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, NamedTuple

import msgspec

from pipeline.kafka.producing import Record
from pipeline.kafka.reading import read_to_end
from pipeline.kafka.transactions import Outgoing
from pipeline.settings.model import Settings
from topics.catalogue import CASE_ACTIONS, CLAIM_CASES, CLAIM_REVISIONS
from topics.messages.cases import CaseAction
from topics.messages.revisions import ClaimRevision

BY = "screening-reconcile"
"""Who closes a case that no longer stands, and opens it again."""

Place = tuple[str | None, int, int]
CasesOf = Mapping[Place, Mapping[int, str]]
"""By the place of a claim record the names of its cases, by the number of the revision that opened each (0: the verdict)."""


class Revised(NamedTuple):
    """A revision, and the case record that its answer opens, if it opens one."""

    revision: ClaimRevision
    case: Record | None


class _Source(msgspec.Struct, gc=False):
    topic: str
    partition: int
    offset: int
    topic_id: str | None = None


class _Case(msgspec.Struct, gc=False):
    case_id: str
    source: _Source
    revision: Annotated[int, msgspec.Meta(ge=0)] = 0


_case = msgspec.json.Decoder(_Case).decode


def place_of(revision: ClaimRevision) -> Place:
    """Where the claim's record stands."""
    source = revision.source
    return source.topic_id, source.partition, source.offset


def cases_before(settings: Settings, revised: Iterable[Revised]) -> CasesOf:
    """The cases that these claims have had. The topic is read only where one of them may have had any. Raises ClusterError."""
    wanted = {place_of(one) for one, _ in revised if one.earlier.disposition.opens_case or one.number > 1}
    found: defaultdict[Place, dict[int, str]] = defaultdict(dict)
    if not wanted:
        return found
    for message in read_to_end(settings, CLAIM_CASES.name, group=settings.group_id):
        try:
            case = _case(message.value() or b"")
        except msgspec.MsgspecError:
            continue  # the control plane has made a letter of it, and the audit names it
        where = case.source.topic_id, case.source.partition, case.source.offset
        if where in wanted:
            found[where][case.revision] = case.case_id
    return found


def outgoing(revised: Sequence[Revised], before: CasesOf) -> list[Outgoing]:
    """Revisions, their cases and what becomes of earlier ones, as records of one transaction."""
    made = [{"key": one.claim_id, "value": one.model_dump_json(by_alias=True)} for one, _ in revised]
    cases = [case for _, case in revised if case is not None]
    actions = [action for one, case in revised for action in _actions(one, case, before.get(place_of(one), {}))]
    records = [{"key": action.case_id, "value": action.model_dump_json()} for action in actions]
    return [
        Outgoing(CLAIM_REVISIONS.name, made),
        Outgoing(CLAIM_CASES.name, cases),
        Outgoing(CASE_ACTIONS.name, records),
    ]


def _actions(one: ClaimRevision, case: Record | None, before: Mapping[int, str]) -> Iterable[CaseAction]:
    new, earlier = None if case is None else str(case["key"]), before.get(one.number - 1)
    if earlier is not None and earlier != new:
        yield _action("close", earlier, one)
    if new is not None and new != earlier and new in before.values():
        yield _action("reopen", new, one)


def _action(what: str, case_id: str, one: ClaimRevision) -> CaseAction:
    source = one.source
    named = f"{what}|{case_id}|{source.topic_id or ''}|{source.partition}|{source.offset}|{one.number}"
    return CaseAction.model_validate(
        {
            "action_id": "revision-" + hashlib.sha256(named.encode()).hexdigest()[:24],
            "case_id": case_id,
            "action": what,
            "by": BY,
            "at": one.revised_at,
            "revision": one.number,
        }
    )
