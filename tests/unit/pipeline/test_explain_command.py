"""`screening explain` at the terminal: what it prints, in which language, and what it refuses."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from pipeline.cli.main import main
from pipeline.explain.explaining import ExplainError, explain_claim
from pipeline.settings.packs import load_pack_set
from rules.packs.pack_set import PackSet
from tests.support.explaining import TWELVE, claim, event

PACKS = load_pack_set(switched_on=("shantou-2022-draft",))


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    one, many = tmp_path / "claim.json", tmp_path / "events.ndjson"
    one.write_bytes(json.dumps(json.loads(claim()), indent=1).encode())
    many.write_bytes(b"\n".join(TWELVE) + b"\n")
    return one, many


def run(*arguments: str | Path, width: int = 100) -> Any:
    return CliRunner().invoke(main, ["explain", *map(str, arguments)], env={"COLUMNS": str(width)})


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_command_prints_the_chain_within_the_terminal(files: tuple[Path, Path], width: int, lang: str) -> None:
    done = run("--claim", files[0], "--events", files[1], "--lang", lang, width=width)
    assert done.exit_code == 0, done.output
    assert max(cell_len(line) for line in done.stdout.splitlines()) <= width
    assert "…" not in done.stdout
    wanted = {
        "zh": ("不予结算", "责罚期2023", "下一步", "三(二)5"),
        "en": ("REJECT", "penalty period", "What can be done next", "三(二)5"),
    }
    for text in wanted[lang]:
        assert text.replace(" ", "") in done.stdout.replace(" ", "").replace("\n", "") or text in done.stdout, text


def test_json_has_the_verdict_as_on_the_wire_and_both_languages(files: tuple[Path, Path]) -> None:
    done = run("--claim", files[0], "--events", files[1], "--json")
    answer = json.loads(done.stdout)
    assert answer["verdict"]["penalty_period"] == ["2023-05-11", "2023-08-10"]
    assert set(answer["explanation"]) == {"zh", "en"}


def test_a_physician_whom_the_events_do_not_know_is_named_with_what_the_claim_was_judged_by(
    files: tuple[Path, Path],
) -> None:
    known = run("--claim", files[0], "--events", files[1])
    assert (
        f"Judged by events.ndjson: in area 522700 {len(TWELVE)} events of the physician and 0 events of the institution"
        in (" ".join(known.stdout.split()))
    )
    assert "know no physician" not in known.stderr
    files[0].write_bytes(claim(physician_code="D522701999999"))
    unknown = run("--claim", files[0], "--events", files[1])
    assert unknown.exit_code == 0
    assert (
        f"0 events of the physician and 0 events of the institution; {len(TWELVE)} events of others were not used"
        in (" ".join(unknown.stdout.split()))
    )
    assert "the events know no physician D522701999999 in area 522700: judged as not registered there" in unknown.stderr
    used = json.loads(run("--claim", files[0], "--events", files[1], "--json").stdout)["events"]
    assert (used["area"], used["physician"], used["others"]) == ("522700", 0, len(TWELVE))


def test_unusable_events_are_named_by_line_and_count_for_nothing(files: tuple[Path, Path]) -> None:
    wrong = event("x1", "deduction", "2023-05-11", points=5, violation_id="QN-T2-02")
    other = event("o1", "registration", "2023-05-11", physician_code="D9")
    files[1].write_bytes(b"\n".join([*TWELVE, wrong, b"{not json", other]))
    done = run("--claim", files[0], "--events", files[1])
    assert done.exit_code == 0
    assert "events.ndjson:6: points: 5 found; QN-T2-02 cost 2" in done.stderr
    assert "events.ndjson:7: not JSON" in done.stderr
    assert "2 unusable lines counted for nothing" in done.stderr


@pytest.mark.parametrize(
    ("content", "message", "code"),
    [
        (b"", "is empty; expected one claim", 1),
        (claim() + b"\n" + claim(), "holds 2 claims, one a line; expected one", 1),
        (b'{"claim_id":"C1"}', "missing_field", 1),
        (claim().replace(b"outpatient", b"teleport"), "encounter_type", 1),
        (None, "No such file", 1),
    ],
)
def test_a_file_that_is_no_claim_is_refused_with_the_reason(
    files: tuple[Path, Path], content: bytes | None, message: str, code: int
) -> None:
    if content is None:
        files[0].unlink()
    else:
        files[0].write_bytes(content)
    done = run("--claim", files[0], "--events", files[1])
    assert (done.exit_code, message in done.stderr) == (code, True), done.stderr


def test_without_a_ledger_section_there_is_nothing_to_explain_by() -> None:
    bare = PACKS.for_region("522700").model_copy(update={"ledger": None})
    packs = PackSet([bare, PACKS.for_region("999999")])
    with pytest.raises(ExplainError, match="has no ledger section"):
        explain_claim(claim(), [], packs, as_of=None, today=dt.date(2026, 1, 1))
