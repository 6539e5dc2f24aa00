"""001 篇1: which tier a case of an agency, an institution or a person has, its fine and its suspension, or why a person decides."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipeline.settings.packs import read_penalties
from rules.packs.errors import PackError
from rules.penalties.pack import Band, Fact, parse_penalties
from rules.penalties.weighing import Facts, FactsError, Gap, assess

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "cases" / "cases-penalties.jsonl").read_text("utf-8").splitlines()
]
(STANDARD,) = read_penalties()
SHIPPED = (Path(__file__).parents[3] / "rules" / "penalties" / "jiangxi-trial.yaml").read_text("utf-8")


def facts_of(told: dict[str, Any]) -> Facts:
    known: dict[str, Any] = {name: Decimal(told[name]) for name in ("amount", "share") if name in told}
    known |= {name: told[name] for name in ("item", "insured") if name in told}
    return Facts(**known, told={Fact(name): told[name] for name in told if name in frozenset[str](Fact)})


def numbers(band: Band | None) -> list[str | None] | None:
    if band is None:
        return None
    if band.exactly is not None:
        return [text(band.exactly)]
    return [None if number is None else text(number) for number in (band.over, band.up_to)]


def text(number: Decimal) -> str:
    return format(number.normalize(), "f")


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_worked_case_has_the_tier_that_was_worked_out_by_hand(case):
    found = assess(STANDARD.read(case.get("readings", {})), case["act"], facts_of(case["facts"]))
    said = {
        "article": found.article.id,
        "tier": found.tier and found.tier.id,
        "fine_yuan": numbers(found.fine),
        "months": numbers(None if found.suspension is None else found.suspension.months),
        "or_ended": bool(found.suspension and found.suspension.or_ended),
        "by_hand": found.gap and str(found.gap),
        "needs": sorted(found.needs) or None,
        "left_to_a_person": found.remark is not None,
        "not_asked": list(found.not_asked),
    }
    asked = {"article": case["act"], "tier": None, "by_hand": None, "needs": None, **case["expect"]}
    assert {name: said[name] for name in asked} == asked, case["note"]


def test_every_gap_and_every_tier_of_the_standard_has_a_worked_case():
    found = [assess(STANDARD.read(case.get("readings", {})), case["act"], facts_of(case["facts"])) for case in CASES]
    assert {(one.article.id, one.tier.id) for one in found if one.tier} == {
        (article.id, tier.id) for article in STANDARD.articles for tier in article.tiers
    }
    assert {one.gap for one in found if one.gap} == set(Gap) - {Gap.NO_TIER}  # the shipped bands leave no hole


def test_the_articles_that_decide_are_named_with_those_that_hold_for_all_tiers():
    severe = {"corrected": False, "refuses": True, "amount": "800"}
    mixed = {"amount": "7000", "first": True, "corrected": True, "personal_account": True}

    def cited(act: str, told: dict[str, Any]) -> tuple[str, ...]:
        return assess(STANDARD, act, facts_of(told)).citations

    assert cited("person_fraud", mixed) == ("篇1 第六条", "篇1 第七条")
    assert cited("agency_fraud", {**severe, "obstructs": True}) == ("篇1 第一条(三)", "篇1 第十条")
    assert cited("agency_fraud", {**severe, "amount": "7000", "obstructs": False}) == ("篇1 第一条(三)",)
    assert cited("agency_fraud", {**severe, "obstructs": False}) == ("篇1 第一条",)
    assert cited("agency_fraud", {"amount": "800", "first": True, "corrected": True, "obstructs": True}) == (
        "篇1 第一条(一)",
    )


def test_an_answer_says_by_which_act_it_was_asked_where_intent_moves_it_to_another_article():
    told = {"amount": "800", "first": True, "corrected": True}
    moved = assess(STANDARD, "person_breach", facts_of({**told, "intent": True}))
    assert (moved.article.id, moved.intent_from.id) == ("person_fraud", "person_breach")
    stays = assess(STANDARD, "person_breach", facts_of({**told, "intent": False, "personal_account": False}))
    assert (stays.article.id, stays.intent_from) == ("person_breach", None)
    assert assess(STANDARD, "person_fraud", facts_of({**told, "intent": True})).not_asked == ("intent",)


@pytest.mark.parametrize(("item", "needed"), [(None, ("item", "serious")), (1, ("serious",)), (7, ())])
def test_the_number_of_the_act_is_asked_for_where_it_decides(item, needed):
    told = {"corrected": False, "refuses": True, "obstructs": False, "emergency": False, "amount": "1001"}
    assert (
        assess(STANDARD, "institution_management", facts_of({**told, **({"item": item} if item else {})})).needs
        == needed
    )


def test_a_hole_between_the_bands_of_a_pack_is_a_gap_with_its_own_name():
    holed = parse_penalties(
        SHIPPED.replace('amount: {over: "5000", up_to: "6000"}', 'amount: {over: "5500", up_to: "6000"}'), "x"
    )
    case = facts_of({"amount": "5200", "first": True, "corrected": True})
    assert assess(holed, "agency_fraud", case).gap is Gap.NO_TIER


@pytest.mark.parametrize(
    ("act", "told"),
    [
        ("agency_fraud", {"amount": "-1"}),
        ("agency_fraud", {"corrected": True, "refuses": True}),
        ("institution_management", {"item": 8}),
    ],
)
def test_facts_that_no_case_can_have_are_refused(act, told):
    with pytest.raises(FactsError):
        assess(STANDARD, act, facts_of(told))


def test_what_is_wrong_with_a_standard_is_named_with_its_line():
    line = next(number for number, text in enumerate(SHIPPED.splitlines(), 1) if 'up_to: "5000"' in text)
    with pytest.raises(
        PackError, match=rf"mine.yaml:{line}: articles\[agency_fraud\].tiers\[lenient\].amount.*not above over"
    ):
        parse_penalties(SHIPPED.replace('over: "2000", up_to: "5000"', 'over: "2000", up_to: "500"'), "mine.yaml")
    with pytest.raises(PackError, match="no reading is called"):
        STANDARD.read({"article_5": "as_printed"})
    with pytest.raises(PackError, match="has no option"):
        STANDARD.read({"person_breach_severe": "as_printed"})
