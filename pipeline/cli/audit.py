"""`screening audit`: what is published against what follows from the logs."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from rich.markup import escape

from pipeline.audit.findings import Findings, Part
from pipeline.cli.exits import Exit, ask_for_packages, complain, fail
from pipeline.cli.options import bootstrap_option, json_option, metrics_file_option
from pipeline.cli.signals import Stop, leave
from pipeline.telemetry.console import Table, err, out

if TYPE_CHECKING:
    from pipeline.audit.recording import Outcome
    from pipeline.settings.model import Settings
    from topics.journal import Head

_SHOWN = 50


class _Duration(click.ParamType):
    """A time such as 90s, 15m, 6h or 1d, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = re.fullmatch(r"(\d{1,4})([smhd])", str(value).strip())
        if match is None or not int(match[1]):
            self.fail(f"{value!r} is no time; write a number with its unit: 90s, 15m, 6h, 1d", param, ctx)
        return int(match[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]


@click.command("audit")
@bootstrap_option
@click.option("--claims", "part", flag_value="claims", help="Compare only claims with verdicts and dead letters.")
@click.option("--standings", "part", flag_value="standings", help="Compare only events, standings and notices.")
@click.option("--cases", "part", flag_value="cases", help="Compare only cases, case actions and case states.")
@click.option("--journal", "part", flag_value="journal", help="Follow only the chain of the desk's journal.")
@click.option(
    "--journal-heads",
    "heads_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Heads of the journal that were kept elsewhere: the desk's file desk-journal-heads.ndjson, or a copy of it.",
)
@click.option(
    "--revisions", "part", flag_value="revisions",
    help="Prove that the standings of now explain the last answer of every claim in the archive (SCREENING_ARCHIVE_URL).",
)  # fmt: skip
@click.option(
    "--notices-on",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The day until which notices must exist. [default: today in China, or SCREENING_CONTROL_CLOCK_FILE]",
)
@metrics_file_option
@click.option(
    "--every",
    type=_Duration(),
    metavar="DURATION",
    help="Audit now and again every 15m (s, m, h, d) until SIGTERM; results go to the log and to --metrics-file.",
)
@json_option
def audit_command(
    bootstrap_servers: str | None,
    part: Part | None,
    heads_file: Path | None,
    notices_on: dt.datetime | None,
    metrics_file: Path | None,
    every: int | None,
    as_json: bool,
) -> None:
    """Reads the logs again and names every standing, notice, verdict, case and dead letter that does not follow from them.

    Every dossier is folded again from its events and compared with the published standings and notices. Every claim is
    balanced against its verdict or dead letter, partition by partition. Claims of one name that say different things
    are a conflict until a later version settles it. Every reject and review must have a case that says the same, and every
    case the state that follows from its actions. The entries of the desk's journal must be one chain that reaches every head
    that was kept elsewhere. Nothing is changed. Records that a running process has
    not committed yet are counted as waiting, not as differences. There may be more notices than must exist, because a notice
    stays when a later event ends its reason.

    --revisions is apart, because it judges every archived claim again: the last answer of each, that of its verdict or of its
    last revision, must be what the standings published now lead to, and the revisions of a claim must follow each other.

    The metrics file is written as a whole when an audit ends. If the audit could not be completed, the file has no differences,
    so that no old zero is taken for a result, and keeps the time of the last completed audit. A folder of such files is for
    one cluster.

    Exit code 0: nothing found; 1: differences; 2: wrong use, the cluster cannot be read, or the metrics cannot be written. With
    --every 0: stopped as asked; an audit that fails is logged and does not end the others.

    \b
    Example:
      screening audit --standings --notices-on 2026-11-23
      screening audit --revisions --json
      screening audit --journal --journal-heads desk-journal-heads.ndjson
      screening audit --every 15m --metrics-file /var/lib/node_exporter/audit.prom
    """
    stop = None if every is None else Stop()
    from pipeline.audit.recording import audit, record_failure
    from pipeline.audit.run import run_audit
    from pipeline.settings.model import SettingsError, load_settings

    try:
        settings = load_settings(bootstrap_servers=bootstrap_servers)
    except SettingsError as error:
        record_failure(metrics_file, part)
        complain(str(error))
        raise SystemExit(Exit.USAGE) from None
    run: Any = partial(run_audit, heads=_heads(heads_file))
    if part == "revisions":
        ask_for_packages("audit --revisions", "deltalake")
        from pipeline.reconcile.proof import audit_revisions
        from pipeline.telemetry.logs import configure_logs

        configure_logs(settings.log_format, settings.log_level)
        run = audit_revisions
    day = None if notices_on is None else notices_on.date()
    if every is not None and stop is not None:
        once = partial(audit, settings, part, day, metrics_file, lambda _what, _number: None, run)
        _repeat(every, settings, once, stop, as_json=as_json)
    with err.status("starting") as status:
        outcome = audit(
            settings, part, day, metrics_file, lambda what, number: status.update(f"{what}: {number:,} read"), run
        )
    for problem in outcome.problems:
        complain(problem)
    if outcome.findings is not None:
        if as_json:
            _print_json(outcome)
        else:
            _show(outcome.findings)
    if outcome.problems or outcome.findings is None:
        raise SystemExit(Exit.USAGE)
    raise SystemExit(Exit.FAILED if outcome.findings.differences else Exit.DONE)


def _heads(file: Path | None) -> tuple[Head, ...]:
    from topics.journal import read_heads

    if file is None:
        return ()
    try:
        return read_heads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        fail(f"--journal-heads: {file}: {error}", Exit.USAGE)


def _repeat(every: int, settings: Settings, once: Callable[[], Outcome], stop: Stop, *, as_json: bool) -> NoReturn:
    from pipeline.audit.repeating import audit_every
    from pipeline.telemetry.logs import configure_logs

    configure_logs(settings.log_format, settings.log_level)
    stop.by(leave)  # at any moment: an audit changes nothing
    audit_every(every, once, _print_json if as_json else lambda _outcome: None)


def _print_json(outcome: Outcome) -> None:
    if outcome.findings is not None:
        click.echo(json.dumps(outcome.findings.as_json(), ensure_ascii=False))


def _table(part: str, rows: list[dict[str, Any]], names: list[str]) -> Table:
    table = Table(part, *(name.replace("_", " ") for name in names), header_style="bold")
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        table.add_row(row["what"], *(f"{row[name]:,}" for name in names))
    if len(rows) > 1:
        table.add_section()
        table.add_row("all", *(f"{sum(row[name] for row in rows):,}" for name in names), style="bold")
    return table


def _show(findings: Findings) -> None:
    for part in dict.fromkeys(row["part"] for row in findings.figures):
        rows = [row for row in findings.figures if row["part"] == part]
        names = [name for name in rows[0] if name not in ("part", "what")]
        table = _table(part, rows, names)
        zero = [name for name in names if not any(row[name] for row in rows)]
        if zero and not out.fits(table):
            out.print(_table(part, rows, [name for name in names if name not in zero]))
            out.print(f"[dim]0 in every row: {', '.join(name.replace('_', ' ') for name in zero)}[/]")
        else:
            out.print(table)
    for note in findings.notes:
        out.print(f"[dim]{escape(note)}[/]", soft_wrap=True)
    for difference in findings.differences[:_SHOWN]:
        told = f"{difference.part}: {difference.kind}: {difference.where}: {difference.detail}"
        out.print(f"[red]✗[/] {escape(told)}", soft_wrap=True)
    further = findings.total - _SHOWN
    if further > 0:
        out.print(f"[red]✗[/] and {further:,} further; --json names up to ten thousand of each kind")
    count = findings.total
    out.print(f"[bold red]{count:,} differences[/]" if count else "[bold green]nothing found[/]")
