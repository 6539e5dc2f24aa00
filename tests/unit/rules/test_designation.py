"""001 篇3: what an application for designated status lacks, what bars it and until when, and the days of its procedure."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.settings.packs import read_designations
from rules.calendar import MONDAY_TO_FRIDAY
from rules.designation.checking import ApplicationError, check, read_application
from rules.designation.pack import parse_designation
from rules.packs.errors import PackError

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "cases" / "cases-designation.jsonl").read_text("utf-8").splitlines()
]
(RULES,) = read_designations()
SHIPPED = (Path(__file__).parents[3] / "rules" / "designation" / "sichuan-2021.yaml").read_text("utf-8")


def answered(application: dict[str, Any], on: dt.date) -> dict[str, Any]:
    found = check(RULES, read_application(application, RULES), on, MONDAY_TO_FRIDAY)
    days = {name: getattr(found.days, name) for name in ("supplement_by", "evaluate_by", "publish_until")}
    return {
        "result": str(found.result),
        "missing": list(found.missing),
        "not_told": list(found.not_told),
        "barred": [[one.id, None if one.free_on is None else str(one.free_on)] for one in found.barred],
        "earliest": None if found.earliest is None else str(found.earliest),
        "visit": found.visit,
        **{name: None if day is None else str(day) for name, day in days.items()},
    }


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_worked_case_comes_out_as_it_was_worked_out_by_hand(case):
    said = answered(case["application"], dt.date.fromisoformat(case["on"]))
    assert {name: said[name] for name in case["expect"]} == case["expect"], case["note"]


def test_every_condition_and_every_ground_of_refusal_can_fail_alone():
    """Of an application that lacks nothing each fact in turn is turned round."""
    fine = {case["application"]["kind"]: case["application"] for case in CASES[:2]}
    on = dt.date(2026, 6, 1)
    for condition in RULES.conditions:
        for kind in condition.kinds:
            bad: Any = False if condition.at_least is None and condition.months is None else 0
            fact = str(on) if condition.months is not None else bad
            facts = {**fine[kind]["facts"], condition.id: fact}
            assert answered({**fine[kind], "facts": facts, **({"beds": 100} if kind == "medical" and condition.beds else {})}, on)["missing"] == [condition.id]  # fmt: skip
    for bar in RULES.bars:
        for kind in bar.kinds:
            said: Any = True if bar.months is None else {"since": str(on)}
            assert [name for name, _ in answered({**fine[kind], "bars": {**fine[kind]["bars"], bar.id: said}}, on)["barred"]] == [bar.id]  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kind": "hospital"}, "kind: "),
        ({"facts": {"pharmacists": 1}}, "facts.pharmacists: nothing asks for it; known for medical are licence"),
        ({"facts": {"licence": 3}}, "facts.licence: expected true or false, found 3"),
        ({"facts": {"insurance_managers": True}}, "facts.insurance_managers: expected a number, found True"),
        ({"facts": {"operating_since": True}}, "facts.operating_since: expected a day"),
        ({"bars": {"false_application": True}}, "bars.false_application: it lasts from its day on"),
        (
            {"bars": {"prices_not_followed": {"since": "2025-01-01"}}},
            "bars.prices_not_followed: it lasts as long as it is so",
        ),
        ({"received": "2026-03-02", "notified": "2026-03-01"}, "notified: 2026-03-01 lies before received 2026-03-02"),
        ({"supplemented": "2026-03-01"}, "notified is missing"),
        ({"beds": -1}, "beds: "),
        ({"bed": 10}, "bed: "),
    ],
)
def test_an_application_that_cannot_be_read_is_refused_with_its_fields(changed, said):
    with pytest.raises(ApplicationError) as refused:
        read_application({"kind": "medical", **changed}, RULES)
    assert said in str(refused.value)


def test_rules_that_cannot_be_used_are_refused_with_their_line():
    line = next(number for number, text in enumerate(SHIPPED.splitlines(), 1) if "id: pharmacists" in text)
    with pytest.raises(PackError, match=rf"mine.yaml:{line}: conditions\[pharmacists\].*at_least or months, not both"):
        parse_designation(SHIPPED.replace("id: pharmacists, kinds: [pharmacy], at_least: 1", "id: pharmacists, kinds: [pharmacy], at_least: 1, months: 3"), "mine.yaml")  # fmt: skip
    with pytest.raises(PackError, match="stands twice: licence"):
        parse_designation(SHIPPED.replace("id: basic_services", "id: licence"), "mine.yaml")
