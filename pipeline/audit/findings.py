"""The result of an audit: differences, each with its place, and the figures of what was compared."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from topics.fields import utc_text

Part = Literal["claims", "standings", "cases", "journal", "revisions"]
"""What can be audited alone; `claims` takes their identities along, `standings` the events and the notices, `cases` their states
and actions. `revisions` needs the archive, and is audited only when it is asked for."""

Progress = Callable[[str, int], None]
"""Told from time to time what is being read and how many records of it have been."""

EVERY = 10_000
"""Records between two tellings."""


class Fault(StrEnum):
    """How something published differs from what follows from the logs; the names are those of the metric and of --json."""

    MISSING = "missing"
    DOUBLED = "doubled"
    INVENTED = "invented"
    BEYOND_END = "beyond_end"
    UNCOMMITTED = "uncommitted"
    EXPIRED_UNREAD = "expired_unread"
    OTHER_TOPIC = "other_topic"
    FOREIGN_OUTCOME = "foreign_outcome"
    UNREADABLE_VERDICT = "unreadable_verdict"
    UNREADABLE_DEAD_LETTER = "unreadable_dead_letter"
    CONFLICT = "conflict"
    MISSING_DEAD_LETTER = "missing_dead_letter"
    NEEDLESS_DEAD_LETTER = "needless_dead_letter"
    FOREIGN_DEAD_LETTER = "foreign_dead_letter"
    MISPLACED = "misplaced"
    UNEXPECTED = "unexpected"
    DIFFERENT = "different"
    UNREADABLE = "unreadable"
    WRONG_PARTITION = "wrong_partition"
    TWO_PARTITIONS = "two_partitions"
    REVISION_AHEAD = "revision_ahead"
    REVISION_WRONG = "revision_wrong"
    REVISION_WENT_BACK = "revision_went_back"
    REVISION_TWICE = "revision_twice"
    NOT_WITHDRAWN = "not_withdrawn"
    DIFFERS = "differs"
    UNREADABLE_CASE = "unreadable_case"
    MISSING_EVENT = "missing_event"
    BROKEN_CHAIN = "broken_chain"
    UNREADABLE_REVISION = "unreadable_revision"
    ALTERED = "altered"
    CUT = "cut"


KINDS: Mapping[str, tuple[Fault, ...]] = {
    "claims": (
        *(
            Fault.MISSING,
            Fault.DOUBLED,
            Fault.INVENTED,
            Fault.BEYOND_END,
            Fault.UNCOMMITTED,
            Fault.EXPIRED_UNREAD,
            Fault.OTHER_TOPIC,
        ),
        *(Fault.FOREIGN_OUTCOME, Fault.UNREADABLE_VERDICT, Fault.UNREADABLE_DEAD_LETTER),
    ),
    "claim_identities": (Fault.CONFLICT,),
    "events": (
        *(
            Fault.MISSING_DEAD_LETTER,
            Fault.NEEDLESS_DEAD_LETTER,
            Fault.FOREIGN_DEAD_LETTER,
            Fault.UNREADABLE_DEAD_LETTER,
        ),
        Fault.MISPLACED,
    ),
    "standings": (
        *(
            Fault.MISSING,
            Fault.UNEXPECTED,
            Fault.DIFFERENT,
            Fault.UNREADABLE,
            Fault.WRONG_PARTITION,
            Fault.TWO_PARTITIONS,
        ),
        *(
            Fault.REVISION_AHEAD,
            Fault.REVISION_WRONG,
            Fault.REVISION_WENT_BACK,
            Fault.REVISION_TWICE,
        ),
    ),
    "notices": (Fault.MISSING, Fault.DOUBLED, Fault.NOT_WITHDRAWN),
    "cases": (
        Fault.MISSING,
        Fault.DOUBLED,
        Fault.INVENTED,
        Fault.DIFFERS,
        Fault.UNREADABLE_CASE,
        Fault.UNREADABLE_VERDICT,
        Fault.UNREADABLE_REVISION,
    ),
    "case_actions": (
        *(
            Fault.MISSING_DEAD_LETTER,
            Fault.NEEDLESS_DEAD_LETTER,
            Fault.FOREIGN_DEAD_LETTER,
            Fault.UNREADABLE_DEAD_LETTER,
        ),
        *(Fault.MISPLACED, Fault.MISSING_EVENT),
    ),
    "case_states": (
        Fault.MISSING,
        Fault.INVENTED,
        Fault.DIFFERS,
        Fault.UNREADABLE,
        Fault.WRONG_PARTITION,
        Fault.TWO_PARTITIONS,
    ),
    "revisions": (Fault.DIFFERS, Fault.BROKEN_CHAIN),
    "journal": (Fault.UNREADABLE, Fault.ALTERED, Fault.MISSING, Fault.DOUBLED, Fault.CUT),
}
"""Every kind of difference by the part that can tell it, so that a metric has them all, those at zero too."""


_MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it follows from the logs. `kind` is for counting, `where` names the key or the offsets."""

    part: str
    kind: Fault
    where: str
    detail: str

    def as_json(self) -> dict[str, str]:
        """For scripts."""
        return {"part": self.part, "kind": self.kind, "where": self.where, "detail": self.detail}


@dataclass(slots=True)
class Findings:
    """The result: `figures` are what was compared, by name; `notes` qualify them and are no differences."""

    differences: list[Difference] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    law: dict[str, Any] = field(default_factory=dict)
    """By what was folded: the names of the packs and the digest of the public holidays; empty where nothing was."""
    counted: Counter[tuple[str, Fault]] = field(default_factory=Counter)
    """How many differences of each part and kind there are, those included that are too many to be named."""
    waiting_since: dict[str, int] = field(default_factory=dict)
    """When the oldest record that waits came, in ms since 1970 UTC, of each part in which one waits."""

    def wait(self, part: str, stamp_ms: int) -> None:
        """A record that came then waits."""
        self.waiting_since[part] = min(stamp_ms, self.waiting_since.get(part, stamp_ms))

    def differ(self, part: str, kind: Fault, where: str, detail: str) -> None:
        """Adds a difference. Of each part and kind the first ten thousand are kept, and all are counted."""
        if kind not in KINDS[part]:
            raise ValueError(f"{part} has no kind of difference called {kind}")
        self.counted[part, kind] += 1
        if self.counted[part, kind] <= _MOST_KEPT:
            self.differences.append(Difference(part, kind, where, detail))

    def count(self, part: str, what: str, **numbers: int) -> None:
        """Adds a row of figures."""
        self.figures.append({"part": part, "what": what, **numbers})

    @property
    def total(self) -> int:
        """How many differences there are."""
        return self.counted.total()

    def by_kind(self) -> Counter[tuple[str, Fault]]:
        """How many differences there are of each part and kind, those that did not occur left out."""
        return Counter(self.counted)

    def sums(self) -> Counter[tuple[str, str]]:
        """The figures by part and name, over all rows of a part."""
        whole: Counter[tuple[str, str]] = Counter()
        for row in self.figures:
            whole.update({(row["part"], name): row[name] for name in row if name not in ("part", "what")})
        return whole

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "differences": [difference.as_json() for difference in self.differences],
            "total": self.total,
            "figures": self.figures,
            "notes": self.notes,
            "law": self.law,
            "waiting_since": {
                part: utc_text(dt.datetime.fromtimestamp(stamp / 1000, dt.UTC))
                for part, stamp in sorted(self.waiting_since.items())
            },
        }


def ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Rising numbers as ranges, both ends inclusive."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def told(spans: list[tuple[int, int]], most: int = 20) -> str:
    """Ranges in words; after `most` of them the rest is counted."""
    parts = [str(first) if first == last else f"{first}-{last}" for first, last in spans[:most]]
    if len(spans) > most:
        parts.append(f"and {len(spans) - most} further ranges")
    return ", ".join(parts)
