"""`screening dlq`: dead letters, to be looked at and to be sent again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
from rich import box
from rich.markup import escape

from pipeline.cli.exits import Exit, fail
from pipeline.cli.options import bootstrap_option, json_option, settings_of
from pipeline.telemetry.console import Table, err, out

if TYPE_CHECKING:
    from pipeline.dead_letters import Letter
    from pipeline.settings.model import Settings

_NAMES = ("claims", "events", "case-actions", "messages")


@click.group()
def dlq() -> None:
    """Dead letters: records that are not claims, events, case actions or messages, with the reason."""


_where_option = click.option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    help="FIELD=VALUE, FIELD!=VALUE or FIELD~PART; fields: kind (the code), error, key, partition, offset, source.topic, "
    "source.partition, source.offset, redriven. May be repeated; all must hold.",
)


def _letters(settings: Settings, where: tuple[str, ...], names: tuple[str, ...]) -> list[Letter]:
    from pipeline.dead_letters import BOXES, FilterError, letters, parse_where
    from pipeline.kafka.diagnostics import ClusterError

    boxes = [BOXES[name] for name in names]
    try:
        condition = parse_where(where)
        return [letter for one in boxes for letter in letters(settings, condition, one)]
    except FilterError as error:
        fail(str(error), Exit.USAGE)
    except ClusterError as error:
        fail(str(error))


def _names(settings: Settings) -> tuple[str, ...]:
    """All of them, but for messages on a cluster that has no topics for them (yet)."""
    from pipeline.dead_letters import BOXES
    from pipeline.kafka.admin import partition_counts
    from pipeline.kafka.diagnostics import ClusterError

    try:
        there = partition_counts(settings)
    except ClusterError as error:
        fail(str(error))
    return tuple(name for name in _NAMES if name != "messages" or BOXES[name].topic(settings) in there)


@dlq.command("list")
@bootstrap_option
@click.option(
    "--topic",
    default="claims",
    show_default=True,
    type=click.Choice([*_NAMES, "all"]),
    help="Whose dead letters: those of the gate (claims), of the control plane (events, case-actions), of the intake (messages).",
)
@_where_option
@click.option(
    "--limit",
    default=50,
    show_default=True,
    type=click.IntRange(1),
    help="Most letters to show; --json shows all.",
)
@json_option
def dlq_list(bootstrap_servers: str | None, topic: str, where: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Shows dead letters: where they came from and what is wrong with them.

    \b
    Example:
      screening dlq list --where kind=invalid_value --where error~fund_amount
      screening dlq list --topic all
    """
    settings = settings_of(bootstrap_servers=bootstrap_servers)
    names = _names(settings) if topic == "all" else (topic,)
    found = _letters(settings, where, names)
    if as_json:
        for letter in found:
            click.echo(json.dumps(letter.as_json(), ensure_ascii=False))
        return
    if found:
        out.print(_table(found[:limit]))
    out.print(_count(found, names) + (f", {limit:,} shown" if len(found) > limit else ""))


_AT_A_TERMINAL = {"when (UTC)": 10, "source": 16, "key": 13, "sent again": 5}
"""Columns that make room for the error: at a terminal most of the width is the error's."""


def _table(found: list[Letter]) -> Table:
    table = Table(header_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("letter", "when (UTC)", "source", "key", "bytes", "error", "sent again"):
        table.add_column(name, max_width=_AT_A_TERMINAL.get(name) if out.is_terminal else None)
    for letter in found:
        table.add_row(
            f"{letter.partition}/{letter.offset}",
            f"{letter.at:%Y-%m-%d %H:%M:%S}",
            f"{escape(letter.source_topic)}/{letter.source_partition}/{letter.source_offset}",
            "" if letter.key is None else escape(letter.key.decode("utf-8", "backslashreplace")),
            "null" if letter.value is None else f"{len(letter.value):,}",
            escape(letter.error),
            "yes" if letter.redriven else "",
        )
    return table


def _count(found: list[Letter], names: tuple[str, ...]) -> str:
    if len(names) == 1:
        return f"{len(found):,} dead letters"
    each = (f"{sum(letter.box.name == name for letter in found):,} of {name}" for name in names)
    return f"{len(found):,} dead letters: {', '.join(each)}"


@dlq.command("redrive")
@bootstrap_option
@click.option(
    "--topic", default="claims", show_default=True, type=click.Choice(_NAMES), help="Whose dead letters to send again."
)
@_where_option
@click.option("--dry-run", is_flag=True, help="Only say how many would be sent.")
@json_option
def dlq_redrive(
    bootstrap_servers: str | None, topic: str, where: tuple[str, ...], dry_run: bool, as_json: bool
) -> None:
    """Sends dead letters to the topic that they came from, unchanged. Each is sent at most once, however often this is run.

    A record that is still wrong becomes a new letter, so correct its cause first. An event counts once by its event_id, however
    often it is sent. An action that was not possible stays refused under its action_id; one that came before its case does not.
    A case that could not be taken goes to claim-cases again.

    \b
    Example:
      screening dlq redrive --where error~encounter_type
      screening dlq redrive --topic events --where error~violation_id
    """
    from pipeline.dead_letters import BOXES, redrive
    from pipeline.kafka.diagnostics import ClusterError

    settings = settings_of(bootstrap_servers=bootstrap_servers)
    found = _letters(settings, where, (topic,))
    already = sum(letter.redriven for letter in found)
    waiting = [letter for letter in found if not letter.redriven and letter.can_be_sent]
    left = len(found) - already - len(waiting)
    sent = 0
    if not dry_run:
        try:
            sent = redrive(settings, waiting, lambda _sent: None, BOXES[topic])
        except ClusterError as error:
            fail(str(error))
    if as_json:
        told = {"matched": len(found), "already": already, "to_send": len(waiting), "not_sendable": left}
        click.echo(json.dumps({**told, "sent": sent, "dry_run": dry_run}))
    elif dry_run:
        out.print(f"{len(waiting):,} dead letters would be sent again; {already:,} were before")
    else:
        out.print(f"{sent:,} dead letters sent again; {already:,} had been sent before")
    if left:
        origins = " or ".join(BOXES[topic].origins)
        err.print(f"{left:,} are not sent: they did not come from {origins}, or were cut because they did not fit")
