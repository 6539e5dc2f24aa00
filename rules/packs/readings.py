"""Other readings of the law: a pack in which a named setting of its ledger section reads one of its rivals.

A ledger reading switches the fold; a screening reading rewrites outcomes of the decision table; a validity reading moves
the days on which the pack is in force. The result is a pack like any other, validated as a whole.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from rules.packs.pack import Ground, InForce, Outcome, Pack, PackError
from rules.schemes.sections import Setting


def settings(pack: Pack) -> tuple[Setting, ...]:
    """The named settings of a pack, in the order of the spec's lists."""
    return () if pack.ledger is None else pack.ledger.settings


def with_readings(pack: Pack, readings: Mapping[str, str]) -> Pack:
    """The pack under other readings, `{setting: option}`.

    Raises PackError for an unknown setting or option, and for a rival that nothing in the events or claims can decide.
    """
    if not readings:
        return pack
    if pack.ledger is None:
        raise PackError(f"{pack.name}: has no ledger section and so no settings")
    known = {setting.id: setting for setting in pack.ledger.settings}
    for name, option in readings.items():
        _check(pack, known, name, option)
    chosen = tuple(
        setting.model_copy(update={"reading": readings[setting.id]}) if setting.id in readings else setting
        for setting in pack.ledger.settings
    )
    # A fresh model, not a copy: the values computed from the old readings must not come along.
    fields = {name: getattr(pack.ledger, name) for name in type(pack.ledger).model_fields}
    ledger = type(pack.ledger).model_construct(**{**fields, "settings": chosen})
    screening, in_force = pack.screening, pack.in_force
    for name, reading in readings.items():
        meaning = known[name].options[reading]
        for ground, change in (meaning.screening or {}).items():
            screening = _changed(pack, screening, ground, change)
        if meaning.in_force is not None:
            in_force = _moved(in_force, meaning.in_force)
    return pack.model_copy(update={"ledger": ledger, "screening": screening, "in_force": in_force})


def _check(pack: Pack, known: Mapping[str, Setting], name: str, option: str) -> None:
    if name not in known:
        raise PackError(f"{pack.name}: no setting is called {name!r}; there are: {', '.join(sorted(known))}")
    setting = known[name]
    if option not in setting.options:
        expected = ", ".join(setting.options)
        raise PackError(f"{pack.name}: setting {name} has no option {option!r}; expected one of {expected}")
    if setting.evaluated_by == "none" and option != setting.default:
        why = setting.why.en if setting.why else ""
        raise PackError(f"{pack.name}: setting {name} cannot be read as {option}: {why}")
    if setting.evaluated_by in ("screening", "validity") and setting.reading not in (setting.default, option):
        # A rewritten table does not say what stood there before.
        raise PackError(f"{pack.name}: setting {name} is already read as {setting.reading}; change it in the pack file")


def as_chosen(pack: Pack) -> Pack:
    """The pack with the readings that its own file chooses carried out in the decision table and the validity."""
    return with_readings(pack, {item.id: item.reading for item in settings(pack) if item.reading != item.default})


def _changed(pack: Pack, screening: tuple[Ground, ...], name: str, change: Mapping[str, Any]) -> tuple[Ground, ...]:
    if all(ground.ground != name for ground in screening):
        raise PackError(f"{pack.name}: a reading changes ground {name}, which the screening table does not have")
    if change.get("remove"):
        return tuple(ground for ground in screening if ground.ground != name)
    try:
        update = {key: None if value is None else Outcome.model_validate(value) for key, value in change.items()}
    except ValidationError as error:
        raise PackError(f"{pack.name}: the reading of ground {name} is no outcome: {error}") from error
    return tuple(ground.model_copy(update=update) if ground.ground == name else ground for ground in screening)


def _moved(in_force: InForce, change: Mapping[str, dt.date | None]) -> InForce:
    return InForce.model_validate(
        {
            "from": change.get("from", in_force.start),
            "to": change.get("to", in_force.end),
            "citation": in_force.citation,
        }
    )
