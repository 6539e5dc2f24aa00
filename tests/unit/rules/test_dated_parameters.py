"""A number of the law may change inside one pack: each question is answered by the value of the day that it is about."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from pipeline.explain.explaining import explain_claim
from pipeline.settings.packs import SHIPPED
from rules.calendar import MONDAY_TO_FRIDAY
from rules.dossier import fold
from rules.duties import duties
from rules.events import decode
from rules.packs.pack import Pack, PackError, parse_pack
from rules.packs.pack_set import PackSet
from rules.schemes.qiannan.parameters import QiannanLedger
from rules.standing import institution_timeline, statement
from rules.wording.summary import parameters
from tests.support.explaining import claim, event
from tests.support.law import ledger, pack

D = dt.date.fromisoformat


def _changed(name: str, *changes: tuple[str, str]) -> Pack:
    text = (SHIPPED / f"{name}.yaml").read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse_pack(text, f"{name}.yaml")


MARK = (
    'full: {value: 12, from: 2022-12-26, citation: "三(二)1"}',
    'full: {value: 12, from: 2022-12-26, citation: "三(二)1", then: [{value: 10, from: 2024-01-01, citation: "三(二)1"}]}',
)
LENGTH = (
    'penalty_months: {value: 3, from: 2022-12-26, citation: "三(二)1"}',
    'penalty_months: {value: 3, from: 2022-12-26, citation: "三(二)1", then: [{value: 6, from: 2024-06-01, citation: "三(二)1"}]}',
)


def _verdict(changed: Pack, lines: list[bytes], service: str, **fields: Any) -> dict[str, Any]:
    packs = PackSet([changed, pack("national")])
    return explain_claim(claim(service, **fields), lines, packs, as_of=None, today=D("2026-01-05")).verdict


def _ten(year: str, month: str = "03") -> list[bytes]:
    return [
        event("r1", "registration", "2023-01-04"),
        event("d1", "deduction", f"{year}-{month}-01", points=6, violation_id="QN-T6-01"),
        event("d2", "deduction", f"{year}-{month}-02", points=4, violation_id="QN-T2-01", cases=2),
    ]


def test_the_mark_of_the_day_of_the_decision_counts_and_the_length_of_that_day():
    changed = _changed("qiannan-2022", MARK, LENGTH)
    assert _verdict(changed, _ten("2023"), "2023-03-03")["reason"] == "ok"
    assert _verdict(changed, _ten("2024"), "2024-03-03")["penalty_period"] == ["2024-03-03", "2024-06-02"]
    assert _verdict(changed, _ten("2024", "06"), "2024-06-03")["penalty_period"] == ["2024-06-03", "2024-12-02"]


def test_a_case_costs_what_its_item_cost_on_the_day_of_the_decision():
    item = next(
        line for line in (SHIPPED / "qiannan-2022.yaml").read_text("utf-8").splitlines() if "id: QN-T1-01" in line
    )
    later = item.rstrip()[:-1] + ', then: [{points: 2, from: 2024-01-01, citation: "三(一)1"}]}'
    changed = _changed("qiannan-2022", (item, later))
    packs = PackSet([changed, pack("national")])
    lines = [
        event("d1", "deduction", "2023-05-01", points=1, violation_id="QN-T1-01"),
        event("d2", "deduction", "2024-05-01", points=1, violation_id="QN-T1-01"),
        event("d3", "deduction", "2024-05-02", points=2, violation_id="QN-T1-01"),
    ]
    done = explain_claim(claim("2024-05-10"), lines, packs, as_of=None, today=D("2026-01-05"))
    assert [(item.line, item.problems) for item in done.unusable] == [(2, ("points: 1 found; QN-T1-01 cost 2",))]


def test_a_limit_runs_by_the_length_of_its_day():
    old = next(
        line for line in (SHIPPED / "qiannan-2022.yaml").read_text("utf-8").splitlines() if "id: tell_physician" in line
    )
    new = old.rstrip()[:-1] + ', then: [{working_days: 5, from: 2024-01-01, citation: "三(二)4"}]}'
    changed = _changed("qiannan-2022", (old, new))
    for year, due in (("2023", "2023-05-11"), ("2024", "2024-05-13")):
        lines = [
            event("d1", "deduction", f"{year}-05-04", points=1, violation_id="QN-T1-01"),
            event("n1", "notice_received", f"{year}-05-08" if year == "2023" else f"{year}-05-06", ref="d1"),
        ]
        file = fold([decode(line) for line in lines])
        owed = duties(file, statement(file, changed, calendar=MONDAY_TO_FRIDAY), changed, MONDAY_TO_FRIDAY)
        assert [duty.due_on for duty in owed if duty.kind == "tell_physician"] == [D(due)]


def test_lanzhous_headcount_is_held_against_the_share_of_its_day():
    old = 'institution_end_percent: {value: 5, from: 2014-05-01, citation: "第二十二条"}'
    new = old[:-1] + ', then: [{value: 10, from: 2016-01-01, citation: "第二十二条"}]}'
    changed = _changed("lanzhou-2014", (old, new))
    for day, ended in (("2015-03-02", 1), ("2016-03-02", 0)):
        line = event("i1", "institution_snapshot", day, "620100", approved_physicians=20, cancelled_in_term=1)
        assert len(institution_timeline([decode(line)], changed, institution_code="H1").spans) == ended


def test_later_values_must_come_later_and_are_told_one_by_one():
    with pytest.raises(PackError, match="then: every later value must begin after the one before it"):
        _changed("qiannan-2022", (MARK[0], MARK[1].replace("2024-01-01", "2022-12-26")))
    told = [
        (form.value, str(form.start)) for name, form in parameters(_changed("qiannan-2022", MARK)) if name == "full"
    ]
    assert told == [(12, "2022-12-26"), (10, "2024-01-01")]
    assert ledger(_changed("qiannan-2022", MARK), QiannanLedger).on(D("2024-01-01")).values.full == 10
