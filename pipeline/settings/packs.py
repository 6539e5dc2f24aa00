"""Reads rule packs from files."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from rules.holidays import Holidays, HolidaysError, parse_holidays, shipped_holidays
from rules.packs.pack import Pack, PackError, PackSet, parse_pack
from rules.packs.readings import as_chosen
from rules.penalties.pack import PenaltyPack, parse_penalties

SHIPPED = Path(str(resources.files("rules") / "packs"))
"""Folder of the packs shipped with the product."""


def read_packs(folder: Path | None = None) -> tuple[Pack, ...]:
    """Reads every `*.yaml` of a folder, by default the packs shipped with the product, in the order of their names.

    Raises PackError for a folder without packs or a file that cannot be used.
    """
    place = resources.files("rules") / "packs" if folder is None else folder
    if not place.is_dir():
        raise PackError(f"{place}: no such folder of rule packs")
    files = sorted((entry for entry in place.iterdir() if entry.name.endswith(".yaml")), key=lambda entry: entry.name)
    if not files:
        raise PackError(f"{place}: holds no rule pack (*.yaml)")
    try:
        texts = [(entry.read_text("utf-8"), entry.name) for entry in files]
    except UnicodeDecodeError as error:
        raise PackError(f"{place}: a pack is not UTF-8: {error}; `screening packs check {place}` names it") from None
    return tuple(as_chosen(parse_pack(text, name)) for text, name in texts)


def read_penalties() -> tuple[PenaltyPack, ...]:
    """The discretion standards shipped with the product, in the order of their files. Raises PackError for one that is wrong."""
    place = resources.files("rules") / "penalties"
    files = sorted((entry for entry in place.iterdir() if entry.name.endswith(".yaml")), key=lambda entry: entry.name)
    return tuple(parse_penalties(entry.read_text("utf-8"), entry.name) for entry in files)


def load_pack_set(folder: Path | None = None, switched_on: Iterable[str] = (), holidays: Path | None = None) -> PackSet:
    """The packs of a folder as one set, with those switched on that are off by default; `holidays` is a file of further years.

    Raises PackError for packs or a file of holidays that cannot be used.
    """
    return PackSet(read_packs(folder), switched_on=switched_on, holidays=_holidays(holidays))


def _holidays(file: Path | None) -> Holidays | None:
    """The shipped years with those of the file, which take the place of the same years."""
    if file is None:
        return None
    try:
        return shipped_holidays().with_notices(parse_holidays(file.read_text("utf-8"), str(file)))
    except (OSError, UnicodeDecodeError) as error:
        raise PackError(f"{file}: cannot be read as a file of holidays: {error}") from error
    except HolidaysError as error:
        raise PackError(str(error)) from error
