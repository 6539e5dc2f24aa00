"""From claims of the wire to what the checks over time see, and what the gate said of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

from pipeline.inputs.verdicts import Judged
from rules.areas import pooling_area
from rules.longitudinal.claims import Line, PastClaim, Reversal
from rules.vocabulary import Disposition
from topics.messages.claims import Claim, ClaimLine

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def past_claim(value: bytes) -> PastClaim:
    """A claim of the wire that was accepted before. Raises pydantic's ValidationError for anything else."""
    claim = Claim.model_validate_json(value)
    back = claim.reverses
    settled = dt.datetime.fromisoformat(claim.settlement_time.upper()) - _EPOCH
    return PastClaim(
        area=pooling_area(claim.region, claim.service_date),
        institution=claim.institution_code,
        claim_id=claim.claim_id,
        version=claim.claim_version,
        insured=claim.insured_id,
        encounter=claim.encounter_type,
        first_day=claim.service_start or claim.service_date,
        day=claim.service_date,
        settled=settled // dt.timedelta(microseconds=1),
        total=Decimal(claim.total_amount),
        fund=Decimal(claim.fund_amount),
        emergency_origin=bool(claim.emergency_origin),
        lines=tuple(map(_line, claim.lines or ())),
        reverses=None if back is None else Reversal(back.institution_code, back.claim_id, back.claim_version),
    )


def _line(line: ClaimLine) -> Line:
    quantity = None if line.quantity is None else Decimal(line.quantity)
    return Line(line.day, line.item, quantity, line.prescription, Decimal(line.amount))


def with_verdict(claim: PastClaim, judged: Judged) -> PastClaim | None:
    """The claim with what the gate said of it; None where nothing was said, since then it is not settled yet."""
    said = judged.get((claim.institution, claim.claim_id, claim.version))
    if said is None:
        return None
    return replace(claim, rejected=said == Disposition.REJECT.value)
