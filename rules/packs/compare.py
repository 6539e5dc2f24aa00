"""Two packs, key by key: what one says that the other does not, or says otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from rules.packs.pack import Pack

ABSENT = "(absent)"


class Change(NamedTuple):
    """A key whose value is not the same in both packs. `ABSENT` stands for a key that one of them does not have."""

    key: str
    left: Any
    right: Any


def differences(left: Pack, right: Pack) -> tuple[Change, ...]:
    """Every key in which two packs differ, in the order of their files; the name and the version are not compared.

    Items of lists are found by their id or ground, so that a new item does not make all later ones look changed; an item
    that only one pack has is one change. The order of the decision table is its precedence, a key of its own.
    """
    changes = list(_differing(_data(left), _data(right), ""))
    orders = [_order(left, right), _order(right, left)]
    if orders[0] != orders[1]:
        changes.append(Change("screening (precedence)", *orders))
    return tuple(changes)


def _data(pack: Pack) -> dict[str, Any]:
    data = pack.model_dump(mode="json", by_alias=True)
    return {key: value for key, value in data.items() if key not in ("pack", "version")}


def _order(pack: Pack, other: Pack) -> list[str]:
    """The grounds that both have, in this pack's order."""
    shared = {ground.ground for ground in other.screening}
    return [str(ground.ground) for ground in pack.screening if ground.ground in shared]


def _differing(left: Any, right: Any, at: str) -> Iterator[Change]:
    if left == right:
        return
    mine, theirs = _named(left), _named(right)
    if mine is None or theirs is None:
        yield Change(at, left, right)
        return
    for name in {**mine, **theirs}:
        key = name if not at else f"{at}{name}" if name.startswith("[") else f"{at}.{name}"
        here, there = mine.get(name, ABSENT), theirs.get(name, ABSENT)
        if (here is None and there == ABSENT) or (there is None and here == ABSENT):
            continue
        yield from _differing(here, there, key)


def _named(value: Any) -> dict[str, Any] | None:
    """The parts of a mapping, or of a list of mappings by id or ground; None for a plain value."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return {f"[{item.get('ground') or item.get('id') or number}]": item for number, item in enumerate(value)}
    return None
