"""`screening replay`: claims of the past through the same law, without Kafka."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.config import SettingsError, load_settings
from pipeline.kafka.trouble import ClusterError
from pipeline.packs import load_pack_set
from pipeline.packs_cli import json_option
from pipeline.replay.errors import MappingError, ReplayError
from pipeline.replay.mapping import CONTRACT, load_mapping, shipped
from pipeline.replay.sums import FiguresError
from rules.pack import PackError

if TYPE_CHECKING:
    from pipeline.config import Settings
    from pipeline.replay.engine import Job
    from pipeline.replay.knowledge import Clock

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130

_out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)


def _fail(message: str, code: int) -> NoReturn:
    _err.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)
    raise SystemExit(code)


@click.command("replay")
@click.argument("claims")
@click.option(
    "--events",
    "events_file",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Events as NDJSON (.gz too), as on the wire.",
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for everything that is made."
)
@click.option(
    "--mapping",
    default=CONTRACT,
    show_default=True,
    metavar="NAME|FILE",
    help=f"Where the fields of a claim stand in the source: a YAML file, or one of {', '.join(shipped())}.",
)
@click.option(
    "--compare",
    "compare_dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A second rule set: the packs of this folder.",
)
@click.option(
    "--set", "changes", multiple=True, metavar="PACK.PATH=VALUE", help="A second rule set: one value of a pack changed."
)
@click.option(
    "--as-known-on",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Judge by what was recorded up to the end of this day.",
)
@click.option(
    "--as-known-at-settlement",
    is_flag=True,
    help="Judge every claim by what was recorded at its own settlement, as a live gate would have.",
)
@click.option("--strict", is_flag=True, help="Stop at the first row that is no claim; by default it is set aside.")
@click.option(
    "--resume/--no-resume",
    default=True,
    show_default=True,
    help="Take up an interrupted run; or replace what --out holds.",
)
@click.option("--report/--no-report", default=True, show_default=True, help="Write report.html and report.json, too.")
@click.option("--cases", is_flag=True, help="Write every reject and review as a case to cases.ndjson.gz.")
@click.option("--publish", is_flag=True, help="Write the cases and send them to the topic claim-cases.")
@json_option
def replay_command(
    claims: str,
    events_file: Path,
    out: Path,
    mapping: str,
    compare_dir: Path | None,
    changes: tuple[str, ...],
    as_known_on: dt.datetime | None,
    as_known_at_settlement: bool,
    strict: bool,
    resume: bool,
    report: bool,
    cases: bool,
    publish: bool,
    as_json: bool,
) -> None:
    """Judges claims of the past by the events of a file, with the gate's own decision. No Kafka is needed.

    CLAIMS is a file, a folder or a quoted pattern of Parquet, NDJSON or CSV (the last two also .gz). Verdicts go to Parquet
    below --out, rows that are no claims to rejected-input.parquet with their reason; run.json tells what the run rests on. The
    same input gives the same bytes. An interrupted run is taken up again by the same command.

    Exit code 0: done; 1: stopped by --strict or by a file that cannot be read; 2: the arguments, the mapping or the settings
    cannot be used; 130: interrupted.

    \b
    Example:
      screening replay claims.parquet --events events.ndjson.gz --out replayed
      screening replay "export/*.csv.gz" --events events.ndjson --out replayed --mapping national-settlement
      screening replay claims.parquet --events events.ndjson --out what-if --set qiannan-2022.penalty.months=6
      screening replay claims.parquet --events events.ndjson --out then --as-known-at-settlement --cases
    """
    from pipeline.replay.engine import Interrupted, Job, replay  # noqa: PLC0415  # polars loads slowly; --help must not wait
    from pipeline.replay.progress import plain_or_live  # noqa: PLC0415
    from pipeline.replay.whatif import other_rules  # noqa: PLC0415

    clock = _clock(as_known_on, at_settlement=as_known_at_settlement)
    try:
        settings = load_settings()
        packs = load_pack_set(settings.packs_dir, settings.packs_on)
        other = other_rules(packs, compare_dir, changes) if compare_dir is not None or changes else None
        job = Job(
            claims=claims,
            events=events_file,
            out=out,
            mapping=load_mapping(mapping),
            packs=packs,
            other=other,
            changes=changes,
            clock=clock,
            strict=strict,
            resume=resume,
        )
        record = replay(job, plain_or_live(_err, quiet=as_json))
        made = _made(job, settings, report=report, cases=cases or publish, publish=publish)
    except (PackError, SettingsError, MappingError) as error:
        _fail(str(error), EXIT_USAGE)
    except (ReplayError, FiguresError, ClusterError) as error:
        _fail(str(error), EXIT_FAILED)
    except OSError as error:
        _fail(f"{error.filename or out}: {error.strerror or error}", EXIT_FAILED)
    except (Interrupted, KeyboardInterrupt) as stopped:
        kept = f" after {stopped}; they are kept" if isinstance(stopped, Interrupted) else " before the first claim"
        _err.print(f"interrupted{kept}: give the same command again to go on", soft_wrap=True)
        raise SystemExit(EXIT_INTERRUPTED) from None
    if as_json:
        click.echo(json.dumps(record, ensure_ascii=False))
    else:
        _show(record, out)
        for line in made:
            _out.print(line, soft_wrap=True)


def _made(job: Job, settings: Settings, *, report: bool, cases: bool, publish: bool) -> list[str]:
    """Makes what is wanted beside the verdicts, and says what that is."""
    told = []
    if report:
        from pipeline.replay.report import report_of  # noqa: PLC0415  # charts load slowly

        data, page = report_of(job)
        told.append(f"report: {page}; its figures: {data}")
    if cases:
        from pipeline.replay.cases import FILE, publish_cases, write_cases  # noqa: PLC0415

        told.append(f"{write_cases(job.out, job.packs):,} cases: {job.out / FILE}")
        if publish:
            published = publish_cases(job.out, settings)
            if published.refused:
                raise ReplayError(
                    f"{len(published.refused):,} of the cases were refused by the brokers, {published.delivered:,} taken; "
                    f"the first: {published.refused[0]}. Sending again does no harm: give the same command again"
                )
            told.append(f"{published.delivered:,} cases published to {settings.output_prefix}claim-cases")
    return told


def _clock(day: dt.datetime | None, *, at_settlement: bool) -> Clock:
    from pipeline.replay.knowledge import Clock, ClockMode  # noqa: PLC0415

    if day is not None and at_settlement:
        _fail("--as-known-on and --as-known-at-settlement are two clocks; give one", EXIT_USAGE)
    if at_settlement:
        return Clock(ClockMode.AT_SETTLEMENT)
    return Clock() if day is None else Clock(ClockMode.KNOWN_ON, day.date())


def _show(record: dict[str, Any], out: Path) -> None:
    sets = record["rule_sets"]
    table = Table(box=None, pad_edge=False)
    table.add_column("disposition")
    for number in range(len(sets)):
        name = "" if len(sets) == 1 else ("first " if number == 0 else "other ")
        table.add_column(f"{name}claims", justify="right")
        table.add_column(f"{name}fund share, yuan", justify="right")
    for disposition in sets[0]["by_disposition"]:
        cells = []
        for rule_set in sets:
            row = rule_set["by_disposition"][disposition]
            cells += [f"{row['claims']:,}", f"{float(row['fund_amount']):,.2f}"]
        table.add_row(disposition, *cells)
    _out.print(table)
    counts, events = record["counts"], record["event_lines"]
    _out.print(
        f"{counts['rows']:,} rows: {counts['accepted']:,} claims judged, {counts['rejected']:,} set aside "
        f"({out / 'rejected-input.parquet'})",
        soft_wrap=True,
    )
    for reason, count in counts["rejected_by_reason"].items():
        _out.print(f"  {reason}: {count:,}")
    if events["unusable"]:
        _out.print(
            f"[yellow]{events['unusable']:,} of {events['lines']:,} lines of events count for nothing[/] "
            f"({out / 'unusable-events.parquet'})",
            soft_wrap=True,
        )
    unanswered = sum(len(rule_set["unanswered"]) for rule_set in sets)
    if unanswered:
        _out.print(f"[yellow]{unanswered:,} standings could not be computed; their claims are in review[/] (run.json)")
    _out.print(f"verdicts: {out / 'verdicts'}; provenance: {out / 'run.json'}", soft_wrap=True)
