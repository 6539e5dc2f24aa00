"""The plain way: a strict, compiled decoder, record by record. Any JSON style, unknown fields, a drug object.

Whatever it does not accept beyond doubt, the model examines. Small batches are decoded this way as a whole: it takes some
microseconds a claim, and has no cost that a batch pays whatever its size.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from rules.screens.facts import ENCOUNTER_CODE
from topics.catalogue import MAX_CLAIM_BYTES
from topics.claims.columns import ClaimRow, FewClaims, day_of
from topics.claims.errors import ClaimError
from topics.claims.model import check_shape, examine
from topics.claims.patterns import CODE, DATE, IDENTIFIER, MONEY, NO_CODE, REGION, TIME
from topics.claims.plausibility import implausible
from topics.dead_letters import Code
from topics.messages.claims import Claim


class _Drug(msgspec.Struct, gc=False):
    dual_channel: bool | None = None
    external: bool | None = None
    separate: bool | None = None
    within_scope: bool | None = None
    within_dosage: bool | None = None
    price_ok: bool | None = None


def _matching(pattern: str) -> Any:
    return Annotated[str, Meta(pattern=rf"^(?:{pattern})\Z")]


_FOR_THE_MODEL = (
    "people",
    "lines",
    "insured_region",
    "department",
    "emergency_origin",
    "visit",
    "reverses",
    "encounter_code",
    "interim",
)
"""Optional fields that only the model reads; a record that has one is not plain."""

_Plain = msgspec.defstruct(
    "_Plain",
    [
        ("claim_id", _matching(IDENTIFIER)),
        ("region", _matching(REGION)),
        ("institution_code", _matching(CODE)),
        ("encounter_type", str),
        ("service_date", _matching(DATE)),
        ("settlement_time", _matching(TIME)),
        ("insured_id", _matching(IDENTIFIER)),
        ("insurance_type", _matching(IDENTIFIER)),
        ("total_amount", _matching(MONEY)),
        ("fund_amount", _matching(MONEY)),
        ("claim_version", Annotated[int, Meta(ge=1, lt=2**31)] | UnsetType, UNSET),
        ("physician_code", _matching(f"{CODE}|{NO_CODE}") | UnsetType | None, UNSET),
        ("service_start", _matching(DATE) | UnsetType | None, UNSET),
        ("staff_category", UnsetType | None, UNSET),
        ("drug", _Drug | UnsetType | None, UNSET),
        *((name, UnsetType | None, UNSET) for name in _FOR_THE_MODEL),
    ],
    module=__name__,
    gc=False,
)
"""The contract's fields in their plain forms. Absent optional fields are told from null ones, to count the keys by."""

_REQUIRED = 10
_SPACE_AFTER_QUOTE = re.compile(rb'"[ \t\n\r]').search
_decode = msgspec.json.Decoder(_Plain).decode


def read_plain(values: Sequence[bytes | None], rows: Iterable[int]) -> FewClaims:
    """The records at `rows`, one by one. A bad value costs only itself."""
    claims: list[ClaimRow] = []
    errors: list[tuple[int, ClaimError]] = []
    for row in rows:
        value = values[row]
        try:
            claims.append(_read(value, row) or _examined(value, row))
        except ClaimError as error:
            errors.append((row, _alone(error)))
        except Exception as error:  # whatever a decoder may raise, it costs this record and no other (law 8)
            errors.append((row, ClaimError(Code.UNREADABLE, f"the decoder failed with {type(error).__name__}")))
    return FewClaims(claims, tuple(errors))


def _read(value: bytes | None, row: int) -> ClaimRow | None:
    """One record in plain form; None where the model has to look. Raises ClaimError."""
    try:
        read: Any = _decode(value)  # type: ignore[arg-type]  # None is answered by a TypeError, as wanted
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        return None
    day = day_of(read.service_date)
    if day is None or read.encounter_type not in ENCOUNTER_CODE or day_of(read.settlement_time[:10]) is None:
        return None
    start, code, version = read.service_start, read.physician_code, read.claim_version
    start_day = None
    if start:
        start_day = day_of(start)
        if start_day is None or start_day > day:
            return None
    if not _is_flat(value, read):  # type: ignore[arg-type]  # it was decoded
        check_shape(value)
    return ClaimRow(
        row,
        read.claim_id,
        1 if version is UNSET else version,
        read.region,
        read.institution_code,
        (code.strip() or None) if code else None,
        read.encounter_type,
        read.service_date,
        read.settlement_time,
        read.fund_amount,
        day,
        start_day,
        read.insured_id,
        read.insurance_type,
        read.total_amount,
        implausible(read.total_amount, read.fund_amount, read.settlement_time, day, start_day, interim=False).value,
        None,
        read.drug or None,
    )


def _is_flat(value: bytes, read: Any) -> bool:
    """Whether the record has no field twice, no unknown field and no nesting.

    A key is a quoted string and a colon, so a text with exactly as many of those as the decoder found fields has no other.
    Anything else is no error, but is looked at more closely.
    """
    keys = (
        _REQUIRED
        + (read.claim_version is not UNSET)
        + (read.physician_code is not UNSET)
        + (read.service_start is not UNSET)
        + (read.staff_category is not UNSET)
    )
    return (
        read.drug is UNSET
        and value.count(b'":') == keys
        and value.isascii()
        and _SPACE_AFTER_QUOTE(value) is None
        and len(value) <= MAX_CLAIM_BYTES
    )


def _examined(value: bytes | None, row: int) -> ClaimRow:
    """One record by the word of the model. Raises ClaimError."""
    claim = examine(value)
    day = day_of(claim.service_date.isoformat())
    assert day is not None
    code = claim.physician_code and claim.physician_code.strip()
    start = claim.service_start
    start_day = None if start is None else day_of(start.isoformat())
    return ClaimRow(
        row,
        claim.claim_id,
        claim.claim_version,
        claim.region,
        claim.institution_code,
        code or None,
        claim.encounter_type.value,
        claim.service_date.isoformat(),
        claim.settlement_time,
        claim.fund_amount,
        day,
        start_day,
        claim.insured_id,
        claim.insurance_type,
        claim.total_amount,
        implausible(
            claim.total_amount, claim.fund_amount, claim.settlement_time, day, start_day, interim=claim.interim is True
        ).value,
        _further(claim),
        _drug(claim),
    )


def _further(claim: Claim) -> str | None:
    """The optional fields that a claim has and that are no columns, as JSON of one form for equal content."""
    given = claim.model_dump(mode="json", include=_NO_COLUMNS, exclude_none=True)
    return msgspec.json.encode(given, order="sorted").decode() if given else None


_NO_COLUMNS = {"staff_category", *_FOR_THE_MODEL}


def _drug(claim: Claim) -> _Drug | None:
    return None if claim.drug is None else _Drug(**claim.drug.model_dump())


def _alone(error: ClaimError) -> ClaimError:
    """Without the frames that it came through: they hold the list that it is put into, and with it the whole batch."""
    error.__context__ = None
    return error.with_traceback(None)
