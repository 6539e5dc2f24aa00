"""P4 and P6 against an evaluation written from the determinations alone: each person named is judged by the oracle on the day."""

from __future__ import annotations

from collections import Counter

from pipeline.conformance.run import run_cases
from tests.oracle.people import generate_people, judge
from tests.support.against_oracle import arriving
from tests.support.thorough import share

HISTORIES = share(3_000, least=1_500)


def test_whoever_a_claim_names_is_asked_about_as_the_documents_say():
    cases = [generate_people(seed) for seed in range(HISTORIES)]
    cases += [generate_people(seed, "national_points") for seed in range(HISTORIES // 4)]
    reasons: Counter[tuple[str, str]] = Counter()
    differing = []
    for case, mine in zip(cases, run_cases([arriving(case, seed) for seed, case in enumerate(cases)]), strict=True):
        expected = judge(case)
        reasons[case["locality"], expected["reason"]] += 1
        if mine != expected:
            differing.append((case["id"], case["history"], case["claim"], expected, mine))
    assert differing[:1] == []
    for locality in ("qiannan", "lanzhou", "national", "national_points", "xiamen"):
        assert reasons[locality, "line_person_barred"] > 0, reasons
        assert reasons[locality, "prescriber_barred"] > 0, reasons
