"""Of two rows with one identity, which are a repetition and which say something else."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pipeline.inputs.decode import decode_frame, decode_lines
from pipeline.inputs.fitting import fit
from pipeline.inputs.identity import identities, repeated
from pipeline.inputs.mapping import load_mapping
from tests.support.spoiled import claim


def kinds(folder: Path, *lines: bytes) -> list[str]:
    """What is told of these lines, each read as a file of its own."""
    files = []
    for number, line in enumerate(lines):
        files.append(folder / f"{number}.parquet")
        identities(decode_lines([line]).claims, number).write_parquet(files[-1])
    return repeated(files)["kind"].to_list()


@pytest.mark.parametrize(
    "changes",
    [
        {"physician_code": "D2"},
        {"encounter_type": "inpatient"},
        {"service_date": "2023-05-09"},
        {"service_start": "2023-05-09"},
        {"settlement_time": "2023-05-11T09:30:01+08:00"},
        {"insured_id": "P2"},
        {"insurance_type": "employee"},
        {"total_amount": "123.41"},
        {"fund_amount": "98.71"},
        {"drug": {"external": True}},
        {"staff_category": "nursing"},
        {"people": [{"person": "D1", "role": "billing"}]},
        {"lines": [{"person": "D1", "role": "operator", "day": "2023-05-09", "amount": "1"}]},
        {"emergency_origin": True},
        {"visit": "not_seen"},
        {"interim": True},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_two_rows_that_differ_in_anything_that_is_judged_or_is_money_are_a_conflict(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    assert kinds(tmp_path, claim(), claim(**changes)) == ["conflict", "conflict"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"fund_amount": "98.7"},
        {"settlement_time": "2023-05-11T01:30:00Z"},
        {"claim_id": " C0001"},
        {"people": None, "drug": None},
        {"ward": "内科"},
    ],
    ids=str,
)
def test_two_rows_that_say_the_same_are_a_repetition(tmp_path: Path, changes: dict[str, object]) -> None:
    assert kinds(tmp_path, claim(), claim(**changes)) == ["duplicate"]


def test_a_row_that_is_right_beyond_doubt_and_one_that_is_read_value_by_value_say_the_same(tmp_path: Path) -> None:
    row = {
        "setl_id": "S1", "mdtrtarea_admvs": "522701", "insuplc_admdvs": "520100", "fixmedins_code": "H52270100001",
        "atddr_no": "D1", "med_type": "9903", "enddate": "2023-05-10", "setl_time": "2023-05-11 09:30:00", "psn_no": "P1",
        "insutype": "310", "medfee_sumamt": "123.40", "fund_pay_sumamt": "98.70", "refd_setl_flag": "0", "mid_setl_flag": "0",
    }  # fmt: skip
    odd = row | {
        "fund_pay_sumamt": " 98.7",
        "insuplc_admdvs": "520100\u200b",
        "med_type": " 9903",
        "fixmedins_code": "h52270100001",
    }
    frame = pl.DataFrame([row, odd, row | {"med_type": "11"}, odd | {"med_type": "11 "}])
    decoded = decode_frame(frame, fit(load_mapping("national-settlement"), frame.schema))
    assert not decoded.rejected
    assert decoded.claims["encounter_type"].to_list() == ["unknown", "unknown", "outpatient", "outpatient"]
    assert decoded.claims["further"].to_list() == [
        *['{"encounter_code":"9903","insured_region":"520100"}'] * 2,
        *['{"insured_region":"520100"}'] * 2,
    ]
    path = tmp_path / "all.parquet"
    identities(decoded.claims[:2], 0).write_parquet(path)
    assert repeated([path])["kind"].to_list() == ["duplicate"]
    assert [b"encounter_code" in record for record in decoded.records()] == [True, True, False, False]
