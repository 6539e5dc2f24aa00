"""From the bytes of a batch of claims to its columns, and a precise reason for every value that is not a claim.

The pydantic model `Claim` is the contract. Validating every record with it would cost more than all the rest of the gate
(10 of 7 microseconds a claim, measured), so there are three ways in, and what one does not accept goes to the next:

1. `compact`: what settlement systems send, parsed as one table.
2. `plain`: a strict, compiled decoder, record by record.
3. `model`: the contract itself, whose word is final and whose errors are reported.

Nothing is accepted by the first two that the model would refuse; a property test holds all three equal. A small batch begins
with the second way, because a table costs milliseconds to set up whatever its size.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from topics.claims.columns import CLAIM_COLUMNS, DecodedClaims, FewClaims
from topics.claims.compact import read_compact
from topics.claims.errors import ClaimError
from topics.claims.model import check_shape, examine, problems_of
from topics.claims.plain import read_plain


def decode_claims(values: Sequence[bytes | None]) -> DecodedClaims:
    """Decodes a batch of record values into a frame. A bad value costs only itself."""
    claims = read_compact(values)
    if claims.height == len(values):
        return DecodedClaims(claims, ())
    taken = set(claims["row"].to_list())
    rest = read_plain(values, (row for row in range(len(values)) if row not in taken))
    return DecodedClaims(pl.concat([claims, rest.frame()], how="diagonal").sort("row"), rest.errors)


def decode_few(values: Sequence[bytes | None]) -> FewClaims:
    """Decodes a small batch without a frame; `decode_few(values).frame()` is what `decode_claims` answers."""
    return read_plain(values, range(len(values)))


__all__ = [
    "CLAIM_COLUMNS",
    "ClaimError",
    "DecodedClaims",
    "FewClaims",
    "check_shape",
    "decode_claims",
    "decode_few",
    "examine",
    "problems_of",
]
