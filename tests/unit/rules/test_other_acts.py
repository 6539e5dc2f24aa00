"""Ends of sites, changes on file, trainings, commitments, referrals to the judiciary: what is recorded, and what follows from it."""

from __future__ import annotations

import datetime as dt

import pytest

from pipeline.conformance.cases import REGIONS
from pipeline.explain.explaining import explain_claim
from pipeline.settings.packs import load_pack_set
from rules.dossier import fold
from rules.standing import timeline
from tests.support.explaining import claim
from tests.support.explaining import event as line
from tests.support.histories import make
from tests.support.law import deduction, event, judge, outcome, pack, registration
from tests.support.owing import of, owed

START = {"qiannan": "2025-01-03", "national": "2025-01-06", "national_points": "2025-03-03"}
ENDED = event("site_ended", "2025-06-10", institution="H1")
AGAIN = event("site_declaration", "2025-08-01", institution="H1")


@pytest.mark.parametrize("locality", START)
def test_from_the_end_of_a_site_on_the_institution_declares_the_person_no_more(locality):
    filed = [registration(START[locality]), event("site_declaration", "2025-04-01", institution="H2"), ENDED]
    assert outcome(locality, filed, "2025-06-09") == ("pay", "ok")
    assert outcome(locality, filed, "2025-06-10") == ("review", "site_not_declared")
    assert outcome(locality, filed, "2025-06-10", institution="H2") == ("pay", "ok"), "the filing itself stays"
    assert outcome(locality, [*filed, AGAIN], "2025-07-31") == ("review", "site_not_declared")
    assert outcome(locality, [*filed, AGAIN], "2025-08-01") == ("pay", "ok"), "declared anew"


def test_a_penalty_goes_on_where_a_site_has_ended():
    """000 三(二)3: it binds at every site; leaving one changes neither points nor window."""
    twelve = [registration("2025-01-03"), deduction("2025-05-09", 12)]
    before, after = (judge("qiannan", history, "2025-06-20") for history in (twelve, [*twelve, ENDED]))
    assert before == after
    assert after["reason"] == "in_penalty_period"


def test_the_end_of_a_site_lifts_no_opt_out_and_of_one_days_events_the_later_holds():
    out = [registration("2025-01-03"), event("opt_out", "2025-02-01", institution="H1"), ENDED]
    assert outcome("qiannan", out, "2025-06-20") == ("reject", "opted_out")
    same = event("site_declaration", "2025-06-10", institution="H1")
    assert outcome("qiannan", [registration("2025-01-03"), same, ENDED], "2025-06-20")[1] == "site_not_declared"
    assert outcome("qiannan", [registration("2025-01-03"), ENDED, same], "2025-06-20")[1] == "ok"


def test_the_end_of_a_site_goes_over_to_the_next_law():
    """S3: sites carry over, and an ended one does not come back."""
    filed = [registration("2025-01-10"), event("site_ended", "2025-02-10", institution="H1")]
    assert outcome("national_points", filed, "2025-04-01") == ("review", "site_not_declared")


def test_an_institution_that_the_person_has_left_owes_no_act_for_what_comes_after():
    filed = [make("registration", "2025-01-06", 0), make("site_declaration", "2025-01-07", 1, institution="H2")]
    status = make("status", "2025-07-01", 3, status="suspended", until="2025-07-31", institution=None)
    there = owed("national", *filed, status)
    left = owed("national", *filed, make("site_ended", "2025-06-10", 2), status)
    assert [duty.site for duty in of("mark_person", there)] == ["H1", "H2"]
    assert [duty.institution for duty in of("mark_person", left)] == ["H2"]


RECORDED = [
    ("person_changed", {"what": "title", "value": "主任医师", "chg_rea": "晋升"}, "change of title: 主任医师 (晋升)", "变更职称为主任医师（晋升）"),
    ("person_changed", {"what": "name"}, "change of name", "变更姓名"),
    ("training_result", {"passed": False}, "training not passed", "培训考核不合格"),
    ("commitment_signed", {"institution": "H1"}, "signed the service commitment of H1", "签署H1的服务承诺"),
    ("crime_referred", {"by": "bureau", "ref": "d1"}, "handed to the judiciary by bureau over d1", "bureau移送司法机关（d1）"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fields", "en", "zh"), RECORDED, ids=[row[2] for row in RECORDED])
def test_what_is_recorded_of_a_person_is_told_and_decides_nothing(kind, fields, en, zh):
    packs = load_pack_set()
    for locality in ("qiannan", "national"):
        if kind not in pack(locality).ledger.events:
            continue
        region = REGIONS[locality]
        lines = [line("r1", "registration", "2025-01-06", region)]
        if locality == "qiannan":
            lines.append(line("d1", "deduction", "2025-01-08", region, points=6, violation_id="QN-T6-01"))
        more = [*lines, line("x1", kind, "2025-02-10", region, **fields)]
        wanted = claim("2025-06-01", region=region)
        before, after = (
            explain_claim(wanted, history, packs, as_of=None, today=dt.date(2026, 1, 5)) for history in (lines, more)
        )
        assert after.unusable == ()
        assert after.verdict == before.verdict
        said = next(told.text for told in after.chain.history if told.event_id == "x1")
        assert (said.en, said.zh) == (en, zh)


def test_a_training_lifts_no_incomplete_qualification_and_is_no_return_to_lanzhou():
    """Q9 and L1: a registration evidences the one, `retraining_passed` the other."""
    untrained = [registration("2025-01-03", training=False), event("training_result", "2025-02-01", passed=True)]
    assert outcome("qiannan", untrained, "2025-06-01") == ("review", "qualification_incomplete")
    events = [make("registration", "2014-06-03", 0), make("agreement", "2014-06-03", 1, start="2014-06-03", end="2016-06-02"),
              make("deduction", "2014-07-01", 2, points=10, violation_id="LZ-T10-01"),
              make("training_result", "2015-07-02", 3, passed=True), make("registration", "2015-07-03", 4)]  # fmt: skip
    assert timeline(fold(events), pack("lanzhou")).spans[-1].standing == "cancelled"
