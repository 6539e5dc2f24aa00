"""What stands of the notices that were given, as the table of notices and the batch in hand have it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from pipeline.control.write_batch import WriteBatch
from topics.catalogue import NOTICES
from topics.messages.ledger import is_withdrawal


@dataclass(frozen=True, slots=True)
class Holding:
    """Whether a notice was given and is not withdrawn."""

    batch: WriteBatch
    partition: int

    def __contains__(self, name: object) -> bool:
        value = self.batch.get(NOTICES, self.partition, str(name).encode())
        return value is not None and not is_withdrawal(value)


def given_in(batch: WriteBatch, partition: int) -> Callable[[str], bytes | None]:
    """Reads the last record of a notice by its id, None where there is none."""
    return lambda name: batch.get(NOTICES, partition, name.encode())


def stands(value: bytes) -> bool:
    """Whether a record of the notices gives one; what cannot be read does not."""
    try:
        return not is_withdrawal(value)
    except msgspec.MsgspecError:
        return False


class Said(msgspec.Struct):
    """What is counted of a notice. Its kind is the id of a duty or a measure, which a pack names, or `contradiction`."""

    kind: str
    phase: str | None = None
    flag: str | None = None
    withdrawn: str | None = None


said_of = msgspec.json.Decoder(Said).decode
"""Reads it from the notice's record."""
