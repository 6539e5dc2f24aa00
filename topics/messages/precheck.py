"""What a doctor did about a finding of the pre-check (事前事中反馈, transaction 3103), version 1 of the contract."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from topics.fields import Identifier, NormalCode, Timestamp
from topics.messages.base import Message, WhenGiven

MAX_REASON = 2_000
"""Longest reason of a doctor, in characters."""


class PrecheckFeedback(Message):
    """One finding and what was done about it. Key: finding.

    `finding` is the jr_id of the answer (warn_rslt_id of 3103), which is the id of the case that the gate opens if the claim is
    settled as it was asked about. `stage` is before the orders (事前) or during the settlement (事中), `choice` whether the
    doctor went on with the orders or went back to change them, `reason` the doctor's own words, required for going on.
    `institution_code` is the institution that said so, where it is known; `message` the number of its message (msgid).
    """

    finding: Identifier
    stage: Literal["before", "during"]
    choice: Literal["continued", "returned"]
    reason: Annotated[str | None, Field(max_length=MAX_REASON)] = None
    institution_code: Annotated[NormalCode | None, WhenGiven] = None
    message: Annotated[Identifier | None, WhenGiven] = None
    recorded_at: Timestamp
