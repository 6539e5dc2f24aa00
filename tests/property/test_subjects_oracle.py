"""Insured persons and departments against an evaluation of Jiangxi's articles that writes the locked days out one by one."""

from __future__ import annotations

import os
from collections import Counter

from pipeline.conformance.run import run_cases
from tests.oracle.subjects import generate_subjects, judge
from tests.support.against_oracle import arriving
from tests.support.thorough import share

HISTORIES = int(os.environ.get("ORACLE_HISTORIES", "0")) or share(3_000, least=1_500)


def test_who_is_suspended_is_not_settled_as_the_articles_say():
    cases = [generate_subjects(seed) for seed in range(HISTORIES)]
    reasons: Counter[tuple[str, str]] = Counter()
    differing = []
    for case, mine in zip(cases, run_cases([arriving(case, seed) for seed, case in enumerate(cases)]), strict=True):
        expected = judge(case)
        reasons[expected["disposition"], expected["reason"]] += 1
        if mine != expected:
            differing.append((case["id"], case["as_of"], case["history"], case["claim"], expected, mine))
    assert (len(differing), differing[:1]) == (0, [])
    for answer in (
        ("reject", "insured_suspended"),
        ("review", "insured_suspended"),
        ("reject", "department_suspended"),
        ("review", "department_suspended"),
        ("review", "department_not_named"),
        ("pay", "ok"),
    ):
        assert reasons[answer] > 5, reasons
