"""001 篇3 against an evaluation written from the document alone."""

from __future__ import annotations

import os
from typing import Any

from pipeline.settings.packs import read_designations
from rules.calendar import MONDAY_TO_FRIDAY
from rules.designation.checking import check, read_application
from tests.oracle.designation import generate, judge
from tests.support.thorough import share

APPLICATIONS = int(os.environ.get("ORACLE_HISTORIES", "0")) or share(3_000, least=1_000)
(RULES,) = read_designations()


def test_the_check_and_the_oracle_agree_on_every_application():
    seen: set[str] = set()
    for seed in range(APPLICATIONS):
        told, on = generate(seed)
        found = check(RULES, read_application(told, RULES), on, MONDAY_TO_FRIDAY)
        expected = judge(told, on)
        mine: dict[str, Any] = {
            "result": str(found.result),
            "missing": set(found.missing),
            "not_told": set(found.not_told),
            "barred": {one.id: one.free_on for one in found.barred},
            "earliest": found.earliest,
            "evaluate_by": found.days.evaluate_by,
        }
        assert mine == expected, (seed, told, on)
        seen |= {mine["result"], *mine["missing"], *mine["barred"], *(f"not told: {name}" for name in mine["not_told"])}
        seen |= {"earliest"} if found.earliest is not None else set()
    names = {one.id for one in RULES.conditions} | {bar.id for bar in RULES.bars}
    assert {*names, *(f"not told: {name}" for name in names), "retry", "earliest", "met", "not_met", "not_told"} <= seen
