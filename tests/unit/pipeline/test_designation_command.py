"""`screening designation check`: what it prints and how it ends."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipeline.cli.exits import Exit
from pipeline.cli.main import main
from pipeline.settings.packs import load_pack_set
from rules.events import InstitutionSigned, decode
from rules.standing import institution_timeline
from rules.vocabulary import InstitutionStanding

CASES = Path(__file__).parents[1] / "rules" / "cases" / "cases-designation.jsonl"
FINE: dict[str, Any] = json.loads(CASES.read_text("utf-8").splitlines()[0])["application"]


def checked(tmp_path: Path, application: dict[str, Any] | str, *words: str) -> Result:
    (file := tmp_path / "application.yaml").write_text(
        application if isinstance(application, str) else json.dumps(application), "utf-8"
    )
    return CliRunner().invoke(main, ["designation", "check", str(file), "--on", "2026-06-01", *words])


def test_an_application_that_lacks_nothing_ends_with_0(tmp_path):
    run = checked(tmp_path, FINE)
    assert (run.exit_code, "the basic conditions are met" in run.stdout) == (Exit.DONE, True)


def test_what_is_missing_is_told_with_its_article_and_ends_with_1(tmp_path):
    application = {
        **FINE,
        "facts": {**FINE["facts"], "national_codes": False},
        "inpatients": True,
        "failed": ["2026-05-01"],
    }
    run = checked(tmp_path, application)
    assert run.exit_code == Exit.FAILED
    assert "missing: uses the national codes `national_codes` (篇3 第十七条(一)3)" in run.stdout
    assert "`retry` (篇3 第十九条), free from 2026-08-02" in run.stdout
    assert "a visit on site is compulsory, by 3 people or more" in run.stdout
    row = json.loads(checked(tmp_path, application, "--json", "--lang", "zh").stdout)
    assert (row["result"], row["missing"], row["barred"]) == (
        "not_met",
        ["national_codes"],
        [{"id": "retry", "free_on": "2026-08-02"}],
    )
    assert "不具备：使用国家统一医保业务编码 `national_codes` (篇3 第十七条(一)3)" in row["told"]


def test_a_yaml_file_with_days_is_read_as_it_is_written(tmp_path):
    run = checked(tmp_path, "kind: pharmacy\nfacts: {at_address_since: 2026-04-20}\n", "--json")
    assert json.loads(run.stdout)["missing"] == ["at_address_since"]


@pytest.mark.parametrize(
    ("application", "said"),
    [
        ("kind: [", "not YAML"),
        ("- kind", "expected a mapping at the top"),
        ("kind: clinic", "kind: "),
        ("kind: medical\nkind: pharmacy", "stands here again, after line 1"),
        ("kind: medical\nfailed: [9999-12-01]", "a day lies too far"),
    ],
)
def test_a_file_that_cannot_be_used_ends_with_2_and_says_why(tmp_path, application, said):
    run = checked(tmp_path, application)
    assert run.exit_code == Exit.USAGE
    assert said in " ".join(run.output.split())


def test_a_file_that_is_not_there_and_rules_that_are_not_end_with_2(tmp_path):
    run = CliRunner().invoke(main, ["designation", "check", str(tmp_path / "none.yaml")])
    assert (run.exit_code, "No such file" in run.output) == (Exit.USAGE, True)
    run = checked(tmp_path, FINE, "--pack", "hunan")
    assert (run.exit_code, "there are: sichuan-designation" in run.output) == (Exit.USAGE, True)


def test_an_agreement_of_a_year_covers_its_last_day_and_not_the_next(tmp_path):
    """001 篇3 第二十一条 and P7: the event that the command prints is what a service day is asked about."""
    run = CliRunner().invoke(
        main, ["designation", "signed", "H51010000001", "--region", "510100", "--from", "2026-07-01"]
    )
    assert run.exit_code == Exit.DONE, run.output
    event = decode(run.stdout.encode())
    assert isinstance(event, InstitutionSigned)
    assert (event.start, event.end) == (dt.date(2026, 7, 1), dt.date(2027, 6, 30))
    law = load_pack_set().law("510100")
    told = institution_timeline([event], law, institution_code="H51010000001", region="510100")
    assert [(span.start, span.standing) for span in told.spans if span.standing != "active"] == [
        (dt.date(2027, 7, 1), InstitutionStanding.UNKNOWN)
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--region", "440500", "--from", "2026-07-01"), "begin with 51"),
        (("--region", "510100", "--from", "9999-07-01"), "end of the calendar"),
        (("--region", "510100", "--from", "2026-07-01", "--pack", "nothing"), "nothing is called nothing"),
    ],
)
def test_an_agreement_that_cannot_be_recorded_is_refused(words, said):
    run = CliRunner().invoke(main, ["designation", "signed", "H1", *words])
    assert (run.exit_code, said in run.output) == (Exit.USAGE, True), run.output
