"""Plain forms of a claim's fields, as regular expressions that the compact and the plain way both go by.

They are narrower than the contract: what matches is right beyond doubt, what does not match the model has the last word on.
"""

from __future__ import annotations

from topics.fields import DATE_PATTERN, MAX_IDENTIFIER, MONEY_PATTERN, REGION_PATTERN
from topics.normalisation import PLAIN_CODE

IDENTIFIER = f"[!-~]{{1,{MAX_IDENTIFIER}}}"
CODE = PLAIN_CODE.strip("^$").removesuffix("+") + f"{{1,{MAX_IDENTIFIER}}}"
"""A code in its normal form; any other is left to the model, which knows how to bring it there."""
NO_CODE = "[ ]*"
"""A code that is empty or blank, which is a missing one."""
REGION = REGION_PATTERN
MONEY = MONEY_PATTERN
DATE = DATE_PATTERN
TIME = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
