"""The `ledger:` section of a pack: every number by which points, windows, bans and bars are counted, dated and cited.

A parameter is `{value, from, citation}`, with later values in `then`. Every point that the text leaves open is a named setting
with its default, its rivals and the reading chosen; `rules.packs.readings.with_readings` makes a pack with other readings. What
each scheme adds stands in its own `parameters` module, with `values`, the plain numbers that its folds work with.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import Field, model_validator

from rules.calendar import WithoutData
from rules.schemes.sections import BonusGround, Deadline, EventTypes, Model, Param, Series, Setting, Violation
from rules.vocabulary import Standing

LedgerT = TypeVar("LedgerT", bound="Ledger")
ValuesT = TypeVar("ValuesT")


class Dated(Generic[ValuesT]):
    """Values by the day: the first holds until the first of `starts` (ordinals), and so on."""

    __slots__ = ("starts", "values")

    def __init__(self, starts: Sequence[int], values: Sequence[ValuesT]) -> None:
        self.starts = tuple(starts)
        self.values = tuple(values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dated) and (self.starts, self.values) == (other.starts, other.values)

    __hash__ = None  # type: ignore[assignment]

    def on(self, ordinal: int) -> ValuesT:
        """What holds on a day."""
        return self.values[bisect_right(self.starts, ordinal)] if self.starts else self.values[0]


Readings = Mapping[str, tuple[str, ...]]
"""The open points that a scheme's folds can read in more than one way: the setting, its default first, then its rivals."""


class Ledger(Model):
    """What the ledger sections of all schemes have.

    A pack lists the points that its text leaves open. One that it does not list is read by the scheme's default, the first of
    the names in `readings`; `screening packs check` and `show` say which those are.
    """

    readings: ClassVar[Readings] = {}

    scheme: str
    events: Annotated[EventTypes, Field(min_length=1)]
    standings: dict[Standing, tuple[str, ...]]
    working_calendar: Param[WithoutData]
    deadlines: tuple[Deadline, ...] = ()
    violations: tuple[Violation, ...] = ()
    bonus_grounds: tuple[BonusGround, ...] = ()
    settings: tuple[Setting, ...] = ()

    @model_validator(mode="after")
    def _known_and_unique(self) -> Ledger:
        for what, ids in (
            ("violations", [item.id for item in self.violations]),
            ("bonus_grounds", [ground.id for ground in self.bonus_grounds]),
            ("settings", [setting.id for setting in self.settings]),
            ("deadlines", [deadline.id for deadline in self.deadlines]),
        ):
            twice = sorted({name for name in ids if ids.count(name) > 1})
            if twice:
                raise ValueError(f"{what}: {', '.join(twice)} stands there twice")
        for setting in self.settings:
            if setting.evaluated_by == "ledger":
                _check(setting.id, setting.options, self.readings)
        return self

    @cached_property
    def _violations(self) -> dict[str, Violation]:
        return {item.id: item for item in self.violations}

    @cached_property
    def _bonus(self) -> dict[str, int]:
        return {ground.id: ground.points for ground in self.bonus_grounds}

    @cached_property
    def _settings(self) -> dict[str, Setting]:
        return {setting.id: setting for setting in self.settings}

    @cached_property
    def _forms(self: LedgerT) -> Dated[LedgerT]:
        """The section as it stands on the days from which any part of it says something else."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        starts = sorted({later.start for part in _series(fields.values()) for later in part.then})
        if not starts:
            return Dated((), (self,))
        forms = [self._on(fields, day) for day in (dt.date.min, *starts)]
        return Dated([day.toordinal() for day in starts], forms)

    def _on(self: LedgerT, fields: Mapping[str, Any], day: dt.date) -> LedgerT:
        def of(value: Any) -> Any:
            if isinstance(value, Series):
                # Before its first later day a series is what it begins with, and no longer a series.
                return value.on(day).model_copy(update={"then": ()})
            return tuple(map(of, value)) if isinstance(value, tuple) else value

        return type(self).model_construct(**{name: of(value) for name, value in fields.items()})

    def on(self: LedgerT, day: dt.date) -> LedgerT:
        """The section as it stands on a day: every parameter, price, bonus and limit at the value of that day."""
        return self._forms.on(day.toordinal())

    def dated(self: LedgerT, values: Callable[[LedgerT], ValuesT]) -> Dated[ValuesT]:
        """What a fold works with, by the day."""
        forms = self._forms
        return Dated(forms.starts, [values(forms.on(day)) for day in (1, *forms.starts)])

    def violation(self, violation_id: str) -> Violation | None:
        """The item of the scoring standard, or None when there is no such item."""
        return self._violations.get(violation_id)

    def bonus_points(self, bonus_id: str) -> int | None:
        """Points that a bonus ground grants, or None when there is no such ground."""
        return self._bonus.get(bonus_id)

    def reading(self, setting: str) -> str:
        """The reading in force: the pack's, or the scheme's default for a point that the pack does not list.

        Raises KeyError, naming the setting, when neither knows it.
        """
        listed = self._settings.get(setting)
        return self.readings[setting][0] if listed is None else listed.reading

    @property
    def transition(self) -> dt.date | None:
        """The day until which local laws of the same subject may go on beside this one; None: the text sets none."""
        return None

    @property
    def unlisted(self) -> dict[str, str]:
        """Open points that the pack does not list and the scheme's default settles, with that default."""
        return {name: options[0] for name, options in self.readings.items() if name not in self._settings}

    @property
    def duties(self) -> tuple[str, ...]:
        """The ids of the limits: what the text asks somebody to do, or lets somebody do."""
        return tuple(item.id for item in self.deadlines)

    @property
    def suspending(self) -> tuple[str, ...]:
        """The ids of the articles that suspend an insured person or a department; most laws have none."""
        return ()

    def deadline(self, deadline_id: str) -> Deadline:
        """A deadline by its id. Raises KeyError when the pack has none of that name."""
        for item in self.deadlines:
            if item.id == deadline_id:
                return item
        raise KeyError(deadline_id)


def _series(values: Iterable[Any]) -> Iterator[Series]:
    for value in values:
        if isinstance(value, Series):
            yield value
        elif isinstance(value, tuple):
            yield from _series(value)


def _check(setting: str, options: Iterable[str], readings: Readings) -> None:
    """Raises ValueError for a setting that the scheme's folds do not evaluate, or an option that they cannot carry out."""
    if setting not in readings:
        known = ", ".join(readings) or "(it has none)"
        raise ValueError(
            f"settings: {setting} is no open point that this scheme's ledger evaluates; those are: {known}"
        )
    unknown = [name for name in options if name not in readings[setting]]
    if unknown:
        raise ValueError(
            f"settings: {setting} has the options {', '.join(unknown)}, which the ledger cannot carry out; "
            f"expected {', '.join(readings[setting])}"
        )
