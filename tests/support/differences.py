"""Where the gate and the oracle read the wire contract differently, each with its reason. Nothing else may differ.

Neither side is bent to the other: the oracle was written from the documents apart from the code.
"""

from __future__ import annotations

import re

GATE_IS_STRICTER = {
    "a version above 2^31 - 1 is no version that a settlement system counts to; the oracle goes to 2^63 - 1": re.compile(
        r"claim_version: Input should be less than 2147483648"
    ),
    "a field twice in `drug` is as ambiguous as one twice in the claim; the oracle looks at the claim alone": re.compile(
        r"duplicate_key: drug\."
    ),
    "fractions of a second end at nine digits; RFC 3339 sets no end": re.compile(
        r"settlement_time: expected an RFC 3339"
    ),
}
"""Reasons to set aside what the oracle accepts, by the error header."""

GATE_IS_LAXER = {
    "unknown and null members of `drug` are tolerated like unknown fields of the claim (`drug` is optional and informative "
    "outside Shantou); the oracle wants booleans alone": ("field", "drug"),
    "a number beyond the range of doubles in a field that nobody reads is JSON by RFC 8259; the oracle refuses it": (
        "json",
        None,
    ),
}
"""What the oracle says of records that the gate accepts."""
