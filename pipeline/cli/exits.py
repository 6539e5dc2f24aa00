"""The exit codes of every command, in one table, and how a command ends with one."""

from __future__ import annotations

from enum import IntEnum
from importlib.util import find_spec
from typing import NoReturn

from rich.markup import escape

from pipeline.telemetry.console import err


class Exit(IntEnum):
    """What an exit code means, whichever command ends with it."""

    DONE = 0
    """Done as asked; what runs until it is stopped was stopped as asked."""
    FAILED = 1
    """Not done, or done and not right: something differs, was refused, or cannot go on; a file that was named cannot be read."""
    USAGE = 2
    """Wrong use or settings; and a comparison (`audit`, `conformance`) that could not be made, since 1 says that it found
    differences."""
    PARTLY = 3
    """Done, but not with all of the input: rows or lines were left out, or two of them contradict each other. Each is told and
    counted; with --strict the command refuses instead."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C in the middle; the message says what was done, and the same command goes on where that is said."""


def complain(message: str) -> None:
    """Tells what is wrong on standard error."""
    err.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)


def fail(message: str, code: Exit = Exit.FAILED) -> NoReturn:
    """Tells what is wrong on standard error and ends the command."""
    complain(message)
    raise SystemExit(code)


def ask_for_packages(command: str, *packages: str) -> None:
    """Ends a command, with what to do, where a package that it needs is not installed."""
    for package in packages:
        if find_spec(package) is None:
            fail(
                f"`screening {command}` needs the package {package}, which is not installed here. The image `line` leaves it "
                f"out to stay small: use the image `tables` for this command",
                Exit.USAGE,
            )
