"""What runs and ends tells its outcome in a file: a replay's figures, and options that cannot be meant."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.audit.findings import Fault, Findings
from pipeline.cli.exits import Exit
from pipeline.cli.main import main
from rules.events import encode
from tests.support.histories import make
from tests.support.metrics_files import of, samples, value
from tests.support.replaying import sample_claims, sample_events, write_events, write_lines
from topics.claims.codec import ClaimError

PHYSICIAN = "D522701000001"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--metrics-file", "audit.txt"], "node_exporter reads files named *.prom only"),
        (["--metrics-file", "no/such/audit.prom"], "there is no folder"),
        (["--every", "15"], "write a number with its unit: 90s, 15m, 6h, 1d"),
        (["--every", "0m"], "'0m' is no time"),
    ],
)
def test_wrong_options_are_told_before_anything_is_audited(options: list[str], says: str) -> None:
    done = CliRunner().invoke(main, ["audit", *options], env={"COLUMNS": "300"})
    assert done.exit_code == 2
    assert says in done.stderr


def test_a_kind_of_difference_without_a_metric_cannot_be_told_and_a_flood_of_one_kind_is_counted_but_not_kept() -> None:
    findings = Findings()
    with pytest.raises(ValueError, match="claims has no kind of difference called two_partitions"):
        findings.differ("claims", Fault.TWO_PARTITIONS, "claims/0", "")
    for number in range(10_500):
        findings.differ("claims", Fault.FOREIGN_OUTCOME, f"claim-verdicts/0/{number}", "")
    assert len(findings.differences) == 10_000
    assert findings.by_kind() == {("claims", "foreign_outcome"): 10_500}


def replay(folder: Path, out: str, *options: str) -> Result:
    """The command on the sample in a folder; its metrics lie beside it."""
    claims, events = folder / "claims.ndjson", folder / "events.ndjson"
    if not claims.exists():
        write_lines(claims, sample_claims(3_000, broken_share=0.05))
        write_events(events, sample_events())
    arguments = ["replay", str(claims), "--events", str(events), "--out", str(folder / out), *options]
    return CliRunner().invoke(main, arguments, env={"COLUMNS": "300"})


@pytest.mark.long
def test_a_replays_metrics_are_the_figures_of_its_record(tmp_path: Path) -> None:
    file = tmp_path / "year.prom"
    done = replay(tmp_path, "year", "--metrics-file", str(file), "--set", "qiannan-2022.penalty.months=6")
    assert done.exit_code == Exit.PARTLY, done.stderr
    found, run = samples(file), json.loads((tmp_path / "year" / "run.json").read_text())
    assert {dict(labels)["replay"] for _, labels in found} == {"year"}
    assert value(found, "screening_replay_completed", replay="year") == 1
    assert value(found, "screening_replay_claims", replay="year") == run["counts"]["accepted"]
    refused = {dict(labels)["reason"]: count for labels, count in of(found, "screening_replay_refused_rows").items()}
    assert set(refused) == set(ClaimError.KINDS)
    assert {reason: count for reason, count in refused.items() if count} == run["counts"]["rejected_by_reason"]
    for rule_set, told in zip(("first", "second"), run["rule_sets"], strict=True):
        for disposition, row in told["by_disposition"].items():
            labels = {"replay": "year", "rule_set": rule_set, "disposition": disposition}
            money = value(found, "screening_replay_fund_amount_yuan", **labels)
            assert Decimal(str(money)) == Decimal(row["fund_amount"])
            verdicts = of(found, "screening_replay_verdicts")
            assert sum(count for key, count in verdicts.items() if key >= labels.items()) == row["claims"]
    changed = {
        (dict(labels)["from_disposition"], dict(labels)["to_disposition"]): count
        for labels, count in of(found, "screening_replay_changed_claims").items()
    }
    flips = json.loads((tmp_path / "year" / "report.json").read_text())["what_if"]["flips"]
    assert len(changed) == 9
    assert sum(count for (one, other), count in changed.items() if one != other) == flips["claims"] > 0
    assert sum(count for (one, other), count in changed.items() if one == other) == flips["told_otherwise"]

    again = tmp_path / "again.prom"
    options = ["--set", "qiannan-2022.penalty.months=6", "--no-report", "--metrics-file", str(again)]
    assert replay(tmp_path, "unreported", *options, "--metrics-name", "year").exit_code == Exit.PARTLY
    assert of(samples(again), "screening_replay_changed_claims") == of(found, "screening_replay_changed_claims")


def test_a_replay_that_was_complete_already_has_figures_and_no_speed(tmp_path: Path) -> None:
    file = tmp_path / "year.prom"
    assert replay(tmp_path, "year", "--no-report", "--metrics-file", str(file)).exit_code == Exit.PARTLY
    first = samples(file)
    assert (value(first, "screening_replay_rows_per_second", replay="year") or 0) > 0
    assert replay(tmp_path, "year", "--no-report", "--metrics-file", str(file)).exit_code == Exit.PARTLY
    second = samples(file)
    assert value(second, "screening_replay_rows_per_second", replay="year") is None
    assert of(second, "screening_replay_verdicts") == of(first, "screening_replay_verdicts") != {}


def test_a_replay_that_fails_keeps_nothing_of_the_last_but_its_time(tmp_path: Path) -> None:
    file = tmp_path / "year.prom"
    assert replay(tmp_path, "year", "--no-report", "--metrics-file", str(file)).exit_code == Exit.PARTLY
    before = samples(file)
    (tmp_path / "events.ndjson").write_bytes(
        encode(make("registration", "2023-01-03", 1, region="522700", physician_code=PHYSICIAN)) + b"\n"
    )
    done = replay(tmp_path, "year", "--no-report", "--metrics-file", str(file))
    assert (done.exit_code, "differs in events" in done.stderr) == (1, True), done.stderr
    after = samples(file)
    assert value(after, "screening_replay_completed", replay="year") == 0
    last = "screening_replay_last_completed_timestamp_seconds"
    assert of(after, last) == of(before, last) != {}
    assert {name.removeprefix("screening_replay_") for name, _ in after} == {
        "completed", "last_completed_timestamp_seconds", "last_run_timestamp_seconds", "duration_seconds",
    }  # fmt: skip


def test_a_name_for_metrics_that_are_not_written_is_refused(tmp_path: Path) -> None:
    done = replay(tmp_path, "year", "--metrics-name", "year")
    assert (done.exit_code, "it goes with --metrics-file" in done.stderr) == (2, True)
