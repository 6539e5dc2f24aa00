"""Replaying a range of the topic of claims: today's law on the knowledge of then gives the verdicts of then, or says why not."""

from __future__ import annotations

import datetime as dt
import json
import random
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result
from confluent_kafka.admin import NewTopic

from pipeline.cli.main import main
from rules.events import CHINA, Event
from tests.conftest import ROOT
from tests.support.cluster import Cluster
from tests.support.control import Controls, physicians, record, right_place, wait_taken
from tests.support.histories import make
from tests.support.runs import wait_judged
from tests.support.workers import Crew

pytestmark = pytest.mark.kafka

ROUNDS, A_ROUND = 3, 150
LANZHOU, CLEAN = "620100", "D620100777777"
KINDS = ("outpatient", "outpatient", "inpatient", "emergency")
BROKEN = (b"not a claim", None, b"", b'{"claim_id":"X"}')
RENAMED = "qiannan-2022.yaml"


@dataclass(frozen=True, slots=True)
class Past:
    """A pipeline that has run and been stopped, and a replay of all that it judged."""

    cluster: Cluster
    folder: Path
    events: list[Event]
    between: str
    """A time after the first round of claims and before the second."""
    first: dict[int, int]
    """Where each partition ended then."""
    sent: int

    verdicts: list[dict[str, Any]]
    """What the gate said."""

    def replay(self, name: str, *options: str, report: bool = False, **settings: object) -> Result:
        """The command on the topic, into a folder of its own."""
        given = {"bootstrap_servers": self.cluster.bootstrap, **settings}
        env = {f"SCREENING_{key.upper()}": str(value) for key, value in given.items()} | {"COLUMNS": "300"}
        arguments = ["replay", "--from-topic", "--out", str(self.folder / name), *options]
        arguments += [] if report else ["--no-report"]
        return CliRunner().invoke(main, arguments, env=env)

    def differences(self, name: str) -> pl.DataFrame:
        """What a replay found."""
        return pl.read_parquet(self.folder / name / "differences.parquet")


def claim(number: int, events: list[Event], chance: random.Random) -> dict[str, Any]:
    """A claim of one of the physicians, on a day near something that was recorded of him or her, or of the institution."""
    event = chance.choice(events)
    day = event.date + dt.timedelta(chance.choice((-1, 0, 1, 1, 30, 200)))
    kind = chance.choice(KINDS)
    fund = chance.choice(("70.00", "7.5", "-3"))
    return {
        "claim_id": f"C{number}",
        "region": event.region,
        "institution_code": chance.choice(("H1", "H1", "H2")),
        "physician_code": chance.choice((event.physician_code, event.physician_code, event.physician_code, None)),
        "encounter_type": kind,
        "service_date": day.isoformat(),
        "service_start": (day - dt.timedelta(3)).isoformat() if kind == "inpatient" else None,
        "settlement_time": f"{day}T18:00:00+08:00",
        "insured_id": f"P{number}",
        "insurance_type": "resident",
        "total_amount": "-100.00" if fund.startswith("-") else "100.00",
        "fund_amount": fund,
    }


def lanzhou(number: int, kind: str, **fields: Any) -> Event:
    """An event of the physician or the institution of whom nothing else is recorded."""
    own = {"region": LANZHOU, "institution": "H7", "physician_code": CLEAN, "event_id": f"clean-{number}"}
    return make(kind, "2015-01-05", number, **own | fields)


def of_clean(number: int, chance: random.Random) -> dict[str, Any]:
    """A claim of the physician whose institution loses its agreement."""
    made = claim(number, [lanzhou(0, "registration")], chance)
    return made | {
        "physician_code": CLEAN,
        "institution_code": "H7",
        "service_date": "2016-03-01",
        "service_start": None,
        "settlement_time": "2016-03-01T18:00:00+08:00",
    }


@pytest.fixture(scope="module")
def past(kafka: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """Three rounds of claims with events before, between and behind them, judged while both planes run."""
    folder = tmp_path_factory.mktemp("past")
    kafka.reset()
    controls, crew = Controls(kafka, folder), Crew(kafka, folder)
    chance = random.Random(7)
    events = physicians(5, 8).events
    chance.shuffle(events)
    clean = [
        [lanzhou(1, "registration"), lanzhou(2, "agreement", start="2015-01-05", end="2016-12-31")],
        [lanzhou(3, "institution_snapshot", physician_code=None, approved_physicians=20, cancelled_in_term=5)],
        [],
    ]
    between, first, sent = "", {}, 0
    try:
        controls.start().wait_ready()
        crew.start(batch_max_claims=40).wait_ready()
        for number in range(ROUNDS):
            some = [*clean[number], *events[number :: ROUNDS + 1]]
            # One event lies where it does not belong and one is sent twice; the control plane minds neither.
            kafka.send(
                "physician-events", [*map(record, some), record(some[0]), {**record(some[-1]), "partition": number}]
            )
            claims = [
                of_clean(sent + one, chance) if one % 10 == 0 else claim(sent + one, events, chance)
                for one in range(A_ROUND)
            ]
            values = [*(json.dumps(one).encode() for one in claims), *BROKEN]
            sent += kafka.send("claims", ({"key": f"k{at}", "value": value} for at, value in enumerate(values)))
            judged = wait_judged(kafka, crew)
            wait_taken(kafka, controls)
            if number == 0:
                after = max(item.timestamp for item in judged) + 1
                between = dt.datetime.fromtimestamp(after / 1000, CHINA).isoformat(timespec="milliseconds")
                first = dict(enumerate(kafka.ends("claims", "read_committed")))
        assert crew.stop() == [0]
        assert controls.stop() == [0]
        verdicts = [json.loads(item.value or b"") for item in kafka.read("claim-verdicts")]
        yield Past(kafka, folder, events, between, first, sent, verdicts)
    finally:
        crew.dismiss()
        controls.dismiss()


def test_on_the_knowledge_of_then_every_verdict_is_the_one_recorded(past: Past) -> None:
    done = past.replay("all", "--json")
    assert done.exit_code == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["recorded"] == {"compared": past.sent, "equal": past.sent, "differing": 0, "by_cause": {}}
    assert told["clock"]["mode"] == "as_recorded"
    assert told["counts"]["rejected"] == ROUNDS * len(BROKEN), "what is no claim here was a dead letter there"
    assert past.differences("all").is_empty()
    verdicts = pl.read_parquet(past.folder / "all" / "verdicts" / "*.parquet")
    assert verdicts["standing_revision"].n_unique() > 3, "the physicians were judged at several revisions"
    assert {"pay", "reject", "review"} == set(verdicts["disposition"].cast(pl.String))
    clean = verdicts.filter(pl.col("physician_code") == CLEAN, pl.col("encounter_type") != "emergency")["reason"]
    assert {"ok", "institution_agreement_terminated"} <= set(clean.cast(pl.String)), "before and after it was ended"

    again = past.replay("all", report=True)
    assert again.exit_code == 0
    assert "every verdict is the one recorded" in again.stdout
    assert "nothing is done again" in again.stderr
    assert f"all of the {past.sent} records come out equal" in (past.folder / "all" / "report.html").read_text("utf-8")
    other = past.replay("all", "--from-offsets", "1")
    assert other.exit_code == 2
    assert "differs in from_offsets" in " ".join(other.stderr.split())


def test_a_range_is_cut_by_offsets_or_by_time(past: Past) -> None:
    ends = ",".join(f"{number}:{end}" for number, end in past.first.items())
    for name, options in (
        ("first", ("--to-offsets", ends)),
        ("first-by-time", ("--until", past.between)),
    ):
        done = past.replay(name, *options, "--json")
        assert done.exit_code == 0, done.stderr
        assert json.loads(done.stdout)["recorded"]["compared"] == A_ROUND + len(BROKEN)
    # The verdicts found are the same, whichever way the range was named.
    left, right = (
        pl.read_parquet(past.folder / name / "verdicts" / "*.parquet") for name in ("first", "first-by-time")
    )
    assert left.equals(right)
    later = past.replay("later", "--since", past.between, "--json")
    assert later.exit_code == 0, later.stderr
    assert json.loads(later.stdout)["recorded"]["compared"] == past.sent - A_ROUND - len(BROKEN)
    ranges = json.loads((past.folder / "later" / "run.json").read_text("utf-8"))["capture"]["ranges"]
    assert {int(number): begin for number, (begin, _) in ranges.items()} == past.first


def test_an_event_that_came_later_is_the_cause_when_it_is_known_now(past: Past) -> None:
    late = past.events[ROUNDS :: ROUNDS + 1]
    past.cluster.send("physician-events", [right_place(past.cluster, event) for event in late])
    done = past.replay("now", "--as-known-now", "--json")
    assert done.exit_code == 1, done.stdout + done.stderr
    causes = Counter(json.loads(done.stdout)["recorded"]["by_cause"])
    assert causes["later_event"] > 10
    assert set(causes) <= {"later_event", "recorded_twice"}
    found = past.differences("now").filter(pl.col("cause") == "later_event")
    assert found.filter(pl.col("recorded_disposition") != pl.col("replayed_disposition")).height > 0
    told = past.replay("then", "--as-recorded", "--json")
    assert set(json.loads(told.stdout)["recorded"]["by_cause"]) <= {"recorded_twice"}, "then, it was not known"


def test_another_pack_is_the_cause_when_the_law_has_a_new_version(past: Past, tmp_path: Path) -> None:
    packs = tmp_path / "packs"
    shutil.copytree(ROOT / "rules" / "packs", packs)
    text = (packs / RENAMED).read_text("utf-8")
    (packs / RENAMED).write_text(re.sub(r"^version: 1$", "version: 2", text, flags=re.MULTILINE), "utf-8")
    done = past.replay("version-2", report=True, packs_dir=packs)
    assert done.exit_code == 1, done.stdout + done.stderr
    found = past.differences("version-2").filter(pl.col("cause") != "recorded_twice")
    assert set(found["cause"]) == {"other_pack"}
    assert set(found["recorded_rule_pack"]) == {"qiannan-2022@1"}
    assert set(found["replayed_rule_pack"]) == {"qiannan-2022@2"}
    recorded = [verdict["rule_pack"] for verdict in past.verdicts]
    assert found.height == recorded.count("qiannan-2022@1")
    assert f"other_pack: {found.height}" in done.stdout
    page = (past.folder / "version-2" / "report.html").read_text("utf-8")
    assert f'data-figure="provenance.recorded.by_cause.other_pack">{found.height}</span>' in page
    assert "规则包不同" in page
    assert "another pack" in page


def test_a_second_verdict_on_the_same_claim_is_found_and_so_is_one_that_is_missing(past: Past) -> None:
    original = past.cluster.read("claim-verdicts")[0]
    spoiled = json.loads(original.value or b"") | {"disposition": "pay", "reason": "ok"}
    past.cluster.send("claim-verdicts", [{"key": original.key, "value": json.dumps(spoiled).encode()}])
    unjudged = claim(900_000, past.events, random.Random(1))
    past.cluster.send("claims", [{"key": "k", "value": json.dumps(unjudged).encode(), "partition": 0}])
    done = past.replay("tampered")
    assert done.exit_code == 1, done.stdout + done.stderr
    rows = past.differences("tampered")
    assert rows.select("cause", "partition", "offset", "outcomes").rows() == [
        ("recorded_twice", spoiled["source"]["partition"], spoiled["source"]["offset"], 2)
    ], "what no worker has judged yet is beyond the range"
    ends = past.cluster.ends("claims", "read_committed")
    beyond = past.replay("unjudged", "--from-offsets", f"0:{ends[0] - 1}", "--to-offsets", f"0:{ends[0]}")
    assert beyond.exit_code == 1, beyond.stdout + beyond.stderr
    assert past.differences("unjudged").select("cause", "claim_id").rows() == [("not_recorded", "C900000")]


def test_verdicts_written_by_other_code_are_told_apart(past: Past) -> None:
    """A gate that is not ours: the same pack by name, the same revision, and another disposition."""
    prefix = "foreign-"
    made = past.cluster.admin.create_topics(
        [NewTopic(f"{prefix}{name}", 1) for name in ("claim-verdicts", "claims-dead-letter")]
    )
    for future in made.values():
        future.result(30)
    told = list(past.verdicts)
    at = next(at for at, verdict in enumerate(told) if verdict["disposition"] == "reject")
    changed = told[at] = told[at] | {"disposition": "pay", "reason": "ok"}
    past.cluster.send(f"{prefix}claim-verdicts", [{"value": json.dumps(verdict).encode()} for verdict in told])
    done = past.replay("foreign", output_prefix=prefix)
    assert done.exit_code == 1, done.stdout + done.stderr
    rows = past.differences("foreign")
    odd = rows.filter(pl.col("cause") == "other_code", pl.col("replayed_outcome") == "verdict")
    assert odd.select("partition", "offset", "fields").rows() == [
        (changed["source"]["partition"], changed["source"]["offset"], ["disposition", "reason"])
    ]
    assert rows.filter(
        pl.col("cause") == "not_recorded", pl.col("replayed_outcome") == "dead_letter"
    ).height == ROUNDS * len(BROKEN)


def test_a_copy_that_was_interrupted_is_made_again_of_the_range_that_was_fixed_first(past: Past) -> None:
    """What has come in the meantime is no part of it, and the verdicts are the same bytes."""
    whole, cut = past.folder / "all", past.folder / "cut"
    if not whole.exists():  # the tests of this file may be shared out among several processes
        past.replay("all")
    (cut / "input").mkdir(parents=True)
    (cut / "input" / "claims-00000.parquet").write_bytes(b"half a file")
    note = json.loads((whole / "capture.json").read_text("utf-8"))
    begun = {name: note[name] for name in ("asked", "ranges")} | {"parts": None}
    (cut / "capture.json").write_text(json.dumps(begun), "utf-8")
    past.cluster.send("claims", [{"key": "k", "value": b"later", "partition": 1}])
    done = past.replay("cut")
    assert done.exit_code in (0, 1), done.output  # another test may have tampered with a verdict
    for name in sorted(path.name for path in (whole / "input").glob("claims-*")):
        assert (cut / "input" / name).read_bytes() == (whole / "input" / name).read_bytes()
    for path in sorted((whole / "verdicts").glob("*")):
        assert (cut / "verdicts" / path.name).read_bytes() == path.read_bytes()

    (past.folder / "mine").mkdir()
    (past.folder / "mine" / "notes.txt").write_text("not a replay", "utf-8")
    refused = past.replay("mine", "--no-resume")
    assert refused.exit_code == 2
    assert "is not empty and holds no replay of a topic" in refused.output
    assert [path.name for path in (past.folder / "mine").iterdir()] == ["notes.txt"]
    replaced = past.replay("cut", "--no-resume", "--from-offsets", "5", "--json")
    assert json.loads(replaced.stdout)["recorded"]["compared"] < past.sent


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ((), "give a file, folder or pattern as CLAIMS, or a range of their topic as --from-topic"),
        (("claims.parquet", "--from-topic"), "give a file, folder or pattern as CLAIMS, not both"),
        (("claims.parquet",), "--events is missing"),
        (("claims.parquet", "--events", __file__, "--since", "2026-11-01"), "--since is a range of the topic"),
        (("claims.parquet", "--events", __file__, "--as-recorded"), "--as-recorded needs recorded verdicts"),
        (("--from-topic", "--as-recorded", "--as-known-now"), "two clocks"),
        (("--from-topic", "--since", "2026-11-01"), "expected a time with its offset from UTC"),
        (("--from-topic", "--from-offsets", "0-5"), "expected one offset for all partitions"),
        (("--from-topic", "--from-offsets", "5", "--since", "2026-11-01T00:00:00Z"), "the same end of the range"),
        (("--from-topic", "--mapping", "national-settlement"), "--mapping is for files"),
    ],
)
def test_a_source_that_cannot_be_meant_is_refused_before_anything_is_read(
    arguments: tuple[str, ...], answer: str, tmp_path: Path
) -> None:
    done = CliRunner().invoke(main, ["replay", *arguments, "--out", str(tmp_path / "out")], env={"COLUMNS": "300"})
    assert done.exit_code == 2, done.output
    assert answer in " ".join(done.output.split())
    assert not (tmp_path / "out").exists()


def test_offsets_that_the_log_does_not_hold_are_refused_with_those_it_holds(past: Past) -> None:
    done = past.replay("beyond", "--from-offsets", "0:0", "--to-offsets", "0:999999")
    assert done.exit_code == 2
    assert "claims/0: offset 999,999 is not there; the log holds 0 up to" in " ".join(done.stderr.split())
    unknown = past.replay("unknown", "--from-offsets", "77:0")
    assert unknown.exit_code == 2
    assert "claims has no partition 77" in " ".join(unknown.stderr.split())
