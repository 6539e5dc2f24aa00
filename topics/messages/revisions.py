"""Revisions (复核更正): the answers that replace earlier ones when the past has changed, version 1 of the contract."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rules.vocabulary import CostBearer, Disposition, Reason, Standing
from topics.fields import Identifier, IsoDate, Money, PackName, Region, Timestamp
from topics.messages.base import Message, WhenGiven
from topics.messages.cases import Explanation
from topics.messages.verdicts import Source

Kind = Literal["claw_back", "release", "to_review", "ground_changed"]


class Answer(Message):
    """What was decided on a claim, and by which revisions of the physician's and the institution's standing."""

    disposition: Annotated[Disposition, Field(strict=False)]
    reason: Annotated[Reason, Field(strict=False)]
    exempted_ground: Annotated[Reason, Field(strict=False)] | None
    cost_bearer: Annotated[CostBearer, Field(strict=False)]
    standing: Annotated[Standing, Field(strict=False)]
    rule_pack: PackName
    standing_revision: int | None
    institution_revision: int | None


class ClaimRevision(Message):
    """A claim's new answer, which replaces the earlier one. Key: claim_id.

    `source` is the claim's record, as its verdict names it; the revisions of one record are numbered from 1, and the last holds.
    `kind` says what became of the money: `claw_back` (paid, now rejected, 追回), `release` (now paid, 补付), `to_review` (now for
    a person) or `ground_changed`. `to_fund` and `to_institution` are what the fund and the institution get by it, in yuan,
    negative where they give; `to_institution` is absent where the law does not say who bears the cost. `causes` are the events
    behind the new standing, of which the newest are named where there are many.
    """

    claim_id: Identifier
    claim_version: int
    region: Region
    area: Region
    institution_code: Identifier
    physician_code: str | None
    service_date: IsoDate
    number: Annotated[int, Field(ge=1)]
    kind: Kind
    fund_amount: Money
    to_fund: Money
    to_institution: Annotated[Money | None, WhenGiven] = None
    earlier: Answer
    new: Answer
    causes: Annotated[tuple[str, ...], Field(strict=False)]
    citations: Annotated[tuple[str, ...], Field(strict=False)]
    explanation: Explanation
    source: Source
    revised_at: Timestamp
