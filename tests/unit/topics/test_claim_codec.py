"""Reading claims: every way to spoil one gets a precise reason, odd ones stay claims, and the fast way is the model's way."""

from __future__ import annotations

import gc
import json
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.oracle.wire import judge_bytes
from tests.support.differences import GATE_IS_LAXER, GATE_IS_STRICTER
from tests.support.spoiled import GOOD, SPOILED, UNUSUAL, Spoiled, claim, extended
from tests.support.thorough import examples
from topics.claims.codec import ClaimError, decode_claims, examine
from topics.normalisation import normal_id


def told(spoiled: Spoiled) -> str:
    return spoiled.name


@pytest.mark.parametrize("spoiled", SPOILED, ids=told)
def test_a_spoiled_record_is_set_aside_with_its_field_and_reason(spoiled: Spoiled) -> None:
    decoded = decode_claims([spoiled.value])

    assert decoded.claims.is_empty()
    [(row, error)] = decoded.errors
    assert (row, error.kind) == (0, spoiled.kind)
    assert spoiled.tells in error.reason
    assert error.kind in ClaimError.KINDS
    assert "secret" not in error.reason, "a reason must not repeat what may be personal"


def test_spoiled_records_cost_no_good_one_in_their_batch() -> None:
    values: list[bytes | None] = []
    for spoiled in SPOILED:
        values += [spoiled.value, claim(claim_id=f"after {spoiled.name}")]

    decoded = decode_claims(values)

    assert decoded.claims["row"].to_list() == list(range(1, len(values), 2))
    assert [row for row, _ in decoded.errors] == list(range(0, len(values), 2))
    assert decoded.claims["claim_id"].to_list() == [normal_id(f"after {spoiled.name}") for spoiled in SPOILED]


def test_a_batch_with_spoiled_records_is_gone_when_its_work_is_done() -> None:
    """An error that remembers where it was raised would keep its whole batch until the collector comes by, minutes later."""
    values = [*(spoiled.value for spoiled in SPOILED), claim()]
    decode_claims(values)
    gc.collect()
    gc.disable()
    try:
        decode_claims(values)
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.parametrize("name", UNUSUAL)
def test_a_claim_that_looks_odd_is_still_a_claim(name: str) -> None:
    decoded = decode_claims([UNUSUAL[name]])

    assert not decoded.errors
    read = json.loads(UNUSUAL[name])
    row = decoded.claims.row(0, named=True)
    for field in ("claim_id", "region", "institution_code", "encounter_type", "service_date", "fund_amount"):
        assert row[field] == read[field]
    assert row["claim_version"] == read.get("claim_version", 1)
    assert row["physician_code"] == ((read.get("physician_code") or "").strip() or None)


def test_a_batch_is_read_as_its_records_one_by_one() -> None:
    values = [*UNUSUAL.values(), *(spoiled.value for spoiled in SPOILED), claim()] * 2

    together = decode_claims(values)

    alone = [decode_claims([value]) for value in values]
    rows = [item.claims.drop("row").row(0, named=True) for item in alone if len(item.claims)]
    for row, expected in zip(together.claims.drop("row").iter_rows(named=True), rows, strict=True):
        assert {name: value for name, value in row.items() if value is not None} == {
            name: value for name, value in expected.items() if value is not None
        }
    assert [str(error) for _, error in together.errors] == [str(item.errors[0][1]) for item in alone if item.errors]


def test_an_empty_batch_is_no_error() -> None:
    decoded = decode_claims([])

    assert (decoded.claims.height, decoded.errors) == (0, ())


# -- the fast way, the model and the oracle ------------------------------------------------------------------------


def agree(values: Sequence[bytes | None]) -> None:
    """The decoder says of each value what the model says, and what the oracle says but for the listed differences."""
    decoded = decode_claims(values)
    errors = {row: str(error) for row, error in decoded.errors}
    rows = {row["row"]: row for row in decoded.claims.iter_rows(named=True)}
    assert sorted([*errors, *rows]) == list(range(len(values)))
    for number, value in enumerate(values):
        _agree(value, rows.get(number), errors.get(number))


def _agree(value: bytes | None, row: dict | None, fast: str | None) -> None:
    try:
        read = examine(value)
        model = None
    except ClaimError as error:
        model = str(error)
    assert fast == model
    if model is None:
        code = (read.physician_code or "").strip() or None
        assert row["claim_id"] == read.claim_id
        assert row["claim_version"] == read.claim_version
        assert row["physician_code"] == code
        assert row["service_date"] == read.service_date.isoformat()
        assert row["encounter_type"] == read.encounter_type.value
    oracle = judge_bytes(value)
    if isinstance(oracle, dict) and fast is not None:
        assert any(pattern.search(fast) for pattern in GATE_IS_STRICTER.values()), (fast, value)
    elif not isinstance(oracle, dict) and fast is None:
        assert oracle in GATE_IS_LAXER.values(), (oracle, value)


texts = st.one_of(
    st.text(max_size=12),
    st.text(alphabet='0123456789-:T+.Z "\\{}[],\0\u3000é', max_size=30),
    st.sampled_from(["2023-05-10", "2024-02-30", "522700", "98.70", "-1", "", " ", "outpatient", "\ud800", "x" * 257]),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.integers(-(2**65), 2**65), st.floats(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
fields = st.sampled_from([*GOOD, "drug", "staff_category", "unknown"])


Mutation = tuple[dict, set[str], bool, bool]
mutations = st.tuples(
    st.dictionaries(fields, values, min_size=1, max_size=3), st.sets(fields, max_size=2), st.booleans(), st.booleans()
)
ODD: list[Mutation] = [
    ({"claim_version": -(2**62)}, set(), True, True),
    ({"service_start": "\0"}, set(), True, True),
    ({"physician_code": "\0"}, set(), True, True),
    ({"physician_code": "\x1c"}, set(), True, True),
    ({"claim_id": "\x85"}, set(), True, False),
    ({"service_date": "2023- 5-10"}, set(), True, True),
    ({"service_date": "0000-01-01"}, set(), True, True),
    ({"settlement_time": "0000-01-01T00:00:00Z"}, set(), True, True),
    ({"settlement_time": "2023-05-11T09:30:00+08:99"}, set(), True, True),
    ({"settlement_time": "2023-05-11T09:30:00.1234567890Z"}, set(), True, True),
    ({"unknown": float("inf")}, set(), True, True),
    ({"drug": {"external": None, "colour": {"a": [1]}}}, set(), True, True),
]
"""What the search has found once."""
AT_ONCE = 12
"""Values that are decoded as one batch: one at a time a frame is made for each, which takes most of the time."""


def mutated(mutation: Mutation) -> bytes:
    changes, removed, compact, ascii_only = mutation
    fields = {name: value for name, value in (GOOD | changes).items() if name not in removed}
    text = json.dumps(fields, ensure_ascii=ascii_only, separators=(",", ":") if compact else None)
    return text.encode("utf-8", "surrogatepass")


@given(st.lists(mutations, min_size=AT_ONCE, max_size=AT_ONCE))
@examples(1500 // AT_ONCE)
@example(ODD)
def test_mutated_fields_are_judged_alike_by_the_decoder_the_model_and_the_oracle(several: list[Mutation]) -> None:
    agree([mutated(mutation) for mutation in several])


@pytest.mark.parametrize("mutation", ODD)
def test_an_odd_field_is_judged_alike_when_it_comes_alone(mutation: Mutation) -> None:
    agree([mutated(mutation)])


def cut(value: bytes, places: list[tuple[int, int, bytes]]) -> bytes:
    for place, length, inserted in places:
        value = value[:place] + inserted + value[place + length :]
    return value


cuts = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3), st.binary(max_size=6)), min_size=1, max_size=4)
bases = st.sampled_from(
    [claim(), UNUSUAL["a drug"], UNUSUAL["unknown fields"], UNUSUAL["no version"], extended(b'"x":"y"')]
)


@given(st.lists(st.tuples(cuts, bases), min_size=AT_ONCE, max_size=AT_ONCE))
@examples(1500 // AT_ONCE)
def test_mutated_bytes_are_judged_alike_by_the_decoder_the_model_and_the_oracle(
    several: list[tuple[list[tuple[int, int, bytes]], bytes]],
) -> None:
    agree([cut(value, places) for places, value in several])


@given(
    st.lists(
        st.one_of(st.none(), st.binary(max_size=300), texts.map(lambda text: text.encode("utf-8", "replace"))),
        max_size=8,
    )
)
@examples(400)
def test_arbitrary_bytes_never_raise_and_every_record_is_either_a_claim_or_an_error(
    received: list[bytes | None],
) -> None:
    decoded = decode_claims([*received, claim()])

    rows = decoded.claims["row"].to_list() + [row for row, _ in decoded.errors]
    assert sorted(rows) == list(range(len(received) + 1))
    assert len(received) in decoded.claims["row"].to_list()


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    ("region", "institution", "physician", "claim_id"),
    [
        ("522700", "h52270100001", "d522701000001", "C1"),
        ("522700 ", "H52270100001\t", " D522701000001", " C1"),
        ("５22700", "Ｈ52270100001", "D5227\u200b01000001", "\ufeffC1"),
        ("522700\n", "\u3000h52270100001", "ｄ522701000001\ufeff", "C1\u200b"),
    ],
)
def test_codes_and_ids_written_strangely_are_the_same_codes_and_ids(mark, region, institution, physician, claim_id):
    value = mark + claim(region=region, institution_code=institution, physician_code=physician, claim_id=claim_id)
    decoded = decode_claims([value, claim()])
    assert not decoded.errors
    names = ("region", "institution_code", "physician_code", "claim_id")
    assert decoded.claims.select(names).row(0) == ("522700", "H52270100001", "D522701000001", "C1")


def test_a_claim_id_keeps_the_case_of_its_letters():
    assert decode_claims([claim(claim_id=" c1a")]).claims["claim_id"].to_list() == ["c1a"]
