"""What replay reads: every format, mappings from other names, and rows that are no claims, each with its reason."""

from __future__ import annotations

import csv
import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.cli.replay import replay_command
from pipeline.inputs.decode import decode_frame
from pipeline.inputs.errors import FormError, InputError, MappingError
from pipeline.inputs.fitting import fit
from pipeline.inputs.forms import is_missing, row_document
from pipeline.inputs.mapping import CONTRACT, load_mapping, parse_mapping, shipped
from pipeline.inputs.sources import open_inputs
from tests.support.replaying import frame_of, run, sample_claims, verdicts, write_lines
from tests.support.spoiled import GOOD, SPOILED, claim
from tests.support.thorough import examples
from topics.claims.codec import decode_claims, examine
from topics.normalisation import normal_id

COLUMNS = [name for name in GOOD if name != "claim_version"]


@pytest.fixture
def nobody(tmp_path: Path) -> Path:
    """A file of events that says nothing."""
    return write_lines(tmp_path / "events.ndjson", [])


# -- validity is the wire's ---------------------------------------------------------------------------------------

odd = st.one_of(
    st.none(),
    st.text(max_size=8),
    st.text(alphabet="0123456789-:T+.Z \0\u3000é\x1c\x85", max_size=30),
    st.sampled_from(
        ["", " ", "  D1 ", "D1\u3000", "x" * 257, "é" * 200, "2023-05-10", "2023- 5-10", "2023-05-11", "2023-5-1", "0000-01-01",
         "9999-12-31", "0001-01-01", "2023-02-29", "522700", "52270x", "５22700", "98.7", "-1", "1.234", "1e3", "9999999999999999.99",
         "12345678901234567", "NaN", "inpatient", "Inpatient", "2023-05-11T09:30:00Z", "2023-05-11T09:30:00-05:30",
         "2023-05-11T24:00:00Z", "2023-05-11T09:30:00.1234567+08:00", "2023-05-11t09:30:00z", "0001-01-01T00:00:00+08:00",
         "9999-12-31T23:59:59-08:00", "2023-05-11T09:30:60Z", "2023-02-30T09:30:00Z", "2023-05-11 09:30:00"]
    ),
)  # fmt: skip


@examples(300)
@given(st.lists(st.tuples(st.sampled_from(COLUMNS), odd), min_size=1, max_size=12))
@example([("physician_code", "\x1cD1"), ("physician_code", "D1\x85"), ("service_start", "2023-05-11")])
def test_columns_read_at_once_say_what_their_values_say_one_by_one(changes: list[tuple[str, str | None]]) -> None:
    """The fast way over columns and the reading value by value accept the same rows, for the same reasons, as the same claims."""
    rows: list[dict[str, Any]] = [{name: GOOD[name] for name in COLUMNS} | {name: value} for name, value in changes]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String))
    mapping = load_mapping(CONTRACT)

    decoded = decode_frame(frame, fit(mapping, frame.schema))

    expected, values = [], {}
    for place, row in enumerate(rows):
        try:
            values[place] = json.dumps(row_document(mapping, row, frozenset(COLUMNS))).encode()
        except FormError as error:
            expected.append((place, "invalid_value", str(error)))
    wire = decode_claims(list(values.values()))
    places = list(values)
    expected += [(places[row], error.kind, error.reason) for row, error in wire.errors]
    assert [(item.row, item.kind, item.problem) for item in decoded.rejected] == sorted(expected)
    assert decoded.claims["row"].to_list() == [places[row] for row in wire.claims["row"]]
    for mine, theirs in zip(decoded.claims.iter_rows(named=True), wire.claims.iter_rows(named=True), strict=True):
        for name in ("claim_id", "region", "institution_code", "physician_code", "encounter_type", "day", "start_day"):
            assert mine[name] == theirs[name], name
        assert [mine[name] for name in _CONTENT] == [theirs[name] for name in _CONTENT]
        assert mine["fund_amount"] == Decimal(theirs["fund_amount"])
        assert mine["total_amount"] == Decimal(theirs["total_amount"])
        assert mine["instant"] == instant(examine(values[places[theirs["row"]]]).settlement_time)


_CONTENT = ("insured_id", "insurance_type", "implausible", "further")


@given(st.sampled_from(COLUMNS), odd)
def test_what_is_a_claim_on_the_wire_is_the_same_claim_in_a_table(name: str, value: str | None) -> None:
    """Files are read more kindly than the wire, never more strictly; only a word for nothing is no code in a file."""
    row = {item: GOOD[item] for item in COLUMNS} | {name: value}
    frame = pl.DataFrame([row], schema=dict.fromkeys(COLUMNS, pl.String))
    wire = decode_claims([json.dumps(row | {"service_start": row["service_start"] or None}).encode()]).claims
    decoded = decode_frame(frame, fit(load_mapping(CONTRACT), frame.schema))
    if wire.is_empty() or is_missing(str(value).strip()):
        return
    assert not decoded.rejected
    for field in ("region", "encounter_type", "day", "start_day"):
        assert decoded.claims[field][0] == wire[field][0]
    for field in ("claim_id", "institution_code", "physician_code"):
        mine, theirs = decoded.claims[field][0], wire[field][0]
        assert mine == (theirs if theirs is None else normal_id(theirs)) or name == field


def instant(text: str) -> int:
    """Microseconds since 1970 UTC, by the standard library."""
    moment = dt.datetime.fromisoformat(text.upper())
    passed = moment.replace(tzinfo=dt.UTC) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return (passed - (moment.utcoffset() or dt.timedelta())) // dt.timedelta(microseconds=1)


def test_every_way_to_spoil_a_record_is_set_aside_with_its_field_and_no_good_one_is_lost(
    tmp_path: Path, nobody: Path
) -> None:
    spoiled = [item for item in SPOILED if item.value and item.value.strip() and not {10, 13} & set(item.value)]
    lines = [line for item in spoiled for line in (item.value or b"", claim(claim_id=f"after {item.name}"))]

    record = run(tmp_path / "out", write_lines(tmp_path / "c.ndjson", lines), nobody)

    rejected = pl.read_parquet(tmp_path / "out" / "rejected-input.parquet")
    assert rejected["source_row"].to_list() == list(range(0, len(lines), 2))
    assert rejected["line"].to_list() == list(range(1, len(lines), 2))
    assert rejected["file"].unique().to_list() == ["c.ndjson"]
    assert rejected["reason"].to_list() == [item.kind for item in spoiled]
    for item, field, problem in zip(spoiled, rejected["field"], rejected["problem"], strict=True):
        assert item.tells in problem
        if item.tells.endswith(":") and item.kind != "invalid_json":
            assert field == item.tells.rstrip(":").partition(".")[0]
    assert verdicts(tmp_path / "out")["claim_id"].to_list() == [normal_id(f"after {item.name}") for item in spoiled]
    assert record["counts"]["accepted"] == record["counts"]["rejected"] == len(spoiled)


def test_numbers_and_times_of_a_table_are_refused_where_they_mean_no_claim(tmp_path: Path, nobody: Path) -> None:
    good = frame_of([claim()] * 6)
    frame = good.with_columns(
        pl.Series("claim_id", ["good", "half a fen", "not a number", "no amount", "ends before it starts", "no time"]),
        pl.Series("fund_amount", [98.70000000000001, 98.705, float("nan"), None, 1.0, 2.0]),
        pl.Series("service_start", [None, None, None, None, dt.date(2023, 5, 11), None], dtype=pl.Date),
        pl.col("service_date").str.to_date(),
        pl.Series("settlement_time", ["2023-05-11 09:30:00"] * 5 + [None]).str.to_datetime(),
    )
    frame.write_parquet(tmp_path / "c.parquet")

    run(tmp_path / "out", tmp_path / "c.parquet", nobody)

    made = verdicts(tmp_path / "out")
    assert made["claim_id"].to_list() == ["good"]
    assert made["fund_amount"].to_list() == [Decimal("98.70")]
    assert str(made["settlement_time"][0]) == "2023-05-11 09:30:00+08:00", "a time without zone is local"
    rejected = pl.read_parquet(tmp_path / "out" / "rejected-input.parquet")
    assert rejected["field"].to_list() == ["fund_amount"] * 3 + ["service_start", "settlement_time"]
    assert json.loads(rejected["raw"][0])["fund_amount"] == 98.705


def test_a_code_that_a_spreadsheet_has_rounded_is_refused_as_text_as_it_is_as_a_number(
    tmp_path: Path, nobody: Path
) -> None:
    """Saved as CSV, five numbers of eighteen digits are one text: taken at its word it would be one claim, four times repeated."""
    good = frame_of([claim()] * 5).with_columns(
        pl.Series("claim_id", ["C1", "1.23457E+17", "C2", "1E+17", "E1"]),
        pl.Series("physician_code", ["D522701000001", "D522701000001", "5.22701E+12", "D522701000001", "5E12"]),
    )
    good.write_csv(tmp_path / "c.csv")

    run(tmp_path / "out", tmp_path / "c.csv", nobody)

    assert verdicts(tmp_path / "out")["claim_id"].to_list() == ["C1", "E1"]
    rejected = pl.read_parquet(tmp_path / "out" / "rejected-input.parquet")
    assert rejected["field"].to_list() == ["claim_id", "physician_code", "claim_id"]
    assert all("digits may have been lost" in why for why in rejected["problem"])


def test_strict_stops_at_the_first_row_that_is_no_claim_and_names_it(tmp_path: Path, nobody: Path) -> None:
    source = write_lines(tmp_path / "c.ndjson", [claim(), claim(fund_amount="1,5")])

    done = CliRunner().invoke(
        replay_command, [str(source), "--events", str(nobody), "--out", str(tmp_path / "out"), "--strict"]
    )

    assert done.exit_code == 1
    assert "c.ndjson: line 2: invalid_value: fund_amount: expected a decimal string" in done.stderr.replace("\n", " ")


# -- files --------------------------------------------------------------------------------------------------------


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


# -- mappings -----------------------------------------------------------------------------------------------------


def test_a_mapping_that_does_not_fit_is_answered_by_all_problems_of_all_files_at_once(
    tmp_path: Path, nobody: Path
) -> None:
    frame = frame_of([claim()]).rename({"fund_amount": "fund_amout"}).drop("insured_id")
    frame.with_columns(service_date=pl.lit(1.5), settlement_time=pl.lit(dt.date(2023, 5, 1))).write_parquet(
        tmp_path / "a.parquet"
    )
    frame_of([claim()]).drop("claim_id").write_csv(tmp_path / "b.csv")

    done = CliRunner().invoke(
        replay_command, [f"{tmp_path}/[ab].*", "--events", str(nobody), "--out", str(tmp_path / "out")]
    )

    assert done.exit_code == 2
    said = done.stderr
    for problem in (
        "a.parquet: service_date: column service_date is Float64; expected text or dates",
        "a.parquet: settlement_time: column settlement_time is Date; expected text or times",
        "a.parquet: insured_id: the source has no column insured_id",
        "a.parquet: fund_amount: the source has no column fund_amount; did you mean fund_amout?",
        "b.csv: claim_id: the source has no column claim_id",
    ):
        assert problem in said
    assert not (tmp_path / "out").exists()


def test_a_mapping_file_with_mistakes_is_answered_by_all_of_them() -> None:
    text = """
name: mine
about: x
fields:
  claim_id: {column: a, constant: b}
  fund_amount: {column: f, otherwise: x}
  region: {colum: r}
"""
    with pytest.raises(MappingError) as found:
        parse_mapping(text, "mine.yaml")
    assert found.value.problems[:3] == (
        "mine.yaml: fields.claim_id: give one of column, columns, constant",
        "mine.yaml: fields.fund_amount: otherwise goes with values",
        "mine.yaml: fields.region.colum: Extra inputs are not permitted",
    )
    assert "mine.yaml: fields.settlement_time: missing; every claim needs it" in found.value.problems
    with pytest.raises(MappingError, match="no field of a claim") as found:
        parse_mapping("name: m\nabout: x\nfields: {claimid: a, region: r}", "mine.yaml")
    assert any("fields.fund_amount: missing" in problem for problem in found.value.problems)


NATIONAL: dict[str, Any] = {
    "setl_id": "S1",
    "mdtrt_id": "M1",
    "psn_no": "P1",
    "insuplc_admdvs": "522700",
    "fixmedins_code": "H52270100001",
    "bilg_dr_codg": None,
    "atddr_no": "D522701000001",
    "med_type": 21,
    "begndate": "2023-05-01",
    "enddate": "2023-05-10",
    "setl_time": "2023-05-11 09:30:00",
    "insutype": "390",
    "medfee_sumamt": 123.4,
    "fund_pay_sumamt": 98.7,
    "refd_setl_flag": "0",
}


@pytest.mark.parametrize("form", ["c.parquet", "c.csv", "c.ndjson"])
def test_settlements_of_the_national_interface_are_judged_under_its_own_names(
    tmp_path: Path, nobody: Path, form: str
) -> None:
    rows = [
        NATIONAL,
        NATIONAL | {"setl_id": "S2", "bilg_dr_codg": "D522701000002", "med_type": 13},
        NATIONAL | {"setl_id": "S3", "refd_setl_flag": "1"},
        NATIONAL | {"setl_id": "S4", "med_type": 9903},
        NATIONAL | {"setl_id": "S5", "setl_time": "2023-5-11 9:30:00"},
        NATIONAL | {"setl_id": "S6", "bilg_dr_codg": " ", "atddr_no": ""},
    ]
    frame = pl.DataFrame(rows)
    getattr(frame, f"write_{Path(form).suffix[1:]}")(tmp_path / form)

    run(tmp_path / "out", tmp_path / form, nobody, mapping=load_mapping("national-settlement"))

    made = verdicts(tmp_path / "out")
    assert made.select("claim_id", "physician_code", "encounter_type").rows() == [
        ("S1", "D522701000001", "inpatient"),
        ("S2", "D522701000002", "emergency"),
        ("S3", "D522701000001", "inpatient"),
        ("S4", "D522701000001", "unknown"),
        ("S6", None, "inpatient"),
    ]
    assert made["reason"][3] == "encounter_unknown", "an unknown code is never another class"
    assert made["fund_amount"].to_list() == [Decimal(f"{sign}98.70") for sign in ("", "", "-", "", "")]
    assert str(made["settlement_time"][0]) == "2023-05-11 09:30:00+08:00"
    assert made["service_date"][0] == dt.date(2023, 5, 10)
    rejected = pl.read_parquet(tmp_path / "out" / "rejected-input.parquet")
    assert rejected["field"].to_list() == ["settlement_time"]


def test_the_original_columns_of_the_shared_data_are_judged_under_their_mapping(tmp_path: Path, nobody: Path) -> None:
    text = """DESYNPUF_ID,CLM_ID,SEGMENT,CLM_FROM_DT,CLM_THRU_DT,PRVDR_NUM,CLM_PMT_AMT,AT_PHYSN_NPI,CLM_ADMSN_DT
00013D2EFD8E45D1,196661176988405,1,20100312,20100313,2600GD,4000.00,3139083564,20100312
00016F745862898F,196201177000368,2,,,2600GD,26000.00,,
"""
    (tmp_path / "c.csv").write_text(text)

    run(tmp_path / "out", tmp_path / "c.csv", nobody, mapping=load_mapping("desynpuf-inpatient"))

    [row] = verdicts(tmp_path / "out").to_dicts()
    assert (row["claim_id"], row["physician_code"], row["institution_code"]) == (
        "196661176988405",
        "3139083564",
        "2600GD",
    )
    assert (row["service_date"], row["fund_amount"]) == (dt.date(2010, 3, 13), Decimal("4000.00"))
    assert str(row["settlement_time"]) == "2010-03-13 00:00:00+08:00"
    assert pl.read_parquet(tmp_path / "out" / "rejected-input.parquet")["field"].to_list() == ["service_date"]


def test_pharmacy_lines_keep_their_drug_object_in_a_table(tmp_path: Path, nobody: Path) -> None:
    drugs = [{"dual_channel": True, "within_dosage": False}, None]
    values = [claim(claim_id=f"C{number}", region="440500", drug=drug) for number, drug in enumerate(drugs)]
    frame = frame_of(values).with_columns(pl.Series("drug", drugs))
    frame.write_parquet(tmp_path / "c.parquet")

    decoded = decode_frame(frame, fit(load_mapping(CONTRACT), frame.schema))

    assert not decoded.rejected
    assert decoded.claims.select("dual_channel", "within_dosage", "external").rows() == [
        (True, False, None),
        (None, None, None),
    ]
    run(tmp_path / "table", tmp_path / "c.parquet", nobody)
    run(tmp_path / "wire", write_lines(tmp_path / "c.ndjson", values), nobody)
    assert verdicts(tmp_path / "table").equals(verdicts(tmp_path / "wire"))


def test_objects_under_a_mapping_that_are_no_json_are_set_aside_in_their_place(tmp_path: Path, nobody: Path) -> None:
    lines = [json.dumps(NATIONAL | {"setl_id": f"S{number}"}).encode() for number in range(5)]
    lines[1], lines[3] = b"{broken", b""

    record = run(
        tmp_path / "out", write_lines(tmp_path / "c.ndjson", lines), nobody, mapping=load_mapping("national-settlement")
    )

    assert verdicts(tmp_path / "out")["source_row"].to_list() == [0, 2, 3]
    rejected = pl.read_parquet(tmp_path / "out" / "rejected-input.parquet")
    assert rejected.select("source_row", "line", "reason").rows() == [(1, 2, "invalid_json")]
    assert record["counts"]["rows"] == 4, "a blank line is no record"


def test_a_sample_of_the_products_own_claims_is_read_whole(tmp_path: Path, nobody: Path) -> None:
    values = sample_claims(500)
    record = run(tmp_path / "out", write_lines(tmp_path / "c.ndjson", values), nobody)
    assert record["counts"]["accepted"] == len(values)


def test_the_help_names_every_mapping_that_is_shipped() -> None:
    [option] = [option for option in replay_command.params if option.name == "mapping"]
    assert f"one of {', '.join(shipped())}" in str(option.to_info_dict()["help"])
