"""Field types that the messages share, with errors that say what was expected."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, StringConstraints
from pydantic_core import PydanticCustomError

from topics.normalisation import normal_code, normal_id

MONEY_PATTERN = r"-?[0-9]{1,16}(\.[0-9]{1,2})?"
DATE_PATTERN = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIME_PATTERN = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-5][0-9])"
REGION_PATTERN = r"[0-9]{6}"

MAX_IDENTIFIER = 256
"""Longest identifier or code, in characters. The national interface has at most 30. Identifiers are repeated in verdicts and
cases, so an unbounded one could make a verdict that its topic does not take."""

_MONEY = re.compile(MONEY_PATTERN)
_DATE = re.compile(DATE_PATTERN)
_TIME = re.compile(TIME_PATTERN)
_REGION = re.compile(REGION_PATTERN)


def utc_text(moment: dt.datetime) -> str:
    """A moment as messages have it: RFC 3339 in UTC, to the millisecond."""
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _money(value: str) -> str:
    if not _MONEY.fullmatch(value):
        raise PydanticCustomError(
            "money", "expected a decimal string such as 98.70 (optional minus, at most two decimals)"
        )
    return value


def _identifier(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("blank", "must not be empty or blank")
    return _short(value)


def _short(value: str) -> str:
    if len(value) > MAX_IDENTIFIER:
        raise PydanticCustomError("too_long", f"must not be longer than {MAX_IDENTIFIER} characters")
    return value


def _region(value: str) -> str:
    if not _REGION.fullmatch(value):
        raise PydanticCustomError("region", "expected an administrative division code of six digits")
    return value


def _normal(normal: Callable[[str], str]) -> Callable[[Any], Any]:
    return lambda value: normal(value) if isinstance(value, str) else value


def _unless_blank(value: str) -> str:
    return normal_code(value) or value


def _date(value: Any) -> Any:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "Input should be a valid string")
    try:
        if not _DATE.fullmatch(value):
            raise ValueError
        return dt.date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("date", "expected a calendar date as YYYY-MM-DD") from None


def _time(value: str) -> str:
    try:
        if not _TIME.fullmatch(value):
            raise ValueError
        dt.datetime.fromisoformat(value.upper())
    except ValueError:
        raise PydanticCustomError(
            "time", "expected an RFC 3339 time with offset, as 2023-05-11T09:30:00+08:00"
        ) from None
    return value


Money = Annotated[str, AfterValidator(_money)]
"""Decimal string in yuan, at most two decimals; negative for reversals (冲正)."""

Identifier = Annotated[str, AfterValidator(_identifier)]
"""A string that is not blank, at most MAX_IDENTIFIER characters."""

OptionalCode = Annotated[str, AfterValidator(_short)]
"""A code that may be empty or blank, which then means missing; at most MAX_IDENTIFIER characters."""

Region = Annotated[str, AfterValidator(_region)]
"""Administrative division code (行政区划代码), six digits."""

NormalId = Annotated[str, BeforeValidator(_normal(normal_id)), AfterValidator(_identifier)]
"""An id in its normal form (see `normalisation`), not blank, at most MAX_IDENTIFIER characters."""

NormalCode = Annotated[str, BeforeValidator(_normal(normal_code)), AfterValidator(_identifier)]
"""A code in its normal form, not blank, at most MAX_IDENTIFIER characters."""

OptionalNormalCode = Annotated[str, BeforeValidator(_normal(_unless_blank)), AfterValidator(_short)]
"""A code in its normal form that may be empty, which then means missing."""

NormalRegion = Annotated[str, BeforeValidator(_normal(normal_code)), AfterValidator(_region)]
"""Administrative division code in its normal form, six digits."""

IsoDate = Annotated[dt.date, BeforeValidator(_date), PlainSerializer(dt.date.isoformat, when_used="json")]
"""Calendar date, YYYY-MM-DD."""

Timestamp = Annotated[str, AfterValidator(_time)]
"""RFC 3339 time with offset."""

PackName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*@[0-9]+$")]
"""Rule pack and version, such as qiannan-2022@1."""
