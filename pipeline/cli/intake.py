"""`screening intake`: messages of the national interface as claims."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape

from pipeline.cli.exits import Exit, fail
from pipeline.cli.options import bootstrap_option, encoding_option, json_option, settings_of
from pipeline.cli.signals import Stop, leave
from pipeline.inputs.encodings import Encoding
from pipeline.telemetry.console import err, out

if TYPE_CHECKING:
    from pipeline.intake.batch import Taken
    from pipeline.intake.classes import VisitClasses

_DOUBTS = {
    "insured_region_unreadable": "places of insurance could not be read and are left out",
    "lines_without_person": "fee lines name nobody; they are in no claim",
    "cancelled_line_not_seen": "cancellations are of fee lines that are not among the messages; they stand as they are",
    "visit_begins_after_service": "visits begin after the day of service; their first day is left out",
    "refund_of_unknown_settlement": "refunds could not be matched with what they take back",
    "refund_of_settlement_not_seen": "refunds take back a settlement that is not among the messages, as its first version",
    "lines_summed_by_person_and_day": "claims had too many fee lines; they are summed by person and day",
    "claim_of_two_visits": "claims have an identity that another visit's claim has, too; a replay tells which",
}
"""What claims were made in spite of, in words."""


@click.command()
@click.argument("places", metavar="[FILES...]", nargs=-1)
@click.option(
    "--live", is_flag=True, help="Run as a process that reads the topic `interface-messages` and writes `claims`."
)
@click.option("--out", "target", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="The file of claims that is written, as NDJSON (.gz too).")  # fmt: skip
@click.option("--classes", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Your own table of visit classes (med_type), as YAML; it goes before the shipped one "
              "[env, with --live: SCREENING_INTAKE_CLASSES_FILE].")  # fmt: skip
@bootstrap_option
@click.option("--group-id", help="With --live: consumer group [env: SCREENING_INTAKE_GROUP_ID]")
@click.option("--instance-id", help="With --live: stable name of this process [env: SCREENING_INSTANCE_ID]")
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    help="With --live: HTTP port; 0 takes a free one [env: SCREENING_METRICS_PORT]",
)
@encoding_option
@click.option(
    "--strict", is_flag=True, help="Write nothing if a line is set aside or a file cannot be read to its end."
)
@json_option
def intake(
    places: tuple[str, ...],
    live: bool,
    target: Path | None,
    classes: Path | None,
    encoding: Encoding | None,
    strict: bool,
    as_json: bool,
    **process: Any,
) -> None:
    """Makes claims of the messages of the national interface: settlements joined with their visits and fee lines.

    FILES are files, folders or quoted patterns: messages as NDJSON or JSON (requests and responses, together or apart), or
    exports of the same fields as CSV, workbook or Parquet, text also as .gz. Taken are 2201, 2203 and 2401 (visits), 2204 and
    2301 (fee lines), 2207, 2304 and 5203 (settlements); all others are counted by number.

    The attending physician of the visit is responsible. Cancelled fee lines are netted, a refund becomes a claim that takes
    another back, a later correction a further version. A settlement whose visit is not among the messages is marked, and goes to
    review if nobody is named; so does a visit class that no table knows.

    With --live it is a process: it reads messages from the topic `interface-messages` and writes `claims`, exactly once. A
    settlement waits for its visit (SCREENING_INTAKE_VISIT_WAIT_S) and then goes on as one whose visit was not seen; what comes
    later makes a further version. It stops cleanly on SIGTERM or Ctrl-C, and several share the partitions.

    Exit code 0: claims were written (--live: stopped as asked); 1: no claim followed, a file could not be read to its end, or
    --strict stopped the run (--live: cannot go on, the last log event says why); 2: the arguments, the settings or the table of
    classes cannot be used; 3: claims were written, and something was set aside, which is told.

    \b
    Example:
      screening intake messages/ --out claims.ndjson
      screening intake --live --metrics-port 9466
      screening intake "2024-03-14/*.ndjson.gz" settlements.csv --out claims.ndjson.gz --strict
    """
    from pipeline.inputs.errors import InputError
    from pipeline.intake.batch import take_files

    if live:
        if places or target is not None or encoding or strict or as_json:
            fail("--live reads a topic; FILES, --out, --encoding, --strict and --json go without it", Exit.USAGE)
        _live(intake_classes_file=classes, **process)
        return
    if not places or target is None or any(value is not None for value in process.values()):
        fail("give FILES and --out FILE, or --live with the options of a process", Exit.USAGE)
    if target.is_file():
        fail(f"{target}: is there already; name another file", Exit.USAGE)
    if not target.absolute().parent.is_dir():
        fail(f"{target}: there is no folder {target.absolute().parent}", Exit.USAGE)
    table = _classes(classes)
    try:
        with err.status("reading messages") as status:
            taken = take_files(
                places, target, table, encoding=encoding, strict=strict,
                progress=lambda lines: status.update(f"reading messages: {lines:,} lines"),
            )  # fmt: skip
    except InputError as error:
        fail(str(error))
    if as_json:
        click.echo(json.dumps({"out": str(target), **_record(taken)}, ensure_ascii=False))
    else:
        _show(taken, target)
    if not taken.claims or taken.damaged:
        raise SystemExit(Exit.FAILED)
    raise SystemExit(Exit.PARTLY if taken.set_aside_rows else Exit.DONE)


def _classes(own: Path | None) -> VisitClasses:
    from pipeline.inputs.errors import MappingError
    from pipeline.intake.classes import load_classes

    try:
        return load_classes(own)
    except MappingError as error:
        fail(str(error), Exit.USAGE)


def _live(**process: Any) -> None:
    """Runs until it is stopped."""
    stop = Stop()
    from confluent_kafka import KafkaException

    from pipeline.cli.running import run_until_stopped
    from pipeline.intake.events import IntakeFailed
    from pipeline.intake.live import Intake, IntakeError
    from pipeline.kafka.diagnostics import ClusterError
    from pipeline.kafka.transactions import TransactionFatal
    from pipeline.telemetry.logs import configure_logs

    stop.by(leave)
    settings = settings_of(intake_group_id=process.pop("group_id"), **process)
    classes = _classes(settings.intake_classes_file)
    configure_logs(settings.log_format, settings.log_level)
    run_until_stopped(
        stop, settings, lambda: Intake(settings, classes), component="intake", failed=IntakeFailed,
        ends_by=(IntakeError, ClusterError, TransactionFatal, KafkaException),
    )  # fmt: skip


def _record(taken: Taken) -> dict[str, Any]:
    record = {item.name: getattr(taken, item.name) for item in fields(taken)}
    for name in ("passed", "repeated", "encounter_unknown", "doubts"):
        record[name] = {key: number for key, number in sorted(record[name].items()) if number}
    record["set_aside"] = {code: asdict(aside) for code, aside in sorted(taken.set_aside.items())}
    return record


def _show(taken: Taken, target: Path) -> None:
    for told in taken.notices:
        err.print(f"[dim]{escape(told)}[/]", soft_wrap=True)
    for told in taken.damaged:
        err.print(f"[bold red]error:[/] {escape(told)}", soft_wrap=True)
    for code, aside in sorted(taken.set_aside.items()):
        err.print(
            f"[yellow]{aside.rows:,} set aside, {code}:[/] first {escape(aside.first)}: {escape(aside.reason)}",
            soft_wrap=True,
        )
    for name, number in sorted(taken.doubts.items()):
        if number:
            err.print(f"[yellow]{number:,} {_DOUBTS[name]}[/]", soft_wrap=True)
    for code, number in taken.encounter_unknown.most_common():
        err.print(
            f"[yellow]{number:,} claims of visit class {escape(code)}, which no table knows: a person decides[/]",
            soft_wrap=True,
        )
    out.print(_lines_of(taken), soft_wrap=True)
    out.print(_claims_of(taken, target), soft_wrap=True)


def _lines_of(taken: Taken) -> str:
    parts = [
        (taken.visits, "of visits"),
        (taken.fee_lines, "fee lines"),
        (taken.settlements, "settlements"),
        (taken.joined, "responses joined with their request"),
        (taken.answers, "responses that say no more"),
        (taken.failed, "of refused transactions"),
        (sum(taken.passed.values()), f"of other transactions ({', '.join(sorted(taken.passed))})"),
        (taken.set_aside_rows, "set aside"),
        (taken.blank, "blank"),
        (taken.continued, "that carry another on"),
    ]
    said = ", ".join(f"{number:,} {what}" for number, what in parts if number)
    whole = f"{taken.lines:,} lines" + (f" with {taken.further:,} further rows" if taken.further else "")
    repeated = sum(taken.repeated.values())
    return f"{whole}: {said or 'nothing'}" + (f"; {repeated:,} of them said nothing new" if repeated else "")


def _claims_of(taken: Taken, target: Path) -> str:
    parts = [
        (taken.versions, "later versions"),
        (taken.refunds, "refunds"),
        (taken.visit_not_seen, "without a visit"),
        (sum(taken.encounter_unknown.values()), "of an unknown visit class"),
    ]
    said = ", ".join(f"{number:,} {what}" for number, what in parts if number)
    open_ones = [
        (taken.visits_without_settlement, "visits are not settled"),
        (taken.lines_not_settled, "fee lines belong to no settlement so far"),
    ]
    later = "".join(f"; {number:,} {what}" for number, what in open_ones if number)
    where = escape(str(target)) if taken.claims else "nothing is written"
    return f"{where}: [bold]{taken.claims:,} claim{'' if taken.claims == 1 else 's'}[/]{f' ({said})' if said else ''}{later}"
