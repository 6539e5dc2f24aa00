"""Registers and rosters become events by mapping; mappings are proposed from a file and checked before anything is read."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from pipeline.cli.main import main
from pipeline.inputs.errors import MappingError
from pipeline.inputs.files import find_inputs
from pipeline.inputs.mapping import load_mapping, parse_mapping, shipped
from pipeline.inputs.proposing import propose
from pipeline.inputs.registers import load_event_mapping, parse_event_mapping
from pipeline.inputs.sources import open_inputs, slices
from pipeline.loading import Loaded, checked_claims, mapped_events
from pipeline.settings.packs import load_pack_set
from tests.support.workbooks import write_workbook

ROSTER = {
    "prac_psn_code": ["D522701000001", " d522701000002"],
    "prac_psn_name": ["甲", "乙"],
    "hi_dr_flag": ["1", "0"],
    "begntime": ["2023-01-03 00:00:00", "2023/1/3"],
    "endtime": ["2099-12-31 00:00:00", "2025-05-11 00:00:00"],
}
HERE = {"region": "522700", "institution": "H52270100001"}


def loaded(place: Path, name: str = "national-registry", **constants: str) -> tuple[list[dict], list[str], Loaded]:
    """The events that `load events --mapping` would send, what it tells of bad rows, and its counts."""
    counts = Loaded()
    made = list(
        mapped_events(str(place), load_event_mapping(name).given(constants), None, load_pack_set(None, ()), counts)
    )
    records = [json.loads(value) for checked in made for _, _, value in checked.records]
    bad = [f"{item.number}: {item.reason}" for checked in made for item in checked.bad]
    counts.lines = sum(checked.lines for checked in made)
    return records, bad, counts


@pytest.mark.shared
def test_the_national_registry_becomes_registrations_with_their_days_and_an_end_is_filed_with_the_province(
    shared: Path,
) -> None:
    events, bad, counts = loaded(shared / "faults" / "intake" / "16-registers" / "5102.csv", **HERE)
    assert [(item["physician_code"], item["type"], item["date"]) for item in events] == [
        ("D522701000001", "registration", "2023-01-03"),
        ("D522701000002", "registration", "2023-01-03"),
        ("D522701000002", "status", "2023-05-11"),
    ]
    assert bad == []
    assert counts.lines + counts.further == len(events) + len(bad)


@pytest.mark.parametrize("form", ["gbk.csv", "r.xlsx", "r.parquet", "r.json", "r.ndjson"])
def test_a_roster_is_read_from_every_format_alike(tmp_path: Path, form: str) -> None:
    file = tmp_path / form
    frame = pl.DataFrame(ROSTER)
    if form == "gbk.csv":
        file.write_bytes(frame.write_csv().encode("gbk"))
    elif form.endswith("xlsx"):
        write_workbook(file, [frame.columns, *frame.rows()])
    elif form.endswith("parquet"):
        frame.write_parquet(file)
    elif form.endswith("ndjson"):
        frame.write_ndjson(file)
    else:
        file.write_text(json.dumps(frame.to_dicts(), indent=1, ensure_ascii=False), "utf-8")

    events, bad, _ = loaded(file, region="110000", institution="H11010100001")

    assert bad == []
    assert [(item["physician_code"], item["type"], item["date"], item.get("status")) for item in events] == [
        ("D522701000001", "registration", "2023-01-03", None),
        ("D522701000002", "registration", "2023-01-03", None),
        ("D522701000002", "status", "2025-05-11", "terminated"),
    ]
    assert loaded(file, region="110000", institution="H11010100001")[0] == events, "loaded again, it says nothing new"


def test_a_file_without_place_or_institution_is_refused_with_what_would_give_them(tmp_path: Path) -> None:
    pl.DataFrame(ROSTER).write_csv(tmp_path / "r.csv")
    with pytest.raises(MappingError) as told:
        loaded(tmp_path / "r.csv")
    assert "registration.institution: there is no column" in str(told.value)
    assert "--set region=... gives it" in str(told.value)


def test_rows_that_are_no_events_are_told_by_line_and_cost_no_other(tmp_path: Path) -> None:
    frame = pl.DataFrame({name: [*values, values[0]] for name, values in ROSTER.items()}).with_columns(
        begntime=pl.Series(["2023-01-03 00:00:00", "soon", "2023-02-30"]), hi_dr_flag=pl.Series(["1", "7", "1"])
    )
    frame.write_csv(tmp_path / "r.csv")
    events, bad, _ = loaded(tmp_path / "r.csv", **HERE)
    assert len(events) == 1
    assert [line.split(":")[0] for line in bad] == ["3", "4"]
    assert "hi_dr_flag is '7'; the mapping knows 0, 1" in bad[0]


# -- mapping check and new ----------------------------------------------------------------------------------------


def run(*arguments: object) -> Result:
    done = CliRunner().invoke(main, [str(item) for item in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def test_every_shipped_mapping_can_be_used() -> None:
    every = (*shipped(), *shipped("events"))
    done = run("mapping", "check", *every)
    assert done.exit_code == 0
    assert done.stdout.count("can be used") == len(every)


def test_everything_that_is_wrong_with_a_mapping_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "name: a\nabout: b\nfields: {claim_id: x, wrong: y, service_date: {column: d, date: yyyy-mm-dd}}\n", "utf-8"
    )
    (tmp_path / "b.yaml").write_text(
        "name: b\nabout: b\nkind: events\nevents: [{type: registration, fields: {date: d, colour: e}}, {type: nothing, fields: {}}]\n",
        "utf-8",
    )
    done = run("mapping", "check", tmp_path / "a.yaml", tmp_path / "b.yaml", "contract", tmp_path / "none.yaml")
    assert done.exit_code == 1
    said = " ".join((done.stderr + done.stdout).split())
    for part in (
        "fields.wrong",
        "months are MM",
        "fund_amount: missing",
        "no field colour",
        "called 'nothing'",
        "no mapping",
    ):
        assert part in said
    assert "contract: can be used" in said
    with pytest.raises(MappingError):
        parse_event_mapping("name: x", "x")


@pytest.mark.parametrize("form", ["gbk.csv", "r.xlsx", "r.parquet"])
def test_a_proposed_mapping_gives_a_first_verdict_from_a_hospitals_own_export(tmp_path: Path, form: str) -> None:
    rows = [
        {"setl_id": f"S{number}", "mdtrtarea_admvs": "522701", "fixmedins_code": "H52270100001", "atddr_no": "D522701000001",
         "med_type": code, "enddate": "2023-05-10", "begndate": "2023/5/1", "setl_time": "2023-05-11 09:30", "psn_no": "P1",
         "insutype": "310", "medfee_sumamt": "123.40", "fund_pay_sumamt": "98.70", "备注": "无"}
        for number, code in enumerate(["11", "21", "9903"])
    ]  # fmt: skip
    file = tmp_path / form
    frame = pl.DataFrame(rows)
    if form == "gbk.csv":
        file.write_bytes(frame.write_csv().encode("gbk"))
    elif form.endswith("xlsx"):
        write_workbook(file, [frame.columns, *frame.rows()])
    else:
        frame.write_parquet(file)

    done = run("mapping", "new", file, "--out", tmp_path / "mine.yaml")
    assert done.exit_code == 0, done.stderr
    text = (tmp_path / "mine.yaml").read_text("utf-8")

    assert "TODO encounter_type: no table knows 9903" in text
    assert "备注" in text
    mapping = parse_mapping(text, "mine.yaml")
    [piece] = slices(open_inputs(str(file), mapping).files, mapping)
    decoded = piece.decode()
    assert decoded.rejected == []
    assert decoded.claims["encounter_type"].to_list() == ["outpatient", "inpatient", "unknown"]
    assert decoded.claims["start_day"][0] == (dt.date(2023, 5, 1) - dt.date(1970, 1, 1)).days
    assert run("mapping", "new", file, "--out", tmp_path / "mine.yaml").exit_code == 2, "nothing is written over"


def test_what_a_file_does_not_say_is_left_for_a_person(tmp_path: Path) -> None:
    pl.DataFrame({"setl_id": ["S1"], "total": [12340], "setl_time": ["5月11日"]}).write_csv(tmp_path / "c.csv")
    text = propose(find_inputs(str(tmp_path / "c.csv")).files[0])
    assert "TODO total_amount: every claim needs it; perhaps total" in text
    assert "TODO no form fits 5月11日" in text
    with pytest.raises(MappingError):
        parse_mapping(text, "c.yaml")
    assert load_mapping("contract").fields


def test_an_export_with_plain_chinese_headings_is_proposed_without_an_open_point(tmp_path: Path) -> None:
    """What a hospital's own statistics export looks like: full-width units, blanks, words in the place of codes."""
    (tmp_path / "导出.csv").write_text(
        "结算单号,就医地区划,定点医疗机构编码,医师代码,医疗类别,就诊日期,结算时间,人员编号,险种类型,医疗费用总额（元）, 基金支付金额 \n"
        "S1,522700,H52270100001,D522701000001,普通门诊,2023-05-10,2023-05-10 10:00:00,P1,城乡居民基本医疗保险,120.50,100.25\n"
        "S2,522700,H52270100001,D522701000002,住院,2023-05-12,2023-05-12 10:00:00,P2,职工基本医疗保险,80.10,60.05\n",
        "utf-8",
    )
    text = propose(find_inputs(str(tmp_path / "导出.csv")).files[0])
    assert text.count("TODO") == 1, "the head of the file says what the word means"
    (tmp_path / "mine.yaml").write_text(text, "utf-8")
    assert parse_mapping(text, "mine.yaml").fields["institution_code"].names == ("定点医疗机构编码",)
    sent = Loaded()
    mapping = parse_mapping(text, "mine.yaml")
    [checked] = checked_claims(open_inputs(str(tmp_path / "导出.csv"), mapping), mapping, sent)
    claims = [json.loads(value) for _, _, value in checked.records]
    assert not checked.bad
    assert [(one["claim_id"], one["physician_code"], one["encounter_type"], one["insurance_type"], one["fund_amount"])
            for one in claims] == [("S1", "D522701000001", "outpatient", "resident", "100.25"),
                                   ("S2", "D522701000002", "inpatient", "employee", "60.05")]  # fmt: skip
