"""The files that failed, given to the commands beside `replay`: what `explain`, `load`, `conformance` and `sample` say of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipeline.cli.main import main
from pipeline.inputs.errors import InputError
from pipeline.inputs.mapping import load_mapping
from pipeline.inputs.sources import open_inputs
from pipeline.loading import Loaded, checked_claims

pytestmark = pytest.mark.shared


@pytest.fixture
def faults(shared: Path) -> Path:
    """The folder of the files that failed."""
    return shared / "faults" / "intake"


def run(*arguments: object) -> Result:
    """A command in this process; it never ends in a traceback."""
    done = CliRunner().invoke(main, [str(item) for item in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def explained(claim: Path, events: Path) -> tuple[dict[str, Any], str]:
    done = run("explain", "--claim", claim, "--events", events, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout.splitlines()[0]), " ".join(done.stderr.split())


def loaded(file: Path, mapping: str = "contract") -> Loaded:
    """What `load claims` would send of a file, without sending it."""
    made = load_mapping(mapping)
    counts = Loaded()
    for piece in checked_claims(open_inputs(str(file), made), made, counts):
        counts.lines += piece.lines
        counts.sent += len(piece.records)
        counts.bad += len(piece.bad)
        counts.duplicates += piece.duplicates
    return counts


@pytest.mark.parametrize(
    ("name", "reason"),
    [("padded", "in_penalty_period"), ("bom", "in_penalty_period"), ("gbk-id", "ok"), ("deep", "ok")],
)
def test_events_that_are_written_strangely_count_and_those_that_are_none_are_named(
    faults: Path, name: str, reason: str
) -> None:
    told, said = explained(faults / "09-padded-events/claim.json", faults / f"09-padded-events/{name}.ndjson")
    assert told["verdict"]["reason"] == reason
    assert bool(re.search(r"ndjson:\d+: ", said)) is (name in ("gbk-id", "deep"))


def test_a_blank_in_the_code_of_an_institution_does_not_pay_it(faults: Path) -> None:
    folder = faults / "08-institution-padding"
    told, _ = explained(folder / "claim.json", folder / "events.ndjson")
    assert told["verdict"]["reason"] == "institution_agreement_terminated"


def test_the_refund_of_a_claim_that_is_rejected_is_worded_as_a_refund(faults: Path) -> None:
    told, _ = explained(faults / "04-refund/reversal.json", faults / "events.ndjson")
    assert told["verdict"]["reason"] == "in_penalty_period"
    for text in (told["decision"], told["explanation"]):
        assert text["zh"].count("退费") == 1
        assert "refund" in text["en"].lower()
        assert "bears it" not in text["en"]
    assert "98.70元" in told["decision"]["zh"]
    assert "-98.70" not in told["decision"]["zh"]


def test_every_one_of_20001_rows_is_loaded_or_told_although_the_last_opens_a_quote(
    tmp_path: Path, faults: Path
) -> None:
    made = (faults / "12-csv-shapes/make-20001.py").read_text("utf-8")
    file = tmp_path / "load-20001.csv"
    exec(made.replace("/tmp/h1/load-20001.csv", str(file)), {})  # the shared script writes the file
    counts = loaded(file)
    assert counts.lines == 20_001
    assert counts.sent + counts.bad == 20_001


@pytest.mark.parametrize(
    ("name", "mapping", "sent", "bad"),
    [
        ("01-stray-quote/unclosed-at-start.csv", "contract", 4, 1),
        ("04-refund/flag-tab.csv", "national-settlement", None, 0),
        ("07-placeholders/null-words.csv", "national-settlement", 19, 0),
        ("08-institution-padding/terminated.csv", "contract", 5, 0),
        ("10-duplicates/folder", "contract", 3, 0),
        ("12-csv-shapes/gbk.csv", "contract", 2, 0),
        ("13-parquet-types/dictionary.parquet", "contract", 2, 0),
        ("13-parquet-types/decimal-38-10.parquet", "contract", 1, 1),
        ("13-parquet-types/float64.parquet", "contract", 1, 1),
        ("14-interface/5203-array.json", "national-settlement", 1, 0),
        ("14-interface/eob.ndjson", "fhir-r4-eob", 1, 0),
        ("17-folders/mixedcase", "contract", 2, 0),
        ("21-guizhou-tabs/warehouse-tabs-gbk.csv", "national-settlement", 2, 0),
    ],
)
def test_load_sends_what_replay_judges(faults: Path, name: str, mapping: str, sent: int | None, bad: int) -> None:
    counts = loaded(faults / name, mapping)
    assert counts.bad == bad
    assert sent is None or counts.sent == sent
    assert (
        counts.lines + counts.further == counts.sent + counts.bad + counts.duplicates + counts.continued + counts.blank
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("13-parquet-types/float-ids.parquet", "claim_id: column claim_id is Float64; expected text or whole numbers"),
        ("02-gz/flipped.ndjson.gz", "its compression is damaged"),
    ],
)
def test_what_replay_refuses_load_and_sample_refuse_too(faults: Path, tmp_path: Path, name: str, told: str) -> None:
    with pytest.raises(InputError, match=re.escape(told)):
        loaded(faults / name)
    done = run("sample", "events-for", faults / name, tmp_path / "events.ndjson")
    assert done.exit_code != 0
    assert told in " ".join(done.stderr.split())


def test_a_file_of_which_every_row_is_set_aside_is_never_done(faults: Path, tmp_path: Path) -> None:
    header = (faults / "00-base/base.csv").read_text("utf-8").splitlines()[0]
    (file := tmp_path / "bad.csv").write_text(f"{header}\nx,y\n", "utf-8")
    assert run("sample", "events-for", file, tmp_path / "events.ndjson").exit_code == 1
    events = ("--events", faults / "events.ndjson", "--no-report", "--out", tmp_path / "out")
    assert run("replay", file, *events).exit_code == 1


def test_conformance_names_a_damaged_file_and_a_line_that_is_no_case(faults: Path, tmp_path: Path) -> None:
    (folder := tmp_path / "cases").mkdir()
    (folder / "damaged.jsonl.gz").write_bytes((faults / "02-gz/flipped.ndjson.gz").read_bytes())
    assert run("conformance", folder / "damaged.jsonl.gz").exit_code == 2
    for name in ("gbk-id", "deep"):
        done = run("conformance", faults / f"09-padded-events/{name}.ndjson")
        assert done.exit_code == 1
        assert re.search(r"0 passed, \d+ failed", done.stdout)
