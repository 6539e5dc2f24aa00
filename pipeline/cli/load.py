"""`screening load`: files into Kafka, with progress, and every bad line told."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pipeline.cli.exits import Exit, fail
from pipeline.cli.options import bootstrap_option, json_option, settings_of
from pipeline.telemetry.console import err, out

if TYPE_CHECKING:
    from pipeline.loading import BadLine, Kind, Loaded
    from pipeline.settings.model import Settings

_SHOWN_BAD_LINES = 20


@click.group()
def load() -> None:
    """Loads files into Kafka: NDJSON (.gz too), and for claims also CSV and Parquet."""


def _load_command(kind: Kind, what: str, example: str) -> None:
    @load.command(kind, help=f"{what}\n\n\b\nExample:\n  {example}")
    @click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
    @bootstrap_option
    @click.option("--strict", is_flag=True, help="Stop at the first bad line.")
    @json_option
    def command(file: Path, bootstrap_servers: str | None, strict: bool, as_json: bool) -> None:
        settings = settings_of(bootstrap_servers=bootstrap_servers)
        _tell(file, kind, _load(file, kind, settings, strict=strict), as_json=as_json)


_load_command(
    "claims",
    "Sends claims to the topic `claims`. A line that is not a claim is reported with its number and not sent.",
    "screening load claims claims-2024.parquet",
)
_load_command(
    "events",
    "Sends physician and institution events to the topic `physician-events`.",
    "screening load events events.ndjson.gz",
)
_load_command(
    "standing",
    "Sends standings of physicians and institutions to their compacted topics.",
    "screening load standing roster.ndjson",
)


def _load(file: Path, kind: Kind, settings: Settings, *, strict: bool) -> Loaded:
    from pipeline.kafka.diagnostics import ClusterError
    from pipeline.loading import LoadError, load_file

    shown = 0
    so_far = 0

    def report(bad: BadLine) -> None:
        nonlocal shown
        shown += 1
        if shown <= _SHOWN_BAD_LINES:
            err.print(f"[yellow]line {bad.number}:[/] {escape(bad.reason)}", soft_wrap=True)
        elif shown == _SHOWN_BAD_LINES + 1:
            err.print("[yellow]further bad lines are counted, not shown[/]")

    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(pulse_style="cyan"), TextColumn("{task.completed:,} lines"),
        TimeElapsedColumn(), console=err, transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task(f"loading {kind}", total=None)

        def progress(loaded: Loaded) -> None:
            nonlocal so_far
            so_far = loaded.sent
            bar.update(task, completed=loaded.lines)

        try:
            return load_file(file, kind, settings, strict=strict, report=report, progress=progress)
        except LoadError as error:
            again = "; sending the file again would send them twice" if error.sent else ""
            fail(f"{error}\n{error.sent:,} {kind} had been sent before{again}")
        except ClusterError as error:
            fail(str(error))
        except KeyboardInterrupt:
            fail(
                f"interrupted; at least {so_far:,} {kind} had been sent, and sending the file again would send them twice"
            )


def _tell(file: Path, kind: Kind, loaded: Loaded, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"file": str(file), "kind": kind, **asdict(loaded)}))
    else:
        parts = [f"{loaded.sent:,} {kind} loaded"]
        if loaded.bad:
            parts.append(f"[yellow]{loaded.bad:,} bad lines left out[/]")
        if loaded.refused:
            parts.append(f"[red]{loaded.refused:,} refused by Kafka[/] ({escape('; '.join(loaded.reasons[:3]))})")
        out.print(f"{escape(file.name)}: {', '.join(parts)}, of {loaded.lines:,} lines")
    nothing_right = loaded.bad > 0 and not loaded.sent
    raise SystemExit(Exit.FAILED if loaded.refused or nothing_right else 0)
