"""Files as centres really have them, of the shared folder: what each comes to, and what is said of it.

In its events the physician D522701000001 is in a penalty period from 2023-05-11 to 2023-08-10, and D522701000002 is in good standing.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from pipeline.cli.replay import replay_command
from tests.support.replaying import verdicts

pytestmark = pytest.mark.shared

NATIONAL = "--mapping=national-settlement"


@dataclass(frozen=True)
class Replayed:
    """What a replay of one of the files came to."""

    exit_code: int
    said: str
    out: Path

    @property
    def record(self) -> dict[str, Any]:
        """run.json."""
        return json.loads((self.out / "run.json").read_text("utf-8"))

    @property
    def verdicts(self) -> pl.DataFrame:
        """All verdicts, in the order of the input."""
        return verdicts(self.out)

    @property
    def fund(self) -> Decimal:
        """The fund share of all verdicts."""
        return sum(self.verdicts["fund_amount"], Decimal(0))

    def rulings(self, column: str = "disposition") -> dict[str, str]:
        """One column of the verdicts, by claim."""
        return dict(self.verdicts.select("claim_id", column).iter_rows())

    def aside(self) -> list[dict[str, Any]]:
        """Rows that are no claims."""
        return pl.read_parquet(self.out / "rejected-input.parquet").to_dicts()

    def adds_up(self) -> None:
        """Every row is judged, set aside or told as one that came more than once."""
        counts = self.record["counts"]
        assert counts["rows"] == sum(
            counts[name] for name in ("accepted", "rejected", "duplicate", "replaced", "conflict")
        )


class Faults:
    """Replays files of the shared folder."""

    def __init__(self, folder: Path, out: Path) -> None:
        self.folder = folder
        self._out = out
        self._runs = 0

    def replay(self, name: str | Path, *options: str, events: str = "events.ndjson") -> Replayed:
        """A replay of a file, in this process."""
        self._runs += 1
        out = self._out / str(self._runs)
        done = CliRunner().invoke(
            replay_command,
            [
                str(self.folder / name),
                "--events",
                str(self.folder / events),
                "--out",
                str(out),
                "--no-report",
                *options,
            ],
        )
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        said = " ".join((done.stderr + done.stdout).split())
        return Replayed(done.exit_code, said, out)


@pytest.fixture
def faults(shared: Path, tmp_path: Path) -> Faults:
    """The files of the kinds that failed."""
    return Faults(shared / "faults" / "intake", tmp_path / "out")


def test_an_unclosed_quote_costs_its_own_line_only(faults: Faults) -> None:
    made = faults.replay("01-stray-quote/unclosed-at-start.csv")
    assert made.rulings() == dict.fromkeys(["C1", "C3", "C4", "C5"], "pay")
    [aside] = made.aside()
    assert aside["line"] == 3
    assert "a quote is opened and not closed" in aside["problem"]
    made.adds_up()


def test_a_damaged_gzip_file_is_told_with_how_far_it_was_read(faults: Faults) -> None:
    made = faults.replay("02-gz/flipped.ndjson.gz")
    assert made.exit_code == 1
    assert "flipped.ndjson.gz: cannot be read beyond line " in made.said
    assert "its compression is damaged" in made.said


@pytest.mark.parametrize("name", ["early-bilg", "late-bilg"])
def test_a_column_that_is_first_named_late_counts_like_one_that_is_named_early(faults: Faults, name: str) -> None:
    made = faults.replay(f"03-late-key/{name}.ndjson.gz", NATIONAL)
    assert made.verdicts.group_by("disposition", "reason").len().sort("len").rows() == [
        ("reject", "in_penalty_period", 10),
        ("pay", "ok", made.record["counts"]["rows"] - 10),
    ]


@pytest.mark.parametrize(
    ("name", "fund"),
    [
        ("setl_d-both-flagged.csv", "50.00"),
        ("flag-float.parquet", "100.00"),
        ("flag-tab.csv", "0.00"),
        ("flag-1.0.csv", "0.00"),
    ],
)
def test_refunds_are_taken_back_once_whatever_form_their_flag_has(faults: Faults, name: str, fund: str) -> None:
    made = faults.replay(f"04-refund/{name}", NATIONAL)
    assert made.fund == Decimal(fund)
    made.adds_up()


def test_the_zone_of_the_source_and_the_day_in_china_are_two_settings(faults: Faults) -> None:
    made = faults.replay("05-timestamps/utc-naive.parquet", f"--mapping={faults.folder}/05-timestamps/utc.yaml")
    assert made.exit_code == 0
    assert made.verdicts["service_date"].cast(pl.String).to_list() == ["2023-05-11", "2023-08-11"]
    assert made.rulings("reason") == {"S1": "in_penalty_period", "S2": "pending_reinstatement"}


def test_one_digit_days_of_a_spreadsheet_are_read(faults: Faults) -> None:
    made = faults.replay("06-dates/excel.csv", f"--mapping={faults.folder}/06-dates/excel.yaml")
    assert made.verdicts["service_date"].cast(pl.String).to_list() == ["2023-05-01", "2023-05-12", "2023-12-31"]


def test_minutes_in_the_place_of_months_are_refused_when_the_mapping_is_loaded(faults: Faults) -> None:
    made = faults.replay("06-dates/mixed.csv", f"--mapping={faults.folder}/06-dates/lower-mm.yaml")
    assert made.exit_code == 2
    assert "months are MM, mm are minutes" in made.said


def test_several_forms_of_days_are_tried_in_order(faults: Faults) -> None:
    made = faults.replay("06-dates/mixed.csv", NATIONAL)
    assert made.verdicts["service_date"].cast(pl.String).to_list() == ["2023-05-01", "2023-05-12", "2023-05-13"]


def test_words_for_nothing_are_no_physician_and_the_next_column_is_asked(faults: Faults) -> None:
    made = faults.replay("07-placeholders/null-words.csv", NATIONAL)
    assert made.verdicts["physician_code"].unique().to_list() == ["D522701000002"]
    assert set(made.rulings().values()) == {"pay"}
    assert made.record["counts"]["accepted"] == 19
    assert made.record["counts"]["null_words"]["physician_code"] >= 10, "what was taken for nothing is counted by field"


def test_amounts_are_taken_where_they_are_exact_and_refused_elsewhere(faults: Faults) -> None:
    made = faults.replay("07-placeholders/money-forms.csv", NATIONAL)
    taken = set(made.rulings())
    refused = {json.loads(row["raw"])["setl_id"] for row in made.aside() if row["raw"].startswith('{"setl_id')}
    for exact in ("S01", "S02", "S03", "S04", "S05", "S09", "S11", "S18", "S25"):
        assert exact in taken
    for doubtful in ("S06", "S07", "S08", "S19", "S20", "S22", "S31", "S34", "S35"):
        assert doubtful not in taken
    assert not taken & refused
    made.adds_up()


def test_an_institution_is_the_same_with_blanks_and_in_small_letters(faults: Faults) -> None:
    made = faults.replay("08-institution-padding/terminated.csv", events="08-institution-padding/events.ndjson")
    assert set(made.rulings().values()) == {"reject"}
    assert made.record["counts"]["accepted"] == 5


def test_a_claim_in_two_exports_counts_once_and_is_told(faults: Faults) -> None:
    made = faults.replay("10-duplicates/folder")
    assert sorted(made.rulings()) == ["C1", "C2", "C3"]
    assert made.record["counts"]["duplicate"] == 1
    assert "the same claim once more: 1" in made.said
    made.adds_up()


def test_a_later_version_replaces_the_earlier_and_a_negative_one_reverses_it(faults: Faults) -> None:
    made = faults.replay("10-duplicates/replaced-and-void.csv")
    sums = made.verdicts.group_by("claim_id").agg(pl.col("fund_amount").sum()).sort("claim_id").rows()
    assert sums == [("C1", Decimal("80.00")), ("C2", Decimal("0.00"))]
    assert (made.record["counts"]["replaced"], made.record["counts"]["reversals"]) == (1, 1)
    made.adds_up()


@pytest.mark.parametrize("name", ["two-physicians.csv", "other-claim-same-id.csv"])
def test_two_claims_with_one_identity_are_a_conflict_that_people_see_and_no_money_goes(
    faults: Faults, name: str
) -> None:
    made = faults.replay(f"10-duplicates/{name}")
    assert made.verdicts.is_empty()
    assert made.exit_code == 1
    assert made.record["counts"]["conflict"] == 2
    assert "other content under the same identity" in made.said
    assert pl.read_parquet(made.out / "repeated-claims.parquet")["kind"].to_list() == ["conflict"] * 2
    made.adds_up()


def test_every_line_of_a_csv_with_a_short_row_is_accounted_for(faults: Faults) -> None:
    made = faults.replay("12-csv-shapes/short-row.csv")
    assert sorted(made.rulings()) == ["C1", "C3"]
    [aside] = made.aside()
    assert (aside["line"], aside["problem"]) == (3, "4 fields; the header names 14")


def test_gbk_is_found_and_told(faults: Faults) -> None:
    made = faults.replay("12-csv-shapes/gbk.csv")
    assert sorted(made.rulings()) == ["C1", "C2"]
    assert "is read as GB18030" in made.said


@pytest.mark.parametrize("name", ["warehouse-tabs.csv", "warehouse-tabs-gbk.csv"])
def test_a_warehouse_export_with_tabs_around_every_field_is_read(faults: Faults, name: str) -> None:
    made = faults.replay(f"21-guizhou-tabs/{name}", NATIONAL)
    assert made.verdicts.select("physician_code", "fund_amount", "disposition").rows() == [
        ("D522701000001", Decimal("98.70"), "reject"),
        ("D522701000002", Decimal("-98.70"), "pay"),
    ]


@pytest.mark.parametrize(
    ("name", "fund", "accepted"),
    [("dictionary.parquet", "200.00", 2), ("decimal-38-10.parquet", "98.70", 1), ("float64.parquet", "98.70", 1)],
)
def test_types_of_parquet_are_taken_where_they_are_exact(faults: Faults, name: str, fund: str, accepted: int) -> None:
    made = faults.replay(f"13-parquet-types/{name}")
    assert (made.fund, made.record["counts"]["accepted"]) == (Decimal(fund), accepted)
    made.adds_up()


def test_ids_in_floating_point_are_refused_by_name(faults: Faults) -> None:
    made = faults.replay("13-parquet-types/float-ids.parquet")
    assert made.exit_code == 2
    assert "claim_id: column claim_id is Float64; expected text or whole numbers" in made.said


def test_whole_numbers_of_money_are_told_and_fen_are_a_setting(faults: Faults, tmp_path: Path) -> None:
    told = faults.replay("13-parquet-types/int-fen.parquet")
    assert "say `unit: fen` if they are fen" in told.said
    text = (Path("pipeline/inputs/mappings/contract.yaml")).read_text("utf-8")
    mapping = tmp_path / "fen.yaml"
    mapping.write_text(
        text.replace("total_amount: total_amount", "total_amount: {column: total_amount, unit: fen}")
        .replace("fund_amount: fund_amount", "fund_amount: {column: fund_amount, unit: fen}")
        .replace("name: contract", "name: fen"),
        "utf-8",
    )
    made = faults.replay("13-parquet-types/int-fen.parquet", f"--mapping={mapping}")
    assert made.verdicts["fund_amount"].to_list() == [Decimal("98.70")] * 2


@pytest.mark.parametrize("name", ["5203-flat.ndjson", "5203-response.json", "5203-array.json"])
def test_responses_of_the_interface_are_read_as_they_are(faults: Faults, name: str) -> None:
    made = faults.replay(f"14-interface/{name}", NATIONAL)
    assert made.verdicts.select("claim_id", "region", "fund_amount", "reason").rows() == [
        ("522700G0000000901403", "522701", Decimal("98.70"), "physician_missing")
    ]
    assert made.record["counts"]["duplicate"] == (1 if "array" in name else 0)


@pytest.mark.parametrize(("name", "mapping"), [("3101.ndjson", "national-precheck"), ("eob.ndjson", "fhir-r4-eob")])
def test_nested_documents_are_read_by_paths(faults: Faults, name: str, mapping: str) -> None:
    made = faults.replay(f"14-interface/{name}", f"--mapping={mapping}")
    assert made.verdicts.select("region", "physician_code", "fund_amount", "disposition").rows() == [
        ("522701", "D522701000001", Decimal("98.70"), "reject")
    ]


def test_the_place_of_care_picks_the_law_not_the_place_of_insurance(faults: Faults) -> None:
    made = faults.replay("15-region/insured-elsewhere.csv", NATIONAL, events="15-region/events.ndjson")
    rulings = made.rulings()
    assert len(rulings) == 12
    for number in range(1, 13):
        assert rulings[f"S{number}"] == ("reject" if number % 2 else "pay")


def test_names_in_capital_letters_are_files_like_others(faults: Faults) -> None:
    assert sorted(faults.replay("17-folders/mixedcase").rulings()) == ["C1", "C2"]


def test_numbers_of_json_are_taken_as_they_are_written(faults: Faults) -> None:
    made = faults.replay("22-json-numbers/numbers.ndjson", NATIONAL)
    taken = made.rulings("fund_amount")
    assert taken["S5"] == Decimal("100.00")
    assert "123456789012345678901234567890" in taken
    assert {"S3", "S4", "S12", "S14"}.isdisjoint(taken)
    assert not any(name.startswith("5.2") or name.startswith("52000") for name in taken)
    made.adds_up()


@pytest.mark.parametrize("name", ["misspelt.csv", "blank-in-header.csv"])
def test_a_misspelt_column_is_told_before_anything_is_judged_and_strict_refuses(faults: Faults, name: str) -> None:
    made = faults.replay(f"24-misspelt-optional/{name}")
    assert "physician_code" in made.said.split("claims judged")[0]
    strict = faults.replay(f"24-misspelt-optional/{name}", "--strict")
    assert strict.exit_code == 1
    assert not (strict.out / "run.json").exists()


def test_days_and_amounts_that_cannot_be_so_go_to_a_person_with_the_field_named(faults: Faults) -> None:
    made = faults.replay("19-sentinels/sentinel-dates.csv")
    reasons = made.rulings("reason")
    assert reasons["C1"] == "in_penalty_period"
    assert {claim for claim, reason in reasons.items() if reason == "implausible"} == {
        "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C20", "C21", "C22",
    }  # fmt: skip
    by_field: Counter[str] = Counter()
    for row in made.record["rule_sets"][0]["by_ruling"]:
        if row["reason"] == "implausible":
            by_field[row["field"]] += row["claims"]
    assert by_field == {"service_date": 4, "service_start": 1, "fund_amount": 2, "settlement_time": 3}
    made.adds_up()
