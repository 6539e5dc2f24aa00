"""The journal of the desk (工作台日志): who looked at what and did what; version 1 of the contract."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from topics.fields import Identifier, Timestamp
from topics.messages.base import Message, WhenGiven

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class JournalEntry(Message):
    """One look at personal data, one act, or one log-in. Key: the account's name.

    Entries are a chain: `seq` counts from 1 without a gap, `previous` is the `hash` of the entry before (64 zeros in the first),
    and `hash` is the SHA-256 of the entry without it, as JSON with sorted keys and no blanks. `ids` name what was shown or acted
    on, and never a name or a diagnosis. Where there are too many to be named, as in an export, `count` says how many there were
    and `ids_sha256` is the hash of them, one a line. `why` is the work for which the role of the account may look.
    """

    seq: Annotated[int, Field(ge=1)]
    at: Timestamp
    by: Identifier
    role: Identifier
    act: Literal["log_in", "log_in_refused", "log_out", "look", "export", "act"]
    what: Identifier
    why: Identifier
    ids: Annotated[tuple[str, ...], Field(strict=False)] = ()
    count: Annotated[int | None, Field(ge=0), WhenGiven] = None
    ids_sha256: Annotated[Sha256 | None, WhenGiven] = None
    previous: Sha256
    hash: Sha256
