"""S2 and S3 against an evaluation written from the determinations alone: a law that ends, and the one that follows it."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest

from pipeline.conformance.run import run_cases
from rules.packs.pack import InForce
from rules.packs.pack_set import PackSet
from tests.oracle import after
from tests.oracle.succession import generate_change, judge
from tests.support.against_oracle import arriving
from tests.support.law import shipped
from tests.support.thorough import share

CHANGES = [
    (date(2023, 6, 30), date(2023, 7, 1)),
    (date(2023, 12, 31), date(2024, 1, 1)),
    (date(2024, 2, 29), date(2024, 3, 1)),
    (date(2024, 5, 14), date(2024, 9, 1)),
    (date(2024, 11, 30), date(2025, 1, 1)),
    (date(2025, 3, 31), date(2025, 4, 1)),
]
EACH = share(6_000) // len(CHANGES)


def law(last: date, first: date, local: str = "qiannan-2022", since: str | None = "2022-12-26") -> PackSet:
    """The shipped packs, with the local rules ended and the national opinion begun on these days."""
    days = {local: (since, last.isoformat()), "national-2024": (first.isoformat(), None)}
    changed = []
    for pack in shipped():
        if pack.pack in days:
            start, end = days[pack.pack]
            in_force = InForce.model_validate({"from": start, "to": end, "citation": pack.in_force.citation})
            pack = pack.model_copy(update={"in_force": in_force})  # noqa: PLW2901 - the pack with other days
        changed.append(pack)
    return PackSet(changed)


@pytest.mark.parametrize(("last", "first"), CHANGES, ids=lambda day: day.isoformat())
def test_a_ledger_lives_through_the_change_of_law_as_the_determinations_say(last, first):
    cases = [generate_change(seed, last, first) for seed in range(EACH)]
    reasons: Counter[str] = Counter()
    differing = []
    got = run_cases([arriving(case, seed) for seed, case in enumerate(cases)], law(last, first))
    for case, mine in zip(cases, got, strict=True):
        expected = judge(case, last, first)
        reasons[expected["reason"]] += 1
        if mine != expected:
            differing.append((case["id"], case["history"], case["claim"], case["as_of"], expected, mine))
    assert differing[:2] == []
    assert len(reasons) > min(12, EACH // 20), reasons
    assert reasons["straddles_law"] >= EACH // 400


@pytest.mark.parametrize(
    ("locality", "local", "since", "last"),
    [
        ("lanzhou", "lanzhou-2014", "2014-05-01", date(2015, 6, 30)),
        ("lanzhou", "lanzhou-2014", "2014-05-01", date(2016, 2, 29)),
        ("lanzhou", "lanzhou-2014", "2014-05-01", date(2017, 12, 31)),
        ("xiamen", "xiamen-2017", None, date(2018, 8, 31)),
        ("xiamen", "xiamen-2017", None, date(2024, 12, 31)),
    ],
)
def test_what_lanzhou_and_xiamen_decided_runs_on_under_the_opinion(locality, local, since, last):
    cases = [after.generate_after(locality, seed, last) for seed in range(EACH)]
    got = run_cases(
        [arriving(case, seed) for seed, case in enumerate(cases)], law(last, last + timedelta(1), local, since)
    )
    differing = []
    reasons: Counter[str] = Counter()
    for case, mine in zip(cases, got, strict=True):
        expected = after.judge(case, last)
        reasons[expected["reason"]] += 1
        if mine != expected:
            differing.append((case["id"], case["history"], case["claim"], case["as_of"], expected, mine))
    assert differing[:2] == []
    carried = {"lanzhou": ("cancelled", "suspended"), "xiamen": ("blacklisted", "blacklisted_emergency")}[locality]
    assert last.year == 2017 or all(reasons[reason] for reason in carried), reasons
