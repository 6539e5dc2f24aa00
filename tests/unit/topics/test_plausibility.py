"""What cannot be so goes to a person, whichever way it was read; what only looks odd is judged."""

from __future__ import annotations

import json

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rules.plausibility import Implausible
from tests.oracle.plausible import strange, strange_day
from tests.support.judging import judge, make_gate, verdicts
from tests.support.spoiled import GOOD, claim
from tests.support.thorough import examples
from topics.claims.codec import decode_claims, decode_few
from topics.claims.plausibility import chinese_day, settled_days

amounts = st.sampled_from(["0", "-0.00", "0.01", "98.7", "98.70", "98.71", "-98.7", "-98.71", "9999999999999999.99"])
days = st.sampled_from(
    ["0001-01-01", "1989-12-31", "1990-01-01", "2023-05-10", "2023-05-11", "2023-05-12", "9999-12-31"]
)
times = st.sampled_from(
    ["2023-05-11T09:30:00+08:00", "2023-05-10T16:00:00Z", "2023-05-10T15:59:59Z", "2023-05-11T23:59:59.999999+08:00",
     "2023-05-12T04:00:00+23:59", "2023-05-10T00:00:00-23:59", "1990-01-01T00:00:00+08:00"]
)  # fmt: skip


@given(amounts, amounts, days, st.one_of(st.none(), days), times, st.sampled_from([None, True, False]))
@examples(400)
@example("-98.7", "-98.7", "2023-05-10", None, "2023-05-10T15:59:59Z", None)
@example("98.7", "98.7", "2023-05-12", "2023-05-11", "2023-05-11T09:30:00+08:00", None)
@example("98.7", "98.7", "2023-05-12", None, "2023-05-11T09:30:00+08:00", True)
def test_every_way_of_reading_says_what_the_oracle_says(
    total: str, fund: str, day: str, start: str | None, settled: str, interim: bool | None
) -> None:
    if start is not None and start > day:
        return
    fields = GOOD | {"total_amount": total, "fund_amount": fund, "service_date": day, "service_start": start}
    fields |= {"settlement_time": settled} | ({} if interim is None else {"interim": interim})
    value = json.dumps(fields, separators=(",", ":")).encode()

    as_table, alone = decode_claims([value]), decode_few([value])

    assert not as_table.errors
    found = Implausible(as_table.claims["implausible"][0])
    assert alone.rows[0].implausible == found
    assert found.field == (strange_day(fields) or strange(fields))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"service_date": "1989-12-31"}, "service_date"),
        ({"service_date": "2023-05-10", "service_start": "1900-01-01"}, "service_start"),
        ({"fund_amount": "-98.70"}, "fund_amount"),
        ({"fund_amount": "123.41"}, "fund_amount"),
        ({"settlement_time": "2023-05-09T15:59:59Z"}, "settlement_time"),
    ],
)
def test_the_case_names_the_field_and_the_claim_is_neither_paid_nor_rejected(
    changes: dict[str, object], field: str
) -> None:
    made = judge(make_gate(), [claim(**changes)])
    [case] = [json.loads(record["value"]) for record in made.cases]
    assert (case["disposition"], case["reason"], case["cost_bearer"]) == ("review", "implausible", "undetermined")
    assert (case["standing"], case["penalty_period"], case["citations"]) == ("not_applicable", None, [])
    assert field in case["explanation"]["zh"]
    assert field in case["explanation"]["en"]


def test_a_day_without_law_is_told_before_amounts_but_after_days_that_cannot_be() -> None:
    outside = {"service_date": "2010-05-10", "settlement_time": "2010-05-10T09:30:00+08:00", "fund_amount": "999.00"}
    said = verdicts(make_gate(), [claim(**outside), claim(service_date="1970-01-01")])
    assert [verdict["reason"] for verdict in said] == ["rule_not_in_force", "implausible"]


def test_a_reversal_and_a_settlement_in_the_middle_of_a_stay_can_be_so() -> None:
    reversal = {"total_amount": "-123.40", "fund_amount": "-98.70"}
    interim = {"service_date": "2023-05-20", "settlement_time": "2023-05-11T09:30:00+08:00", "interim": True}
    said = verdicts(make_gate(), [claim(**reversal), claim(**interim)])
    assert "implausible" not in {verdict["reason"] for verdict in said}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"service_date": "2023-05-12"}, "implausible"),  # settled the day before
        ({"service_date": "2023-05-20", "service_start": "2023-05-12"}, "implausible"),
        ({"service_date": "2023-05-20", "service_start": "2023-05-11"}, "physician_unregistered"),
        ({"service_date": "2099-05-10", "settlement_time": "2099-05-10T09:30:00+08:00"}, "physician_unregistered"),
    ],
)
def test_a_day_of_service_that_has_not_come_is_known_by_the_settlement_and_never_by_a_clock(
    changes: dict[str, object], reason: str
) -> None:
    """A claim gives the same verdict today and in ten years: that it was settled before the service began is all that is asked."""
    told = {"settlement_time": "2023-05-11T10:30:00+08:00"} | changes
    [said] = verdicts(make_gate(), [claim(**told)])
    assert said["reason"] == reason


def test_a_visit_class_that_no_table_knows_is_a_review() -> None:
    [said] = verdicts(make_gate(), [claim(encounter_type="unknown", encounter_code="9903")])
    assert (said["disposition"], said["reason"]) == ("review", "encounter_unknown")


@pytest.mark.parametrize(
    ("region", "day", "code", "disposition", "reason"),
    [
        ("522700", "2023-05-10", None, "pay", "ok"),
        ("522700", "2023-05-10", "D522701000009", "pay", "ok"),
        ("620100", "2016-05-10", None, "pay", "ok"),
        ("110000", "2025-05-10", None, "pay", "ok"),
        ("110000", "2025-05-10", "D522701000009", "reject", "physician_unregistered"),
        ("350200", "2023-05-10", None, "pay", "ok"),
    ],
)
def test_a_pharmacy_is_not_refused_for_a_physician_that_it_does_not_have(
    region: str, day: str, code: str | None, disposition: str, reason: str
) -> None:
    """Determination P6: the texts of Qiannan and Lanzhou do not cover pharmacies, and under the national opinion none is missing."""
    settled = f"{day}T18:00:00+08:00"
    value = claim(
        region=region, service_date=day, physician_code=code, encounter_type="pharmacy", settlement_time=settled
    )
    [said] = verdicts(make_gate(), [value])
    assert (said["disposition"], said["reason"]) == (disposition, reason)


@given(st.lists(times, max_size=6))
@examples(60)
def test_the_day_in_china_is_the_same_of_one_time_and_of_a_column(moments: list[str]) -> None:
    column = pl.Series("settlement_time", moments, dtype=pl.String)
    assert settled_days(column).to_list() == [chinese_day(moment) for moment in moments]
