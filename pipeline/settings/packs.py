"""Reads rule packs from files."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from rules.packs.pack import Pack, PackError, PackSet, parse_pack
from rules.packs.readings import as_chosen

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


def load_pack_set(folder: Path | None = None, switched_on: Iterable[str] = ()) -> PackSet:
    """The packs of a folder as one set, with those switched on that are off by default."""
    return PackSet(read_packs(folder), switched_on=switched_on)
