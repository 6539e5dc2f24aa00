"""What goes into a file or a pipe is whole; what goes to a terminal fits it, and is whole as well."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.cells import cell_len

from pipeline.audit.findings import Findings
from pipeline.cli import audit as audit_cli
from pipeline.cli import packs_view
from pipeline.settings.packs import read_packs
from pipeline.telemetry.console import Console, Table
from tests.support.commands import screening

LONG = " ".join(["a reason that runs on"] * 20)


def piped(*arguments: str | Path) -> str:
    """What a command writes into a pipe."""
    done = screening(*arguments)
    assert done.stdout, done.stderr
    return done.stdout


def table() -> Table:
    made = Table("letter", "reason", "place", header_style="bold")
    made.columns[0].no_wrap = True
    made.add_row("0/12345678", LONG, "physician-events/5/123456")
    return made


def shown(width: int | None) -> str:
    """The table at a terminal of a width, or in a file."""
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=width is not None, color_system=None)
    console.print(table())
    return stream.getvalue()


def test_in_a_file_every_row_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert f"0/12345678 │ {LONG} │ physician-events/5/123456" in shown(None)


@pytest.mark.parametrize("width", [30, 60, 100])
def test_at_a_terminal_a_table_is_folded_and_nothing_is_cut(width: int) -> None:
    text = shown(width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert "…" not in text
    letters = text.translate({ord(mark): None for mark in " │┃┏━┳┓┡╇┩└┴┘─\n"})
    assert sum(letters.count(mark) for mark in "0123456789") >= len("0/12345678/5/123456") - 3
    assert text.count("reason") + text.count("rea") >= 20


@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize("pack", read_packs(), ids=lambda pack: pack.pack)
def test_the_law_fits_a_narrow_terminal(pack: object, width: int) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=True, color_system=None)
    for part in packs_view.show(pack, "en"):  # type: ignore[arg-type]  # parametrize gives objects
        console.print(part)
    assert "…" not in stream.getvalue()


def test_no_command_cuts_what_it_writes_into_a_pipe(tmp_path: Path) -> None:
    claims, events = tmp_path / f"{'claims-' * 20}.ndjson", tmp_path / "events.ndjson"
    told = [piped("sample", "claims", claims, "--count", "300"), piped("sample", "events", events, "--count", "300")]
    assert str(claims) in told[0]
    one = tmp_path / "claim.json"
    one.write_text(next(line for line in claims.read_text("utf-8").splitlines() if json.loads(line)), "utf-8")
    told += [piped("explain", "--claim", one, "--events", events, "--lang", lang) for lang in ("zh", "en")]
    told += [piped("replay", claims, "--events", events, "--out", tmp_path / "out", "--no-report")]
    told += [piped("packs", *rest) for rest in (
        ("list",), ("list", "--lang", "zh"), ("show", "qiannan-2022"), ("check",), ("diff", "qiannan-2022", "lanzhou-2014"),
    )]  # fmt: skip
    for text in told:
        assert "…" not in text, next(line for line in text.splitlines() if "…" in line)


def test_an_audit_in_eighty_columns_breaks_no_heading_and_names_what_is_nought_everywhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    findings = Findings()
    for number in range(2):
        findings.count("claims", f"partition {number}", claims=1_234_567, verdicts=1_234_000, dead_letters=567, waiting=0,
                       behind_open_transaction=0, expired_unread=0, of_another_topic=0, outcomes_of_another_topic=0)  # fmt: skip
    monkeypatch.setenv("COLUMNS", "80")
    audit_cli._show(findings)
    narrow = capsys.readouterr().out
    assert max(map(cell_len, narrow.splitlines())) <= 80
    for word in ("claims", "verdicts", "dead letters", "1,234,567", "2,468,000"):
        assert word in narrow
    assert "0 in every row: waiting, behind open transaction, expired unread, of another topic" in " ".join(
        narrow.split()
    )
    monkeypatch.setenv("COLUMNS", "200")
    audit_cli._show(findings)
    assert "outcomes of another topic" in capsys.readouterr().out.splitlines()[1]
