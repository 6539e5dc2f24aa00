"""Cases (疑点案件), what people do about them, and where they stand: version 1 of the contract."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from rules.vocabulary import CostBearer, Disposition, EncounterType, Reason, Standing
from topics.fields import Identifier, IsoDate, Money, NormalId, Timestamp
from topics.messages.base import KEEPS_UNKNOWN, Message, WhenGiven
from topics.messages.verdicts import Verdict


class Explanation(Message):
    """Why, in both languages."""

    model_config = KEEPS_UNKNOWN

    zh: str
    en: str


def _or_as_it_is(value: Any, known: ValidatorFunctionWrapHandler) -> Any:
    try:
        return known(value)
    except ValidationError:
        if isinstance(value, str):
            return value
        raise


_Later = WrapValidator(_or_as_it_is)
"""A value that only a later version knows is kept as it is: whoever keeps cases has to keep those of a newer gate, too."""

_AsText = PlainSerializer(str, when_used="json")


class BarredPerson(Message):
    """Somebody whom a claim names besides its responsible person, barred on the day: with the number of the line from 1 and its
    amount in yuan, or without for a prescriber or a pharmacy's head."""

    model_config = KEEPS_UNKNOWN

    person: Identifier
    day: IsoDate
    line: Annotated[int | None, Field(ge=1), WhenGiven] = None
    amount: Annotated[Money | None, WhenGiven] = None


class Case(Verdict):
    """A rejected or doubtful claim, for people. Key: case_id, which follows from area, institution, claim, version and ground.

    A case always tells its `area`. One without it was named by claim, version and ground alone, and keeps that name.

    `evidence` are the ids of the events behind the standing. Where they would not fit into the record the newest are named,
    and `evidence_omitted` tells how many are not. `people` are those for whom a claim that would be paid became a review.
    `revision` is the number of the claim's revision that opened the case; the gate's cases have none.
    """

    model_config = KEEPS_UNKNOWN

    encounter_type: Annotated[EncounterType, Field(strict=False), _Later, _AsText]
    disposition: Annotated[Disposition, Field(strict=False), _Later, _AsText]
    reason: Annotated[Reason, Field(strict=False), _Later, _AsText]
    exempted_ground: Annotated[Reason, Field(strict=False), _Later, _AsText] | None
    second_ground: Annotated[Annotated[Reason, Field(strict=False), _Later, _AsText] | None, WhenGiven] = None
    cost_bearer: Annotated[CostBearer, Field(strict=False), _Later, _AsText]
    standing: Annotated[Standing, Field(strict=False), _Later, _AsText]
    case_id: Identifier
    opened_at: Timestamp
    explanation: Explanation
    evidence: Annotated[tuple[str, ...], Field(strict=False)]
    evidence_omitted: Annotated[int | None, Field(ge=1), WhenGiven] = None
    people: Annotated[tuple[BarredPerson, ...] | None, Field(strict=False), WhenGiven] = None
    revision: Annotated[int | None, Field(ge=1), WhenGiven] = None


class AppealDecision(Message):
    """The answer to a review (复核) that an action on a case carries, about the deduction `ref`.

    `date` is the legal date of the answer, by default the day of the action in China. `revised_points`, only with `upheld`, is
    what the deduction still counts in all; without it the deduction is void.
    """

    model_config = KEEPS_UNKNOWN

    ref: NormalId
    outcome: Literal["upheld", "rejected"]
    date: IsoDate | None = None
    revised_points: Annotated[int, Field(ge=0)] | None = None


class CaseAction(Message):
    """What somebody did about a case. Key: case_id.

    `assignee` is the person to whom `assign` gives the case, by default `by`. With `appeal` the action also answers a
    review (复核). `evidence`, only of `reopen`, is what the control plane found when the claim was judged again: the ids of
    further events behind the case. `revision`, only of `close` and `reopen`, is the number of the claim's revision after which
    the case no longer stands, or stands again. Both are possible in every state: `reopen` opens again what was decided.
    """

    model_config = KEEPS_UNKNOWN

    action_id: NormalId
    case_id: NormalId
    action: Literal["assign", "request_evidence", "uphold", "overturn", "close", "reopen", "note"]
    by: Identifier
    at: Timestamp
    note: str | None = None
    assignee: Annotated[Identifier | None, WhenGiven] = None
    appeal: Annotated[AppealDecision | None, WhenGiven] = None
    evidence: Annotated[tuple[Identifier, ...] | None, Field(strict=False), WhenGiven] = None
    revision: Annotated[int | None, Field(ge=1), WhenGiven] = None


class CaseFile(Message):
    """A case and the actions that it has taken, each once, in the order in which they were taken. Key: case_id. Compacted.

    `refused` are the ids of actions that were not possible when they came; they stay refused.
    """

    model_config = KEEPS_UNKNOWN

    case: Case
    actions: Annotated[tuple[CaseAction, ...], Field(strict=False)] = ()
    refused: Annotated[tuple[Identifier, ...], Field(strict=False)] = ()


class CaseState(Message):
    """Where a case stands. Key: case_id. Compacted."""

    case_id: Identifier
    state: Literal["open", "assigned", "awaiting_evidence", "upheld", "overturned", "closed", "reopened"]
    revision: Annotated[int, Field(ge=0)]
    assignee: str | None = None
    updated_at: Timestamp
    updated_by: str | None = None
