"""What the intake keeps of messages of the national interface (接口报文), version 1 of the contract."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from topics.fields import Identifier
from topics.messages.base import Message, WhenGiven

Millis = Annotated[int, Field(ge=0)]
"""Milliseconds since 1970 UTC."""

IfAny = Field(exclude_if=lambda value: not value)
"""A field that is absent where it says nothing."""


class IntakeFact(Message):
    """What one message says of a visit, a fee line or a settlement: when it was sent (empty: not told), at which offset it came,
    under which number (msgid), and what it says."""

    kind: Literal["visit", "line", "settlement"]
    time: str
    offset: Annotated[int, Field(ge=0)]
    number: Annotated[str | None, WhenGiven] = None
    said: dict[str, str | bool | tuple[str, ...]]


class IntakeWritten(Message):
    """The claim of one settlement as it was written: its newest version, the version of the newest that takes nothing back, and
    the hashes of that one and of the one that takes it back (absent: there is none)."""

    version: Annotated[int, Field(ge=1)]
    of: Annotated[int, Field(ge=1)]
    content: Identifier
    reversal: Annotated[Identifier | None, WhenGiven] = None


class IntakeRecord(Message):
    """A record that is kept because it waits for its other half, or may yet become a dead letter. Bytes of key and headers are
    written as the characters of the same numbers."""

    offset: Annotated[int, Field(ge=0)]
    key: Annotated[str | None, WhenGiven] = None
    value: str
    headers: Annotated[tuple[tuple[str, str | None], ...], Field(strict=False), IfAny] = ()


class IntakeState(Message):
    """What the intake knows of one visit, or of one request and its response that have not both come. Compacted.

    The key begins with `visit` or `message`. Of a visit: `facts`, the claims `written` by their claim_id, the records that
    it has `held`, and refusals that were `told`. Of a message: `requests` or `responses` that wait, hashes of requests that
    are `done`, whether the request was `understood` without its response, `alone` that the response was used without a
    request, `failed` that the transaction was refused. `since`: what waits has waited since then; `touched`: the last time
    that anything was said.
    """

    touched: Millis
    since: Annotated[Millis | None, WhenGiven] = None
    facts: Annotated[tuple[IntakeFact, ...], Field(strict=False), IfAny] = ()
    written: Annotated[dict[str, IntakeWritten], IfAny] = Field(default_factory=dict)
    held: Annotated[tuple[IntakeRecord, ...], Field(strict=False), IfAny] = ()
    told: Annotated[tuple[str, ...], Field(strict=False), IfAny] = ()
    requests: Annotated[tuple[IntakeRecord, ...], Field(strict=False), IfAny] = ()
    responses: Annotated[tuple[IntakeRecord, ...], Field(strict=False), IfAny] = ()
    done: Annotated[tuple[str, ...], Field(strict=False), IfAny] = ()
    understood: Annotated[bool, IfAny] = False
    alone: Annotated[bool, IfAny] = False
    failed: Annotated[bool, IfAny] = False
