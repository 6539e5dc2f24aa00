"""A notice that does not hold any more is withdrawn, once, under its own name, and given again when its day comes."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from pipeline.control.contradictions import contradiction_id
from pipeline.control.dossiers import with_event
from pipeline.control.faust.state_store import MemoryStateStore, StateStore
from pipeline.control.ledger import Ledger
from pipeline.control.notices import measure_notices
from pipeline.control.withdrawals import Told, withdrawals
from pipeline.control.write_batch import WriteBatch
from pipeline.settings.packs import load_pack_set
from rules.events import Event
from rules.holidays import parse_holidays, shipped_holidays
from rules.packs.pack_set import PackSet
from rules.schemes.scheme import Measure
from rules.text import Text
from tests.support.control import expected_notices, physicians
from tests.support.histories import make
from tests.unit.pipeline.test_control_parts import received
from topics.catalogue import NOTICES
from topics.messages.ledger import Notice

D = dt.date.fromisoformat
PACKS = load_pack_set()
CODE = "D522701000001"


class Desk:
    """The control plane's tables in memory, and what its notices say on which day."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int], StateStore] = {}
        self.ledger = Ledger(PACKS, 1)
        self.written: list[dict[str, Any]] = []

    def of(self, table: str, partition: int) -> StateStore:
        return self.kept.setdefault((table, partition), MemoryStateStore())

    def record(self, today: str, *events: Event) -> Counter[tuple[str, str]]:
        """Takes events on a day."""
        batch = WriteBatch(self.of)
        tally, _ = self.ledger.take([replace(received(event), partition=0) for event in events], batch, D(today))
        return self._keep(batch, tally.notices)

    def look(self, today: str) -> Counter[tuple[str, str]]:
        """Looks at every dossier on a day, as at a process's start or when its day has come."""
        batch = WriteBatch(self.of)
        dossiers = [key for key, _ in self.of("dossiers", 0).items_from(b"")]
        tally, _ = self.ledger.remind(0, dossiers, batch, D(today))
        return self._keep(batch, tally.notices)

    def _keep(self, batch: WriteBatch, told: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
        for (table, partition), changes in batch.changes.items():
            self.of(table, partition).write(changes, 0)
            if table == NOTICES.name:
                self.written += [json.loads(value or b"") for value in changes.values()]
        return told

    def holding(self) -> set[tuple[str, str]]:
        """Kind and phase of every notice that is given and not withdrawn."""
        last = [json.loads(value) for _, value in self.of(NOTICES.name, 0).items_from(b"")]
        return {(one["kind"], one.get("phase", one.get("flag"))) for one in last if "withdrawn" not in one}

    def names(self) -> set[str]:
        """Names of the notices that hold."""
        return {key.decode() for key, value in self.of(NOTICES.name, 0).items_from(b"") if b'"withdrawn"' not in value}

    def last_days(self, kind: str) -> set[tuple[str, str]]:
        """Phase and last day of the notices of one kind that hold."""
        last = [json.loads(value) for _, value in self.of(NOTICES.name, 0).items_from(b"")]
        return {(one["phase"], one["due_on"]) for one in last if one["kind"] == kind and "withdrawn" not in one}


def event(kind: str, day: str, number: int, **fields: Any) -> Event:
    return make(kind, day, number, region="522700", physician_code=CODE, **fields)


REGISTERED = event("registration", "2023-01-03", 0)
DECIDED = event("deduction", "2023-06-01", 1, points=12, violation_id="QN-T12-01")
TOLD = event("notice_received", "2023-06-02", 2, ref="e1")
ASKED = event("appeal_filed", "2023-06-05", 3, ref="e1")


def test_when_a_review_takes_a_decision_away_what_was_asked_because_of_it_is_withdrawn() -> None:
    desk = Desk()
    desk.record("2023-06-06", REGISTERED, DECIDED, TOLD, ASKED)
    before = desk.holding()
    assert ("reapply_after_ban", "raised") in before
    told = desk.record("2023-06-20", event("appeal_upheld", "2023-06-19", 4, ref="e1"))
    assert told["reapply_after_ban", "withdrawn"] == 1
    assert desk.holding() == {("review_answer", "raised")}, (
        "only the request itself had to be answered whatever came of it"
    )
    [one] = [item for item in desk.written if item["kind"] == "reapply_after_ban" and "withdrawn" in item]
    assert Notice.model_validate_json(json.dumps(one)).withdrawn == D("2023-06-20")
    assert one["explanation"]["en"].startswith("Withdrawn on 2023-06-20: ")
    assert "撤回" in one["explanation"]["zh"]
    assert sum(desk.look("2023-06-20").values()) == 0, "and only once"


def test_an_act_done_in_time_and_recorded_late_withdraws_that_it_was_missed_and_leaves_the_reminder() -> None:
    desk = Desk()
    desk.record("2023-06-06", REGISTERED, DECIDED, TOLD, ASKED)
    desk.look("2023-08-01")
    assert {("review_answer", "due"), ("review_answer", "missed")} <= desk.holding()
    told = desk.record("2023-08-02", event("appeal_rejected", "2023-06-20", 4, ref="e1"))
    assert told["review_answer", "withdrawn"] == 1
    assert ("review_answer", "missed") not in desk.holding()
    assert {("review_answer", "raised"), ("review_answer", "due")} <= desk.holding()


def test_an_act_done_too_late_leaves_it_said_that_it_was_missed() -> None:
    desk = Desk()
    desk.record("2023-06-06", REGISTERED, DECIDED, TOLD, ASKED)
    desk.look("2023-08-01")
    told = desk.record("2023-08-02", event("appeal_rejected", "2023-08-01", 4, ref="e1"))
    assert told["review_answer", "withdrawn"] == 0
    assert ("review_answer", "missed") in desk.holding()


def test_what_went_out_by_a_clock_that_was_ahead_is_withdrawn_and_given_again_when_its_day_comes() -> None:
    desk, right = Desk(), Desk()
    for one in (desk, right):
        one.record("2023-06-06", REGISTERED, DECIDED, TOLD, ASKED)
    now = desk.holding()
    assert desk.look("2036-01-01")["review_answer", "missed"] == 1
    told = desk.look("2023-06-07")
    assert desk.holding() == now
    assert sum(told.values()) == sum(count for (_, phase), count in told.items() if phase == "withdrawn") > 0
    for day in ("2023-06-30", "2023-07-03", "2026-10-04"):
        for one in (desk, right):
            one.look(day)
        assert desk.holding() == right.holding() > now


def test_a_contradiction_that_a_later_record_explains_is_withdrawn() -> None:
    desk = Desk()
    desk.record("2023-06-20", TOLD)
    assert {phase for kind, phase in desk.holding() if kind == "contradiction"} >= {"unknown_physician"}
    desk.record("2023-06-21", REGISTERED, DECIDED)
    assert not {kind for kind, _ in desk.holding()} & {"contradiction"}


def test_the_years_holidays_put_right_the_last_day_that_was_told_without_them() -> None:
    """Before the notice of 2027 is out the Spring Festival counts as it is in the law, and the notice makes it longer."""
    notice = "years: {2027: {source: x, holidays: [01-01, 02-05, 02-06, 02-07, 02-08, 02-09, 02-10], make_up_days: []}}"
    desk = Desk()
    bonus = event("bonus", "2027-02-04", 1, points=1, bonus_id="QN-B1")
    desk.record("2027-02-04", REGISTERED, bonus, event("notice_received", "2027-02-04", 2, ref="e1"))
    desk.look("2027-03-01")
    assert desk.last_days("tell_bonus") == {("raised", "2027-02-11"), ("due", "2027-02-11")}
    desk.ledger = Ledger(PackSet(PACKS.packs, holidays=shipped_holidays().with_notices(parse_holidays(notice, "x"))), 1)
    told = desk.look("2027-03-01")
    assert told["tell_bonus", "withdrawn"] == 2
    assert desk.last_days("tell_bonus") == {(phase, "2027-02-15") for phase in ("raised", "due", "missed")}


def test_a_measure_about_an_institution_whose_day_has_not_come_is_withdrawn() -> None:
    measure = Measure("institution_share", "e1", D("2036-01-01"), "x", Text("x", "x"))
    given = dict(measure_notices("620100", "H1", [measure], D("2036-01-01"), ()))
    told = Told(D("2026-01-01"), measures=(measure,)).untrue("620100", "H1")
    [(name, value)] = withdrawals(told, given.get, D("2026-01-01"))
    assert (name in given, json.loads(value)["withdrawn"]) == (True, "2026-01-01")


@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_in_whatever_order_no_notice_is_left_that_does_not_follow_from_the_file(seed: int) -> None:
    made, rng, seen = physicians(seed, 3), random.Random(seed), Counter[str]()
    for (region, code), events in made.files.items():
        desk, taken = Desk(), events[:]
        rng.shuffle(taken)
        withdrawn = 0
        for number in range(0, len(taken), 2):
            told = desk.record("2024-06-30", *taken[number : number + 2])
            withdrawn += sum(count for (_, phase), count in told.items() if phase == "withdrawn")
            known: tuple[Event, ...] = ()
            for one in taken[: number + 2]:
                known = with_event(known, one)
            view = desk.ledger.view(known, region, code)
            may = {
                duty.notice_id(region, code, phase)
                for duty in view.duties
                for phase, day in duty.occasions()
                if duty.stands(phase, day, D("2024-06-30"))
            } | {contradiction_id(region, code, issue) for issue in view.issues}
            assert desk.names() <= may
            assert desk.names() >= expected_notices(region, code, known, D("2024-06-30"))
        seen[region] += withdrawn
    assert all(seen[region] for region in ("522700", "620100")), "notices were withdrawn"
