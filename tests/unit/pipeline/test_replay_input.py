"""What replay takes as a claim: the same as the wire, and every row that is none is set aside with its reason."""

from __future__ import annotations

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
from pipeline.inputs.errors import FormError
from pipeline.inputs.fitting import fit
from pipeline.inputs.forms import is_missing
from pipeline.inputs.mapping import CONTRACT, load_mapping
from pipeline.inputs.row_forms import row_document
from tests.support.replaying import frame_of, run, verdicts, write_lines
from tests.support.spoiled import GOOD, SPOILED, claim
from tests.support.thorough import examples
from topics.claims.codec import decode_claims, examine
from topics.normalisation import normal_id

COLUMNS = [name for name in GOOD if name != "claim_version"]


@pytest.fixture
def nobody(tmp_path: Path) -> Path:
    """A file of events that says nothing."""
    return write_lines(tmp_path / "events.ndjson", [])


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
