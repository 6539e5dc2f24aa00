"""`screening longitudinal`: claims of files with what the gate said of them, to cases that a second run tells apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from pipeline.archive.layout import CLAIM_TABLE, VERDICT_TABLE
from pipeline.archive.rows import Records, claim_rows, verdict_rows
from pipeline.archive.table import ArchiveTable
from tests.support.commands import screening
from tests.support.longitudinal import wire

LISTS = {
    "issued": "2022-10-01",
    "drugs": [{"item": "A", "price": "10"}],
    "prescribers": [{"physician": "D1", "institution": "H1"}],
    "pharmacies": [{"institution": "F1", "connected": "2022-10-01"}],
    "prescriptions": [
        {"prescription": "r1", "insured": "P1", "item": "A", "quantity": 2, "day": "2022-11-01", "physician": "D1", "institution": "H1"}
    ],
}  # fmt: skip

VERDICT = {
    "claim_version": 1, "region": "440500", "institution_code": "F1", "physician_code": "D1", "encounter_type": "pharmacy",
    "service_date": "2022-11-02", "fund_amount": "50.00", "reason": "ok", "exempted_ground": None, "cost_bearer": "fund",
    "standing": "normal", "penalty_period": None, "rule_pack": "national-2024@1", "citations": [], "standing_revision": 1,
    "source": {"topic": "claims", "partition": 0, "offset": 0},
}  # fmt: skip


def sale(name: str, day: str = "2022-11-02", **more: Any) -> bytes:
    line = {"item": "A", "quantity": "2", "prescription": "r1", "amount": "20"}
    return wire({"id": name, "day": day, "kind": "pharmacy", "institution": "F1", "lines": [line], **more})


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    place = tmp_path / "lists.yaml"
    place.write_text(yaml.safe_dump({"dual_channel": json.loads(json.dumps(LISTS))}), "utf-8")
    return place


def claims(folder: Path, *lines: bytes) -> Path:
    place = folder / "claims.ndjson"
    place.write_bytes(b"\n".join(lines) + b"\n")
    return place


SHANTOU = ("--pack", "shantou-dual-channel", "--facts")


def test_a_prescription_that_is_used_again_becomes_a_case_and_goes_when_the_first_is_taken_back(tmp_path, lists):
    first = claims(tmp_path, sale("a"), sale("b", "2022-11-05"))
    found = tmp_path / "cases.ndjson"
    run = screening("longitudinal", first, *SHANTOU, lists, "--to", found, "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["cases"] == {"prescription_used_again": 1}
    (case,) = map(json.loads, found.read_text("utf-8").splitlines())
    assert (case["claim_id"], case["disposition"], case["rule_pack"]) == ("b", "review", "shantou-dual-channel@1")
    assert case["claims"] == [{"institution_code": "F1", "claim_id": "a"}]
    assert "2022-11-02" in case["explanation"]["zh"]

    back = sale("r", "2022-11-06", reverses=["F1", "a", 1], total="-100", fund="-50")
    later = claims(tmp_path, back, sale("b", "2022-11-05"), sale("a"))
    again = screening("longitudinal", later, *SHANTOU, lists, "--before", found, "--to", found, "--json")
    assert json.loads(again.stdout)["changes"] == {"closed": 1}
    assert found.read_text("utf-8") == ""


def test_rejected_claims_count_for_nothing_and_claims_without_a_verdict_wait(tmp_path, lists):
    place = claims(tmp_path, sale("a"), sale("b", "2022-11-05"), sale("c", "2022-11-06"))
    verdicts = tmp_path / "verdicts.parquet"
    pl.DataFrame(
        {"institution_code": ["F1", "F1"], "claim_id": ["a", "b"], "claim_version": [1, 1], "disposition": ["reject", "pay"]}
    ).write_parquet(verdicts)  # fmt: skip
    run = screening("longitudinal", place, *SHANTOU, lists, "--verdicts", verdicts, "--json")
    told = json.loads(run.stdout)
    assert (told["cases"], told["counted"], told["not_judged"]) == ({}, 1, 1), run.stderr


def test_the_same_claims_in_another_order_give_the_same_bytes(tmp_path, lists):
    made = []
    for lines in ((sale("a"), sale("b", "2022-11-05"), sale("d", "2022-11-03", insured="P2")),
                  (sale("d", "2022-11-03", insured="P2"), sale("b", "2022-11-05"), sale("a"))):  # fmt: skip
        target = tmp_path / f"cases-{len(made)}.ndjson"
        assert screening("longitudinal", claims(tmp_path, *lines), *SHANTOU, lists, "--to", target).returncode == 0
        made.append(target.read_bytes())
    assert made[0] == made[1]
    assert made[0].count(b"\n") == 2


def test_nothing_is_found_by_default_and_a_draft_without_a_day_is_refused(tmp_path, lists):
    place = claims(tmp_path, sale("a"), sale("b", "2022-11-05"))
    assert "2 claims count, 0 cases" in screening("longitudinal", place).stdout
    lists.write_text("dual_channel: {drugs: []}\n", "utf-8")
    run = screening("longitudinal", place, *SHANTOU, lists)
    assert (run.returncode, "dual_channel.issued" in run.stderr) == (2, True)


def test_rows_that_are_no_claims_are_counted_and_end_with_three(tmp_path, lists):
    run = screening("longitudinal", claims(tmp_path, sale("a"), b'{"claim_id": 1}'), *SHANTOU, lists)
    assert run.returncode == 3
    assert "1 rows are no claims" in run.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("students: {covers: [{insured: P1}]}", "students.covers.0.year"),
        ("dual_channel: {issued: soon}", "dual_channel.issued"),
        ("drugs: []", "drugs"),
    ],
)
def test_facts_that_cannot_be_used_are_named_by_their_place(tmp_path, text, told):
    facts = tmp_path / "facts.yaml"
    facts.write_text(text, "utf-8")
    run = screening("longitudinal", claims(tmp_path, sale("a")), "--facts", facts)
    assert run.returncode == 2
    assert told in run.stderr


def test_the_metrics_file_tells_every_ground(tmp_path, lists):
    metrics = tmp_path / "run.prom"
    place = claims(tmp_path, sale("a"), sale("b", "2022-11-05"))
    assert screening("longitudinal", place, *SHANTOU, lists, "--metrics-file", metrics).returncode == 0
    text = metrics.read_text("utf-8")
    assert 'screening_longitudinal_findings{ground="prescription_used_again",run="run"} 1.0' in text
    assert 'screening_longitudinal_findings{ground="over_dosage",run="run"} 0.0' in text
    assert 'screening_longitudinal_completed{run="run"} 1.0' in text


def test_the_archive_gives_claims_and_the_last_verdict_on_each(tmp_path, lists):
    """A claim that was judged again counts by its last verdict, whatever the order of the files."""
    lines = [sale("a"), sale("b", "2022-11-05")]
    place = tmp_path / "archive"
    given = claim_rows(Records("t", [0, 0], [0, 1], [0, 0], lines))
    ArchiveTable(str(place), CLAIM_TABLE).append(given.frame, "t", {0: 2})
    said = [("a", "reject", 1), ("a", "pay", 2), ("b", "pay", 1)]
    told = [
        {**VERDICT, "claim_id": name, "disposition": what, "screened_at": f"2022-12-0{day}T00:00:00Z"}
        for name, what, day in said[::-1]
    ]
    judged = verdict_rows(Records("t", [0] * 3, list(range(3)), [0] * 3, [json.dumps(one).encode() for one in told]))
    ArchiveTable(str(place), VERDICT_TABLE).append(judged.frame, "t", {0: 3})
    run = screening("longitudinal", place, "--verdicts", place, *SHANTOU, lists, "--json")
    assert json.loads(run.stdout)["cases"] == {"prescription_used_again": 1}, run.stderr
    year = screening("supervise", "measures", place, "--verdicts", place, "--year", 2022, "--json")
    assert json.loads(year.stdout)["areas"][0]["fund_amount"] == "100.00", year.stderr


def test_a_run_that_could_not_end_says_so_in_its_metrics(tmp_path, lists):
    metrics = tmp_path / "run.prom"
    assert (
        screening("longitudinal", tmp_path / "nothing.ndjson", *SHANTOU, lists, "--metrics-file", metrics).returncode
        == 1
    )
    text = metrics.read_text("utf-8")
    assert 'screening_longitudinal_completed{run="run"} 0.0' in text
    assert "screening_longitudinal_findings{" not in text, "of a run that failed there are no figures"
