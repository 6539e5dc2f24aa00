"""A mapping fitted to a source: for every field its value as a typed column, its text as in JSON, and which rows are doubtful.

What a value means is defined in `forms`, and the pydantic model of the contract has the last word on what is a claim. Asking
both costs tens of microseconds a row. So every field has an expression that says where it is *not* right beyond doubt; only
such rows are read value by value. What the expressions let pass is read equally there, and the model accepts it; a property
test holds them to it.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import polars as pl

from pipeline.inputs.errors import MappingError
from pipeline.inputs.fitting_fields import FITTERS, FURTHER, KEPT, WORDS, Fit, Schema, identifier
from pipeline.inputs.mapping import FieldSource, Refund
from pipeline.inputs.mapping import Mapping as SourceMapping
from rules.screens.facts import ENCOUNTER
from topics.normalisation import PLAIN_CODE, PLAIN_ID


@dataclass(frozen=True, slots=True)
class Fitted:
    """Expressions over a source's columns. `values` are the typed columns that a decision needs, `documents` the fields as
    they would stand in JSON, `doubtful` which rows have to be read value by value. `columns` are all that are asked for,
    `present` those of them that the source has, `amounts` those that hold nothing but amounts. `counts` are sums that are told
    with a slice: `word:FIELD` of values that are words for nothing, `absent:FIELD` of rows that have what the mapping says
    where nothing is given."""

    mapping: SourceMapping
    columns: tuple[str, ...]
    present: frozenset[str]
    amounts: frozenset[str]
    values: tuple[pl.Expr, ...]
    documents: tuple[pl.Expr, ...]
    doubtful: pl.Expr
    notices: tuple[str, ...] = ()
    counts: tuple[pl.Expr, ...] = ()


def fit(mapping: SourceMapping, schema: Schema) -> Fitted:
    """Fits a mapping to the columns of a source. Raises MappingError with everything that does not fit."""
    found = Fit(mapping, schema)
    if mapping.refund is not None:
        found.negative = _refund(mapping.refund, found)
    for name, source in mapping.fields.items():
        if source.division_in in schema:
            found.columns[str(source.division_in)] = None
        missing = _missing(name, source, schema)
        if missing is not None:
            found.problems.append(missing)
            continue
        if source.constant is None and not any(column in schema for column in source.names):
            if source.absent is not None:
                found.add(name, *_constant(name, source.absent))
                found.counts[f"absent:{name}"] = pl.len()
                if name in FURTHER:
                    found.further[name] = pl.lit(source.absent)
            elif source.division_in in schema:
                FITTERS.get(name, identifier)(name, source, found)
            continue
        FITTERS.get(name, identifier)(name, source, found)
    if found.problems:
        raise MappingError(found.problems)
    found.values.append(_further(found.further))
    for name, default in _DEFAULTS.items():
        if not any(value.meta.output_name() == name for value in found.values):
            found.values.append(default.alias(name))
    return Fitted(
        mapping,
        tuple(found.columns),
        frozenset(found.columns),
        frozenset(found.amounts),
        tuple(found.values),
        tuple(found.documents),
        pl.any_horizontal(*found.doubts),
        tuple(found.notices),
        tuple(count.cast(pl.Int64).alias(name) for name, count in found.counts.items()),
    )


_DEFAULTS = {
    "claim_version": pl.lit(1, pl.Int32),
    "physician_code": pl.lit(None, pl.String),
    "start_day": pl.lit(None, pl.Int32),
}


def _missing(name: str, source: FieldSource, schema: Schema) -> str | None:
    if source.constant is not None or source.optional or source.absent is not None:
        return None
    if any(column in schema for column in source.names) or source.division_in in schema:
        return None
    wanted = " or ".join([*source.names, *([source.division_in] if source.division_in else [])])
    near = difflib.get_close_matches(source.names[0] if source.names else wanted, schema, n=1, cutoff=0.7)
    hint = f"; did you mean {near[0]}?" if near else f"; the source has {', '.join(schema)}"
    return f"{name}: the source has no column {wanted}{hint}"


def _constant(name: str, value: str) -> tuple[pl.Expr | None, pl.Expr, pl.Expr]:
    text = pl.lit(value)
    kept = {"encounter_type": text.cast(ENCOUNTER, strict=False)}.get(name, text)
    # Whether it is right is the model's to say, once: a constant that is wrong makes every row doubtful.
    right = (
        kept.is_not_null()
        if name == "encounter_type"
        else text.str.contains(PLAIN_CODE if name == "region" else PLAIN_ID)
    )
    return (kept if name in KEPT else None), text, ~right


def _further(given: dict[str, pl.Expr]) -> pl.Expr:
    """The JSON of these fields where a row has any, as the contract's decoder writes it."""
    if not given:
        return pl.lit(None, pl.String).alias("further")
    members = [
        pl.when(text.is_not_null()).then(pl.concat_str(pl.lit(f'"{name}":"'), text, pl.lit('"')))
        for name, text in sorted(given.items())
    ]
    joined = pl.concat_str(*members, separator=",", ignore_nulls=True)
    return pl.when(joined != "").then(pl.concat_str(pl.lit("{"), joined, pl.lit("}"))).alias("further")


def _refund(refund: Refund, found: Fit) -> pl.Expr | None:
    if refund.column not in found.schema:
        if not refund.optional:
            found.problems.append(f"refund: the source has no column {refund.column}")
        else:
            found.notices.append(f"refund: the source has no column {refund.column}; every amount stands as it is")
        return None
    dtype = found.wants(refund.column)
    flag = pl.col(refund.column)
    if dtype.is_float():
        flag = pl.when(flag == flag.floor()).then(flag.cast(pl.Int64, strict=False)).cast(pl.String)
        known = flag.is_not_null() | pl.col(refund.column).is_null()
    else:
        flag = flag.cast(pl.Int8).cast(pl.String) if dtype == pl.Boolean else flag.cast(pl.String)
        known = pl.lit(value=True)
    flagged = flag.is_in(list(refund.values)).fill_null(value=False)
    known = known & (flag.is_null() | flag.is_in([*refund.values, *refund.others]))
    found.doubts.append(~known.fill_null(value=False))
    if refund.speaks == "sign":
        return None
    if refund.reversal_of is not None and refund.reversal_of in found.schema:
        found.wants(refund.reversal_of)
        named = pl.col(refund.reversal_of).cast(pl.String)
        return flagged & named.is_not_null() & ~named.is_in(WORDS)
    return flagged
