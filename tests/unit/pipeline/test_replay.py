"""Replay: the gate's own verdicts over files, under three clocks of knowledge."""

from __future__ import annotations

import datetime as dt
import gzip
import itertools
import json
import random
from pathlib import Path

import msgspec
import polars as pl
import pytest

from pipeline.replay.knowledge.register import Clock, ClockMode, gather_knowledge, read_events
from pipeline.replay.what_if.rule_set import other_rules
from pipeline.screening.gate import Gate
from pipeline.settings.packs import load_pack_set
from rules.events import CHINA, Deduction, Event, Registration, encode, known_by
from rules.standing import institution_timeline, statement
from tests.support.judging import bare, judge
from tests.support.replaying import (
    frame_of,
    on_the_wire,
    run,
    sample_claims,
    sample_events,
    two_decimals,
    verdicts,
    write_events,
    write_lines,
)
from tests.support.spoiled import claim
from tests.support.thorough import one_in

AT_SETTLEMENT = Clock(ClockMode.AT_SETTLEMENT)


def fill(gate: Gate, events: list[Event], as_of: dt.date | dt.datetime | None = None) -> Gate:
    """The register as the ledger publishes it, file by file."""
    files: dict[tuple[str, str, bool], list[Event]] = {}
    for event in events:
        if known_by(event, as_of):
            code = event.institution if event.of_institution else event.physician_code
            files.setdefault((event.region, code or "", event.of_institution), []).append(event)
    for (region, code, of_institution), known in files.items():
        law = gate.screen.packs.law(region)
        if of_institution:
            gate.index.put_institution(
                institution_timeline(known, law, institution_code=code, region=region, revision=len(known))
            )
        else:
            told = statement(known, law, region=region, physician_code=code, revision=len(known))
            gate.index.put(told.timeline)
    return gate


@pytest.fixture(scope="module")
def values() -> list[bytes]:
    return sample_claims(4_000, broken_share=0.05)


def test_replay_gives_every_claim_the_gates_own_verdict_and_evidence_and_sets_aside_what_the_gate_would(
    tmp_path: Path, values: list[bytes]
) -> None:
    events = sample_events()
    record = run(
        tmp_path / "out", write_lines(tmp_path / "c.ndjson.gz", values), write_events(tmp_path / "e.ndjson", events)
    )

    judged = judge(fill(Gate(load_pack_set()), events), values)
    made = verdicts(tmp_path / "out")
    assert on_the_wire(made) == [two_decimals(bare(json.loads(item["value"]))) for item in judged.verdicts]
    assert made["source_row"].to_list() == [json.loads(item["value"])["source"]["offset"] for item in judged.verdicts]
    flagged = made.filter(pl.col("disposition") != "pay")
    assert flagged["evidence"].to_list() == [json.loads(item["value"])["evidence"] for item in judged.cases]
    assert made.filter(pl.col("disposition") == "pay")["evidence"].null_count() == made.height - flagged.height
    assert len({row["reason"] for row in on_the_wire(made)}) > 15, "a sample that shows most of the law"

    rejected = pl.read_parquet(tmp_path / "out" / "rejected-input.parquet")
    told = rejected.select("source_row", "reason", "problem").rows()
    assert told == [(letter.row, letter.error.kind, letter.error.reason) for letter in judged.dead_letters]
    assert rejected["raw"].to_list() == [
        values[letter.row].decode("utf-8", "backslashreplace") for letter in judged.dead_letters
    ]
    assert record["counts"]["rejected"] == len(judged.dead_letters) > 50
    assert record["counts"]["accepted"] == len(judged.verdicts)
    sums = made.group_by("disposition").agg(pl.len(), pl.col("fund_amount").sum())
    for disposition, count, fund in sums.iter_rows():
        assert record["rule_sets"][0]["by_disposition"][disposition] == {"claims": count, "fund_amount": str(fund)}


def test_every_format_of_a_source_gives_the_same_verdicts(tmp_path: Path, values: list[bytes]) -> None:
    events = write_events(tmp_path / "e.ndjson.gz", sample_events())
    text = frame_of(values)
    typed = text.with_columns(
        pl.col("service_date", "service_start").str.to_date("%Y-%m-%d"),
        pl.col("settlement_time").str.to_datetime("%Y-%m-%dT%H:%M:%S%z").dt.convert_time_zone("Asia/Shanghai"),
        pl.col("total_amount", "fund_amount").cast(pl.Decimal(18, 2)),
        pl.col("encounter_type", "insurance_type", "region").cast(pl.Categorical),
    )
    floats = typed.with_columns(pl.col("total_amount", "fund_amount").cast(pl.Float64))
    text.write_parquet(tmp_path / "text.parquet")
    typed.write_parquet(tmp_path / "typed.parquet")
    floats.write_parquet(tmp_path / "floats.parquet")
    text.write_csv(tmp_path / "text.csv")
    write_lines(tmp_path / "text.csv.gz", (tmp_path / "text.csv").read_bytes().splitlines())
    text.write_ndjson(tmp_path / "text.ndjson")

    made = {}
    for name in ("text.parquet", "typed.parquet", "floats.parquet", "text.csv", "text.csv.gz", "text.ndjson"):
        record = run(tmp_path / f"out-{name}", tmp_path / name, events)
        assert record["counts"]["rejected"] == 0, name
        made[name] = verdicts(tmp_path / f"out-{name}")

    assert made["text.parquet"].height == text.height
    for name, frame in made.items():
        assert frame.equals(made["text.parquet"]), name


@pytest.mark.long
@pytest.mark.shared
def test_the_shared_claims_are_judged_alike_from_both_of_their_files(tmp_path: Path, shared: Path) -> None:
    """Every tenth claim, and in the deep profile every one."""
    every = one_in(10)
    frame = pl.read_parquet(shared / "data" / "claims.parquet").gather_every(every)
    with gzip.open(shared / "data" / "claims.ndjson.gz") as lines:
        write_lines(tmp_path / "claims.ndjson.gz", (line.rstrip() for line in itertools.islice(lines, 0, None, every)))
    frame.write_parquet(tmp_path / "claims.parquet")
    codes = frame["physician_code"].drop_nulls().unique().sort()
    events = [
        Registration(
            event_id=f"r-{code}",
            region="522700",
            date=dt.date(2022, 12, 26),
            recorded_at=dt.datetime(2022, 12, 26, 9, tzinfo=CHINA),
            physician_code=code,
            institution="H52270100001",
        )
        for code in codes
    ]
    file = write_events(tmp_path / "e.ndjson", events)

    for name in ("claims.parquet", "claims.ndjson.gz"):
        record = run(tmp_path / f"out-{name}", tmp_path / name, file)
        assert (record["counts"]["accepted"], record["counts"]["rejected"]) == (-(-126_089 // every), 0)

    one, other = verdicts(tmp_path / "out-claims.parquet"), verdicts(tmp_path / "out-claims.ndjson.gz")
    assert one.equals(other)
    assert one["fund_amount"].sum() == frame["fund_amount"].cast(pl.Decimal(18, 2)).sum()


# -- clocks -------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_at_settlement_every_claim_is_judged_by_what_was_recorded_when_it_was_settled(
    tmp_path: Path, values: list[bytes]
) -> None:
    events = sample_events(late=True)
    source = write_lines(tmp_path / "c.ndjson", values)
    run(tmp_path / "then", source, write_events(tmp_path / "e.ndjson", events), clock=AT_SETTLEMENT)
    run(tmp_path / "now", source, tmp_path / "e.ndjson")

    made = verdicts(tmp_path / "then")
    changed = (made["disposition"] != verdicts(tmp_path / "now")["disposition"]).arg_true().to_list()
    assert len(changed) > 50, "late events must matter, or nothing is tested"
    chance = random.Random(5)
    picked = sorted({*chance.sample(range(made.height), 150), *chance.sample(changed, 50)})
    compiled = Gate(load_pack_set())
    for row, mine in zip(picked, on_the_wire(made[picked]), strict=True):
        verdict = made.row(row, named=True)
        mine_alone = [event for event in events if _concerns(event, verdict)]
        gate = fill(compiled.beside(), mine_alone, verdict["settlement_time"])
        judged = judge(gate, [values[verdict["source_row"]]])
        assert mine == two_decimals(bare(json.loads(judged.verdicts[0]["value"]))), verdict
        evidence = [json.loads(item["value"])["evidence"] for item in judged.cases]
        assert evidence == ([verdict["evidence"]] if verdict["evidence"] is not None else [])


def _concerns(event: Event, verdict: dict) -> bool:
    if event.region != verdict["region"]:
        return False
    if event.of_institution:
        return event.institution == verdict["institution_code"]
    return event.physician_code == verdict["physician_code"]


REGISTERED = Registration(
    event_id="e1",
    region="522700",
    date=dt.date(2023, 1, 1),
    recorded_at=dt.datetime(2023, 1, 1, 9, tzinfo=CHINA),
    physician_code="D522701000001",
    institution="H52270100001",
)
DEDUCTED = Deduction(
    event_id="e2",
    region="522700",
    date=dt.date(2023, 5, 1),
    recorded_at=dt.datetime(2023, 6, 1, 12, tzinfo=CHINA),
    physician_code="D522701000001",
    institution="H52270100001",
    points=12,
    violation_id="QN-T6-01",
    cases=2,
)


def test_what_is_recorded_at_the_very_instant_of_settlement_counts_and_a_microsecond_later_does_not(
    tmp_path: Path,
) -> None:
    moments = (
        "2022-12-31T00:00:00Z",
        "2023-06-01T11:59:59.999999+08:00",
        "2023-06-01T12:00:00+08:00",
        "2023-06-01T04:00:00Z",
        "2023-06-01T05:00:00+01:00",
    )
    source = write_lines(
        tmp_path / "c.ndjson", [claim(claim_id=moment, settlement_time=moment, interim=True) for moment in moments]
    )
    events = write_events(tmp_path / "e.ndjson", [DEDUCTED, REGISTERED])

    run(tmp_path / "out", source, events, clock=AT_SETTLEMENT)

    made = verdicts(tmp_path / "out")
    assert made["reason"].to_list() == ["physician_unregistered", "ok", *["in_penalty_period"] * 3]
    assert made["standing_revision"].to_list() == [None, 1, 2, 2, 2]
    assert made["evidence"].to_list()[2] == ["e2"]


def test_as_known_on_a_day_what_was_recorded_until_its_end_in_china_counts_and_nothing_later(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "c.ndjson", [claim()])
    events = write_events(tmp_path / "e.ndjson", [REGISTERED, DEDUCTED])
    reasons = {}
    for day in (dt.date(2022, 12, 31), dt.date(2023, 5, 31), dt.date(2023, 6, 1)):
        run(tmp_path / str(day), source, events, clock=Clock(ClockMode.KNOWN_ON, day))
        reasons[str(day)] = verdicts(tmp_path / str(day))["reason"][0]

    assert reasons == {
        "2022-12-31": "physician_unregistered",
        "2023-05-31": "ok",
        "2023-06-01": "in_penalty_period",
    }


# -- events and standings -----------------------------------------------------------------------------------------


def test_lines_that_are_no_events_count_for_nothing_and_are_listed(tmp_path: Path) -> None:
    bad = [b"not json", b'{"event_id":"x","region":"522700","type":"nonsense","date":"2023-01-01"}', b""]
    file = write_lines(tmp_path / "e.ndjson", [encode(REGISTERED), *bad, encode(DEDUCTED)])

    record = run(tmp_path / "out", write_lines(tmp_path / "c.ndjson", [claim()]), file)

    told = record["event_lines"]
    assert (told["lines"], told["used"], told["unusable"]) == (5, 2, 2)
    assert {code: item["first"] for code, item in told["unusable_by_code"].items()} == {
        "invalid_json": [2],
        "unknown_type": [3],
    }
    listed = pl.read_parquet(tmp_path / "out" / "unusable-events.parquet")
    assert listed["line"].to_list() == [2, 3]
    assert "unknown event type 'nonsense'" in listed["problems"][1][0]


@pytest.mark.parametrize("clock", [Clock(), AT_SETTLEMENT])
def test_a_standing_that_cannot_be_computed_sends_its_claims_to_review_and_is_told(
    tmp_path: Path, clock: Clock
) -> None:
    at_the_end = msgspec.structs.replace(
        DEDUCTED, date=dt.date(9999, 12, 20), recorded_at=dt.datetime(9999, 12, 21, tzinfo=CHINA)
    )
    file = write_events(tmp_path / "e.ndjson", [REGISTERED, at_the_end])

    record = run(tmp_path / "out", write_lines(tmp_path / "c.ndjson", [claim()]), file, clock=clock)

    assert verdicts(tmp_path / "out")["reason"].to_list() == ["standing_unreadable"]
    [told] = record["rule_sets"][0]["unanswered"]
    assert (told["code"], told["institution"]) == ("D522701000001", False)


def test_the_standings_are_kept_as_they_were_judged_by(tmp_path: Path) -> None:
    file = write_events(tmp_path / "e.ndjson", [REGISTERED, DEDUCTED])

    run(tmp_path / "out", write_lines(tmp_path / "c.ndjson", [claim()]), file)

    [row] = pl.read_parquet(tmp_path / "out" / "standings.parquet").to_dicts()
    assert (row["physician_code"], row["revision"]) == ("D522701000001", 2)
    pack = load_pack_set().for_region("522700")
    spans = statement([REGISTERED, DEDUCTED], pack).timeline.spans
    assert [(item["from"], item["to"], item["standing"], item["in_penalty"]) for item in row["spans"]] == [
        (span.start, span.end, span.standing.value, span.penalised) for span in spans
    ]
    penalty = next(item for item in row["spans"] if item["in_penalty"])
    assert penalty["penalty_period"] == {"from": dt.date(2023, 5, 2), "to": dt.date(2023, 8, 1)}
    assert penalty["causes"] == ["e2"]
    assert [(site["institution_code"], site["status"]) for site in row["sites"]] == [("H52270100001", "declared")]


@pytest.mark.parametrize("clock", [Clock(), AT_SETTLEMENT])
def test_dossiers_folded_by_several_processes_give_the_standings_that_one_gives(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.replay.knowledge.register._PROCESSES_ABOVE", 1)
    monkeypatch.setattr("pipeline.replay.knowledge.register._OWNERS_A_TASK", 50)
    packs = other_rules(load_pack_set(), None, ["qiannan-2022.settings.after_expiry=valid_on_expiry"])
    events = read_events(write_events(tmp_path / "e.ndjson", sample_events(late=True)), packs)

    alone = gather_knowledge(events, packs, clock, processes=1)
    shared_out = gather_knowledge(events, packs, clock, processes=2)

    assert shared_out.physicians.equals(alone.physicians)
    assert shared_out.institutions.equals(alone.institutions)
    assert alone.physicians.height > 250
    assert alone.institutions.height > 0


def test_a_second_rule_set_is_judged_in_the_same_pass_row_by_row(tmp_path: Path, values: list[bytes]) -> None:
    packs = load_pack_set()
    other = other_rules(packs, None, ["qiannan-2022.penalty.months=6"])
    events = write_events(tmp_path / "e.ndjson", sample_events())
    source = write_lines(tmp_path / "c.ndjson", values)

    record = run(tmp_path / "both", source, events, other=other, changes=("qiannan-2022.penalty.months=6",))
    run(tmp_path / "alone", source, events, packs=other)

    first, second = verdicts(tmp_path / "both"), verdicts(tmp_path / "both" / "other")
    assert first["source_row"].equals(second["source_row"])
    assert second.equals(verdicts(tmp_path / "alone"))
    assert (first["disposition"] != second["disposition"]).any()
    assert len(record["rule_sets"]) == 2
