"""What counts of all that was said of one visit, one line, one settlement: later messages correct earlier ones.

What is said is ordered by the times of the messages, so that the order of arrival does not matter. Of one thing a later message
that says otherwise is a correction; two that contradict each other at the same time, or without a time, are a conflict, since
which of them counts cannot be known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Generic, TypeVar

from msgspec import structs

from pipeline.intake.facts import SAYS, Fact, LineFact, SettlementFact, VisitFact
from pipeline.intake.messages import Told
from topics.dead_letters import Code

_SOME = TypeVar("_SOME", VisitFact, LineFact, SettlementFact)
_NUMBERED = TypeVar("_NUMBERED", LineFact, SettlementFact)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that was said, in so many rows of messages, and does not count."""

    told: Told
    code: Code
    reason: str
    rows: int = 1
    what: str = ""
    """`visit`, `line` or `settlement`, where it was read as one."""


@dataclass(frozen=True, slots=True)
class Made:
    """A claim: as on the wire, and what people are told about it."""

    value: bytes
    claim: dict[str, Any]
    told: Told


@dataclass(slots=True)
class Outcome:
    """What follows from one visit. `repeated` counts what said nothing new, `unsettled` the fee lines of no settlement so far,
    `of_settlements` the settlements that were told, right or not; `doubts` counts by name in spite of what claims were made."""

    claims: list[Made] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    repeated: Counter[str] = field(default_factory=Counter)
    doubts: Counter[str] = field(default_factory=Counter)
    unsettled: int = 0
    of_settlements: int = 0


@dataclass(frozen=True, slots=True)
class Version(Generic[_SOME]):
    """What is known of one thing from one message on, and how many rows said it."""

    fact: _SOME
    rows: int


@dataclass(frozen=True, slots=True)
class Settled:
    """A settlement in all its versions, the newest last; `flagged` if any of its messages says so."""

    versions: tuple[Version[SettlementFact], ...]
    flagged: bool

    @property
    def newest(self) -> SettlementFact:
        """What is known of it now."""
        return self.versions[-1].fact

    @property
    def is_refund(self) -> bool:
        """Whether it takes another one back, and is not one that was taken back."""
        negative = Decimal(self.newest.total) < 0 or Decimal(self.newest.fund) < 0
        return negative or (self.flagged and self.newest.takes_back is not None)


def _changed(known: _SOME, said: _SOME) -> dict[str, Any]:
    """What a fact says otherwise, or more, than what is known of its subject."""
    return {
        name: new
        for name in SAYS[type(said)]
        if (new := getattr(said, name)) is not None and new != () and new != getattr(known, name)
    }


def _contradicting(known: _SOME, changed: dict[str, Any]) -> list[str]:
    """The fields in which what is said now is not more, but different."""
    return [name for name in changed if getattr(known, name) not in (None, ())]


def _joined(known: _SOME, said: _SOME, changed: dict[str, Any]) -> _SOME:
    """What is known after something more was said: what it says, and what it does not say as it was."""
    return structs.replace(known, told=said.told, **changed)


def _at_once(one: Told, other: Told) -> bool:
    """Whether it cannot be known which of two things was said later."""
    return not one.time or not other.time or one.time == other.time


def visit_of(facts: Sequence[VisitFact], out: Outcome) -> VisitFact | None:
    """The visit as it is known; None where nothing was said of it, or where it is in dispute who attended."""
    known: VisitFact | None = None
    disputed = False
    for fact in facts:
        if known is None:
            known = fact
            continue
        changed = _changed(known, fact)
        against = [name for name in _contradicting(known, changed) if name not in ("begun", "others")]
        if against and _at_once(known.told, fact.told):
            out.refused.append(_conflict(fact, "visit", fact.key[1], against, known))
            disputed = disputed or "attending" in against
            continue
        if not changed:
            out.repeated["visit"] += 1
        known = _joined(known, fact, changed)
    # Nobody knows who was responsible, so a person decides.
    return None if disputed else known


def _histories(facts: Sequence[_NUMBERED], what: str, out: Outcome) -> dict[str, tuple[Version[_NUMBERED], ...]]:
    """The versions of each line or settlement by its number; those that contradict themselves are refused as a whole."""
    groups: dict[str, list[_NUMBERED]] = {}
    for fact in facts:
        groups.setdefault(fact.number, []).append(fact)
    made = {}
    for number, group in groups.items():
        versions = [Version(group[0], 1)]
        repeated = 0
        for fact in group[1:]:
            known = versions[-1]
            changed = _changed(known.fact, fact)
            against = _contradicting(known.fact, changed)
            if against and _at_once(known.fact.told, fact.told):
                refusal = _conflict(fact, what, number, against, known.fact)
                out.refused.append(replace(refusal, rows=len(group)))
                break
            joined = _joined(known.fact, fact, changed)
            repeated += not changed
            if against:
                versions.append(Version(joined, 1))
            else:
                versions[-1] = Version(joined, known.rows + 1)
        else:
            out.repeated[what] += repeated
            made[number] = tuple(versions)
    return made


def lines_of(facts: Sequence[LineFact], out: Outcome) -> list[LineFact]:
    """The fee lines of a visit as they are known now."""
    return [versions[-1].fact for versions in _histories(facts, "line", out).values()]


def settlements_of(facts: Sequence[SettlementFact], out: Outcome) -> list[Settled]:
    """The settlements of a visit in the order of their times."""
    flagged = {fact.number for fact in facts if fact.refunded}
    made = []
    for number, versions in _histories(facts, "settlement", out).items():
        newest = versions[-1].fact
        # What a message leaves out, a later one tells about the earlier version as well.
        filled = [
            Version(_joined(newest, version.fact, _changed(newest, version.fact)), version.rows)
            for version in versions[:-1]
        ]
        made.append(Settled((*filled, versions[-1]), number in flagged))
    return sorted(made, key=lambda one: (one.newest.at, one.newest.number))


def _conflict(fact: Fact, what: str, number: str, against: Sequence[str], other: Fact) -> Refusal:
    said = f"says otherwise ({', '.join(against)}) than {other.told.place}"
    reason = f"{what} {number}: {said}, and it cannot be known which of them came later"
    return Refusal(fact.told, Code.ID_CONFLICT, reason, what=what)
