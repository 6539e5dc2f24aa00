"""P8: the share of an institution's suspended and terminated staff, counted over everybody, for people to act on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pipeline.cli.main import main
from pipeline.settings.packs import SHIPPED

HERE, THERE, PROVINCE = "110000", "120000", "990000"


def event(kind: str, date: str, number: int, person: str | None = "P1", region: str = HERE, **fields: Any) -> str:
    whole = {"event_id": f"e{number}", "region": region, "type": kind, "date": date,
             "recorded_at": f"{date}T09:00:00+08:00", "institution": "H1", "physician_code": person, **fields}  # fmt: skip
    return json.dumps(whole)


def headcount(date: str, number: int, approved: int, region: str = HERE, **fields: Any) -> str:
    return event(
        "institution_snapshot", date, number, None, region, approved_physicians=approved, cancelled_in_term=0, **fields
    )


def suspended(date: str, until: str | None, number: int, person: str = "P1", **fields: Any) -> str:
    return event("status", date, number, person, status="suspended", until=until, **fields)


def shares(
    tmp_path: Path, lines: list[str], year: int = 2025, exit_code: int = 0, env: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    file = tmp_path / "events.ndjson"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    run = CliRunner().invoke(
        main, ["supervise", "shares", "--events", str(file), "--year", str(year), "--json"], env=env
    )
    assert run.exit_code == exit_code, run.output
    found: list[dict[str, Any]] = json.loads(run.stdout.splitlines()[0])
    return found


def counted(tmp_path: Path, lines: list[str], year: int = 2025) -> int:
    (one,) = shares(tmp_path, [headcount("2025-01-15", 90, 20), *lines], year)
    times: int = one["person_times"]
    return times


FILED = [event("registration", "2025-01-06", number, person) for number, person in enumerate(("P1", "P2"), 1)]


@pytest.mark.parametrize(
    ("lines", "times"),
    [
        ([], 0),
        ([suspended("2025-03-01", "2025-03-31", 11), suspended("2025-06-01", "2025-06-30", 12)], 2),
        ([suspended("2025-03-01", "2025-03-31", 11), suspended("2025-06-01", "2025-06-30", 12, "P2")], 2),
        ([suspended("2025-03-01", "2025-08-31", 11), event("repair", "2025-05-01", 12, new_until="2025-06-30")], 1),
        ([suspended("2025-03-01", "2025-03-31", 11), event("status_corrected", "2025-05-01", 12, ref="e11")], 0),
        ([suspended("2026-01-01", "2026-03-31", 11)], 0),
        ([suspended("2025-03-01", "2025-03-31", 11, "P9")], 0),
    ],
    ids=[
        "nobody",
        "twice one person",
        "two persons",
        "shortened is once",
        "void",
        "next year",
        "of nobody declared here",
    ],
)
def test_person_times_are_counted_once_a_status_of_whoever_is_declared_there(tmp_path, lines, times):
    assert counted(tmp_path, [*FILED, *lines]) == times


def test_a_status_that_runs_over_the_years_end_counts_in_both_years_and_only_while_the_site_lasts(tmp_path):
    lines = [*FILED, suspended("2025-11-01", "2026-02-28", 11)]
    assert [counted(tmp_path, lines, year) for year in (2025, 2026)] == [1, 1]
    left = [*lines, event("site_ended", "2025-12-01", 12)]
    assert [counted(tmp_path, left, year) for year in (2025, 2026)] == [1, 0]


def test_a_status_recorded_in_another_area_counts_where_the_person_is_declared(tmp_path):
    """P3: the person is one everywhere."""
    lines = [*FILED, suspended("2025-03-01", "2025-03-31", 11, region=THERE)]
    assert counted(tmp_path, lines) == 1


def test_a_penalty_under_local_rules_is_no_status_of_the_opinion(tmp_path):
    """000 一: points, windows and bans of a local scheme bind in its own area."""
    local = [event("registration", "2025-01-06", 21, region="522700"),
             event("deduction", "2025-03-01", 22, region="522700", points=12, violation_id="QN-T12-01")]  # fmt: skip
    assert counted(tmp_path, [*FILED, *local]) == 0


def test_the_latest_headcount_of_the_year_counts_and_an_institution_without_any_is_not_shown(tmp_path):
    lines = [*FILED, suspended("2025-03-01", "2025-03-31", 11)]
    assert shares(tmp_path, lines) == []
    grown = [*lines, headcount("2025-01-15", 90, 20), headcount("2025-10-01", 91, 40), headcount("2026-01-15", 92, 80)]
    (one,) = shares(tmp_path, grown)
    assert (one["approved"], one["share"], one["event_id"]) == (40, 0.025, "e91")
    assert (one["ratio"], one["reached"], one["citation"]) == (None, False, "五¶1")


@pytest.mark.parametrize(("ratio", "reached"), [("0.04", True), ("0.05", False)])
def test_a_province_states_the_ratio_and_only_more_than_it_is_told_as_such(tmp_path, ratio, reached):
    """超过一定比例: one of twenty is 5 %, which does not exceed 5 %."""
    folder = tmp_path / "packs"
    folder.mkdir()
    for file in SHIPPED.iterdir():
        if file.name.endswith(".yaml"):
            text = file.read_text("utf-8")
            (folder / file.name).write_text(
                text.replace("institution_ratio: {value: null", f"institution_ratio: {{value: {ratio}"), "utf-8"
            )
    points = [event("registration", "2025-03-03", 1, region=PROVINCE), headcount("2025-03-15", 90, 20, PROVINCE),
              event("points_recorded", "2025-04-01", 2, region=PROVINCE, points=9, suspension_months=2)]  # fmt: skip
    settings = {"SCREENING_PACKS_DIR": str(folder), "SCREENING_PACKS_ON": '["national-points-model"]'}
    (one,) = shares(tmp_path, points, env=settings)
    assert (one["person_times"], one["ratio"], one["reached"]) == (1, float(ratio), reached)
    said = CliRunner().invoke(
        main,
        ["supervise", "shares", "--events", str(tmp_path / "events.ndjson"), "--year", "2025", "--lang", "zh"],
        env=settings,
    )
    assert ("视情况采取相应惩处措施" in said.stdout) is reached


def test_a_line_that_is_no_event_is_named_and_the_others_are_counted(tmp_path):
    lines = [headcount("2025-01-15", 90, 20), *FILED, "{", suspended("2025-03-01", "2025-03-31", 11)]
    (one,) = shares(tmp_path, lines, exit_code=3)
    assert one["person_times"] == 1


def rounds(region: str, year: int) -> list[tuple[str, str, str]]:
    run = CliRunner().invoke(main, ["supervise", "rounds", "--region", region, "--year", str(year), "--json"])
    assert run.exit_code == 0, run.output
    return [(one["start"], one["end"], one["report_by"]) for one in json.loads(run.stdout)]


def test_rounds_of_registration_begin_on_the_calendar_and_each_has_a_day_for_its_report():
    """D6, 002 第六条(五): the first round within two months, later ones in January and July, a report a month after each."""
    assert rounds("620100", 2014) == [("2014-05-01", "2014-07-01", "2014-08-01")]
    assert rounds("620102", 2015) == [
        ("2015-01-01", "2015-01-31", "2015-02-28"), ("2015-07-01", "2015-07-31", "2015-08-31"),
    ]  # fmt: skip
    assert rounds("620100", 2019) == [("2019-01-01", "2019-01-31", "2019-02-28")], "the law ends on 2019-04-30"
    assert rounds("620100", 2020) == rounds("522700", 2024) == rounds("110000", 2025) == []


def test_rounds_are_shown_in_both_languages():
    shown = {
        lang: CliRunner()
        .invoke(main, ["supervise", "rounds", "--region", "620100", "--year", "2015", "--lang", lang])
        .stdout.splitlines()[0]
        for lang in ("zh", "en")
    }
    assert shown == {
        "zh": "2015-01-01至2015-01-31集中办理登记备案，2015-02-28前书面报告 (第六条(五))",
        "en": "2015-01-01 to 2015-01-31, report by 2015-02-28 (第六条(五))",
    }
    none = CliRunner().invoke(main, ["supervise", "rounds", "--region", "522701", "--year", "2024"])
    assert none.stdout == "no round of registration begins in 2024 by the law of 522700\n"


CITY = "620100"


def integrity(tmp_path: Path, lines: list[str], day: str, *words: str) -> Any:
    file = tmp_path / "events.ndjson"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return CliRunner().invoke(main, ["supervise", "integrity", "--events", str(file), "--on", day, *words])


def term(number: int, person: str) -> list[str]:
    return [
        event("registration", "2015-01-05", number, person, CITY),
        event("agreement", "2015-01-05", number + 1, person, CITY, start="2015-01-05", end="2017-01-04"),
    ]


def test_whoever_lost_no_point_in_the_running_term_may_be_proposed_as_honest(tmp_path):
    """002 第十九条: by agreement term, so that a new term begins with a clean sheet."""
    lines = [*term(1, "P1"), *term(3, "P2")]
    lines.append(event("deduction", "2015-06-05", 9, "P2", CITY, violation_id="LZ-T13-02", points=1))
    told = json.loads(integrity(tmp_path, lines, "2015-06-05", "--json").stdout)
    assert [one["physician"] for one in told["honest"]] == ["P1"]
    before = json.loads(integrity(tmp_path, lines, "2015-06-04", "--json").stdout)
    assert [one["physician"] for one in before["honest"]] == ["P1", "P2"]
    after = integrity(tmp_path, lines, "2017-01-05")
    assert "nobody to propose" in after.stdout, "the term is over, and without an agreement nobody serves"


def test_an_institution_at_the_mark_has_no_a_rating_and_loses_points(tmp_path):
    """002 第二十二条: 2 of 100 bar the rating and cost 5, 5 of 100 cost 10; what comes later is not known yet."""
    lines = [
        event("institution_snapshot", "2015-06-01", 1, None, CITY, approved_physicians=100, cancelled_in_term=2),
        event("institution_snapshot", "2015-09-01", 2, None, CITY, approved_physicians=100, cancelled_in_term=5),
    ]
    told = json.loads(integrity(tmp_path, lines, "2015-08-31", "--json").stdout)["ratings"]
    assert [(one["day"], "minus 5" in one["en"], "不得评A级" in one["zh"]) for one in told] == [
        ("2015-06-01", True, True)
    ]
    shown = integrity(tmp_path, lines, "2015-09-01", "--lang", "zh").stdout
    assert "年度考核扣10分" in shown
    assert "002" not in shown.split("(")[0]


def test_lines_that_cannot_be_used_are_named_and_end_with_three(tmp_path):
    run = integrity(tmp_path, [*term(1, "P1"), "{}"], "2015-06-05")
    assert run.exit_code == 3
    assert ":3:" in run.stderr
