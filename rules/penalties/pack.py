"""A discretion standard (裁量基准) as typed, dated, cited data: articles, their tiers, bands, fines and suspensions.

`parse_penalties` turns the text of a YAML file into a `PenaltyPack` or raises `PackError`, which names the file, the line, the
key and what was expected. Amounts are yuan, shares per cent of last year's payments (上年度医保基金支付额), times are
multiples of the amount, lengths are months.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from rules.packs.cited import CitedFile, Name, Part, Sentence, read_cited
from rules.packs.errors import PackError
from rules.text import Text

Number = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]


class Grade(StrEnum):
    """How a tier weighs, from the lightest to the gravest."""

    NO_BREACH = "no_breach"
    """The text excepts the act; nothing was breached."""
    NONE = "none"
    """No penalty (不予处罚)."""
    REDUCED = "reduced"
    """Below the regulation's range (减轻处罚)."""
    LENIENT = "lenient"
    """In the lower part of the range (从轻处罚)."""
    ORDINARY = "ordinary"
    """None of the others (一般处罚)."""
    SEVERE = "severe"
    """In the upper part of the range (从重处罚)."""


class Fact(StrEnum):
    """What is asked about a case and answered with yes or no."""

    FIRST = "first"
    """First offence (初次违法)."""
    CORRECTED = "corrected"
    """Corrected in time (及时改正); money returned on one's own before the order counts as this."""
    REFUSES = "refuses"
    """Refuses to correct (责令改正拒不改正); money not returned after the order counts as this."""
    OBSTRUCTS = "obstructs"
    """Refuses the inspection or gives false facts (拒绝监督检查或者提供虚假情况)."""
    INTENT = "intent"
    """Done in order to defraud the fund (以骗取医保基金为目的)."""
    PERSONAL_ACCOUNT = "personal_account"
    """All of the money came from the person's own account (均由医保个人账户支付)."""
    SELF_FOUND = "self_found"
    """Found by the institution itself (主动自查自纠), and not in an inspection."""
    SINGLE = "single"
    """The act of single persons or departments (个别人或个别部门行为)."""
    SERIOUS = "serious"
    """Serious circumstances, a major risk or a bad influence (情节严重)."""
    EMERGENCY = "emergency"
    """An emergency, a rescue or the like (急诊、抢救等特殊情形)."""


class Band(Part):
    """A range of numbers, `(over, up_to]`: 以上 excludes its number and 以下 includes it. `exactly` is one number."""

    over: Number | None = None
    up_to: Number | None = None
    exactly: Number | None = None

    @model_validator(mode="after")
    def _holds_something(self) -> Band:
        if self.exactly is not None:
            if self.over is not None or self.up_to is not None:
                raise ValueError("give exactly, or over and up_to, not both")
        elif self.over is None and self.up_to is None:
            raise ValueError("a band needs over, up_to or exactly")
        elif self.over is not None and self.up_to is not None and self.up_to <= self.over:
            raise ValueError(f"up_to: {self.up_to} is not above over: {self.over}; no number would lie in the band")
        return self

    def holds(self, number: Decimal) -> bool:
        """Whether a number lies in the band."""
        if self.exactly is not None:
            return number == self.exactly
        return (self.over is None or number > self.over) and (self.up_to is None or number <= self.up_to)

    def times(self, factor: Decimal) -> Band:
        """The band of what numbers in this one give when multiplied. A factor of nothing gives exactly nothing."""
        if not factor:
            return Band(exactly=Decimal(0))
        return Band(**{name: value * factor for name, value in self if value is not None})

    @property
    def edges(self) -> tuple[Decimal, ...]:
        """The numbers at which the band begins or ends."""
        return tuple(number for _, number in self if number is not None)


class Fine(Part):
    """A fine: in yuan, or as a multiple of the amount (times)."""

    unit: Literal["times", "yuan"]
    band: Band


class Suspension(Part):
    """What is suspended and for how many months: a department's services at the fund's cost, or an insured person's networked
    settlement (联网结算).

    `or_ended`: up to the end of the service agreement. `if_refuses`: only where the offender refuses to correct.
    """

    of: Literal["department", "networked_settlement"]
    months: Band
    or_ended: bool = False
    if_refuses: bool = False

    @model_validator(mode="after")
    def _whole_months(self) -> Suspension:
        if any(edge != int(edge) for edge in self.months.edges):
            raise ValueError("months: expected whole months, because a suspension ends on a corresponding day")
        return self


class Remark(Part):
    """What the text leaves to a person although the tier is found: the facts for which it does, and what is left."""

    when: dict[Fact, bool]
    text: Text
    citation: Sentence


class Tier(Part):
    """One tier (裁量阶次): what a case must be, and what follows.

    `needs` are the facts asked for; `items` the numbered acts of the article that it is about; `amount` and `share` the bands.
    `instead_of_amount` is a fact that the text gives as an alternative to the band of the amount.
    """

    id: Name
    grade: Grade
    needs: dict[Fact, bool] = Field(default_factory=dict)
    items: tuple[int, ...] = ()
    amount: Band | None = None
    share: Band | None = None
    instead_of_amount: Fact | None = None
    fine: Fine | None = None
    suspension: Suspension | None = None
    acts: tuple[Name, ...] = ()
    by_hand: Remark | None = None
    citation: Sentence


class Article(Part):
    """One article: whose act, which act, which article of the regulation it details, and its tiers in the order of weight.

    `if_intent` names the article by which the same acts are judged when they were done in order to defraud.
    """

    id: Name
    title: Text
    regulation: Text
    items: tuple[Text, ...] = ()
    acts: tuple[Name, ...] = ()
    if_intent: Name | None = None
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]
    citation: Sentence

    def tier(self, name: str) -> Tier:
        """The tier of a name. Raises StopIteration for an unknown one."""
        return next(tier for tier in self.tiers if tier.id == name)


class ReadingOption(Part):
    """One reading: its words, and the bands of amounts that it gives to tiers, named `article.tier`."""

    zh: Sentence
    en: Sentence
    amounts: dict[str, Band] = Field(default_factory=dict)


class Reading(Part):
    """A place where the text can be read in several ways; `reading` is the one in force."""

    id: Name
    question: Text
    reading: Name
    options: Annotated[dict[Name, ReadingOption], Field(min_length=2)]
    citation: Sentence

    @model_validator(mode="after")
    def _exists(self) -> Reading:
        if self.reading not in self.options:
            raise ValueError(f"reading {self.reading!r} is not one of the options {', '.join(self.options)}")
        return self


class General(Part):
    """The articles that hold for all tiers: where each of these rules stands."""

    bounds: Sentence
    mixed: Sentence
    corrected: Sentence
    refuses: Sentence
    obstructs: Sentence


class PenaltyPack(CitedFile):
    """One authority's discretion standard. `territory` is the prefix of the division codes in which it holds."""

    general: General
    acts: dict[Name, Text]
    readings: tuple[Reading, ...] = ()
    articles: Annotated[tuple[Article, ...], Field(min_length=1)]

    def article(self, name: str) -> Article:
        """The article of an act. Raises KeyError, which lists the acts that there are."""
        for article in self.articles:
            if article.id == name:
                return article
        raise KeyError(f"no act is called {name}; there are: {', '.join(article.id for article in self.articles)}")

    def read(self, choices: Mapping[str, str]) -> PenaltyPack:
        """The pack under chosen readings, `{reading: option}`. Raises PackError for what does not exist."""
        known = {reading.id: reading for reading in self.readings}
        for name, option in choices.items():
            if name not in known:
                raise PackError(
                    f"{self.name}: no reading is called {name!r}; there are: {', '.join(known) or '(none)'}"
                )
            if option not in known[name].options:
                expected = ", ".join(known[name].options)
                raise PackError(f"{self.name}: reading {name} has no option {option!r}; expected one of {expected}")
        readings = tuple(
            reading.model_copy(update={"reading": choices.get(reading.id, reading.reading)})
            for reading in self.readings
        )
        bands: dict[str, Band] = {}
        for reading in readings:
            bands |= reading.options[reading.reading].amounts
        articles = tuple(
            article.model_copy(
                update={
                    "tiers": tuple(
                        tier.model_copy(update={"amount": bands.get(f"{article.id}.{tier.id}", tier.amount)})
                        for tier in article.tiers
                    )
                }
            )
            for article in self.articles
        )
        return self.model_copy(update={"readings": readings, "articles": articles})

    def readings_of(self, article: Article) -> Iterator[Reading]:
        """The readings that concern an article."""
        for reading in self.readings:
            touched = {name.partition(".")[0] for option in reading.options.values() for name in option.amounts}
            if article.id in touched:
                yield reading

    @model_validator(mode="after")
    def _names_exist(self) -> PenaltyPack:
        articles = {article.id for article in self.articles}
        tiers = {f"{article.id}.{tier.id}" for article in self.articles for tier in article.tiers}
        if len(articles) < len(self.articles) or len(tiers) < sum(len(article.tiers) for article in self.articles):
            raise ValueError("an article, or a tier of one article, stands twice")
        for article in self.articles:
            for name in (*article.acts, *(act for tier in article.tiers for act in tier.acts)):
                if name not in self.acts:
                    raise ValueError(f"article {article.id}: {name!r} is none of the acts {', '.join(self.acts)}")
            if article.if_intent is not None and article.if_intent not in articles:
                raise ValueError(f"article {article.id}: if_intent names {article.if_intent!r}, which is no article")
        for reading in self.readings:
            for option in reading.options.values():
                if unknown := option.amounts.keys() - tiers:
                    raise ValueError(f"reading {reading.id}: {', '.join(sorted(unknown))} is no article.tier")
        return self


def parse_penalties(text: str, name: str) -> PenaltyPack:
    """Reads a discretion standard from YAML text, under its readings in force; `name` (a file name) is used in errors.

    Raises PackError with every problem: file, line and key, the value found and what was expected.
    """
    return read_cited(text, name, PenaltyPack).read({})
