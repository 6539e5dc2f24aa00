"""What a single value of a source means: the definition that the expressions of `fitting` only make faster.

A value is what its format knows: text, a whole number, a number with a fraction, a decimal, a day, a time, a truth value, or
nested data. Nothing is rounded and nothing is guessed: what has no one meaning raises FormError.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from pipeline.inputs.errors import FormError
from pipeline.inputs.mapping import FieldSource
from pipeline.inputs.moments import RFC3339, moment_of, time_text, zone
from topics.fields import MONEY_PATTERN
from topics.normalisation import normal_id

_NOTHING = ("null", "none", "nan", "nat", "n/a", "#n/a", "na", "nil", "(null)", "<null>", "undefined")
NULL_WORDS = frozenset(
    [form for word in _NOTHING for form in (word, word.upper(), word.title(), word.capitalize())]
    + ["", "NaN", "NaT", "<NA>", "\\N", "-", "--", "---", "/", "无", "不详", "未知", "空", "暂无"]
)
"""What exports write where there is nothing. None of them is a code, an id or an amount of anybody."""

MAX_WHOLE = 10**15
"""A whole number of a spreadsheet or a floating-point column is exact below this; beyond it digits may have been lost."""

DIVISION_IN_CODE = r"^[HP]([0-9]{6})[0-9A-Z]{5}$"
"""The national form of an institution's code (定点医药机构编号): letter, division, number."""

_FLAG_WORDS = {"true": "1", "yes": "1", "y": "1", "是": "1", "false": "0", "no": "0", "n": "0", "否": "0"}
_NEAR = Decimal("0.000001")
"""A floating-point amount this near to two decimals means them (yuan)."""

_MONEY = re.compile(MONEY_PATTERN)
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?")
_IN_BRACKETS = re.compile(r"\([¥￥]?[0-9][0-9,.]*\)")
"""How bookkeepers and spreadsheets write a negative amount; others put any amount in brackets."""
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_EXPONENT = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")


class Number(str):
    """A number of JSON, as it is written there."""

    __slots__ = ()

    @property
    def is_whole(self) -> bool:
        """Whether it is written as a whole number."""
        return self.lstrip("-").isdigit()


# -- text ---------------------------------------------------------------------------------------------------------


_ROUNDED = re.compile(r"[0-9](?:\.[0-9]+)?[Ee]\+[0-9]+")
"""What a spreadsheet writes in place of a long number (5.22701E+12): several codes become one by it."""


def text_of(value: Any, *, coded: bool = False) -> str | None:  # noqa: PLR0911, PLR0912  # one answer for each type
    """A value as a code or id, normalised; None where it says nothing. `coded`: it is looked up in a table of codes.

    Raises FormError for what is no text beyond doubt.
    """
    if value is None:
        return None
    if isinstance(value, Number):
        if value.is_whole:
            return str(value)
        return _whole(value, Decimal(value), coded)
    if isinstance(value, str):
        text = normal_id(value)
        if _ROUNDED.fullmatch(text):
            raise FormError(
                f"a number with an exponent is no code ({text}); digits may have been lost in a spreadsheet"
            )
        return text if not (coded and re.fullmatch(r"[0-9]+\.0+", text)) else text.partition(".")[0]
    if isinstance(value, bool):
        if coded:
            return "1" if value else "0"
        raise FormError("a truth value is no code")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return _whole(value, Decimal(repr(value)), coded)
    if isinstance(value, Decimal):
        return _whole(value, value, coded)
    if isinstance(value, bytes):
        try:
            return normal_id(value.decode())
        except UnicodeDecodeError:
            raise FormError("bytes that are no UTF-8") from None
    if isinstance(value, dt.datetime | dt.date | dt.time):
        raise FormError(f"a {type(value).__name__} where a code was expected")
    raise FormError(f"expected a text, found {_called(value)}")


def _whole(shown: Any, number: Decimal, coded: bool) -> str:
    if not number.is_finite() or number != number.to_integral_value() or abs(number) >= MAX_WHOLE:
        raise FormError(f"a number with a fraction or an exponent is no code ({shown}); digits may have been lost")
    if isinstance(shown, Number) and not coded:
        raise FormError(f"a number with a fraction or an exponent is no code ({shown})")
    return str(int(number))


def _called(value: Any) -> str:
    return {"list": "a list", "dict": "an object", "_Members": "an object"}.get(
        type(value).__name__, type(value).__name__
    )


@cache
def _missing_pattern(words: tuple[str, ...]) -> re.Pattern[str] | None:
    return re.compile("|".join(f"(?:{word})" for word in words)) if words else None


def is_missing(text: str | None, words: tuple[str, ...] = ()) -> bool:
    """Whether a normalised text says nothing: empty, a null word, or one of a mapping's own (regular expressions)."""
    if text is None or text in NULL_WORDS:
        return True
    pattern = _missing_pattern(words)
    return pattern is not None and pattern.fullmatch(text) is not None


# -- amounts ------------------------------------------------------------------------------------------------------


def money_of(value: Any, unit: str = "yuan") -> str | None:  # noqa: PLR0911  # one answer for each type
    """An amount as the contract writes it, in yuan; None where there is none. Raises FormError unless it is exact."""
    if isinstance(value, float):
        if math.isnan(value):
            return None
        near = Decimal(repr(value)) if abs(value) < 1e16 else Decimal("Infinity")
        exact = near.quantize(Decimal("0.01")) if near.is_finite() else near
        if unit == "yuan" and near.is_finite() and abs(near - exact) <= _NEAR * max(abs(near), Decimal(1)):
            return f"{exact:.2f}"
        return _amount(near, unit, value)
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal | None):
        raise FormError(f"expected an amount, found {_called(value)}")
    if value is None:
        return None
    if isinstance(value, str):
        text = normal_id(value).replace("\u2212", "-") if not isinstance(value, Number) else str(value)
        if is_missing(text):
            return None
        if unit == "yuan" and _MONEY.fullmatch(text):
            return text
        return _amount(_decimal(text, isinstance(value, Number)), unit, value)
    return _amount(Decimal(value), unit, value)


def _decimal(text: str, of_json: bool) -> Decimal:
    plain = text if of_json else text.lstrip("¥￥").removesuffix("元").strip()
    if _IN_BRACKETS.fullmatch(plain):
        raise FormError(f"an amount in brackets ({plain}) may mean a negative one; write it with a minus")
    if _GROUPED.fullmatch(plain):
        plain = plain.replace(",", "")
    if not (_EXPONENT if of_json else _DECIMAL).fullmatch(plain):
        raise FormError("expected a decimal string such as 98.70 (optional minus, at most two decimals)")
    try:
        return Decimal(plain)
    except InvalidOperation:
        raise FormError("expected a decimal string such as 98.70") from None


def _amount(number: Decimal, unit: str, shown: Any) -> str:
    if number.is_finite() and unit == "fen":
        if number != number.to_integral_value():
            raise FormError(f"expected whole fen, found {shown}")
        number = number.scaleb(-2)
    if not number.is_finite() or abs(number) >= Decimal(10) ** 16:
        raise FormError(f"expected an amount of at most 16 digits, found {str(shown)[:40]}")
    exact = number.quantize(Decimal("0.01"))
    if exact != number:
        raise FormError(f"expected at most two decimals, found {str(shown)[:40]}")
    return f"{exact:.2f}"


def signed(amount: str, *, negative: bool) -> str:
    """The amount of a refund: negative whatever its sign in the source."""
    return f"{-abs(Decimal(amount)):.2f}" if negative else amount


# -- days and times -----------------------------------------------------------------------------------------------


def day_text(value: Any, source: FieldSource) -> str | None:
    """A day as the contract writes it; None where there is none. Raises FormError."""
    if isinstance(value, dt.datetime):
        return _day_of(_zoned(value, source), source)
    if isinstance(value, dt.date):
        return value.isoformat()
    text = _time_like(value, source)
    if text is None:
        return None
    forms = source.date or ("yyyy-MM-dd",)
    found = moment_of(text, forms, source.offset)
    if found is None:
        raise FormError(
            "expected a calendar date as YYYY-MM-DD" if not source.date else f"expected a day as {' or '.join(forms)}"
        )
    moment, has_clock = found
    return _day_of(moment, source) if has_clock else moment.date().isoformat()


def _day_of(moment: dt.datetime, source: FieldSource) -> str:
    try:
        return moment.astimezone(zone(source.day_at)).date().isoformat()
    except OverflowError:
        raise FormError("the calendar ends there") from None


def instant_text(value: Any, source: FieldSource) -> str | None:
    """A time as the contract writes it; None where there is none. Raises FormError."""
    moment: dt.datetime
    if isinstance(value, dt.datetime):
        moment = _zoned(value, source)
    elif isinstance(value, dt.date):
        raise FormError("expected a time, found a day")
    else:
        text = _time_like(value, source)
        if text is None:
            return None
        forms = source.time or (RFC3339,)
        if source.time == () and moment_of(text, forms, source.offset) is not None:
            return text
        found = moment_of(text, forms, source.offset)
        if found is None:
            raise FormError(
                "expected an RFC 3339 time with offset, as 2023-05-11T09:30:00+08:00"
                if not source.time
                else f"expected a time as {' or '.join(forms)}"
            )
        moment = found[0]
    try:
        return time_text(moment)
    except OverflowError:
        raise FormError("the calendar ends there") from None


def _zoned(value: dt.datetime, source: FieldSource) -> dt.datetime:
    return value if value.tzinfo is not None else value.replace(tzinfo=zone(source.offset))


def _time_like(value: Any, source: FieldSource) -> str | None:
    """The text of a day or time; whole numbers only where a form is named, for 20230510 is one."""
    if isinstance(value, float) and not math.isnan(value):
        raise FormError("a number with a fraction is no day")
    if not isinstance(value, str) and value is not None and not (source.date or source.time):
        raise FormError("expected a text")
    text = text_of(value)
    return None if is_missing(text) else text


# -- codes with a meaning -----------------------------------------------------------------------------------------


def flag_text(value: Any) -> str | None:
    """A flag in its plain form: 1, 1.0, true, 是 and the like are one; None where there is none. Raises FormError."""
    text = text_of(value, coded=True)
    if is_missing(text):
        return None
    assert text is not None
    return _FLAG_WORDS.get(text.lower(), text)


def division_of(code: Any) -> str | None:
    """The division inside an institution's code of the national form; None for any other code. Raises FormError."""
    text = text_of(code)
    found = None if text is None else re.match(DIVISION_IN_CODE, text.upper())
    return found[1] if found else None
