"""P3 and P7 against an evaluation written from the determinations alone: one person in two areas, agreements signed and ended."""

from __future__ import annotations

from collections import Counter

from pipeline.conformance.run import run_cases
from tests.oracle.everywhere import generate_everywhere, judge
from tests.support.against_oracle import arriving
from tests.support.thorough import share

HISTORIES = share(4_000)


def test_a_person_is_one_everywhere_and_an_institution_has_what_it_signed():
    cases = [generate_everywhere(seed) for seed in range(HISTORIES)]
    reasons: Counter[str] = Counter()
    differing = []
    for case, mine in zip(cases, run_cases([arriving(case, seed) for seed, case in enumerate(cases)]), strict=True):
        expected = judge(case)
        reasons[expected["reason"]] += 1
        if mine != expected:
            differing.append((case["id"], case["history"], case["claim"], expected, mine))
    assert differing[:2] == []
    assert len(reasons) > 8, reasons
