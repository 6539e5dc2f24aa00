"""001 篇1 against an evaluation written from the document alone, and that every amount has exactly one tier or a named gap."""

from __future__ import annotations

import os
from decimal import Decimal
from fractions import Fraction
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.settings.packs import read_penalties
from rules.penalties.pack import Band, Fact, Grade
from rules.penalties.weighing import Assessment, Facts, Gap, assess
from tests.oracle.penalties import ACTS, YES_OR_NO, generate, judge
from tests.support.thorough import examples, share

CASES = int(os.environ.get("ORACLE_HISTORIES", "0")) or share(4_000, least=2_000)
(STANDARD,) = read_penalties()
READINGS = {printed: STANDARD.read({"person_breach_severe": name}) for printed, name in
            ((False, "misprint_of_6000"), (True, "as_printed_600"))}  # fmt: skip


def whole(facts: dict[str, Any], only: set[str] | None = None) -> Facts:
    told = {Fact(name): facts[name] for name in YES_OR_NO if only is None or name in only}
    numbers = {name: Decimal(facts[name].numerator) / facts[name].denominator for name in ("amount", "share")}
    return Facts(**numbers, item=facts["item"], insured=facts["insured"], told=told)


def span(band: Band) -> tuple[Fraction | None, Fraction | None]:
    ends = (band.exactly, band.exactly) if band.exactly is not None else (band.over, band.up_to)
    low, high = (None if end is None else Fraction(end) for end in ends)
    return low, high


def answered(found: Assessment) -> tuple[Any, ...]:
    if found.gap is not None:
        return found.article.id, "by hand", str(found.gap)
    fine = found.tier.fine and (found.tier.fine.unit, *span(found.tier.fine.band))
    suspended = found.suspension and (found.suspension.of, *span(found.suspension.months))
    return found.article.id, found.tier.id, fine, suspended


def test_the_calculator_and_the_oracle_agree_on_every_case():
    seen: set[tuple[Any, ...]] = set()
    tiers = {(article.id, tier.id) for article in STANDARD.articles for tier in article.tiers}
    gaps = {("person_fraud", "by hand", "personal_account_above_bands"), ("person_breach", "by hand", "mixed")}
    for seed in count():
        if seed >= CASES and (tiers | gaps <= seen or seed == 20_000):
            break
        act, facts, printed = generate(seed)
        found, expected = answered(assess(READINGS[printed], act, whole(facts))), judge(act, facts, printed)
        assert found == expected, (seed, act, facts)
        seen.add(found[:3] if found[1] == "by hand" else found[:2])
    assert tiers | gaps <= seen, (tiers | gaps) - seen


NUMBERS = st.decimals(min_value=0, max_value=20_000, places=2)
SHARES = st.decimals(min_value=0, max_value=5, places=3)


@examples(200)
@given(st.sampled_from(ACTS), NUMBERS, SHARES, st.integers(1, 7), st.lists(st.booleans(), min_size=10, max_size=10))
def test_every_amount_falls_into_exactly_one_tier_or_a_named_gap(act, amount, share_, item, answers):
    told = dict(zip(YES_OR_NO, answers, strict=True))
    told["refuses"] &= not told["corrected"]
    facts = Facts(amount, share_, item, True, {Fact(name): value for name, value in told.items()})
    found = assess(STANDARD, act, facts)
    assert (found.tier is None) != (found.gap is None)
    assert not found.needs
    assert found.gap is not Gap.NO_TIER
    measured = [tier for tier in found.article.tiers if tier.grade not in (Grade.NO_BREACH, Grade.NONE)]
    for name, number in (("amount", amount), ("share", share_)):
        bands = [getattr(tier, name) for tier in measured if getattr(tier, name) is not None and not tier.items]
        assert not bands or sum(band.holds(number) for band in bands) == 1, (
            "the bands of an article share out all numbers"
        )


@examples(60)
@given(st.integers(0, 10**6), st.sets(st.sampled_from(YES_OR_NO)))
def test_an_answer_from_few_facts_is_the_answer_from_all_of_them(seed, told):
    """Either the facts told decide, and the rest cannot change the answer, or the facts that do are asked for."""
    act, facts, printed = generate(seed)
    some = assess(READINGS[printed], act, whole(facts, told))
    full = assess(READINGS[printed], act, whole(facts))
    if not some.needs:
        assert answered(some) == answered(full)
    else:
        completed = assess(READINGS[printed], act, whole(facts, told | set(some.needs)))
        assert not set(completed.needs) & set(some.needs)
