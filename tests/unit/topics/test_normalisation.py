"""A blank, a small letter, a full-width form or a character that nobody sees makes no other physician or institution."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topics.normalisation import PLAIN_CODE, PLAIN_ID, normal_code, normal_id, without_mark

ODD = st.text(
    st.sampled_from("Hh5 \t\n\u3000\ufeff\u200b\u200d\u00ad\uff28\uff48\uff15é死\u202e\x00\x1f\x7f"), max_size=12
)


@pytest.mark.parametrize(
    "written",
    [
        "H52270100001", "h52270100001", " H52270100001", "H52270100001\t", "\ufeffH52270100001", "H5227\u200b0100001",
        "Ｈ５２２７０１００００１", "ｈ52270100001\u3000", "\u202aH52270100001\u202c", "H522701\u00ad00001", "H52270100001\n",
        "H52270100001\x00\x00", "H522701\x0000001", "\x01H52270100001\x7f", " H52270100001\x00 \x00",
    ],
)  # fmt: skip
def test_every_way_to_write_an_institution_is_the_same_institution(written: str) -> None:
    assert normal_code(written) == "H52270100001"


def test_an_id_keeps_the_case_of_its_letters() -> None:
    assert normal_id(" ev-０1a\ufeff") == "ev-01a"


def test_what_is_left_of_a_blank_code_is_nothing() -> None:
    assert [normal_code(text) for text in ("", " ", "\u3000", "\ufeff", "\u200b \t")] == [""] * 5


@given(ODD)
def test_to_normalise_twice_changes_nothing(text: str) -> None:
    assert normal_code(normal_code(text)) == normal_code(text)
    assert normal_id(normal_id(text)) == normal_id(text)


@given(st.one_of(ODD, st.text(max_size=8)))
def test_a_code_that_the_pattern_takes_is_normal_already(text: str) -> None:
    if re.search(PLAIN_CODE, text) and not text.endswith("\n"):
        assert normal_code(text) is text
    if re.search(PLAIN_ID, text) and not text.endswith("\n"):
        assert normal_id(text) is text


def test_a_byte_order_mark_before_a_value_is_no_part_of_it() -> None:
    assert without_mark(b"\xef\xbb\xbf{}") == without_mark(b"{}") == b"{}"
