"""`screening desk`: the pages where people work, their accounts, and the read model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.exits import Exit, fail
from pipeline.cli.options import bootstrap_option, json_option, settings_of, tell_of_packs
from pipeline.cli.signals import Stop, leave

if TYPE_CHECKING:
    from pipeline.desk.accounts import Accounts
    from pipeline.settings.model import Settings

database_option = click.option(
    "--database",
    metavar="URL",
    help="The database of the desk, SQLite or PostgreSQL [env: SCREENING_DESK_DATABASE_URL]",
)
password_option = click.option(
    "--password-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Read the password from a file; by default it is asked for.",
)


@click.group(invoke_without_command=True)
@click.pass_context
def desk(context: click.Context) -> None:
    """Serves the pages where people review cases and look at standings, and keeps their accounts.

    Without a command it is `screening desk serve`.

    \b
    Example:
      screening desk account add li.na --role reviewer --area 522700
      screening desk serve
    """
    if context.invoked_subcommand is None:
        context.invoke(serve)


@desk.command()
@bootstrap_option
@database_option
@click.option("--instance-id", help="Stable name of this process [env: SCREENING_INSTANCE_ID]")
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    help="HTTP port of the pages; 0 takes a free one [env: SCREENING_METRICS_PORT]",
)
def serve(
    bootstrap_servers: str | None, database: str | None, instance_id: str | None, metrics_port: int | None
) -> None:
    """Shows the pages: the inbox, cases, persons and institutions.

    What the pages show follows from the topics; what people do is written to `case-actions` and shown when the control plane has
    taken it. Every look and every act is an entry of the topic `desk-journal`, and a page whose entry cannot be written is not
    shown. One process serves a cluster: a second one takes the journal over, and the first one ends.

    Stops cleanly on SIGTERM or Ctrl-C.

    Exit code 0: stopped as asked; 1: cannot go on, the last log event says why; 2: settings that cannot be used.

    \b
    Example:
      screening desk serve --metrics-port 9480
    """
    stop = Stop()
    from confluent_kafka import KafkaException
    from sqlalchemy.exc import SQLAlchemyError

    from pipeline.cli.running import run_until_stopped
    from pipeline.desk.events import DeskFailed
    from pipeline.desk.feed import FeedError
    from pipeline.desk.journal import JournalError
    from pipeline.desk.service import Desk
    from pipeline.desk.store.database import DatabaseError
    from pipeline.kafka.diagnostics import ClusterError
    from pipeline.kafka.transactions import TransactionFatal
    from pipeline.settings.packs import load_pack_set
    from pipeline.telemetry.logs import configure_logs

    stop.by(leave)
    settings = settings_of(
        bootstrap_servers=bootstrap_servers,
        desk_database_url=database,
        instance_id=instance_id,
        metrics_port=metrics_port,
    )
    configure_logs(settings.log_format, settings.log_level)

    def made() -> Desk:
        packs = load_pack_set(settings.packs_dir, settings.packs_on, settings.holidays_file, with_subjects=True)
        tell_of_packs(packs, "desk")
        try:
            return Desk(settings, packs)
        except DatabaseError as error:
            fail(str(error))

    run_until_stopped(
        stop, settings, made, component="desk", failed=DeskFailed,
        ends_by=(FeedError, JournalError, ClusterError, KafkaException, TransactionFatal, SQLAlchemyError),
    )  # fmt: skip


@desk.command()
@bootstrap_option
@database_option
@json_option
def rebuild(bootstrap_servers: str | None, database: str | None, as_json: bool) -> None:
    """Makes the read model again from the topics; accounts and sessions stay as they are.

    Needed when a topic was deleted and made again, or when SCREENING_DESK_REVIEW_DAYS or the public holidays have changed. A desk
    that is running meanwhile shows what is there so far.

    Exit code 0: the read model has all that the topics hold; 1: the cluster or the database cannot be used.

    \b
    Example:
      screening desk rebuild --bootstrap-servers kafka-1:9092
    """
    from confluent_kafka import KafkaException
    from sqlalchemy.exc import SQLAlchemyError

    from pipeline.desk.feed import Feed, FeedError, clear
    from pipeline.desk.store.database import DatabaseError, open_database
    from pipeline.desk.store.rows import Reader
    from pipeline.kafka.diagnostics import ClusterError
    from pipeline.settings.model import SettingsError
    from pipeline.settings.packs import load_pack_set
    from pipeline.telemetry.console import err, out
    from pipeline.telemetry.desk_metrics import DeskMetrics
    from pipeline.telemetry.events import Teller
    from pipeline.telemetry.logs import configure_logs, logger
    from rules.packs.errors import PackError

    settings = settings_of(bootstrap_servers=bootstrap_servers, desk_database_url=database)
    configure_logs(settings.log_format, settings.log_level)
    metrics = DeskMetrics()
    try:
        packs = load_pack_set(settings.packs_dir, settings.packs_on, settings.holidays_file, with_subjects=True)
        engine = open_database(settings)
        reader = Reader(packs.holidays, settings.desk_review_days)
        feed = Feed(settings, engine, reader, Teller(logger(component="desk"), metrics), metrics)
        try:
            clear(engine)
            feed.begin()
            with err.status("reading") as status:
                read = feed.read_to_end(
                    lambda done, left: status.update(f"{done:,} records read, {left:,} offsets left")
                )
        finally:
            feed.close()
    except (SettingsError, PackError) as error:
        fail(str(error), Exit.USAGE)
    except (DatabaseError, FeedError, ClusterError) as error:
        fail(str(error))
    except (KafkaException, SQLAlchemyError) as error:
        fail(str(error).splitlines()[0])
    unreadable = sum(
        sample.value for sample in next(iter(metrics.unreadable.collect())).samples if sample.name.endswith("_total")
    )
    if as_json:
        click.echo(json.dumps({"records": read, "unreadable": int(unreadable)}))
    else:
        out.print(f"{read:,} records read, {int(unreadable):,} of them could not be")


# -- accounts -----------------------------------------------------------------------------------------------------


@desk.group()
def account() -> None:
    """Who may log in: makes, lists and ends accounts.

    \b
    Example:
      screening desk account list
    """


@contextmanager
def _accounts(database: str | None) -> Iterator[Accounts]:
    """The accounts of the database; what cannot be done with them ends the command."""
    from sqlalchemy.exc import SQLAlchemyError

    from pipeline.desk.accounts import AccountError, Accounts
    from pipeline.desk.store.database import DatabaseError, open_database
    from pipeline.settings.model import SettingsError

    settings: Settings = settings_of(desk_database_url=database)
    try:
        yield Accounts(open_database(settings), settings.desk_idle_minutes)
    except (AccountError, SettingsError) as error:
        fail(str(error), Exit.USAGE)
    except (DatabaseError, SQLAlchemyError) as error:
        fail(str(error).splitlines()[0])


def _password(file: Path | None) -> str:
    if file is not None:
        return file.read_text("utf-8").rstrip("\r\n")
    told: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return told


@account.command()
@click.argument("name")
@click.option(
    "--role",
    required=True,
    type=click.Choice(["reviewer", "supervisor", "clerk", "institution", "physician", "auditor"]),
    help="What the person is at the desk.",
)
@click.option(
    "--area", "areas", required=True, multiple=True, metavar="CODE", help="A pooling area, six digits; several times."
)
@click.option("--institution", metavar="CODE", help="The institution, for the role institution.")
@click.option("--physician", metavar="CODE", help="The physician, for the role physician.")
@password_option
@database_option
def add(
    name: str, role: str, areas: tuple[str, ...], institution: str | None, physician: str | None, password_file: Path | None,
    database: str | None,
) -> None:  # fmt: skip
    """Makes an account. A name is given once and never again, because the journal knows people by it.

    Exit code 0: made; 2: the name, the codes or the password cannot be used.

    \b
    Example:
      screening desk account add li.na --role reviewer --area 522700
      screening desk account add h1 --role institution --area 522700 --institution H52270100001
    """
    from pipeline.desk.rights import Role

    with _accounts(database) as accounts:
        accounts.add(name, _password(password_file), Role(role), list(areas), institution, physician)
        click.echo(f"{name}: {role} of {' '.join(areas)}")


@account.command("list")
@database_option
@json_option
def list_accounts(database: str | None, as_json: bool) -> None:
    """Lists every account, also those that have ended.

    \b
    Example:
      screening desk account list --json
    """
    from pipeline.telemetry.console import Table, out

    with _accounts(database) as accounts:
        rows = accounts.listed()
    if as_json:
        click.echo(json.dumps(rows))
        return
    table = Table(*("name", "role", "areas", "code", "made", "ended"), header_style="bold")
    for row in rows:
        code = row["institution"] or row["physician"] or ""
        table.add_row(row["name"], row["role"], row["areas"], code, row["made_at"], row["ended_at"] or "")
    out.print(table)


@account.command()
@click.argument("name")
@password_option
@database_option
def password(name: str, password_file: Path | None, database: str | None) -> None:
    """Gives an account another password, and logs it out.

    Exit code 0: done; 2: there is no such account, or the password cannot be used.

    \b
    Example:
      screening desk account password li.na
    """
    with _accounts(database) as accounts:
        accounts.set_password(name, _password(password_file))
        click.echo(f"{name}: the password was changed")


@account.command()
@click.argument("name")
@database_option
def end(name: str, database: str | None) -> None:
    """Ends an account for good, and logs it out.

    Exit code 0: done; 2: there is no such account.

    \b
    Example:
      screening desk account end li.na
    """
    with _accounts(database) as accounts:
        accounts.end(name)
        click.echo(f"{name}: ended")
