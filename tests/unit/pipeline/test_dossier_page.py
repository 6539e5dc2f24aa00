"""The page of one dossier, as a physician and an adjudicator read it."""

from __future__ import annotations

import datetime as dt
import re
from html.parser import HTMLParser

import pytest

from pipeline.control.dossier_page import PageFacts, render
from rules.calendar import official_calendar
from rules.dossier import fold
from rules.duties import duties
from rules.packs.pack_set import PackSet
from rules.standing import statement
from rules.text import Lang
from tests.support.histories import history, make
from tests.support.law import PACK, pack

D = dt.date.fromisoformat
VOID = {"meta", "br", "hr", "img", "input", "link"}


class Reader(HTMLParser):
    """Reads a page strictly: every element is closed, and by its own end."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action", "background")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "title"):
            self.text.append(data.strip())


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def facts(locality: str, events, today: str, code: str = "P-0001") -> PageFacts:
    rules, file = pack(locality), fold(events)
    told = statement(file, rules)
    owed = duties(file, told, rules, official_calendar(rules.ledger.working_calendar.value))
    every = [rules, pack("national")] if locality != "national" else [rules]
    law = PackSet(every, switched_on=(rules.pack,)).law(rules.regions[0])
    return PageFacts("522700", code, rules, law, file, told, owed, D(today), 7)


PENALISED = [
    make("registration", "2023-01-03", 0),
    make("site_declaration", "2023-01-04", 1, institution="H2"),
    make("deduction", "2023-05-09", 2, points=6, violation_id="QN-T6-01"),
    make("deduction", "2023-05-10", 3, points=6, violation_id="QN-T6-03"),
    make("notice_received", "2023-05-11", 4, ref="e3"),
    make("appeal_filed", "2023-05-15", 5, ref="e3"),
]


def words(locality: str, events, today: str, lang: Lang = "en") -> str:
    return " | ".join(text for text in read(render(facts(locality, events, today), lang)).text if text)


def test_the_page_tells_status_points_window_and_article():
    page = words("qiannan", PENALISED, "2023-06-01")
    assert "Status today (2023-06-01) | in a penalty period" in page
    assert "points left | 0 / 12 | points deducted | 12 | window | 2023-05-11 – 2023-08-10" in page
    assert "because of | e2, e3 | article | 三(二)1, 三(二)2 | revision | 7" in page


def test_the_page_is_about_the_day_it_is_asked_for():
    assert "| normal |" in words("qiannan", PENALISED, "2023-05-01").split("Deadlines")[0]
    assert "| penalty over, not reinstated |" in words("qiannan", PENALISED, "2023-08-11").split("Deadlines")[0]


def test_the_page_tells_every_deadline_with_its_state():
    page = words("qiannan", PENALISED, "2023-06-06").split("Deadlines")[1].split("History")[0]
    assert (
        "done 2023-05-15 (e5) | 2023-05-22 | physician in person, through the institution | ask for review | H1" in page
    )
    assert "last day | 2023-06-06 | local agency | verify and answer in writing" not in page
    assert "running | 2023-06-05 |" not in page
    assert (
        "limit passed | 2023-06-05 | local agency | verify and answer in writing | H1 | 2023-05-15 (e5) | 三(二)4"
        in page
    )
    assert "no number of days | — | institution | lock the code, publish it and alert patients | H2" in page
    assert "to come | — | institution of practice | train and examine the physician" in page


def test_the_page_tells_the_history_with_what_each_event_did():
    page = words("qiannan", PENALISED, "2023-06-01").split("History")[1]
    assert "2023-05-10 | 6 points deducted: QN-T6-03" in page
    assert (
        "+6 | 12 | 12 | 12 reached: penalty period 2023-05-11 to 2023-08-10, counting starts again (三(二)1) | e3"
        in page
    )
    assert "review of e3 asked for" in page


def test_the_page_tells_flags_contradictions_and_reviews_out_of_time():
    events = [
        *PENALISED[:5],
        make("appeal_filed", "2023-07-03", 5, ref="e3"),
        make("appeal_upheld", "2023-07-10", 6, ref="e3"),
        make("reinstatement", "2023-07-17", 7),
    ]
    page = words("qiannan", events, "2023-07-20")
    assert "⚑ events contradict the text" in page
    assert "a review asked for too late was upheld" in page
    assert "e7 | reinstated inside a running penalty period" in page
    assert "e6 | upholds a review that was asked for too late" in page


def test_the_page_speaks_chinese_and_links_to_the_other_language():
    page = words("qiannan", PENALISED, "2023-06-01", "zh")
    assert "今日状态 (2023-06-01) | 责罚期内" in page
    assert "定点医疗机构 | 封锁编码，对外公布，提醒告知参保人员" in page
    assert read(render(facts("qiannan", PENALISED, "2023-06-01"), "zh")).links == ["?lang=en"]
    assert read(render(facts("qiannan", PENALISED, "2023-06-01"), "en")).links == ["?lang=zh"]


def test_the_page_needs_nothing_from_elsewhere_and_can_be_printed():
    page = render(facts("qiannan", PENALISED, "2023-06-01"))
    assert not read(page).tags & {"script", "img", "link", "iframe", "form"}
    assert not re.search(r"https?:|url\(|@import", page)
    assert "@media print" in page


def test_what_comes_from_outside_is_text_and_never_markup():
    evil = "<img src=x onerror=alert(1)>\"'&"
    events = [
        make("registration", "2023-01-03", 0, institution=evil, event_id=evil),
        make("notice_received", "2023-05-11", 1, ref=evil),
    ]
    page = render(facts("qiannan", events, "2023-06-01", code=evil))
    reader = read(page)
    assert "img" not in reader.tags
    assert any(evil in text for text in reader.text)


def test_the_page_names_the_right_to_the_look_up():
    assert "国家医保局意见 三¶2" in words("qiannan", PENALISED, "2023-06-01", "zh")
    assert "Every person may look up the own filing status and points (national opinion, 三¶2)" in words(
        "national", [], "2025-06-01"
    )


def test_somebody_who_is_not_registered_has_a_page_that_says_so():
    page = words("qiannan", [], "2023-06-01")
    assert "Status today (2023-06-01) | unregistered" in page
    assert "No deadline is running." in page
    assert "Nothing is recorded." in page
    assert "Status today (2018-06-01) | normal" in words("xiamen", [], "2018-06-01")


@pytest.mark.parametrize("locality", PACK)
def test_any_history_of_any_scheme_makes_a_whole_page_in_both_languages(locality):
    for seed in range(20):
        events = history(locality, seed)
        for lang in ("zh", "en"):
            reader = read(render(facts(locality, events, "2024-06-01"), lang))
            ids = {event.event_id for event in events}
            assert ids <= {text for cell in reader.text for text in re.split(r"[ (),;]+", cell)}, (seed, lang)
