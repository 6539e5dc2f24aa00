"""The worked cases of the spec pass, and the command says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli.main import main
from pipeline.conformance.cases import CaseError, read_case
from pipeline.conformance.run import run_conformance

CASES = Path(__file__).parent / "cases"
FILES = [CASES / "cases-open.jsonl", CASES / "cases-generated.jsonl"]


def _conformance(file: Path, *options: str, exit_code: int) -> list[str]:
    """What `screening conformance` prints, line by line."""
    run = CliRunner().invoke(main, ["conformance", str(file), *options])
    assert run.exit_code == exit_code, run.output
    return run.output.splitlines()


def test_every_worked_case_of_the_spec_passes():
    results = run_conformance(FILES)
    assert [(result.id, result.problem, result.differences) for result in results if not result.passed] == []
    assert len(results) == 735


def test_the_worked_cases_of_part_two_of_the_determinations_pass():
    """S1, N3, P3, P6, P7 and D4, each worked out from the determinations by hand, one reason a case."""
    results = run_conformance([CASES / "cases-part-two.jsonl"])
    assert [(result.id, result.problem, result.differences) for result in results if not result.passed] == []
    assert len(results) == 122


def test_the_worked_cases_of_time_place_acts_and_answers_pass():
    """Every tag that the other files leave out or touch lightly; `source` of each case names its own."""
    path = CASES / "cases-time-and-acts.jsonl"
    results = run_conformance([path])
    assert [(result.id, result.problem, result.differences) for result in results if not result.passed] == []
    cited = {
        json.loads(line)["source"].removeprefix("determinations ") for line in path.read_text("utf-8").splitlines()
    }
    assert len(results) == 81
    assert cited == {"S1", "S2", "S3", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "N4", "N5", "D1", "D2", "D3", "D4", "D5", "D6",
                     "D7", "Q13"}  # fmt: skip


def test_the_worked_cases_of_places_in_one_area_pass():
    """P1: events and claims under codes of several counties of one area, of municipalities, and of places that stand alone."""
    results = run_conformance([CASES / "cases-areas.jsonl"])
    assert [(result.id, result.problem, result.differences) for result in results if not result.passed] == []
    assert len(results) == 20


def test_the_worked_cases_of_a_provinces_points_pass():
    """The model of provincial rules under the national opinion: each number at its edges, worked out by hand from its page."""
    results = run_conformance([CASES / "cases-national-points.jsonl"])
    assert [(result.id, result.problem, result.differences) for result in results if not result.passed] == []
    assert len(results) == 49


def test_the_worked_cases_of_insured_persons_and_departments_pass():
    """001 篇1 articles 2, 4, 5 and 6 with S1, each worked out by hand from the text."""
    results = run_conformance([CASES / "cases-subjects.jsonl"])
    assert [(result.id, result.problem, result.differences) for result in results if not result.passed] == []
    assert len(results) == 51


@pytest.mark.shared
def test_the_copies_are_those_of_the_shared_folder(shared: Path):
    for file in FILES:
        assert file.read_bytes() == (shared / "spec" / file.name).read_bytes()


def test_the_command_ends_with_the_count_and_returns_zero_when_all_pass():
    lines = _conformance(FILES[0], exit_code=0)
    assert lines == ["133 passed, 0 failed"]


def test_a_case_that_differs_is_told_field_by_field_and_returns_one(tmp_path):
    case = json.loads(FILES[0].read_text("utf-8").splitlines()[0])
    case["expect"]["disposition"] = "reject"
    case["expect"]["ban_period"] = ["2023-01-01", None]
    file = tmp_path / "one.jsonl"
    file.write_text(json.dumps(case) + "\n", "utf-8")
    lines = _conformance(file, exit_code=1)
    assert lines[-1] == "0 passed, 1 failed"
    assert 'disposition  expected "reject", got "pay"' in "\n".join(lines)
    assert 'ban_period   expected ["2023-01-01",null], got (absent)' in "\n".join(lines)
    told = _conformance(file, "--json", exit_code=1)
    assert json.loads(told[0])["differences"][0] == {"field": "disposition", "expected": "reject", "got": "pay"}


def test_a_bad_line_is_reported_with_its_number_and_the_others_still_run(tmp_path):
    good = FILES[0].read_text("utf-8").splitlines()[0]
    file = tmp_path / "mixed.jsonl"
    file.write_text(f'{good}\n{{"id": \n\n{{"id":"x","locality":"mars"}}\n{good}\n', "utf-8")
    lines = _conformance(file, exit_code=1)
    assert lines[-1] == "2 passed, 2 failed"
    assert "mixed.jsonl:2" in lines[0]
    assert "mixed.jsonl:4" in lines[1]
    assert "locality: 'mars' found" in lines[1]


def test_a_file_that_cannot_be_read_returns_two(tmp_path):
    lines = _conformance(tmp_path / "none.jsonl", exit_code=2)
    assert "none.jsonl" in lines[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"history": [{"type": "eclipse", "date": "2023-01-01"}]}, r"history\[0\].type: unknown event type 'eclipse'"),
        ({"history": [{"type": "registration", "date": "soon"}]}, r"date: expected a day such as"),
        ({"history": [{"type": "repair", "date": "2023-01-01"}]}, "new_until"),
        ({"history": {}}, "history: expected a list"),
        ({"claim": {"service_date": None}}, "service_date: expected a day"),
        ({"claim": []}, "claim: expected an object"),
    ],
)
def test_a_case_outside_the_schema_names_the_field(change, message):
    case = json.loads(FILES[0].read_text("utf-8").splitlines()[0])
    with pytest.raises(CaseError, match=message):
        read_case({**case, **change})
