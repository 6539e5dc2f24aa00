"""Every cause for which a verdict may differ from the one recorded, each from a range that was copied before."""

from __future__ import annotations

import copy
import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from pipeline.cli.main import main
from pipeline.replay.output import EVENTS_SCHEMA, INPUT_SCHEMA, RECORDED_SCHEMA
from rules.events import Event, encode
from tests.support.histories import make
from tests.support.replaying import run, sample_claims, sample_events, verdicts, write_events, write_lines
from topics.verdicts.shape import on_the_wire

CLAIMS = 400
SCREENED = "2026-11-23T08:00:00.123+08:00"
ASKED = {
    "topic": "claims",
    "from_offsets": None,
    "to_offsets": None,
    "since": None,
    "until": None,
    "events_copied": False,
}
Row = dict[str, Any]


class Copied:
    """A range as it is copied: offsets in steps of two, all in partition 3, every claim judged as the law says."""

    def __init__(self, folder: Path, values: list[bytes], events: list[Event], rows: list[Row] | None = None) -> None:
        self.folder = folder
        self.events = write_events(folder / "events.ndjson", events)
        self.values: list[bytes | None] = list(values)
        self.rows = self._judged() if rows is None else copy.deepcopy(rows)

    def _judged(self) -> list[Row]:
        """What a plain replay says, as if it had been recorded."""
        plain = self.folder / "plain"
        told = run(plain, write_lines(self.folder / "claims.ndjson", self.values), self.events)
        assert told["counts"]["accepted"] == len(self.values)
        found = verdicts(plain)
        return [
            {"partition": 3, "offset": 2 * row.pop("source_row"), "outcome": "verdict", "screened_at": SCREENED, **row}
            for row in found.select("source_row", *on_the_wire(found)).to_dicts()
        ]

    def replay(self, *options: str) -> tuple[int, Row, list[Row]]:
        """Exit code, the record's part on what was recorded, and the differences."""
        out = self.folder / "out"
        for name, rows, schema in (
            ("input/claims-0", self._input(), INPUT_SCHEMA),
            ("recorded/part-0", self.rows, RECORDED_SCHEMA),
        ):
            path = out / f"{name}.parquet"
            path.parent.mkdir(parents=True)
            pl.DataFrame([{key: row.get(key) for key in schema} for row in rows], schema=schema).write_parquet(path)
        parts = {"claims-0.parquet": [3, 0, 2 * len(self.values)]}
        (out / "capture.json").write_text(json.dumps({"asked": ASKED, "ranges": {}, "parts": parts}), "utf-8")
        arguments = ["replay", "--from-topic", "--events", str(self.events), "--out", str(out), "--json", "--no-report"]
        done = CliRunner().invoke(main, [*arguments, *options])
        assert done.exit_code in (0, 1), done.output
        told = json.loads(done.stdout)["recorded"]
        return done.exit_code, told, pl.read_parquet(out / "differences.parquet").to_dicts()

    def _input(self) -> list[Row]:
        return [{"partition": 3, "offset": 2 * row, "value": value} for row, value in enumerate(self.values)]

    def known(self, reason: str | None = None) -> Row:
        """The record of a verdict on a physician of whom something is known."""
        return next(row for row in self.rows if row["standing_revision"] and reason in (None, row["reason"]))


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    return Copied(tmp_path_factory.mktemp("recorded"), sample_claims(CLAIMS), sample_events()).rows


@pytest.fixture
def copied(tmp_path: Path, rows: list[Row]) -> Copied:
    return Copied(tmp_path, sample_claims(CLAIMS), sample_events(), rows)


def test_what_is_as_recorded_is_no_difference_whatever_the_amount_is_written_like(copied: Copied) -> None:
    at = next(row for row in copied.rows if row["fund_amount"].endswith("0"))
    at["fund_amount"] = at["fund_amount"].rstrip("0").rstrip(".")
    assert copied.replay() == (0, {"compared": CLAIMS, "equal": CLAIMS, "differing": 0, "by_cause": {}}, [])


def _operational(copied: Copied) -> Row:
    return copied.known() | {"reason": "standing_stale", "disposition": "review"}


def _missing_event(copied: Copied) -> Row:
    row = copied.known()
    return row | {"standing_revision": row["standing_revision"] + 5}


def _edited(copied: Copied) -> Row:
    return copied.known() | {"cost_bearer": "patient", "citations": ["none"]}


def _other_pack(copied: Copied) -> Row:
    return copied.known() | {"rule_pack": "older@1"}


def _unreadable(copied: Copied) -> Row:
    place = {key: copied.known()[key] for key in ("partition", "offset")}
    return place | {"outcome": "unreadable", "error": "no verdict"}


def _set_aside(copied: Copied) -> Row:
    return _unreadable(copied) | {"outcome": "dead_letter"}


@pytest.mark.parametrize(
    ("spoil", "cause", "fields"),
    [
        (_operational, "operational", {"reason"}),
        (_missing_event, "missing_event", {"standing_revision"}),
        (_edited, "other_code", {"cost_bearer", "citations"}),
        (_other_pack, "other_pack", {"rule_pack"}),
        (_unreadable, "unreadable", set()),
        (_set_aside, "other_code", set()),
    ],
    ids=lambda item: item.__name__.strip("_") if callable(item) else None,
)
def test_a_record_that_does_not_follow_is_listed_with_its_cause(
    copied: Copied, spoil: Callable[[Copied], Row], cause: str, fields: set[str]
) -> None:
    spoiled = spoil(copied)
    copied.rows = [spoiled if row["offset"] == spoiled["offset"] else row for row in copied.rows]
    code, told, rows = copied.replay()
    assert (code, told["by_cause"]) == (1, {cause: 1})
    assert [(row["partition"], row["offset"], row["cause"]) for row in rows] == [(3, spoiled["offset"], cause)]
    assert set(rows[0]["fields"]) >= fields
    assert rows[0]["recorded_outcome"] == spoiled["outcome"]
    assert rows[0]["replayed_outcome"] == "verdict"


def test_outcomes_that_are_missing_or_one_too_many_or_of_no_record_are_listed(copied: Copied) -> None:
    copied.values[7] = b"no claim"
    gone, twice = copied.rows.pop(20), copied.rows[30]
    copied.rows += [dict(twice), {"partition": 3, "offset": 51, "outcome": "dead_letter", "error": "of nothing"}]
    code, _, rows = copied.replay("--as-known-now")
    assert code == 1
    assert [(row["offset"], row["cause"], row["outcomes"]) for row in rows] == [
        (14, "other_code", 1),
        (gone["offset"], "not_recorded", 0),
        (51, "no_such_record", 1),
        (twice["offset"], "recorded_twice", 2),
    ]
    assert [rows[0][f"{side}_outcome"] for side in ("recorded", "replayed")] == ["verdict", "dead_letter"]


def _lanzhou(number: int, kind: str, **fields: Any) -> Event:
    own = {"region": "620100", "institution": "H7", "physician_code": "D620100777777", "event_id": f"L{number}"}
    return make(kind, "2015-01-05", number, **own | fields)


def _ended(minutes: int) -> tuple[list[Event], Event]:
    """A physician's registration, and the institution's agreement, recorded as ended so long before the claim was screened."""
    person = [_lanzhou(1, "registration"), _lanzhou(2, "agreement", start="2015-01-05", end="2016-12-31")]
    recorded_at = dt.datetime.fromisoformat(SCREENED) - dt.timedelta(minutes=minutes)
    ended = _lanzhou(
        3,
        "institution_snapshot",
        physician_code=None,
        approved_physicians=20,
        cancelled_in_term=5,
        recorded_at=recorded_at.isoformat(),
    )
    return person, ended


def _at_the_institution(tmp_path: Path, heard: bool, minutes: int) -> Copied:
    """One claim, judged by a gate that had heard of the end of the agreement or not."""
    person, ended = _ended(minutes)
    told = json.loads(sample_claims(1)[0]) | {
        "region": "620100",
        "institution_code": "H7",
        "physician_code": "D620100777777",
        "encounter_type": "outpatient",
        "service_date": "2016-03-01",
        "service_start": None,
    }
    copied = Copied(tmp_path, [json.dumps(told).encode()], [*person, *([ended] if heard else [])])
    assert copied.rows[0]["reason"] == ("institution_agreement_terminated" if heard else "ok")
    write_events(copied.events, [*person, ended])
    return copied


@pytest.mark.parametrize(
    ("minutes", "heard", "equal"),
    [
        (30, True, True),
        (30, False, False),
        (5, True, True),
        (5, False, True),
        (-5, False, True),
        (-5, True, True),
        (-30, True, False),
    ],
)
def test_an_institutions_event_may_be_ten_minutes_on_its_way_to_the_gate_and_no_longer(
    tmp_path: Path, minutes: int, heard: bool, equal: bool
) -> None:
    """Of verdicts that do not say by what register they were given."""
    copied = _at_the_institution(tmp_path, heard, minutes)
    code, found, _ = copied.replay()
    assert (code, found["by_cause"]) == ((0, {}) if equal else (1, {"other_code": 1}))


@pytest.mark.parametrize("heard", [True, False])
@pytest.mark.parametrize("minutes", [30, 0, -30])
@pytest.mark.parametrize("named", [0, 1])
def test_a_verdict_that_names_its_register_is_held_against_that_state_of_the_institution_alone(
    tmp_path: Path, heard: bool, minutes: int, named: int
) -> None:
    """However shortly before or after: what a gate that names the event did not heed is a difference, and the other way round."""
    copied = _at_the_institution(tmp_path, heard, minutes)
    copied.rows[0] |= {"register_offset": 5, "register_institution": named or None}
    code, found, _ = copied.replay()
    assert (code, found["by_cause"]) == ((0, {}) if heard == bool(named) else (1, {"other_code": 1}))


def test_a_register_that_names_no_revision_is_counted_by_how_far_it_had_come_in_the_topic(tmp_path: Path) -> None:
    copied = _at_the_institution(tmp_path, heard=True, minutes=-30)
    person, ended = _ended(-30)
    copied.events = tmp_path / "events.parquet"
    rows = [(4, at, 0, encode(event)) for at, event in enumerate([*person, ended], 7)]
    pl.DataFrame(rows, schema=EVENTS_SCHEMA, orient="row").write_parquet(copied.events)
    for at, equal in ((10, True), (9, False)):
        copied.rows[0]["register_offset"] = at
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        assert copied.replay()[0] == (0 if equal else 1)
