"""A small batch is judged claim by claim, a large one as a frame: nobody can tell from the bytes which it was."""

from __future__ import annotations

import json

import polars as pl
import pytest

from pipeline.screening.gate import Gate
from pipeline.settings.packs import load_pack_set
from tests.support.both_ways import hold_equal
from tests.support.judging import AT
from tests.support.spoiled import GOOD
from topics.verdicts.codec import _encode

CLAIMS_A_PACK = 2_000
"""The full count, 100,000, is that of `python -m benchmarks.batch --deep`."""


@pytest.mark.long
def test_claim_by_claim_and_as_a_frame_every_verdict_case_letter_and_figure_of_every_pack_is_the_same() -> None:
    held = hold_equal(CLAIMS_A_PACK)
    assert len(held) == 5
    assert min(held.values()) >= CLAIMS_A_PACK


def test_every_character_is_written_alike_by_both_ways() -> None:
    """Strings are copied into verdicts by two encoders, which must escape the same characters in the same way."""
    characters = [chr(number) for number in range(0x110000) if not 0xD800 <= number < 0xE000]
    frame = pl.DataFrame({"text": characters})
    wide = frame.select(pl.struct("text").struct.json_encode()).to_series().to_list()
    assert [_encode({"text": character}).decode() for character in characters] == wide


def test_a_claim_with_odd_characters_in_its_names_gives_the_same_bytes_both_ways() -> None:
    packs = load_pack_set()
    claim = GOOD | {"claim_id": '一"\\\u0001\u007f\u2028\U0001f600', "institution_code": "机构\u0000/<é>"}
    value = json.dumps(claim, ensure_ascii=False).encode()
    told = [
        gate.judge([value], topic="claims", partitions=[0], offsets=[1], screened_at=AT)
        for gate in (Gate(packs), Gate(packs, few=0))
    ]
    assert told[0].verdicts == told[1].verdicts
    assert told[0].cases == told[1].cases
