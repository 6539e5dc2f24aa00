"""The rules of the checks over time as typed, dated, cited data. Money is yuan, lengths are days, months or years as named."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from rules.packs.cited import CitedFile, Name, Part, Sentence, read_cited
from rules.text import Text


def _as_decimal(value: Any) -> Any:
    """Numbers stand as text, or as whole numbers: a binary fraction is no amount."""
    if isinstance(value, float):
        raise ValueError(f'write {value} as text, such as "{value}": a binary fraction is no amount')
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


Number = Annotated[Decimal, BeforeValidator(_as_decimal), Field(ge=0, max_digits=18)]
"""An amount, a rate or a quantity that is not negative, as a whole number or as text."""

ByLevel = Annotated[tuple[Number, Number, Number], Field(strict=False)]
"""A number for institutions of level 1 (一级, the campus hospital among them), 2 and 3."""


class Days(Part):
    """Days from the first to the last, both included; open where one is missing."""

    start: Annotated[dt.date | None, Field(alias="from")] = None
    end: Annotated[dt.date | None, Field(alias="to")] = None

    def holds(self, day: dt.date) -> bool:
        """Whether a day is among them."""
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)


class Tier(Part):
    """What a tier (档) of contribution gives: rates by level, caps a year. `hardship` is the cap of ordinary outpatient care of
    students in hardship (困难群体)."""

    rates: ByLevel
    ordinary_outpatient: Number
    hardship: Number
    chronic_outpatient: Number
    accident_outpatient: Number
    inpatient: Number
    major: Number
    overall: Number


class Counted(StrEnum):
    """How the days of a limit are counted."""

    WORKING_DAYS = "working_days"
    CALENDAR_DAYS = "calendar_days"


class Notification(Part):
    """Within how many days of a sudden admission the campus hospital must be told; another reading counts calendar days."""

    days: Annotated[int, Field(ge=1)]
    counted: Counted
    citation: Sentence


class Exclusion(Part):
    """What is not paid whatever it costs (不予支付范围)."""

    id: Name
    text: Text
    citation: Sentence


class StudentPack(CitedFile):
    """Cover of students by year and tier, and what is due of a claim. The insurance year begins on 1 September."""

    enabled: bool
    tiers: dict[int, Tier]
    deductibles: ByLevel
    notification: Notification
    exclusions: tuple[Exclusion, ...]
    articles: dict[Name, Sentence]


class DualChannelPack(CitedFile):
    """What dual-channel drugs (双通道) ask of prescriptions, pharmacies and prices. `years`: how long the rules last from their
    issue, which the lists name."""

    enabled: bool
    years: Annotated[int, Field(ge=1)]
    pharmacies: dict[str, int]
    """Most pharmacies of the first selection by district (区县)."""
    per_chain: Annotated[int, Field(ge=1)]
    articles: dict[Name, Sentence]


class Recognition(Days):
    """Results of an item that another institution recognises: the same item within so many days of the first is looked at.

    `institutions`: those that recognise each other; empty means all. Both days are counted from the first one's day.
    """

    item: Sentence
    days: Annotated[int, Field(ge=0)]
    institutions: tuple[str, ...] = ()
    citation: Sentence


class RecognitionPack(CitedFile):
    """Mutual recognition of examinations (检查检验结果互认)."""

    enabled: bool
    table: tuple[Recognition, ...]


LongitudinalPack = StudentPack | DualChannelPack | RecognitionPack

_KINDS: dict[str, type[StudentPack] | type[DualChannelPack] | type[RecognitionPack]] = {
    "tiers": StudentPack,
    "per_chain": DualChannelPack,
    "table": RecognitionPack,
}


def parse_longitudinal(text: str, name: str) -> LongitudinalPack:
    """Reads one from YAML text; which kind it is, its own sections tell. Raises PackError with every problem."""
    kind = next((kind for word, kind in _KINDS.items() if f"\n{word}:" in f"\n{text}"), StudentPack)
    return read_cited(text, name, kind)
