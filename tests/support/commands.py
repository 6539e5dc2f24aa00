"""Commands of the console script, run in this process: starting one of its own takes longer than most of what they do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from unittest import mock

import structlog
from click.testing import CliRunner

from pipeline.cli.main import main

_OF_THEIR_OWN = frozenset({"worker", "control"})
"""Commands that run until they are stopped, and take a process over."""


def environment(settings: Mapping[str, object]) -> dict[str, str]:
    """The environment of a process under test: no setting of the surroundings, those given with the prefix."""
    # pytest-xdist gives its processes the width of the terminal that it was started from.
    own = {name: value for name, value in os.environ.items() if not name.startswith("SCREENING_") and name != "COLUMNS"}
    return own | {f"SCREENING_{name.upper()}": str(value) for name, value in settings.items()}


def screening(*arguments: object, **settings: object) -> subprocess.CompletedProcess[str]:
    """Runs `screening ARGUMENTS` to its end, as in a pipe: exit code, standard output and standard error."""
    given = [str(argument) for argument in arguments]
    if given[0] in _OF_THEIR_OWN or threading.current_thread() is not threading.main_thread():
        return subprocess.run(
            [sys.executable, "-m", "pipeline.cli", *given],
            env=environment(settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    with _as_it_was(), mock.patch.dict(os.environ, environment(settings), clear=True):
        done = CliRunner().invoke(main, given, prog_name="screening")
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(given, done.exit_code, done.stdout, done.stderr)


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Commands take signals and the log over; pytest gets its own back."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    logging = structlog.get_config()
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        structlog.configure(**logging)
