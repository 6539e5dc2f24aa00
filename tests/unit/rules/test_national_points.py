"""A province's rules under the national opinion: a copy of the model with other numbers, what is told to people, and what is owed."""

from __future__ import annotations

import datetime as dt
from importlib import resources
from typing import Any

import pytest

from pipeline.conformance.cases import SWITCHED_ON, read_case
from pipeline.conformance.run import run_cases
from pipeline.explain.explaining import explain_claim
from pipeline.explain.view import as_data
from pipeline.settings.packs import load_pack_set, read_packs
from rules.packs.pack import Pack, PackError, parse_pack
from rules.packs.pack_set import PackSet
from rules.packs.readings import settings
from rules.standing import statement
from tests.support.explaining import claim
from tests.support.explaining import event as line
from tests.support.histories import make
from tests.support.law import event, judge, outcome, pack, registration
from tests.support.owing import D, of, owed

P = "national_points"
REG = registration("2025-03-03")
NINE = event("points_recorded", "2025-04-10", id="p1", points=9, suspension_months=4, decision_ref="X")
TWELVE = event("points_recorded", "2025-04-10", id="p1", points=12, decision_ref="X")
TEXT = (resources.files("rules") / "packs" / "national-points-model.yaml").read_text("utf-8")


def province(*changes: tuple[str, str]) -> Pack:
    """A copy of the model for area 360100, on, with other words in places that stand there once."""
    text = TEXT
    named = (
        ("pack: national-points-model", "pack: jiangxi-2026"),
        ('["990000"]', '["360100"]'),
        ("enabled: false", "enabled: true"),
    )
    for old, new in (*named, *changes):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return parse_pack(text, "jiangxi-2026.yaml")


def under(law: Pack, history: list[dict[str, Any]], service: str, **asked: Any) -> dict[str, Any]:
    """The answer of a copied pack, judged where the model's cases are."""
    moved = law.model_copy(update={"regions": ("990000",)})
    said = {"service_date": service, "settlement_date": service, "physician_code": "P-0001", "institution": "H1",
            "encounter_type": "outpatient", **asked}  # fmt: skip
    case = read_case({"id": "t", "locality": P, "as_of": "2099-01-01", "history": history, "claim": said})
    (answer,) = run_cases([case], PackSet([*read_packs(), moved]))
    return answer


def issues(*history: dict[str, Any], law: Pack | None = None) -> list[str]:
    case = read_case({"locality": P, "history": [REG, *history], "claim": {"service_date": "2030-01-01"}})
    return [str(issue.code) for issue in statement(case.events, law or pack(P)).issues]


def points(day: str, count: int, **fields: Any) -> dict[str, Any]:
    return event("points_recorded", day, points=count, **{"decision_ref": "X", **fields})


def test_the_model_that_is_off_exists_for_no_claim():
    lines = [line("r1", "registration", "2025-03-03", "990000"),
             line("p1", "points_recorded", "2025-04-10", "990000", points=12)]  # fmt: skip
    wanted = claim("2025-05-01", region="990000")
    off, on = (
        explain_claim(wanted, lines, packs, as_of=None, today=dt.date(2026, 1, 5)).verdict
        for packs in (load_pack_set(), load_pack_set(switched_on=SWITCHED_ON))
    )
    assert (off["rule_pack"], off["reason"]) == ("national-2024@1", "ok")
    assert (on["rule_pack"], on["reason"]) == ("national-points-model@1", "status_abnormal")


def test_a_province_changes_numbers_only():
    law = province(
        ("suspend_at: {value: 9,", "suspend_at: {value: 8,"),
        ("suspend_least_months: {value: 1,", "suspend_least_months: {value: 2,"),
        ("bar_at_once_months: {value: 36,", "bar_at_once_months: {value: 24,"),
    )
    eight = [REG, points("2025-04-10", 8)]
    assert outcome(P, eight, "2025-05-01") == ("pay", "ok")
    assert under(law, eight, "2025-05-01")["penalty_period"] == ["2025-04-11", "2025-06-10"]
    assert under(law, [REG, TWELVE], "2025-05-01")["reapply_not_before"] == "2027-04-11"


def test_a_number_that_changes_inside_the_rules_holds_for_decisions_from_its_day_on():
    law = province(
        ('suspend_at: {value: 9, from: 2025-03-01, citation: "实践2",',
         'suspend_at: {value: 9, from: 2025-03-01, citation: "实践2", then: [{value: 7, from: 2026-01-01, citation: "实践2"}],')
    )  # fmt: skip
    assert under(law, [REG, points("2025-12-31", 7)], "2026-01-02")["standing"] == "normal"
    assert under(law, [REG, points("2026-01-01", 7)], "2026-01-02")["standing"] == "suspended"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("suspend_least_months: {value: 1,", "suspend_least_months: {value: 7,", "no length would be within bounds"),
        ("suspend_at: {value: 9,", "suspend_at: {value: 12,", "not below the allowance"),
        ("[4, 6]", "[6, 4]", "bands"),
    ],
)
def test_numbers_that_cannot_be_so_are_refused(old, new, told):
    with pytest.raises(PackError, match=told):
        province((old, new))


@pytest.mark.parametrize(
    ("history", "code"),
    [
        ([points("2025-04-10", 9)], "length_not_set"),
        ([points("2025-04-10", 9, suspension_months=7)], "length_out_of_bounds"),
        ([points("2025-04-10", 8, suspension_months=3)], "length_without_mark"),
        ([points("2025-04-10", 5, band="7-9")], "points_outside_band"),
        ([points("2025-04-10", 5, band="grave")], "points_outside_band"),
        ([points("2025-04-10", 5, decision_ref=None)], "points_without_decision"),
        ([points("2025-04-10", 5), points("2025-04-11", -2)], "repair_beyond_bounds"),
        ([TWELVE, registration("2025-06-01")], "returned_too_early"),
        ([event("repair", "2025-06-01", new_until="2025-07-01")], "repair_without_status"),
        ([event("status_corrected", "2025-06-01", ref="none")], "unknown_reference"),
    ],
)
def test_what_contradicts_the_rules_is_told_to_people(history, code):
    assert issues(*history) == [code]


def test_what_agrees_with_the_rules_is_told_to_nobody():
    history = [points("2025-04-10", 5, band="4-6"), points("2025-05-10", 4, band="4-6", suspension_months=6),
               points("2025-06-01", -1), event("repair", "2025-07-01", new_until="2025-08-31")]  # fmt: skip
    assert issues(*history) == []


def test_repair_of_time_stops_at_what_the_province_leaves():
    law = province(
        (
            "repair_least_suspension_months: {value: null, from: null",
            "repair_least_suspension_months: {value: 2, from: null",
        ),
        ("repair_least_bar_months: {value: null, from: null", "repair_least_bar_months: {value: 6, from: null"),
    )
    repair = event("repair", "2025-05-01", new_until="2025-05-10")
    assert under(law, [REG, NINE, repair], "2025-05-02")["penalty_period"] == ["2025-04-11", "2025-06-10"]
    assert under(law, [REG, TWELVE, repair], "2025-05-02")["reapply_not_before"] == "2025-10-11"
    assert issues(NINE, repair, law=law) == ["repair_beyond_bounds"]
    assert issues(NINE, repair) == []


def test_each_rival_reading_gives_what_it_says():
    unset = [REG, points("2025-04-10", 9)]
    assert judge(P, unset, "2025-06-01")["reason"] == "ok"
    assert judge(P, unset, "2025-06-01", readings={"length_not_set": "most"})["penalty_period"][1] == "2025-10-10"
    for service, payer in (("2025-05-01", "institution"), ("2024-05-01", "fund")):
        assert judge(P, [REG, NINE], service, readings={"cost_bearer": "institution"})["cost_bearer"] == payer
    assert {item.id for item in settings(pack(P))} == {"length_not_set", "cost_bearer"}


def test_points_of_the_law_before_count_where_the_province_says_so_and_suspend_nobody_by_themselves():
    law = province(("registration_required: true", "carries: points\nregistration_required: true"))
    before = [registration("2025-01-10"), points("2025-02-01", 9, suspension_months=4)]
    assert under(law, before, "2025-03-02")["standing"] == "normal"
    assert under(law, before, "2025-03-02")["points_accumulated"] == 9
    after = under(law, [*before, points("2025-03-10", 3)], "2025-03-11")
    assert (after["standing"], after["reapply_not_before"]) == ("terminated", "2026-03-11")


# -- what is owed -------------------------------------------------------------------------------------------------

FILED = make("registration", "2025-03-03", 0)


def test_a_status_that_follows_from_points_is_marked_at_every_site():
    """003 三¶2: the institutions mark the person, whoever recorded the status."""
    sites = [FILED, make("site_declaration", "2025-03-04", 1, institution="H2")]
    found = owed(P, *sites, make("points_recorded", "2025-04-10", 2, points=9, suspension_months=4, institution=None))
    assert [(duty.trigger_id, duty.site) for duty in of("mark_person", found)] == [("e2", "H1"), ("e2", "H2")]
    assert [duty.trigger_id for duty in of("tell_institutions", found)] == ["e2", "e2"]
    assert len(of("report_up", found)) == 1, "once for the points and the status that they brought"


@pytest.mark.parametrize(("first", "second", "talks"), [(5, 1, ["e2"]), (6, 1, ["e1"]), (5, 4, ["e2"]), (3, 2, [])])
def test_the_decision_that_passes_the_mark_for_a_talk_owes_it(first, second, talks):
    """D3: also where it passes a higher mark as well."""
    found = owed(P, FILED, make("points_recorded", "2025-04-10", 1, points=first),
                 make("points_recorded", "2025-05-10", 2, points=second))  # fmt: skip
    assert [duty.trigger_id for duty in of("talk", found)] == talks


def test_a_new_filing_opens_when_the_bar_is_over_also_where_repair_has_shortened_it():
    ended = make("points_recorded", "2025-04-10", 1, points=12)
    (duty,) = of("file_anew", owed(P, FILED, ended))
    assert (duty.opens, duty.due_on, duty.state(D("2026-01-01"))) == (True, D("2028-04-11"), "to_come")
    (sooner,) = of("file_anew", owed(P, FILED, ended, make("repair", "2025-06-01", 2, new_until="2026-04-10")))
    assert sooner.due_on == D("2026-04-11")
    assert sooner.state(D("2026-04-11")) == "possible"


# -- what people read, and other areas ----------------------------------------------------------------------------

LINES = (
    line("r1", "registration", "2025-03-03", "990000"),
    line(
        "p1", "points_recorded", "2025-04-10", "990000", points=10, suspension_months=4, decision_ref="X", band="10-12"
    ),
    line("p2", "points_recorded", "2025-06-15", "990000", points=4, decision_ref="Y", degree="main"),
)
PACKS = load_pack_set(switched_on=SWITCHED_ON)


@pytest.mark.parametrize(
    ("service", "zh", "en"),
    [
        ("2025-05-01", "4个月", "4 months, counted from the day after the decision to the corresponding day"),
        ("2025-07-01", "最早2026-06-16可重新登记备案（实践2）", "a new filing from 2026-06-16 at the earliest (实践2)"),
    ],
)
def test_an_explanation_tells_the_window_the_bar_and_the_points_with_their_articles(service, zh, en):
    done = explain_claim(claim(service, region="990000"), LINES, PACKS, as_of=None, today=dt.date(2026, 1, 5))
    said = str(as_data(done.chain, done.verdict, done.as_of))
    assert zh in said
    assert en in said
    assert "10 points recorded, band 10-12, suspension of 4 months (after X)" in said
    assert "9 reached: suspended 2025-04-11 to 2025-08-10 (实践2)" in said


def test_an_objection_upheld_after_the_service_is_told_with_it():
    lines = [*LINES[:2], line("o1", "objection_filed", "2025-06-20", "990000", ref="p1"),
             line("o2", "objection_answered", "2025-07-01", "990000", ref="o1", answer="upheld")]  # fmt: skip
    done = explain_claim(claim("2025-05-01", region="990000"), lines, PACKS, as_of=None, today=dt.date(2026, 1, 5))
    assert done.verdict["reason"] == "ok"
    assert [told.event_id for told in done.chain.history] == ["r1", "p1", "o1", "o2"]


@pytest.mark.parametrize("region", ["120000", "522700"])
def test_a_suspension_by_points_is_the_persons_in_every_area(region):
    """P3: in an area under the opinion, and beside a local standing, which alone would pay."""
    here = line("r2", "registration", "2025-03-05", region)
    done = explain_claim(
        claim("2025-05-01", region=region), [*LINES, here], PACKS, as_of=None, today=dt.date(2026, 1, 5)
    )
    assert (done.verdict["disposition"], done.verdict["reason"]) == ("reject", "status_abnormal")
    assert done.verdict["penalty_period"] == ["2025-04-11", "2025-08-10"]
