"""What a batch of events, or a look at dossiers, did: for metrics and logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.control.standing_notices import said_of
from pipeline.control.write_batch import WriteBatch
from topics.catalogue import NOTICES


@dataclass(slots=True)
class Tally:
    """What was done, counted."""

    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By type and outcome."""
    refused: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    published: Counter[str] = field(default_factory=Counter)
    notices: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By kind and phase."""
    corrected: int = 0
    """Standings put right that somebody else had written or removed."""

    def put(self, partition: int, notices: Iterable[tuple[str, bytes]], batch: WriteBatch) -> None:
        """Puts notices (notice_id, value on the wire) into the batch, and counts them."""
        for name, value in notices:
            batch.put(NOTICES, partition, name.encode(), value)
            said = said_of(value)
            if said.withdrawn is not None:
                self.notices[said.kind, "withdrawn"] += 1
                continue
            if said.kind == "contradiction":
                self.flags[said.flag or "other"] += 1
            self.notices[said.kind, said.phase or "raised"] += 1
