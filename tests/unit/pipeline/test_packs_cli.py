"""`screening packs`: the law as it is loaded, on a terminal and for scripts."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from pipeline.cli.main import main
from pipeline.settings.packs import SHIPPED, load_pack_set, read_packs, read_subjects
from rules.packs.pack import PackError

NAMES = [pack.pack for pack in (*read_packs(), *read_subjects())]


def run(*arguments: str | Path, width: int = 100, **env: str) -> Any:
    return CliRunner().invoke(main, ["packs", *map(str, arguments)], env={"COLUMNS": str(width), **env})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for file in SHIPPED.glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text("utf-8"), "utf-8")
    return tmp_path


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_list_and_every_pack_fit_the_terminal_and_lose_nothing(width: int, lang: str) -> None:
    outputs = [run("list", "--lang", lang, width=width)] + [
        run("show", name, "--lang", lang, width=width) for name in NAMES
    ]
    for done in outputs:
        assert done.exit_code == 0, done.output
        assert max(cell_len(line) for line in done.stdout.splitlines()) <= width
        assert "…" not in done.stdout


@pytest.mark.parametrize("pack", [*read_packs(), *read_subjects()], ids=NAMES)
def test_show_names_every_ground_article_item_and_setting(pack: Any) -> None:
    text = run("show", pack.pack, width=160).stdout
    for ground in pack.screening:
        assert ground.ground in text
        assert all(article in text for article in ground.citations)
    for item in pack.ledger.violations:
        assert item.id in text
        assert item.citation in text
    for setting in pack.ledger.settings:
        assert setting.id in text
        assert all(option in text for option in setting.options)


def test_list_says_what_is_on_under_the_settings() -> None:
    states = {item["name"]: item["on"] for item in json.loads(run("list", "--json").stdout)}
    off = ("shantou-2022-draft", "national-points-model")
    assert states == {f"{name}@1": name not in off for name in NAMES}
    switched = json.loads(run("list", "--json", SCREENING_PACKS_ON=json.dumps(off)).stdout)
    assert all(item["on"] for item in switched)
    assert run("list", SCREENING_PACKS_ON='["moon"]').exit_code == 2


def test_list_says_which_packs_apply_beside_the_physicians_law() -> None:
    told = " ".join(run("list").stdout.split())
    assert (
        "jiangxi-departments-trial, jiangxi-insured-trial: of insured persons or departments. They apply beside the physicians' "
        "law, and the stricter answer decides."
    ) in told
    subjects = {item["name"]: item.get("subject") for item in json.loads(run("list", "--json").stdout)}
    assert {name: subject for name, subject in subjects.items() if subject} == {
        "jiangxi-departments-trial@1": "department",
        "jiangxi-insured-trial@1": "insured",
    }


def test_packs_of_other_subjects_are_checked_beside_those_of_physicians(folder: Path) -> None:
    assert "jiangxi-insured-trial@1, 2 grounds" in run("check").stdout
    (folder / "subjects").mkdir()
    for file in (SHIPPED.parent / "subjects").glob("*.yaml"):
        (folder / "subjects" / file.name).write_text(file.read_text("utf-8"), "utf-8")
    assert run("check", folder).exit_code == 0
    twin = (folder / "subjects" / "jiangxi-insured-trial.yaml").read_text("utf-8")
    (folder / "subjects" / "twin.yaml").write_text(twin.replace("pack: jiangxi-insured-trial", "pack: twin"), "utf-8")
    done = run("check", folder)
    assert (done.exit_code, "territory 36 is claimed by two packs of insured" in done.stdout) == (1, True)


def test_show_takes_a_name_a_version_or_a_file_and_json_is_the_whole_pack() -> None:
    for name in ("qiannan-2022", "qiannan-2022@1", SHIPPED / "qiannan-2022.yaml"):
        data = json.loads(run("show", name, "--json").stdout)
        assert data["ledger"]["full"] == {"value": 12, "from": "2022-12-26", "citation": "三(二)1", "note": None}
    done = run("show", "moon-1969")
    assert done.exit_code == 2
    assert "no pack is called moon-1969; there are: lanzhou-2014" in done.stderr
    assert run("show", "none.yaml").exit_code == 1


def test_check_accepts_what_is_shipped() -> None:
    done = run("check")
    assert done.exit_code == 0
    assert "ok  qiannan-2022@1, 14 grounds, 19 items, 17 deadlines, 30 settings" in done.stdout


def test_check_names_every_problem_of_every_file_with_line_and_key(folder: Path) -> None:
    file = folder / "qiannan-2022.yaml"
    file.write_text(file.read_text("utf-8").replace("full: {value: 12", "full: {value: twelve"), "utf-8")
    (folder / "zz.yaml").write_bytes(b"\xff\xfe")
    done = run("check", folder)
    assert done.exit_code == 1
    line = file.read_text("utf-8").split("full: {value: twelve")[0].count("\n") + 1
    assert f"qiannan-2022.yaml:{line}: ledger.full.value: Input should be a valid integer" in done.stdout
    assert "zz.yaml: not UTF-8; save the file as UTF-8" in done.stdout
    assert "lanzhou-2014.yaml: ok" in done.stdout
    report = json.loads(run("check", folder, "--json").stdout)
    wrong = [problem for item in report["files"] for problem in item["problems"]]
    assert [(Path(problem["file"]).name, problem["line"], problem["key"]) for problem in wrong] == [
        ("qiannan-2022.yaml", line, "ledger.full.value"),
        ("zz.yaml", None, ""),
    ]


def test_check_looks_at_a_folder_as_a_set(folder: Path) -> None:
    twin = (folder / "lanzhou-2014.yaml").read_text("utf-8").replace("pack: lanzhou-2014", "pack: lanzhou-2026")
    (folder / "lanzhou-2026.yaml").write_text(twin, "utf-8")
    done = run("check", folder)
    assert done.exit_code == 1
    assert (
        "region 620100 is claimed by two packs on the same days: lanzhou-2014@1 (2014-05-01 to 2019-04-30) and lanzhou-2026@1"
        in done.stdout
    )
    (folder / "lanzhou-2026.yaml").unlink()
    (folder / "national-2024.yaml").unlink()
    assert 'no pack governs "every other region"' in run("check", folder).stdout


def test_check_of_what_is_not_there(tmp_path: Path) -> None:
    assert run("check", tmp_path / "none.yaml").exit_code == 1
    empty = run("check", tmp_path)
    assert (empty.exit_code, "holds no rule pack" in empty.stdout) == (1, True)


def test_diff_tells_key_by_key_and_returns_one(folder: Path) -> None:
    file = folder / "qiannan-2022.yaml"
    file.write_text(file.read_text("utf-8").replace("full: {value: 12", "full: {value: 15"), "utf-8")
    done = run("diff", "qiannan-2022", file)
    assert done.exit_code == 1
    assert "ledger.full.value\n  - 12\n  + 15\n1 differences" in done.stdout
    assert json.loads(run("diff", "qiannan-2022", file, "--json").stdout) == [
        {"key": "ledger.full.value", "left": 12, "right": 15}
    ]
    same = run("diff", "qiannan-2022", "qiannan-2022@1", "--lang", "zh")
    assert (same.exit_code, same.stdout) == (0, "内容相同\n")


def test_diff_of_two_schemes_names_the_grounds_that_only_one_has() -> None:
    keys = [change["key"] for change in json.loads(run("diff", "qiannan-2022", "lanzhou-2014", "--json").stdout)]
    assert "screening[in_penalty_period]" in keys
    assert "screening[cancelled]" in keys


def test_diff_shows_long_values_whole_so_that_what_differs_at_their_end_is_seen(folder: Path) -> None:
    file = folder / "qiannan-2022.yaml"
    text = file.read_text("utf-8")
    old = re.search(r"note:\n\s+zh: (.+)", text)
    assert old is not None
    file.write_text(text.replace(old[1], old[1] + "末" * 150 + "尾", 1), "utf-8")
    assert "末" * 150 + "尾" in run("diff", "qiannan-2022", file, width=100_000).stdout


def test_a_years_notice_is_given_to_every_process_as_a_file(tmp_path):
    """SCREENING_HOLIDAYS_FILE: the years of the file join those shipped; a wrong file is told by its place."""
    file = tmp_path / "2027.yaml"
    file.write_text("years: {2027: {source: notice, holidays: [01-01], make_up_days: [01-02]}}", "utf-8")
    packs = load_pack_set(holidays=file)
    law = packs.law("522700")
    calendar = law.calendar(law.on(dt.date(2027, 1, 2)))
    assert calendar.is_working_day(dt.date(2027, 1, 2))
    assert calendar.covers(dt.date(2026, 1, 1))
    file.write_text("years: {2027: {source: notice, holidays: [13-01], make_up_days: []}}", "utf-8")
    with pytest.raises(PackError, match=r"2027.yaml: years.2027.holidays.0"):
        load_pack_set(holidays=file)
    with pytest.raises(PackError, match="cannot be read as a file of holidays"):
        load_pack_set(holidays=tmp_path / "gone.yaml")


def test_the_check_warns_of_a_pack_past_the_transition_of_one_without_an_end_and_of_a_gap(tmp_path):
    """S4: such packs govern as they stand, so the exit code is 0; the national transition ended on 2026-09-27 (003 五¶4)."""

    def told(day: str, folder: Path = SHIPPED) -> list[tuple[str, str]]:
        done = run("check", folder, "--on", day, "--json")
        assert done.exit_code == 0
        return [(item["code"], item["pack"]) for item in json.loads(done.stdout)["warnings"]]

    open_ended = [("no_end", "qiannan-2022@1"), ("no_end", "xiamen-2017@1")]
    assert told("2026-09-27") == open_ended
    assert sorted(told("2026-09-28")) == [
        *open_ended,
        ("past_transition", "qiannan-2022@1"),
        ("past_transition", "xiamen-2017@1"),
    ]
    for file in SHIPPED.glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text("utf-8"), "utf-8")
    later = (SHIPPED / "lanzhou-2014.yaml").read_text("utf-8").replace("pack: lanzhou-2014", "pack: lanzhou-2030")
    later = later.replace("in_force: {from: 2014-05-01, to: 2019-04-30", "in_force: {from: 2030-01-01, to: 2034-12-31")
    (tmp_path / "lanzhou-2030.yaml").write_text(later, "utf-8")
    assert ("gap", "lanzhou-2014@1") in told("2026-09-27", tmp_path)
    shown = run("check", tmp_path, "--on", "2026-09-27", "--lang", "en", width=400).stdout
    assert "region 620100 has no pack of its own from 2019-05-01 to 2029-12-31, before lanzhou-2030@1" in shown
