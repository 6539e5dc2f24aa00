"""Lists of suspended insured persons and departments against the log: only decisions that it does not have become events (S1)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from pipeline.inputs.registers import load_event_mapping
from pipeline.kinds import KINDS
from pipeline.register.difference import Difference, Owner, difference
from pipeline.register.sync import ends_of, read_roster
from pipeline.settings.packs import load_pack_set
from rules.dossier import fold
from rules.events import Event
from rules.vocabulary import Standing
from topics.events.acceptance import kind_of, owner_code

PACKS = load_pack_set(with_subjects=True)
CITY, DAY = "360100", dt.date(2026, 3, 2)
PERSONS = "人员编号,决定日期,处罚条款,暂停月数,文号"
DEPARTMENTS = "fixmedins_code,科室,决定日期,处罚条款,暂停结束日期"


def compare(folder: Path, name: str, log: list[Event], *lines: str) -> Difference:
    file = folder / "list.csv"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    mapping = load_event_mapping(name).given({"region": CITY})
    roster = read_roster(str(file), mapping, None, PACKS)
    assert roster.bad == [], roster.bad
    known: dict[Owner, list[Event]] = {}
    for event in log:
        known.setdefault((kind_of(event), CITY, owner_code(event)), []).append(event)
    return difference(known, roster.events, PACKS, DAY, ends_of(mapping, roster))


def test_a_decision_that_the_log_does_not_have_is_sent_once(tmp_path):
    lines = (PERSONS, "P1,2026-02-10,第五条,3,赣医保罚1号", "P2,20260210,person_fraud,6,")
    found = compare(tmp_path, "suspended-insured", [], *lines)
    assert [(change.kind, change.event.type_name, change.event.event_id) for change in found.changes] == [
        ("added", "insured_suspended", "赣医保罚1号"),
        ("added", "insured_suspended", "suspended-insured:insured_suspended:360100:::2026-02-10:P2"),
    ]
    sent = [change.event for change in found.changes]
    again = compare(tmp_path, "suspended-insured", sent, *lines)
    assert (again.changes, again.same) == ([], 2)


def test_what_is_sent_suspends_for_the_days_of_the_decision(tmp_path):
    found = compare(tmp_path, "suspended-insured", [], PERSONS, "P1,2026-02-10,第五条,3,n1")
    told = KINDS["insured"].follows(fold([found.changes[0].event]), PACKS, CITY, "P1")
    (span,) = [span for span in told.spans if span.standing is Standing.SUSPENDED]
    assert (span.start, span.end) == (dt.date(2026, 2, 11), dt.date(2026, 5, 10))


def test_a_department_is_its_institutions_own(tmp_path):
    lines = (DEPARTMENTS, "H1,骨科,2026-02-10,第四条,2026-08-10", "H2,骨科,2026-02-10,第四条,2026-08-10")
    found = compare(tmp_path, "suspended-departments", [], *lines)
    assert [owner_code(change.event) for change in found.changes] == ["H1|骨科", "H2|骨科"]
    assert len({change.event.event_id for change in found.changes}) == 2


def test_whoever_a_list_names_no_more_stays_as_recorded_and_a_longer_decision_is_told_with_what_was(tmp_path):
    sent = [
        change.event
        for change in compare(
            tmp_path, "suspended-insured", [], PERSONS, "P1,2026-02-10,第五条,3,n1", "P2,2026-02-10,第五条,3,n2"
        ).changes
    ]
    found = compare(tmp_path, "suspended-insured", sent, PERSONS, "P1,2026-02-20,第六条,6,n3")
    (change,) = found.changes
    assert (change.kind, change.event.event_id, change.was) == ("changed", "n3", "suspended until 2026-05-10")


@pytest.mark.parametrize("name", ["suspended-insured", "suspended-departments"])
def test_an_article_that_suspends_nobody_is_refused_by_its_line(tmp_path, name):
    header, row = (
        (PERSONS, "P1,2026-02-10,第一条,3,n1")
        if name.endswith("insured")
        else (DEPARTMENTS, "H1,骨科,2026-02-10,第一条,")
    )
    file = tmp_path / "list.csv"
    file.write_text(f"{header}\n{row}\n", "utf-8")
    roster = read_roster(str(file), load_event_mapping(name).given({"region": CITY}), None, PACKS)
    assert (len(roster.bad), roster.events) == (1, [])
    assert "第一条" in roster.bad[0].reason
