"""`screening conformance`: runs worked cases and prints each that differs."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from pipeline.cli.exits import Exit
from pipeline.cli.options import json_option
from pipeline.conformance.run import MISSING, Result, run_conformance
from pipeline.inputs.errors import InputError


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@json_option
def conformance(files: tuple[Path, ...], as_json: bool) -> None:
    """Runs worked cases through the law and prints each that differs; the last line is `N passed, N failed`.

    Exit code 0: all passed; 1: some failed; 2: a file cannot be read.

    \b
    Example:
      screening conformance cases.jsonl
    """
    try:
        results = run_conformance(files)
    except InputError as error:
        click.echo(str(error))
        raise SystemExit(Exit.USAGE) from None
    failed = [result for result in results if not result.passed]
    for result in failed:
        click.echo(_as_json(result) if as_json else _as_text(result))
    passed = len(results) - len(failed)
    click.echo(
        msgspec.json.encode({"passed": passed, "failed": len(failed)}).decode()
        if as_json
        else f"{passed} passed, {len(failed)} failed"
    )
    raise SystemExit(Exit.FAILED if failed else Exit.DONE)


def _as_json(result: Result) -> str:
    return msgspec.json.encode(
        {
            "id": result.id,
            "at": result.source,
            "problem": result.problem,
            "differences": [
                {"field": item.field, "expected": item.expected, "got": item.got} for item in result.differences
            ],
        }
    ).decode()


def _as_text(result: Result) -> str:
    if result.problem is not None:
        return f"{result.id}  {result.source}: {result.problem}"
    lines = [f"{result.id}  {result.source}"]
    width = max(len(item.field) for item in result.differences)
    for item in result.differences:
        expected, got = (
            value if value == MISSING else msgspec.json.encode(value).decode() for value in (item.expected, item.got)
        )
        lines.append(f"  {item.field:<{width}}  expected {expected}, got {got}")
    return "\n".join(lines)
