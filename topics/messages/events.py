"""An event of the registers (登记事件) on the wire, version 1 of the contract."""

from __future__ import annotations

from pydantic import ConfigDict

from topics.fields import Identifier, IsoDate, Region, Timestamp
from topics.messages.base import Message


class PhysicianEvent(Message):
    """A fact about a physician, an institution, an insured person or a department. Key: physician_code, or the institution where
    there is none; of an insured person `insured_id`, of a department institution|department.

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
