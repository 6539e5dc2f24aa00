"""Reads rule packs from files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Protocol, TypeVar

from rules.designation.pack import DesignationPack, parse_designation
from rules.holidays import Holidays, HolidaysError, parse_holidays, shipped_holidays
from rules.longitudinal.pack import LongitudinalPack, parse_longitudinal
from rules.packs.pack import Pack, PackError, SubjectPack, parse_pack, parse_subject
from rules.packs.pack_set import PackSet
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
    return _shipped("penalties", parse_penalties)


def read_designations() -> tuple[DesignationPack, ...]:
    """The rules of evaluation for designated status shipped with the product. Raises PackError for one that is wrong."""
    return _shipped("designation", parse_designation)


def read_longitudinal() -> tuple[LongitudinalPack, ...]:
    """The rules of the checks over time shipped with the product. Raises PackError for one that is wrong."""
    return _shipped("longitudinal", parse_longitudinal)


def read_subjects(folder: Path | None = None) -> tuple[SubjectPack, ...]:
    """The laws of insured persons and departments: those shipped, or those in `subjects` of a folder of packs, where it may be
    missing. Raises PackError for one that cannot be used."""
    if folder is None:
        return _shipped("subjects", parse_subject)
    try:
        return tuple(
            parse_subject(file.read_text("utf-8"), file.name) for file in sorted(folder.glob("subjects/*.yaml"))
        )
    except (OSError, UnicodeDecodeError) as error:
        raise PackError(f"{folder / 'subjects'}: cannot be read: {error}") from None


class _Named(Protocol):
    """What is known by a name, with or without its version."""

    pack: str

    @property
    def name(self) -> str:
        """Its name with its version."""


NamedT = TypeVar("NamedT", bound=_Named)


def _shipped(folder: str, parse: Callable[[str, str], NamedT]) -> tuple[NamedT, ...]:
    place = resources.files("rules") / folder
    files = sorted((entry for entry in place.iterdir() if entry.name.endswith(".yaml")), key=lambda entry: entry.name)
    return tuple(parse(entry.read_text("utf-8"), entry.name) for entry in files)


def chosen(shipped: Sequence[NamedT], name: str, parse: Callable[[str, str], NamedT]) -> NamedT:
    """One of those shipped by its name, or one from a YAML file. Raises PackError."""
    if name.endswith((".yaml", ".yml")):
        try:
            return parse(Path(name).read_text("utf-8"), name)
        except OSError as error:
            raise PackError(f"{name}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise PackError(f"{name}: not UTF-8; save the file as UTF-8") from None
    for one in shipped:
        if name in (one.pack, one.name):
            return one
    known = ", ".join(one.pack for one in shipped)
    raise PackError(f"nothing is called {name}; there are: {known} (a file's name ends in .yaml)")


def load_pack_set(
    folder: Path | None = None,
    switched_on: Iterable[str] = (),
    holidays: Path | None = None,
    *,
    with_subjects: bool = False,
) -> PackSet:
    """The packs of a folder as one set, with those switched on that are off by default; `holidays` is a file of further years.

    Only with `with_subjects` are the laws of insured persons and departments among them: whoever knows them takes their events,
    anybody else refuses them by name. Raises PackError for packs or a file of holidays that cannot be used.
    """
    subjects = read_subjects(folder)
    wanted = set(switched_on)
    if not with_subjects:
        wanted -= {pack.pack for pack in subjects}
        subjects = ()
    return PackSet(read_packs(folder), switched_on=wanted, holidays=read_holidays(holidays), subjects=subjects)


def read_holidays(file: Path | None) -> Holidays | None:
    """The shipped years with those of the file, which take the place of the same years. None without a file.

    Raises PackError for one that cannot be used.
    """
    if file is None:
        return None
    try:
        return shipped_holidays().with_notices(parse_holidays(file.read_text("utf-8"), str(file)))
    except (OSError, UnicodeDecodeError) as error:
        raise PackError(f"{file}: cannot be read as a file of holidays: {error}") from error
    except HolidaysError as error:
        raise PackError(str(error)) from error
