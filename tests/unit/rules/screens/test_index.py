"""The register in memory: replaced, removed and damaged records leave nothing behind, and space is reclaimed."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.screens.index import StandingIndex
from rules.screens.ragged import Ragged, Texts
from rules.timeline import TimelineError
from tests.support.judging import (
    fill,
    institution_timeline,
    judge,
    make_gate,
    physician_timeline,
    prove_in_memory,
    verdicts,
)
from tests.support.register import QIANNAN, REGIONS, Register, make_claim, make_physician, make_register, wire
from tests.support.thorough import examples, share


@pytest.mark.parametrize("seed", range(share(8)))
def test_a_register_that_was_changed_often_judges_as_one_that_never_was(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rules.screens.ragged._RECLAIM_ABOVE", 50)
    rng = random.Random(seed)
    register = make_register(rng, 30)
    gate = make_gate(register)
    codes = {region: [f"H{region}{number:05}" for number in range(12)] for region in REGIONS}
    for _ in range(3000):
        key = rng.choice(list(register.physicians) or [f"{QIANNAN}|D{QIANNAN}000000"])
        region, _, code = key.partition("|")
        act = rng.random()
        if act < 0.1:
            gate.index.drop(key)
            register.physicians.pop(key, None)
        elif act < 0.15:
            gate.index.put_unreadable(key)
            gate.index.put(physician_timeline(register.physicians[key]))
        elif act < 0.2 and register.institutions:
            place = rng.choice(list(register.institutions))
            gate.index.drop_institution(place)
            del register.institutions[place]
        else:
            if rng.random() < 0.3:
                code = f"D{region}{rng.randrange(40):06}"
            message = make_physician(rng, region, code, codes[region])
            register.physicians[f"{region}|{code}"] = message
            gate.index.put(physician_timeline(message))
    for message in make_register(rng, 0).institutions.values():
        register.institutions[f"{message['region']}|{message['institution_code']}"] = message
        gate.index.put_institution(institution_timeline(message))
    values = [wire(make_claim(rng, register, number)) for number in range(4000)]

    changed = judge(gate, values)

    assert len(gate.index) == len(register.physicians)
    assert gate.index.institutions == len(register.institutions)
    prove_in_memory(values, changed, register)
    assert verdicts(make_gate(register), values) == verdicts(gate, values)


def test_a_timeline_that_contradicts_itself_is_refused_and_changes_nothing() -> None:
    gate = make_gate()
    good = make_physician(random.Random(1), QIANNAN, "D1", ["H1"], revision=4)
    gate.index.put(physician_timeline(good))
    key = f"{QIANNAN}|D1"
    day = {"standing": "normal"}
    for spans in (
        [day | {"from": "2023-01-02", "to": "2023-01-01"}],
        [day | {"from": "2023-01-01", "to": "2023-01-31"}, day | {"from": "2023-01-31", "to": None}],
        [day | {"from": "2023-01-01", "to": None}, day | {"from": "2024-01-01", "to": None}],
        [day | {"from": "2023-01-01", "to": "2023-01-31"}, day | {"from": None, "to": None}],
    ):
        for message in (good | {"revision": 5, "spans": spans}, good | {"revision": 5, "contested": spans}):
            with pytest.raises(TimelineError):
                gate.index.put(physician_timeline(message))
    assert gate.index.revision(key) == 4
    assert len(gate.index) == 1


def test_revisions_and_sizes_follow_what_was_put_and_dropped() -> None:
    index = StandingIndex()
    message = make_physician(random.Random(2), QIANNAN, "D1", ["H1"], revision=0)
    key = f"{QIANNAN}|D1"
    index.drop(key)
    index.drop_institution(f"{QIANNAN}|H1")
    assert (len(index), index.revision(key)) == (0, None)
    index.put(physician_timeline(message))
    index.put(physician_timeline(message))
    assert (len(index), index.revision(key)) == (1, 0)
    index.put_unreadable(key)
    assert (len(index), index.revision(key)) == (1, None)
    index.drop(key)
    index.drop(key)
    assert (len(index), index.revision(key)) == (0, None)
    index.put(physician_timeline(message))
    assert (len(index), index.revision(key)) == (1, 0)


def test_the_same_register_put_twice_takes_no_more_of_the_evidence_than_once() -> None:
    register = make_register(random.Random(3), 20)
    values = [wire(make_claim(random.Random(4), register, number)) for number in range(500)]
    gate = make_gate(register)
    once = judge(gate, values)

    assert judge(fill(gate, register), values).cases == once.cases


rows = st.lists(st.tuples(st.integers(-1000, 1000), st.integers(0, 255)), max_size=5)


@given(st.lists(st.tuples(st.integers(0, 8), rows), max_size=60))
@examples(150)
def test_ragged_columns_behave_as_a_table_of_lists(steps: list[tuple[int, list[tuple[int, int]]]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rules.screens.ragged._RECLAIM_ABOVE", 5)
        ragged = Ragged(start="i", kind="B", cause="q")
        table: dict[int, list[tuple[int, int]]] = {}
        for chosen, given_rows in steps:
            owner = min(chosen, len(table))
            table[owner] = sorted(given_rows)
            ragged.replace(
                owner, [(start, kind, ragged.texts.put([f"{start}", f"{kind}"])) for start, kind in table[owner]]
            )
        owners = np.array([-1, *table], np.int32)
        assert ragged.count(owners).tolist() == [0, *(len(kept) for kept in table.values())]
        for key in (-1001, -1, 0, 7, 1000):
            found = ragged.find(owners, np.full(len(owners), key, np.int32))
            assert found[0] == -1
            for kept, row in zip(table.values(), found[1:].tolist(), strict=True):
                below = [item for item in kept if item[0] <= key]
                assert (row >= 0) == bool(below)
                if below:
                    assert ragged.take("start", np.array([row], np.int32), 0)[0] == below[-1][0]
                    assert ragged.causes(row)[0] == f"{below[-1][0]}"


def test_texts_give_back_what_was_put() -> None:
    texts = Texts()
    kept = [("ev-1",), ("事件-2", "b" * 3000), ("",), ("x", "", "y")]
    addresses = [texts.put(items) for items in kept]

    assert [texts.get(address) for address in addresses] == kept
    assert texts.get(texts.put(())) == ()
    assert texts.get(texts.put_raw(texts.raw(addresses[1]))) == kept[1]


def test_an_index_without_anything_answers_for_everything() -> None:
    register = Register()
    values = [wire(make_claim(random.Random(5), make_register(random.Random(5), 3), number)) for number in range(200)]

    prove_in_memory(values, judge(make_gate(), values), register)
