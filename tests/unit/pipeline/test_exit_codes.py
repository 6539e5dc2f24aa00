"""One table of exit codes holds for every command: 0 done as asked, 1 not done or not right, 2 wrong use or settings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import click
import pytest
from click.testing import CliRunner

from pipeline import loading
from pipeline.cli.exits import Exit
from pipeline.cli.main import main
from pipeline.loading import Loaded
from tests.support.commands import screening
from tests.support.spoiled import claim

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
        ("intake",): ["--live"],
        ("load", "claims"): [file],
        ("load", "events"): [file],
        ("load", "messages"): [file],
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


NOT_READ = {
    ("load", "claims"): ["{}"], ("load", "events"): ["{}"], ("load", "standing"): ["{}"], ("register", "sync"): ["{}"],
    ("explain",): ["--claim", "{}", "--events", "{}"], ("mapping", "new"): ["{}"],
    ("packs", "check"): ["{}"], ("supervise", "shares"): ["--events", "{}"], ("intake",): ["{}", "--out", "claims.ndjson"],
    ("replay",): ["{}", "--events", "{}", "--out", "out"],
}  # fmt: skip


@pytest.mark.parametrize("words", NOT_READ, ids=" ".join)
def test_a_file_that_is_not_there_ends_every_command_but_a_comparison_with_1(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    arguments = [item.format(tmp_path / "none.ndjson") for item in NOT_READ[words]]
    done = CliRunner().invoke(main, [*words, *arguments])
    assert done.exit_code == Exit.FAILED, done.output
    assert "none.ndjson" in done.output


@pytest.mark.parametrize("sent", [0, 3])
def test_ctrl_c_in_the_middle_of_a_load_says_what_was_sent_and_ends_with_130(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: int
) -> None:
    (file := tmp_path / "claims.ndjson").write_bytes(claim())

    def interrupted(*_given: object, progress: Callable[[Loaded], None], **_named: object) -> Loaded:
        progress(Loaded(lines=5, sent=sent))
        raise KeyboardInterrupt

    monkeypatch.setattr(loading, "load_file", interrupted)
    done = CliRunner().invoke(main, ["load", "claims", str(file)])
    assert done.exit_code == Exit.INTERRUPTED, done.output
    assert f"interrupted; at least {sent} claims had been sent" in done.output
    assert ("twice" in done.output) == bool(sent)


def test_a_replay_says_of_each_reason_which_row_was_the_first_and_ends_with_1_when_nothing_counts(
    tmp_path: Path,
) -> None:
    """A file of which no row is a claim, a file without rows, and events of which none is one: none of these is done as asked."""
    good = tmp_path / "good.ndjson"
    good.write_text(claim().decode() + "\n" + claim(claim_id="C2", service_date="2024/12/14").decode() + "\n", "utf-8")
    event = {"type": "registration", "event_id": "e1", "region": "522700", "physician_code": "D522701000001",
             "institution": "H52270100001", "date": "2023-01-03", "recorded_at": "2023-01-03T09:00:00+08:00"}  # fmt: skip
    (events := tmp_path / "events.ndjson").write_text(json.dumps(event) + "\n", "utf-8")
    (bad := tmp_path / "bad.ndjson").write_text(claim(service_date="2024/12/14").decode() + "\n", "utf-8")
    (header := tmp_path / "header.csv").write_text(",".join(json.loads(claim())) + "\n", "utf-8")

    def replayed(claims: Path, of: Path) -> CompletedProcess[str]:
        return screening(
            "replay", claims, "--events", of, "--out", tmp_path / f"{claims.name}-{of.name}", "--no-report"
        )

    done = replayed(good, events)
    assert done.returncode == Exit.PARTLY, done.stderr
    assert "the first: good.ndjson line 2: service_date: expected a calendar date as YYYY-MM-DD" in done.stdout
    for claims, of, said in (
        (bad, events, "every one of them was set aside"),
        (header, events, "no row was judged: there was none"),
        (good, good, "no line of the events was usable"),
    ):
        done = replayed(claims, of)
        assert (done.returncode, said in " ".join(done.stderr.split())) == (Exit.FAILED, True), done.stderr


def test_what_was_done_in_part_ends_with_3_and_is_refused_by_strict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("claims.ndjson").write_bytes(claim() + b"\nno claim\n")
    Path("events.ndjson").write_text("\n", "utf-8")
    words = ["replay", "claims.ndjson", "--events", "events.ndjson", "--no-report"]
    done = CliRunner().invoke(main, [*words, "--out", "told"])
    assert done.exit_code == Exit.PARTLY, done.output
    assert "1 claims judged, 1 set aside" in done.output
    assert CliRunner().invoke(main, [*words, "--out", "strict", "--strict"]).exit_code == Exit.FAILED

    for loaded, code in (
        (Loaded(lines=5, sent=3, bad=2), Exit.PARTLY),
        (Loaded(lines=5, sent=5, conflicts=2), Exit.PARTLY),
        (Loaded(lines=5, sent=4, duplicates=1), Exit.DONE),
        (Loaded(lines=5, bad=5), Exit.FAILED),
    ):
        monkeypatch.setattr(loading, "load_file", lambda *_given, loaded=loaded, **_named: loaded)
        assert CliRunner().invoke(main, ["load", "claims", "claims.ndjson"]).exit_code == code


def test_every_exit_code_of_the_table_is_told_in_the_readme() -> None:
    told = (FOLDER.parents[1] / "README.md").read_text("utf-8").partition("The exit code is")[2].partition("## ")[0]
    assert {int(number) for number in re.findall(r"(?<!-)\b\d+(?= if\b| for\b)", told)} >= {code.value for code in Exit}
