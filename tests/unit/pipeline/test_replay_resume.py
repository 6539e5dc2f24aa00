"""A replay may be run again, interrupted and taken up again: the bytes are the same, and two runs never mix."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from pipeline.cli.exits import Exit
from pipeline.cli.replay import replay_command
from pipeline.replay.errors import ReplayError
from pipeline.replay.knowledge.register import Clock, ClockMode
from pipeline.replay.progress import Progress
from pipeline.replay.run.engine import Interrupted, replay
from tests.support.replaying import frame_of, hashes, job, run, sample_claims, sample_events, verdicts, write_events
from tests.support.spoiled import claim
from tests.support.waiting import wait_for

CLAIMS = 2_000
ROWS = 150


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.inputs.sources.SLICE_ROWS", ROWS)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Claims as a table, one in two hundred spoiled; the events beside it."""
    folder = tmp_path_factory.mktemp("source")
    frame = frame_of(sample_claims(CLAIMS))
    amounts = ["1,5" if row % 200 == 0 else amount for row, amount in enumerate(frame["fund_amount"])]
    frame.with_columns(pl.Series("fund_amount", amounts)).write_parquet(folder / "c.parquet")
    write_events(folder / "e.ndjson.gz", sample_events())
    return folder


class StopsAfter(Progress):
    """Interrupts, as Ctrl-C does, once so many slices are done."""

    def __init__(self, slices: int) -> None:
        self.left = slices
        self.again = 0

    def advance(self, weight: int, rows: int, *, again: bool = False) -> None:
        self.again += again
        self.left -= not again
        if self.left == 0 and not again:
            raise KeyboardInterrupt


def test_the_same_input_gives_the_same_bytes_whatever_the_number_of_threads(
    tmp_path: Path, source: Path, small_slices: None
) -> None:
    for name, threads in (("one", 1), ("two", 4)):
        run(tmp_path / name, source / "c.parquet", source / "e.ndjson.gz", threads=threads)

    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")
    assert len(list((tmp_path / "one" / "verdicts").iterdir())) == -(-CLAIMS // ROWS)


def test_an_interrupted_replay_goes_on_where_it_stopped_and_its_bytes_are_those_of_one_run(
    tmp_path: Path, source: Path, small_slices: None
) -> None:
    run(tmp_path / "whole", source / "c.parquet", source / "e.ndjson.gz")
    wanted = job(tmp_path / "parts", source / "c.parquet", source / "e.ndjson.gz")

    done = []
    for _ in range(3):
        progress = StopsAfter(3)
        with pytest.raises(Interrupted) as stopped:
            replay(wanted, progress)
        done.append(stopped.value.done)
        assert not (tmp_path / "parts" / "run.json").exists()
    last = StopsAfter(-1)
    replay(wanted, last)

    assert done == sorted(done)
    assert done[0] >= 3
    assert last.again == done[-1], "what was done is not done again"
    assert hashes(tmp_path / "parts") == hashes(tmp_path / "whole")


def test_a_part_that_was_being_written_is_written_again(tmp_path: Path, source: Path, small_slices: None) -> None:
    wanted = job(tmp_path / "out", source / "c.parquet", source / "e.ndjson.gz", threads=1)
    with pytest.raises(Interrupted):
        replay(wanted, StopsAfter(2))
    parts = sorted((tmp_path / "out" / "verdicts").glob("*.parquet"))
    for note in sorted((tmp_path / "out" / ".replay").glob("note-*.json"))[1:]:
        note.unlink()
    parts[1].write_bytes(b"half a file")
    (parts[1].with_suffix(".unfinished")).write_bytes(b"PAR1")

    replay(wanted, Progress())

    run(tmp_path / "whole", source / "c.parquet", source / "e.ndjson.gz")
    assert hashes(tmp_path / "out") == hashes(tmp_path / "whole")


def test_a_complete_replay_is_not_done_again(tmp_path: Path, source: Path) -> None:
    first = run(tmp_path / "out", source / "c.parquet", source / "e.ndjson.gz")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}

    assert run(tmp_path / "out", source / "c.parquet", source / "e.ndjson.gz") == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")} == before


def test_a_folder_of_another_replay_is_refused_with_what_differs_and_replaced_only_when_told(
    tmp_path: Path, source: Path, small_slices: None
) -> None:
    with pytest.raises(Interrupted):
        replay(job(tmp_path / "out", source / "c.parquet", source / "e.ndjson.gz"), StopsAfter(1))
    frame_of([claim()]).write_parquet(tmp_path / "other.parquet")
    clock = Clock(ClockMode.AT_SETTLEMENT)

    with pytest.raises(ReplayError, match="an unfinished replay that differs in inputs, clock; give another --out"):
        run(tmp_path / "out", tmp_path / "other.parquet", source / "e.ndjson.gz", clock=clock)
    run(tmp_path / "out", tmp_path / "other.parquet", source / "e.ndjson.gz", clock=clock, resume=False)

    assert verdicts(tmp_path / "out").height == 1, "nothing of the run before is left"
    with pytest.raises(ReplayError, match="a complete replay that differs in clock"):
        run(tmp_path / "out", tmp_path / "other.parquet", source / "e.ndjson.gz")


def test_a_folder_that_is_no_replay_is_left_alone(tmp_path: Path, source: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter-1.txt").write_text("years of work")
    (tmp_path / "thesis" / "run.json").write_text("[]")

    for resume in (True, False):
        with pytest.raises(ReplayError, match="is not empty and holds no replay"):
            run(tmp_path / "thesis", source / "c.parquet", source / "e.ndjson.gz", resume=resume)

    assert sorted(path.name for path in (tmp_path / "thesis").iterdir()) == ["chapter-1.txt", "run.json"]


_SLOWLY = """
import sys, time
import pipeline.inputs.sources, pipeline.replay.run.engine as engine
from pipeline.cli.main import main
pipeline.inputs.sources.SLICE_ROWS = 20
judge = engine._judge
def slowly(run, piece):
    time.sleep(0.1)
    return judge(run, piece)
engine._judge = slowly
main(sys.argv[1:])
"""
"""The real command, slow enough that a signal finds it at work."""


@pytest.mark.long
def test_a_signal_leaves_a_folder_that_the_same_command_completes(tmp_path: Path, source: Path) -> None:
    out = tmp_path / "out"
    arguments = ["replay", str(source / "c.parquet"), "--events", str(source / "e.ndjson.gz"), "--out", str(out)]
    process = subprocess.Popen([sys.executable, "-c", _SLOWLY, *arguments], stderr=subprocess.PIPE, env=os.environ)
    wait_for("the first slices are done", lambda: len(list((out / ".replay").glob("note-*.json"))) >= 2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)

    assert process.returncode == 130, said
    assert b"give the same command again to go on" in said
    kept = len(list((out / ".replay").glob("note-*.json")))
    assert 2 <= kept < CLAIMS // 20
    # The slices of the second command are as long as those of the first, or its parts would not fit.
    again = subprocess.run(
        [sys.executable, "-c", _SLOWLY.replace("0.1", "0"), *arguments], check=False, capture_output=True
    )
    assert again.returncode == Exit.PARTLY, again.stderr
    assert verdicts(out).height == CLAIMS - CLAIMS // 200


@pytest.mark.long
def test_the_command_tells_what_came_out_and_json_is_the_record(tmp_path: Path, source: Path) -> None:
    arguments = [str(source / "c.parquet"), "--events", str(source / "e.ndjson.gz"), "--out", str(tmp_path / "out")]

    told = CliRunner().invoke(replay_command, arguments)
    as_json = CliRunner().invoke(replay_command, [*arguments, "--json"])

    assert (told.exit_code, as_json.exit_code) == (Exit.PARTLY, Exit.PARTLY), told.output + as_json.output
    assert f"{CLAIMS:,} rows: {CLAIMS - 10:,} claims judged, 10 set aside" in told.stdout
    record = json.loads(as_json.stdout)
    assert record == json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    assert str(tmp_path) not in json.dumps(record), "a record names no path of a machine"
