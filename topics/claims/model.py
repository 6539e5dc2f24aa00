"""The model decides on one value: it reads what the faster decoders do not accept, and states every error."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from topics.claims.errors import ClaimError
from topics.dead_letters import Code
from topics.messages.claims import Claim
from topics.objects import FieldProblem, FormError, check_once, field_problems, form_error, read_object


def examine(value: bytes | None) -> Claim:
    """Validates one value against the contract. Raises ClaimError with the field and the reason."""
    fields = check_shape(value)
    try:
        return Claim.model_validate(fields)
    except ValidationError as error:
        found = form_error(error)
        raise ClaimError(found.code, found.reason) from None


def problems_of(value: bytes | None) -> list[FieldProblem]:
    """Everything that is wrong with a value that is no claim, field by field; a fault of the whole has no place."""
    try:
        Claim.model_validate(check_shape(value))
    except ClaimError as error:
        return [FieldProblem((), Code(error.kind), error.reason)]
    except ValidationError as error:
        return field_problems(error)
    except Exception as error:  # whatever a decoder may raise, it is told like the rest
        return [FieldProblem((), Code.UNREADABLE, f"the decoder failed with {type(error).__name__}")]
    return []


def check_shape(value: bytes | None) -> dict[str, Any]:
    """Reads one value as a JSON object with sane size, depth and keys. Raises ClaimError."""
    try:
        fields = read_object(value, "claim")
        check_once(fields.get("drug"), "drug.")
    except FormError as error:
        raise ClaimError(error.code, error.reason) from None
    return fields
