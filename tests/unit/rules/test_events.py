"""What makes an event usable, and how exactly the rest is refused."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from pipeline.settings.packs import load_pack_set, read_subjects
from rules import events
from rules.events import Deduction, check, decode, encode, known_by
from tests.support.law import pack
from topics.dead_letters import Code
from topics.events.acceptance import Accepted, Refused, accept

PACKS = load_pack_set()

BASE = {
    "event_id": "d1",
    "region": "522700",
    "type": "deduction",
    "date": "2023-05-10",
    "recorded_at": "2023-05-10T09:00:00+08:00",
    "physician_code": "D522701000001",
    "institution": "H1",
    "points": 6,
    "violation_id": "QN-T6-01",
}


def raw(**changes: object) -> bytes:
    return msgspec.json.encode({key: value for key, value in {**BASE, **changes}.items() if value is not ...})


def answer(value: bytes | None) -> tuple[Code | None, list[str]]:
    found = accept(value, PACKS)
    return (found.code, list(found.reasons)) if isinstance(found, Refused) else (None, [])


def problems(**changes: object) -> list[str]:
    return answer(raw(**changes))[1]


def test_a_good_event_is_decoded_with_its_type_and_survives_the_round_trip():
    found = accept(raw(), PACKS)
    assert isinstance(found, Accepted)
    event = found.event
    assert isinstance(event, Deduction)
    assert event.points == 6
    assert event.date == dt.date(2023, 5, 10)
    assert decode(encode(event)) == event


def test_unknown_fields_are_tolerated():
    assert problems(colour="blue") == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"type": "eclipse"}, "type: unknown event type 'eclipse'"),
        ({"type": "full_12", "period": "p1"}, "type: full_12 does not exist in this scheme"),
        ({"points": 5}, "points: 5 found; QN-T6-01 cost 6"),
        ({"points": 6, "cases": 2}, "points: 6 found; 2 cases of QN-T6-01 cost 12"),
        ({"violation_id": "QN-T9-99"}, "violation_id: 'QN-T9-99' is not an item of this scheme"),
        ({"violation_date": "2023-05-11"}, "violation_date: 2023-05-11 lies after the decision of 2023-05-10"),
        ({"physician_code": " "}, "physician_code: missing"),
        ({"institution": None}, "institution: missing"),
        ({"date": "2023-02-30"}, "date: Invalid"),
        ({"points": ...}, "points: missing"),
        ({"points": -1}, "points: Expected `int` >= 0"),
        ({"recorded_at": "2023-05-09T09:00:00+08:00"}, "recorded_at: "),
        ({"recorded_at": "2023-05-10T09:00:00"}, "recorded_at: "),
        ({"penalty_start": "2023-06-01"}, "penalty_start, penalty_end: give both or neither"),
        ({"type": "bonus", "bonus_id": "QN-B2", "points": 5}, "points: 5 found; QN-B2 grants 2"),
        ({"type": "bonus", "bonus_id": "QN-B9", "points": 5}, "bonus_id: 'QN-B9' is not a ground"),
    ],
)
def test_a_bad_event_names_the_field_what_was_found_and_what_was_expected(changes, expected):
    assert any(problem.startswith(expected) for problem in problems(**changes)), problems(**changes)


def test_everything_wrong_is_told_at_once():
    told = problems(event_id="", date="soon", points="many", violation_id=...)
    assert [problem.split(":")[0] for problem in told] == ["event_id", "date", "points", "violation_id"]


def test_what_is_no_json_object_is_told():
    assert answer(b"{") == (
        Code.INVALID_JSON,
        ["not JSON: Expecting property name enclosed in double quotes at character 1"],
    )
    assert answer(b"[]") == (Code.NOT_AN_OBJECT, ["expected a JSON object, found list"])


@pytest.mark.parametrize(("points", "good"), [(0, False), (1, True), (3, True), (4, False)])
def test_lanzhou_leaves_one_to_three_points_to_the_agency(points, good):
    told = problems(region="620100", violation_id="LZ-T13-01", points=points)
    assert (told == []) is good


def test_ends_before_starts_are_told():
    told = problems(region="620100", type="agreement", start="2015-01-02", end="2015-01-01")
    assert told == ["end: 2015-01-01 lies before start 2015-01-02"]
    told = problems(region="110000", type="status", status="suspended", until="2023-05-09")
    assert told == ["until: 2023-05-09 lies before the first day 2023-05-10"]


def test_an_institution_event_needs_no_physician():
    told = problems(
        region="620100", type="institution_snapshot", physician_code=None, approved_physicians=20, cancelled_in_term=1
    )
    assert told == []


def test_known_by_takes_whole_days_in_china_or_instants():
    event = decode(raw(recorded_at="2023-05-10T17:30:00+00:00"))  # the eleventh in China
    assert not known_by(event, dt.date(2023, 5, 10))
    assert known_by(event, dt.date(2023, 5, 11))
    assert known_by(event, dt.datetime(2023, 5, 10, 18, 0, tzinfo=dt.UTC))
    assert not known_by(event, dt.datetime(2023, 5, 10, 17, 0, tzinfo=dt.UTC))
    assert known_by(decode(raw(recorded_at=None)), dt.date(2023, 5, 10))


def test_every_type_of_the_spec_has_a_scheme_that_knows_it():
    known = {
        name
        for locality in ("qiannan", "lanzhou", "national", "xiamen", "shantou")
        for name in pack(locality).ledger.events
    }
    known |= {name for law in read_subjects() for name in law.ledger.events}
    assert known == set(events.TYPES)


def test_check_answers_nothing_for_a_usable_event():
    assert check(decode(raw()), pack("qiannan").ledger) == []
