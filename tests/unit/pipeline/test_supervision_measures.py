"""The measures of a year (001 篇5 and 篇8): growth above a tenth, the five largest, a sample nobody chooses, suspects decided."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.inputs.mapping import load_mapping
from pipeline.supervision.measures import Spending, measures, newest
from pipeline.supervision.reading import read_claims
from rules.longitudinal.claims import counting
from tests.oracle.longitudinal import generate
from tests.support.commands import screening
from tests.support.longitudinal import claims_of, wire


def read(folder: Path, told: list[dict[str, Any]]) -> pl.DataFrame:
    place = folder / "claims.ndjson"
    place.write_bytes(b"\n".join(map(wire, told)) + b"\n")
    return read_claims(str(place), load_mapping("contract"), lambda _: None).claims


def paid(name: str, day: str, fund: str, institution: str = "H1", **more: Any) -> dict[str, Any]:
    return {"id": name, "day": day, "fund": fund, "total": fund, "institution": institution, **more}


def test_a_tenth_is_no_growth_above_a_tenth_and_a_cent_more_is():
    assert not Spending("440500", None, Decimal("110.00"), Decimal("100.00")).exceeds
    assert Spending("440500", None, Decimal("110.01"), Decimal("100.00")).exceeds
    new = Spending("440500", "H1", Decimal("5.00"), Decimal())
    assert (new.growth, new.exceeds) == (None, False), "nothing was paid before, so that nothing grew"


def test_the_five_largest_of_an_area_are_named_in_order_and_ties_by_code(tmp_path):
    told = [paid(f"c{n}", "2025-03-01", f"{fund}.00", f"H{n}") for n, fund in enumerate((5, 9, 9, 1, 7, 3))]
    found = measures(read(tmp_path, told), 2025, None, None, None)
    assert [(one.institution, int(one.fund)) for one in found.top] == [
        ("H1", 9), ("H2", 9), ("H4", 7), ("H0", 5), ("H5", 3),
    ]  # fmt: skip


def test_corrected_reversed_and_rejected_claims_cost_what_is_left(tmp_path):
    told = [
        paid("a", "2025-03-01", "100.00"),
        paid("a", "2025-03-01", "60.00", version=2),
        paid("b", "2025-03-01", "50.00"),
        paid("r", "2025-04-01", "-20.00", reverses=["H1", "b", 1]),
        paid("gone", "2025-03-01", "70.00"),
        paid("r2", "2025-04-01", "-70.00", reverses=["H1", "gone", 1]),
        paid("no", "2025-03-01", "900.00"),
        paid("before", "2024-12-31", "80.00"),
    ]
    judged = {("H1", "no", 1): "reject", ("H1", "a", 1): "reject"}
    found = measures(read(tmp_path, told), 2025, judged, None, None)
    assert [(one.area, int(one.fund), int(one.before)) for one in found.areas] == [("440500", 90, 80)]
    assert [one.institution for one in found.growing] == [None, "H1"]


def test_what_counts_in_the_end_is_what_the_checks_over_time_count(tmp_path):
    for seed in range(60):
        told = generate(("shantou", "chongqing")[seed % 2], seed)["claims"]
        for one in told:
            one.pop("rejected", None)
        mine = (
            newest(read(tmp_path, told)).select("institution_code", "claim_id", "claim_version", "fund_amount").rows()
        )
        theirs = [(one.institution, one.claim_id, one.version, one.fund) for one in counting(claims_of(told))]
        assert sorted(mine) == sorted(theirs), seed


def test_the_sample_is_a_twentieth_of_each_institution_rounded_up_and_the_same_in_every_run(tmp_path):
    told = [paid(f"s{n}", "2024-06-01", "10.00", "H1" if n < 41 else "H2", kind="inpatient") for n in range(42)]
    told.append(paid("visit", "2024-06-01", "10.00"))
    found = measures(read(tmp_path, told), 2025, None, None, None)
    assert found.discharges == 42
    assert [one["institution_code"] for one in found.sample] == ["H1", "H1", "H1", "H2"], "41 make 2.05, which is 3"
    again = measures(read(tmp_path, told[::-1]), 2025, None, None, None)
    assert again.sample == found.sample
    other = measures(read(tmp_path, [{**one, "day": "2025-06-01"} for one in told]), 2026, None, None, None)
    assert [one["claim_id"] for one in other.sample] != [one["claim_id"] for one in found.sample]


def test_suspects_are_reviewed_when_people_have_decided(tmp_path):
    (tmp_path / "claims.ndjson").write_bytes(wire(paid("a", "2025-03-01", "10.00")) + b"\n")
    cases = [
        {"case_id": f"k{n}", "service_date": day}
        for n, day in enumerate(("2025-01-01", "2025-12-31", "2025-05-05", "2024-12-31"))
    ]
    states = [
        ("k0", "upheld", 3),
        ("k1", "closed", 1),
        ("k1", "reopened", 2),
        ("k2", "assigned", 1),
        ("k3", "closed", 1),
    ]
    (tmp_path / "cases.ndjson").write_text("\n".join(map(json.dumps, cases)), "utf-8")
    (tmp_path / "states.ndjson").write_text(
        "\n".join(json.dumps({"case_id": name, "state": state, "revision": at}) for name, state, at in states), "utf-8"
    )
    metrics, sample = tmp_path / "year.prom", tmp_path / "stays.ndjson"
    given = (
        "--cases",
        tmp_path / "cases.ndjson",
        "--states",
        tmp_path / "states.ndjson",
        "--metrics-file",
        metrics,
        "--sample",
        sample,
    )
    run = screening("supervise", "measures", tmp_path / "claims.ndjson", "--year", 2025, *given, "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["suspects"] == {"cases": 3, "reviewed": 1, "share": 1 / 3}
    assert 'screening_supervision_cases{figure="decided",run="year"} 1.0' in metrics.read_text("utf-8")
    assert sample.read_text("utf-8") == ""
    shown = screening("supervise", "measures", tmp_path / "claims.ndjson", "--year", 2025, *given[:4], "--lang", "zh")
    assert "疑点3件，已处理1件，占33.3%" in shown.stdout


def test_states_without_cases_and_a_file_that_is_no_claims_are_refused(tmp_path):
    place = tmp_path / "claims.ndjson"
    place.write_bytes(b"{}\n")
    assert screening("supervise", "measures", place, "--states", place).returncode == 2
    run = screening("supervise", "measures", place)
    assert (run.returncode, "1 rows are no claims" in run.stderr) == (1, True)
