"""What `screening load messages` sends of files, and what it says of the rest; without Kafka."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.inputs.encodings import Encoding
from pipeline.inputs.slicing import Notice
from pipeline.intake.sending import checked_messages
from pipeline.loading import BadLine, Loaded
from tests.support.interface_messages import HOSPITAL, message, settled, visit


def sent(place: Path, encoding: Encoding | None = None) -> tuple[list[bytes], list[BadLine], Loaded, list[str]]:
    """The values that are sent, bad lines, counts, and notices."""
    loaded, told = Loaded(), list[Notice]()
    checked = list(checked_messages(str(place), encoding, loaded, told.append))
    records = [record for piece in checked for record in piece.records]
    assert {key.decode() for _, key, _ in records} <= {HOSPITAL}
    return (
        [value for *_, value in records],
        [bad for piece in checked for bad in piece.bad],
        loaded,
        list(map(str, told)),
    )


def test_each_line_is_sent_as_it_is_or_named_and_all_are_counted(tmp_path: Path) -> None:
    lines = [json.dumps(visit()), "", "no message", json.dumps(message("1101", {}, fixmedins_code=None, msgid=None))]
    (tmp_path / "day.ndjson").write_text("\n".join(lines), "utf-8")
    values, bad, loaded, told = sent(tmp_path / "day.ndjson")
    assert values == [lines[0].encode()]
    assert [(line.number, line.reason.partition(":")[0]) for line in bad] == [(3, "invalid_json"), (4, "missing_field")]
    assert (loaded.lines, loaded.blank) == (4, 1)
    assert told == []


def test_a_file_in_gbk_is_sent_and_said_to_be_read_so(tmp_path: Path) -> None:
    asked = settled(med_type="普通门诊")
    (tmp_path / "day.ndjson").write_bytes((json.dumps(asked, ensure_ascii=False) + "\n").encode("gbk"))
    (tmp_path / "notes.docx").write_bytes(b"")
    (value,), bad, _, told = sent(tmp_path)
    assert json.loads(value) == asked
    assert bad == []
    assert [line.partition(":")[0] for line in told] == ["notes.docx", "day.ndjson"]
    assert "GB18030" in told[1]


def test_an_array_is_sent_document_by_document_and_a_table_row_by_row(tmp_path: Path) -> None:
    both = [visit(), settled()]
    (tmp_path / "day.json").write_text(json.dumps(both, indent=1), "utf-8")
    values, _, loaded, _ = sent(tmp_path / "day.json")
    assert [json.loads(value) for value in values] == both
    assert loaded.lines == 2

    rows = f"fixmedins_code,infno,setl_id,note\n{HOSPITAL},2207,S1,fine\n".encode()
    (tmp_path / "day.csv").write_bytes(rows + f"{HOSPITAL},2207,S2,".encode() + b"\xff\xff\n")
    values, bad, loaded, _ = sent(tmp_path / "day.csv", Encoding.UTF_8)
    assert [json.loads(value)["setl_id"] for value in values] == ["S1"]
    assert [(line.number, line.reason.partition(":")[0]) for line in bad] == [(3, "invalid_utf8")]
    assert loaded.lines == 2
