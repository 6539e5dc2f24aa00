"""The fields of a claim by their kinds: how each becomes an expression over the columns of a source, and when it is in doubt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import polars as pl

from pipeline.inputs.forms import DIVISION_IN_CODE, NULL_WORDS
from pipeline.inputs.mapping import FieldSource
from pipeline.inputs.mapping import Mapping as SourceMapping
from pipeline.inputs.moments import (
    DAY_US,
    RFC3339,
    days_of,
    instant_of_column,
    instants_of,
    offset_us,
    time_texts,
)
from rules.areas import pooling_area
from rules.screens.facts import DRUG_FIELDS, ENCOUNTER
from rules.screens.rows import FIRST_DAY, LAST_DAY
from rules.vocabulary import EncounterType
from topics.fields import MAX_IDENTIFIER, MONEY_PATTERN, REGION_PATTERN
from topics.normalisation import PLAIN_CODE, PLAIN_ID
from topics.verdicts.shape import MONEY

Schema = Mapping[str, pl.DataType]

_FIRST_INSTANT, _LAST_INSTANT = (FIRST_DAY + 1) * DAY_US, (LAST_DAY - 1) * DAY_US
"""A day inside the calendar's ends, so that every offset stays within it; what lies beyond is left to the model."""

_ROUNDING = 1e-6
"""A floating-point amount this near to two decimals means them (yuan)."""

_TEXT, _TIMES, _AMOUNTS = "text or whole numbers", "text or times", "text, decimals or numbers"
WORDS = sorted(NULL_WORDS)
"""Words that mean nothing, as polars takes them."""


@dataclass(slots=True)
class Fit:
    """What is found while a mapping is fitted."""

    mapping: SourceMapping
    schema: Schema
    columns: dict[str, None] = field(default_factory=dict)
    amounts: set[str] = field(default_factory=set)
    values: list[pl.Expr] = field(default_factory=list)
    documents: list[pl.Expr] = field(default_factory=list)
    doubts: list[pl.Expr] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    negative: pl.Expr | None = None
    further: dict[str, pl.Expr] = field(default_factory=dict)
    counts: dict[str, pl.Expr] = field(default_factory=dict)

    def wants(self, column: str) -> pl.DataType:
        """Asks the source for a column. Returns its type."""
        self.columns[column] = None
        return self.schema[column]

    def first(self, name: str, source: FieldSource, what: str) -> str | None:
        """The first column that the source has of those named. Without any, as under a constant, that is a problem of `what`."""
        there = [column for column in source.names if column in self.schema]
        for column in there:
            self.columns[column] = None
        if not there:
            self.problems.append(f"{name}: {what} cannot be a constant")
        return there[0] if there else None

    def add(self, name: str, value: pl.Expr | None, document: pl.Expr, doubt: pl.Expr) -> None:
        """Takes a field: its typed value (None: no decision needs it), its text as in JSON, and where it is in doubt."""
        if value is not None:
            self.values.append(value.alias(name))
        self.documents.append(document.alias(_FIELD_OF.get(name, name)))
        self.doubts.append(doubt.fill_null(value=True))


_FIELD_OF = {"day": "service_date", "start_day": "service_start", "instant": "settlement_time"}


KEPT = (
    "claim_id",
    "region",
    "institution_code",
    "physician_code",
    "encounter_type",
    "insured_id",
    "insurance_type",
)
"""Fields of text that are columns of a decision's input."""

FURTHER = ("staff_category", "insured_region", "department", "visit", "encounter_code")
"""Optional fields of text that are no columns; they are a part of the claim's content."""


def _missing_in(text: pl.Expr, words: tuple[str, ...]) -> pl.Expr:
    nothing = text.is_in(WORDS)
    return nothing | text.str.contains(f"^(?:{'|'.join(words)})$") if words else nothing


def _text(name: str, source: FieldSource, found: Fit) -> pl.Expr | None:
    """The field as text, after alternatives and code table; null where nothing is given. None, with a problem, for a type that
    is no text."""
    if source.constant is not None:
        return pl.lit(source.constant)
    words = found.mapping.words(source)
    parts: list[pl.Expr] = []
    said = pl.lit(0)
    for column in source.names:
        if column not in found.schema:
            continue
        dtype = found.wants(column)
        part = pl.col(column)
        if dtype.is_float() and (source.values is not None or name == "claim_version"):
            part = pl.when(part == part.floor()).then(part.cast(pl.Int64, strict=False)).otherwise(None)
            found.doubts.append((pl.col(column).is_not_null() & part.is_null()).fill_null(value=True))
        elif not (
            dtype.is_integer()
            or dtype in (pl.String, pl.Categorical, pl.Null, pl.Binary)
            or isinstance(dtype, pl.Enum)
            or (dtype.is_decimal() and getattr(dtype, "scale", None) == 0)
        ):
            found.problems.append(f"{name}: column {column} is {dtype}; expected {_TEXT}")
            return None
        if dtype == pl.Binary:
            part = part.cast(pl.String, strict=False)
            found.doubts.append(pl.col(column).is_not_null() & part.is_null())
        elif dtype != pl.String:
            part = part.cast(pl.String)
        missing = _missing_in(part, words)
        said = said + (missing & (part != "")).sum()
        parts.append(pl.when(~missing).then(part))
        # A number that a spreadsheet has rounded has a plus (1.2E+17), and hardly any code has one: what has is read by itself.
        found.doubts.append(part.str.contains("+", literal=True).fill_null(value=False))
    if source.division_in is not None and source.division_in in found.schema:
        found.wants(source.division_in)
        code = pl.col(source.division_in).cast(pl.String, strict=False)
        parts.append(code.str.extract(DIVISION_IN_CODE, 1))
    text = parts[0] if len(parts) == 1 else pl.coalesce(*parts)
    found.counts[f"word:{name}"] = said
    if source.otherwise is not None:
        # A code in another form (a blank, 11.0) is no other code.
        found.doubts.append((text.is_not_null() & ~text.str.contains(r"^[!--/-~]+$")).fill_null(value=True))
    if source.values is not None:
        otherwise = text if source.otherwise is None else pl.lit(source.otherwise)
        text = pl.when(text.is_not_null()).then(
            text.replace_strict(source.values, default=otherwise, return_dtype=pl.String)
        )
    if source.absent is not None:
        found.counts[f"absent:{name}"] = text.is_null().sum()
        text = text.fill_null(pl.lit(source.absent))
    if source.area:
        text = text.map_batches(_areas, return_dtype=pl.String, is_elementwise=True)
    return text


def _areas(divisions: pl.Series) -> pl.Series:
    known = {division: pooling_area(division) for division in divisions.unique().drop_nulls()}
    return divisions.replace_strict(known, default=None, return_dtype=pl.String) if known else divisions


def identifier(name: str, source: FieldSource, found: Fit) -> None:
    """A code or an id, taken as it stands: every field that has no kind of its own."""
    text = _text(name, source, found)
    if text is None:
        return
    plain = PLAIN_CODE if name == "institution_code" else PLAIN_ID
    right = text.str.contains(plain) & (text.str.len_bytes() <= MAX_IDENTIFIER)
    if source.constant is not None:
        right = right & ~text.is_in(WORDS)
    if name == "region":
        right = text.str.contains(f"^{REGION_PATTERN}$")
    elif name == "staff_category":
        right = text.is_null()
    elif name == "insured_region":
        right = text.is_null() | text.str.contains(f"^{REGION_PATTERN}$")
    elif name in FURTHER:
        right = text.is_null() | (right & ~text.str.contains(r'["\\]'))
    if name in FURTHER:
        found.further[name] = text
    found.add(name, text if name in KEPT else None, text, ~right)


def _physician(name: str, source: FieldSource, found: Fit) -> None:
    text = _text(name, source, found)
    if text is None:
        return
    right = text.str.contains(PLAIN_CODE) & (text.str.len_bytes() <= MAX_IDENTIFIER)
    found.add(name, text, text, text.is_not_null() & ~right)


def _encounter(name: str, source: FieldSource, found: Fit) -> None:
    text = _text(name, source, found)
    if text is None:
        return
    value = text.cast(ENCOUNTER, strict=False)
    found.add(name, value, text, value.is_null())
    if source.otherwise == EncounterType.UNKNOWN and "encounter_code" not in found.mapping.fields:
        coded = _text(name, source.model_copy(update={"values": None, "otherwise": None}), found)
        assert coded is not None  # the same columns were text a moment ago
        code = pl.when(text == EncounterType.UNKNOWN.value).then(coded)
        right = code.is_null() | (code.str.contains(PLAIN_ID) & ~code.str.contains(r'["\\]'))
        found.further["encounter_code"] = code
        found.add("encounter_code", None, code, ~right)


def _flag(name: str, source: FieldSource, found: Fit) -> None:
    """A truth value: only rows where it holds carry it, and those are read value by value."""
    text = _text(name, source, found)
    if text is None:
        return
    found.doubts.append((text.is_not_null() & ~text.is_in(_NO)).fill_null(value=True))


def _version(name: str, source: FieldSource, found: Fit) -> None:
    text = _text(name, source, found)
    if text is None:
        return
    value: pl.Expr = pl.when(text.str.contains(r"^[1-9][0-9]{0,9}$")).then(text.cast(pl.Int64, strict=False))
    if len(source.names) == 1 and found.schema.get(source.names[0], pl.String()).is_integer():
        value = pl.col(source.names[0]).cast(pl.Int64, strict=False)
    right = value.is_between(1, 2**31 - 1)
    if source.constant is None:
        # No version is the first; what is written there and is none is read by itself.
        columns = [pl.col(column) for column in source.names if column in found.schema]
        right = right | pl.all_horizontal(column.is_null() for column in columns)
        value = pl.when(pl.all_horizontal(column.is_null() for column in columns)).then(1).otherwise(value)
    found.add(name, value.cast(pl.Int32, strict=False), value, ~right)


def _date(name: str, source: FieldSource, found: Fit) -> None:
    column = found.first(name, source, "a date")
    if column is None:
        return
    day, given = pl.lit(None, pl.Int32), pl.lit(value=False)
    for column in [item for item in source.names if item in found.schema]:
        dtype, raw = found.wants(column), pl.col(column)
        if dtype == pl.Date:
            part = raw.to_physical()
        elif isinstance(dtype, pl.Datetime) and source.date:
            local = instant_of_column(raw, dtype, source.offset) + offset_us(source.day_at)
            part = local.floordiv(DAY_US).cast(pl.Int32)
        elif _is_text(dtype) or (dtype.is_integer() and source.date):
            part = days_of(raw.cast(pl.String), source.date or ("yyyy-MM-dd",), source.offset, source.day_at)
        else:
            hint = "; say `date: yyyy-MM-dd` to take its day" if isinstance(dtype, pl.Datetime) else ""
            found.problems.append(f"{name}: column {column} is {dtype}; expected text or dates{hint}")
            return
        # A column that says something which is no day is read by itself before the next one is asked.
        day = part if len(source.names) == 1 else pl.when(given).then(day).otherwise(part)
        given = given | raw.is_not_null()
    document = pl.when(day.is_between(FIRST_DAY, LAST_DAY)).then(day).cast(pl.Date).cast(pl.String)
    if name == "service_date":
        found.add("day", day, document, ~day.is_between(FIRST_DAY, LAST_DAY))
    else:
        found.add("start_day", day, document, given & ~(day >= FIRST_DAY).fill_null(value=False))


def _is_text(dtype: pl.DataType) -> bool:
    return dtype in (pl.String, pl.Null, pl.Categorical) or isinstance(dtype, pl.Enum)


def _time(name: str, source: FieldSource, found: Fit) -> None:
    column = found.first(name, source, "a time")
    if column is None:
        return
    dtype, raw = found.wants(column), pl.col(column)
    if isinstance(dtype, pl.Datetime):
        instant = instant_of_column(raw, dtype, source.offset)
        document = time_texts(instant)
    elif _is_text(dtype) or (dtype.is_integer() and source.time):
        text = raw.cast(pl.String)
        instant = instants_of(text, source.time or (RFC3339,), source.offset)
        document = time_texts(instant) if source.time else text
    else:
        found.problems.append(f"{name}: column {column} is {dtype}; expected {_TIMES}")
        return
    found.add("instant", instant, document, ~instant.is_between(_FIRST_INSTANT, _LAST_INSTANT))


def _money(name: str, source: FieldSource, found: Fit) -> None:
    column = found.first(name, source, "an amount")
    if column is None:
        return
    dtype, raw = found.wants(column), pl.col(column)
    found.amounts.add(column)
    exact = False
    if _is_text(dtype):
        text = raw.cast(pl.String)
        value, right = text.cast(MONEY, strict=False), text.str.contains(f"^{MONEY_PATTERN}$")
        exact = dtype == pl.String
    elif dtype.is_float():
        value, text = raw.round(2).cast(MONEY, strict=False), raw.cast(pl.String)
        right = (raw - raw.round(2)).abs() <= _ROUNDING * pl.max_horizontal(raw.abs(), 1.0)
    elif dtype.is_decimal() or dtype.is_integer():
        value, text = raw.cast(MONEY, strict=False), raw.cast(pl.String)
        right = value == raw if dtype.is_decimal() and (getattr(dtype, "scale", 0) or 0) > 2 else value.is_not_null()
    else:
        found.problems.append(f"{name}: column {column} is {dtype}; expected {_AMOUNTS}")
        return
    if source.unit == "fen":
        text = raw.cast(pl.String)
        right = text.str.contains(r"^-?[0-9]{1,17}$")
        digits = pl.when(text.str.starts_with("-")).then(text.str.zfill(4)).otherwise(text.str.zfill(3))
        value = digits.str.replace(r"^(-?[0-9]+)([0-9]{2})$", "${1}.${2}").cast(MONEY, strict=False)
        exact = False
    elif dtype.is_integer():
        found.notices.append(
            f"{name}: column {column} is whole numbers, taken as yuan; say `unit: fen` if they are fen"
        )
    right = (right & value.is_not_null()).fill_null(value=False)
    if found.negative is not None:
        value = pl.when(found.negative).then(-value.abs()).otherwise(value)
    plain = exact and found.negative is None
    document = text if plain else pl.when(right).then(value.cast(pl.String)).otherwise(text)
    found.add(name, value, document, ~right)


def _drug(name: str, source: FieldSource, found: Fit) -> None:
    column = found.first(name, source, "a drug object")
    if column is None:
        return
    dtype, raw = found.wants(column), pl.col(column)
    if dtype == pl.Null:
        return
    if dtype == pl.String:  # nested data, of which a column of text shows only that there is some
        found.doubts.append(raw.is_not_null())
        return
    if not isinstance(dtype, pl.Struct):
        found.problems.append(f"{name}: column {column} is {dtype}; expected a struct of {', '.join(DRUG_FIELDS)}")
        return
    plain = all(item.name in DRUG_FIELDS and item.dtype in (pl.Boolean, pl.Null) for item in dtype.fields)
    given = {item.name for item in dtype.fields}
    for part in DRUG_FIELDS:
        value = raw.struct.field(part).cast(pl.Boolean) if plain and part in given else pl.lit(None, pl.Boolean)
        found.values.append(value.alias(part))
    found.add(name, None, raw, pl.lit(value=False) if plain else raw.is_not_null())


_NO = ("0", "false", "False")

FITTERS: dict[str, Callable[[str, FieldSource, Fit], None]] = {
    "emergency_origin": _flag,
    "interim": _flag,
    "physician_code": _physician,
    "encounter_type": _encounter,
    "claim_version": _version,
    "service_date": _date,
    "service_start": _date,
    "settlement_time": _time,
    "total_amount": _money,
    "fund_amount": _money,
    "drug": _drug,
}
"""By field how it is fitted; every other field is an `identifier`."""
