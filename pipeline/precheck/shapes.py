"""What is written in answers and read by clients in the same form."""

from __future__ import annotations

import msgspec

HORIZON = 366
"""Days that the standing of a day is looked at for, the one asked about included."""


class RegisterTold(msgspec.Struct, frozen=True, omit_defaults=True):
    """By what state of the register a request was answered: until when everything recorded was in it, how far the ledger had
    come by then (next offset, by partition of the events), and whether that is new enough for the request. `cause` and
    `detail` say why it is not."""

    as_of: str | None
    progress: dict[str, int]
    current: bool
    cause: str | None = None
    detail: str | None = None


class Step(msgspec.Struct, omit_defaults=True, rename={"opens": "from"}):
    """One thing that somebody can or must do next; `opens` is its first day where one follows from the verdict."""

    actor: str
    act: str
    citation: str | None = None
    opens: str | None = None


class DayAnswer(msgspec.Struct, frozen=True):
    """The standing of a day as it is written. `may_serve` is None where a person has to decide; `until` is the last day on which
    the answer is the same, None where it does not change until `looked_until` (HORIZON days)."""

    region: str
    area: str
    physician_code: str
    institution_code: str
    on: str
    may_serve: bool | None
    in_emergency: bool | None
    disposition: str
    reason: str
    standing: str
    penalty_period: tuple[str | None, str | None] | None
    until: str | None
    looked_until: str
    rule_pack: str
    citations: tuple[str, ...]
    explanation: str
    next: tuple[Step, ...]


class FieldError(msgspec.Struct, omit_defaults=True):
    """One thing that is wrong: where (a JSON pointer into the body, or the name of a parameter), a code and the reason."""

    detail: str
    code: str | None = None
    pointer: str | None = None
    parameter: str | None = None


class ProblemBody(msgspec.Struct, omit_defaults=True):
    """Problem details as they are written."""

    type: str
    title: str
    status: int
    detail: str | None = None
    errors: list[FieldError] = []
