"""`screening audit`: what is published against what follows from the logs."""

from __future__ import annotations

import datetime as dt
import json

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.audit.findings import Findings, Part

_SAME, _DIFFERENT, _IMPOSSIBLE = 0, 1, 2
_SHOWN = 50

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


@click.command("audit")
@click.option("--bootstrap-servers", metavar="HOST:PORT,...", help="Kafka brokers [env: SCREENING_BOOTSTRAP_SERVERS]")
@click.option("--claims", "part", flag_value="claims", help="Only claims against verdicts and dead letters.")
@click.option("--standings", "part", flag_value="standings", help="Only events, standings and notices.")
@click.option(
    "--notices-on",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Day until which notices are demanded. [default: today in China, or SCREENING_CONTROL_CLOCK_FILE]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts instead of a table.")
def audit_command(
    bootstrap_servers: str | None, part: Part | None, notices_on: dt.datetime | None, as_json: bool
) -> None:
    """Reads the logs again and names every standing, notice, verdict and dead letter that does not follow from them.

    Every dossier is folded anew from its events and compared with the published standings and notices; every claim is
    balanced against its verdict or dead letter, partition by partition. Nothing is changed. Records that a running process
    has not committed yet are counted as waiting, not as differences. Notices may be more than are demanded: one that was
    given stays when a later event ends its reason. Cases and their states are not compared.

    Exit code 0: nothing found; 1: differences; 2: wrong use, or the cluster cannot be read.

    \b
    Example:
      screening audit --standings --notices-on 2026-11-23
    """
    from pipeline.audit.run import run_audit
    from pipeline.config import SettingsError, load_settings
    from pipeline.kafka.trouble import ClusterError
    from rules.pack import PackError

    day = None if notices_on is None else notices_on.date()
    try:
        settings = load_settings(bootstrap_servers=bootstrap_servers)
        with err.status("starting") as status:
            findings = run_audit(settings, part, day, lambda what, number: status.update(f"{what}: {number:,} read"))
    except (SettingsError, PackError, ClusterError) as error:
        err.print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True)
        raise SystemExit(_IMPOSSIBLE) from None
    if as_json:
        click.echo(json.dumps(findings.as_json(), ensure_ascii=False))
    else:
        _show(findings)
    raise SystemExit(_DIFFERENT if findings.differences else _SAME)


def _show(findings: Findings) -> None:
    for part in dict.fromkeys(row["part"] for row in findings.figures):
        rows = [row for row in findings.figures if row["part"] == part]
        names = [name for name in rows[0] if name not in ("part", "what")]
        table = Table(part, *(name.replace("_", " ") for name in names), header_style="bold")
        for column in table.columns[1:]:
            column.justify = "right"
        for row in rows:
            table.add_row(row["what"], *(f"{row[name]:,}" for name in names))
        if len(rows) > 1:
            table.add_section()
            table.add_row("all", *(f"{sum(row[name] for row in rows):,}" for name in names), style="bold")
        out.print(table)
    for note in findings.notes:
        out.print(f"[dim]{escape(note)}[/]", soft_wrap=True)
    for difference in findings.differences[:_SHOWN]:
        told = f"{difference.part}: {difference.kind}: {difference.where}: {difference.detail}"
        out.print(f"[red]✗[/] {escape(told)}", soft_wrap=True)
    further = len(findings.differences) - _SHOWN
    if further > 0:
        out.print(f"[red]✗[/] and {further:,} further; --json names all")
    count = len(findings.differences)
    out.print(f"[bold red]{count:,} differences[/]" if count else "[bold green]nothing found[/]")
