"""What is wrong with a value that is not a claim."""

from __future__ import annotations

from topics.dead_letters import FORM_CODES, Code


class ClaimError(ValueError):
    """A value that is not a claim. `kind` is one of a small closed set, fit for a metric's label."""

    KINDS: tuple[str, ...] = tuple(code.value for code in FORM_CODES)

    def __init__(self, kind: str, reason: str) -> None:
        self.kind = Code(kind).value
        self.reason = reason
        super().__init__(f"{kind}: {reason}")
