"""`screening topics`: creates and checks the topics of the catalogue, and grants rights on them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import click
from rich.markup import escape

from pipeline.cli.exits import Exit, fail
from pipeline.cli.options import bootstrap_option, json_option, settings_of
from pipeline.telemetry.console import Table, err, out
from topics.access import ROLES
from topics.catalogue import CATALOGUE, TopicSpec

SAFE_COPIES = 3
"""With three copies and a majority in sync, one broker may be lost while records are written."""


@click.group()
def topics() -> None:
    """Creates and checks the topics of the catalogue."""


def _with_partitions(choices: tuple[str, ...]) -> tuple[TopicSpec, ...]:
    wanted: dict[str, int] = {}
    names = {spec.name for spec in CATALOGUE}
    for choice in choices:
        name, _, number = choice.partition("=")
        if name not in names or not number.isdigit() or int(number) < 1:
            fail(
                f"--partitions {choice}: expected TOPIC=NUMBER with TOPIC one of {', '.join(sorted(names))}", Exit.USAGE
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
    "--min-insync-replicas",
    type=click.IntRange(1, 32),
    help="Copies that must have a record before it counts; by default 2 of 3.",
)
@click.option(
    "--partitions", multiple=True, metavar="TOPIC=N", help="Partitions to create a topic with; may be repeated."
)
@json_option
def topics_apply(
    bootstrap_servers: str | None,
    replication: int | None,
    min_insync_replicas: int | None,
    partitions: tuple[str, ...],
    as_json: bool,
) -> None:
    """Creates the topics that are missing and reports where existing ones differ. Existing topics are never changed.

    The command warns if the cluster has fewer than three brokers, because the loss of one can then lose records.

    Exit code 0: all topics are there as the catalogue says; 1: some differ, or the cluster cannot give what is asked for.

    \b
    Example:
      screening topics apply --bootstrap-servers localhost:9092 --partitions claims=24
    """

    def act(admin: Any, specs: tuple[TopicSpec, ...]) -> list[Any]:
        wanted = admin.durability(replication, min_insync_replicas)
        if wanted.copies < SAFE_COPIES and replication is None:
            err.print(
                f"The cluster has {wanted.copies} broker{'s' if wanted.copies > 1 else ''}: new topics have so many copies, and "
                f"the loss of a broker can lose records. {SAFE_COPIES} brokers survive the loss of one.",
                soft_wrap=True,
            )
        found: list[Any] = admin.apply(specs, wanted)
        return found

    _show_topics(act, bootstrap_servers, partitions, as_json)


@topics.command("list")
@bootstrap_option
@json_option
def topics_list(bootstrap_servers: str | None, as_json: bool) -> None:
    """Shows every topic of the catalogue and how the cluster has it.

    Exit code 0: all topics are there as the catalogue says; 1: some differ or are missing, or the cluster cannot be asked.

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
    from pipeline.kafka.diagnostics import ClusterError
    from topics.access import role as role_of

    settings = settings_of(bootstrap_servers=bootstrap_servers)
    if not re.fullmatch(r"[A-Za-z]+:.+", principal):
        fail(f"{principal!r} is no principal; expected a type and a name, such as User:gate", Exit.USAGE)
    rights = bindings(role_of(role), principal, settings)
    if do_apply:
        try:
            grant(rights, settings)
        except ClusterError as error:
            fail(str(error))
    told = [describe(right) for right in rights]
    if as_json:
        click.echo(json.dumps({"role": role, "principal": principal, "applied": do_apply, "rights": told}))
    else:
        out.print(f"{escape(principal)} {'may now' if do_apply else 'would need, as ' + role}:", soft_wrap=True)
        for right in told:
            out.print(f"  {right}", soft_wrap=True)


def _show_topics(
    act: Callable[[Any, tuple[TopicSpec, ...]], list[Any]],
    bootstrap_servers: str | None,
    partitions: tuple[str, ...],
    as_json: bool,
) -> None:
    from pipeline.kafka.admin import TopicAdmin
    from pipeline.kafka.diagnostics import ClusterError

    settings = settings_of(bootstrap_servers=bootstrap_servers)
    specs = tuple(
        spec.prefixed(settings.output_prefix) if spec.owner in {"worker", "screening dlq redrive"} else spec
        for spec in _with_partitions(partitions)
    )
    try:
        states = act(TopicAdmin(settings), specs)
    except ClusterError as error:
        fail(str(error))
    if as_json:
        click.echo(json.dumps([asdict(state) for state in states]))
    else:
        out.print(_table(specs, states))
        if any(state.state == "drifted" for state in states):
            err.print("Existing topics are not altered. Change them with Kafka's own tools, or change the catalogue.")
        missing = sum(state.state == "missing" for state in states)
        if missing:
            which = (
                "None of the topics exists"
                if missing == len(states)
                else f"{missing} of {len(states)} topics do not exist"
            )
            err.print(f"{which}; `screening topics apply` creates what is missing.", soft_wrap=True)
    raise SystemExit(Exit.FAILED if any(state.state in ("drifted", "missing") for state in states) else 0)


def _table(specs: tuple[TopicSpec, ...], states: list[Any]) -> Table:
    table = Table(header_style="bold")
    for column in ("topic", "state", "partitions", "copies", "kept", "difference"):
        table.add_column(
            column, no_wrap=column != "difference", justify="right" if column in {"partitions", "copies"} else "left"
        )
    colour = {"created": "green", "present": "green", "missing": "yellow", "drifted": "red"}
    for spec, state in zip(specs, states, strict=True):
        kept = "latest per key" if spec.cleanup == "compact" else _days(spec.retention_ms)
        table.add_row(
            spec.name,
            f"[{colour[state.state]}]{state.state}[/]",
            str(state.partitions),
            str(state.copies or ""),
            kept,
            "\n".join(state.drift),
        )
    return table


def _days(milliseconds: int) -> str:
    return "for ever" if milliseconds < 0 else f"{milliseconds // 86_400_000} days"
