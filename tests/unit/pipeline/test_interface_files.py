"""Messages of the national interface as claims: exports, encodings, and lines that are no messages."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from pipeline.intake.batch import take_files
from pipeline.intake.classes import load_classes
from tests.support.commands import screening
from tests.support.interface_messages import (
    DOCTOR,
    HOSPITAL,
    OTHER,
    VISIT,
    Row,
    accounted,
    asked,
    lines,
    read,
    row,
    settled,
    visit,
)

CLASSES = load_classes()


def table() -> list[Row]:
    """The same as rows of one export."""
    head = {
        "fixmedins_code": HOSPITAL,
        "mdtrtarea_admvs": "522701",
        "mdtrt_id": VISIT,
        "psn_no": "P1",
        "insutype": "390",
    }
    return [
        {**head, "infno": "2201", "atddr_no": DOCTOR, "begntime": "2024-03-14 08:30:00", "dept_name": "内科"},
        {
            **head, "infno": "2204", "feedetl_sn": "L1", "fee_ocur_time": "2024-03-14 08:50:00", "cnt": "2",
            "det_item_fee_sumamt": "20.00", "bilg_dr_codg": OTHER, "med_list_codg": "X1",
        },
        {**head, **row(med_type="11", insutype="390", medfee_sumamt="100.00"), "infno": "2207"},
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "gbk.csv", "parquet", "ndjson", "json", "without infno"])
def test_exports_of_the_same_fields_give_the_same_claim(kind: str, tmp_path: Path) -> None:
    rows = table()
    if kind == "without infno":
        rows = [{name: value for name, value in one.items() if name != "infno"} for one in rows]
    names = list(dict.fromkeys(name for one in rows for name in one))
    frame = pl.DataFrame([{name: one.get(name) for name in names} for one in rows])
    path = tmp_path / f"export.{kind.rpartition('.')[2] if 'infno' not in kind else 'csv'}"
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    elif path.suffix == ".csv":
        path.write_bytes(frame.write_csv().encode("gbk" if kind.startswith("gbk") else "utf-8"))
    else:
        text = json.dumps(rows, ensure_ascii=False, indent=1) if kind == "json" else "\n".join(map(json.dumps, rows))
        path.write_text(text, "utf-8")
    taken = take_files([str(path)], tmp_path / "out.ndjson", CLASSES)
    [claim] = read(tmp_path / "out.ndjson")
    assert (claim["physician_code"], claim["lines"][0]["person"], claim["fund_amount"]) == (DOCTOR, OTHER, "70.00")
    assert (taken.lines + taken.further, taken.set_aside) == (accounted(taken), {})


@pytest.mark.parametrize("encoding", ["gbk", "utf-16"])
def test_the_encoding_of_messages_is_found_and_told(encoding: str, tmp_path: Path) -> None:
    given = tmp_path / "given.ndjson"
    told = [{**visit(), "opter_name": "张三"}, {**settled(), "opter_name": "李四"}]
    given.write_bytes("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in told).encode(encoding))
    done = screening("intake", given, "--out", tmp_path / "claims.ndjson")
    assert done.returncode == 0
    assert "given.ndjson: is read as " in done.stderr
    assert [claim["physician_code"] for claim in read(tmp_path / "claims.ndjson")] == [DOCTOR]


def test_a_folder_of_one_message_a_file_is_read_whole(tmp_path: Path) -> None:
    folder = tmp_path / "messages"
    folder.mkdir()
    for number, one in enumerate((settled(), visit(), lines({}))):
        (folder / f"{number}.JSON").write_text(json.dumps(one, indent=2), "utf-8")
    (folder / "notes.txt").write_text("x", "utf-8")
    done = screening("intake", folder, "--out", tmp_path / "claims.ndjson", "--json")
    record = json.loads(done.stdout)
    assert (done.returncode, record["files"], record["claims"], record["notices"]) == (
        0, 3, 1, ["notes.txt: is not read: its name is that of no known format"],
    )  # fmt: skip


def test_lines_that_are_no_messages_are_named_with_the_first_place_and_cost_nothing_else(tmp_path: Path) -> None:
    given = tmp_path / "given.ndjson"
    good = [json.dumps(one).encode() for one in (visit(), settled())]
    given.write_bytes(
        b"\n".join([good[0], b"{", b"", b"\xff\xfe", b"[1]", b'{"infno": "1101"}', good[1], b"nothing"]) + b"\n"
    )
    done = screening("intake", given, "--out", tmp_path / "claims.ndjson", "--json")
    record = json.loads(done.stdout)
    assert (done.returncode, record["claims"], record["blank"], record["passed"]) == (3, 1, 1, {"1101": 1})
    assert (record["set_aside"]["invalid_json"]["rows"], record["set_aside"]["invalid_json"]["first"]) == (
        2,
        "given.ndjson:2",
    )
    assert set(record["set_aside"]) == {"invalid_json", "invalid_utf8", "not_an_object"}


def test_a_file_whose_compression_is_damaged_is_told_and_what_was_read_until_there_counts(tmp_path: Path) -> None:
    many = b"".join(json.dumps(one).encode() + b"\n" for one in [visit(), settled(), *[lines({})] * 500])
    packed = gzip.compress(many, mtime=0)
    (tmp_path / "given.ndjson.gz").write_bytes(packed[:-20])
    done = screening("intake", tmp_path / "given.ndjson.gz", "--out", tmp_path / "claims.ndjson")
    assert done.returncode == 1
    assert "cannot be read beyond line" in done.stderr
    assert len(read(tmp_path / "claims.ndjson")) == 1


def test_when_nothing_becomes_a_claim_the_run_has_failed(tmp_path: Path) -> None:
    given = tmp_path / "given.ndjson"
    given.write_text('{"infno": "2207", "input": {}}\n', "utf-8")
    done = screening("intake", given, "--out", tmp_path / "claims.ndjson")
    assert done.returncode == 1
    assert "1 set aside, missing_field: first given.ndjson:1" in done.stderr
    assert not (tmp_path / "claims.ndjson").exists()


def test_a_strict_run_writes_nothing_when_something_is_set_aside(tmp_path: Path) -> None:
    given, out = tmp_path / "given.ndjson", tmp_path / "claims.ndjson"
    given.write_text(json.dumps(settled()) + "\nnothing\n", "utf-8")
    done = screening("intake", given, "--out", out, "--strict")
    assert (done.returncode, sorted(path.name for path in tmp_path.iterdir())) == (1, ["given.ndjson"])
    assert "given.ndjson:2: " in done.stderr


def test_a_file_of_claims_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    given, out = tmp_path / "given.ndjson", tmp_path / "claims.ndjson"
    given.write_text(json.dumps(settled()), "utf-8")
    out.write_text("mine", "utf-8")
    assert screening("intake", given, "--out", out).returncode == 2
    assert out.read_text("utf-8") == "mine"


def test_the_claims_are_judged_by_a_replay_as_they_are(tmp_path: Path) -> None:
    given, claims, events = tmp_path / "given.ndjson", tmp_path / "claims.ndjson.gz", tmp_path / "events.ndjson"
    messages = [visit(), settled(), settled(setl_id="S2", mdtrt_id="elsewhere", med_type="77"), asked("2024-03-15 08:00:00", setl_id="S3", mdtrt_id="third")]  # fmt: skip
    given.write_text("".join(json.dumps(one) + "\n" for one in messages), "utf-8")
    events.write_text(
        json.dumps({
            "event_id": "e", "region": "522700", "type": "registration", "date": "2022-10-01", "recorded_at":
            "2022-10-01T00:00:00+08:00", "physician_code": DOCTOR, "institution": HOSPITAL, "license": True, "filed": True,
            "training": True,
        }), "utf-8",
    )  # fmt: skip
    assert screening("intake", given, "--out", claims).returncode == 0
    done = screening("replay", claims, "--events", events, "--out", tmp_path / "replayed", "--no-report")
    assert done.returncode == 0
    verdicts = pl.read_parquet(tmp_path / "replayed" / "verdicts" / "*.parquet")
    assert dict(verdicts.select("claim_id", "reason").iter_rows())["S2"] == "encounter_unknown"
    assert dict(verdicts.select("claim_id", "reason").iter_rows())["S3"] == "visit_not_seen"
