"""Edges that mutation testing found untested: each test here fails under a small wrong change of the law."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from pipeline.conformance.cases import read_case
from rules.calendar import MONDAY_TO_FRIDAY
from rules.changes import diff
from rules.dossier import fold
from rules.events import CHINA
from rules.schemes.lanzhou.institutions import assess
from rules.schemes.lanzhou.parameters import LanzhouLedger
from rules.standing import institution_timeline, statement
from rules.timeline import PhysicianTimeline, Span
from rules.vocabulary import Standing
from tests.support.histories import make
from tests.support.law import (
    agreement,
    bonus,
    deduction,
    event,
    judge,
    ledger,
    outcome,
    pack,
    registration,
    reinstatement,
)

REG = registration("2023-01-03")
LZ = [registration("2014-07-05"), agreement("2014-07-05", "2016-07-04")]


def told(locality, history):
    case = read_case({"locality": locality, "history": history, "claim": {"service_date": "2030-01-01"}})
    return statement(case.events, pack(locality), calendar=MONDAY_TO_FRIDAY)


def at(day: str) -> dt.date:
    return dt.date.fromisoformat(day)


# -- reviews ----------------------------------------------------------------------------------------------------------


def test_a_review_of_an_unknown_decision_does_not_hide_the_next_one():
    history = [
        REG,
        deduction("2023-05-10", 12, "QN-T6-01", cases=2, id="d1"),
        event("appeal_upheld", "2023-05-11", ref="nothing"),
        event("appeal_upheld", "2023-05-12", ref="d1"),
    ]
    assert outcome("qiannan", history, "2023-05-20") == ("pay", "ok")


def test_a_late_review_that_changes_nothing_contests_nothing():
    """Q2: a second timeline only where the two readings differ."""
    late = [
        REG,
        deduction("2023-05-10", 6, id="d1"),
        event("notice_received", "2023-05-10", ref="d1"),
        event("appeal_filed", "2023-06-12", ref="d1"),
    ]
    same = told("qiannan", [*late, event("appeal_upheld", "2023-06-13", ref="d1", revised_points=6)])
    assert same.timeline.contested is None
    assert [issue.code for issue in same.issues] == ["late_review_upheld"]
    other = told("qiannan", [*late, event("appeal_upheld", "2023-06-13", ref="d1", revised_points=5)])
    assert other.timeline.contested is not None


# -- Qiannan ----------------------------------------------------------------------------------------------------------


def test_a_bonus_that_leaves_twelve_does_not_cut_the_penalty():
    """Ambiguity 8, rival: nine and six make fifteen; two off leave thirteen."""
    history = [REG, deduction("2023-05-08", 9, "QN-T3-02", cases=3), deduction("2023-05-10", 6)]
    readings = {"bonus_effect": "may_cut_running_penalty"}
    short = [*history, bonus("2023-05-20", 2)]
    assert judge("qiannan", short, "2023-05-21", readings=readings)["standing"] == "penalty"
    enough = [*history, bonus("2023-05-20", 5)]
    assert judge("qiannan", enough, "2023-05-21", readings=readings)["standing"] == "pending_reinstatement"


def test_where_every_site_reinstates_the_last_one_restores():
    """Ambiguity 25, rival."""
    twelve = deduction("2023-05-10", 12, "QN-T6-01", cases=2)
    history = [REG, event("site_declaration", "2023-02-01", institution="H2"), twelve]
    one = [*history, reinstatement("2023-08-14", "H1")]
    readings = {"reinstatement_sites": "every_site"}
    assert outcome("qiannan", one, "2023-08-20", readings=readings) == ("reject", "pending_reinstatement")
    both = [*one, reinstatement("2023-08-16", "H2")]
    assert outcome("qiannan", both, "2023-08-15", readings=readings) == ("reject", "pending_reinstatement")
    assert outcome("qiannan", both, "2023-08-16", readings=readings) == ("pay", "ok")


# -- Lanzhou ----------------------------------------------------------------------------------------------------------


def test_lanzhou_the_agencys_own_dates_win():
    own = {"penalty_start": "2014-10-01", "penalty_end": "2014-10-31"}
    history = [*LZ, deduction("2014-09-01", 6, "LZ-T5-01", **own)]
    assert outcome("lanzhou", history, "2014-09-30") == ("pay", "ok")
    assert judge("lanzhou", history, "2014-10-31")["penalty_period"] == ["2014-10-01", "2014-10-31"]
    assert outcome("lanzhou", history, "2014-11-01") == ("pay", "ok")


def test_lanzhou_on_the_day_of_a_second_cancellation_the_first_still_shows():
    """L8: the day's cancellation does not show yet, the one before it does."""
    history = [
        *LZ,
        deduction("2014-09-01", 10, "LZ-T10-01"),
        agreement("2014-10-08", "2016-10-07"),
        deduction("2014-11-03", 10, "LZ-T10-01"),
    ]
    on_the_day = judge("lanzhou", history, "2014-11-03")
    assert (on_the_day["standing"], on_the_day["reapply_not_before"]) == ("cancelled", "2015-09-02")
    assert judge("lanzhou", history, "2014-11-04")["reapply_not_before"] == "2019-11-04"


def test_lanzhou_days_after_the_bar_are_no_days_of_a_suspension():
    """A stay that began while nobody was registered and ended after the return is judged on its last day."""
    history = [
        *LZ,
        deduction("2014-09-01", 10, "LZ-T10-01"),
        event("retraining_passed", "2015-09-20"),
        registration("2015-10-01"),
        agreement("2015-10-01", "2017-09-30"),
    ]
    assert outcome("lanzhou", history, "2015-09-20") == ("reject", "physician_unregistered")
    assert outcome("lanzhou", history, "2015-10-05", encounter="inpatient", start="2015-09-20") == ("pay", "ok")


def test_lanzhou_an_agreement_that_ends_before_it_starts_does_not_hide_the_next_one():
    history = [registration("2014-07-05"), agreement("2014-07-06", "2014-07-05"), agreement("2014-07-07", "2016-07-06")]
    assert outcome("lanzhou", history, "2014-08-01") == ("pay", "ok")
    assert [issue.code for issue in told("lanzhou", history).issues] == ["empty_term"]


@pytest.mark.parametrize(
    ("approved", "cancelled", "ends", "bars"),
    [(20, 1, True, True), (401, 20, False, True), (400, 20, True, True), (100, 0, False, False), (0, 0, False, False)],
)
def test_lanzhou_shares_are_exact(approved, cancelled, ends, bars):
    made = assess(approved, cancelled, ledger(pack("lanzhou"), LanzhouLedger).headcounts)
    assert (made.ends_agreement, made.bars_rating) == (ends, bars)


# -- National, Shantou, accounts --------------------------------------------------------------------------------------


def test_a_status_that_ends_two_days_before_the_next_event_has_ended():
    history = [
        registration("2025-01-02"),
        event("status", "2025-03-01", status="suspended", until="2025-05-29", id="s1"),
        event("points_recorded", "2025-05-31", points=1),
    ]
    assert outcome("national", history, "2025-05-29")[0] == "reject"
    assert outcome("national", history, "2025-05-30") == ("pay", "ok")


@pytest.mark.parametrize("drug", [None, {}, {"dual_channel": True}, {"dual_channel": True, "external": None}])
def test_shantou_what_a_claim_does_not_say_raises_no_ground(drug):
    assert outcome("shantou", [registration("2022-06-01")], "2022-09-01", drug=drug) == ("pay", "ok")


def test_nothing_is_offset_where_the_scheme_has_no_bonus():
    lines = [
        *told("lanzhou", [*LZ, deduction("2014-09-01", 5, "LZ-T5-01")]).entries,
        *told("national", [registration("2025-01-02"), event("points_recorded", "2025-02-01", points=3)]).entries,
        *told(
            "xiamen", [event("full_12", "2018-01-02", period="p"), event("criminal_liability", "2018-02-02")]
        ).entries,
    ]
    assert [(entry.kind, entry.offset) for entry in lines] == [
        ("deduction", 0),
        ("points_recorded", 0),
        ("full_12", 0),
        ("criminal_liability", 0),
    ]


# -- dossiers and timelines -------------------------------------------------------------------------------------------


def test_an_event_without_a_time_counts_as_recorded_when_its_day_begins_in_china():
    """G1."""
    untimed = msgspec.structs.replace(make("registration", "2023-05-10", 1), recorded_at=None)
    midnight = dt.datetime(2023, 5, 10, tzinfo=CHINA)
    for seconds, first in ((1, "e1"), (-1, "e2")):
        other = msgspec.structs.replace(
            make("opt_out", "2023-05-10", 2), recorded_at=midnight + dt.timedelta(seconds=seconds)
        )
        assert fold([other, untimed]).events[0].event_id == first


def test_an_institutions_timeline_honours_the_knowledge_date_of_a_dossier_too():
    orders = [make("institution_violation_ratio", "2018-12-31", 1, physician_code=None, ratio=0.9)]
    file = fold(orders)

    def spans(as_of):
        return institution_timeline(file, pack("xiamen"), as_of, institution_code="H1").spans

    assert spans(at("2018-12-30")) == ()
    assert len(spans(at("2018-12-31"))) == len(spans(None)) == 1


def test_a_difference_ends_where_the_timelines_agree_again():
    def line(*standings: Standing) -> PhysicianTimeline:
        starts = [at(f"2023-0{month}-01") for month in range(1, len(standings) + 1)]
        ends = [start - dt.timedelta(days=1) for start in starts[1:]] + [None]
        return PhysicianTimeline("522700", "P", 1, tuple(map(Span, starts, ends, standings)), ())

    n, p = Standing.NORMAL, Standing.PENALTY
    old, new = line(n, p, n, p, n, p), line(n, n, n, p, p, p)
    assert diff(old, new) == (
        (at("2023-02-01"), at("2023-02-28")),
        (at("2023-05-01"), at("2023-05-31")),
    )
