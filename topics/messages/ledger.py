"""What the ledger publishes (台账): dossiers, standings, notices and its own progress; version 1 of the contract."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from pydantic import Field

from rules.vocabulary import Flag, InstitutionStanding, SiteStatus, Standing
from topics.fields import Identifier, IsoDate, Region, Timestamp
from topics.messages.base import Message, Period, WhenGiven
from topics.messages.cases import Explanation
from topics.messages.events import PhysicianEvent


class DossierFile(Message):
    """The accepted events of one owner in one pooling area, each once, in the law's order.

    What only the national law knows is kept under the place inside the area that it was sent for.
    The key begins with `physician`, `institution`, `insured` or `department`. A cache of `physician-events`, made again from it
    at any time.
    """

    events: Annotated[tuple[PhysicianEvent, ...], Field(strict=False)]


class StandingSpan(Message):
    """Days on which one standing holds, both ends inclusive, null open.

    `pack` names the pack of an earlier law when these days are barred by what was decided under it. `status` is the filing
    status recorded of somebody whom nobody has registered in the area; records of releases before it do not say which it is.
    """

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
    pack: Annotated[Identifier | None, WhenGiven] = None
    status: Annotated[Annotated[Standing, Field(strict=False)] | None, WhenGiven] = None


class StandingSite(Message):
    """What an institution has declared about the physician, both ends inclusive, null open."""

    institution_code: Identifier
    from_: Annotated[IsoDate | None, Field(alias="from")] = None
    to: IsoDate | None = None
    status: Annotated[SiteStatus, Field(strict=False)] = SiteStatus.DECLARED


class PhysicianStanding(Message):
    """A physician's standing on every day, as known now. Key: area|physician_code, the area being its `region`. Compacted.

    A day that no span covers has no standing: not registered. `contested` is the timeline that would hold if review
    requests upheld out of time were honoured.
    """

    region: Region
    physician_code: Identifier
    revision: Annotated[int, Field(ge=0)]
    spans: Annotated[tuple[StandingSpan, ...], Field(strict=False)]
    sites: Annotated[tuple[StandingSite | str, ...], Field(strict=False)]
    contested: Annotated[tuple[StandingSpan, ...], Field(strict=False)] | None = None
    points: dict[str, int | None] = Field(default_factory=dict)
    changed: Annotated[tuple[Period, ...], Field(strict=False)] = ()


class InstitutionSpan(Message):
    """Days on which an institution's service agreement stands or has ended."""

    from_: Annotated[IsoDate | None, Field(alias="from")]
    to: IsoDate | None
    standing: Annotated[InstitutionStanding, Field(strict=False)]
    citations: Annotated[tuple[str, ...], Field(strict=False)] = ()
    causes: Annotated[tuple[str, ...], Field(strict=False)] = ()


class PharmacyHeadDays(Message):
    """Who heads a pharmacy, both ends inclusive, null open."""

    physician_code: Identifier
    from_: Annotated[IsoDate | None, Field(alias="from")] = None
    to: IsoDate | None = None


class InstitutionStandingMessage(Message):
    """An institution's standing on every day. Key: area|institution_code. Compacted. No span: active.

    `heads` is there for a pharmacy whose head is recorded.
    """

    region: Region
    institution_code: Identifier
    revision: Annotated[int, Field(ge=0)]
    spans: Annotated[tuple[InstitutionSpan, ...], Field(strict=False)]
    changed: Annotated[tuple[Period, ...], Field(strict=False)] = ()
    heads: Annotated[tuple[PharmacyHeadDays, ...] | None, Field(strict=False), WhenGiven] = None


class InsuredStanding(Message):
    """When an insured person's networked settlement is suspended, as known now. Key: area|insured_id. Compacted. No span: not."""

    region: Region
    insured_id: Identifier
    revision: Annotated[int, Field(ge=0)]
    spans: Annotated[tuple[StandingSpan, ...], Field(strict=False)]
    changed: Annotated[tuple[Period, ...], Field(strict=False)] = ()


class DepartmentStanding(Message):
    """When an institution's department is suspended, as known now. Key: area|institution_code|department. Compacted.
    No span: not."""

    region: Region
    institution_code: Identifier
    department: Identifier
    revision: Annotated[int, Field(ge=0)]
    spans: Annotated[tuple[StandingSpan, ...], Field(strict=False)]
    changed: Annotated[tuple[Period, ...], Field(strict=False)] = ()


class Notice(Message):
    """A statutory step that somebody owes, with its last day (法定期限). Key: notice_id.

    `phase`: `raised` when it begins, `due` on the last day, `missed` once it is too late,
    `lapsed` where a right was not used; `trigger` is the event behind it.
    A notice of kind `contradiction` names in `flag` how that event contradicts the file; it has no last day. Nor has one about an
    institution's figures, `institution_share` or `rectification_reminder`, or about its agreement, `agreement_contradiction`.
    `withdrawn`: on this day the notice was withdrawn (撤回), because it does not hold any more or should not have gone out;
    `explanation` then says why. The last record of a name counts: one without `withdrawn` gives the notice again.
    """

    notice_id: Identifier
    kind: Identifier
    region: Region
    physician_code: str | None = None
    institution: str | None = None
    due_on: IsoDate | None
    citation: str
    explanation: Explanation
    phase: Annotated[Literal["raised", "due", "missed", "lapsed"] | None, WhenGiven] = None
    trigger: Annotated[Identifier | None, WhenGiven] = None
    flag: Annotated[Identifier | None, WhenGiven] = None
    withdrawn: Annotated[IsoDate | None, WhenGiven] = None


class _Given(msgspec.Struct):
    withdrawn: str | None = None


_given = msgspec.json.Decoder(_Given).decode


def is_withdrawal(value: bytes) -> bool:
    """Whether a record of a notice withdraws it. Raises msgspec.MsgspecError for what is no notice."""
    return _given(value).withdrawn is not None


class LedgerProgress(Message):
    """How far the ledger has come in one partition of its input (台账进度). Key: topic-partition. Compacted.

    Written in the transaction that makes visible whatever follows from the records below `next_offset`: standings, dossiers,
    notices, cases, dead letters. `next_offset` is the reader's position, past transaction markers and records rolled back, so
    that it reaches the partition's read_committed end whatever stands there; of an empty partition it is 0.

    `sent_on`: records that lay in the wrong partition were sent on to these partitions of the same topic; what follows from
    them is visible when the progress of each has reached the offset given here. `revisions` counts the standings, or
    states of cases, published from this partition; `last_event_at` is the timestamp of the last record taken. `topic_id` is the
    id that the brokers gave the topic when it was made, absent where they do not tell.
    """

    topic: Identifier
    partition: Annotated[int, Field(ge=0)]
    next_offset: Annotated[int, Field(ge=0)]
    last_event_at: Timestamp | None
    revisions: Annotated[int, Field(ge=0)]
    instance: Identifier
    written_at: Timestamp
    sent_on: dict[str, int] = Field(default_factory=dict, exclude_if=lambda value: not value)
    topic_id: Annotated[str | None, WhenGiven] = None
