"""What needs earlier claims, against an evaluation written from the documents alone, and whatever the order of arrival."""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest

from tests.oracle.longitudinal import GROUNDS, generate, judge
from tests.support.longitudinal import outcome, told
from tests.support.thorough import share

HISTORIES = int(os.environ.get("ORACLE_HISTORIES", "0")) or share(2_000, least=600)
FOUND = {
    "chongqing": GROUNDS[:6],
    "shantou": GROUNDS[6:16],
    "recognition": GROUNDS[16:],
}


@pytest.mark.parametrize("law", list(FOUND))
def test_every_history_gives_the_cases_that_the_text_gives(law):
    seen: Counter[str] = Counter()
    for seed in range(HISTORIES):
        case = generate(law, seed)
        mine, expected = told(outcome(case)), judge(case)
        assert mine == expected, (seed, case)
        seen.update(one[1] for one in expected)
    assert all(seen[ground] > 5 for ground in FOUND[law]), seen


def test_late_corrected_and_reversed_claims_give_what_they_give_in_any_order():
    for seed in range(HISTORIES // 10):
        case = generate(("chongqing", "shantou", "recognition")[seed % 3], seed)
        first = outcome(case)
        random.Random(seed).shuffle(case["claims"])
        assert outcome({**case, "claims": [*case["claims"], *case["claims"][:2]]}) == first, seed
