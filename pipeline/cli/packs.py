"""`screening packs`: the law as it is loaded. Lists, shows, checks and compares rule packs."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from pipeline.cli import packs_view
from pipeline.cli.exits import Exit, fail
from pipeline.cli.options import json_option, lang_option
from pipeline.settings.model import SettingsError, load_settings
from pipeline.settings.packs import SHIPPED, read_packs, read_subjects
from pipeline.telemetry.console import out
from rules.events import CHINA
from rules.packs.compare import differences
from rules.packs.pack import Pack, PackError, Problem, SubjectPack, parse_any
from rules.packs.pack_set import PackSet
from rules.packs.readings import as_chosen
from rules.packs.warnings import PackWarning, warnings
from rules.text import Lang, pick


@click.group()
def packs() -> None:
    """The law as data: one dated, cited file a jurisdiction. Lists, shows, checks and compares rule packs."""


def _configured() -> tuple[tuple[Pack, ...], set[str]]:
    """The packs of the settings, those of other subjects last, and the names of those that are on. Exits 2 when they cannot be
    used."""
    try:
        settings = load_settings()
        every, subjects = read_packs(settings.packs_dir), read_subjects(settings.packs_dir)
        used = PackSet(every, switched_on=settings.packs_on, subjects=subjects)
        return (*every, *subjects), {pack.name for pack in (*used.packs, *used.subjects)}
    except (PackError, SettingsError) as error:
        fail(str(error), Exit.USAGE)


@packs.command("list")
@lang_option
@json_option
def list_packs(lang: Lang, as_json: bool) -> None:
    """Lists the packs: name, title, regions, validity, and whether they are on.

    The folder is that of SCREENING_PACKS_DIR, by default the packs shipped; SCREENING_PACKS_ON switches packs on. The packs of
    insured persons and departments stand last: they apply beside the physicians' law, and the stricter answer decides.

    \b
    Example:
      screening packs list --lang zh
    """
    every, on = _configured()
    if as_json:
        click.echo(json.dumps([_head(pack, pack.name in on) for pack in every], ensure_ascii=False))
        return
    out.print(packs_view.listing(every, on, lang))
    beside = [pack.pack for pack in every if isinstance(pack, SubjectPack)]
    if beside:
        out.print(packs_view.beside(beside, lang), style="dim")


def _head(pack: Pack, on: bool) -> dict[str, Any]:
    head = pack.model_dump(mode="json", by_alias=True, include={"title", "source", "regions", "in_force", "subject"})
    return {"name": pack.name, **head, "on": on}


@packs.command("show")
@click.argument("pack")
@lang_option
@json_option
def show_pack(pack: str, lang: Lang, as_json: bool) -> None:
    """Shows everything that PACK says: grounds, numbers, scoring standard, deadlines, open points, each with its article.

    PACK is a name such as qiannan-2022, or a pack file.

    \b
    Example:
      screening packs show qiannan-2022
    """
    found = _find(pack)
    if as_json:
        click.echo(found.model_dump_json(by_alias=True, indent=2))
        return
    for part in packs_view.show(found, lang):
        out.print(part)


def _find(name: str) -> Pack:
    """A pack by name, with or without its version, or by file.

    Exits 1 for a file that is wrong or cannot be read, 2 for an unknown name.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        try:
            return as_chosen(parse_any(path.read_text("utf-8"), str(path)))
        except (OSError, UnicodeDecodeError) as error:
            fail(f"{path}: {_reason(error)}")
        except PackError as error:
            fail(str(error), Exit.FAILED)
    every, _ = _configured()
    for pack in every:
        if name in (pack.pack, pack.name):
            return pack
    known = ", ".join(pack.pack for pack in every)
    return fail(f"no pack is called {name}; there are: {known} (a file's name ends in .yaml)", Exit.USAGE)


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else "not UTF-8"


# -- checking -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of one file: the pack, or its problems."""

    file: str
    pack: Pack | None
    problems: tuple[Problem, ...]


def check_file(path: Path) -> Checked:
    """Reads one pack file. Raises OSError when it cannot be read at all."""
    name = str(path)
    try:
        return Checked(name, as_chosen(parse_any(path.read_text("utf-8"), name)), ())
    except UnicodeDecodeError:
        return Checked(name, None, (Problem(name, None, "", "not UTF-8; save the file as UTF-8"),))
    except PackError as error:
        return Checked(name, None, error.problems or (Problem(name, None, "", str(error)),))


def check_paths(paths: Sequence[Path], today: dt.date) -> tuple[list[Checked], list[str], list[PackWarning]]:
    """Every pack file of the paths, what is wrong with the packs of each folder taken together, and what is no error but should
    be known of their validity on a day.

    Raises OSError for a path that cannot be read.
    """
    checked: list[Checked] = []
    together: list[str] = []
    told: list[PackWarning] = []
    for path in paths:
        if not path.is_dir():
            checked.append(check_file(path))
            continue
        own = path.parent if path == SHIPPED else path
        files = [*sorted(path.glob("*.yaml")), *sorted(own.glob("subjects/*.yaml"))]
        if not files:
            together.append(f"{path}: holds no rule pack (*.yaml)")
            continue
        found = [check_file(file) for file in files]
        checked += found
        if all(item.pack is not None for item in found):
            try:
                told += warnings(_together([item.pack for item in found if item.pack is not None]).packs, today)
            except PackError as error:
                together.append(f"{path}: {error}")
    return checked, together, told


def _together(packs: Sequence[Pack]) -> PackSet:
    """The packs of a folder as a process would load them. Raises PackError."""
    subjects = [pack for pack in packs if isinstance(pack, SubjectPack)]
    return PackSet([pack for pack in packs if not isinstance(pack, SubjectPack)], subjects=subjects)


@packs.command("check")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[DIR|FILE]...")
@click.option(
    "--on",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The day for which the packs' validity is checked; by default today.",
)
@lang_option
@json_option
def check_packs(paths: tuple[Path, ...], on: dt.datetime | None, lang: Lang, as_json: bool) -> None:
    """Checks pack files, or all of a folder; names every problem with its file, line and key, and what was expected.

    Without arguments: the folder of SCREENING_PACKS_DIR, by default the packs shipped. A folder is checked as a set, too:
    no two packs for a region on the same days, and one for every other region. What is no error is a warning: a pack past the
    national transition, one without a last day, a gap before the pack that follows.

    Exit code 0: all can be used; 1: some cannot, or a path cannot be read; 2: wrong use.

    \b
    Example:
      screening packs check my-packs/ rules/packs/qiannan-2022.yaml
    """
    try:
        today = dt.datetime.now(CHINA).date() if on is None else on.date()
        checked, together, told = check_paths(paths or (_default_folder(),), today)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    bad = bool(together) or any(item.problems for item in checked)
    if as_json:
        click.echo(json.dumps(_report(checked, together, told), ensure_ascii=False))
        raise SystemExit(Exit.FAILED if bad else Exit.DONE)
    for item in checked:
        for problem in item.problems:
            out.print(f"[red]{escape(str(problem))}[/]", soft_wrap=True)
        if item.pack is not None:
            out.print(f"{escape(item.file)}: [green]ok[/]  {escape(_counts(item.pack))}", soft_wrap=True)
            unlisted = item.pack.ledger.unlisted if item.pack.ledger else {}
            if unlisted:
                read = ", ".join(f"{name} = {option}" for name, option in unlisted.items())
                out.print(f"  [yellow]open points not listed, read by the scheme's default:[/] {read}", soft_wrap=True)
    for warning in told:
        out.print(f"[yellow]{escape(pick(warning.text, lang))}[/]", soft_wrap=True)
    for line in together:
        out.print(f"[red]{escape(line)}[/]", soft_wrap=True)
    raise SystemExit(Exit.FAILED if bad else Exit.DONE)


def _default_folder() -> Path:
    try:
        return load_settings().packs_dir or SHIPPED
    except SettingsError as error:
        fail(str(error), Exit.USAGE)


def _counts(pack: Pack) -> str:
    parts = [pack.name, f"{len(pack.screening)} grounds"]
    if pack.ledger is not None:
        for what, number in (
            ("items", len(pack.ledger.violations)),
            ("deadlines", len(pack.ledger.deadlines)),
            ("settings", len(pack.ledger.settings)),
        ):
            if number:
                parts.append(f"{number} {what}")
    return ", ".join(parts)


def _report(checked: Sequence[Checked], together: Sequence[str], told: Sequence[PackWarning]) -> dict[str, Any]:
    return {
        "files": [
            {
                "file": item.file,
                "pack": None if item.pack is None else item.pack.name,
                "problems": [problem._asdict() for problem in item.problems],
                "by_default": item.pack.ledger.unlisted if item.pack is not None and item.pack.ledger else {},
            }
            for item in checked
        ],
        "together": list(together),
        "warnings": [{"code": item.code, "pack": item.pack, **item.text._asdict()} for item in told],
    }


# -- comparing ----------------------------------------------------------------------------------------------------


@packs.command("diff")
@click.argument("left", metavar="A")
@click.argument("right", metavar="B")
@lang_option
@json_option
def diff_packs(left: str, right: str, lang: Lang, as_json: bool) -> None:
    """Shows what differs between two packs, key by key; A and B are names or pack files.

    Exit code 0: they say the same; 1: they differ, or a file is wrong; 2: there is no such pack.

    \b
    Example:
      screening packs diff qiannan-2022 my-packs/qiannan-2022.yaml
    """
    first, second = _find(left), _find(right)
    found = differences(first, second)
    if as_json:
        click.echo(json.dumps([change._asdict() for change in found], ensure_ascii=False))
    elif found:
        for line in packs_view.changes(found, left, right):
            out.print(line)
        out.print(f"{len(found)} 处不同" if lang == "zh" else f"{len(found)} differences")
    else:
        out.print("内容相同" if lang == "zh" else "they say the same")
    raise SystemExit(Exit.FAILED if found else Exit.DONE)
