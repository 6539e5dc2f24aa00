"""A row of a source as a claim: which column gives which field, and what a refund makes of its amounts.

It is the definition that the expressions of `fitting` only make faster; what a single value means, `forms` says.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from pipeline.inputs.errors import FormError
from pipeline.inputs.forms import (
    day_text,
    division_of,
    flag_text,
    instant_text,
    is_missing,
    money_of,
    signed,
    text_of,
)
from pipeline.inputs.mapping import AMOUNTS, DATES, FLAGS, TIMES, FieldSource, Mapping, Refund
from rules.areas import pooling_area
from rules.vocabulary import EncounterType
from topics.fields import MONEY_PATTERN
from topics.normalisation import normal_code

_MONEY = re.compile(MONEY_PATTERN)


def is_refund(refund: Refund, value: Any, reverses: Any, *, has_reversal_column: bool) -> bool:
    """Whether the amounts of a row are to be made negative. Raises FormError for a flag that the mapping does not know."""
    flag = flag_text(value)
    if flag is None or flag in refund.others:
        return False
    if flag not in refund.values:
        raise FormError(
            f"refund: {refund.column} is {flag!r}; the mapping knows {', '.join((*refund.values, *refund.others))}"
        )
    if refund.speaks == "sign":
        return False
    return not (refund.reversal_of and has_reversal_column) or not is_missing(text_of(reverses))


def row_document(mapping: Mapping, row: dict[str, Any], columns: frozenset[str]) -> dict[str, Any]:
    """The claim that a row says, as in JSON. `columns` are those that the source has. Raises FormError, naming the field.

    A value that has no meaning for its field is left as the source has it, so that the contract's own reason is told.
    """
    negative = False
    if mapping.refund is not None and mapping.refund.column in columns:
        refund = mapping.refund
        reverses = refund.reversal_of or ""
        negative = is_refund(refund, row.get(refund.column), row.get(reverses), has_reversal_column=reverses in columns)
    document: dict[str, Any] = {}
    for name, source in mapping.fields.items():
        try:
            value = field_value(mapping, name, source, row, columns)
        except FormError as error:
            raise FormError(f"{name}: {error}") from None
        if name in AMOUNTS and value is not None and _MONEY.fullmatch(value):
            value = signed(value, negative=negative)
        if value is None and name not in _KEPT:
            continue
        document[name] = value
        if name == "encounter_type" and source.otherwise == value == EncounterType.UNKNOWN:
            document.setdefault("encounter_code", _code_of(mapping, source, row, columns))
    return document


def _code_of(mapping: Mapping, source: FieldSource, row: dict[str, Any], columns: frozenset[str]) -> Any:
    """The code of an encounter that the mapping's table does not know."""
    return field_value(
        mapping, "encounter_code", source.model_copy(update={"values": None, "otherwise": None}), row, columns
    )


_CODES = frozenset({"institution_code", "physician_code"})
_KEPT = frozenset({"physician_code", "service_start"})
"""Fields that stand in a document also when there is nothing in them."""


class Worded(Protocol):
    """A mapping, as far as it says what is missing in a field."""

    def words(self, source: FieldSource) -> tuple[str, ...]:
        """Regular expressions of it."""


def field_value(
    mapping: Worded,
    name: str,
    source: FieldSource,
    row: dict[str, Any],
    columns: frozenset[str],
    read: Callable[[str, FieldSource, Any], Any] | None = None,
) -> Any:
    """One field of a row, as in JSON; None where it is missing. `read` reads one value, by default as a field of a claim.

    Raises FormError.
    """
    read = read or _read
    if source.constant is not None:
        return source.constant
    words = mapping.words(source)
    found: Any = None
    for column in source.names:
        if column not in columns:
            continue
        value = row.get(column)
        found = read(name, source, value)
        if isinstance(found, str) and is_missing(found, words):
            found = None
        if found is not None:
            break
    if found is None and source.division_in is not None:
        found = division_of(row.get(source.division_in))
    if found is None:
        return source.absent
    if name in FLAGS:
        return _held(source, found)
    if source.values is not None:
        return source.values.get(found, source.otherwise if source.otherwise is not None else found)
    return pooling_area(found) if source.area else found


def _held(source: FieldSource, found: str) -> bool | None:
    """A truth value; false is told by leaving the field out. Raises FormError for a word that says neither."""
    said = found if source.values is None else source.values.get(found, source.otherwise or found)
    flag = flag_text(said)
    if flag not in ("0", "1", None):
        raise FormError(f"expected yes or no (1 or 0), found {said!r}")
    return True if flag == "1" else None


def _read(name: str, source: FieldSource, value: Any) -> Any:
    if name in DATES:
        return day_text(value, source)
    if name in TIMES:
        return instant_text(value, source)
    if name in AMOUNTS:
        return money_of(value, source.unit)
    if name == "drug":
        return value
    text = text_of(value, coded=source.values is not None or name == "claim_version")
    if name == "claim_version" and text is not None and not is_missing(text):
        return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else text
    return normal_code(text) if text is not None and name in _CODES else text
