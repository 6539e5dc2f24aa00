"""The audit of claims of one name: a repetition is none of people's business, another content is, until a later version settles it."""

from __future__ import annotations

import pytest

from pipeline.audit.identities import Identities, Repeated, told
from tests.support.spoiled import claim


def found(*values: bytes | None, partitions: int = 2) -> Repeated:
    """What is told of these records, dealt to the partitions in turn."""
    with Identities() as identities:
        for number, value in enumerate(values):
            identities.take(number % partitions, number // partitions, value)
        return identities.found()


OTHER = claim(fund_amount="9.87")


def test_two_claims_of_one_name_with_other_money_are_a_conflict_at_their_places() -> None:
    assert found(claim(), OTHER, claim(claim_id="C2")) == Repeated(3, 0, 0, 0, [[0, 1 << 48]])


def test_the_same_claim_once_more_is_a_repetition_in_whatever_form_it_comes() -> None:
    again = claim(fund_amount="98.7", settlement_time="2023-05-11T01:30:00Z")
    assert found(claim(), claim(), again) == Repeated(3, 2, 0, 0, [])


def test_a_later_version_settles_a_conflict_and_the_reversal_of_a_claim_does_not() -> None:
    later = claim(claim_version=2)
    assert found(claim(), OTHER, later) == Repeated(3, 0, 0, 1, [])
    reversal = claim(claim_version=2, total_amount="-123.40", fund_amount="-98.70")
    assert found(claim(), OTHER, reversal).conflicts == [[0, 1 << 48]]


def test_a_conflict_about_the_last_version_stays_although_the_first_was_settled_by_it() -> None:
    seconds = claim(claim_version=2), claim(claim_version=2, physician_code="D9")
    assert found(claim(), OTHER, *seconds, partitions=1) == Repeated(4, 0, 0, 1, [[2, 3]])


@pytest.mark.parametrize(
    "changes", [{"institution_code": "H9"}, {"region": "620100"}, {"claim_version": 2}, {"claim_id": "C9"}], ids=str
)
def test_claims_of_other_institutions_areas_versions_and_ids_are_other_claims(changes: dict[str, object]) -> None:
    assert found(claim(), claim(**changes | {"fund_amount": "9.87"})).conflicts == []


def test_the_counties_of_one_area_have_one_claim_of_a_name() -> None:
    """The pooling area names a claim, and the county is one of the things that it says."""
    assert len(found(claim(region="522700"), claim(region="522701")).conflicts) == 1


def test_what_is_no_claim_has_no_name() -> None:
    assert found(None, b"{", claim(), partitions=1) == Repeated(1, 0, 0, 0, [])


def test_a_conflict_is_told_by_the_name_and_the_fields_and_shows_nobodys_data() -> None:
    first, second = claim(), claim(fund_amount="9.87", insured_id="P-secret", total_amount="123.4")
    assert told([first, second]) == "C0001 version 1 of H52270100001 in 522700: insured_id, fund_amount differ"
    assert "expired" in told([first])
