"""The second rule set of a replay: the packs of another folder, single values changed, or both.

A value is named by a dotted path that begins with the pack: `qiannan-2022.ledger.penalty_months.value=6`. The outer words
`ledger` and `value` may be left out and dots may stand for underscores, so `qiannan-2022.penalty.months=6` is the same. Items
of lists are named by their id or ground: `qiannan-2022.deadlines.review_request.working_days=10`,
`qiannan-2022.screening.in_penalty_period.exempted=null`. An open point of the text takes the name of another of its readings:
`qiannan-2022.settings.after_expiry=valid_on_expiry`.
"""

from __future__ import annotations

import datetime as dt
import difflib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError

from pipeline.settings.packs import read_packs
from rules.packs.compare import Change, differences
from rules.packs.pack import Pack, PackError
from rules.packs.pack_set import PackSet
from rules.packs.readings import with_readings

Key = tuple[str, ...]
"""A value's place in a pack, part by part; items of lists by their id or ground."""

_WORDS = frozenset(
    {
        "pack",
        "version",
        "title",
        "source",
        "citation",
        "citations",
        "note",
        "zh",
        "en",
        "why",
        "question",
        "actor",
        "act",
    }
    | {"next", "harm", "events", "standings", "detect", "scheme", "enabled"}
)
"""Keys that no decision depends on, or whose change would make another law of the pack; they are changed in a pack file."""

_NEAREST = 6


class PackChange(NamedTuple):
    """What one pack of the second rule set says otherwise; `left` is None for a region that had no pack of its own."""

    left: Pack | None
    right: Pack
    changes: tuple[Change, ...]


def other_rules(packs: PackSet, compare_dir: Path | None, sets: Sequence[str]) -> PackSet:
    """The second rule set of a what-if: the packs of `compare_dir` (None: `packs`), with the values of `sets` changed.

    A pack of the folder takes the place of all rules, not of one: the folder must govern every region. Packs that are off in
    their file and on in `packs` are on here too. A pack that says something else under a name that `packs` knows gets a name
    of its own, so that no verdict can be mistaken for one of the rules in force. Each of `sets` is PACK.PATH=VALUE, the
    value in YAML. Raises PackError, with what would have been right, for whatever cannot be used.
    """
    chosen = packs if compare_dir is None else _folder(packs, compare_dir)
    known = {pack.name: pack for pack in packs.packs}
    wanted = _by_pack(chosen, sets)
    made = []
    for pack in chosen.packs:
        changed = _changed(pack, wanted[pack.pack]) if pack.pack in wanted else pack
        namesake = known.get(changed.name)
        made.append(changed if namesake is None or not differences(namesake, changed) else _renamed(changed))
    result = PackSet(made, switched_on=[pack.pack for pack in made], holidays=packs.holidays, subjects=packs.subjects)
    if not any(change.changes for change in pack_changes(packs, result)):
        raise PackError(
            "the second rule set says nothing else than the first; change a value with --set or in a pack file"
        )
    return result


def pack_changes(packs: PackSet, other: PackSet) -> tuple[PackChange, ...]:
    """What the second rule set says otherwise, pack by pack of the second set that differs, key by key."""
    found = []
    for pack in other.packs:
        same = (mine for mine in packs.packs if mine.pack == pack.pack)
        near = (mine for mine in packs.packs if set(mine.regions) & set(pack.regions))
        left = next(same, None) or next(near, None)
        if left is None or differences(left, pack):
            found.append(PackChange(left, pack, () if left is None else differences(left, pack)))
    return tuple(found)


def _folder(packs: PackSet, folder: Path) -> PackSet:
    every = read_packs(folder)
    on = {pack.pack for pack in packs.packs if not pack.enabled} & {pack.pack for pack in every}
    try:
        return PackSet(every, switched_on=on, holidays=packs.holidays, subjects=packs.subjects)
    except PackError as error:
        raise PackError(
            f"{folder}: {error}. The folder is a whole rule set: copy the folder of the packs in force and change what "
            "is to be tried"
        ) from None


# -- values -------------------------------------------------------------------------------------------------------


class _Set(NamedTuple):
    text: str
    path: str
    value: str


def _by_pack(packs: PackSet, sets: Iterable[str]) -> dict[str, list[_Set]]:
    names = [pack.pack for pack in packs.packs]
    wanted: dict[str, list[_Set]] = {}
    for text in sets:
        left, equals, value = text.partition("=")
        name, dot, path = left.strip().partition(".")
        if not equals or not dot or not path:
            raise PackError(f"--set {text}: expected PACK.PATH=VALUE, such as qiannan-2022.penalty.months=6")
        name = name.partition("@")[0]
        if name not in names:
            raise PackError(f"--set {text}: no pack in force is called {name}; there are: {', '.join(names)}")
        wanted.setdefault(name, []).append(_Set(text, path.strip(), value.strip()))
    return wanted


def _changed(pack: Pack, wanted: Sequence[_Set]) -> Pack:
    """The pack with all its values changed, validated as a whole."""
    data = pack.model_dump(mode="json", by_alias=True)
    known = {path: _value(data, path) for path in _paths(data)}
    readings: dict[str, str] = {}
    done: dict[Key, str] = {}
    for item in wanted:
        path = _found(pack, known, item)
        if path in done:
            raise PackError(f"--set {item.text}: {done[path]} sets the same value; give one of them")
        around = next(
            (text for other, text in done.items() if path[: len(other)] == other or other[: len(path)] == path), None
        )
        if around is not None:
            raise PackError(
                f"--set {item.text}: {around} sets a value that holds this one, or a part of it; give one of them"
            )
        done[path] = item.text
        if path[0] == "settings":
            readings[path[1]] = item.value
        else:
            _put(data, path, _parsed(item, known[path]))
    try:
        return with_readings(Pack.model_validate(data), readings)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors()
        )
        raise PackError(f"--set {', '.join(item.text for item in wanted)}: {problems}") from None


def _paths(data: dict[str, Any]) -> Iterator[Key]:
    for key, value in data.items():
        if key not in _WORDS and key != "ledger":
            yield from _inside(value, (key,))
    for key, value in (data.get("ledger") or {}).items():
        if key == "settings":
            yield from (("settings", item["id"]) for item in value)
        elif key not in _WORDS:
            yield from _inside(value, ("ledger", key))


def _inside(value: Any, at: Key) -> Iterator[Key]:
    items = _items(value)
    if items is None:
        yield at
        return
    if at[0] == "screening" and len(at) > 2:
        yield at  # an outcome may be put or taken away whole
    for name, inner in items.items():
        day_of_law = at[0] == "ledger" and name in ("from", "id")
        if name not in _WORDS and name not in ("id", "ground") and not day_of_law:
            yield from _inside(inner, (*at, name))


def _items(value: Any) -> dict[str, Any] | None:
    """The parts of a mapping, or of a list whose items have names; None for a plain value."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and value and all(isinstance(item, dict) and _name(item) for item in value):
        return {_name(item): item for item in value}
    return None


def _name(item: dict[str, Any]) -> str:
    return str(item.get("ground") or item.get("id") or "")


def _steps(path: Key) -> Key:
    return ("ledger", *path) if path[0] == "settings" else path


def _value(data: Any, path: Key) -> Any:
    for part in _steps(path):
        data = (_items(data) or {})[part]
    return data.get("reading") if path[0] == "settings" else data


def _put(data: Any, path: Key, value: Any) -> None:
    for part in path[:-1]:
        data = (_items(data) or {})[part]
    data[path[-1]] = value


def _found(pack: Pack, known: Iterable[Key], item: _Set) -> Key:
    paths = {".".join(path): path for path in known}
    loose = _loose(item.path)
    for name, path in paths.items():
        if loose == _loose(name):
            return path
    near = difflib.get_close_matches(loose, [_loose(name) for name in paths], n=_NEAREST, cutoff=0.3)
    by_loose = {_loose(name): name for name in paths}
    shown = ", ".join(f"{pack.pack}.{_short(by_loose[name])}" for name in near)
    raise PackError(
        f"--set {item.text}: {pack.name} has no value {item.path}"
        + (f"; nearest: {shown}" if shown else "")
        + f" (`screening packs show {pack.pack} --json` shows everything that it says)"
    )


def _short(path: str) -> str:
    return path.removeprefix("ledger.").removesuffix(".value")


def _loose(path: str) -> str:
    return _short(path).replace("_", ".").replace("..", ".")


def _parsed(item: _Set, current: Any) -> Any:
    try:
        value = yaml.safe_load(item.value)
    except yaml.YAMLError:
        raise PackError(
            f"--set {item.text}: {item.value!r} is no YAML value, such as 6, null or [emergency, rescue]"
        ) from None
    if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
        raise PackError(f"--set {item.text}: expected a number that is not negative")
    if value == current or (isinstance(value, dt.date) and value.isoformat() == current):
        raise PackError(f"--set {item.text}: it is {item.value} already")
    return value


# -- names --------------------------------------------------------------------------------------------------------


def pack_digest(pack: Pack) -> str:
    """SHA-256 of everything that a pack says except its name and version, in hexadecimal."""
    content = pack.model_dump_json(by_alias=True, exclude={"pack", "version"})
    return hashlib.sha256(content.encode()).hexdigest()


def _renamed(pack: Pack) -> Pack:
    return pack.model_copy(update={"pack": f"{pack.pack}-what-if-{pack_digest(pack)[:6]}"})
