"""From a slice of a source to one frame of claims, and a precise reason for every row that is not a claim.

What a claim is, `topics` decides: lines of the wire go to `decode_claims` as they are; rows of a table that are not right beyond
doubt are written out as JSON and go there, too.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import polars as pl

from pipeline.inputs.errors import FormError
from pipeline.inputs.fitting import Fitted
from pipeline.inputs.mapping import FIELDS
from pipeline.inputs.moments import CHINA, DAY_US, PLAIN_TIME, offset_us
from pipeline.inputs.row_forms import row_document
from rules.screens.facts import DRUG_FIELDS, ENCOUNTER
from topics.claims.codec import ClaimError, decode_claims
from topics.claims.plausibility import IMPLAUSIBLE, column_of
from topics.verdicts.shape import MONEY

CLAIMS: dict[str, pl.DataType | type[pl.DataType]] = {
    "row": pl.Int64,
    "claim_id": pl.String,
    "claim_version": pl.Int32,
    "region": pl.String,
    "institution_code": pl.String,
    "physician_code": pl.String,
    "encounter_type": ENCOUNTER,
    "fund_amount": MONEY,
    "day": pl.Int32,
    "start_day": pl.Int32,
    "instant": pl.Int64,
    "insured_id": pl.String,
    "insurance_type": pl.String,
    "total_amount": MONEY,
    "implausible": IMPLAUSIBLE,
    "further": pl.String,
}
"""Columns of decoded claims: `row` is the place in the slice, `instant` the time of settlement in microseconds since 1970 UTC,
`day` and `start_day` days since 1970; `implausible` and `further` are as the wire's decoder has them. The drug fields
follow when a source has them."""

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001  # both sides of the subtraction are local to the offset
_FIELD = re.compile(r"([a-z_]+)[.:]")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is no claim: its place in the slice, what is wrong, and the record as text."""

    row: int
    kind: str
    field: str | None
    problem: str
    raw: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """`claims` in the order of the slice, as CLAIMS; `rejected` the others. `rows` counts both.

    `records` gives the claims as they stand on the wire, in the same order; it is asked only by who sends them. `counts` says of
    how many values words for nothing were taken for missing (`word:FIELD`), and how many rows have what the mapping says in
    place of nothing (`absent:FIELD`).
    """

    claims: pl.DataFrame
    rejected: list[Rejected]
    rows: int
    records: Callable[[], list[bytes]]
    counts: Mapping[str, int] = field(default_factory=dict)


def decode_lines(lines: Sequence[bytes]) -> Decoded:
    """Lines of the wire's JSON, none of them blank."""
    return decode_values(lines)


def decode_values(values: Sequence[bytes | None]) -> Decoded:
    """Values of a topic's records; one without a value, or an empty one, is no claim, as it is for the gate."""
    read = decode_claims(values)
    claims = _from_wire(read.claims, read.claims["row"].cast(pl.Int64))
    rejected = [rejection(row, error, values[row] or b"") for row, error in read.errors]
    return Decoded(claims, rejected, len(values), lambda: [values[row] or b"" for row in claims["row"]])


def decode_frame(frame: pl.DataFrame, fitted: Fitted, rows: Sequence[dict[str, Any]] | None = None) -> Decoded:
    """Rows of a table, under a mapping fitted to its columns. `rows` are the values themselves where the columns hold their
    text only: objects of JSON, cells of a workbook."""
    if frame.is_empty():
        return Decoded(pl.DataFrame(schema=CLAIMS), [], 0, list)
    # An optional first day must also not lie after the last; both are columns by then.
    read = (
        frame.lazy()
        .select(*fitted.values, fitted.doubtful.alias("doubtful"), *fitted.counts)
        .with_row_index("row")
        .collect()
    )
    names = [count.meta.output_name() for count in fitted.counts]
    counts = {name: int(read[name][0] or 0) for name in names}
    doubtful = read["doubtful"] | (read["start_day"] > read["day"]).fill_null(value=False)
    claims = (
        read.drop("doubtful", *names)
        .with_columns(pl.col("row").cast(pl.Int64), _IMPLAUSIBLE)
        .select(*CLAIMS, pl.exclude(*CLAIMS))
    )
    if not doubtful.any():
        return Decoded(claims, [], frame.height, lambda: _documents(frame, fitted), counts)
    places = doubtful.arg_true().to_list()
    natives = frame[places].iter_rows(named=True) if rows is None else (rows[place] for place in places)
    documents: dict[int, bytes] = {}
    rejected: list[Rejected] = []
    for place, native in zip(places, natives, strict=True):
        try:
            documents[place] = msgspec.json.encode(row_document(fitted.mapping, native, fitted.present))
        except FormError as error:
            rejected.append(rejection(place, ClaimError("invalid_value", str(error)), _shown(native)))
    read_again = list(documents)
    examined = decode_claims(list(documents.values()))
    second = _from_wire(examined.claims, pl.Series(read_again, dtype=pl.Int64).gather(examined.claims["row"]))
    claims = pl.concat([claims.filter(~doubtful), second], how="diagonal").sort("row")
    rejected += [rejection(read_again[row], error, documents[read_again[row]]) for row, error in examined.errors]
    rejected.sort(key=lambda item: item.row)

    def records() -> list[bytes]:
        plain = (~doubtful).arg_true()
        made = dict(zip(plain.to_list(), _documents(frame[plain], fitted), strict=True)) | documents
        return [made[row] for row in claims["row"]]

    return Decoded(claims, rejected, frame.height, records, counts)


_SETTLED = (pl.col("instant") + offset_us(CHINA)).floordiv(DAY_US).cast(pl.Int32)
_IMPLAUSIBLE = column_of(pl.col("total_amount"), pl.col("fund_amount"), pl.col("day"), pl.col("start_day"), _SETTLED)


def _documents(frame: pl.DataFrame, fitted: Fitted) -> list[bytes]:
    fields = frame.select(*fitted.documents)
    ordered = [name for name in FIELDS if name in fields.columns]
    texts = fields.select(pl.struct(ordered).struct.json_encode()).to_series().to_list()
    return [text.replace(_NO_CODE, "").encode() for text in texts]


_NO_CODE = ',"encounter_code":null'
"""Left out where the class of the encounter is known: the gate takes claims without optional fields the fast way."""


def _shown(native: dict[str, Any]) -> bytes:
    return json.dumps(native, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace")


def rejection(row: int, error: ClaimError, raw: bytes) -> Rejected:
    """What is kept of a row that is no claim."""
    named = _FIELD.match(error.reason)
    field = named[1] if named is not None and named[1] in FIELDS else None
    return Rejected(row, error.kind, field, error.reason, raw.decode("utf-8", "backslashreplace"))


def _from_wire(claims: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    """Claims as the wire's decoder has them, with the columns of CLAIMS."""
    text = pl.col("settlement_time")
    seconds = text.str.slice(0, 19).str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False, cache=False)
    offset = text.str.slice(19)
    shift = pl.when(offset == "+08:00").then(8 * 3_600_000_000).when((offset == "Z") | (offset == "+00:00")).then(0)
    read = claims.with_columns(
        rows.alias("row"),
        pl.col("claim_version").cast(pl.Int32),
        pl.col("fund_amount").cast(MONEY),
        pl.col("total_amount").cast(MONEY),
        pl.when(text.str.contains(PLAIN_TIME)).then(seconds.to_physical() - shift).alias("instant"),
    )
    unread = read["instant"].is_null()
    if unread.any():
        at = unread.arg_true()
        instants = [_instant(moment) for moment in read["settlement_time"].gather(at)]
        read = read.with_columns(read["instant"].scatter(at, instants))
    return read.select(*CLAIMS, *(name for name in DRUG_FIELDS if name in read.columns))


def _instant(text: str) -> int:
    """Microseconds since 1970 UTC of a time that the contract accepts; parts of a microsecond are cut off."""
    moment = dt.datetime.fromisoformat(text.upper())
    local = moment.replace(tzinfo=None) - _EPOCH
    shifted = local - (moment.utcoffset() or dt.timedelta())
    return (shifted.days * DAY_US) + shifted.seconds * 1_000_000 + shifted.microseconds
