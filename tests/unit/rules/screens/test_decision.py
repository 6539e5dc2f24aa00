"""The decision against the oracle: all packs, dense in boundaries; and what must never matter to a verdict."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.screens.people import NAMED_REASONS
from tests.oracle.gate import judge_claim
from tests.support.judging import bare, judge, make_gate, prove_in_memory, verdicts
from tests.support.register import (
    ENCOUNTERS,
    LANZHOU,
    QIANNAN,
    REGIONS,
    XIAMEN,
    Register,
    iso,
    make_claim,
    make_physician,
    make_register,
    wire,
)
from tests.support.spoiled import GOOD, SPOILED
from tests.support.thorough import examples, share

CLAIMS_A_SEED = 8000


def drawn(
    seed: int, claims: int, physicians: int = 60, regions: tuple[str, ...] = REGIONS
) -> tuple[Register, list[bytes]]:
    rng = random.Random(seed)
    register = make_register(rng, physicians, regions=regions)
    return register, [wire(make_claim(rng, register, number, regions)) for number in range(claims)]


@pytest.mark.parametrize("seed", range(share(10, least=2)))
def test_every_verdict_and_case_of_every_pack_is_the_oracles(seed: int) -> None:
    register, values = drawn(seed, CLAIMS_A_SEED)

    figures = prove_in_memory(values, judge(make_gate(register), values), register)

    assert figures.verdicts == CLAIMS_A_SEED
    assert len(figures.reasons) > 40, "the sample is to reach nearly every reason of every pack"


def test_the_samples_reach_every_reason_that_a_pack_can_give() -> None:
    seen: Counter[str] = Counter()
    for seed in range(4):
        register, values = drawn(seed, CLAIMS_A_SEED // 2)
        seen.update(verdict["reason"] for verdict in verdicts(make_gate(register), values))
    gate = make_gate()
    not_here = {
        "standing_stale",
        "standing_unreadable",
        "straddles_law",
        "emergency_origin",
        *NAMED_REASONS,
    }  # the last of each: tests/property/test_succession_oracle.py, tests/unit/rules/test_people.py
    possible = {str(ruling.reason) for ruling in gate.screen.rulings} - not_here
    assert possible - seen.keys() == set()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(share(3)))
def test_late_upholdings_are_judged_both_ways_as_the_oracle_does(seed: int) -> None:
    """Determination Q2, on physicians of whom each has a second timeline."""
    rng = random.Random(seed)
    register = make_register(rng, 80, regions=(QIANNAN,))
    for key, message in list(register.physicians.items()):
        other = make_physician(rng, QIANNAN, message["physician_code"], ["H1"])
        register.physicians[key] = message | {"contested": rng.choice((other["spans"], other["spans"], [], None))}
    values = [wire(make_claim(rng, register, number, (QIANNAN,))) for number in range(5000)]

    figures = prove_in_memory(values, judge(make_gate(register), values), register)

    assert figures.reasons["qiannan-2022@1", "review", "data_conflict"] > 500


WINDOW = (date(2023, 5, 11), date(2023, 5, 20))
SECOND = (date(2023, 5, 25), date(2023, 5, 25))


@pytest.mark.parametrize(("region", "standing", "shift"), [(QIANNAN, "penalty", 0), (LANZHOU, "suspended", -2000)])
def test_a_stay_straddles_exactly_when_it_has_a_day_inside_and_a_day_outside(
    region: str, standing: str, shift: int
) -> None:
    """Every stay of up to 25 days around two windows, one of them of a single day."""
    move = timedelta(shift)
    one = timedelta(1)
    spans: list[dict[str, Any]] = [
        {"from": iso(date(2023, 1, 1) + move), "to": iso(WINDOW[0] - one + move), "standing": "normal"}
    ]
    for first, last, until in ((*WINDOW, SECOND[0] - one), (*SECOND, None)):
        pair = [iso(first + move), iso(last + move)]
        spans.append({"from": pair[0], "to": pair[1], "standing": standing, "penalty_period": pair})
        spans.append({"from": iso(last + one + move), "to": until and iso(until + move), "standing": "normal"})
    message = {"region": region, "physician_code": "D1", "revision": 1, "spans": spans, "sites": ["H1"]}
    register = Register({f"{region}|D1": message})
    values = [
        wire(GOOD | {"region": region, "physician_code": "D1", "institution_code": "H1", "encounter_type": "inpatient",
                     "service_start": iso(last + move - timedelta(days)), "service_date": iso(last + move)})
        for last in (date(2023, 5, 5) + timedelta(number) for number in range(30))
        for days in range(25)
    ]  # fmt: skip

    figures = prove_in_memory(values, judge(make_gate(register), values), register)

    assert figures.verdicts == 750
    assert {reason for _, _, reason in figures.reasons} == {
        "ok",
        "straddles_penalty",
        "in_penalty_period" if region == QIANNAN else "suspended",
    }


@pytest.mark.parametrize(
    ("sites", "on", "expected"),
    [
        (["H1"], "2023-05-10", "ok"),
        (["H2"], "2023-05-10", "site_not_declared"),
        ([], "2023-05-10", "site_not_declared"),
        ([("2023-05-10", None, "declared")], "2023-05-10", "ok"),
        ([("2023-05-10", None, "declared")], "2023-05-09", "site_not_declared"),
        ([(None, "2023-05-10", "declared")], "2023-05-10", "ok"),
        ([(None, "2023-05-10", "declared")], "2023-05-11", "site_not_declared"),
        (["H1", ("2023-05-10", None, "opted_out")], "2023-05-09", "ok"),
        (["H1", ("2023-05-10", None, "opted_out")], "2023-05-10", "opted_out"),
        ([("2023-05-10", None, "opted_out"), ("2023-05-10", None, "declared")], "2023-05-10", "ok"),
        ([("2023-05-10", None, "declared"), ("2023-05-10", None, "opted_out")], "2023-05-10", "opted_out"),
        ([("2023-05-10", None, "opted_out"), ("2023-05-08", None, "declared")], "2023-05-10", "opted_out"),
        ([("2023-05-10", "2023-05-10", "opted_out"), ("2023-05-08", None, "declared")], "2023-05-11", "ok"),
        ([("2023-05-10", None, "listed")], "2023-05-10", "site_not_declared"),
    ],
)  # fmt: skip
def test_of_an_institutions_declarations_the_one_that_began_last_holds(sites: list, on: str, expected: str) -> None:
    written = [
        site if isinstance(site, str) else {"institution_code": "H1", "from": site[0], "to": site[1], "status": site[2]}
        for site in sites
    ]
    normal = {"from": None, "to": None, "standing": "normal"}
    message = {"region": QIANNAN, "physician_code": "D1", "revision": 1, "spans": [normal], "sites": written}
    register = Register({f"{QIANNAN}|D1": message})
    asked = GOOD | {"physician_code": "D1", "institution_code": "H1", "service_date": on}

    [verdict] = verdicts(make_gate(register), [wire(asked)])

    assert verdict["reason"] == expected == judge_claim(asked, message, None)["reason"]


# -- what must not matter -----------------------------------------------------------------------------------------


@given(st.integers(0, 2**32), st.randoms(use_true_random=False), st.lists(st.integers(1, 90), max_size=6))
@examples(40)
def test_neither_order_nor_batches_nor_company_change_a_verdict(
    seed: int, shuffler: random.Random, cuts: list[int]
) -> None:
    register, values = drawn(seed, 90, physicians=8)
    gate = make_gate(register)
    together = {verdict["claim_id"]: bare(verdict) for verdict in verdicts(gate, values)}

    shuffled = list(values)
    shuffler.shuffle(shuffled)
    company = [spoiled.value for spoiled in SPOILED if spoiled.name != "10 MB"]
    apart: dict[str, dict] = {}
    edges = [0, *sorted(cuts), len(shuffled)]
    for first, last in itertools.pairwise(edges):
        batch = [*shuffled[first:last], *shuffler.sample(company, 2)]
        judged = judge(make_gate(register) if shuffler.random() < 0.3 else gate, batch)
        assert len(judged.dead_letters) == 2
        apart |= {verdict["claim_id"]: bare(verdict) for verdict in verdicts(gate, shuffled[first:last])}

    assert apart == together


def test_a_claim_alone_is_judged_as_in_a_frame_of_many() -> None:
    register, values = drawn(77, 400)
    gate = make_gate(register)
    together = [bare(verdict) for verdict in verdicts(gate, values)]

    assert [bare(verdicts(gate, [value])[0]) for value in values] == together


def test_the_same_batch_gives_the_same_bytes_whenever_it_is_judged() -> None:
    register, values = drawn(78, 500)

    first, second = judge(make_gate(register), values), judge(make_gate(register), values)

    assert first.verdicts == second.verdicts
    assert first.cases == second.cases


def test_a_batch_without_a_claim_and_an_empty_batch_are_judged_too() -> None:
    """One poisoned record alone in a batch once stopped the worker."""
    gate = make_gate(drawn(79, 0)[0])

    for values in ([], [b"{"], [None, b""], [spoiled.value for spoiled in SPOILED]):
        judged = judge(gate, values)
        assert (judged.verdicts, judged.cases, len(judged.dead_letters)) == ([], [], len(values))


# -- a register that is old or cannot be read ---------------------------------------------------------------------

WITHOUT_REGISTER = {"rule_not_in_force", "visit_not_seen", "physician_missing", "missing_emergency_no_rule"}
DRUG_ALONE = {"over_limited_scope", "over_dosage"}


@pytest.mark.parametrize("seed", range(2))
def test_an_old_register_leaves_only_what_the_claim_itself_decides(seed: int) -> None:
    register, values = drawn(seed, 4000)
    gate = make_gate(register)
    fresh = verdicts(gate, values)

    for lawful, stale in zip(fresh, verdicts(gate, values, stale=True), strict=True):
        alone = {lawful["reason"], lawful["exempted_ground"]} & WITHOUT_REGISTER and lawful["region"] != XIAMEN
        if alone or lawful["reason"] in (*DRUG_ALONE, "implausible", "encounter_unknown"):
            assert bare(stale) == bare(lawful)
        else:
            assert (stale["disposition"], stale["reason"]) == ("review", "standing_stale")
            assert (stale["standing"], stale["penalty_period"], stale["exempted_ground"]) == (
                "not_applicable",
                None,
                None,
            )


@pytest.mark.parametrize("encounter", ENCOUNTERS)
def test_a_physician_whose_record_cannot_be_read_is_never_paid_and_never_rejected(encounter: str) -> None:
    gate = make_gate()
    days = {"522700": "2023-05-10", "620100": "2016-05-10", "350200": "2023-05-10", "110000": "2025-05-10"}
    for region in days:
        gate.index.put_unreadable(f"{region}|D1")
    claims = [
        wire(GOOD | {"region": region, "physician_code": "D1", "service_date": day, "encounter_type": encounter})
        for region, day in days.items()
    ]

    for verdict in verdicts(gate, claims):
        assert (verdict["disposition"], verdict["reason"]) == ("review", "standing_unreadable")
        assert verdict["standing_revision"] is None


def test_an_institution_whose_record_cannot_be_read_matters_only_where_the_law_asks_for_it() -> None:
    gate = make_gate()
    for region in ("522700", "440500"):
        gate.index.put_institution_unreadable(f"{region}|{GOOD['institution_code']}")

    asked, not_asked = verdicts(gate, [wire(GOOD), wire(GOOD | {"region": "440500"})])

    assert asked["reason"] == "standing_unreadable"
    assert not_asked["reason"] == "ok"
