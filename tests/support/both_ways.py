"""The gate's two ways held equal: a batch claim by claim, and as a frame. Both end in the same decision; a slip in decoding or
encoding would show as a byte."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import asdict

from pipeline.screening.gate import Gate, Judged
from pipeline.settings.packs import load_pack_set
from tests.support.judging import AT, fill
from tests.support.register import REGIONS, make_claim, make_register, wire
from tests.support.spoiled import SPOILED, UNUSUAL

_CLAIMS_A_REGISTER = 10_000
_FEW = (1, 2, 3, 7, 20, 50, 113, 200)


def _judged(gate: Gate, values: list[bytes | None], *, stale: bool) -> Judged:
    return gate.judge(
        values,
        topic="claims",
        partitions=[3] * len(values),
        offsets=range(100, 100 + len(values)),
        screened_at=AT,
        stale=stale,
    )


def _told(judged: Judged) -> tuple[object, ...]:
    letters = [(letter.row, str(letter.error)) for letter in judged.dead_letters]
    figures = asdict(judged.tally)
    money = {item[:4]: [round(value, 2) for value in item[4:]] for item in figures["sums"]}
    return judged.verdicts, judged.cases, letters, money, sorted(figures["institutions"]), figures["code_forms"]


def hold_equal(claims_a_pack: int, *, seed: int = 0) -> dict[str, int]:
    """Judges generated claims in small batches both ways; returns how many of each pack were held equal.

    Broken and unusual records are strewn in. Raises AssertionError with the batch's seed.
    """
    held: Counter[str] = Counter()
    packs = load_pack_set(switched_on=("shantou-2022-draft",))
    names = {region: packs.for_region(region).name for region in REGIONS}
    for region in REGIONS:
        number = 0
        while held[names[region]] < claims_a_pack:
            number += 1
            rng = random.Random(f"{seed}/{region}/{number}")
            register = make_register(rng, 60, regions=REGIONS)
            few, wide = fill(Gate(packs), register), fill(Gate(packs, few=0), register)
            others = tuple(other for other in REGIONS if names[other] == names[region])
            values: list[bytes | None] = [
                wire(make_claim(rng, register, place, others))
                for place in range(min(_CLAIMS_A_REGISTER, claims_a_pack))
            ]
            odd = [*(item.value for item in SPOILED), *UNUSUAL.values()]
            for value in odd:
                values.insert(rng.randrange(len(values)), value)
            at = 0
            while at < len(values):
                size = rng.choice(_FEW)
                batch = values[at : at + size]
                stale = rng.random() < 0.05
                mine, theirs = (_told(_judged(gate, batch, stale=stale)) for gate in (few, wide))
                assert mine == theirs, f"seed {seed}/{region}/{number}, claims {at} to {at + size}"
                at += size
            held[names[region]] += len(values) - len(odd)
    return dict(held)
