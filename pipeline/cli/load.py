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
from pipeline.cli.options import bootstrap_option, encoding_option, json_option, mapping_option, settings_of
from pipeline.cli.telling import tell_bad_line, tell_notice
from pipeline.inputs.encodings import Encoding
from pipeline.telemetry.console import err, out

if TYPE_CHECKING:
    from pipeline.inputs.registers import EventMapping
    from pipeline.ledger_wait import LedgerWait
    from pipeline.loading import BadLine, Kind, Loaded, Source
    from pipeline.settings.model import Settings

_SHOWN_BAD_LINES = 20


@click.group()
def load() -> None:
    """Loads files into Kafka: claims from every format that a replay reads, events from JSON lines or registers, messages of the
    national interface, standings from JSON lines."""


@load.command()
@click.argument("files")
@bootstrap_option
@mapping_option
@encoding_option
@click.option(
    "--strict", is_flag=True, help="Stop at the first bad line, and before anything is sent where a column is in doubt."
)
@json_option
def claims(
    files: str, bootstrap_servers: str | None, mapping: str, encoding: Encoding | None, strict: bool, as_json: bool
) -> None:
    """Sends claims to the topic `claims`.

    FILES is a file, a folder or a quoted pattern of Parquet, NDJSON, JSON, CSV or workbooks (text also .gz). A row that is not a
    claim is reported with its line and not sent; of a claim that comes more than once with the same content one is sent.

    Exit code 0: done; 1: no row could be sent, or a file not be read to its end; 2: the arguments, settings or mapping cannot
    be used; 3: sent, but some rows were left out, or have another content under the identity of others.

    \b
    Example:
      screening load claims claims-2024.parquet
      screening load claims "export/*.csv.gz" --mapping national-settlement --encoding gb18030
    """
    _run("claims", files, bootstrap_servers, mapping, encoding, strict=strict, as_json=as_json)


def constants_of(_context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """Fields that are the same in every row, as name=value."""
    wrong = [item for item in given if not all(item.partition("="))]
    if wrong:
        raise click.BadParameter(f"{wrong[0]}: expected a field and its value, as region=522700")
    return {name: value for name, _, value in (item.partition("=") for item in given)}


@load.command()
@click.argument("file")
@bootstrap_option
@click.option(
    "--mapping",
    metavar="NAME|FILE",
    help="Which events the rows of a register become: a YAML file, or national-registry.",
)
@click.option("--set", "constants", multiple=True, metavar="FIELD=VALUE", callback=constants_of,
              help="With --mapping: a field that is the same in every row; may be given several times.")  # fmt: skip
@encoding_option
@click.option(
    "--strict",
    is_flag=True,
    help="Stop at the first bad line, and before anything is sent where one event_id has two contents.",
)
@click.option("--wait", is_flag=True, help="Return when the control plane has taken the events.")
@json_option
def events(
    file: str,
    bootstrap_servers: str | None,
    mapping: str | None,
    constants: dict[str, str],
    encoding: Encoding | None,
    strict: bool,
    wait: bool,
    as_json: bool,
) -> None:
    """Sends physician and institution events to the topic `physician-events`.

    FILE holds events as JSON, one a line. With --mapping it is a register or roster as CSV, workbook, Parquet or JSON (a
    folder or pattern of them), and its rows become events; loaded once more, it says nothing new.

    With --wait it returns when the control plane has taken them, and tells how many became dead letters. It waits for as long as
    none runs.

    Exit code 0: done; 1: no line could be sent, or with --wait some became dead letters; 2: arguments or settings cannot be used;
    3: sent, but some lines were left out, or have another content under the event_id of others.

    \b
    Example:
      screening load events events.ndjson.gz --wait
      screening load events 5102.xlsx --mapping national-registry --set region=522700 --set institution=H52270100001
    """
    if mapping is None:
        if constants or encoding:
            fail("--set and --encoding go with --mapping", Exit.USAGE)
        _run("events", file, bootstrap_servers, "contract", None, strict=strict, as_json=as_json, wait=wait)
        return
    from pipeline.inputs.errors import MappingError
    from pipeline.inputs.registers import load_event_mapping

    try:
        made = load_event_mapping(mapping).given(constants)
    except MappingError as error:
        fail(str(error), Exit.USAGE)
    _run("events", file, bootstrap_servers, made, encoding, strict=strict, as_json=as_json, wait=wait)


@load.command()
@click.argument("files")
@bootstrap_option
@encoding_option
@click.option("--strict", is_flag=True, help="Stop at the first bad line.")
@json_option
def messages(files: str, bootstrap_servers: str | None, encoding: Encoding | None, strict: bool, as_json: bool) -> None:
    """Sends messages of the national interface to the topic `interface-messages`, for `screening intake --live`.

    FILES is a file, a folder or a quoted pattern: messages as NDJSON or JSON (requests and responses, together or apart), or
    exports of the same fields as CSV, workbook or Parquet. Each message is sent as it is, under the code of its institution.
    What is no message is reported with its line and not sent. A message that is sent twice says nothing new.

    Exit code 0: done; 1: no message could be sent, or a file not be read to its end; 2: arguments or settings cannot be used;
    3: sent, but some were left out.

    \b
    Example:
      screening load messages "2024-03-14/*.ndjson.gz"
    """
    _run("messages", files, bootstrap_servers, "contract", encoding, strict=strict, as_json=as_json)


@load.command()
@click.argument("file")
@bootstrap_option
@click.option("--strict", is_flag=True, help="Stop at the first bad line.")
@json_option
def standing(file: str, bootstrap_servers: str | None, strict: bool, as_json: bool) -> None:
    """Sends standings of physicians and institutions to their compacted topics.

    Exit code 0: done; 1: no line could be sent; 2: arguments or settings cannot be used; 3: sent, but some lines were left out.

    \b
    Example:
      screening load standing roster.ndjson
    """
    _run("standing", file, bootstrap_servers, "contract", None, strict=strict, as_json=as_json)


def _run(
    kind: Kind,
    place: str,
    bootstrap_servers: str | None,
    mapping: str | EventMapping,
    encoding: Encoding | None,
    *,
    strict: bool,
    as_json: bool,
    wait: bool = False,
) -> None:
    from pipeline.inputs.errors import MappingError
    from pipeline.inputs.mapping import load_mapping
    from pipeline.kafka.diagnostics import ClusterError
    from pipeline.ledger_wait import LedgerWait
    from pipeline.loading import Source

    settings = settings_of(bootstrap_servers=bootstrap_servers)
    try:
        source = Source(place, kind, load_mapping(mapping) if isinstance(mapping, str) else mapping, encoding)
    except MappingError as error:
        fail(str(error), Exit.USAGE)
    if not wait:
        _tell(place, kind, _load(source, settings, strict=strict), as_json=as_json)
        return
    try:
        ledger = LedgerWait(settings)
        loaded = _load(source, settings, strict=strict)
        letters = _wait(ledger)
    except ClusterError as error:
        fail(str(error))
    _tell(place, kind, loaded, as_json=as_json, dead_letters=letters)


def _wait(ledger: LedgerWait) -> int:
    """Waits for the ledger and shows how much is left; returns how many of the new events are dead letters."""
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,} of {task.total:,}"),
        TimeElapsedColumn(), console=err, transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task("waiting for the control plane", total=0)
        try:
            return ledger.until_taken(lambda still: bar.update(task, total=still.of, completed=still.of - still.left))
        except KeyboardInterrupt:
            fail("interrupted; the events were sent, and the control plane takes them when it runs", Exit.INTERRUPTED)
        finally:
            ledger.close()


def _load(source: Source, settings: Settings, *, strict: bool) -> Loaded:
    from pipeline.kafka.diagnostics import ClusterError
    from pipeline.loading import LoadError, load_file

    kind = source.kind
    shown = 0
    so_far = 0

    def report(bad: BadLine) -> None:
        nonlocal shown
        shown += 1
        if shown <= _SHOWN_BAD_LINES:
            tell_bad_line(bad)
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
            if kind == "messages":
                from pipeline.intake.sending import send_files

                return send_files(
                    source.place, settings,
                    encoding=source.encoding, strict=strict, report=report, progress=progress, tell=tell_notice,
                )  # fmt: skip
            return load_file(source, settings, strict=strict, report=report, progress=progress, tell=tell_notice)
        except LoadError as error:
            again = "; sending the file again would send them twice" if error.sent else ""
            fail(f"{error}\n{error.sent:,} {kind} had been sent before{again}")
        except ClusterError as error:
            fail(str(error))
        except KeyboardInterrupt:
            again = ", and sending the file again would send them twice" if so_far else ""
            fail(f"interrupted; at least {so_far:,} {kind} had been sent{again}", Exit.INTERRUPTED)


def _tell(place: str, kind: Kind, loaded: Loaded, *, as_json: bool, dead_letters: int | None = None) -> None:
    if as_json:
        taken = {} if dead_letters is None else {"dead_letters": dead_letters}
        click.echo(json.dumps({"file": place, "kind": kind, **asdict(loaded), **taken}))
    else:
        parts = [f"{loaded.sent:,} {kind} loaded"]
        if loaded.bad:
            parts.append(f"[yellow]{loaded.bad:,} bad lines left out[/]")
        if loaded.duplicates:
            parts.append(f"[yellow]{loaded.duplicates:,} left out that say the same claim once more[/]")
        if loaded.conflicts:
            parts.append(f"[red]{loaded.conflicts:,} sent that have another content under the same identity[/]")
        if loaded.refused:
            parts.append(f"[red]{loaded.refused:,} refused by Kafka[/] ({escape('; '.join(loaded.reasons[:3]))})")
        if dead_letters is not None:
            parts.append("taken by the control plane")
        if dead_letters:
            parts.append(f"[red]{dead_letters:,} became dead letters[/] (`screening dlq list`)")
        out.print(f"{escape(Path(place).name)}: {', '.join(parts)}, of {loaded.lines:,} lines")
    nothing_right = loaded.bad > 0 and not loaded.sent
    if loaded.refused or nothing_right or dead_letters:
        raise SystemExit(Exit.FAILED)
    raise SystemExit(Exit.PARTLY if loaded.bad or loaded.conflicts else Exit.DONE)
