"""Generated events for the physicians of any claims file."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from pipeline.cli.main import main
from pipeline.sample.events import ClaimsFileError, Person, events_of, people_of
from pipeline.settings.packs import load_pack_set
from rules.events import CHINA, OptOut, SiteDeclaration, decode
from rules.events import check as check_event
from rules.standing import statement
from tests.support.replaying import frame_of
from tests.support.spoiled import claim

PACKS = load_pack_set()
REGIONS = ("522700", "620100", "350200", "110000")


def crowd(region: str, count: int) -> list[Person]:
    return [Person(region, f"D{region}{number:06d}", ("H1", "H2", "H3")) for number in range(count)]


@pytest.mark.parametrize("region", REGIONS)
def test_every_event_is_one_that_the_regions_law_takes(region: str) -> None:
    ledger = PACKS.for_region(region).ledger
    made = [event for person in crowd(region, 400) for event in events_of(7, person)]
    assert len(made) > 350
    assert [problem for event in made for problem in check_event(event, ledger)] == []
    assert len({event.event_id for event in made}) == len(made)


def test_the_standings_that_come_of_them_are_of_every_kind() -> None:
    seen = set()
    undeclared = late = 0
    for person in crowd("522700", 2_000):
        events = list(events_of(7, person))
        told = statement(events, PACKS.for_region("522700"))
        seen |= {str(span.standing) for span in told.timeline.spans}
        seen |= {str(flag) for span in told.timeline.spans for flag in span.flags}
        named = {event.institution for event in events if isinstance(event, SiteDeclaration | OptOut)}
        undeclared += bool(events) and len(named) < 2
        late += any(event.recorded_at.astimezone(CHINA).date() > event.date for event in events)
    assert seen >= {"normal", "cautioned_6", "cautioned_10", "penalty", "pending_reinstatement", "blacklisted"}
    assert seen >= {"data_conflict", "qualification_incomplete"}
    assert undeclared > 100
    assert late > 50
    unregistered = sum(not list(events_of(7, person)) for person in crowd("522700", 2_000))
    assert 5 <= unregistered <= 50


def test_a_physicians_events_do_not_depend_on_who_else_is_in_the_file(tmp_path: Path) -> None:
    claims = [
        claim(claim_id=f"C{number}", physician_code=code, institution_code=place)
        for number, (code, place) in enumerate(
            [("D1", "H1"), ("D1", "H2"), ("D1", "H2"), ("D2", "H1"), (None, "H1"), ("  ", "H9")]
        )
    ]
    both, one = tmp_path / "both.ndjson", tmp_path / "one.ndjson.gz"
    both.write_bytes(b"\n".join(claims))
    one.write_bytes(gzip.compress(b"\n".join(claims[:3])))
    assert people_of(both) == [Person("522700", "D1", ("H2", "H1")), Person("522700", "D2", ("H1",))]
    first, second = (list(events_of(3, people_of(file)[0])) for file in (both, one))
    assert first == second
    assert list(events_of(4, people_of(both)[0])) != first


def test_the_command_writes_the_same_bytes_for_the_same_seed(tmp_path: Path) -> None:
    claims = tmp_path / "claims.parquet"
    frame_of([claim(physician_code=f"D{number}", institution_code="H1") for number in range(200)]).write_parquet(claims)
    for name in ("a.ndjson.gz", "b.ndjson.gz"):
        done = CliRunner().invoke(main, ["sample", "events-for", str(claims), str(tmp_path / name), "--seed", "5"])
        assert done.exit_code == 0, done.output
        assert "of 200 physicians" in done.output
    assert (tmp_path / "a.ndjson.gz").read_bytes() == (tmp_path / "b.ndjson.gz").read_bytes()
    with gzip.open(tmp_path / "a.ndjson.gz") as stream:
        assert {decode(line).region for line in stream} == {"522700"}


def test_a_file_without_physicians_is_answered_with_what_it_lacks(tmp_path: Path) -> None:
    claims = tmp_path / "claims.parquet"
    pl.DataFrame({"doctor": ["D1"]}).write_parquet(claims)
    with pytest.raises(ClaimsFileError, match="region, physician_code, institution_code"):
        people_of(claims)
    done = CliRunner().invoke(main, ["sample", "events-for", str(claims), str(tmp_path / "events.ndjson")])
    assert done.exit_code == 1
    assert "no claims with region" in done.output
    assert not (tmp_path / "events.ndjson").exists()
