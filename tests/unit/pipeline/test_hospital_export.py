"""A hospital's own export, as its office writes it: a mapping is proposed that reads every row, and the replay judges them."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from pipeline.cli.main import main
from pipeline.inputs.errors import FormError
from pipeline.inputs.files import find_inputs
from pipeline.inputs.forms import money_of
from pipeline.inputs.proposing import propose
from tests.support.workbooks import workbook

TITLE = [["某人民医院2023年5月医保结算明细表"], ["导出时间：2023-06-01 08:00", "", "", "制表人：某某"], []]
HEADER = [
    "结算ID", "就医地医保区划", "定点医药机构编号", "医师编码", "医疗类别", "就诊日期", "入院日期", "结算时间", "人员编号", "险种类型",
    "医疗费总额(元)", "基金支付总额(元)",
]  # fmt: skip
ROWS = [
    ["S1", "522701", "H52270100001", "D522701000001", "11", "2023-05-10", "", "2023-05-11 09:30:00", "P1", "390", "1,234.50", "1,000.00"],
    ["S2", "522701", "H52270100001", "D522701000001", "普通门诊", "2023/5/10", "", "2023/5/11 9:30", "P2", "城乡居民基本医疗保险", "１２３．４０", "９８．７０"],
    ["S3", "522701", "H52270100001", "Ｄ５２２７０１０００００１", "13", "2023年5月10日", "", "2023.5.11 9:30:15", "P3", "310", "-123.40", "－98.70"],
    ["S4", "522701", "H52270100001", "", "21", "2023-05-20", "2023-05-10", "20230521093000", "P4", "310", "￥2,000.00元", "1,500.00"],
    ["S5", "522701", "H52270100001", "D522701000002", "24", "2023-05-20", "2023-05-10", "2023-05-21T09:30:00", "P5", "310", "300.00", "200.00"],
]  # fmt: skip
BRACKETS = ["S6", *ROWS[0][1:10], "（300.00）", "（200.00）"]
TOTAL = ["合计", *[""] * 9, "3,000", "2,000"]


def written(folder: Path, name: str) -> Path:
    rows = [*TITLE, HEADER, *ROWS, BRACKETS, TOTAL]
    quoted = [[f'"{cell}"' if "," in cell else cell for cell in row] for row in rows]
    if name.endswith(".xlsx"):
        (folder / name).write_bytes(workbook(rows, 说明=[["字段说明"], ["结算ID", "主键"]], 空=[]))
    elif name.endswith(".parquet"):
        pl.DataFrame([*ROWS, BRACKETS, TOTAL], schema=HEADER, orient="row").write_parquet(folder / name)
    elif name == "gbk.csv":
        (folder / name).write_bytes("\r\n".join(map(",".join, quoted)).encode("gbk"))
    else:
        (folder / name).write_bytes("\r".join(map("\t".join, rows)).encode("utf-16"))
    return folder / name


@pytest.mark.parametrize("name", ["export.xlsx", "gbk.csv", "export.xls", "export.parquet"])
def test_an_export_is_judged_by_the_mapping_that_is_proposed_for_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, name)
    Path("events.ndjson").write_text("\n", "utf-8")
    made = CliRunner().invoke(main, ["mapping", "new", name, "--out", "mine.yaml"])
    assert (made.exit_code, "mine.yaml: complete" in made.output) == (0, True), made.output
    assert CliRunner().invoke(main, ["mapping", "check", "mine.yaml"]).exit_code == 0

    done = CliRunner().invoke(
        main, ["replay", name, "--mapping", "mine.yaml", "--events", "events.ndjson", "--out", "out", "--no-report"]
    )
    assert done.exit_code == 3, done.output  # amounts in brackets and the line of totals are set aside, and told
    assert "7 rows: 5 claims judged, 2 set aside" in done.output
    verdicts = pl.read_parquet("out/verdicts/*.parquet")
    assert [str(amount) for amount in verdicts["fund_amount"]] == ["1000.00", "98.70", "-98.70", "1500.00", "200.00"]
    assert verdicts["service_date"].cast(str).to_list() == ["2023-05-10"] * 3 + ["2023-05-20"] * 2
    assert verdicts["settlement_time"].dt.strftime("%d %H:%M:%S").to_list() == [
        "11 09:30:00", "11 09:30:00", "11 09:30:15", "21 09:30:00", "21 09:30:00",
    ]  # fmt: skip
    assert verdicts["physician_code"].to_list() == ["D522701000001"] * 3 + [None, "D522701000002"]
    assert json.loads(Path("out/run.json").read_text("utf-8"))["counts"]["rejected"] == 2


def test_a_mapping_says_which_sheet_and_which_unit_where_the_file_does(tmp_path: Path) -> None:
    (tmp_path / "c.xlsx").write_bytes(
        workbook([[*HEADER[:-1], "基金支付总额（分）"], *([*row[:-1], "9870"] for row in ROWS)], 说明=[["说明", "x"]])
    )
    text = propose(find_inputs(str(tmp_path / "c.xlsx")).files[0])
    assert "\nsheet: S\n" in text
    assert "fund_amount: {column: 基金支付总额(分), unit: fen}" in text


@pytest.mark.parametrize(
    ("said", "meant"),
    [("－98.70", "-98.70"), ("１，０９８．７", "1098.70"), ("¥98.7元", "98.70")],
)
def test_amounts_as_bookkeepers_write_them_are_understood(said: str, meant: str) -> None:
    assert money_of(said) == meant


@pytest.mark.parametrize(
    "said",
    ["(98.70)", "（1,098.70）", "(¥98.70)", "(-98.70)", "(98.70", "98.70)", "()", "((98.70))", "1,23.40", "(98,70)"],
)
def test_amounts_that_have_no_one_meaning_are_refused(said: str) -> None:
    with pytest.raises(FormError):
        money_of(said)
