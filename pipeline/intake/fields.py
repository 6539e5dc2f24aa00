"""The values of a row of a message, read as the files of claims are: the same forms of days, amounts, codes and flags."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from pipeline.inputs.errors import FormError
from pipeline.inputs.forms import day_text, flag_text, instant_text, is_missing, money_of, text_of
from pipeline.inputs.mapping import FieldSource, load_mapping
from pipeline.intake.messages import Document, Refused, remembering
from topics.dead_letters import Code
from topics.fields import MAX_IDENTIFIER
from topics.normalisation import normal_code

_WRITTEN = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,18})?")
_QUANTITY = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")


@cache
def source(name: str) -> FieldSource:
    """How the shipped mapping of the interface reads a field: its forms of days and times, its words for nothing, its codes."""
    return load_mapping("national-settlement").fields[name]


class Fields:
    """The values of one row, looked for in it and then in what holds it."""

    def __init__(self, *chain: Document) -> None:
        self._chain = chain

    def _read(self, read: Callable[[Any], Any], names: Sequence[str]) -> Any:
        for name in names:
            for part in self._chain:
                value = part.get(name)
                if value is None or value == "":
                    continue  # most names stand in most parts not at all
                try:
                    found = read(value)
                except FormError as error:
                    raise Refused(Code.INVALID_VALUE, f"{name}: {error}") from None
                if found is not None:
                    return found
        return None

    def text(self, *names: str) -> str | None:
        """An identifier."""
        found: str | None = self._read(_identifier, names)
        return found

    def code(self, *names: str) -> str | None:
        """A code, in its normal form."""
        found: str | None = self._read(lambda value: _identifier(value, True), names)
        return None if found is None else _normal(found)

    def doctor(self, *names: str) -> str | None:
        """The code of a person, without what systems write that must fill the field."""
        words = source("physician_code").missing
        found: str | None = self._read(lambda value: _identifier(value, False, words), names)
        return None if found is None else _normal(found)

    def money(self, *names: str) -> str | None:
        """An amount in yuan."""
        found: str | None = self._read(money_of, names)
        return found

    def day(self, *names: str) -> str | None:
        """A day."""
        found: str | None = self._read(lambda value: day_text(value, source("service_date")), names)
        return found

    def time(self, *names: str) -> str | None:
        """A time."""
        found: str | None = self._read(_time, names)
        return found

    def time_or_day(self, *names: str) -> str | None:
        """A time, or a day where no clock time is told."""
        found: str | None = self._read(_time_or_day, names)
        return found

    def flag(self, *names: str) -> bool | None:
        """Whether a flag is set."""
        found: bool | None = self._read(_flag, names)
        return found

    def count(self, *names: str) -> Decimal | None:
        """A number of units."""
        found: Decimal | None = self._read(_quantity, names)
        return found

    def needed(self, what: str, found: Any) -> Any:
        """What was found, if it was. Raises Refused."""
        if found is None:
            raise Refused(Code.MISSING_FIELD, f"{what}: missing")
        return found


def _read_identifier(value: Any, coded: bool = False, words: tuple[str, ...] = ()) -> str | None:
    text = text_of(value, coded=coded)
    if text is None or is_missing(text, words):
        return None
    if len(text) > MAX_IDENTIFIER:
        raise FormError(f"must not be longer than {MAX_IDENTIFIER} characters")
    return text


_normal = lru_cache(maxsize=50_000)(normal_code)
_identifier = remembering(_read_identifier, 50_000)
"""Codes of institutions, people, visits and classes stand in message after message."""


def _read_time(value: Any) -> str | None:
    return instant_text(value, source("settlement_time"))


_time = remembering(_read_time, 10_000)


def _time_or_day(value: Any) -> str | None:
    try:
        return _time(value)
    except FormError:
        return day_text(value, source("service_date"))


def _flag(value: Any) -> bool | None:
    found = flag_text(value)
    if found not in (None, "0", "1"):
        raise FormError(f"expected 0 or 1, found {found!r}")
    return None if found is None else found == "1"


def _quantity(value: Any) -> Decimal | None:
    text = repr(value) if isinstance(value, float) else None if value is None else str(value).strip()
    if is_missing(text):
        return None
    if text is None or not _WRITTEN.fullmatch(text):
        raise FormError(f"expected a number of units, found {str(value)[:40]!r}")
    number = Decimal(text)
    if not _QUANTITY.fullmatch(plain(number)):
        raise FormError(f"expected at most six decimals, found {str(value)[:40]!r}")
    return number


def plain(number: Decimal) -> str:
    """A number of units without an exponent and without zeros at its end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
