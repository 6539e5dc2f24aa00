"""A dead letter says in one closed list of codes what is wrong, is read as it was written, and always fits."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topics.dead_letters import (
    CUT_HEADER,
    FORM_CODES,
    MAX_REASON_BYTES,
    Code,
    Enclosed,
    enclose,
    error_of,
    opened,
    without_envelope,
)

LIMIT = 1_000_000
HEADERS = st.lists(st.tuples(st.sampled_from(["trace", "error", "source.topic", "source.offset", "cut"]), st.binary()))


def made(code: Code = Code.INVALID_JSON, reason: str = "no", headers: object = (), **record: object) -> Enclosed:
    whole = {"topic": "claims", "partition": 3, "offset": 7, "key": b"k", "value": b"v", "limit": LIMIT} | record
    return enclose(code, reason, headers=headers, **whole)  # type: ignore[arg-type]


@given(st.sampled_from([code for code in Code if code is not Code.UNCODED]), st.text(max_size=200), HEADERS)
def test_what_was_enclosed_is_read_again_whatever_headers_came_with_the_record(
    code: Code, reason: str, received: list[tuple[str, bytes | None]]
) -> None:
    letter = made(code, reason, received, topic="case-actions")
    found = opened(letter.headers)
    assert found is not None
    assert (found.topic, found.partition, found.offset, found.code) == ("case-actions", 3, 7, code)
    assert found.reason == reason.encode("utf-8", "backslashreplace").decode()
    assert not found.cut
    assert (letter.key, letter.value) == (b"k", b"v")
    assert without_envelope(letter.headers) == received


@pytest.mark.parametrize(
    "error",
    [
        b"violation_id: 'QN-T6-02' is not an item of this scheme",
        b"a case takes at most 500 actions of 16384 bytes",
        b"the record has no value",
        b"uncoded: nobody writes this code",
        b"invalid_json",
        b"\xff\xfe",
        b"",
    ],
)
def test_a_letter_from_before_there_were_codes_is_uncoded_and_keeps_its_words(error: bytes) -> None:
    headers = [("error", error), ("source.topic", b"t"), ("source.partition", b"0"), ("source.offset", b"1")]
    found = opened(headers)
    assert found is not None
    assert found.code is Code.UNCODED
    assert found.error == found.reason == error.decode("utf-8", "replace")


def test_a_letter_that_names_no_record_has_an_error_all_the_same() -> None:
    assert opened([("error", b"invalid_json: x")]) is None
    assert error_of([("error", b"invalid_json: x")]) == (Code.INVALID_JSON, "x")
    assert error_of([]) == (Code.UNCODED, "")
    assert (
        opened([("error", b"e"), ("source.topic", b"t"), ("source.partition", b"x"), ("source.offset", b"1")]) is None
    )


@pytest.mark.parametrize(
    "record",
    [
        {"value": b"x" * (LIMIT + 1)},
        {"value": b"x" * LIMIT, "key": b"k" * LIMIT},
        {"value": b"x" * 10, "headers": [("h", b"x" * LIMIT)]},
        {"value": None, "key": b"k" * LIMIT},
        {"value": b"x" * (LIMIT - 70_000), "headers": [(f"h{number}", b"") for number in range(1_000)]},
    ],
)
def test_a_letter_always_fits_and_says_what_it_was_when_it_had_to_be_cut(record: dict) -> None:
    letter = made(reason="r" * 100_000, **record)
    size = len(letter.key or b"") + len(letter.value or b"")
    size += sum(len(name) + len(value or b"") + 10 for name, value in letter.headers)
    assert size <= LIMIT
    found = opened(letter.headers)
    assert found is not None
    assert found.cut
    whole = record["value"] or b""
    assert whole.startswith(letter.value or b"")
    assert dict(letter.headers)[CUT_HEADER] == (
        f"sha256={hashlib.sha256(whole).hexdigest()} bytes={len(whole)}".encode()
    )


def test_a_reason_is_bounded_in_bytes_and_never_ends_within_a_character() -> None:
    found = opened(made(reason="死" * MAX_REASON_BYTES).headers)
    assert found is not None
    assert len(found.reason.encode()) <= MAX_REASON_BYTES
    assert found.reason.rstrip(".") == "死" * len(found.reason.rstrip("."))


def test_the_codes_of_form_are_those_that_the_wire_has_had_from_the_beginning() -> None:
    assert [str(code) for code in FORM_CODES] == [
        "null_value", "empty_value", "too_large", "invalid_utf8", "invalid_json", "too_deep", "not_an_object",
        "duplicate_key", "missing_field", "wrong_type", "invalid_value",
    ]  # fmt: skip
