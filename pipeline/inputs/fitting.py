"""A mapping fitted to a source: for every field its value as a typed column, its text as in JSON, and which rows are doubtful.

The pydantic model of the contract has the last word on what is a claim, but asking it costs ten microseconds a row. So every
field has an expression that says where it is *not* right beyond doubt; only such rows are written out as JSON and examined.
What the expressions let pass, the model accepts; a property test holds them to it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import polars as pl

from pipeline.inputs.errors import MappingError
from pipeline.inputs.mapping import FieldSource
from pipeline.inputs.mapping import Mapping as SourceMapping
from rules.screens.index import FIRST_DAY, LAST_DAY
from rules.screens.table import ENCOUNTER
from rules.screens.verdict import DRUG_FIELDS
from topics.fields import DATE_PATTERN, MAX_IDENTIFIER, MONEY_PATTERN, REGION_PATTERN
from topics.verdicts.shape import MONEY

Schema = Mapping[str, pl.DataType]

DAY_US = 86_400_000_000
_FIRST_INSTANT, _LAST_INSTANT = (FIRST_DAY + 1) * DAY_US, (LAST_DAY - 1) * DAY_US
"""A day inside the calendar's ends, so that every offset stays within it; what lies beyond is left to the model."""

PLAIN_TIME = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$"
)
_PARTS = (("yyyy", "%Y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"), ("mm", "%M"), ("ss", "%S"))
_ROUNDING = 1e-6
"""A floating-point amount this near to two decimals means them (yuan)."""

_TEXT, _TIMES, _AMOUNTS = "text or whole numbers", "text or times", "text, decimals or numbers"


@dataclass(frozen=True, slots=True)
class Fitted:
    """Expressions over a source's columns. `values` are the typed columns that a decision needs, `documents` the fields as
    they would stand in JSON, `doubtful` which rows have to be examined."""

    columns: tuple[str, ...]
    values: tuple[pl.Expr, ...]
    documents: tuple[pl.Expr, ...]
    doubtful: pl.Expr


@dataclass(slots=True)
class _Fit:
    """What is found while a mapping is fitted."""

    schema: Schema
    columns: dict[str, None] = field(default_factory=dict)
    values: list[pl.Expr] = field(default_factory=list)
    documents: list[pl.Expr] = field(default_factory=list)
    doubts: list[pl.Expr] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def wants(self, column: str) -> pl.DataType:
        self.columns[column] = None
        return self.schema[column]

    def add(self, name: str, value: pl.Expr | None, document: pl.Expr, doubt: pl.Expr) -> None:
        if value is not None:
            self.values.append(value.alias(name))
        self.documents.append(document.alias(name))
        self.doubts.append(doubt.fill_null(value=True))


def fit(mapping: SourceMapping, schema: Schema) -> Fitted:
    """Fits a mapping to the columns of a source. Raises MappingError with everything that does not fit."""
    found = _Fit(schema)
    negative = _refund(mapping, found)
    for name, source in mapping.fields.items():
        missing = _missing(name, source, schema)
        if missing is not None:
            found.problems.append(missing)
            continue
        if source.constant is None and not any(column in schema for column in source.names):
            continue
        _FITTERS.get(name, _identifier)(name, source, found, negative)
    if found.problems:
        raise MappingError(found.problems)
    for name, default in _DEFAULTS.items():
        if not any(value.meta.output_name() == name for value in found.values):
            found.values.append(default.alias(name))
    return Fitted(tuple(found.columns), tuple(found.values), tuple(found.documents), pl.any_horizontal(*found.doubts))


_DEFAULTS = {
    "claim_version": pl.lit(1, pl.Int32),
    "physician_code": pl.lit(None, pl.String),
    "start_day": pl.lit(None, pl.Int32),
}


def _missing(name: str, source: FieldSource, schema: Schema) -> str | None:
    if source.constant is not None or source.optional or any(column in schema for column in source.names):
        return None
    wanted = " or ".join(source.names)
    near = difflib.get_close_matches(source.names[0], schema, n=1, cutoff=0.7)
    hint = f"; did you mean {near[0]}?" if near else f"; the source has {', '.join(schema)}"
    return f"{name}: the source has no column {wanted}{hint}"


def _refund(mapping: SourceMapping, found: _Fit) -> pl.Expr | None:
    if mapping.refund is None:
        return None
    if mapping.refund.column not in found.schema:
        found.problems.append(f"refund: the source has no column {mapping.refund.column}")
        return None
    found.wants(mapping.refund.column)
    return pl.col(mapping.refund.column).cast(pl.String).is_in(list(mapping.refund.values)).fill_null(value=False)


# -- kinds of fields ----------------------------------------------------------------------------------------------


def _text(name: str, source: FieldSource, found: _Fit) -> pl.Expr | None:
    """The field as text, after alternatives and code table; None, with a problem, for a type that is no text."""
    if source.constant is not None:
        return pl.lit(source.constant)
    parts = []
    for column in source.names:
        if column not in found.schema:
            continue
        dtype = found.wants(column)
        if not (dtype.is_integer() or dtype in (pl.String, pl.Categorical, pl.Null) or isinstance(dtype, pl.Enum)):
            found.problems.append(f"{name}: column {column} is {dtype}; expected {_TEXT}")
            return None
        parts.append(pl.col(column) if dtype == pl.String else pl.col(column).cast(pl.String))
    text = parts[0]
    if len(parts) > 1:
        text = pl.coalesce(*(pl.when(part.str.strip_chars() != "").then(part) for part in parts))
    if source.values is not None:
        otherwise = text if source.otherwise is None else pl.lit(source.otherwise)
        text = text.replace_strict(source.values, default=otherwise, return_dtype=pl.String)
    return text


def _identifier(name: str, source: FieldSource, found: _Fit, _negative: pl.Expr | None) -> None:
    text = _text(name, source, found)
    if text is None:
        return
    # A first character that is printable ASCII is no blank; so the value is not blank.
    right = text.is_between(pl.lit("!"), pl.lit("\x7f"), closed="left") & (text.str.len_bytes() <= MAX_IDENTIFIER)
    if name == "region":
        right = text.str.contains(f"^{REGION_PATTERN}$")
    elif name == "staff_category":
        right = text.is_null()
    kept = name in ("claim_id", "region", "institution_code")
    found.add(name, text if kept else None, text, ~right)


def _physician(name: str, source: FieldSource, found: _Fit, _negative: pl.Expr | None) -> None:
    text = _text(name, source, found)
    if text is None:
        return
    # Blank at neither end, so that nothing is to be stripped; or blank altogether, which is a missing physician.
    right = text.str.contains(r"^(?: *|[!-~]|[!-~][ -~]*[!-~])$") & (text.str.len_bytes() <= MAX_IDENTIFIER)
    found.add(name, pl.when(text >= "!").then(text), pl.when(text != "").then(text), text.is_not_null() & ~right)


def _encounter(name: str, source: FieldSource, found: _Fit, _negative: pl.Expr | None) -> None:
    text = _text(name, source, found)
    if text is None:
        return
    value = text.cast(ENCOUNTER, strict=False)
    found.add(name, value, text, value.is_null())


def _version(name: str, source: FieldSource, found: _Fit, _negative: pl.Expr | None) -> None:
    text = _text(name, source, found)
    if text is None:
        return
    value = text.cast(pl.Int64, strict=False)
    if source.constant is None:
        dtype = found.schema[next(column for column in source.names if column in found.schema)]
        value = pl.col(source.names[0]).cast(pl.Int64, strict=False) if dtype.is_integer() else value
    found.add(name, value.cast(pl.Int32, strict=False), value, ~value.is_between(1, 2**31 - 1))


def _date(name: str, source: FieldSource, found: _Fit, _negative: pl.Expr | None) -> None:
    column = next((column for column in source.names if column in found.schema), None)
    if column is None:
        found.problems.append(f"{name}: a date cannot be a constant")
        return
    dtype, raw = found.wants(column), pl.col(column)
    plain = pl.lit(value=True)
    if dtype == pl.Date:
        day = raw.to_physical()
        document = raw.cast(pl.String)
    elif isinstance(dtype, pl.Datetime) and source.date is not None:
        day = (_instant(raw, dtype, source.offset) + _offset_us(source.offset)).floordiv(DAY_US).cast(pl.Int32)
        document = day.cast(pl.Date).cast(pl.String)
    elif dtype in (pl.String, pl.Null) or (dtype.is_integer() and source.date is not None):
        document = text = raw.cast(pl.String)
        if source.date is None:
            day = pl.when(text.str.len_bytes() == 10).then(_to_date(text, "%Y-%m-%d")).to_physical()
            # polars also reads "2023- 5-10" as a date.
            plain = text.str.contains(f"^{DATE_PATTERN}$")
        else:
            day = _to_date(text, _strftime(source.date)).to_physical()
            plain = text.str.contains(_digits(source.date))
            document = pl.when(plain & day.is_not_null()).then(day.cast(pl.Date).cast(pl.String)).otherwise(text)
    else:
        hint = "; say `date: yyyy-MM-dd` to take its day" if isinstance(dtype, pl.Datetime) else ""
        found.problems.append(f"{name}: column {column} is {dtype}; expected text or dates{hint}")
        return
    if name == "service_date":
        found.add("day", day, document, ~(plain & day.is_between(FIRST_DAY, LAST_DAY)))
        found.documents[-1] = document.alias(name)
        return
    given = raw.is_not_null() if dtype != pl.String else raw.is_not_null() & (raw != "")
    blank = pl.when(given).then(document)
    found.add(
        "start_day", pl.when(given).then(day), blank, given & ~(plain & (day >= FIRST_DAY)).fill_null(value=False)
    )
    found.documents[-1] = blank.alias(name)


def _time(name: str, source: FieldSource, found: _Fit, _negative: pl.Expr | None) -> None:
    column = next((column for column in source.names if column in found.schema), None)
    if column is None:
        found.problems.append(f"{name}: a time cannot be a constant")
        return
    dtype, raw = found.wants(column), pl.col(column)
    plain = pl.lit(value=True)
    if isinstance(dtype, pl.Datetime):
        instant = _instant(raw, dtype, source.offset)
        document = _time_text(instant)
    elif dtype in (pl.String, pl.Null) or (dtype.is_integer() and source.time is not None):
        text = raw.cast(pl.String)
        if source.time is None:
            plain = text.str.contains(PLAIN_TIME)
            instant, document = _rfc3339(text), text
        else:
            plain = text.str.contains(_digits(source.time))
            instant = _to_time(text, _strftime(source.time)) - _offset_us(source.offset)
            document = pl.when(plain & instant.is_not_null()).then(_time_text(instant)).otherwise(text)
    else:
        found.problems.append(f"{name}: column {column} is {dtype}; expected {_TIMES}")
        return
    found.add("instant", instant, document, ~(plain & instant.is_between(_FIRST_INSTANT, _LAST_INSTANT)))
    found.documents[-1] = document.alias(name)


def _money(name: str, source: FieldSource, found: _Fit, negative: pl.Expr | None) -> None:
    column = next((column for column in source.names if column in found.schema), None)
    if column is None:
        found.problems.append(f"{name}: an amount cannot be a constant")
        return
    dtype, raw = found.wants(column), pl.col(column)
    if dtype in (pl.String, pl.Null):
        text = raw.cast(pl.String)
        value, right = text.cast(MONEY, strict=False), text.str.contains(f"^{MONEY_PATTERN}$")
    elif dtype.is_float():
        value, text = raw.round(2).cast(MONEY, strict=False), raw.cast(pl.String)
        right = (raw - raw.round(2)).abs() <= _ROUNDING * pl.max_horizontal(raw.abs(), 1.0)
    elif dtype.is_decimal() or dtype.is_integer():
        value, text = raw.cast(MONEY, strict=False), raw.cast(pl.String)
        right = value == raw if dtype.is_decimal() and (dtype.scale or 0) > 2 else value.is_not_null()  # type: ignore[attr-defined]  # a decimal has a scale
    else:
        found.problems.append(f"{name}: column {column} is {dtype}; expected {_AMOUNTS}")
        return
    right = (right & value.is_not_null()).fill_null(value=False)
    if negative is not None:
        value = pl.when(negative).then(-value.abs()).otherwise(value)
    exact = dtype == pl.String and negative is None
    document = text if exact else pl.when(right).then(value.cast(pl.String)).otherwise(text)
    found.add(name, value if name == "fund_amount" else None, document, ~right)


def _drug(name: str, source: FieldSource, found: _Fit, _negative: pl.Expr | None) -> None:
    column = source.names[0]
    dtype, raw = found.wants(column), pl.col(column)
    if dtype == pl.Null:
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


_FITTERS: dict[str, Callable[[str, FieldSource, _Fit, pl.Expr | None], None]] = {
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


# -- forms --------------------------------------------------------------------------------------------------------


def _to_date(text: pl.Expr, form: str) -> pl.Expr:
    return text.str.to_date(form, strict=False, exact=True)


def _to_time(text: pl.Expr, form: str) -> pl.Expr:
    """Microseconds since 1970 of a local time without zone."""
    if "%H" not in form:
        return _to_date(text, form).to_physical().cast(pl.Int64) * DAY_US
    return text.str.to_datetime(form, time_unit="us", strict=False, cache=False).to_physical()


def _rfc3339(text: pl.Expr) -> pl.Expr:
    """Microseconds since 1970 UTC; null for offsets that are seldom used, which the model then reads."""
    offset = text.str.slice(19)
    shift = pl.when(offset == "+08:00").then(8 * 3_600_000_000).when((offset == "Z") | (offset == "+00:00")).then(0)
    return _to_time(text.str.slice(0, 19), "%Y-%m-%dT%H:%M:%S") - shift


def _instant(raw: pl.Expr, dtype: pl.Datetime, offset: str) -> pl.Expr:
    if dtype.time_zone is None:
        return raw.cast(pl.Datetime("us")).to_physical() - _offset_us(offset)
    return raw.cast(pl.Datetime("us", dtype.time_zone)).to_physical()


def _time_text(instant: pl.Expr) -> pl.Expr:
    local = (instant + _offset_us("+08:00")).cast(pl.Datetime("us"))
    return local.dt.to_string("%Y-%m-%dT%H:%M:%S%.6f+08:00")


def _offset_us(offset: str) -> int:
    hours, minutes = offset[1:].split(":")
    return (1 if offset[0] == "+" else -1) * (int(hours) * 3600 + int(minutes) * 60) * 1_000_000


def _strftime(form: str) -> str:
    for part, code in _PARTS:
        form = form.replace(part, code)
    return form


def _digits(form: str) -> str:
    """The pattern of exactly this form: polars also reads blanks for digits."""
    pattern = "".join(f"\\{character}" if not character.isalnum() else character for character in form)
    for part, _ in _PARTS:
        pattern = pattern.replace(part, f"[0-9]{{{len(part)}}}")
    return f"^{pattern}$"
