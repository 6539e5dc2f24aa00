"""What all messages share: wire contract version 1 is JSON in UTF-8, money as decimal strings, dates ISO, times RFC 3339."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from topics.fields import IsoDate

KEEPS_UNKNOWN = ConfigDict(extra="allow")
"""For messages that are kept and written again: a field of a later version stays, also while versions run side by side."""

Period = Annotated[tuple[IsoDate | None, IsoDate | None], Field(strict=False)]


class Message(BaseModel):
    """Base of every message. Types are strict (a number is no string); unknown fields are tolerated and ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, populate_by_name=True)


WhenGiven = Field(exclude_if=lambda value: value is None)
"""An optional field that came after version 1 was fixed: absent on the wire unless it says something."""
