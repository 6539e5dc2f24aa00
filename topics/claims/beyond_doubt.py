"""Whether a claim of ours is right by the contract beyond doubt; where this does not say so, the model has to look.

Who makes claims has them as fields, and asks whether the contract takes them: the model takes some hundred times as long as
this, so that it is asked only about what is not in the plain forms of `patterns`. Nothing is right here that the model refuses.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from rules.screens.facts import ENCOUNTER_CODE
from topics.claims.columns import day_of
from topics.claims.patterns import CODE, DATE, IDENTIFIER, MONEY, REGION, TIME
from topics.messages.claims import QUANTITY_PATTERN, Role

_Identifier = Annotated[str, Meta(pattern=rf"^{IDENTIFIER}\Z")]
_Code = Annotated[str, Meta(pattern=rf"^{CODE}\Z")]
_Day = Annotated[str, Meta(pattern=rf"^{DATE}\Z")]
_Time = Annotated[str, Meta(pattern=rf"^{TIME}\Z")]
_Money = Annotated[str, Meta(pattern=rf"^{MONEY}\Z")]
_Region = Annotated[str, Meta(pattern=rf"^{REGION}\Z")]
_Quantity = Annotated[str, Meta(pattern=rf"^{QUANTITY_PATTERN}\Z")]
_Version = Annotated[int, Meta(ge=1, lt=2**31)]


class _Person(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    person: _Code
    role: Role
    day: _Day | None = None


class _Line(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    person: _Code
    role: Role
    day: _Day
    amount: _Money
    item: _Identifier | None = None
    quantity: _Quantity | None = None
    prescription: _Identifier | None = None


class _Reversed(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    institution_code: _Code
    claim_id: _Identifier
    claim_version: _Version = 1


class _Claim(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    claim_id: _Identifier
    region: _Region
    institution_code: _Code
    encounter_type: str
    service_date: _Day
    settlement_time: _Time
    insured_id: _Identifier
    insurance_type: _Identifier
    total_amount: _Money
    fund_amount: _Money
    claim_version: _Version = 1
    physician_code: _Code | None = None
    service_start: _Day | None = None
    people: list[_Person] | None = None
    lines: list[_Line] | None = None
    insured_region: _Region | None = None
    department: _Identifier | None = None
    emergency_origin: bool | None = None
    visit: Literal["seen", "not_seen"] | None = None
    reverses: _Reversed | None = None
    encounter_code: _Identifier | None = None
    interim: bool | None = None


def is_right(claim: dict[str, Any]) -> bool:
    """Whether the contract takes these fields beyond doubt; False says nothing."""
    try:
        read = msgspec.convert(claim, _Claim)
    except msgspec.ValidationError:
        return False
    day, start = day_of(read.service_date), read.service_start
    if day is None or read.encounter_type not in ENCOUNTER_CODE or day_of(read.settlement_time[:10]) is None:
        return False
    if start is not None and ((begun := day_of(start)) is None or begun > day):
        return False
    days = {line.day for line in read.lines or ()} | {one.day for one in read.people or () if one.day is not None}
    return all(day_of(one) is not None for one in days)
