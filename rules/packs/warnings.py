"""What people should know of the packs' validity: a local law past the national transition, a gap, a law without a last day (S4).

Nothing of it stops a pack from governing; people are told, because only configuration can replace it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from rules.packs.pack import Pack
from rules.text import Text


class WarningCode(StrEnum):
    """The kinds of warnings."""

    PAST_TRANSITION = "past_transition"
    GAP = "gap"
    NO_END = "no_end"


@dataclass(frozen=True, slots=True)
class PackWarning:
    """One thing to look at. It is no error: the pack governs as it stands."""

    code: WarningCode
    pack: str
    text: Text


def warnings(packs: Iterable[Pack], today: dt.date) -> tuple[PackWarning, ...]:
    """Everything that people should know of the packs' validity on a day, in the order of the packs."""
    every = tuple(packs)
    outlived = past_transition(every)
    found: list[PackWarning] = []
    for pack in every:
        if "*" in pack.regions:
            continue
        transition = outlived.get(pack.name)
        if transition is not None and today > transition:
            found.append(_past(pack, transition))
        if pack.in_force.end is None:
            found.append(_no_end(pack))
    return (*found, *_gaps(every))


def past_transition(packs: Iterable[Pack]) -> dict[str, dt.date]:
    """Local packs that go on after the national transition (`003 五¶4`), by name, with the last day of it.

    What they say of services after that day is still the law here, and only configuration replaces it.
    """
    every = tuple(packs)
    transition = min((end for pack in every if (end := _transition(pack)) is not None), default=None)
    if transition is None:
        return {}
    return {
        pack.name: transition
        for pack in every
        if "*" not in pack.regions and (pack.in_force.end is None or pack.in_force.end > transition)
    }


def _transition(pack: Pack) -> dt.date | None:
    return None if pack.ledger is None else pack.ledger.transition


def _past(pack: Pack, transition: dt.date) -> PackWarning:
    return PackWarning(
        WarningCode.PAST_TRANSITION,
        pack.name,
        Text(
            f"{pack.name}：国家过渡期已于{transition}结束（003 五¶4），本规则仍适用，须由配置替换",
            f"{pack.name}: the national transition ended on {transition} (003 五¶4); the pack still governs until configuration "
            "replaces it",
        ),
    )


def _no_end(pack: Pack) -> PackWarning:
    return PackWarning(
        WarningCode.NO_END,
        pack.name,
        Text(f"{pack.name}：未载明止日，长期适用", f"{pack.name}: states no last day and governs until it is replaced"),
    )


def _gaps(packs: Sequence[Pack]) -> Iterator[PackWarning]:
    regions: dict[str, list[Pack]] = {}
    for pack in packs:
        for region in pack.regions:
            regions.setdefault(region, []).append(pack)
    for region, several in regions.items():
        several.sort(key=lambda pack: pack.in_force.start or dt.date.min)
        for one, following in pairwise(several):
            end, start = one.in_force.end, following.in_force.start
            if end is not None and start is not None and (start - end).days > 1:
                first, last = end + dt.timedelta(days=1), start - dt.timedelta(days=1)
                yield PackWarning(
                    WarningCode.GAP,
                    one.name,
                    Text(
                        f"{one.name}：地区{region}自{first}至{last}没有自己的规则，其后为{following.name}",
                        f"{one.name}: region {region} has no pack of its own from {first} to {last}, before {following.name}",
                    ),
                )
