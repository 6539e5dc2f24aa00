"""The public holidays as a cited data file: the State Council's yearly notices, and what holds before a year's notice is out.

A file is YAML: `years` gives for each year the `source`, its `holidays` and the weekend days that are worked (`make_up_days`,
调休); `statutory` gives the days that are free by law whatever a notice will say. Days are `MM-DD`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator


class HolidaysError(ValueError):
    """A file of holidays that cannot be used; the message names the file and what is wrong."""


def _month_and_day(found: Any) -> Any:
    if not isinstance(found, str) or len(found) != len("MM-DD"):
        raise ValueError(f"{found!r} is no day of the form MM-DD")
    dt.date.fromisoformat(f"2024-{found}")
    return found


_Day = Annotated[str, BeforeValidator(_month_and_day)]
_Year = Annotated[int, Field(ge=1949, le=2199)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Notice(_Model):
    source: Annotated[str, Field(min_length=1)]
    holidays: Annotated[tuple[_Day, ...], Field(min_length=1)]
    make_up_days: tuple[_Day, ...]


class _Statutory(_Model):
    source: Annotated[str, Field(min_length=1)]
    years: dict[_Year, tuple[_Day, ...]]


class _File(_Model):
    years: Annotated[dict[_Year, _Notice], Field(min_length=1)]
    statutory: _Statutory | None = None

    @model_validator(mode="after")
    def _days_exist(self) -> _File:
        for year, notice in self.years.items():
            both = set(notice.holidays) & set(notice.make_up_days)
            if both:
                raise ValueError(f"years.{year}: {', '.join(sorted(both))} stands there as free and as worked")
            for day in notice.make_up_days:
                if _date(year, day).weekday() < 5:
                    raise ValueError(f"years.{year}.make_up_days: {year}-{day} is no weekend day; it is worked anyhow")
        return self


def _date(year: int, day: str) -> dt.date:
    return dt.date.fromisoformat(f"{year}-{day}")


@dataclass(frozen=True, eq=False)
class Holidays:
    """What is known of free and worked days. `digest` is the SHA-256 of all of it, for a decision's provenance."""

    sources: Mapping[int, str]
    free: frozenset[dt.date]
    worked: frozenset[dt.date]
    statutory: frozenset[dt.date]
    digest: str

    @property
    def years(self) -> frozenset[int]:
        """The years whose notice is known."""
        return frozenset(self.sources)

    def with_notices(self, other: Holidays) -> Holidays:
        """These with the years of another file, which take the place of the same years here."""

        def kept(days: frozenset[dt.date]) -> frozenset[dt.date]:
            return frozenset(day for day in days if day.year not in other.years)

        return _holidays(
            {**self.sources, **other.sources},
            kept(self.free) | other.free,
            kept(self.worked) | other.worked,
            self.statutory | other.statutory,
        )


def _holidays(
    sources: Mapping[int, str], free: frozenset[dt.date], worked: frozenset[dt.date], statutory: frozenset[dt.date]
) -> Holidays:
    said = [sorted(sources), *(sorted(day.isoformat() for day in days) for days in (free, worked, statutory))]
    return Holidays(sources, free, worked, statutory, hashlib.sha256(json.dumps(said).encode()).hexdigest())


def parse_holidays(text: str, name: str) -> Holidays:
    """Reads a file of holidays. Raises HolidaysError with everything that is wrong, by file and key."""
    try:
        found = _File.model_validate(yaml.safe_load(text))
        return _holidays(
            {year: notice.source for year, notice in found.years.items()},
            frozenset(_date(year, day) for year, notice in found.years.items() for day in notice.holidays),
            frozenset(_date(year, day) for year, notice in found.years.items() for day in notice.make_up_days),
            frozenset(
                _date(year, day)
                for year, days in (found.statutory.years.items() if found.statutory else ())
                for day in days
            ),
        )
    except yaml.YAMLError as error:
        raise HolidaysError(f"{name}: not YAML: {error}") from error
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise HolidaysError(f"{name}: {told}") from error
    except ValueError as error:
        raise HolidaysError(f"{name}: {error}") from error


@cache
def shipped_holidays() -> Holidays:
    """The holidays that the product ships."""
    file = resources.files("rules") / "calendars" / "china.yaml"
    return parse_holidays(file.read_text("utf-8"), "china.yaml")
