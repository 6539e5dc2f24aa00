"""Nothing that is damaged crashes a reader, and every line, row and record of it is accounted for; counted apart from the readers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fuzzing import (
    Base,
    Findings,
    NotAccounted,
    account,
    bases,
    fuzz_files,
    fuzz_interface,
    fuzz_messages,
)
from tests.support.fuzzing_live import fuzz_live
from tests.support.thorough import share


@pytest.mark.parametrize("base", bases(), ids=lambda base: base.name)
def test_every_line_of_every_format_is_judged_or_set_aside(base: Base, tmp_path: Path) -> None:
    assert account(tmp_path / base.name, base.data, base.mapping, base.name) == "read"


def test_damaged_messages_are_taken_or_dead_letters() -> None:
    findings = Findings()
    fuzz_messages(1, share(4_000), findings)
    assert findings.inputs == share(4_000)
    assert {outcome for _, outcome in findings.counts} == {"taken", "dead letter"}


def test_damaged_files_are_read_in_part_or_refused_and_every_line_is_accounted_for(tmp_path: Path) -> None:
    findings = Findings()
    fuzz_files(1, share(130), findings, tmp_path)
    assert {outcome for _, outcome in findings.counts} == {"read", "read in part", "refused"}


def test_damaged_messages_of_the_national_interface_cost_their_own_rows_and_every_one_is_accounted_for(
    tmp_path: Path,
) -> None:
    findings = Findings()
    fuzz_interface(1, share(40, least=10), findings, tmp_path)
    assert {outcome for _, outcome in findings.counts} >= {"read", "read in part"}


def test_the_count_notices_a_line_that_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.fuzzing._lines", lambda data, _encoding: data.count(b"\n") + 1)
    with pytest.raises(NotAccounted):
        account(tmp_path / "c.ndjson", bases()[0].data, "contract", "c.ndjson")


@pytest.mark.parametrize("name", ["n.ndjson", "n.json"])
def test_half_of_a_surrogate_pair_costs_its_own_document_only(name: str, tmp_path: Path) -> None:
    """Found by the harness: such a text is JSON, but no text at all, and ended the whole run."""
    [base] = [item for item in bases() if item.name == name]
    data = base.data.replace(b"D522701000001", b"D\\ud800", 1)
    assert account(tmp_path / name, data, base.mapping, name) == "read in part"


def test_damaged_messages_of_the_live_intake_are_each_counted_once_and_spoil_nothing_behind_them() -> None:
    findings = Findings()
    fuzz_live(1, share(1_000), findings)
    assert findings.counts["live message", "dead letter"] > 50
    assert findings.counts["live message", "taken"] > 50
