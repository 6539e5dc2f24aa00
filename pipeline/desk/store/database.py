"""The database of the desk: SQLite in a file by default, PostgreSQL by its URL; made and brought up to date when it is opened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, Table, and_, bindparam, create_engine, delete, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from pipeline.desk.store.rows import Changes
from pipeline.settings.model import Settings, SettingsError

_BUSY_MS = 15_000
_AT_ONCE = 500
_LOCK = 7_402_119
"""The number of the lock under which one of several processes brings a PostgreSQL up to date."""


class DatabaseError(RuntimeError):
    """The database cannot be used; the message says why and what to do."""


def open_database(settings: Settings) -> Engine:
    """The database of the settings, brought up to date. Raises SettingsError for a URL that is none, DatabaseError otherwise."""
    url = settings.desk_database()
    try:
        name = make_url(url).get_backend_name()
        if name not in ("sqlite", "postgresql"):
            raise SettingsError(
                f"SCREENING_DESK_DATABASE_URL: expected sqlite:///FILE or postgresql+psycopg://..., found {name}"
            )
        if name == "sqlite" and (file := make_url(url).database):
            Path(file).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, pool_pre_ping=name == "postgresql")
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise SettingsError(f"SCREENING_DESK_DATABASE_URL: {error}") from None
    if name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    try:
        upgrade(engine)
    except SQLAlchemyError as error:
        raise DatabaseError(f"the database of the desk cannot be used: {str(error).splitlines()[0]}") from None
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_BUSY_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def upgrade(engine: Engine) -> None:
    """Takes every step of the migrations that the database has not taken. Raises DatabaseError for one of a later version."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        at = MigrationContext.configure(connection).get_current_revision()
        known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
        if at is not None and at not in known:
            raise DatabaseError(
                f"the database of the desk is of a later version ({at}) than this program; run that version, or give "
                "SCREENING_DESK_DATABASE_URL another database and `screening desk rebuild`"
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def put(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Writes rows, each in place of the one with its primary key. Of two rows of one key the last counts."""
    keys = [column.name for column in table.primary_key.columns]
    last = {tuple(row[name] for name in keys): row for row in rows}
    for start in range(0, len(last), _AT_ONCE):
        some = list(last.values())[start : start + _AT_ONCE]
        made = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
        others = {column.name: made.excluded[column.name] for column in table.columns if column.name not in keys}
        put_in = (
            made.on_conflict_do_update(index_elements=keys, set_=others) if others else made.on_conflict_do_nothing()
        )
        connection.execute(put_in, some)


def write(connection: Connection, changes: Changes) -> None:
    """Removes and puts rows. A row that is both removed and put is there afterwards."""
    gone: dict[tuple[Table, tuple[str, ...]], list[dict[str, Any]]] = defaultdict(list)
    for table, where in changes.remove:
        gone[table, tuple(where)].append({f"at_{name}": value for name, value in where.items()})
    for (table, names), several in gone.items():
        connection.execute(
            delete(table).where(and_(*(table.c[name] == bindparam(f"at_{name}") for name in names))), several
        )
    rows: dict[Table, list[dict[str, Any]]] = defaultdict(list)
    for table, row in changes.put:
        rows[table].append(row)
    for table, put_in in rows.items():
        put(connection, table, put_in)
