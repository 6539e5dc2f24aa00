"""One table of exit codes holds for every command: 0 done as asked, 1 not done or not right, 2 wrong use or settings."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from pipeline.cli.exits import Exit
from pipeline.cli.main import main
from tests.support.commands import screening

FOLDER = Path(__file__).parents[3] / "pipeline" / "cli"


def leaves(group: click.Group, words: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    found: list[tuple[tuple[str, ...], click.Command]] = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            found += leaves(command, (*words, name))
        elif command is not None:
            found.append(((*words, name), command))
    return found


COMMANDS = leaves(main)
RUNS_ON_SETTINGS = [
    words for words, command in COMMANDS if any(item.name == "bootstrap_servers" for item in command.params)
]


@pytest.mark.parametrize("words", [words for words, _ in COMMANDS], ids=" ".join)
def test_an_option_that_does_not_exist_ends_every_command_with_2(words: tuple[str, ...]) -> None:
    done = screening(*words, "--no-such-option")
    assert done.returncode == Exit.USAGE
    assert "--no-such-option" in done.stderr


@pytest.mark.parametrize("words", RUNS_ON_SETTINGS, ids=" ".join)
def test_a_setting_that_cannot_be_used_ends_every_command_that_reads_settings_with_2(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    (file := tmp_path / "records.ndjson").write_text("{}\n", "utf-8")
    arguments: dict[tuple[str, ...], list[object]] = {
        ("load", "claims"): [file],
        ("load", "events"): [file],
        ("load", "standing"): [file],
        ("register", "sync"): [file],
        ("topics", "acls"): ["operator", "User:night"],
        ("replay",): ["--from-topic", "--out", tmp_path / "out"],
    }
    done = screening(*words, *arguments.get(words, []), session_timeout_ms="soon")
    assert done.returncode == Exit.USAGE, done.stderr
    assert "SCREENING_SESSION_TIMEOUT_MS" in done.stderr


def test_no_command_ends_with_a_bare_number() -> None:
    for path in FOLDER.glob("*.py"):
        if path.name == "main.py":
            continue  # an interrupt of its first imports ends it before the table is there
        assert not re.search(r"SystemExit\([12]\)|sys\.exit\(\d|fail\([^\n]*, [012]\)", path.read_text("utf-8")), (
            path.name
        )
