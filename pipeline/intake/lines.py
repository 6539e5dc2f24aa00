"""Which fee lines (费用明细) belong to which settlement of a visit, and what is left of them once the cancelled ones are netted.

A line belongs to the settlement that it names, else to that of its batch (chrg_bchno), else to the first settlement that came at
or after it. Lines after the last settlement's day belong to none so far, since the stay may go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from msgspec import structs

from pipeline.intake.facts import LineFact, SettlementFact


@dataclass(frozen=True, slots=True)
class Share:
    """The lines of one settlement after netting, in the order of their times and numbers."""

    lines: tuple[LineFact, ...] = ()


@dataclass(slots=True)
class Shares:
    """The share of each settlement by its number, the lines of none, and what is doubtful, counted by name."""

    of: dict[str, Share]
    unsettled: list[LineFact]
    doubts: Counter[str] = field(default_factory=Counter)


def shares_of(
    lines: Sequence[LineFact], originals: Sequence[SettlementFact], every: Sequence[SettlementFact]
) -> Shares:
    """Divides the lines of a visit. `originals` are its settlements but for refunds, in the order of their times."""
    numbers = {fact.number for fact in every}
    batches = {fact.batch: fact.number for fact in every if fact.batch is not None}
    open_ones = [fact for fact in originals if fact.batch is None]
    held: dict[str, list[LineFact]] = {}
    made = Shares({}, [])
    for line in lines:
        number = _owner(line, numbers, batches, originals if line.batch is None else open_ones)
        if number is None:
            made.unsettled.append(line)
        else:
            held.setdefault(number, []).append(line)
    seen = {line.number for line in lines}
    made.doubts["cancelled_line_not_seen"] += sum(
        line.cancels is not None and line.cancels not in seen for line in lines
    )
    for number, own in held.items():
        left = _netted(own)
        made.of[number] = Share(tuple(left))
        made.doubts["lines_without_person"] += sum(line.person is None for line in left)
    return made


def _owner(
    line: LineFact, numbers: set[str], batches: dict[str, str], candidates: Sequence[SettlementFact]
) -> str | None:
    if line.settlement in numbers:
        return line.settlement
    if line.batch in batches:
        return batches[line.batch or ""]
    for fact in candidates:
        if line.at <= fact.at:
            return fact.number
    # Clocks differ: what occurred on the day of the last settlement is a part of it.
    if candidates and line.at[:10] <= candidates[-1].at[:10]:
        return candidates[-1].number
    return None


def _netted(lines: Sequence[LineFact]) -> list[LineFact]:
    """What is left of lines once each is taken together with those that cancel it, wholly or in part."""
    by_number = {line.number: line for line in lines}
    groups: dict[str, list[LineFact]] = {}
    for line in lines:
        groups.setdefault(_root(line, by_number), []).append(line)
    left = []
    for number, group in groups.items():
        first = by_number.get(number, group[0])
        amount = sum((line.amount for line in group), Decimal(0))
        counts = [line.quantity for line in group]
        known = [count for count in counts if count is not None]
        quantity = sum(known, Decimal(0)) if len(known) == len(counts) else None
        if amount != 0 or (quantity or Decimal(0)) != 0:
            left.append(first if len(group) == 1 else structs.replace(first, amount=amount, quantity=quantity))
    return sorted(left, key=lambda line: (line.at, line.number))


def _root(line: LineFact, by_number: dict[str, LineFact]) -> str:
    """The line that a cancellation is about in the end; a circle ends where it began."""
    met = {line.number}
    while line.cancels is not None and line.cancels in by_number and line.cancels not in met:
        line = by_number[line.cancels]
        met.add(line.number)
    return line.number
