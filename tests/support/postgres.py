"""A real PostgreSQL for the tests: the one that is installed, with a folder of its own and no port, for as long as a `with` lasts."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from tests.support.missing import program
from tests.support.waiting import wait_for

_NAMES = count(1)


class Postgres:
    """A running server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def database(self) -> str:
        """The URL of a new and empty database."""
        name = f"desk{next(_NAMES)}"
        with self._connect() as connection:
            connection.autocommit = True
            connection.execute(f"create database {name}")
        return f"postgresql+psycopg://desk@/{name}?host={self._folder}"

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(host=str(self._folder), user="desk", dbname="postgres")


def _somebody() -> dict[str, str]:
    """PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    return {"user": "postgres" if "postgres" in names else "nobody"}


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Starts a server, and ends it. Without one installed a test stands aside; where CI=true it fails."""
    initdb = program("initdb", "postgresql", *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb"))))
    server = Path(initdb).resolve().with_name("postgres")
    folder = Path(tempfile.mkdtemp(prefix="desk-"))
    who = _somebody()
    if who:
        shutil.chown(folder, **who)
    data = folder / "data"
    quiet: dict[str, Any] = {"cwd": "/", "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **who}
    subprocess.run([initdb, "-D", data, "-U", "desk", "-A", "trust", "-E", "UTF8", "-N"], check=True, **quiet)
    options = ["-k", str(folder), "-c", "listen_addresses=", "-c", "fsync=off"]
    process = subprocess.Popen([server, "-D", data, *options], **quiet)
    try:
        made = Postgres(folder)
        wait_for("PostgreSQL answers", made.answers)
        yield made
    finally:
        process.send_signal(signal.SIGINT)  # ends although somebody is connected
        process.wait(60)
        shutil.rmtree(folder)
