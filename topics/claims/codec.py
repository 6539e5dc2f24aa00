"""From the bytes of a batch of claims to one frame, and a precise reason for every value that is not a claim.

The pydantic model `Claim` is the contract. Validating every record with it would cost more than all the rest of the gate
(10 of 7 microseconds a claim, measured), so there are three ways in, and what one does not accept goes to the next:

1. compact: JSON without white space, escapes, nesting or unknown fields, which is what settlement systems send. It is parsed
   as one table; counting keys, quotes and nulls in the text proves that no field stands twice or has another type.
2. plain: a strict, compiled decoder, record by record. Any JSON style, unknown fields, a drug object.
3. the model itself, whose word is final and whose errors are reported.

Nothing is accepted by the first two that the model would refuse; a property test holds all three equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Any

import msgspec
import polars as pl
from pydantic import ValidationError

from rules.screens.index import FIRST_DAY
from rules.screens.table import ENCOUNTER, ENCOUNTERS
from rules.screens.verdict import DRUG_FIELDS
from topics.catalogue import MAX_CLAIM_BYTES
from topics.dead_letters import FORM_CODES, Code
from topics.fields import DATE_PATTERN, MAX_IDENTIFIER, MONEY_PATTERN, REGION_PATTERN
from topics.messages import Claim
from topics.normalisation import PLAIN_CODE
from topics.objects import FormError, check_once, form_error, read_object


class ClaimError(ValueError):
    """A value that is not a claim. `kind` is one of a small closed set, fit for a metric's label."""

    KINDS: tuple[str, ...] = tuple(code.value for code in FORM_CODES)

    def __init__(self, kind: str, reason: str) -> None:
        self.kind = Code(kind).value
        self.reason = reason
        super().__init__(f"{kind}: {reason}")


@dataclass(frozen=True, slots=True)
class DecodedClaims:
    """`claims` has one row a claim, in input order; column `row` is the position in the input. `errors` has the others."""

    claims: pl.DataFrame
    errors: tuple[tuple[int, ClaimError], ...]


class _DrugFields(msgspec.Struct, gc=False):
    dual_channel: bool | None = None
    external: bool | None = None
    separate: bool | None = None
    within_scope: bool | None = None
    within_dosage: bool | None = None
    price_ok: bool | None = None


_ABSENT_NUMBER = -(2**62)
_ABSENT_TEXT = "\0"
_ABSENT_TEXT_ESCAPED = b"\\u0000"
"""The only way to write `_ABSENT_TEXT` in JSON. A value that holds it is left to the model, which tells it from absence."""


class _ClaimFields(msgspec.Struct, gc=False):
    """The contract's fields as the compiled decoder reads them; absent optional fields are told from null ones."""

    claim_id: str
    region: str
    institution_code: str
    encounter_type: str
    service_date: str
    settlement_time: str
    insured_id: str
    insurance_type: str
    total_amount: str
    fund_amount: str
    claim_version: Annotated[int, msgspec.Meta(gt=_ABSENT_NUMBER, lt=2**31)] = _ABSENT_NUMBER
    physician_code: str | None = _ABSENT_TEXT
    service_start: str | None = _ABSENT_TEXT
    staff_category: str | None = _ABSENT_TEXT
    drug: _DrugFields | None = None


_FIELDS = tuple(name for name in _ClaimFields.__struct_fields__ if name != "drug")
_REQUIRED = 10
_SCHEMA = {name: pl.Int64 if name == "claim_version" else pl.String for name in _FIELDS}
_NOT_A_CLAIM = _ClaimFields("", "", "", "", "", "", "", "", "", "")

CLAIM_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "row": pl.UInt32,
    "claim_id": pl.String,
    "claim_version": pl.Int64,
    "region": pl.String,
    "institution_code": pl.String,
    "physician_code": pl.String,
    "encounter_type": ENCOUNTER,
    "service_date": pl.String,
    "settlement_time": pl.String,
    "fund_amount": pl.String,
    "day": pl.Int32,
    "start_day": pl.Int32,
}
"""Columns of a decoded frame; the drug fields follow when at least one claim of the batch has a drug object."""

_PLAIN = f"^[!-~]{{1,{MAX_IDENTIFIER}}}$"
_PLAIN_DATE = f"^{DATE_PATTERN}$"
_PLAIN_TIME = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$"
)


def _day(column: str) -> pl.Expr:
    date = pl.col(column).str.to_date("%Y-%m-%d", strict=False, exact=True)
    return pl.when(pl.col(column).str.len_bytes() == 10).then(date).to_physical()


_CODE = pl.when(pl.col("physician_code") != _ABSENT_TEXT).then(pl.col("physician_code"))
_START = pl.when(pl.col("service_start") != _ABSENT_TEXT).then(pl.col("service_start"))


def _present(column: str) -> pl.Expr:
    return pl.col(column).ne_missing(_ABSENT_TEXT).cast(pl.UInt32)


_KEYS = (
    _REQUIRED
    + (pl.col("claim_version") != _ABSENT_NUMBER).cast(pl.UInt32)
    + _present("physician_code")
    + _present("service_start")
    + _present("staff_category")
)

_FIELDS_RIGHT = pl.all_horizontal(
    pl.col("claim_id", "insured_id", "insurance_type").str.contains(_PLAIN),
    # What is not in its normal form is left to the model, which knows how to bring it there.
    pl.col("institution_code").str.contains(PLAIN_CODE)
    & (pl.col("institution_code").str.len_bytes() <= MAX_IDENTIFIER),
    pl.col("region").str.contains(f"^{REGION_PATTERN}$"),
    pl.col("total_amount", "fund_amount").str.contains(f"^{MONEY_PATTERN}$"),
    pl.col("settlement_time").str.contains(_PLAIN_TIME),
    pl.col("settlement_time").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).to_physical() >= FIRST_DAY,
    pl.col("encounter_type").is_in([encounter.value for encounter in ENCOUNTERS]),
    # polars also reads "2023- 5-10" and the year 0 as dates.
    pl.col("service_date").str.contains(_PLAIN_DATE) & (pl.col("day") >= FIRST_DAY),
    pl.col("claim_version").is_null() | (pl.col("claim_version") == _ABSENT_NUMBER) | (pl.col("claim_version") >= 1),
    _CODE.is_null() | (_CODE == "") | (_CODE.str.contains(PLAIN_CODE) & (_CODE.str.len_bytes() <= MAX_IDENTIFIER)),
    _START.is_null() | (_START.str.contains(_PLAIN_DATE) & pl.col("start_day").is_between(FIRST_DAY, pl.col("day"))),
    ~pl.col("staff_category").ne_missing(_ABSENT_TEXT) | pl.col("staff_category").is_null(),
).fill_null(value=False)

# A key is a quoted string and a colon, so a text with exactly as many of those as the decoder found fields has no field
# twice, no unknown field and no nesting. Anything else is no error, but is looked at more closely.
_SHAPE_PLAIN = (
    (pl.col("text").str.count_matches('":', literal=True) == _KEYS)
    & ~pl.col("text").str.contains_any(['" ', '"\t', '"\n', '"\r'])
    & (pl.col("text").str.len_bytes() <= MAX_CLAIM_BYTES)
    & ~pl.col("has_drug")
)


# -- the compact way ------------------------------------------------------------------------------------------------

# No string of such a text holds a quote, a brace or a backslash. So `":` ends every key and stands nowhere else, `":"`
# begins every value that is a string, and a null is spelled out right after its key.
_COMPACT_TEXT = pl.all_horizontal(
    pl.col("text").str.starts_with('{"'),
    pl.col("text").str.ends_with("}"),
    pl.col("text").str.count_matches("{", literal=True) == 1,
    pl.col("text").str.count_matches("}", literal=True) == 1,
    *(~pl.col("text").str.contains(part, literal=True) for part in ("\\", "[", "\n", "\r", '" ', '"\t')),
    pl.col("text").str.len_bytes() <= MAX_CLAIM_BYTES,
)
_COMPACT_SCHEMA = {name: dtype for name, dtype in _SCHEMA.items() if name != "staff_category"}
_NULLS = {
    name: pl.col("text").str.contains(f'"{name}":null', literal=True) for name in ("physician_code", "service_start")
}
_STRINGS = pl.sum_horizontal(
    pl.col(name).is_not_null().cast(pl.UInt32) for name, dtype in _COMPACT_SCHEMA.items() if dtype == pl.String
)
_VERSION = pl.col("text").str.contains(r'"claim_version":[1-9][0-9]{0,8}[,}]')
_COMPACT_RIGHT = pl.all_horizontal(
    pl.col("text").str.count_matches('":"', literal=True) == _STRINGS,
    pl.col("text").str.count_matches('":', literal=True)
    == _STRINGS
    + pl.col("claim_version").is_not_null().cast(pl.UInt32)
    + pl.sum_horizontal(null.cast(pl.UInt32) for null in _NULLS.values()),
    *(pl.col(name).is_null() | ~null for name, null in _NULLS.items()),
    pl.col("claim_version").is_null() | _VERSION,
)


def _read_compact(values: Sequence[bytes], text: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series] | None:
    """Compact values as one table, and which rows are right beyond doubt; None when they cannot be read as a table."""
    try:
        table = pl.read_ndjson(b"\n".join(values), schema=_COMPACT_SCHEMA)
    except pl.exceptions.PolarsError:
        return None
    if table.height != text.height:
        return None
    table = _with_days(table.hstack(text))
    right = table.with_columns(pl.lit(None, pl.String).alias("staff_category")).select(_COMPACT_RIGHT & _FIELDS_RIGHT)
    return table, right.to_series()


def decode_claims(values: Sequence[bytes | None]) -> DecodedClaims:
    """Decodes a batch of record values. A bad value costs only itself."""
    text = pl.DataFrame(_texts(values)).with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"))
    compact = text.select(_COMPACT_TEXT.fill_null(value=False).alias("compact")).to_series()
    if compact.all():
        read = _read_compact(values, text)  # type: ignore[arg-type]  # a compact value is not null
    else:
        chosen = text.filter(compact)
        read = _read_compact([values[row] for row in chosen["row"]], chosen) if len(chosen) else None
    if read is None:
        return _decode_plain(values, list(range(len(values))))
    table, right = read
    if table.height == len(values) and right.all():
        return DecodedClaims(_finish(table), ())
    claims = _finish(table.filter(right))
    taken = set(claims["row"].to_list())
    rest = _decode_plain(values, [row for row in range(len(values)) if row not in taken])
    return DecodedClaims(pl.concat([claims, rest.claims], how="diagonal").sort("row"), rest.errors)


# -- the plain way --------------------------------------------------------------------------------------------------


def _decode_plain(values: Sequence[bytes | None], rows: Sequence[int]) -> DecodedClaims:
    """The records at `rows`, one by one."""
    read = msgspec.json.Decoder(_ClaimFields).decode
    fields: list[_ClaimFields] = []
    unread: set[int] = set()
    for row in rows:
        value = values[row]
        if value is not None and _ABSENT_TEXT_ESCAPED in value:
            unread.add(row)
            fields.append(_NOT_A_CLAIM)
            continue
        try:
            fields.append(read(value))  # type: ignore[arg-type]  # None is answered by a TypeError, as wanted
        except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
            unread.add(row)
            fields.append(_NOT_A_CLAIM)
    frame = _frame(fields, rows)
    checked = frame.with_columns(_texts([values[row] for row in rows])).select(
        right=_FIELDS_RIGHT, plain=_SHAPE_PLAIN.fill_null(value=False)
    )
    accepted: list[int] = []
    examined: list[tuple[int, Claim]] = []
    errors: list[tuple[int, ClaimError]] = []
    for number, (row, right, plain) in enumerate(zip(rows, checked["right"], checked["plain"], strict=True)):
        readable = row not in unread and right
        if readable and plain:
            accepted.append(number)
            continue
        try:
            if readable:
                check_shape(values[row])
                accepted.append(number)
            else:
                examined.append((row, examine(values[row])))
        except ClaimError as error:
            errors.append((row, _alone(error)))
    claims = _finish(frame[accepted])
    if examined:
        second = _frame([_fields_of(claim) for _, claim in examined], [row for row, _ in examined])
        claims = pl.concat([claims, _finish(second)], how="diagonal").sort("row")
    return DecodedClaims(claims, tuple(errors))


def _alone(error: ClaimError) -> ClaimError:
    """Without the frames that it came through: they hold the list that it is put into, and with it the whole batch."""
    error.__context__ = None
    return error.with_traceback(None)


def _texts(values: Sequence[bytes | None]) -> pl.Series:
    """The values as text, null where they are not UTF-8."""
    try:
        return pl.Series("text", values, dtype=pl.Binary).cast(pl.String)
    except pl.exceptions.PolarsError:
        # One value that is not UTF-8 fails the whole cast.
        return pl.Series("text", [_text(value) for value in values], dtype=pl.String)


def _text(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _frame(fields: Sequence[_ClaimFields], rows: Sequence[int]) -> pl.DataFrame:
    frame = pl.DataFrame(
        [pl.Series(name, list(map(attrgetter(name), fields)), dtype=dtype) for name, dtype in _SCHEMA.items()]
    )
    drugs = [claim.drug for claim in fields]
    if any(drug is not None for drug in drugs):
        frame = frame.with_columns(
            pl.Series(name, [None if drug is None else getattr(drug, name) for drug in drugs], dtype=pl.Boolean)
            for name in DRUG_FIELDS
        ).with_columns(has_drug=pl.Series([drug is not None for drug in drugs]))
    else:
        frame = frame.with_columns(has_drug=pl.lit(value=False))
    return _with_days(frame).with_columns(pl.Series("row", rows, dtype=pl.UInt32))


def _with_days(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        _day("service_date").alias("day"),
        pl.when(_START.is_not_null()).then(_day("service_start")).alias("start_day"),
    )


def _finish(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns that screening and the verdict need, with absent fields at their defaults."""
    code = _CODE.str.strip_chars()
    version = pl.when(pl.col("claim_version") != _ABSENT_NUMBER).then(pl.col("claim_version")).otherwise(1)
    drug = [name for name in DRUG_FIELDS if name in frame.columns]
    return frame.with_columns(
        pl.when(code != "").then(code).alias("physician_code"),
        version.alias("claim_version"),
        pl.col("encounter_type").cast(ENCOUNTER),
    ).select(*CLAIM_COLUMNS, *drug)


def _fields_of(claim: Claim) -> _ClaimFields:
    return _ClaimFields(
        claim_id=claim.claim_id,
        region=claim.region,
        institution_code=claim.institution_code,
        encounter_type=claim.encounter_type.value,
        service_date=claim.service_date.isoformat(),
        settlement_time=claim.settlement_time,
        insured_id=claim.insured_id,
        insurance_type=claim.insurance_type,
        total_amount=claim.total_amount,
        fund_amount=claim.fund_amount,
        claim_version=claim.claim_version,
        physician_code=claim.physician_code and claim.physician_code.strip(),
        service_start=None if claim.service_start is None else claim.service_start.isoformat(),
        drug=None if claim.drug is None else _DrugFields(**claim.drug.model_dump()),
    )


def examine(value: bytes | None) -> Claim:
    """Validates one value against the contract. Raises ClaimError with the field and the reason."""
    fields = check_shape(value)
    try:
        return Claim.model_validate(fields)
    except ValidationError as error:
        found = form_error(error)
        raise ClaimError(found.code, found.reason) from None


def check_shape(value: bytes | None) -> dict[str, Any]:
    """Reads one value as a JSON object with sane size, depth and keys. Raises ClaimError."""
    try:
        fields = read_object(value, "claim")
        check_once(fields.get("drug"), "drug.")
    except FormError as error:
        raise ClaimError(error.code, error.reason) from None
    return fields
