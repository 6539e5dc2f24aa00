"""A verdict (审核结论) on the wire, version 1 of the contract."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rules.vocabulary import CostBearer, Disposition, EncounterType, Reason, Standing
from topics.fields import Identifier, IsoDate, Money, PackName, Region, Timestamp
from topics.messages.base import Message, Period, WhenGiven


class Source(Message):
    """Where the judged record stands in the input. `topic_id` is the id that the brokers gave the topic when it was made, absent
    where they do not tell: a topic that was deleted and made again has the old name and the old offsets."""

    topic: str
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]
    topic_id: Annotated[str | None, WhenGiven] = None


class VerdictRegister(Message):
    """By what state of the register a claim was judged (判定所依据的登记状态).

    `as_of` is the moment until which everything recorded was included; `progress` the next offset to read of each partition
    of the topics that feed the register, by partition. The register may have held a little more than that;
    `institution_revision` is therefore the revision of the institution's standing itself, absent where none was published
    (`standing_revision` is the physician's). `insured_revision` is that of the insured person's standing, `department_revisions`
    those of departments' standings by their names: of the one that the claim names, or of every recorded one of its institution
    where it names none. Both are absent where nothing was recorded of them.
    """

    as_of: Timestamp
    progress: dict[str, Annotated[int, Field(ge=0)]]
    institution_revision: Annotated[int | None, Field(ge=0), WhenGiven] = None
    insured_revision: Annotated[int | None, Field(ge=0), WhenGiven] = None
    department_revisions: Annotated[dict[str, Annotated[int, Field(ge=0)]] | None, WhenGiven] = None


class Verdict(Message):
    """The decision on one claim record. Key: claim_id. Exactly one for each accepted record.

    `register` is no part of the decision (law 3): like `source` and `screened_at` it belongs to the run. `region` is the division
    code of the place of care as sent; `area` is its pooling area (统筹区, P1), by which claims are judged and reports made, and
    is absent where the region is an area itself. `second_ground` is the reason of the other law's ground, where two laws that
    bind side by side both stop the claim (P3, S1): the stricter disposition decides, and the other one is named here.
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
    register_: Annotated[VerdictRegister | None, Field(alias="register"), WhenGiven] = None
    area: Annotated[Region | None, WhenGiven] = None
    second_ground: Annotated[Annotated[Reason, Field(strict=False)] | None, WhenGiven] = None
