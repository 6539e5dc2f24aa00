"""The parts of a pack's `ledger:` section: parameters, items of the scoring standard, bonus grounds, deadlines, settings."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)

from rules.text import Text
from rules.vocabulary import DerivedTrigger, EventType

Sentence = Annotated[str, StringConstraints(min_length=1)]
Count = Annotated[int, Field(ge=1)]
"""A length of time, a number of points or of people: nothing of the law is reached at none, or lasts for none."""
Amount = Annotated[int, Field(ge=0)]
Percent = Annotated[int, Field(ge=1, le=100)]
Share = Annotated[float, Field(gt=0, le=1)]
ValueT = TypeVar("ValueT")

NEVER = 10**9
"""Points that nobody reaches."""


def mark(points: int | None) -> int:
    """A mark in points; null says that the text has no such rule, so that nobody reaches it."""
    return NEVER if points is None else points


class Model(BaseModel):
    """What all parts of a pack are: frozen, and closed to keys that nobody reads."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class _Later(Model):
    """What holds from a later day on inside one pack, with the article that says so."""

    start: Annotated[dt.date, Field(alias="from")]
    citation: Sentence


class LaterValue(_Later, Generic[ValueT]):
    """A later value of a parameter."""

    value: ValueT
    note: Text | None = None


class LaterPrice(_Later):
    """A later price of an item of the scoring standard."""

    points: int | tuple[int, int]


class LaterPoints(_Later):
    """What a ground for bonus points grants later."""

    points: Count


class LaterLimit(_Later):
    """A later length of a limit; neither unit where the later text gives no number."""

    working_days: Count | None = None
    months: Count | None = None

    @model_validator(mode="after")
    def _one_unit(self) -> LaterLimit:
        if self.working_days is not None and self.months is not None:
            raise ValueError("give working_days or months, not both")
        return self


class Series(Model):
    """A part of a pack that may change inside it: `then` are its later forms, in the order of the days from which they hold."""

    start: Annotated[dt.date | None, Field(alias="from")]
    then: tuple[_Later, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Series:
        days = [self.start or dt.date.min, *(later.start for later in self.then)]
        if any(following <= day for day, following in pairwise(days)):
            raise ValueError("then: every later value must begin after the one before it")
        return self

    @model_serializer(mode="wrap")
    def _without_empty(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What never changes does not say so."""
        found: dict[str, Any] = handler(self)
        return found if self.then else {name: value for name, value in found.items() if name != "then"}

    def on(self, day: dt.date) -> Self:
        """The form that holds on a day; before the first day on which any does, the first."""
        later = next((item for item in reversed(self.then) if item.start <= day), None)
        return self if later is None else self.model_copy(update={**dict(later), "then": ()})


class Param(Series, Generic[ValueT]):
    """A number of the law: its value, the day from which it holds (None: the text names none), and its article.

    `then` holds the values of later days. Which one counts follows from the day that a question is about: the decision for a
    mark or a length, the day that is looked at for what is shown.
    """

    value: ValueT
    citation: Sentence
    note: Text | None = None
    then: tuple[LaterValue[ValueT], ...] = ()


class Violation(Series):
    """An item of the scoring standard. `points` is the price of one case, or its lowest and highest price.

    `harm` is the element without which the item is not met; `detect` says whether a claim stream can raise a suspicion
    (C) or only an inspection or complaint (I).
    """

    id: Sentence
    points: int | tuple[int, int]
    zh: Sentence
    en: Sentence
    harm: Text | None = None
    detect: Literal["C", "I", "C/I"] | None = None
    citation: Sentence
    then: tuple[LaterPrice, ...] = ()

    @model_validator(mode="after")
    def _price(self) -> Violation:
        if not 1 <= self.low <= self.high:
            found = self.points if isinstance(self.points, int) else list(self.points)
            raise ValueError(
                f"points: expected 1 or more, or the lowest and the highest price of a case (found {found})"
            )
        return self

    @property
    def low(self) -> int:
        """Lowest price of one case, in points."""
        return self.points if isinstance(self.points, int) else self.points[0]

    @property
    def high(self) -> int:
        """Highest price of one case, in points."""
        return self.points if isinstance(self.points, int) else self.points[1]


class BonusGround(Series):
    """A ground for bonus points (加分情形)."""

    id: Sentence
    points: Count
    zh: Sentence
    en: Sentence
    citation: Sentence
    then: tuple[LaterPoints, ...] = ()


def _event_types(found: Any) -> Any:
    known = {item.value for item in EventType}
    unknown = [str(name) for name in found if name not in known] if isinstance(found, list | tuple) else []
    if unknown:
        raise ValueError(f"unknown event types {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    return found


def _trigger(found: Any) -> EventType | DerivedTrigger:
    for kind in (EventType, DerivedTrigger):
        if found in {item.value for item in kind}:
            return kind(found)
    known = ", ".join(sorted([*EventType, *DerivedTrigger]))
    raise ValueError(f"{found!r} sets nothing running; known are {known}")


EventTypes = Annotated[tuple[EventType, ...], BeforeValidator(_event_types)]
Trigger = Annotated[EventType | DerivedTrigger, BeforeValidator(_trigger)]
"""What sets a limit running: the recording of an event, or what the account or the timeline says."""


class Deadline(Series):
    """A limit of the text. At most one of `working_days` and `months`; neither where the text gives no number.

    `trigger` is an event type or a derived fact (`rules.duties`). `met_by` names the event types that record the act,
    `proved_by` those that prove it was done by then; an `act_done` records any of them. `opens`: the limit is a bar,
    and its end the first day on which the actor may act. `right`: somebody may act and need not; unused it lapses (D1).
    `each_site`: every institution of practice owes it. `promptly`: the text says 及时.
    """

    id: Sentence
    working_days: Count | None = None
    months: Count | None = None
    trigger: Trigger
    met_by: EventTypes = ()
    proved_by: EventTypes = ()
    opens: bool = False
    right: bool = False
    each_site: bool = False
    promptly: bool = False
    actor: Text
    act: Text
    citation: Sentence
    then: tuple[LaterLimit, ...] = ()

    @model_validator(mode="after")
    def _one_unit(self) -> Deadline:
        if self.working_days is not None and self.months is not None:
            raise ValueError("give working_days or months, not both")
        return self

    @property
    def acts(self) -> tuple[EventType, ...]:
        """The event types that tell that the act was done."""
        return (*self.met_by, *self.proved_by)


class Option(Model):
    """One reading of an open point. `screening` and `in_force` say what it changes there; ledger readings are code."""

    zh: Sentence
    en: Sentence
    screening: dict[str, dict[str, Any]] | None = None
    in_force: dict[str, dt.date | None] | None = None


class Setting(Model):
    """An open point of the text: the question, the default reading, the rivals, and the reading in force here.

    `evaluated_by`: ledger and screening switch their behaviour; validity moves the pack's dates; none says in `why`
    what the events or claims would have to carry.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    source: Sentence
    question: Text
    evaluated_by: Literal["ledger", "screening", "validity", "none"]
    default: str
    reading: str
    options: Annotated[dict[str, Option], Field(min_length=1)]
    why: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _reading_is_default(cls, data: Any) -> Any:
        if isinstance(data, dict) and "reading" not in data and "default" in data:
            return {**data, "reading": data["default"]}
        return data

    @model_validator(mode="after")
    def _consistent(self) -> Setting:
        for what, name in (("default", self.default), ("reading", self.reading)):
            if name not in self.options:
                raise ValueError(f"{what} {name!r} is not one of the options {', '.join(self.options)}")
        if self.evaluated_by == "none" and self.why is None:
            raise ValueError("a setting that nothing evaluates must say why")
        return self
