"""What replay reads under other names: mappings of the national interface and others, and what is wrong with one that does not fit."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from pipeline.cli.replay import replay_command
from pipeline.inputs.decode import decode_frame
from pipeline.inputs.errors import MappingError
from pipeline.inputs.fitting import fit
from pipeline.inputs.mapping import CONTRACT, load_mapping, parse_mapping, shipped
from tests.support.replaying import frame_of, run, sample_claims, verdicts, write_lines
from tests.support.spoiled import GOOD, claim

COLUMNS = [name for name in GOOD if name != "claim_version"]


@pytest.fixture
def nobody(tmp_path: Path) -> Path:
    """A file of events that says nothing."""
    return write_lines(tmp_path / "events.ndjson", [])


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
