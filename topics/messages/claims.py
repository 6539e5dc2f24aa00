"""A claim (结算单) on the wire, version 1 of the contract."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from rules.vocabulary import EncounterType, StaffCategory
from topics.fields import Identifier, IsoDate, Money, NormalCode, NormalId, NormalRegion, OptionalNormalCode, Timestamp
from topics.messages.base import Message, WhenGiven


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

QUANTITY_PATTERN = r"-?[0-9]{1,12}(\.[0-9]{1,6})?"
Quantity = Annotated[str, StringConstraints(pattern=rf"^{QUANTITY_PATTERN}$")]
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

    The fields from `people` on are optional. `people` and `lines` name who else acted: a bar of one of them makes a claim that
    would be paid a review (P4). `emergency_origin` (N4), `interim` and `department`, the department (科室) that gave the service
    and may be suspended, can change the decision, too. The others are checked and kept, and the decision does not read them yet.
    `visit` says whether the visit (就诊) behind the settlement was seen; if it is absent, it was. `interim` marks a settlement in
    the middle of a stay (中途结算), which may come before its last day.
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
    insured_id: NormalId
    insurance_type: Identifier
    total_amount: Money
    fund_amount: Money
    staff_category: Annotated[StaffCategory, Field(strict=False)] | None = None
    drug: Drug | None = None
    people: Annotated[tuple[ClaimPerson, ...] | None, Field(strict=False), WhenGiven] = None
    lines: Annotated[tuple[ClaimLine, ...] | None, Field(strict=False), WhenGiven] = None
    insured_region: Annotated[NormalRegion | None, WhenGiven] = None
    department: Annotated[NormalId | None, WhenGiven] = None
    emergency_origin: Annotated[bool | None, WhenGiven] = None
    visit: Annotated[Literal["seen", "not_seen"] | None, WhenGiven] = None
    reverses: Annotated[ReversedClaim | None, WhenGiven] = None
    encounter_code: Annotated[Identifier | None, WhenGiven] = None
    interim: Annotated[bool | None, WhenGiven] = None

    @model_validator(mode="after")
    def _stay_runs_forward(self) -> Claim:
        if self.service_start is not None and self.service_start > self.service_date:
            raise PydanticCustomError("service_start", "service_start: must not be after service_date")
        return self
