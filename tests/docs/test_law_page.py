"""The page for people is what the packs say, today, in both languages; and every word that it needs is there."""

from __future__ import annotations

import re
from importlib import resources
from typing import Any

import pytest

from pipeline.devtools.law_page import PAGES, pages
from pipeline.settings.packs import read_packs
from rules.packs.compare import ABSENT, differences
from rules.packs.readings import with_readings
from rules.schemes.registry import scheme_of, schemes
from rules.vocabulary import (
    CostBearer,
    DerivedTrigger,
    Disposition,
    EncounterType,
    EventType,
    Flag,
    Reason,
    Standing,
)
from rules.wording.explanation import ground_name
from rules.wording.labels import BEARER, DISPOSITION, ENCOUNTER, FLAG, STANDING, TRIGGER
from rules.wording.page import render
from rules.wording.summary import parameters, summary

FOLDER = resources.files("rules") / "packs"
PACKS = {pack.pack: pack for pack in read_packs()}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_that_is_checked_in_is_what_the_packs_render(name):
    """`make docs` writes it anew."""
    assert (FOLDER / name).read_text("utf-8") == pages()[name]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_table_is_a_table_and_every_article_is_on_the_page(lang):
    text = render(tuple(PACKS.values()), lang)
    columns = 0
    for line in text.splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert cells in (columns or cells, 0), line
        columns = cells
    for pack in PACKS.values():
        for ground in pack.screening:
            assert all(article in text for article in ground.citations), ground.ground
        if pack.ledger is not None:
            wanted: list[Any] = [*pack.ledger.violations, *pack.ledger.deadlines, *pack.ledger.bonus_grounds]
            assert all(item.citation in text for item in wanted)
            assert all(f"`{setting.id}`" in text for setting in pack.ledger.settings)


def test_the_english_page_has_no_chinese_prose_and_the_chinese_page_no_english_sentences():
    """Articles, quotations and names stay in Chinese on the English page."""
    prose = re.sub(r"\([^()]*(?:\([^()]*\)[^()]*)*\)|\"[^\"]*\"|\|[^|]*\|$", "", pages()["README.md"])
    assert re.findall(r"[\u4e00-\u9fff]{9,}", prose) == []
    assert re.findall(r"(?:[a-z]+ ){5,}", re.sub(r"`[^`]*`", "", pages()["README.zh-CN.md"])) == []


@pytest.mark.parametrize(
    ("pack", "topic", "en"),
    [
        ("qiannan-2022", "exclusion", "12 points: penalty period of 3 months"),
        ("qiannan-2022", "exclusion", "10 points in each of 3 consecutive years: 12 months"),
        ("qiannan-2022", "blacklist", "18 points in the year"),
        (
            "qiannan-2022",
            "relief",
            "bonus of at most 6 a year, valid in that year, offsets items of 1, 2, 3 points only",
        ),
        ("lanzhou-2014", "points", "10 an agreement term of 2 years"),
        ("lanzhou-2014", "exclusion", "8 points: suspended for 6 months"),
        ("lanzhou-2014", "return", "after a second: 5 years"),
        (
            "lanzhou-2014",
            "institution",
            "5 % (2 physicians of 10 to 19, 1 of fewer than 10): agreement ended, minus 10",
        ),
        ("lanzhou-2014", "validity", "2014-05-01 to 2019-04-30"),
        ("xiamen-2017", "institution", "amount in breach reaches 40% of card turnover: agreement ended"),
        ("xiamen-2017", "return", "none: never again insurance service staff"),
    ],
)
def test_what_a_scheme_says_is_said_with_its_numbers(pack, topic, en):
    assert en in [fact.en for fact in summary(PACKS[pack])[topic]]


def test_the_page_follows_the_readings():
    changed = with_readings(
        PACKS["qiannan-2022"],
        {"penalty_counting": "full_calendar_months", "after_expiry": "valid_on_expiry", "ban_length_unit": "months"},
    )
    said = summary(changed)
    assert said["counting"][0].zh == "责罚期次月1日起的完整自然月"
    assert said["return"][0].en == "valid again when the period ends"
    assert "3个月" in said["blacklist"][-1].zh


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (DISPOSITION, Disposition),
        (BEARER, CostBearer),
        (ENCOUNTER, EncounterType),
        (STANDING, Standing),
        (FLAG, Flag),
        (TRIGGER, [*EventType, *DerivedTrigger]),
    ],
)
def test_every_name_has_words_in_both_languages(words, names):
    assert set(words) == set(names)
    assert all(all(pair) for pair in words.values())


def test_every_ground_and_parameter_has_words():
    for pack in PACKS.values():
        for ground in pack.screening:
            assert ground_name(Reason(ground.ground), "zh")
            assert ground_name(Reason(ground.ground), "en")
        own = {name for name, _ in parameters(pack)} - {"working_calendar"}
        assert own == scheme_of(pack.ledger).parameters.keys()


@pytest.mark.parametrize(
    ("pack", "scheme"),
    [
        ("qiannan-2022", "qiannan"),
        ("lanzhou-2014", "lanzhou"),
        ("national-2024", "national"),
        ("xiamen-2017", "xiamen"),
    ],
)
def test_the_schemes_defaults_are_those_of_the_packs_of_the_spec(pack, scheme):
    readings = schemes()[scheme].ledger.readings
    listed = {item.id: item for item in PACKS[pack].ledger.settings if item.evaluated_by == "ledger"}
    assert {name: options[0] for name, options in readings.items()} == {
        name: item.default for name, item in listed.items()
    }
    assert {name: set(options) for name, options in readings.items()} == {
        name: set(item.options) for name, item in listed.items()
    }
    assert PACKS[pack].ledger.unlisted == {}


def test_a_difference_is_named_by_its_key_and_a_missing_item_is_one():
    pack = PACKS["qiannan-2022"]
    assert differences(pack, pack) == ()
    rival = with_readings(pack, {"undeclared_site": "pay", "after_expiry": "valid_on_expiry"})
    found = {change.key: (change.left, change.right) for change in differences(pack, rival)}
    assert found["ledger.settings[after_expiry].reading"] == ("reinstatement_needed", "valid_on_expiry")
    assert found["screening[site_not_declared]"][1] == ABSENT
    assert len(found) == 3


def test_another_precedence_is_a_difference():
    pack = PACKS["xiamen-2017"]
    turned = pack.model_copy(update={"screening": (pack.screening[0], *reversed(pack.screening[1:]))})
    (change,) = differences(pack, turned)
    assert change.key == "screening (precedence)"
    assert change.right == [change.left[0], *reversed(change.left[1:])]
