"""`screening register`: registers and rosters against what is recorded."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape

from pipeline.cli.exits import Exit, complain, fail
from pipeline.cli.load import constants_of
from pipeline.cli.options import bootstrap_option, encoding_option, json_option, settings_of
from pipeline.cli.telling import tell_bad_lines, tell_notice
from pipeline.inputs.encodings import Encoding
from pipeline.telemetry.console import err, out

if TYPE_CHECKING:
    from pipeline.register.difference import Difference
    from pipeline.register.sync import Roster

_SHOWN = 20
_SIGN = {"added": "[green]+[/]", "ended": "[red]-[/]", "changed": "[yellow]~[/]"}


@click.group()
def register() -> None:
    """Registers and rosters (名册): what they say, against what is recorded."""


@register.command()
@click.argument("file")
@bootstrap_option
@click.option(
    "--mapping", default="national-registry", show_default=True, metavar="NAME|FILE",
    help="What the rows become: a YAML file, or one of exclusion-list, national-registry, suspended-departments, "
    "suspended-insured.",
)  # fmt: skip
@click.option("--set", "constants", multiple=True, metavar="FIELD=VALUE", callback=constants_of,
              help="A field that is the same in every row; may be given several times.")  # fmt: skip
@encoding_option
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE",
              help="The day from which on those are ended whom the file names no more. [default: today in China]")  # fmt: skip
@click.option("--apply/--dry-run", "applied", default=False,
              help="Send the difference, or only show it. [default: --dry-run]")  # fmt: skip
@click.option("--allow-ends", type=click.IntRange(min=0), metavar="N", help="Allow so many to be ended at once.")
@json_option
def sync(
    file: str,
    bootstrap_servers: str | None,
    mapping: str,
    constants: dict[str, str],
    encoding: Encoding | None,
    on: dt.datetime | None,
    applied: bool,
    allow_ends: int | None,
    as_json: bool,
) -> None:
    """Shows what a roster says that the log of events does not, and with --apply sends only that.

    FILE is a register or roster as CSV, workbook, Parquet or JSON, a folder or a pattern of them. It counts as complete for the
    institutions that it names: whoever they have declared and the file names no more is ended, if the scheme of the
    region knows an event for it. Whom an agency's decision bars is left alone. A list of exclusions (--mapping
    exclusion-list) gives back whom it names no more. A list of insured persons or departments whom penalty decisions suspend
    (--mapping suspended-insured, suspended-departments) ends nobody by absence: a suspension ends by its own day. If a line
    cannot be read nobody is ended for being absent.

    More than 5 % of those whom the log knows there, or more than 50, are not ended without --allow-ends; then nothing is sent.

    Exit code 0: all as asked; 1: lines could not be read, something cannot be said by an event, too many would be
    ended, or the brokers refused something; 2: the arguments, settings or mapping cannot be used.

    \b
    Example:
      screening register sync 5102.xlsx --set region=110000 --set institution=H11010100001
      screening register sync 5102.xlsx --set region=110000 --set institution=H11010100001 --apply
      screening register sync exclusions.csv --mapping exclusion-list --set region=110000 --apply --allow-ends 120
    """
    from pipeline.inputs.errors import InputError, MappingError
    from pipeline.inputs.registers import load_event_mapping
    from pipeline.kafka.diagnostics import ClusterError
    from pipeline.register import sync as work
    from pipeline.register.difference import difference
    from pipeline.settings.packs import load_pack_set
    from rules.events import CHINA
    from rules.packs.pack import PackError

    settings = settings_of(bootstrap_servers=bootstrap_servers)
    try:
        made = load_event_mapping(mapping).given(constants)
        packs = load_pack_set(settings.packs_dir, settings.packs_on, settings.holidays_file, with_subjects=True)
        roster = work.read_roster(file, made, encoding, packs, tell_notice)
    except (MappingError, PackError) as error:
        fail(str(error), Exit.USAGE)
    except InputError as error:
        fail(str(error))
    day = dt.datetime.now(CHINA).date() if on is None else on.date()
    sent, refused = 0, None
    reasons: tuple[str, ...] = ()
    try:
        with err.status("reading physician-events") as status:
            log = work.read_log(
                settings, packs, {event.region for event in roster.events},
                lambda what, number: status.update(f"{what}: {number:,} read"),
            )  # fmt: skip
            found = difference(log, roster.events, packs, day, work.ends_of(made, roster))
        refused = work.too_many_ends(found, allow_ends)
        if applied and refused is None and found.changes:
            sent, reasons = work.send(settings, found.changes)
    except ClusterError as error:
        fail(str(error))
    if as_json:
        click.echo(json.dumps(_record(file, roster, found, sent, refused, applied=applied), ensure_ascii=False))
    else:
        _show(file, roster, found, sent, applied=applied)
        if made.ended is not None and roster.bad:
            err.print("[yellow]nobody is ended for being absent, because lines could not be read[/]")
    for problem in (*([refused] if refused else ()), *reasons):
        complain(problem)
    unsent = applied and refused is None and sent < len(found.changes)
    wrong = roster.bad or found.unsaid or refused or unsent or not roster.events
    raise SystemExit(Exit.FAILED if wrong else Exit.DONE)


def _counts(roster: Roster, found: Difference) -> dict[str, int]:
    return {
        "lines": roster.counts.lines,
        "blank": roster.counts.blank,
        "bad": len(roster.bad),
        "events": len(roster.events),
        "added": len(found.of_kind("added")),
        "ended": len(found.of_kind("ended")),
        "changed": len(found.of_kind("changed")),
        "same": found.same,
        "kept": len(found.kept),
        "unsaid": len(found.unsaid),
        "known": found.known,
    }


def _record(
    file: str, roster: Roster, found: Difference, sent: int, refused: str | None, *, applied: bool
) -> dict[str, Any]:
    from rules.events import encode

    return {
        "file": file,
        **_counts(roster, found),
        "applied": applied,
        "sent": sent,
        "refused": refused,
        "differences": [
            {"kind": item.kind, "was": item.was, "event": json.loads(encode(item.event))} for item in found.changes
        ],
        "cannot_be_said": [{"code": item.code, "why": item.why} for item in found.unsaid],
        "kept_as_recorded": [{"code": item.code, "why": item.why} for item in found.kept],
        "bad_lines": [{"file": item.file, "line": item.number, "reason": item.reason} for item in roster.bad],
    }


def _show(file: str, roster: Roster, found: Difference, sent: int, *, applied: bool) -> None:
    tell_bad_lines(roster.bad, _SHOWN)
    for item in found.changes[:_SHOWN]:
        event = item.event
        named = event.physician_code or getattr(event, "insured_id", "")
        told = [
            event.type_name,
            named,
            event.institution or "",
            getattr(event, "department", ""),
            getattr(event, "status", ""),
        ]
        what = " ".join(part for part in told if part)
        out.print(f"{_SIGN[item.kind]} {escape(what)} from {event.date} (log: {escape(item.was)})", soft_wrap=True)
    for told_of, sign in ((found.unsaid, "[red]✗[/]"), (found.kept, "[dim]=[/]")):
        for one in told_of[:_SHOWN]:
            out.print(f"{sign} {escape(one.code)}: {escape(one.why)}", soft_wrap=True)
    longest = max(len(found.changes), len(found.unsaid), len(found.kept))
    if longest > _SHOWN:
        out.print("[dim]of each kind the first twenty are shown; --json has all[/]")
    counted = ", ".join(f"{number:,} {name}" for name, number in _counts(roster, found).items() if number)
    out.print(f"{escape(Path(file).name)}: {counted}", soft_wrap=True)
    if applied:
        out.print(f"{sent:,} events sent")
    elif found.changes:
        out.print("nothing was sent; --apply sends the difference")
