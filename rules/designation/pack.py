"""What an institution must be to be designated (医保定点), as typed, dated, cited data: conditions, grounds of refusal, limits.

`parse_designation` turns the text of a YAML file into a `DesignationPack` or raises `PackError`, which names the file, the line,
the key and what was expected. Lengths are months or working days.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from rules.packs.cited import CitedFile, Name, Part, Sentence, read_cited
from rules.text import Text

Count = Annotated[int, Field(ge=1)]


class Kind(StrEnum):
    """Who applies."""

    MEDICAL = "medical"
    """A medical institution (医疗机构)."""
    PHARMACY = "pharmacy"
    """A retail pharmacy (零售药店)."""


class Condition(Part):
    """A basic condition (基本条件): a fact that must be so, a number of at least so many, or a day so many months ago.

    `beds`: it is asked of institutions with so many beds or more only.
    """

    id: Name
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)]
    text: Text
    at_least: Count | None = None
    months: Count | None = None
    beds: Count | None = None
    citation: Sentence

    @model_validator(mode="after")
    def _one_measure(self) -> Condition:
        if self.at_least is not None and self.months is not None:
            raise ValueError("give at_least or months, not both")
        return self


class Bar(Part):
    """A ground on which an application is not accepted (不予受理情形).

    `months`: it bars for so long from its day; without them as long as it is so. `performance`: it bars on after that until the
    penalty is performed or the liability borne.
    """

    id: Name
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)]
    text: Text
    months: Count | None = None
    performance: bool = False
    citation: Sentence


class Limit(Part):
    """A length of the procedure."""

    value: Count
    citation: Sentence


class Limits(Part):
    """The lengths of the procedure: working days, months for applying again, people for a visit."""

    supplement_days: Limit
    evaluation_days: Limit
    publication_days: Limit
    retry_months: Limit
    second_retry_months: Limit
    agreement_months: Limit
    on_site: Limit
    """Visiting is compulsory for whoever wants to settle inpatients; so many people at least make the visit."""
    visit_citation: Sentence


class DesignationPack(CitedFile):
    """One authority's rules of evaluation. `territory` is the prefix of the division codes in which they hold."""

    conditions: Annotated[tuple[Condition, ...], Field(min_length=1)]
    bars: Annotated[tuple[Bar, ...], Field(min_length=1)]
    limits: Limits

    @model_validator(mode="after")
    def _once_each(self) -> DesignationPack:
        names = [*(one.id for one in self.conditions), *(bar.id for bar in self.bars)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"a condition or a ground stands twice: {', '.join(twice)}")
        return self


def parse_designation(text: str, name: str) -> DesignationPack:
    """Reads rules of evaluation from YAML text; `name` (a file name) is used in errors.

    Raises PackError with every problem: file, line and key, the value found and what was expected.
    """
    return read_cited(text, name, DesignationPack)
