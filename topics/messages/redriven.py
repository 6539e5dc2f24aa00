"""The mark that a dead letter was sent again (重新投递), so that it is sent at most once."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from topics.fields import Timestamp
from topics.messages.base import Message


class Redriven(Message):
    """A dead letter that was sent again. Key: its partition|offset, with its topic before them if it is no claim. Compacted."""

    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]
    redriven_at: Timestamp
