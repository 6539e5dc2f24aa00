"""The fold: any order, any repetition, any day asked, one answer."""

from __future__ import annotations

import datetime as dt
import random

import msgspec
import pytest

from rules.calendar import MONDAY_TO_FRIDAY
from rules.changes import diff, with_changes
from rules.dossier import Dossier, extend, fold
from rules.events import (
    AppealFiled,
    AppealRejected,
    AppealUpheld,
    Event,
    NoticeReceived,
    ObjectionAnswered,
    ObjectionFiled,
    StatusCorrected,
)
from rules.packs.pack import PackError
from rules.standing import institution_timeline, span_on, statement, timeline
from rules.timeline import check_order
from rules.vocabulary import Standing
from tests.support.histories import history, make
from tests.support.law import pack

LOCALITIES = ("qiannan", "lanzhou", "national", "national_points", "xiamen", "shantou")
SEEDS = range(60)


def at(day: str) -> dt.date:
    return dt.date.fromisoformat(day)


@pytest.mark.parametrize("locality", LOCALITIES)
def test_any_order_of_arrival_and_any_repetition_gives_the_same_timeline(locality):
    """G1: events of one day are ordered by recorded_at, then event_id, never by arrival."""
    law = pack(locality)
    for seed in SEEDS:
        events = history(locality, seed)
        expected = timeline(events, law)
        chance = random.Random(seed)
        for _ in range(3):
            shuffled = [*events, *chance.choices(events, k=5)]
            chance.shuffle(shuffled)
            assert timeline(shuffled, law) == expected, f"seed {seed}"


@pytest.mark.parametrize("locality", LOCALITIES)
def test_a_dossier_grown_event_by_event_is_the_dossier_of_all(locality):
    for seed in SEEDS:
        events = history(locality, seed)
        grown = Dossier(())
        for event in reversed(events):
            grown = extend(extend(grown, [event]), [event])
        assert grown == fold(events), f"seed {seed}"


@pytest.mark.parametrize("locality", LOCALITIES)
def test_every_day_says_what_the_spec_says_of_a_service_on_that_day(locality):
    """T2, Q1: judged with the events dated up to that day, and those that void or correct, whatever their date."""
    law = pack(locality)
    voiding = (
        AppealUpheld,
        AppealRejected,
        AppealFiled,
        NoticeReceived,
        StatusCorrected,
        ObjectionFiled,
        ObjectionAnswered,
    )
    for seed in SEEDS:
        events = history(locality, seed)
        whole = statement(events, law, calendar=MONDAY_TO_FRIDAY).timeline
        for day in _days_of_interest(events, random.Random(seed)):
            up_to = [event for event in events if event.date <= day or isinstance(event, voiding)]
            then = statement(up_to, law, calendar=MONDAY_TO_FRIDAY).timeline
            for spans, others in ((whole.spans, then.spans), (_contested(whole), _contested(then))):
                assert _facts(spans, day) == _facts(others, day), f"seed {seed}, day {day}"


def _contested(line):
    return line.spans if line.contested is None else line.contested


def _facts(spans, day):
    span = span_on(spans, day)
    return None if span is None else msgspec.structs.replace(span, start=None, end=None)


def _days_of_interest(events: list[Event], chance: random.Random) -> list[dt.date]:
    days = {event.date + dt.timedelta(days=shift) for event in events for shift in (-1, 0, 1, 91, 92, 366)}
    days |= {dt.date(year, 1, 1) for year in range(min(days).year, max(days).year + 4)}
    return chance.sample(sorted(days), k=min(12, len(days)))


@pytest.mark.parametrize("locality", LOCALITIES)
def test_timelines_are_ordered_and_have_no_equal_neighbours(locality):
    law = pack(locality)
    for seed in SEEDS:
        line = timeline(history(locality, seed), law)
        check_order(line.spans, "spans")
        for before, after in zip(line.spans, line.spans[1:], strict=False):
            touching = before.end is not None and after.start == before.end + dt.timedelta(days=1)
            assert not (touching and _bare(before) == _bare(after)), f"seed {seed}"


def _bare(span):
    return msgspec.structs.replace(span, start=None, end=None)


def test_the_knowledge_date_leaves_out_what_was_recorded_later():
    """T2, also to the minute."""
    decided = _deduction("d1", 12, "QN-T6-02", cases=2, recorded_at="2023-06-01T10:00:00+08:00")
    events = [_registration(), decided]
    law = pack("qiannan")
    assert span_on(timeline(events, law, at("2023-05-31")).spans, at("2023-05-20")).standing is Standing.NORMAL
    assert span_on(timeline(events, law, at("2023-06-01")).spans, at("2023-05-20")).standing is Standing.PENALTY
    minute = dt.datetime(2023, 6, 1, 1, 59, tzinfo=dt.UTC)
    assert span_on(timeline(events, law, minute).spans, at("2023-05-20")).standing is Standing.NORMAL
    assert timeline(events, law, at("2023-06-01")).points == {"remaining": 0, "accumulated": 12}


def test_two_different_events_under_one_id_are_flagged_and_the_first_recorded_counts():
    first = _deduction("d1", 6, "QN-T6-01", recorded_at="2023-05-10T09:00:00+08:00")
    second = _deduction("d1", 12, "QN-T12-01", recorded_at="2023-05-10T10:00:00+08:00")
    for events in ([_registration(), first, second], [second, first, _registration()]):
        told = statement(events, pack("qiannan"))
        assert told.timeline.spans[-1].points_accumulated is not None
        assert span_on(told.timeline.spans, at("2023-05-11")).standing is Standing.CAUTIONED_6
        assert [(issue.code, issue.event_id) for issue in told.issues] == [("same_id_twice", "d1")]


@pytest.mark.parametrize(
    ("locality", "events", "code"),
    [
        ("qiannan", [("appeal_upheld", "2023-06-01", {"ref": "nothing"})], "unknown_reference"),
        (
            "qiannan",
            [
                ("deduction", "2023-05-10", {"points": 3, "violation_id": "QN-T3-01", "event_id": "d1"}),
                ("appeal_upheld", "2023-06-01", {"ref": "d1", "revised_points": 6}),
            ],
            "revised_upwards",
        ),
        (
            "qiannan",
            [
                ("deduction", "2023-05-10", {"points": 12, "cases": 2, "violation_id": "QN-T6-01"}),
                ("reinstatement", "2023-06-01", {}),
            ],
            "reinstated_in_penalty",
        ),
        (
            "qiannan",
            [
                ("deduction", "2023-05-10", {"points": 12, "violation_id": "QN-T12-01"}),
                ("reinstatement", "2023-09-01", {}),
            ],
            "returned_in_ban",
        ),
        ("qiannan", [("full_12", "2023-05-10", {"period": "p1"})], "not_of_this_scheme"),
        ("lanzhou", [("deduction", "2015-05-10", {"points": 5, "violation_id": "LZ-T5-01"})], "no_term"),
        ("lanzhou", [("agreement", "2015-05-10", {"start": "2015-05-10", "end": "2015-05-09"})], "empty_term"),
        ("lanzhou", [("agreement", "2015-05-10", {"start": "2015-05-10", "end": "2016-05-09"})], "other_term"),
        ("lanzhou", [("agreement", "9998-05-10", {"start": "9998-05-10", "end": "9999-05-09"})], "other_term"),
        ("national", [("repair", "2025-05-10", {"new_until": "2025-06-01"})], "repair_without_status"),
        (
            "national",
            [
                ("status", "2025-05-01", {"status": "suspended", "until": "2025-05-31"}),
                ("repair", "2025-05-10", {"new_until": "2025-06-01"}),
            ],
            "repair_lengthens",
        ),
        ("national", [("status_corrected", "2025-05-10", {"ref": "nothing"})], "unknown_reference"),
    ],
)
def test_contradictory_events_are_kept_and_flagged(locality, events, code):
    made = [make(kind, day, number, **fields) for number, (kind, day, fields) in enumerate(events)]
    told = statement([make("registration", "2014-07-05", 99), *made], pack(locality))
    assert code in {issue.code for issue in told.issues}
    for issue in told.issues:
        assert issue.zh
        assert issue.en


@pytest.mark.parametrize("end", ["2017-05-09", "2017-05-10"])
def test_an_agreement_of_two_years_is_no_contradiction(end):
    """D6: to the corresponding day or to the day before it; a year later is told, and counts as it is written."""
    term = make("agreement", "2015-05-10", 1, start="2015-05-10", end=end)
    assert statement([make("registration", "2015-05-10", 0), term], pack("lanzhou")).issues == ()
    longer = make("agreement", "2015-05-10", 1, start="2015-05-10", end="2018-05-09")
    told = statement([make("registration", "2015-05-10", 0), longer], pack("lanzhou"))
    assert [issue.code for issue in told.issues] == ["other_term"]
    assert told.timeline.spans[-2].end == dt.date(2018, 5, 9)


def test_a_pack_without_a_ledger_says_so():
    bare = pack("qiannan").model_copy(update={"ledger": None})
    with pytest.raises(PackError, match=r"qiannan-2022@1: has no ledger section"):
        timeline([_registration()], bare)


# -- differences --------------------------------------------------------------------------------------------------


def _registration(day="2023-01-03"):
    return make("registration", day, 0)


def _deduction(event_id, points, violation_id, day="2023-05-10", **fields):
    return make("deduction", day, 1, event_id=event_id, points=points, violation_id=violation_id, **fields)


def test_the_difference_is_the_days_to_screen_again():
    law = pack("qiannan")
    before = timeline([_registration()], law)
    after = timeline([_registration(), _deduction("d1", 12, "QN-T6-02", cases=2)], law)
    assert diff(before, after) == ((at("2023-05-10"), None),)
    assert diff(after, after) == ()
    assert diff(None, before) == ((at("2023-01-03"), None),)
    assert with_changes(after, before).changed == ((at("2023-05-10"), None),)


def test_points_alone_change_no_day():
    law = pack("qiannan")
    before = timeline([_registration()], law)
    assert diff(before, timeline([_registration(), _deduction("d1", 1, "QN-T1-01")], law)) == ()


def test_a_declaration_and_a_late_upholding_change_days_as_well():
    law = pack("qiannan")
    base = [_registration(), _deduction("d1", 12, "QN-T6-02", cases=2)]
    sited = [*base, make("opt_out", "2023-02-01", 5)]
    assert diff(timeline(base, law), timeline(sited, law)) == ((at("2023-02-01"), None),)
    late = [
        *base,
        make("notice_received", "2023-05-11", 6, ref="d1"),
        make("appeal_filed", "2023-06-20", 7, ref="d1"),
        make("appeal_upheld", "2023-06-30", 8, ref="d1"),
    ]
    assert diff(timeline(base, law), timeline(late, law)) == ((at("2023-05-10"), None),)


def test_institutions_differ_from_the_day_after_the_decision():
    law = pack("lanzhou")
    snapshot = make("institution_snapshot", "2015-05-10", 1, approved_physicians=9, cancelled_in_term=1)
    before = institution_timeline([], law, institution_code="H1")
    after = institution_timeline([snapshot], law, institution_code="H1")
    assert diff(before, after) == ((at("2015-05-11"), None),)
    assert institution_timeline([snapshot], law, institution_code="H2").spans == ()
