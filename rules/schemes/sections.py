"""The parts of a pack's `ledger:` section: parameters, items of the scoring standard, bonus grounds, deadlines."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from rules.events import TYPES

Sentence = Annotated[str, StringConstraints(min_length=1)]
Count = Annotated[int, Field(ge=1)]
"""A length of time, a number of points or of people: nothing of the law is reached at none, or lasts for none."""
ValueT = TypeVar("ValueT")


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Bilingual(Model):
    """A sentence in both languages."""

    zh: Sentence
    en: Sentence


class Param(Model, Generic[ValueT]):
    """A number of the law: its value, the day from which it holds (None: the text names none), and its article."""

    value: ValueT
    start: Annotated[dt.date | None, Field(alias="from")]
    citation: Sentence
    note: Bilingual | None = None


class Violation(Model):
    """An item of the scoring standard. `points` is the price of one case, or its lowest and highest price.

    `harm` is the element without which the item is not met; `detect` says whether a claim stream can raise a suspicion
    (C) or only an inspection or complaint (I).
    """

    id: Sentence
    points: int | tuple[int, int]
    zh: Sentence
    en: Sentence
    harm: Bilingual | None = None
    detect: Literal["C", "I", "C/I"] | None = None
    start: Annotated[dt.date | None, Field(alias="from")]
    citation: Sentence

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


class BonusGround(Model):
    """A ground for bonus points (加分情形)."""

    id: Sentence
    points: Count
    zh: Sentence
    en: Sentence
    start: Annotated[dt.date | None, Field(alias="from")]
    citation: Sentence


DERIVED_TRIGGERS = frozenset(
    {
        "in_force",
        "end_of_round",
        "caution_low",
        "caution_high",
        "full",
        "penalty",
        "long_penalty",
        "penalty_over",
        "blacklisted",
        "ban_over",
        "first_cancellation",
        "second_cancellation",
        "points_or_status",
        "status_abnormal",
    }
)
"""What sets a limit running besides the recording of an event: what the account or the timeline says. The first two concern
no physician and no event: the agency's own rounds."""


class Deadline(Model):
    """A limit of the text. At most one of `working_days` and `months`; neither where the text gives no number.

    `trigger` is an event type or a derived fact (`rules.duties`). `met_by` names the event types that record the act,
    `proved_by` those that prove it was done by then; without any the register cannot know. `opens`: the limit is a bar,
    and its end the first day on which the actor may act. `each_site`: every institution of practice owes it. `promptly`:
    the text says 及时.
    """

    id: Sentence
    working_days: Count | None = None
    months: Count | None = None
    trigger: Sentence
    met_by: tuple[str, ...] = ()
    proved_by: tuple[str, ...] = ()
    opens: bool = False
    each_site: bool = False
    promptly: bool = False
    actor: Bilingual
    act: Bilingual
    start: Annotated[dt.date | None, Field(alias="from")]
    citation: Sentence

    @model_validator(mode="after")
    def _one_unit(self) -> Deadline:
        if self.working_days is not None and self.months is not None:
            raise ValueError("give working_days or months, not both")
        unknown = [name for name in self.acts if name not in TYPES]
        if unknown:
            raise ValueError(
                f"met_by, proved_by: unknown event types {', '.join(unknown)}; known are {', '.join(sorted(TYPES))}"
            )
        if self.trigger not in TYPES and self.trigger not in DERIVED_TRIGGERS:
            known = ", ".join(sorted({*TYPES, *DERIVED_TRIGGERS}))
            raise ValueError(f"trigger: {self.trigger!r} sets nothing running; known are {known}")
        return self

    @property
    def acts(self) -> tuple[str, ...]:
        """The event types that tell that the act was done."""
        return (*self.met_by, *self.proved_by)
