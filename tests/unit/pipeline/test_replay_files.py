"""Which files replay reads: every format, folders, encodings, and damage that is told with its place."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from pipeline.cli.replay import replay_command
from pipeline.inputs.errors import InputError
from pipeline.inputs.mapping import CONTRACT, load_mapping
from pipeline.inputs.sources import open_inputs
from tests.support.replaying import frame_of, run, verdicts, write_lines
from tests.support.spoiled import GOOD, claim

COLUMNS = [name for name in GOOD if name != "claim_version"]


@pytest.fixture
def nobody(tmp_path: Path) -> Path:
    """A file of events that says nothing."""
    return write_lines(tmp_path / "events.ndjson", [])


def test_a_folder_and_a_pattern_are_read_in_the_order_of_their_names(tmp_path: Path, nobody: Path) -> None:
    folder = tmp_path / "claims"
    (folder / "2024").mkdir(parents=True)
    frame_of([claim(claim_id="b1"), claim(claim_id="b2")]).write_parquet(folder / "b.parquet")
    frame_of([claim(claim_id="a1")]).write_csv(folder / "a.csv")
    write_lines(folder / "2024" / "z.ndjson.gz", [claim(claim_id="z1"), b"{}"])
    (folder / "README.txt").write_text("no claims here")

    run(tmp_path / "folder", folder, nobody)
    run(tmp_path / "pattern", f"{folder}/[ab].*", nobody)

    made = verdicts(tmp_path / "folder")
    assert made["claim_id"].to_list() == ["z1", "a1", "b1", "b2"]
    assert made["source_row"].to_list() == [0, 2, 3, 4]
    assert verdicts(tmp_path / "pattern")["claim_id"].to_list() == ["a1", "b1", "b2"]
    record = json.loads((tmp_path / "folder" / "run.json").read_text("utf-8"))
    assert record["rows"] == {"2024/z.ndjson.gz": 2, "a.csv": 1, "b.parquet": 2}
    [rejected] = pl.read_parquet(tmp_path / "folder" / "rejected-input.parquet").to_dicts()
    assert (rejected["file"], rejected["line"], rejected["source_row"]) == ("2024/z.ndjson.gz", 2, 1)


def test_a_csv_record_that_is_no_utf_8_is_set_aside_and_its_neighbours_are_judged(tmp_path: Path, nobody: Path) -> None:
    frame_of([claim(claim_id=f"C{number}", insured_id="贵州") for number in range(3)]).write_csv(tmp_path / "c.csv")
    lines = (tmp_path / "c.csv").read_bytes().replace(b"C1,", "贵州,".encode("gbk"))
    (tmp_path / "c.csv").write_bytes(lines)

    run(tmp_path / "out", tmp_path / "c.csv", nobody)

    assert verdicts(tmp_path / "out")["claim_id"].to_list() == ["C0", "C2"]
    [rejected] = pl.read_parquet(tmp_path / "out" / "rejected-input.parquet").to_dicts()
    assert (rejected["source_row"], rejected["line"], rejected["reason"]) == (1, 3, "invalid_utf8")
    assert rejected["raw"].startswith("\\xb9\\xf3\\xd6\\xdd,")


@pytest.mark.parametrize("form", ["c.csv", "c.ndjson"])
def test_the_encoding_of_csv_and_ndjson_is_found_by_the_bytes_and_told(tmp_path: Path, nobody: Path, form: str) -> None:
    line = claim(department="内科门诊")
    text = line.decode() if form.endswith("ndjson") else "\n".join([",".join(json.loads(line)), ",".join(
        str(value) for value in json.loads(line).values())])  # fmt: skip
    (tmp_path / form).write_bytes((json.dumps(json.loads(text), ensure_ascii=False) if form.endswith("ndjson") else text)
                                  .encode("gbk") + b"\n")  # fmt: skip

    prepared = open_inputs(str(tmp_path / form), load_mapping(CONTRACT))

    assert any("is read as GB18030, by its bytes" in str(notice) for notice in prepared.notices)
    run(tmp_path / "out", tmp_path / form, nobody)
    assert verdicts(tmp_path / "out")["claim_id"].to_list() == ["C0001"]


def test_csv_fields_may_hold_quotes_commas_and_line_ends_and_a_row_with_too_many_fields_is_set_aside(
    tmp_path: Path, nobody: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.inputs.sources.SLICE_BYTES", 700)
    ids = [f'C{number}\n"quoted", {number}' if number % 3 == 0 else f"C{number}" for number in range(50)]
    with (tmp_path / "c.csv").open("w", newline="", encoding="utf-8-sig") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for number, claim_id in enumerate(ids):
            row = [
                "" if value is None else value for value in ({**GOOD, "claim_id": claim_id}[name] for name in COLUMNS)
            ]
            writer.writerow([*row, "more"] if number == 20 else row)

    record = run(tmp_path / "out", tmp_path / "c.csv", nobody)

    assert verdicts(tmp_path / "out")["claim_id"].to_list() == [item for number, item in enumerate(ids) if number != 20]
    [rejected] = pl.read_parquet(tmp_path / "out" / "rejected-input.parquet").to_dicts()
    assert (rejected["source_row"], rejected["problem"]) == (20, "13 fields; the header names 12")
    assert record["counts"]["parts"] > 3


@pytest.mark.parametrize(
    ("name", "content", "tells"),
    [
        ("none.parquet", None, "no such file, folder or pattern"),
        ("c.docx", b"PK", "unknown format; expected .parquet"),
        ("c.xlsx", b"PK", "cannot be read as a workbook"),
        ("c.parquet", b"no parquet", "cannot be read as parquet"),
        ("c.ndjson.gz", b"\x1f\x8bno gzip", "cannot be read beyond line 0: its compression is damaged"),
        ("c.csv", b"a,a\n1,2\n", "expected a header that names every column once"),
        ("c.csv", b"", "is empty; expected claims"),
    ],
)
def test_a_source_that_cannot_be_read_is_named_with_what_was_expected(
    tmp_path: Path, nobody: Path, name: str, content: bytes | None, tells: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(InputError, match=tells.replace(".", r"\.")):
        run(tmp_path / "out", tmp_path / name, nobody)


def test_a_file_that_is_damaged_inside_stops_the_replay_with_its_name_and_place(
    tmp_path: Path, nobody: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.inputs.sources.SLICE_ROWS", 500)
    frame = frame_of([claim(claim_id=f"C{number:05d}") for number in range(2_000)])
    frame.write_parquet(tmp_path / "c.parquet", row_group_size=500)
    data = bytearray((tmp_path / "c.parquet").read_bytes())
    middle = len(data) // 2
    data[middle - 200 : middle] = bytes(200)
    (tmp_path / "c.parquet").write_bytes(data)

    done = CliRunner().invoke(
        replay_command, [str(tmp_path / "c.parquet"), "--events", str(nobody), "--out", str(tmp_path / "out")]
    )

    assert done.exit_code == 1, done.output
    assert "c.parquet: cannot be read from row" in done.stderr
    assert not (tmp_path / "out" / "run.json").exists()
