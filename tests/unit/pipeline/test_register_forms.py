"""A roster as an office keeps it, with titles and further sheets, is compared with the log, and how it was read is told."""

from __future__ import annotations

from pathlib import Path

from pipeline.inputs.registers import load_event_mapping
from pipeline.inputs.slicing import Notice
from pipeline.register.sync import read_roster
from pipeline.settings.packs import load_pack_set
from tests.support.workbooks import workbook

ROWS = [
    ["某人民医院医师名册"],
    ["更新日期：2023-06-01"],
    [],
    ["医保医师编码", "姓名", "开始日期", "结束日期", "hi_dr_flag"],
    ["D522701000001", "甲", "2023-01-03", "", "1"],
    ["D522701000002", "乙", "2023/1/4", "", "1"],
]


def test_a_roster_below_titles_and_beside_other_sheets_is_read_and_told(tmp_path: Path) -> None:
    (file := tmp_path / "roster.xlsx").write_bytes(workbook(ROWS, 说明=[["填表说明"]]))
    mapping = load_event_mapping("national-registry").given({"region": "522700", "institution": "H52270100001"})
    told: list[Notice] = []
    roster = read_roster(str(file), mapping, None, load_pack_set(), told.append)
    assert [event.physician_code for event in roster.events] == ["D522701000001", "D522701000002"]
    assert roster.bad == []
    said = " ".join(map(str, told))
    assert "sheet S is read" in said
    assert "not read: 说明" in said
    assert "its header is line 4; 2 lines above it are no row" in said
