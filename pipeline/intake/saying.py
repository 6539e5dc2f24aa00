"""What one whole message comes to: facts and refused rows, a transaction that claims do not need, or nothing.

The files and the stream sort messages by this, so that a message cannot be understood in one of them and not in the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.intake.facts import LINES, SETTLEMENTS, UNDOING, VISITS, Fact, facts_of, kind_of
from pipeline.intake.messages import Envelope, Refused, objects_of, rows_at
from topics.dead_letters import Code

_QUERY = "5203"
_TAKEN = VISITS | LINES | SETTLEMENTS


@dataclass(frozen=True, slots=True)
class Said:
    """`passed` is the number of a transaction that claims do not need; `nothing` that what was asked for is not there."""

    facts: Iterable[Fact | Refused] = ()
    passed: str | None = None
    nothing: bool = False


def said_by(envelope: Envelope) -> Said:
    """What a message says that needs no other half, or has it. Raises Refused, now or while the facts are read."""
    kind = kind_of(envelope)
    if kind is None:
        named = ", ".join(map(str, list(envelope.flat or envelope.asked or envelope.answered or {})[:10]))
        told = f"infno: missing, and nothing shows which transaction it is; the message names {named or 'nothing'}"
        raise Refused(Code.MISSING_FIELD, told)
    if kind in UNDOING:
        raise Refused(
            Code.UNKNOWN_TYPE,
            f"{kind}: cancels what was said before, which is not understood; mend its claims by hand",
        )
    if kind not in _TAKEN:
        return Said(passed=kind)
    if kind == _QUERY and rows_at(envelope.answered, "setlinfo", "data") is None and envelope.flat is None:
        return Said(nothing=True)
    return Said(facts_of(envelope, kind))


def tells_more(envelope: Envelope) -> bool:
    """Whether a response alone says more than that all went well: it names a visit or a settlement."""
    named = any("mdtrt_id" in part or "setl_id" in part for part in objects_of(envelope.answered))
    return named or rows_at(envelope.answered, "setlinfo") is not None


def without_response(envelope: Envelope) -> Refused:
    """Why a request is refused whose response does not come."""
    what = "mdtrt_id" if envelope.infno in VISITS else "setlinfo"
    return Refused(
        Code.MISSING_FIELD, f"{what}: stands in the response to this {envelope.infno}, which is not among the messages"
    )
