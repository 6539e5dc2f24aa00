"""The console script `screening`: one command a task, every one with help and an example."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NoReturn

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from pipeline.audit.command import audit_command
from pipeline.config import Settings, SettingsError, load_settings
from pipeline.control.command import control as control_command
from pipeline.explain import explain_command
from pipeline.kafka.trouble import ClusterError
from pipeline.load import BadLine, Kind, Loaded, LoadError
from pipeline.packs_cli import packs as packs_group
from pipeline.replay.command import replay_command
from pipeline.sample.command import events_for_command
from rules.pack import PackError
from topics.access import ROLES
from topics.catalogue import CATALOGUE, TopicSpec

EXIT_FAILED = 1
EXIT_USAGE = 2

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def _fail(message: str, code: int = EXIT_FAILED) -> NoReturn:
    err.print(f"[bold red]error:[/] {_plain(message)}", soft_wrap=True)
    raise SystemExit(code)


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def _settings(**overrides: Any) -> Settings:
    try:
        return load_settings(**overrides)
    except SettingsError as error:
        _fail(str(error), EXIT_USAGE)


def bootstrap_option(command: Callable[..., None]) -> Callable[..., None]:
    """Adds --bootstrap-servers, which wins over SCREENING_BOOTSTRAP_SERVERS."""
    return click.option(
        "--bootstrap-servers", metavar="HOST:PORT,...", help="Kafka brokers [env: SCREENING_BOOTSTRAP_SERVERS]"
    )(command)


def json_option(command: Callable[..., None]) -> Callable[..., None]:
    """Adds --json for scripts."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts instead of a table.")(command)


class Screening(click.Group):
    """Answers what no command answered itself: settings that the Kafka client refuses."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command; no traceback is shown for what the user can mend."""
        from confluent_kafka import KafkaError, KafkaException

        try:
            return super().invoke(ctx)
        except KafkaException as error:
            problem: KafkaError = error.args[0]
            refused = problem.code() == KafkaError._INVALID_ARG
            _fail(
                f"{'SCREENING_KAFKA_CONFIG: ' if refused else ''}{problem.str()}",
                EXIT_USAGE if refused else EXIT_FAILED,
            )
        except SystemError as error:
            # The Kafka client turns an interrupt inside a wait into this (confluent-kafka 2.16).
            if isinstance(error.__cause__, KeyboardInterrupt):
                raise KeyboardInterrupt from None
            raise


@click.group(cls=Screening, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("claims-screening"), prog_name="screening")
def main() -> None:
    """Screens medical-insurance claims by the standing of the responsible physician, exactly once, by the law.

    \b
    Start here:
      screening demo                     the whole pipeline on an embedded broker
      screening topics apply             create the topics on a Kafka cluster
      screening control                  the ledger: events in, standings, notices and cases out
      screening load events FILE         registrations, deductions, appeals
      screening worker                   the gate
      screening load claims FILE         claims to judge
      screening dlq list                 what could not be read, and why
      screening audit                    the proof
      screening replay FILE              the past through the same law, without Kafka

    Settings come from the environment with the prefix SCREENING_, for example SCREENING_BOOTSTRAP_SERVERS.
    """


main.add_command(packs_group)
main.add_command(explain_command)
main.add_command(replay_command)
main.add_command(control_command)
main.add_command(audit_command)


# -- demo ---------------------------------------------------------------------------------------------------------


@main.command()
@click.option(
    "--claims", default=20_000, show_default=True, type=click.IntRange(100, 100_000), help="Claims to stream."
)
@click.option("--seed", default=7, show_default=True, help="Seed of the sample; the same seed gives the same claims.")
@click.option(
    "--lang", default="en", show_default=True, type=click.Choice(["en", "zh"]), help="Language of explanations."
)
@json_option
def demo(claims: int, seed: int, lang: str, as_json: bool) -> None:
    """Runs the whole pipeline on an embedded broker over a generated sample, and proves that nothing was lost.

    Nothing is needed beside this program, and nothing is kept.

    \b
    Example:
      screening demo --claims 50000 --seed 3
    """
    from pipeline.demo import run_demo

    raise SystemExit(run_demo(claims=claims, seed=seed, as_json=as_json, lang=lang, console=out))


# -- sample -------------------------------------------------------------------------------------------------------


@main.group()
def sample() -> None:
    """Writes generated input: the same seed gives the same bytes."""


def _sample_command(what: Literal["claims", "events", "standing"], count: int, text: str) -> None:
    @sample.command(what, help=f"{text}\n\n\b\nExample:\n  screening sample {what} --seed 7 {what}.ndjson.gz")
    @click.argument("file", type=click.Path(path_type=Path, dir_okay=False, writable=True))
    @click.option("--seed", default=7, show_default=True, help="The same seed gives the same bytes.")
    @click.option("--count", default=count, show_default=True, type=click.IntRange(1), help="How many to write.")
    def command(file: Path, seed: int, count: int) -> None:
        from pipeline.sample import write_sample

        try:
            written = write_sample(what, file, seed=seed, count=count)
        except OSError as error:
            _fail(f"{file}: {error.strerror}")
        out.print(f"{_plain(str(file))}: {written:,} lines")


_sample_command("claims", 20_000, "Writes claims, one JSON object a line; .gz is compressed.")
_sample_command(
    "events", 2_000, "Writes the events of physicians and institutions: what `screening control` makes standings of."
)
_sample_command("standing", 2_000, "Writes the standings that the law makes of the events of the same seed.")
sample.add_command(events_for_command)


# -- conformance --------------------------------------------------------------------------------------------------


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@json_option
def conformance(files: tuple[Path, ...], as_json: bool) -> None:
    """Runs worked cases through the law and prints each that differs; the last line is `N passed, N failed`.

    Exit code 0: all passed; 1: some failed; 2: a file cannot be read.

    \b
    Example:
      screening conformance cases.jsonl
    """
    from pipeline.conformance import conformance_command

    raise SystemExit(conformance_command(files, json=as_json, echo=click.echo))


# -- topics -------------------------------------------------------------------------------------------------------


@main.group()
def topics() -> None:
    """Creates and checks the topics of the catalogue."""


def _with_partitions(choices: tuple[str, ...]) -> tuple[TopicSpec, ...]:
    from dataclasses import replace

    wanted: dict[str, int] = {}
    names = {spec.name for spec in CATALOGUE}
    for choice in choices:
        name, _, number = choice.partition("=")
        if name not in names or not number.isdigit() or int(number) < 1:
            _fail(
                f"--partitions {choice}: expected TOPIC=NUMBER with TOPIC one of {', '.join(sorted(names))}", EXIT_USAGE
            )
        wanted[name] = int(number)
    return tuple(replace(spec, partitions=wanted.get(spec.name, spec.partitions)) for spec in CATALOGUE)


@topics.command("apply")
@bootstrap_option
@click.option(
    "--replication",
    type=click.IntRange(1, 32),
    help="Copies of each topic; by default 3, or the number of brokers if fewer.",
)
@click.option(
    "--partitions", multiple=True, metavar="TOPIC=N", help="Partitions to create a topic with; may be repeated."
)
@json_option
def topics_apply(
    bootstrap_servers: str | None, replication: int | None, partitions: tuple[str, ...], as_json: bool
) -> None:
    """Creates the topics that are missing and reports where existing ones differ. Existing topics are never changed.

    Exit code 0: all topics are there as the catalogue says; 1: some differ.

    \b
    Example:
      screening topics apply --bootstrap-servers localhost:9092 --partitions claims=24
    """
    _show_topics(lambda admin, specs: admin.apply(specs, replication), bootstrap_servers, partitions, as_json)


@topics.command("list")
@bootstrap_option
@json_option
def topics_list(bootstrap_servers: str | None, as_json: bool) -> None:
    """Shows every topic of the catalogue and how the cluster has it.

    \b
    Example:
      screening topics list --json
    """
    _show_topics(lambda admin, specs: admin.inspect(specs), bootstrap_servers, (), as_json)


@topics.command("acls")
@click.argument("role", type=click.Choice([role.name for role in ROLES]))
@click.argument("principal")
@bootstrap_option
@click.option(
    "--apply", "do_apply", is_flag=True, help="Create the rights on the cluster; by default they are only shown."
)
@json_option
def topics_acls(role: str, principal: str, bootstrap_servers: str | None, do_apply: bool, as_json: bool) -> None:
    """Shows, or grants, the least rights that a role needs. PRINCIPAL is Kafka's name for who has it, such as User:gate.

    \b
    Example:
      screening topics acls worker User:gate --apply
    """
    from pipeline.kafka.acl import bindings, describe, grant
    from topics.access import role as role_of

    settings = _settings(bootstrap_servers=bootstrap_servers)
    if not re.fullmatch(r"[A-Za-z]+:.+", principal):
        _fail(f"{principal!r} is no principal; expected a type and a name, such as User:gate", EXIT_USAGE)
    rights = bindings(role_of(role), principal, settings)
    if do_apply:
        try:
            grant(rights, settings)
        except ClusterError as error:
            _fail(str(error))
    told = [describe(right) for right in rights]
    if as_json:
        click.echo(json.dumps({"role": role, "principal": principal, "applied": do_apply, "rights": told}))
    else:
        out.print(f"{_plain(principal)} {'may now' if do_apply else 'would need, as ' + role}:", soft_wrap=True)
        for right in told:
            out.print(f"  {right}", soft_wrap=True)


def _show_topics(
    act: Callable[[Any, tuple[TopicSpec, ...]], list[Any]],
    bootstrap_servers: str | None,
    partitions: tuple[str, ...],
    as_json: bool,
) -> None:
    from pipeline.kafka.admin import TopicAdmin

    settings = _settings(bootstrap_servers=bootstrap_servers)
    specs = tuple(
        spec.prefixed(settings.output_prefix) if spec.owner in {"worker", "screening dlq redrive"} else spec
        for spec in _with_partitions(partitions)
    )
    try:
        states = act(TopicAdmin(settings), specs)
    except ClusterError as error:
        _fail(str(error))
    if as_json:
        click.echo(json.dumps([asdict(state) for state in states]))
    else:
        table = Table(header_style="bold")
        for column in ("topic", "state", "partitions", "kept", "difference"):
            table.add_column(
                column, no_wrap=column != "difference", justify="right" if column == "partitions" else "left"
            )
        colour = {"created": "green", "present": "green", "missing": "yellow", "drifted": "red"}
        for spec, state in zip(specs, states, strict=True):
            kept = "latest per key" if spec.cleanup == "compact" else _days(spec.retention_ms)
            table.add_row(
                spec.name,
                f"[{colour[state.state]}]{state.state}[/]",
                str(state.partitions),
                kept,
                "\n".join(state.drift),
            )
        out.print(table)
        if any(state.state == "drifted" for state in states):
            err.print("Existing topics are not altered. Change them with Kafka's own tools, or change the catalogue.")
    raise SystemExit(EXIT_FAILED if any(state.state == "drifted" for state in states) else 0)


def _days(milliseconds: int) -> str:
    return "for ever" if milliseconds < 0 else f"{milliseconds // 86_400_000} days"


# -- worker -------------------------------------------------------------------------------------------------------


@main.command()
@bootstrap_option
@click.option("--group-id", help="Consumer group [env: SCREENING_GROUP_ID]")
@click.option("--instance-id", help="Stable name of this worker [env: SCREENING_INSTANCE_ID]")
@click.option(
    "--metrics-port", type=click.IntRange(0, 65535), help="HTTP port; 0 takes a free one [env: SCREENING_METRICS_PORT]"
)
def worker(
    bootstrap_servers: str | None, group_id: str | None, instance_id: str | None, metrics_port: int | None
) -> None:
    """Runs the gate: reads claims, judges them, writes verdicts, cases and dead letters, exactly once.

    Stops cleanly on SIGTERM or Ctrl-C. Several workers share the partitions of the topic.

    Exit code 0: stopped as asked; 1: cannot go on, the last log event says why.

    \b
    Example:
      SCREENING_BOOTSTRAP_SERVERS=localhost:9092 screening worker --metrics-port 9464
    """
    from confluent_kafka import KafkaException

    from pipeline.packs import load_pack_set
    from pipeline.screening.transaction import TransactionFatal
    from pipeline.screening.view import ViewError
    from pipeline.screening.worker import Worker, WorkerError
    from pipeline.telemetry.logs import configure_logs, logger

    settings = _settings(
        bootstrap_servers=bootstrap_servers, group_id=group_id, instance_id=instance_id, metrics_port=metrics_port
    )
    configure_logs(settings.log_format, settings.log_level)
    try:
        packs = load_pack_set(settings.packs_dir, settings.packs_on)
    except PackError as error:
        _fail(str(error), EXIT_USAGE)
    try:
        running = Worker(settings, packs)
    except SettingsError as error:
        _fail(str(error), EXIT_USAGE)
    except OSError as error:
        _fail(
            f"cannot serve metrics on {settings.metrics_host}:{settings.metrics_port}: {error}; set SCREENING_METRICS_PORT"
        )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: running.stop())
    try:
        running.run()
    except (ViewError, WorkerError, TransactionFatal, KafkaException) as error:
        detail = error.args[0].str() if isinstance(error, KafkaException) else str(error)
        logger(component="worker", instance=running.instance).error("worker_failed", error=detail)
        raise SystemExit(EXIT_FAILED) from None


# -- load ---------------------------------------------------------------------------------------------------------


@main.group()
def load() -> None:
    """Loads files into Kafka: NDJSON (.gz too), and for claims also CSV and Parquet."""


def _load_command(kind: Kind, what: str, example: str) -> None:
    @load.command(kind, help=f"{what}\n\n\b\nExample:\n  {example}")
    @click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
    @bootstrap_option
    @click.option("--strict", is_flag=True, help="Stop at the first bad line.")
    @json_option
    def command(file: Path, bootstrap_servers: str | None, strict: bool, as_json: bool) -> None:
        _load(file, kind, _settings(bootstrap_servers=bootstrap_servers), strict=strict, as_json=as_json)


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

_SHOWN_BAD_LINES = 20


def _load(file: Path, kind: Kind, settings: Settings, *, strict: bool, as_json: bool) -> None:
    from pipeline.load import load_file

    shown = 0
    so_far = 0

    def report(bad: BadLine) -> None:
        nonlocal shown
        shown += 1
        if shown <= _SHOWN_BAD_LINES:
            err.print(f"[yellow]line {bad.number}:[/] {_plain(bad.reason)}", soft_wrap=True)
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
            loaded = load_file(file, kind, settings, strict=strict, report=report, progress=progress)
        except LoadError as error:
            again = "; sending the file again would send them twice" if error.sent else ""
            _fail(f"{error}\n{error.sent:,} {kind} had been sent before{again}")
        except ClusterError as error:
            _fail(str(error))
        except KeyboardInterrupt:
            _fail(
                f"interrupted; at least {so_far:,} {kind} had been sent, and sending the file again would send them twice"
            )
    if as_json:
        click.echo(json.dumps({"file": str(file), "kind": kind, **asdict(loaded)}))
    else:
        parts = [f"{loaded.sent:,} {kind} loaded"]
        if loaded.bad:
            parts.append(f"[yellow]{loaded.bad:,} bad lines left out[/]")
        if loaded.refused:
            parts.append(f"[red]{loaded.refused:,} refused by Kafka[/] ({_plain('; '.join(loaded.reasons[:3]))})")
        out.print(f"{_plain(file.name)}: {', '.join(parts)}, of {loaded.lines:,} lines")
    nothing_right = loaded.bad > 0 and not loaded.sent
    raise SystemExit(EXIT_FAILED if loaded.refused or nothing_right else 0)


# -- dead letters -------------------------------------------------------------------------------------------------


@main.group()
def dlq() -> None:
    """Dead letters: records that are not claims, with the reason."""


_where_option = click.option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    help="FIELD=VALUE, FIELD!=VALUE or FIELD~PART; fields: kind, error, key, partition, offset, source.partition, "
    "source.offset, redriven. May be repeated; all must hold.",
)


def _letters(settings: Settings, where: tuple[str, ...]) -> list[Any]:
    from pipeline.dlq import FilterError, letters, parse_where

    try:
        return list(letters(settings, parse_where(where)))
    except FilterError as error:
        _fail(str(error), EXIT_USAGE)
    except ClusterError as error:
        _fail(str(error))


@dlq.command("list")
@bootstrap_option
@_where_option
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1), help="Most letters to show; --json shows all."
)
@json_option
def dlq_list(bootstrap_servers: str | None, where: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Shows dead letters: where they came from and what is wrong with them.

    \b
    Example:
      screening dlq list --where kind=invalid_value --where error~fund_amount
    """
    found = _letters(_settings(bootstrap_servers=bootstrap_servers), where)
    if as_json:
        for letter in found:
            click.echo(json.dumps(letter.as_json(), ensure_ascii=False))
        return
    table = Table("letter", "source", "bytes", "kind", "reason", "sent again", header_style="bold")
    for letter in found[:limit]:
        table.add_row(
            f"{letter.partition}/{letter.offset}",
            f"{letter.source_topic}/{letter.source_partition}/{letter.source_offset}",
            "null" if letter.value is None else f"{len(letter.value):,}",
            letter.kind,
            _plain(letter.reason),
            "yes" if letter.redriven else "",
        )
    out.print(table)
    out.print(f"{len(found):,} dead letters" + (f", {limit:,} shown" if len(found) > limit else ""))


@dlq.command("redrive")
@bootstrap_option
@_where_option
@click.option("--dry-run", is_flag=True, help="Only say how many would be sent.")
@json_option
def dlq_redrive(bootstrap_servers: str | None, where: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Sends dead letters to the claims topic again, unchanged. Each letter is sent at most once, however often this is run.

    A record that is still wrong becomes a new letter; mend its cause first.

    \b
    Example:
      screening dlq redrive --where error~encounter_type
    """
    from pipeline.dlq import redrive

    settings = _settings(bootstrap_servers=bootstrap_servers)
    found = _letters(settings, where)
    waiting = [letter for letter in found if not letter.redriven]
    sent = 0
    if not dry_run:
        try:
            sent = redrive(settings, waiting, lambda _sent: None)
        except ClusterError as error:
            _fail(str(error))
    if as_json:
        click.echo(
            json.dumps({"matched": len(found), "already": len(found) - len(waiting), "sent": sent, "dry_run": dry_run})
        )
    elif dry_run:
        out.print(f"{len(waiting):,} dead letters would be sent again; {len(found) - len(waiting):,} were before")
    else:
        out.print(f"{sent:,} dead letters sent again; {len(found) - len(waiting):,} had been sent before")


if __name__ == "__main__":
    sys.exit(main())
