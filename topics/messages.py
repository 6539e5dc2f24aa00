"""Message models, wire contract version 1: JSON in UTF-8, money as decimal strings, dates ISO, times RFC 3339."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from rules.vocabulary import (
    CostBearer,
    Disposition,
    EncounterType,
    Flag,
    InstitutionStanding,
    Reason,
    SiteStatus,
    StaffCategory,
    Standing,
)
from topics.fields import (
    Identifier,
    IsoDate,
    Money,
    NormalCode,
    NormalId,
    NormalRegion,
    OptionalNormalCode,
    PackName,
    Region,
    Timestamp,
)

Period = Annotated[tuple[IsoDate | None, IsoDate | None], Field(strict=False)]


class Message(BaseModel):
    """Base of every message. Types are strict (a number is no string); unknown fields are tolerated and ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, populate_by_name=True)


_WhenGiven = Field(exclude_if=lambda value: value is None)
"""An optional field that came after version 1 was fixed: absent on the wire unless it says something."""


class Drug(Message):
    """What a pharmacy line says of a dual-channel drug (双通道药品), Shantou draft."""

    dual_channel: bool | None = None
    external: bool | None = None
    separate: bool | None = None
    within_scope: bool | None = None
    within_dosage: bool | None = None
    price_ok: bool | None = None


Role = Literal["responsible", "attending", "billing", "prescriber", "operator", "nurse", "other"]
"""What a person did for a claim or a line of it."""

Quantity = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$")]
"""A number of units as a decimal string."""


class ClaimPerson(Message):
    """A person named on a claim (相关人员), with the day on which they acted where it is known."""

    person: NormalCode
    role: Role
    day: IsoDate | None = None


class ClaimLine(Message):
    """A line of a claim (费用明细): who did what on which day, and its amount."""

    person: NormalCode
    role: Role
    day: IsoDate
    amount: Money
    item: Identifier | None = None
    quantity: Quantity | None = None
    prescription: Identifier | None = None


class ReversedClaim(Message):
    """The claim that a refund takes back (退费), as a whole or in part."""

    institution_code: NormalCode
    claim_id: NormalId
    claim_version: Annotated[int, Field(ge=1, lt=2**31)] = 1


class Claim(Message):
    """One settled claim (结算记录) on its way to payment. Key: claim_id. Codes and ids are taken in their normal form.

    `physician_code` null, empty or blank is a missing physician. `service_start` is the first day of a stay, whose last
    day is `service_date`.

    The fields from `people` on are taken and checked; until a rule reads them, the claim is judged as it would be without.
    `visit` says whether the visit (就诊) behind the settlement was seen; absent, it was.
    """

    claim_id: NormalId
    claim_version: Annotated[int, Field(ge=1, lt=2**31)] = 1
    region: NormalRegion
    institution_code: NormalCode
    physician_code: OptionalNormalCode | None = None
    encounter_type: Annotated[EncounterType, Field(strict=False)]
    service_date: IsoDate
    service_start: IsoDate | None = None
    settlement_time: Timestamp
    insured_id: Identifier
    insurance_type: Identifier
    total_amount: Money
    fund_amount: Money
    staff_category: Annotated[StaffCategory, Field(strict=False)] | None = None
    drug: Drug | None = None
    people: Annotated[tuple[ClaimPerson, ...] | None, Field(strict=False), _WhenGiven] = None
    lines: Annotated[tuple[ClaimLine, ...] | None, Field(strict=False), _WhenGiven] = None
    insured_region: Annotated[NormalRegion | None, _WhenGiven] = None
    department: Annotated[Identifier | None, _WhenGiven] = None
    emergency_origin: Annotated[bool | None, _WhenGiven] = None
    visit: Annotated[Literal["seen", "not_seen"] | None, _WhenGiven] = None
    reverses: Annotated[ReversedClaim | None, _WhenGiven] = None
    encounter_code: Annotated[Identifier | None, _WhenGiven] = None

    @model_validator(mode="after")
    def _stay_runs_forward(self) -> Claim:
        if self.service_start is not None and self.service_start > self.service_date:
            raise PydanticCustomError("service_start", "service_start: must not be after service_date")
        return self


class Source(Message):
    """Where the judged record stands in the input."""

    topic: str
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]


class VerdictRegister(Message):
    """By what state of the register a claim was judged (判定所依据的登记状态).

    `as_of` is the moment until which everything recorded was included; `progress` the next offset to read of each partition
    of the topics that feed the register, by partition.
    """

    as_of: Timestamp
    progress: dict[str, Annotated[int, Field(ge=0)]]


class Verdict(Message):
    """The decision on one claim record. Key: claim_id. Exactly one for each accepted record.

    `register` is no part of the decision (law 3): like `source` and `screened_at` it belongs to the run.
    """

    claim_id: Identifier
    claim_version: int
    region: Region
    institution_code: Identifier
    physician_code: str | None
    encounter_type: Annotated[EncounterType, Field(strict=False)]
    service_date: IsoDate
    fund_amount: Money
    disposition: Annotated[Disposition, Field(strict=False)]
    reason: Annotated[Reason, Field(strict=False)]
    exempted_ground: Annotated[Reason, Field(strict=False)] | None
    cost_bearer: Annotated[CostBearer, Field(strict=False)]
    standing: Annotated[Standing, Field(strict=False)]
    penalty_period: Annotated[Period, Field(strict=False)] | None
    rule_pack: PackName
    citations: Annotated[tuple[str, ...], Field(strict=False)]
    standing_revision: int | None
    source: Source
    screened_at: Timestamp
    register_: Annotated[VerdictRegister | None, Field(alias="register"), _WhenGiven] = None


class Explanation(Message):
    """Why, in both languages."""

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


class Case(Verdict):
    """A rejected or doubtful claim, for people. Key: case_id, which follows from claim, version and ground alone."""

    encounter_type: Annotated[EncounterType, Field(strict=False), _Later, _AsText]
    disposition: Annotated[Disposition, Field(strict=False), _Later, _AsText]
    reason: Annotated[Reason, Field(strict=False), _Later, _AsText]
    exempted_ground: Annotated[Reason, Field(strict=False), _Later, _AsText] | None
    cost_bearer: Annotated[CostBearer, Field(strict=False), _Later, _AsText]
    standing: Annotated[Standing, Field(strict=False), _Later, _AsText]
    case_id: Identifier
    opened_at: Timestamp
    explanation: Explanation
    evidence: Annotated[tuple[str, ...], Field(strict=False)]


class Redriven(Message):
    """A dead letter that was sent again. Key: its partition|offset, with its topic before them if it is no claim. Compacted."""

    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]
    redriven_at: Timestamp


class PhysicianEvent(Message):
    """A fact about a physician or an institution. Key: physician_code, or the institution where there is none.

    The fields beyond these depend on the type; see the event table of the scheme.
    """

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    event_id: Identifier
    region: Region
    type: Identifier
    date: IsoDate
    recorded_at: Timestamp
    physician_code: str | None = None
    institution: str | None = None


class DossierFile(Message):
    """The accepted events of one physician or institution in one region, each once, in the law's order.

    The key begins with `physician` or `institution`. A cache of `physician-events`, made again from it at any time.
    """

    events: Annotated[tuple[PhysicianEvent, ...], Field(strict=False)]


class StandingSpan(Message):
    """Days on which one standing holds, both ends inclusive, null open."""

    from_: Annotated[IsoDate | None, Field(alias="from")]
    to: IsoDate | None
    standing: Annotated[Standing, Field(strict=False)]
    in_penalty: bool | None = None
    penalty_period: Annotated[Period, Field(strict=False)] | None = None
    ban_period: Annotated[Period, Field(strict=False)] | None = None
    reapply_not_before: IsoDate | None = None
    flags: Annotated[tuple[Annotated[Flag, Field(strict=False)], ...], Field(strict=False)] = ()
    points_remaining: int | None = None
    points_accumulated: int | None = None
    citations: Annotated[tuple[str, ...], Field(strict=False)] = ()
    causes: Annotated[tuple[str, ...], Field(strict=False)] = ()


class StandingSite(Message):
    """What an institution has declared about the physician, both ends inclusive, null open."""

    institution_code: Identifier
    from_: Annotated[IsoDate | None, Field(alias="from")] = None
    to: IsoDate | None = None
    status: Annotated[SiteStatus, Field(strict=False)] = SiteStatus.DECLARED


class PhysicianStanding(Message):
    """A physician's standing on every day, as known now. Key: region|physician_code. Compacted.

    A day that no span covers has no standing: not registered. `contested` is the timeline that would hold if review
    requests upheld out of time were honoured.
    """

    region: Region
    physician_code: Identifier
    revision: Annotated[int, Field(ge=0)]
    spans: Annotated[tuple[StandingSpan, ...], Field(strict=False)]
    sites: Annotated[tuple[StandingSite | str, ...], Field(strict=False)]
    contested: Annotated[tuple[StandingSpan, ...], Field(strict=False)] | None = None
    points: dict[str, int | None] = {}
    changed: Annotated[tuple[Period, ...], Field(strict=False)] = ()


class InstitutionSpan(Message):
    """Days on which an institution's service agreement stands or has ended."""

    from_: Annotated[IsoDate | None, Field(alias="from")]
    to: IsoDate | None
    standing: Annotated[InstitutionStanding, Field(strict=False)]
    citations: Annotated[tuple[str, ...], Field(strict=False)] = ()
    causes: Annotated[tuple[str, ...], Field(strict=False)] = ()


class InstitutionStandingMessage(Message):
    """An institution's standing on every day. Key: region|institution_code. Compacted. No span: active."""

    region: Region
    institution_code: Identifier
    revision: Annotated[int, Field(ge=0)]
    spans: Annotated[tuple[InstitutionSpan, ...], Field(strict=False)]
    changed: Annotated[tuple[Period, ...], Field(strict=False)] = ()


class AppealDecision(Message):
    """The answer to a review (复核) that an action on a case carries, about the deduction `ref`.

    `date` is the legal date of the answer; absent, the day of the action in China. `revised_points`, only with `upheld`, is
    what the deduction still counts in all; absent, it is void.
    """

    ref: NormalId
    outcome: Literal["upheld", "rejected"]
    date: IsoDate | None = None
    revised_points: Annotated[int, Field(ge=0)] | None = None


class CaseAction(Message):
    """What somebody did about a case. Key: case_id.

    `assignee` is whom `assign` gives the case to (absent: `by`). `appeal` makes the action answer a review as well.
    """

    action_id: NormalId
    case_id: NormalId
    action: Literal["assign", "request_evidence", "uphold", "overturn", "close", "reopen", "note"]
    by: Identifier
    at: Timestamp
    note: str | None = None
    assignee: Annotated[Identifier | None, _WhenGiven] = None
    appeal: Annotated[AppealDecision | None, _WhenGiven] = None


class CaseFile(Message):
    """A case and the actions that it has taken, each once, in the order in which they were taken. Key: case_id. Compacted.

    `refused` are the ids of actions that were not possible when they came; they stay refused.
    """

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


class Notice(Message):
    """A statutory step that somebody owes, with its last day (法定期限). Key: notice_id.

    `phase`: `raised` when it begins, `due` on the last day, `missed` once it is too late; `trigger` is the event behind it.
    A notice of kind `contradiction` names in `flag` how that event contradicts the file; it has no last day.
    """

    notice_id: Identifier
    kind: Identifier
    region: Region
    physician_code: str | None = None
    institution: str | None = None
    due_on: IsoDate | None
    citation: str
    explanation: Explanation
    phase: Annotated[Literal["raised", "due", "missed"] | None, _WhenGiven] = None
    trigger: Annotated[Identifier | None, _WhenGiven] = None
    flag: Annotated[Identifier | None, _WhenGiven] = None


class LedgerProgress(Message):
    """How far the ledger has come in one partition of its input (台账进度). Key: topic-partition. Compacted.

    Written in the transaction that makes visible whatever follows from the records below `next_offset`: standings, dossiers,
    notices, cases, dead letters. `next_offset` is the reader's position, past transaction markers and records rolled back, so
    that it reaches the partition's read_committed end whatever stands there; of an empty partition it is 0.

    `sent_on`: records that lay in the wrong partition were sent on to these partitions of the same topic; what follows from
    them is visible when the progress of each has reached the offset given here. `revisions` counts the standings, or
    states of cases, published from this partition; `last_event_at` is the timestamp of the last record taken.
    """

    topic: Identifier
    partition: Annotated[int, Field(ge=0)]
    next_offset: Annotated[int, Field(ge=0)]
    last_event_at: Timestamp | None
    revisions: Annotated[int, Field(ge=0)]
    instance: Identifier
    written_at: Timestamp
    sent_on: Annotated[dict[str, int], Field(exclude_if=lambda value: not value)] = {}
