"""S1: several packs govern one region, one after the other, by the day of the service; where none is, the national opinion."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from pipeline.explain.explaining import explain_claim
from pipeline.settings.packs import load_pack_set, read_packs
from rules.dossier import fold
from rules.duties import duties
from rules.events import decode
from rules.packs.pack import InForce, Pack, PackError, PackSet
from rules.standing import institution_timeline, statement
from tests.support.law import judge, pack
from tests.unit.pipeline.test_explain import claim, event

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
