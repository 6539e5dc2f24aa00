"""`screening explain`: one claim, the decision and the whole chain behind it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import click
from rich.markup import escape

from pipeline.cli.exits import Exit, fail
from pipeline.cli.options import json_option, lang_option
from pipeline.explain.explaining import ExplainError, explain_claim
from pipeline.explain.view import as_data, events_used, parts, say_events, say_unknown
from pipeline.inputs.errors import InputError
from pipeline.inputs.records import read_records
from pipeline.settings.model import SettingsError, load_settings
from pipeline.settings.packs import load_pack_set
from pipeline.telemetry.console import err, out
from rules.calendar import CalendarError
from rules.events import CHINA
from rules.packs.pack import PackError
from rules.text import Lang
from topics.normalisation import without_mark


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        fail(f"{path}: {error.strerror}")


def _lines(path: Path) -> list[bytes]:
    try:
        return [line for _, line in read_records(path)]
    except InputError as error:
        fail(str(error))


def _claim(path: Path) -> bytes:
    """The one claim of a file: a JSON object, over several lines or as the only line of NDJSON."""
    text = without_mark(_read(path)).strip()
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        fail(f"{path}: is empty; expected one claim as a JSON object", Exit.FAILED)
    if len(lines) > 1 and all(line.strip().startswith(b"{") and line.strip().endswith(b"}") for line in lines):
        fail(
            f"{path}: holds {len(lines)} claims, one a line; expected one. Take the line you want: sed -n 1p",
            Exit.FAILED,
        )
    return text


@click.command("explain")
@click.option(
    "--claim", "claim_file", required=True, type=click.Path(path_type=Path), help="One claim as JSON, as on the wire."
)
@click.option(
    "--events", "events_file", required=True, type=click.Path(path_type=Path), help="Events as NDJSON, as on the wire."
)
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Judge by what was recorded up to this day; by default by everything. Deadlines are also shown as of this day.",
)
@lang_option
@json_option
def explain_command(claim_file: Path, events_file: Path, as_of: dt.datetime | None, lang: Lang, as_json: bool) -> None:
    """Explains one claim: the decision that the gate would take on these events, and everything behind it.

    Events of other physicians and institutions are ignored. A line that is not an event of the scheme has no effect, as in
    the pipeline, and is named.

    Exit code 0: explained; 1: a file cannot be read, the claim is not valid, or the law cannot be applied; 2: the settings cannot
    be used.

    \b
    Example:
      screening explain --claim claim.json --events events.ndjson --lang zh --as-of 2024-06-30
    """
    try:
        settings = load_settings()
        packs = load_pack_set(settings.packs_dir, settings.packs_on, settings.holidays_file, with_subjects=True)
    except (PackError, SettingsError) as error:
        fail(str(error), Exit.USAGE)
    day = None if as_of is None else as_of.date()
    today = day or dt.datetime.now(CHINA).date()
    try:
        told = explain_claim(_claim(claim_file), _lines(events_file), packs, as_of=day, today=today)
    except ExplainError as error:
        fail(f"{claim_file}: {error}", Exit.FAILED)
    except CalendarError as error:
        fail(str(error), Exit.FAILED)
    if as_json:
        data = as_data(told.chain, told.verdict, told.as_of)
        click.echo(json.dumps({**data, "events": events_used(told)}, ensure_ascii=False))
    else:
        for part in parts(told.chain, told.verdict, told.as_of, lang):
            out.print(part)
        out.print()
        out.print(escape(say_events(told, events_file.name, lang)), style="dim")
        if unknown := say_unknown(told, lang):
            err.print(escape(unknown), style="yellow", soft_wrap=True)
    for line in told.unusable:
        err.print(
            f"[yellow]{escape(str(events_file))}:{line.line}:[/] {escape('; '.join(line.problems))}", soft_wrap=True
        )
    if told.unusable:
        err.print(f"{len(told.unusable)} unusable lines counted for nothing", style="yellow")
