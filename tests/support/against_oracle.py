"""The product's answer to the oracle's generated cases, its events arriving in any order."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from typing import Any

from pipeline.conformance.cases import SWITCHED_ON, Case, read_case
from pipeline.conformance.run import run_cases
from pipeline.settings.packs import load_pack_set
from rules.packs.pack_set import PackSet
from tests.oracle.histories import generate

Json = dict[str, Any]


def arriving(case: Json, seed: int) -> Case:
    """The case as the product reads it, with its events shuffled and some of them arriving twice.

    The place in `history` is the time of recording (G1) and stays with each event; the order of arrival says nothing.
    """
    read = read_case(case)
    chance = random.Random(seed)
    events = [*read.events, *chance.choices(read.events, k=2)] if read.events else []
    chance.shuffle(events)
    return dataclasses.replace(read, events=tuple(events))


def answers(locality: str, seeds: Sequence[int], packs: PackSet | None = None) -> list[Json]:
    """The product's answers to the generated cases of the seeds, all judged as one frame."""
    return run_cases([arriving(generate(locality, seed), seed) for seed in seeds], packs)


def answer(locality: str, seed: int) -> Json:
    """The product's answer to one generated case."""
    return run_cases([arriving(generate(locality, seed), seed)], load_pack_set(switched_on=SWITCHED_ON))[0]
