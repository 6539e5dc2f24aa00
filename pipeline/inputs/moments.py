"""Forms of days and times in files: each read by an expression over a column, and by plain Python for a single value.

Both readings are exact: a text that is not in the form, digit by digit, is no day and no time.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import cache

import polars as pl

DAY_US = 86_400_000_000
CHINA = "+08:00"
RFC3339, EPOCH_S, EPOCH_MS = "rfc3339", "epoch_s", "epoch_ms"
NAMED = (RFC3339, EPOCH_S, EPOCH_MS)

PLAIN_TIME = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$"
)
_TOKEN = re.compile(r"yyyy|MM|M|dd|d|HH|H|mm|ss|SSS|T(?=H)|[A-Za-z]+|.", re.DOTALL)
_PARTS = {
    "yyyy": ("year", "%Y", r"[0-9]{4}"),
    "MM": ("month", "%m", r"[0-9]{2}"),
    "M": ("month", "%m", r"[0-9]{1,2}"),
    "dd": ("day", "%d", r"[0-9]{2}"),
    "d": ("day", "%d", r"[0-9]{1,2}"),
    "HH": ("hour", "%H", r"[01][0-9]|2[0-3]"),
    "H": ("hour", "%H", r"[01]?[0-9]|2[0-3]"),
    "mm": ("minute", "%M", r"[0-5][0-9]"),
    "ss": ("second", "%S", r"[0-5][0-9]"),
    "SSS": ("millisecond", "%3f", r"[0-9]{3}"),
}
_SPECIAL = r"\.+*?()|[]{}^$"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class FormSyntaxError(ValueError):
    """A form of days or times that cannot be read; the message says what may stand in one."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form of text. `pattern` matches exactly its texts, `strftime` is polars' way to write it."""

    text: str
    pattern: str
    strftime: str
    has_clock: bool

    def match(self, text: str) -> dt.datetime | None:
        """The local time that a text in this form says; None for any other."""
        found = re.match(self.pattern, text, re.ASCII)
        if found is None:
            return None
        part = {name: int(digits) for name, digits in found.groupdict().items()}
        try:
            return dt.datetime(  # noqa: DTZ001  # the zone is the source's, a setting of its own
                part["year"],
                part["month"],
                part["day"],
                part.get("hour", 0),
                part.get("minute", 0),
                part.get("second", 0),
                part.get("millisecond", 0) * 1000,
            )
        except ValueError:
            return None


@cache
def compile_form(text: str) -> Form | None:
    """A form as written in a mapping; None for a named one. Raises FormSyntaxError."""
    if text in NAMED:
        return None
    seen: dict[str, str] = {}
    pattern, strftime = "", ""
    tokens = _TOKEN.findall(text)
    for number, token in enumerate(tokens):
        if token not in _PARTS:
            if token.isascii() and token.isalpha() and token != "T":
                raise FormSyntaxError(
                    f"{text!r}: {token!r} means nothing; expected yyyy, MM or M, dd or d, HH or H, mm, ss, SSS, "
                    f"or one of {', '.join(NAMED)}"
                )
            pattern += f"\\{token}" if token in _SPECIAL else token
            strftime += "%%" if token == "%" else token
            continue
        name, code, digits = _PARTS[token]
        if name in seen:
            raise FormSyntaxError(f"{text!r}: the {name} stands twice ({seen[name]}, {token})")
        if token in ("M", "d", "H") and number + 1 < len(tokens) and tokens[number + 1] in _PARTS:
            raise FormSyntaxError(f"{text!r}: nothing separates {token} from what follows")
        seen[name] = token
        pattern += f"(?P<{name}>{digits})"
        strftime += code
    missing = [name for name in ("year", "month", "day") if name not in seen]
    if missing:
        slip = "; months are MM, mm are minutes" if "month" in missing and "minute" in seen else ""
        raise FormSyntaxError(f"{text!r}: says no {' and no '.join(missing)}{slip}")
    for name, needs in (("minute", "hour"), ("second", "minute"), ("millisecond", "second"), ("hour", "minute")):
        if name in seen and needs not in seen:
            raise FormSyntaxError(f"{text!r}: the {name} needs the {needs}")
    return Form(text, f"^{pattern}$", strftime, "hour" in seen)


# -- one value ----------------------------------------------------------------------------------------------------


def moment_of(text: str, forms: tuple[str, ...], offset: str) -> tuple[dt.datetime, bool] | None:
    """The moment that a text says in the first form that fits, and whether it had a clock time; None if none fits."""
    for name in forms:
        form = compile_form(name)
        if form is not None:
            local = form.match(text)
            if local is not None:
                return local.replace(tzinfo=zone(offset)), form.has_clock
        else:
            moment = _named(name, text)
            if moment is not None:
                return moment, True
    return None


def _named(name: str, text: str) -> dt.datetime | None:
    if name == RFC3339:
        if not re.match(r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:[0-5]\d)$", text, re.ASCII):
            return None
        try:
            return dt.datetime.fromisoformat(text.upper())
        except ValueError:
            return None
    if not re.match(r"^-?[0-9]{1,15}$", text):
        return None
    try:
        return _EPOCH + dt.timedelta(**{"seconds" if name == EPOCH_S else "milliseconds": int(text)})
    except OverflowError:
        return None


@cache
def zone(offset: str) -> dt.timezone:
    """The zone of an offset such as +08:00."""
    return dt.timezone(dt.timedelta(microseconds=offset_us(offset)))


def offset_us(offset: str) -> int:
    """Microseconds that a local time at this offset is ahead of UTC."""
    hours, minutes = offset[1:].split(":")
    return (1 if offset[0] == "+" else -1) * (int(hours) * 3600 + int(minutes) * 60) * 1_000_000


def time_text(moment: dt.datetime) -> str:
    """A moment as the contract writes it, on the clock of China. Raises OverflowError at the calendar's ends."""
    local = moment.astimezone(zone(CHINA))
    return local.isoformat(timespec="microseconds" if local.microsecond else "seconds")


# -- a column -----------------------------------------------------------------------------------------------------


def days_of(text: pl.Expr, forms: tuple[str, ...], offset: str, day_at: str) -> pl.Expr:
    """Days since 1970, counted at `day_at`, that a column of text says; null where no form fits beyond doubt."""
    parts: list[pl.Expr] = []
    for name in forms:
        form = compile_form(name)
        if form is not None and not form.has_clock:
            day = text.str.to_date(form.strftime, strict=False, exact=True).to_physical()
            # polars also reads "2023- 5-10" as a date.
            parts.append(pl.when(text.str.contains(form.pattern)).then(day))
        else:
            parts.append((_instants(text, name, offset) + offset_us(day_at)).floordiv(DAY_US).cast(pl.Int32))
    return parts[0] if len(parts) == 1 else pl.coalesce(*parts)


def instants_of(text: pl.Expr, forms: tuple[str, ...], offset: str) -> pl.Expr:
    """Microseconds since 1970 UTC that a column of text says; null where no form fits beyond doubt."""
    parts = [_instants(text, name, offset) for name in forms]
    return parts[0] if len(parts) == 1 else pl.coalesce(*parts)


def _instants(text: pl.Expr, name: str, offset: str) -> pl.Expr:
    form = compile_form(name)
    if form is not None:
        if form.has_clock:
            local = text.str.to_datetime(form.strftime, time_unit="us", strict=False, cache=False).to_physical()
        else:
            local = text.str.to_date(form.strftime, strict=False, exact=True).to_physical().cast(pl.Int64) * DAY_US
        return pl.when(text.str.contains(form.pattern)).then(local - offset_us(offset))
    if name == RFC3339:
        shift = text.str.slice(19)
        ahead = pl.when(shift == "+08:00").then(8 * 3_600_000_000).when((shift == "Z") | (shift == "+00:00")).then(0)
        local = text.str.slice(0, 19).str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False, cache=False)
        return pl.when(text.str.contains(PLAIN_TIME)).then(local.to_physical() - ahead)
    scale = 1_000_000 if name == EPOCH_S else 1000
    return text.str.extract(r"^(-?[0-9]{1,13})$", 1).cast(pl.Int64, strict=False) * scale


def instant_of_column(raw: pl.Expr, dtype: pl.Datetime, offset: str) -> pl.Expr:
    """Microseconds since 1970 UTC of a column of times; one without a zone is on the source's own clock."""
    if dtype.time_zone is None:
        return raw.cast(pl.Datetime("us")).to_physical() - offset_us(offset)
    return raw.cast(pl.Datetime("us", dtype.time_zone)).to_physical()


def time_texts(instant: pl.Expr) -> pl.Expr:
    """Instants as the contract writes them, on the clock of China."""
    local = (instant + offset_us(CHINA)).cast(pl.Datetime("us"))
    whole = local.dt.to_string("%Y-%m-%dT%H:%M:%S+08:00")
    return pl.when(instant % 1_000_000 == 0).then(whole).otherwise(local.dt.to_string("%Y-%m-%dT%H:%M:%S%.6f+08:00"))
