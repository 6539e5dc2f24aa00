"""P1 against the oracle: whatever place of an area each event and the claim name, the answer is that of the area.

The suite asks 200 histories a scheme; ORACLE_HISTORIES sets another number.
"""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from pipeline.conformance.cases import SWITCHED_ON, read_case
from pipeline.conformance.run import run_cases
from pipeline.settings.packs import load_pack_set
from tests.oracle.histories import generate
from tests.oracle.law import judge_case
from tests.support.thorough import share

HISTORIES = int(os.environ.get("ORACLE_HISTORIES", "0")) or share(500)
PLACES = {
    "qiannan": ("522700", "522701", "522702", "522732"),
    "lanzhou": ("620100", "620102", "620123"),
    "xiamen": ("350200", "350203", "350213"),
    "national": ("110000", "110101", "110229"),
}


def scattered(case: dict[str, Any], places: tuple[str, ...], chance: random.Random) -> dict[str, Any]:
    """The same case with its events and its claim strewn over the places of one area."""
    history = [{**event, "region": chance.choice(places)} for event in case["history"]]
    return {**case, "history": history, "claim": {**case["claim"], "region": chance.choice(places)}}


@pytest.mark.parametrize("locality", PLACES)
def test_a_history_strewn_over_the_places_of_an_area_is_judged_as_one(locality: str) -> None:
    chance = random.Random(locality)
    cases = [generate(locality, seed) for seed in range(HISTORIES)]
    strewn = [read_case(scattered(case, PLACES[locality], chance)) for case in cases]
    answers = run_cases(strewn, load_pack_set(switched_on=SWITCHED_ON))
    differing = [seed for seed, (case, got) in enumerate(zip(cases, answers, strict=True)) if got != judge_case(case)]
    assert differing == []
