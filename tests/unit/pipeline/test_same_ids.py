"""Two contents under one event_id are told wherever both are read, and what counts for nothing is told with its reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli.main import main
from pipeline.inputs.mapping import CONTRACT, load_mapping
from pipeline.inputs.same_ids import EventIds
from pipeline.loading import Loaded, LoadError, Source, _checked
from pipeline.settings.model import load_settings
from rules.events import Event, decode
from tests.support.spoiled import claim

EVENT = {
    "type": "registration", "event_id": "e1", "region": "522700", "physician_code": "D522701000001",
    "institution": "H52270100001", "date": "2022-01-01", "recorded_at": "2022-01-01T08:00:00+08:00",
}  # fmt: skip


def line(**changes: object) -> str:
    return json.dumps(EVENT | changes)


def replayed(folder: Path, *events: str, strict: bool = False) -> Result:
    (folder / "claims.ndjson").write_bytes(claim() + b"\n")
    (folder / "events.ndjson").write_text("\n".join(events) + "\n", "utf-8")
    arguments = ["replay", "claims.ndjson", "--events", "events.ndjson", "--out", "out", "--no-report"]
    with pytest.MonkeyPatch.context() as here:
        here.chdir(folder)
        return CliRunner().invoke(main, [*arguments, *(["--strict"] if strict else [])])


SAME_ID = (line(), line(event_id="e2", physician_code="D522701000002"), line(date="2023-06-01"), line())


def test_a_replay_names_the_lines_of_two_contents_under_one_event_id_and_ends_with_3(tmp_path: Path) -> None:
    done = replayed(tmp_path, *SAME_ID)
    assert done.exit_code == 3, done.output
    assert "one event_id has several contents" in done.output
    assert "lines 1, 3" in done.output
    record = json.loads((tmp_path / "out/run.json").read_text("utf-8"))["event_lines"]
    assert record["same_id"] == {"ids": 1, "events": 2, "first": [[1, 3]]}
    assert record["repeated"] == 1


def test_one_event_id_for_two_people_is_a_conflict_too(tmp_path: Path) -> None:
    done = replayed(tmp_path, line(), line(physician_code="D522701000002"))
    assert done.exit_code == 3
    assert "lines 1, 2" in done.output


def test_a_strict_replay_refuses_two_contents_under_one_event_id_before_anything_is_judged(tmp_path: Path) -> None:
    done = replayed(tmp_path, *SAME_ID, strict=True)
    assert done.exit_code == 1
    assert "lines 1, 3; stopped, as --strict asks" in done.output.replace("\n", " ")
    assert not list((tmp_path / "out").rglob("part-*"))


def test_the_same_event_once_more_is_told_and_is_no_conflict(tmp_path: Path) -> None:
    done = replayed(tmp_path, line(), line())
    assert done.exit_code == 0, done.output
    assert "1 lines of events say the same event once more" in done.output


def test_a_replay_says_why_lines_of_the_events_count_for_nothing_and_where(tmp_path: Path) -> None:
    done = replayed(tmp_path, line(), "garbage", line(type="nosuch"), line(type="nosuch", event_id="e3"))
    assert done.exit_code == 3, done.output
    assert "invalid_json: 1, line 2" in done.output
    assert "unknown_type: 2, lines 3, 4" in done.output
    record = json.loads((tmp_path / "out/run.json").read_text("utf-8"))["event_lines"]["unusable_by_code"]
    assert record["unknown_type"]["lines"] == 2
    assert record["unknown_type"]["first"] == [3, 4]
    assert "nosuch" in record["unknown_type"]["example"]


def test_a_load_of_events_finds_two_contents_before_it_sends_anything_and_refuses_them_when_strict(
    tmp_path: Path,
) -> None:
    (file := tmp_path / "events.ndjson").write_text("\n".join(SAME_ID) + "\n", "utf-8")
    source, settings = Source(str(file), "events", load_mapping(CONTRACT)), load_settings()
    loaded, told = Loaded(), []
    chunks = list(_checked(source, settings, loaded, strict=False, tell=lambda notice: told.append(str(notice))))
    assert [len(chunk.records) for chunk in chunks] == [4]
    assert loaded.conflicts == 2
    assert "lines 1, 3" in told[0]
    with pytest.raises(LoadError, match="lines 1, 3; stopped"):
        next(_checked(source, settings, Loaded(), strict=True, tell=lambda _notice: None))


def test_of_many_clashing_ids_the_first_are_named_and_all_are_counted() -> None:
    ids = EventIds()
    for number in range(8):
        for day in ("2022-01-01", "2022-01-02"):
            event = decode(line(event_id=f"e{number}", date=day).encode())
            assert isinstance(event, Event)
            ids.add(number, event)
    found = ids.same()
    assert (found.ids, found.events, len(found.first)) == (8, 16, 5)
    assert "and 3 more" in str(found)
