"""What is published about a dossier's duties, and when: raised by the event, due on the last day, missed when it is too late."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from pipeline.control.notices import due_notices, next_look
from rules.calendar import official_calendar
from rules.dossier import fold
from rules.duties import Duty, duties
from rules.standing import statement
from tests.support.histories import history, make
from tests.support.law import PACK, pack
from topics.messages.ledger import Notice

D = dt.date.fromisoformat
ONE = dt.timedelta(days=1)
FAR = D("2045-01-01")


def owed(locality: str, *events) -> tuple[Duty, ...]:
    rules, file = pack(locality), fold(events)
    return duties(file, statement(file, rules), rules, official_calendar(rules.ledger.working_calendar.value))


def published(found: tuple[Duty, ...], today: str | dt.date, already=()) -> list[dict]:
    day = D(today) if isinstance(today, str) else today
    return [json.loads(value) for _, value in due_notices("522700", "P-0001", found, day, already)]


def said(found: tuple[Duty, ...], today: str) -> list[tuple[str, str]]:
    return [(notice["kind"], notice["phase"]) for notice in published(found, today)]


REVIEW = [
    make("registration", "2023-01-03", 0),
    make("deduction", "2023-06-01", 1, points=6, violation_id="QN-T6-01"),
    make("notice_received", "2023-06-02", 2, ref="e1"),
    make("appeal_filed", "2023-06-08", 3, ref="e1"),
]


def test_a_duty_is_raised_by_its_event_due_on_its_last_day_and_missed_on_the_next_working_day():
    answer = tuple(duty for duty in owed("qiannan", *REVIEW) if duty.kind == "review_answer")
    assert said(answer, "2023-06-07") == []
    assert said(answer, "2023-06-08") == said(answer, "2023-06-29") == [("review_answer", "raised")]
    assert said(answer, "2023-06-30") == said(answer, "2023-07-02") == [
        ("review_answer", "raised"), ("review_answer", "due"),
    ]  # fmt: skip
    assert said(answer, "2023-07-03")[-1] == ("review_answer", "missed")
    assert said(answer, "2030-01-01") == said(answer, "2023-07-03")


def test_a_notice_says_who_owes_what_by_which_article_until_when():
    notice = published(owed("qiannan", *REVIEW), "2023-06-08")[-1]
    assert Notice.model_validate(notice, strict=False)
    assert (notice["kind"], notice["due_on"], notice["citation"]) == ("review_answer", "2023-06-30", "三(二)4")
    assert (notice["region"], notice["physician_code"], notice["institution"]) == ("522700", "P-0001", "H1")
    assert notice["trigger"] == "e3"
    assert notice["explanation"] == {
        "zh": "属地医保经办机构：核实并书面答复（三(二)4）；起因e3，2023-06-08起算；至2023-06-30止。",
        "en": "Local agency: verify and answer in writing (三(二)4); because of e3, counted from 2023-06-08; until 2023-06-30.",
    }


def test_an_answer_given_in_time_or_late_ends_the_reminders():
    for day in ("2023-06-20", "2023-08-01"):
        found = owed("qiannan", *REVIEW, make("appeal_rejected", day, 4, ref="e1"))
        assert [phase for kind, phase in said(found, "2023-12-31") if kind == "review_answer"] == ["raised"]


def test_what_has_no_number_of_days_is_raised_and_never_due():
    found = owed("qiannan", *REVIEW)
    assert [phase for kind, phase in said(found, "2030-01-01") if kind == "caution_talk"] == ["raised"]


def test_a_step_that_was_not_done_is_missed_and_a_right_that_was_not_used_lapses():
    """D1, D5: every act can be recorded, so a missed one says that nothing is recorded; a right is told quietly."""
    found = owed("qiannan", *REVIEW[:3])
    last = {notice["kind"]: notice for notice in published(found, "2024-01-01") if notice["due_on"]}
    assert (last["tell_physician"]["phase"], last["review_request"]["phase"]) == ("missed", "lapsed")
    assert "nothing is recorded" in last["tell_physician"]["explanation"]["en"]
    assert "the right was not used" in last["review_request"]["explanation"]["en"]
    assert "该权利未行使" in last["review_request"]["explanation"]["zh"]
    assert Notice.model_validate(last["review_request"], strict=False)


def test_the_end_of_a_ban_is_told_when_it_begins_and_when_it_has_come_and_is_never_missed():
    found = owed(
        "qiannan",
        make("registration", "2023-01-03", 0),
        make("deduction", "2023-07-03", 1, points=12, violation_id="QN-T12-01"),
    )
    told = [
        (notice["phase"], notice["due_on"]) for notice in published(found, FAR) if notice["kind"] == "reapply_after_ban"
    ]
    assert told == [("raised", "2026-10-04"), ("due", "2026-10-04")]


def test_a_voided_decision_raises_nothing_more():
    found = owed("qiannan", *REVIEW, make("appeal_upheld", "2023-06-20", 4, ref="e1"))
    assert {notice["kind"] for notice in published(found, FAR)} == {"review_answer"}


def test_what_was_published_is_not_published_again():
    found = owed("qiannan", *REVIEW)
    first = due_notices("522700", "P-0001", found, D("2023-06-08"), ())
    assert due_notices("522700", "P-0001", found, D("2023-06-08"), {name for name, _ in first}) == []
    later = due_notices("522700", "P-0001", found, D("2023-07-03"), {name for name, _ in first})
    assert not {name for name, _ in later} & {name for name, _ in first}
    assert later


def test_a_notice_bears_the_same_name_after_every_restart_and_another_for_another_day_or_person():
    found = owed("qiannan", *REVIEW)
    again = owed("qiannan", *reversed(REVIEW))
    assert due_notices("522700", "P-0001", found, FAR, ()) == due_notices("522700", "P-0001", again, FAR, ())
    others = {name for name, _ in due_notices("522700", "P-0002", found, FAR, ())}
    assert not others & {name for name, _ in due_notices("522700", "P-0001", found, FAR, ())}
    moved = owed("qiannan", *REVIEW[:3], make("appeal_filed", "2023-06-09", 3, ref="e1"))
    mine = {notice["notice_id"] for notice in published(found, FAR) if notice["kind"] == "review_answer"}
    theirs = {notice["notice_id"] for notice in published(moved, FAR) if notice["kind"] == "review_answer"}
    assert not mine & theirs


@pytest.mark.parametrize("locality", PACK)
def test_looking_only_on_the_days_named_publishes_all_that_looking_every_day_does(locality):
    """Whatever the days of looking, each notice is published once, and on its first possible look."""
    for seed in range(25):
        found = owed(locality, *history(locality, seed))
        begin = D("2013-12-31")
        jumped: dict[str, dt.date] = {}
        day: dt.date | None = begin
        while day is not None:
            for name, _ in due_notices("000000", "P-0001", found, day, jumped):
                jumped[name] = day
            day = next_look(found, day)
        stepped: dict[str, dt.date] = {}
        last = max(jumped.values(), default=begin)
        day = min(jumped.values(), default=begin)
        while day <= last:
            for name, _ in due_notices("000000", "P-0001", found, day, stepped):
                stepped[name] = day
            day += ONE
        assert stepped == jumped, seed
        assert {name for name, _ in due_notices("000000", "P-0001", found, last, ())} == set(jumped), seed


def test_nothing_is_left_to_look_at_when_every_phase_has_passed():
    found = owed("qiannan", *REVIEW)
    assert next_look(found, D("2023-06-08")) == D("2023-06-30")
    assert next_look(found, D("2023-06-30")) == D("2023-07-03")
    assert next_look(found, D("2023-07-03")) is None
    assert next_look((), D("2023-07-03")) is None
