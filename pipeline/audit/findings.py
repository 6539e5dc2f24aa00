"""What an audit says: differences, each with its place, and the figures of what was compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Part = Literal["claims", "standings"]
"""What can be audited alone; `standings` takes the events and the notices along."""

Progress = Callable[[str, int], None]
"""Told from time to time what is being read and how many records of it have been."""

EVERY = 10_000
"""Records between two tellings."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it follows from the logs. `kind` is for counting, `where` names the key or the offsets."""

    part: str
    kind: str
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

    def differ(self, part: str, kind: str, where: str, detail: str) -> None:
        """Adds a difference."""
        self.differences.append(Difference(part, kind, where, detail))

    def count(self, part: str, what: str, **numbers: int) -> None:
        """Adds a row of figures."""
        self.figures.append({"part": part, "what": what, **numbers})

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "differences": [difference.as_json() for difference in self.differences],
            "figures": self.figures,
            "notes": self.notes,
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
