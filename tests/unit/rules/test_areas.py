"""P1: which pooling area a division code belongs to, one by one and by whole columns."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.settings.packs import load_pack_set
from rules.areas import EXCEPTIONS, area_on, areas_of, areas_over_time, pooling_area
from rules.packs.errors import PackError
from rules.packs.pack_set import PackSet

EPOCH = dt.date(1970, 1, 1)
CODES = st.from_regex(r"[0-9]{6}", fullmatch=True) | st.sampled_from(
    ["522701", "110105", "371202", "371200", "469005", "990100", "000000", "5227", "", "贵州", "一二三四五六"]
)
DAYS = st.integers(0, 30_000)


@pytest.mark.parametrize(
    ("code", "area"),
    [
        ("522701", "522700"), ("522700", "522700"), ("522732", "522700"), ("350203", "350200"), ("620102", "620100"),
        ("110105", "110000"), ("120101", "120000"), ("310115", "310000"), ("500236", "500000"), ("110000", "110000"),
        ("429004", "429004"), ("469005", "469005"), ("659001", "659001"),
        ("000000", "000000"), ("990000", "990000"), ("990100", "990100"), ("999999", "999999"),
    ],
)  # fmt: skip
def test_a_place_belongs_to_its_prefecture_a_district_to_its_municipality_and_a_county_of_the_province_to_nobody(
    code: str, area: str
) -> None:
    assert pooling_area(code) == area


def test_a_dissolved_prefecture_belongs_to_the_other_one_from_the_day_of_its_source() -> None:
    laiwu = EXCEPTIONS[0]
    assert laiwu.source
    assert pooling_area("371202", laiwu.start - dt.timedelta(days=1)) == "371200"
    assert pooling_area("371202", laiwu.start) == "370100"
    assert areas_over_time("371202") == ("371200", "370100")


@given(code=CODES, day=DAYS)
def test_the_area_of_an_area_is_itself(code: str, day: int) -> None:
    area = area_on(code, day)
    assert area_on(area, day) == area
    assert area == pooling_area(code, EPOCH + dt.timedelta(days=day))
    assert area in areas_over_time(code)


@given(rows=st.lists(st.tuples(CODES, DAYS), max_size=30))
def test_a_column_says_what_each_of_its_codes_says_alone(rows: list[tuple[str, int]]) -> None:
    codes = pl.Series("region", [code for code, _ in rows], dtype=pl.String)
    days = np.array([day for _, day in rows], np.int32)
    assert areas_of(codes, lambda: days).to_list() == [area_on(code, day) for code, day in rows]


def test_a_column_of_areas_is_given_back_and_no_day_is_asked() -> None:
    codes = pl.Series("region", ["522700", "110000", "469005"])
    assert areas_of(codes, lambda: pytest.fail("no day is needed")) is codes


def test_a_pack_governs_whole_areas() -> None:
    packs = load_pack_set().packs
    qiannan = next(pack for pack in packs if pack.pack.startswith("qiannan"))
    others = [pack for pack in packs if pack is not qiannan]
    with pytest.raises(PackError, match=r"region 522701 lies in the pooling area 522700.*list 522700"):
        PackSet([qiannan.model_copy(update={"regions": ("522701",)}), *others])
    listed = PackSet([qiannan.model_copy(update={"regions": ("522700", "522701")}), *others])
    assert listed.for_region("522700").name == listed.for_region("522701").name == qiannan.name
