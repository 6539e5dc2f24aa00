"""`screening mapping`: mappings of files, proposed and checked before anything is read by them."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.markup import escape

from pipeline.cli.exits import Exit, fail
from pipeline.cli.options import encoding_option, json_option
from pipeline.inputs.encodings import Encoding
from pipeline.inputs.errors import InputError, MappingError
from pipeline.telemetry.console import err, out


@click.group()
def mapping() -> None:
    """Mappings: which column of a file gives which field of a claim or event."""


@mapping.command()
@click.argument("files", nargs=-1, required=True)
@json_option
def check(files: tuple[str, ...], as_json: bool) -> None:
    """Tells everything that is wrong with mappings, all at once.

    FILES are YAML files, or names of those shipped.

    Exit code 0: all can be used; 1: something is wrong with one; 2: the arguments cannot be used.

    \b
    Example:
      screening mapping check mine.yaml national-settlement
    """
    told = {name: _problems(name) for name in files}
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        for name, problems in told.items():
            for problem in problems:
                err.print(escape(problem), soft_wrap=True)
            out.print(
                f"{escape(name)}: {f'[red]{len(problems)} wrong[/]' if problems else 'can be used'}", soft_wrap=True
            )
    raise SystemExit(Exit.FAILED if any(told.values()) else Exit.DONE)


def _problems(name: str) -> list[str]:
    from pipeline.inputs.mapping import mapping_text, parse_mapping, read_yaml
    from pipeline.inputs.registers import parse_event_mapping

    try:
        text, where = mapping_text(name)
        if read_yaml(text, where).get("kind") == "events":
            parse_event_mapping(text, where)
        else:
            parse_mapping(text, where)
    except MappingError as error:
        return list(error.problems)
    return []


@mapping.command()
@click.argument("file")
@click.option(
    "--out",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it there instead of to standard output.",
)
@click.option("--sheet", help="The sheet of a workbook that has several.")
@encoding_option
def new(file: str, target: Path | None, sheet: str | None, encoding: Encoding | None) -> None:
    """Proposes a mapping for FILE, a file of claims, from its columns and its first rows.

    What cannot be told from the file is marked TODO, for a person to finish.

    Exit code 0: proposed; 1: the file cannot be read; 2: the arguments cannot be used.

    \b
    Example:
      screening mapping new export.xlsx --out mine.yaml
    """
    from pipeline.inputs.files import find_inputs
    from pipeline.inputs.proposing import FINISH, propose
    from pipeline.whole_files import write_whole

    if target is not None and target.is_file():
        fail(f"{target}: is there already; name another file", Exit.USAGE)
    try:
        text = propose(find_inputs(file).files[0], encoding, sheet)
    except InputError as error:
        fail(str(error))
    if target is None:
        click.echo(text, nl=False)
        return
    try:
        write_whole(target, text)
    except OSError as error:
        fail(f"{target}: {error.strerror}")
    open_points = sum("TODO" in line for line in text.splitlines() if line != FINISH)
    err.print(f"{escape(str(target))}: {open_points} to finish" if open_points else f"{escape(str(target))}: complete")
