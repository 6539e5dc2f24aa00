"""What a new answer changes: what becomes of the claim, and who gets or gives money."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pipeline.reconcile.difference import kind_of, moved
from rules.vocabulary import CostBearer, Disposition
from topics.messages.revisions import Kind

PAY, REJECT, REVIEW = Disposition.PAY, Disposition.REJECT, Disposition.REVIEW
AMOUNT, NOTHING = Decimal("98.70"), Decimal(0)


@pytest.mark.parametrize(
    ("earlier", "new", "kind"),
    [
        (PAY, REJECT, "claw_back"),
        (REJECT, PAY, "release"),
        (REVIEW, PAY, "release"),
        (PAY, REVIEW, "to_review"),
        (REJECT, REVIEW, "to_review"),
        (REVIEW, REJECT, "ground_changed"),
        (REJECT, REJECT, "ground_changed"),
        (PAY, PAY, "ground_changed"),
    ],
)
def test_only_what_was_paid_is_clawed_back_and_only_what_is_paid_now_is_released(
    earlier: Disposition, new: Disposition, kind: Kind
) -> None:
    assert kind_of(earlier, new) == kind


def test_what_the_fund_gets_back_the_institution_gives_if_it_bears_the_cost() -> None:
    assert moved("claw_back", AMOUNT, CostBearer.FUND, CostBearer.INSTITUTION) == (AMOUNT, -AMOUNT)
    assert moved("release", AMOUNT, CostBearer.INSTITUTION, CostBearer.FUND) == (-AMOUNT, AMOUNT)
    assert moved("claw_back", AMOUNT, CostBearer.FUND, CostBearer.PATIENT) == (AMOUNT, NOTHING)
    assert moved("claw_back", AMOUNT, CostBearer.FUND, CostBearer.UNDETERMINED) == (AMOUNT, None)


def test_a_review_and_another_ground_move_no_money() -> None:
    assert moved("to_review", AMOUNT, CostBearer.FUND, CostBearer.UNDETERMINED) == (NOTHING, NOTHING)
    assert moved("ground_changed", AMOUNT, CostBearer.INSTITUTION, CostBearer.PATIENT) == (NOTHING, NOTHING)
