"""S1: several packs govern one region, one after the other, by the day of the service; where none is, the national opinion."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from pipeline.control.dossier_page import PageFacts, render
from pipeline.explain.explaining import explain_claim
from pipeline.screening.gate import Gate
from pipeline.settings.packs import load_pack_set, read_packs
from rules.dossier import fold
from rules.duties import duties
from rules.events import decode
from rules.packs.pack import InForce, Pack, PackError
from rules.packs.pack_set import PackSet
from rules.standing import institution_timeline, statement
from tests.support.explaining import claim, event
from tests.support.law import judge, pack

D = dt.date.fromisoformat
LANZHOU = "620100"
PACKS = load_pack_set()

FILE = [
    event("r1", "registration", "2014-06-02", LANZHOU),
    event("a1", "agreement", "2017-06-02", LANZHOU, start="2017-06-02", end="2019-06-01"),
    event("d1", "deduction", "2018-03-01", LANZHOU, points=5, violation_id="LZ-T5-01"),
    event("d2", "deduction", "2018-05-02", LANZHOU, points=3, violation_id="LZ-T13-02"),
    event("s1", "status", "2025-05-01", LANZHOU, status="suspended", until="2025-06-30"),
]


def verdict(service: str, lines: list[bytes] = FILE, **fields: Any) -> dict[str, Any]:
    wanted = claim(service, region=LANZHOU, **fields)
    return explain_claim(wanted, lines, PACKS, as_of=None, today=D("2026-01-05")).verdict


@pytest.mark.parametrize(
    ("service", "disposition", "reason", "by"),
    [
        ("2014-04-30", "pay", "rule_not_in_force", "lanzhou-2014@1"),
        ("2018-05-03", "reject", "suspended", "lanzhou-2014@1"),
        ("2019-05-01", "pay", "rule_not_in_force", "lanzhou-2014@1"),
        ("2024-12-31", "pay", "rule_not_in_force", "lanzhou-2014@1"),
        ("2025-01-01", "pay", "ok", "national-2024@1"),
        ("2025-06-01", "reject", "status_abnormal", "national-2024@1"),
        ("2025-07-01", "pay", "ok", "national-2024@1"),
    ],
)
def test_lanzhou_is_judged_by_its_measures_then_by_no_law_then_by_the_national_opinion(
    service, disposition, reason, by
):
    """The measures ended on 2019-04-30 (第二十四条), and 003 binds from 2025-01-01 (五¶4); the registration goes over (S3)."""
    found = verdict(service)
    assert (found["disposition"], found["reason"], found["rule_pack"]) == (disposition, reason, by)


def test_a_registration_that_a_cancellation_ended_does_not_go_over():
    """S3; an agreement that merely ran out is no bar."""
    lines = [*FILE[:2], event("d3", "deduction", "2018-07-02", LANZHOU, points=10, violation_id="LZ-T10-01")]
    assert verdict("2025-02-03", lines)["reason"] == "physician_unregistered"
    assert verdict("2025-02-03", FILE[:2])["reason"] == "ok"
    back = [*lines, event("r2", "registration", "2025-01-15", LANZHOU)]
    assert verdict("2025-02-03", back)["reason"] == "ok"


def test_points_of_the_old_law_are_told_by_it_and_the_new_law_counts_its_own():
    done = explain_claim(claim("2025-06-01", region=LANZHOU), FILE, PACKS, as_of=None, today=D("2026-01-05"))
    told = [(line.event_id, [said.en for said in line.effects]) for line in done.chain.history]
    assert ("d2", ["8 reached: suspended 2018-05-03 to 2018-11-02 (第十七条)"]) in told
    assert told[-1] == ("s1", [])


def test_an_agreement_that_ended_under_the_old_law_is_not_restored_by_the_new_one():
    ended = event("i1", "institution_snapshot", "2018-03-01", LANZHOU, approved_physicians=20, cancelled_in_term=1)
    new = event("i2", "institution_resigned", "2025-03-03", LANZHOU)
    for lines, last in (([ended], None), ([ended, new], D("2025-03-02"))):
        told = institution_timeline([decode(line) for line in lines], PACKS.law(LANZHOU), institution_code="H1")
        assert [(span.start, span.end) for span in told.spans] == [(D("2018-03-02"), last)]


def test_each_packs_duties_run_from_the_events_of_its_own_days():
    law, file = PACKS.law(LANZHOU), fold([decode(line) for line in FILE])
    owed = {(duty.kind, duty.trigger_id) for duty in duties(file, statement(file, law), law)}
    assert ("integrity_record", "d1") in owed
    assert ("mark_person", "s1") in owed


def test_a_day_goes_to_the_packs_of_its_region_without_a_gap():
    assert [(part.start, part.end, part.pack.pack) for part in PACKS.law(LANZHOU).segments] == [
        (None, D("2024-12-31"), "lanzhou-2014"),
        (D("2025-01-01"), None, "national-2024"),
    ]
    assert [part.pack.pack for part in PACKS.law("522700").segments] == ["qiannan-2022"]
    assert PACKS.for_region(LANZHOU).pack == "lanzhou-2014"
    assert PACKS.for_region(LANZHOU, D("2025-06-01")).pack == "national-2024"


def _bound(law: Pack, name: str, start: str | None, end: str | None) -> Pack:
    days = InForce.model_validate({"from": start, "to": end, "citation": "一"})
    return law.model_copy(update={"pack": name, "in_force": days})


def test_a_regions_packs_may_follow_each_other_but_not_overlap():
    national, old = pack("national"), pack("qiannan")
    first, second = _bound(old, "one", "2022-12-26", "2026-06-30"), _bound(old, "two", "2026-07-01", None)
    packs = PackSet([second, national, first])
    assert [packs.for_region("522700", D(day)).pack for day in ("2026-06-30", "2026-07-01")] == ["one", "two"]
    with pytest.raises(
        PackError, match=r"522700 is claimed by two packs on the same days: qiannan-2022@1 \(2022-12-26 to"
    ):
        PackSet([national, old, _bound(old, "two", "2026-07-01", None)])


def test_a_service_outside_the_validity_is_paid_whether_or_not_the_author_wrote_the_row():
    """A pack of a law of 2022 that lacks the row rejected a service of 2021."""
    bare = pack("qiannan").model_copy(update={"screening": pack("qiannan").screening[1:]})
    packs = PackSet([bare, *(item for item in read_packs() if item.pack != bare.pack)])
    done = explain_claim(claim("2021-03-01"), [], packs, as_of=None, today=D("2026-01-05"))
    assert (done.verdict["reason"], done.verdict["citations"]) == ("rule_not_in_force", [bare.in_force.citation])


def test_worked_cases_of_lanzhou_without_law_stay_as_they_are():
    assert judge("lanzhou", [], "2020-05-04")["reason"] == "rule_not_in_force"


# -- a ledger and a stay over a change of law (S2, S3) ------------------------------------------------------------------

CHANGE = D("2024-06-30")
"""Here the last day of Qiannan's rules; the national opinion begins on the next day."""


def _succession(**following: Any) -> PackSet:
    old = pack("qiannan").model_copy(
        update={"in_force": _bound(pack("qiannan"), "x", "2022-12-26", "2024-06-30").in_force}
    )
    new = pack("national").model_copy(
        update={"in_force": _bound(pack("national"), "x", "2024-07-01", None).in_force, **following}
    )
    return PackSet([old, new])


TWELVE = [
    event("r1", "registration", "2023-01-04"),
    event("d1", "deduction", "2024-06-10", points=6, violation_id="QN-T6-01"),
    event("d2", "deduction", "2024-06-11", points=6, violation_id="QN-T6-02"),
]
"""Twelve points on 2024-06-11: a penalty period from 2024-06-12 to 2024-09-11."""


def _told(packs: PackSet, service: str, lines: list[bytes], **fields: Any) -> Any:
    return explain_claim(claim(service, **fields), lines, packs, as_of=None, today=D("2026-01-05"))


def test_a_penalty_period_runs_to_its_own_end_under_the_next_law_with_the_old_exemptions_and_articles():
    packs = _succession()
    done = _told(packs, "2024-09-11", TWELVE)
    assert done.verdict["disposition"] == "reject"
    assert (done.verdict["reason"], done.verdict["cost_bearer"]) == ("in_penalty_period", "institution")
    assert (done.verdict["rule_pack"], done.verdict["citations"]) == ("national-2024@1", ["000 三(二)2"])
    assert done.verdict["penalty_period"] == ["2024-06-12", "2024-09-11"]
    assert "decided under it, runs to its end under" in done.chain.articles.en
    assert any("runs to its own end under" in said.en for said in done.chain.window)
    assert _told(packs, "2024-09-11", TWELVE, encounter_type="rescue").verdict["reason"] == "exempt_rescue"
    assert _told(packs, "2024-09-12", TWELVE).verdict["reason"] == "ok", "the next law asks for no reinstatement"


def test_the_next_pack_may_end_what_was_decided_before():
    assert _told(_succession(ends="bars"), "2024-07-01", TWELVE).verdict["reason"] == "ok"


def test_a_review_upheld_under_the_next_law_voids_a_decision_of_the_old_one():
    """T2: it works back to the date of the decision; the national opinion itself knows no reviews of points."""
    packs = _succession()
    upheld = event("u1", "appeal_upheld", "2024-07-20", ref="d2")
    done = _told(packs, "2024-07-10", [*TWELVE, upheld])
    assert (done.verdict["reason"], done.unusable) == ("ok", ())


def test_a_ban_runs_on_and_a_new_registration_does_not_lift_it():
    packs = _succession()
    lines = [TWELVE[0], event("d3", "deduction", "2024-06-30", points=12, violation_id="QN-T12-01")]
    lines.append(event("r2", "registration", "2025-01-10"))
    assert _told(packs, "2024-09-30", lines).verdict["reason"] == "in_penalty_period"
    done = _told(packs, "2027-09-30", lines)
    assert (done.verdict["reason"], done.verdict["standing"]) == ("blacklisted", "blacklisted")
    assert _told(packs, "2027-10-01", lines).verdict["reason"] == "ok"
    assert _told(packs, "2027-10-01", lines[:-1]).verdict["reason"] == "physician_unregistered"


def test_points_go_over_only_if_the_next_pack_says_so_and_open_no_window_by_themselves():
    """Eight points of the spring and four of the autumn are twelve where points are carried; the old window is not opened twice."""
    second = _bound(pack("qiannan"), "qiannan-2024", "2024-07-01", None)
    first = pack("qiannan").model_copy(
        update={"in_force": _bound(pack("qiannan"), "x", "2022-12-26", "2024-06-30").in_force}
    )
    lines = [TWELVE[0]]
    lines += [event("d1", "deduction", "2024-03-01", points=6, violation_id="QN-T6-01")]
    lines += [event("d2", "deduction", "2024-04-01", points=2, violation_id="QN-T2-01")]
    lines += [event("d3", "deduction", "2024-08-01", points=4, violation_id="QN-T2-02", cases=2)]
    for carries, reason in ((None, "ok"), ("points", "in_penalty_period")):
        packs = PackSet([first, second.model_copy(update={"carries": carries}), pack("national")])
        done = _told(packs, "2024-08-02", lines)
        assert (done.verdict["reason"], done.verdict["rule_pack"]) == (reason, "qiannan-2024@1")
    twelve = [*TWELVE, event("d3", "deduction", "2024-08-01", points=2, violation_id="QN-T2-02")]
    packs = PackSet([first, second.model_copy(update={"carries": "points"}), pack("national")])
    done = _told(packs, "2024-08-02", twelve)
    assert done.verdict["penalty_period"] == ["2024-06-12", "2024-09-11"]
    assert done.verdict["citations"] == ["000 三(二)2"]
    told = statement(fold([decode(line) for line in twelve]), packs.law("522700"))
    assert [entry.event_id for entry in told.entries] == ["d1", "d2", "d3"], "each decision is told once"


def test_a_stay_whose_parts_two_laws_judge_differently_is_a_review_that_names_both():
    packs = _succession()
    over = event("s1", "status", "2024-07-01", status="suspended", until="2024-08-31")
    lines = [TWELVE[0], over]
    done = _told(packs, "2024-07-03", lines, encounter_type="inpatient", service_start="2024-06-28")
    assert (done.verdict["disposition"], done.verdict["reason"]) == ("review", "straddles_law")
    assert (done.verdict["rule_pack"], done.verdict["cost_bearer"]) == ("national-2024@1", "undetermined")
    assert done.verdict["citations"] == ["000 一", "003 一"]
    assert "qiannan-2022@1, national-2024@1" in done.chain.articles.en
    assert "each for its own days" in done.chain.next_steps[0].act.en
    same = _told(packs, "2024-07-03", TWELVE, encounter_type="inpatient", service_start="2024-06-28")
    assert same.verdict["reason"] == "in_penalty_period", (
        "both parts are rejected: the verdict is that of the service day"
    )


def test_days_without_law_are_not_judged():
    """Lanzhou's suspension of 2018 lies before a gap of law; a stay that runs from the gap is judged on its last day alone."""
    found = verdict("2025-05-02", encounter_type="inpatient", service_start="2024-12-30")
    assert found["reason"] == "status_abnormal"


def test_a_standing_that_names_a_pack_which_is_not_here_makes_a_review():
    """A process with other packs than the ledger's cannot know what that law said."""
    told = statement(fold([decode(line) for line in TWELVE]), _succession().law("522700")).timeline
    renamed = [
        msgspec.structs.replace(span, pack="gone@1") if isinstance(span.pack, str) else span for span in told.spans
    ]
    gate = Gate(_succession())
    gate.index.put(msgspec.structs.replace(told, spans=tuple(renamed)))
    ruled = gate.rule([claim("2024-07-10"), claim("2024-06-20")])
    reasons = [str(gate.screen.rulings[number].reason) for number in ruled.decided.ruling.tolist()]
    assert reasons == ["standing_unreadable", "in_penalty_period"]


def test_the_dossier_page_tells_what_goes_on_from_the_law_before():
    packs, code = _succession(), "D522700000001"
    law, file = packs.law("522700"), fold([decode(line) for line in TWELVE])
    told = statement(file, law)
    today = D("2024-07-10")
    facts = PageFacts("522700", code, law.on(today), law, file, told, duties(file, told, law), today)
    page = render(facts, "en")
    assert "in a penalty period (decided under qiannan-2022@1, runs to its end)" in page
    assert "national-2024@1" in page
    assert "依qiannan-2022@1决定，执行至期满" in render(facts, "zh")
