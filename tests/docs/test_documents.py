"""What the documents say exists, and what exists is documented."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from pipeline.cli.main import main
from pipeline.settings.model import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def leaves(group: click.Group, prefix: str = "") -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found |= leaves(command, f"{prefix}{name} ")
        else:
            found[f"{prefix}{name}"] = command
    return found


COMMANDS = leaves(main)


def documented() -> set[str]:
    table = README.split("## Commands")[1].split("## Settings")[0]
    found = set()
    for row in re.findall(r"^\| `screening (.+?)` (?:/ `(\w+)` )?\|", table, re.MULTILINE):
        words = [word for word in row[0].replace("\\|", "|").split() if not word.isupper() and "." not in word]
        group, last = words[:-1], words[-1]
        for choice in [*last.split("|"), *([row[1]] if row[1] else [])]:
            found.add(" ".join([*group, choice]))
    return found


def test_the_readme_lists_every_command_and_none_that_does_not_exist() -> None:
    assert documented() == set(COMMANDS)


def test_the_help_says_of_every_command_what_the_command_says_of_itself() -> None:
    """It reads the source of the commands, and imports none."""
    context = click.Context(main, terminal_width=500, max_content_width=500)
    told = main.get_help(context)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        assert re.search(rf"^  {name} +{re.escape(command.get_short_help_str(400))}$", told, re.MULTILINE), name


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_shows_an_example_in_its_help(name: str) -> None:
    command = COMMANDS[name]
    text = command.get_help(click.Context(command, info_name=name))
    assert f"screening {name}" in text.split("Example:")[-1], f"screening {name} --help shows no example of itself"


def test_every_setting_that_the_readme_names_exists() -> None:
    named = set(re.findall(r"SCREENING_([A-Z_]+)", README))
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_both_readmes_name_the_same_commands() -> None:
    chinese = (ROOT / "README.zh-CN.md").read_text("utf-8")
    for command in ("make demo", "make test", "screening topics apply", "screening worker", "screening dlq redrive"):
        assert command in chinese
        assert command in README


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    forbidden = re.compile(
        r"https?://[^\s\"']*(?:pypi|pythonhosted|npmjs|maven\.org|crates\.io)|(?<![\w.])/(?:root|home|work|farm)/\w"
    )
    offenders = []
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        hidden = any((part.startswith(".") and part != ".ci") or part in {"dist", "build"} for part in parts)
        if hidden or not path.is_file() or path.suffix in {".pyc", ".gz", ".parquet", ".png"} or "target" in parts:
            continue
        if forbidden.search(path.read_text("utf-8", errors="replace")) and path != Path(__file__):
            offenders.append(str(path.relative_to(ROOT)))
    assert offenders == []


def test_the_architecture_names_every_room_and_none_that_does_not_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    named = set(re.findall(r"`((?:rules|topics|pipeline|tests|benchmarks|docker|docs)(?:/\w+)*)/`", text))
    assert [room for room in sorted(named) if not (ROOT / room).is_dir()] == []
    packages = {path.parent for top in ("rules", "topics", "pipeline") for path in (ROOT / top).glob("*/__init__.py")}
    assert (
        sorted(str(package.relative_to(ROOT)) for package in packages if str(package.relative_to(ROOT)) not in named)
        == []
    )
