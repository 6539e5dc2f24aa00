"""What needs earlier claims, worked out from the texts by hand (001 篇4, 篇6 and 篇10), and what people are told."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.settings.packs import read_longitudinal
from rules.calendar import MONDAY_TO_FRIDAY
from rules.longitudinal.checking import Checks, differing, record
from rules.longitudinal.claims import Ground
from rules.longitudinal.facts import DualChannelFacts, FactsError, Pharmacy, read_facts, selection_problems
from rules.longitudinal.pack import Counted, DualChannelPack, StudentPack
from rules.longitudinal.wording import GROUND
from tests.oracle.longitudinal import judge
from tests.support.longitudinal import PACKS, claims_of, outcome, told

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "cases" / "cases-longitudinal.jsonl").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_the_worked_case_gives_what_was_worked_out(case):
    found = outcome(case)
    assert told(found) == case["expect"], case["note"]
    assert len(found.not_examined) == case["not_examined"], case["note"]


def test_the_evaluation_from_the_documents_gives_the_worked_cases_as_well():
    assert [case["id"] for case in CASES if judge(case) != case["expect"]] == []
    assert len(CASES) >= 130


def test_every_ground_is_worked_out_and_has_a_name_in_both_languages():
    assert {one[1] for case in CASES for one in case["expect"]} == {ground.value for ground in Ground}
    assert GROUND.keys() == set(Ground)


def test_a_case_tells_both_figures_and_how_they_were_computed():
    (finding,) = outcome(next(case for case in CASES if case["id"] == "CQ-002")).findings
    assert finding.figures == {
        "fund_amount": "2941.00", "due": "2940.00", "by_formula": "2940.00", "left_of_cap": "40000.00",
    }  # fmt: skip
    assert finding.text.en == (
        "settled 2941.00 yuan, due 2940.00: (5000.00 - 500.00 - 300.00) × 70% = 2940.00, and 40000.00 is left of the year's cap"
    )
    assert finding.text.zh.startswith("结算2941.00元，应付2940.00元")
    written = record(finding, "case-1")
    assert (written["disposition"], written["reason"]) == ("review", "benefit_differs")
    assert written["citations"] == ["篇4 五(二)1", "篇4 五(三)"]


def test_the_annex_counts_three_calendar_days_where_that_reading_is_chosen():
    case = next(case for case in CASES if case["note"].startswith("sudden admission"))
    pack = PACKS["chongqing-students"]
    assert isinstance(pack, StudentPack)
    other = pack.model_copy(
        update={"notification": pack.notification.model_copy(update={"counted": Counted.CALENDAR_DAYS})}
    )

    def grounds(told_on: str) -> list[Ground]:
        facts = json.loads(json.dumps(case["facts"]))
        facts["students"]["notices"][0]["told"] = told_on
        found = Checks([other], read_facts(facts), MONDAY_TO_FRIDAY).all(claims_of(case["claims"]))
        return [one.ground for one in found.findings]

    assert grounds("2009-11-15") == [], "Sunday is the third day after Thursday"
    assert grounds("2009-11-16") == [Ground.NOT_NOTIFIED]


def test_what_a_check_would_need_to_know_is_named():
    unknown = [one for case in CASES for one in outcome(case).not_examined]
    assert [one.needs for one in unknown] == ["settlement", "hospital", "quantity"]


def test_a_quantity_is_missed_only_where_a_price_or_a_dosage_asks_for_it():
    (case,) = (case for case in CASES if case["note"].startswith("the quantity is not told"))
    for drug, missed in (({}, 0), ({"price": "10"}, 1), ({"dose": {"quantity": 4, "days": 3}}, 1)):
        facts = {"dual_channel": {**case["facts"]["dual_channel"], "drugs": [{"item": "A", **drug}]}}
        assert len(outcome({**case, "facts": facts}).not_examined) == missed, drug


def test_only_the_empty_table_of_recognition_is_on_by_default():
    assert {pack.pack: pack.enabled for pack in read_longitudinal()} == {
        "chongqing-students": False,
        "mutual-recognition": True,
        "shantou-dual-channel": False,
    }
    assert PACKS["mutual-recognition"].table == ()


def test_a_case_that_no_longer_holds_is_told_apart_from_one_that_is_new_or_changed():
    before = [{"case_id": "a", "fund": 1}, {"case_id": "b", "fund": 1}]
    after = [{"case_id": "b", "fund": 2}, {"case_id": "c", "fund": 1}]
    assert [(kind, one["case_id"]) for kind, one in differing(before, after)] == [
        ("changed", "b"),
        ("opened", "c"),
        ("closed", "a"),
    ]
    assert list(differing(after, after)) == []


def test_a_fact_that_stands_twice_or_is_misspelt_is_named():
    cover = {"insured": "P1", "year": 2009, "tier": 1, "paid": "2009-09-10"}
    with pytest.raises(FactsError, match="P1 2009 stands twice"):
        read_facts({"students": {"covers": [cover, {**cover, "tier": 2}]}})
    with pytest.raises(FactsError, match=r"students\.covers\.0\.tier"):
        read_facts({"students": {"covers": [{**cover, "tier": 3}]}})
    with pytest.raises(FactsError, match="drugz"):
        read_facts({"dual_channel": {"drugz": []}})
    with pytest.raises(FactsError, match="binary fraction"):
        read_facts({"dual_channel": {"drugs": [{"item": "A", "price": 9.9}]}})


def test_more_pharmacies_than_the_text_allows_are_told_by_district_and_by_chain():
    pack = PACKS["shantou-dual-channel"]
    assert isinstance(pack, DualChannelPack)
    assert sum(pack.pharmacies.values()) == 16
    lists = DualChannelFacts(
        pharmacies=tuple(Pharmacy(institution=f"F{n}", district="濠江区", chain="C") for n in range(2))
    )
    assert [text.en for text in selection_problems(lists, pack)] == [
        "濠江区: 2 pharmacies, and the first selection has at most 1 (篇10 五)"
    ]
    third = replace_pharmacy(lists, Pharmacy(institution="F9", district="南澳县", chain="C"))
    assert len(list(selection_problems(third, pack))) == 2


def replace_pharmacy(lists: DualChannelFacts, more: Pharmacy) -> DualChannelFacts:
    return lists.model_copy(update={"pharmacies": (*lists.pharmacies, more)})


def test_of_two_claims_with_one_version_the_later_settled_stands():
    one, other = claims_of([{"id": "a", "day": "2025-03-01", "at": 1}, {"id": "a", "day": "2025-03-02"}])
    checks = Checks([], read_facts({}), MONDAY_TO_FRIDAY)
    assert checks.all([other, one]) == checks.all([one, other])
    assert checks.all([replace(one, day=dt.date(2025, 3, 1)), other]).counted == 1
