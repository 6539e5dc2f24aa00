"""P8 and D6: what an institution's figures mean for people, and that they end no agreement by themselves."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from pipeline.settings.packs import load_pack_set
from rules.dossier import fold
from rules.measures import measures
from rules.schemes.scheme import Measure
from rules.standing import institution_timeline
from tests.support.histories import make

PACKS = load_pack_set()
LANZHOU, XIAMEN = "620100", "350200"


def _told(region: str, *events) -> tuple[Measure, ...]:
    return measures(fold(events), PACKS.law(region), "H1")


def _headcount(approved: int, cancelled: int, number: int = 1):
    return make("institution_snapshot", "2016-03-01", number, region=LANZHOU, institution="H1", physician_code=None,
                approved_physicians=approved, cancelled_in_term=cancelled)  # fmt: skip


def _order(day: str, number: int, institution: str = "H1"):
    return make("rectification_order", day, number, region=XIAMEN, institution=institution, physician_code=None)


@pytest.mark.parametrize(
    ("approved", "cancelled", "minus", "ends"),
    [(100, 1, None, False), (100, 2, 5, False), (100, 4, 5, False), (100, 5, 10, True), (19, 2, 10, True)],
)
def test_a_share_of_cancelled_physicians_at_a_mark_is_told_with_what_the_text_attaches_to_it(
    approved, cancelled, minus, ends
):
    found = _told(LANZHOU, _headcount(approved, cancelled))
    assert bool(found) is (minus is not None)
    for one in found:
        assert (one.kind, one.day, one.citation) == ("institution_share", dt.date(2016, 3, 1), "第二十二条")
        assert f"{cancelled} of {approved} approved physicians" in one.text.en
        assert f"minus {minus}" in one.text.en
        assert f"扣{minus}分" in one.text.zh
        assert ("no A rating" in one.text.en) is True
        assert ("ends the agreement" in one.text.en) is ends
    spans = institution_timeline(
        fold([_headcount(approved, cancelled)]), PACKS.law(LANZHOU), institution_code="H1"
    ).spans
    assert bool(spans) is ends


def test_the_second_order_within_twelve_months_gives_a_reminder_and_no_other():
    first, second, third = _order("2018-03-01", 1), _order("2019-02-28", 2), _order("2019-06-01", 3)
    assert _told(XIAMEN, first) == ()
    [told] = _told(XIAMEN, first, second)
    assert (told.kind, told.event_id, told.day) == ("rectification_reminder", second.event_id, dt.date(2019, 2, 28))
    assert "one more ends the agreement" in told.text.en
    # 2018-03-01 is out of the twelve months by then, so the third order is again a second one.
    assert [one.event_id for one in _told(XIAMEN, first, second, third)] == [second.event_id, third.event_id]
    assert _told(XIAMEN, first, _order("2019-03-01", 4)) == ()
    assert _told(XIAMEN, first, _order("2018-06-01", 5, "H2")) == ()


def test_the_order_that_ends_the_agreement_gives_no_reminder():
    orders = [_order("2018-03-01", 1), _order("2018-05-01", 2), _order("2018-07-01", 3)]
    assert [one.event_id for one in _told(XIAMEN, *orders)] == [orders[1].event_id]
    assert institution_timeline(fold(orders), PACKS.law(XIAMEN), institution_code="H1").spans


def test_headcounts_of_days_without_law_are_no_measure():
    late = make("institution_snapshot", "2020-03-01", 1, region=LANZHOU, institution="H1", physician_code=None,
                approved_physicians=100, cancelled_in_term=9)  # fmt: skip
    assert _told(LANZHOU, late) == ()


@pytest.mark.parametrize("region", ["522700", LANZHOU, XIAMEN, "110000"])
@pytest.mark.parametrize("order", ["ended first", "signed first"])
@pytest.mark.parametrize("signs", ["institution_resigned", "institution_signed"])
def test_an_agreement_that_ends_and_begins_on_one_day_is_told_and_the_later_record_holds(region, order, signs):
    """D7, G1."""
    day = "2016-03-01" if region in (LANZHOU, XIAMEN) else "2026-03-02"
    kinds = ("institution_ended", signs) if order == "ended first" else (signs, "institution_ended")
    events = [
        make(kind, day, number, region=region, institution="H1", physician_code=None)
        for number, kind in enumerate(kinds, 1)
    ]
    [told] = [one for one in _told(region, *events) if one.kind == "agreement_contradiction"]
    ended = order == "signed first"
    assert (told.event_id, told.day) == ("e2", dt.date.fromisoformat(day))
    assert ("it has ended" in told.text.en) is ended
    assert bool(institution_timeline(fold(events), PACKS.law(region), institution_code="H1").spans) is ended
    assert _told(region, events[0], msgspec.structs.replace(events[1], date=dt.date(2027, 1, 4))) == ()


def test_a_headcount_of_a_day_without_law_ends_no_agreement_under_the_opinion():
    """S3: Lanzhou's law ended on 2019-04-30; what was counted in 2020 is no decision under it."""
    for day, ended in (("2019-04-30", True), ("2019-05-01", False), ("2020-03-14", False)):
        headcount = make("institution_snapshot", day, 1, region=LANZHOU, institution="H1", physician_code=None,
                         approved_physicians=20, cancelled_in_term=5)  # fmt: skip
        spans = institution_timeline(fold([headcount]), PACKS.law(LANZHOU), institution_code="H1").spans
        assert bool(spans) is ended, day
    again = make("institution_resigned", "2025-02-03", 2, region=LANZHOU, institution="H1", physician_code=None)
    old = make("institution_snapshot", "2019-04-01", 1, region=LANZHOU, institution="H1", physician_code=None,
               approved_physicians=20, cancelled_in_term=5)  # fmt: skip
    [span] = institution_timeline(fold([old, again]), PACKS.law(LANZHOU), institution_code="H1").spans
    assert (span.start, span.end) == (dt.date(2019, 4, 2), dt.date(2025, 2, 2))
