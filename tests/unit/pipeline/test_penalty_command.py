"""`screening penalty`: what it prints and how it ends, for people and for scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipeline.cli.exits import Exit
from pipeline.cli.main import main

SHIPPED = Path(__file__).parents[3] / "rules" / "penalties" / "jiangxi-trial.yaml"


def penalty(*words: str) -> Result:
    return CliRunner().invoke(main, ["penalty", *words])


def as_json(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(penalty(*words, "--json").stdout)
    return found


def test_a_tier_is_told_with_its_fine_in_yuan_its_suspension_and_its_article():
    run = penalty("person_fraud", "--amount", "800", "--first", "--corrected")
    assert run.exit_code == Exit.DONE
    assert "which is over 800 yuan, up to 1,600 yuan" in run.stdout
    assert "over 1 month, up to 3 months" in run.stdout
    assert "篇1 第六条(一)" in run.stdout
    row = as_json("person_fraud", "--amount", "800", "--first", "--corrected")
    assert (row["tier"], row["fine"]["yuan"]) == ("reduced_2", {"over": "800", "up_to": "1600"})
    assert row["suspension"] == {"of": "networked_settlement", "months": {"over": "1", "up_to": "3"}, "or_ended": False}


def test_the_share_follows_from_last_years_payments_and_its_edge_is_included():
    words = (
        "institution_breach",
        "--amount",
        "30000",
        "--no-intent",
        "--not-corrected",
        "--refuses",
        "--no-obstruction",
    )
    assert as_json(*words, "--last-year", "2000000")["tier"] == "ordinary"
    assert as_json(*words, "--last-year", "1999999.99")["tier"] == "severe"


def test_what_the_text_leaves_open_ends_with_1_and_its_reason():
    run = penalty("agency_fraud", "--amount", "800", "--not-first", "--not-corrected", "--no-refusal", "--lang", "zh")
    assert run.exit_code == Exit.FAILED
    assert "由人工决定" in run.stdout


def test_a_reading_is_named_and_can_be_changed():
    words = ("person_breach", "--amount", "700", "--not-first", "--not-corrected", "--no-refusal", "--no-intent",
             "--not-personal-account")  # fmt: skip
    assert as_json(*words)["by_hand"] == "not_first_or_not_corrected"
    printed = as_json(*words, "--reading", "person_breach_severe=as_printed_600")
    assert (printed["tier"], printed["readings"]) == ("severe", {"person_breach_severe": "as_printed_600"})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("person_fraud", "--amount", "800"), "the answer depends on: corrected in time"),
        (("theft",), "no act is called theft; there are: agency_fraud"),
        (("person_fraud", "--corrected", "--refuses"), "contradict each other"),
        (("person_fraud", "--amount", "-1"), "expected a number of 0 or more"),
        (("person_fraud", "--amount", "nan"), "expected a number of 0 or more"),
        (("institution_fraud", "--share", "1", "--last-year", "5"), "--last-year gives the share"),
        (("person_fraud", "--reading", "x"), "expected NAME=OPTION"),
        (("person_fraud", "--pack", "sichuan"), "nothing is called sichuan; there are: jiangxi-penalties"),
        (("person_fraud", "--pack", "nowhere.yaml"), "nowhere.yaml: No such file"),
    ],
)
def test_what_is_missing_or_wrong_ends_with_2_and_says_so(words, said):
    run = penalty(*words)
    assert run.exit_code == Exit.USAGE
    assert said in " ".join(run.output.split())


def test_a_standard_of_ones_own_is_a_file(tmp_path: Path):
    own = tmp_path / "own.yaml"
    own.write_text(
        SHIPPED.read_text("utf-8").replace('over: "5000", up_to: "6000"', 'over: "5000", up_to: "9000"'), "utf-8"
    )
    own.write_text(
        own.read_text("utf-8").replace(
            'id: severe, grade: severe, amount: {over: "6000"}', 'id: severe, grade: severe, amount: {over: "9000"}'
        ),
        "utf-8",
    )
    assert as_json("agency_fraud", "--amount", "7000")["tier"] == "severe"
    row = as_json("agency_fraud", "--amount", "7000", "--not-corrected", "--no-refusal", "--pack", str(own))
    assert row["tier"] == "ordinary"


# -- a decision held against its tier ------------------------------------------------------------------------------

REDUCED = ("person_fraud", "--amount", "800", "--first", "--corrected")
"""Over 1 and up to 3 months, over 800 and up to 1,600 yuan."""


@pytest.mark.parametrize(
    ("words", "outside"),
    [
        (("--decided", "2026-03-31", "--months", "3", "--fine", "1600"), []),
        (("--decided", "2026-03-31", "--months", "1"), ["suspension"]),  # over 1 month excludes 1 month
        (("--decided", "2026-03-31", "--until", "2026-05-01"), []),  # a day more than the month, which ends on 30 April
        (("--decided", "2026-03-31", "--until", "2026-04-30"), ["suspension"]),
        (("--decided", "2026-03-31", "--months", "4"), ["suspension"]),
        (("--fine", "800"), ["fine"]),  # over 1 times excludes the amount itself
        (("--fine", "800.01"), []),
        (("--fine", "1600.01"), ["fine"]),
        (("--not-insured", "--decided", "2026-03-31", "--months", "2"), ["no_suspension"]),
    ],
)
def test_a_decision_is_held_against_the_bounds_of_its_tier(words, outside):
    run = penalty(*REDUCED, *words, "--json")
    assert json.loads(run.stdout)["decision"]["outside"] == outside
    assert run.exit_code == (Exit.FAILED if outside else Exit.DONE)


def test_a_suspension_of_a_year_is_exact_and_a_tier_without_a_fine_allows_none():
    severe = ("institution_fraud", "--share", "2", "--amount", "1000")
    exact = ("--decided", "2026-02-28", "--months")
    assert as_json(*severe, *exact, "12")["decision"] == {
        "from": "2026-03-01",
        "to": "2027-02-28",
        "fine": None,
        "outside": [],
    }
    assert as_json(*severe, *exact, "11")["decision"]["outside"] == ["suspension"]
    breach = ("person_breach", "--amount", "800", "--first", "--corrected", "--no-intent", "--not-personal-account")
    assert as_json(*breach, "--fine", "100")["decision"]["outside"] == ["no_fine"]


def test_the_days_of_a_decision_are_told_in_words():
    run = penalty(*REDUCED, "--decided", "2026-03-31", "--months", "3", "--fine", "1600")
    assert "decided: suspended from 2026-04-01 to 2026-06-30" in run.stdout
    assert "it lies within the tier" in run.stdout
    run = penalty(*REDUCED, "--decided", "2026-03-31", "--months", "4", "--lang", "zh")
    assert "决定暂停：2026-04-01至2026-07-31" in run.stdout
    assert "暂停期限超出本档幅度" in run.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--decided", "2026-03-31"), "--decided goes with one of --months and --until"),
        (("--months", "3"), "each of these with --decided"),
        (("--decided", "2026-03-31", "--until", "2026-03-31"), "before it can begin"),
        (("--decided", "9999-03-31", "--months", "12"), "after the year 9999"),
    ],
)
def test_a_decision_that_cannot_be_one_ends_with_2(words, said):
    run = penalty(*REDUCED, *words)
    assert run.exit_code == Exit.USAGE
    assert said in " ".join(run.output.split())


def test_a_fine_without_the_amount_that_it_is_a_multiple_of_is_asked_for():
    run = penalty("institution_fraud", "--share", "2", "--fine", "100")
    assert (run.exit_code, "amount: the fine is a multiple of it" in run.output) == (Exit.USAGE, True)
