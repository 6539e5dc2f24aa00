"""What an application for designated status lacks, what bars it and until when, and the days of its procedure.

Nothing is assumed: a condition or a ground of refusal of which the application says nothing is listed as not told.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError

from rules.calendar import WorkingCalendar, corresponding_day, first_day_after
from rules.designation.pack import Bar, Condition, DesignationPack, Kind

_ONE = dt.timedelta(days=1)


class ApplicationError(ValueError):
    """An application that cannot be read; the message names each field."""


class Past(BaseModel):
    """A ground of refusal that lies in the past: its day, and whether the penalty is performed or the liability borne."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: dt.date
    performed: StrictBool | None = None


class Application(BaseModel):
    """An application as it is told: facts by the ids of conditions, grounds of refusal by theirs (false: there is none).

    `failed` are the days on which results of failed evaluations were delivered, one after the other; `received`, `notified`,
    `supplemented` and `published` those of the procedure.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    beds: int | None = Field(None, ge=0)
    inpatients: StrictBool | None = None
    facts: dict[str, StrictBool | int | dt.date] = {}
    bars: dict[str, StrictBool | Past] = {}
    failed: tuple[dt.date, ...] = ()
    received: dt.date | None = None
    notified: dt.date | None = None
    supplemented: dt.date | None = None
    published: dt.date | None = None


class Result(StrEnum):
    """What the basic conditions come to."""

    MET = "met"
    NOT_MET = "not_met"
    NOT_TOLD = "not_told"


@dataclass(frozen=True, slots=True)
class Barred:
    """A ground that bars, and the first day on which it does not any more (None: once it is mended)."""

    id: str
    free_on: dt.date | None


@dataclass(frozen=True, slots=True)
class Days:
    """The days of the procedure, as far as they follow: the last day to ask for what is missing, the last day of the evaluation
    (None while papers are awaited), and the last day of publication."""

    supplement_by: dt.date | None = None
    evaluate_by: dt.date | None = None
    publish_until: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """The answer about an application on a day.

    `missing` and `not_told` are ids of conditions and grounds. `earliest` is the first day on which all could be met where time
    alone is lacking. `visit`: whether a visit on site is compulsory; None: whether inpatients are to be settled was not told.
    """

    result: Result
    missing: tuple[str, ...]
    not_told: tuple[str, ...]
    barred: tuple[Barred, ...]
    earliest: dt.date | None
    visit: bool | None
    days: Days


RETRY = "retry"
"""Stands among the bars for an application that comes too early after a failed evaluation."""


def read_application(data: object, pack: DesignationPack) -> Application:
    """An application from the data of a file. Raises ApplicationError with every field that is wrong or that nobody asks."""
    try:
        found = Application.model_validate(data)
    except ValidationError as error:
        told = [f"{'.'.join(map(str, one['loc'])) or '(top)'}: {one['msg']}" for one in error.errors()]
        raise ApplicationError("; ".join(dict.fromkeys(told))) from None
    conditions = {one.id: one for one in pack.conditions if found.kind in one.kinds}
    bars = {one.id: one for one in pack.bars if found.kind in one.kinds}
    faults = [
        f"{where}.{name}: nothing asks for it; known for {found.kind} are {', '.join(known)}"
        for where, given, known in (("facts", found.facts, conditions), ("bars", found.bars, bars))
        for name in given
        if name not in known
    ]
    faults += [
        f"facts.{name}: expected {wanted}, found {found.facts[name]}"
        for name, one in conditions.items()
        if name in found.facts and (wanted := _misfit(one, found.facts[name]))
    ]
    for name, one in bars.items():
        told_as = found.bars.get(name)
        if one.months is not None and told_as is True:
            faults.append(f"bars.{name}: it lasts from its day on; expected false or {{since: YYYY-MM-DD}}")
        if one.months is None and isinstance(told_as, Past):
            faults.append(f"bars.{name}: it lasts as long as it is so; expected true or false")
    order = [(name, day) for name in _PROCEDURE if (day := getattr(found, name)) is not None]
    faults += [
        f"{later}: {day} lies before {earlier} {before}"
        for (earlier, before), (later, day) in pairwise(order)
        if day < before
    ]
    if found.supplemented is not None and found.notified is None:
        faults.append("supplemented: nothing was asked for; notified is missing")
    if faults:
        raise ApplicationError("; ".join(faults))
    return found


_PROCEDURE = ("received", "notified", "supplemented", "published")
"""The days of the procedure in their order."""


def _misfit(condition: Condition, fact: bool | int | dt.date) -> str | None:
    """What a fact should have been; None where it fits its condition."""
    if condition.months is not None:
        return None if isinstance(fact, dt.date) else "a day"
    if condition.at_least is not None:
        return None if isinstance(fact, int) and not isinstance(fact, bool) and fact >= 0 else "a number"
    return None if isinstance(fact, bool) else "true or false"


def check(pack: DesignationPack, application: Application, on: dt.date, calendar: WorkingCalendar) -> Check:
    """What an application lacks on a day. Raises OverflowError or ValueError for days past the year 9999."""
    missing: list[str] = []
    not_told: list[str] = []
    waits: list[dt.date] = []
    mends = False
    for condition in _asked(pack, application, not_told):
        fact = application.facts.get(condition.id)
        if fact is None:
            not_told.append(condition.id)
        elif condition.months is not None and isinstance(fact, dt.date):
            reached = corresponding_day(fact, condition.months)
            if reached > on:
                missing.append(condition.id)
                waits.append(reached)
        elif not _holds(condition, fact):
            missing.append(condition.id)
            mends = True
    barred = list(_barred(pack, application, on, not_told))
    whole = Result.NOT_TOLD if not_told else Result.MET
    mends |= any(one.free_on is None for one in barred)
    waits += [one.free_on for one in barred if one.free_on is not None]
    return Check(
        result=Result.NOT_MET if missing or barred else whole,
        missing=tuple(missing),
        not_told=tuple(not_told),
        barred=tuple(barred),
        earliest=max(waits) if waits and not mends else None,
        visit=application.inpatients if application.kind is Kind.MEDICAL else False,
        days=_days(pack, application, calendar),
    )


def _holds(condition: Condition, fact: bool | int | dt.date) -> bool:
    """Whether a fact that is no day meets its condition."""
    if condition.at_least is None:
        return fact is True
    return isinstance(fact, int) and fact >= condition.at_least


def _asked(pack: DesignationPack, application: Application, not_told: list[str]) -> Iterator[Condition]:
    """The conditions that the applicant has to meet; where the number of beds decides and was not told, that is not told."""
    for condition in pack.conditions:
        if application.kind not in condition.kinds:
            continue
        if condition.beds is not None and application.beds is None:
            if "beds" not in not_told:
                not_told.append("beds")
        elif condition.beds is None or (application.beds or 0) >= condition.beds:
            yield condition


def _barred(pack: DesignationPack, application: Application, on: dt.date, not_told: list[str]) -> Iterator[Barred]:
    for bar in pack.bars:
        if application.kind not in bar.kinds:
            continue
        said = application.bars.get(bar.id)
        if said is None:
            not_told.append(bar.id)
        elif said is True:
            yield Barred(bar.id, None)
        elif isinstance(said, Past):
            yield from _past(bar, said, on, not_told)
    if application.failed:
        limits = pack.limits
        length = limits.retry_months if len(application.failed) == 1 else limits.second_retry_months
        free = first_day_after(max(application.failed), length.value)
        if free > on:
            yield Barred(RETRY, free)


def _past(bar: Bar, said: Past, on: dt.date, not_told: list[str]) -> Iterator[Barred]:
    """A ground of the past bars for its months, and on until the penalty is performed where the text says so."""
    free = first_day_after(said.since, bar.months or 0)
    if bar.performance and said.performed is False:
        yield Barred(bar.id, None)
    elif free > on:
        yield Barred(bar.id, free)
    elif bar.performance and said.performed is None:
        not_told.append(bar.id)


def _days(pack: DesignationPack, application: Application, calendar: WorkingCalendar) -> Days:
    """The days of the procedure. The time in which the applicant supplies what is missing does not count."""
    limits, found = pack.limits, application
    if found.received is None:
        return Days(publish_until=_published(pack, application, calendar))
    evaluate: dt.date | None = None
    if found.notified is None or found.supplemented is not None:
        evaluate, left = found.received, limits.evaluation_days.value
        while left > 0:
            evaluate += _ONE
            stopped = (
                found.notified is not None
                and found.supplemented is not None
                and found.notified < evaluate <= found.supplemented
            )
            left -= calendar.is_working_day(evaluate) and not stopped
    return Days(
        supplement_by=calendar.deadline(found.received, limits.supplement_days.value),
        evaluate_by=evaluate,
        publish_until=_published(pack, application, calendar),
    )


def _published(pack: DesignationPack, application: Application, calendar: WorkingCalendar) -> dt.date | None:
    if application.published is None:
        return None
    return calendar.deadline(application.published, pack.limits.publication_days.value)


def agreement(pack: DesignationPack, first: dt.date, months: int | None = None) -> tuple[dt.date, dt.date]:
    """The days of an agreement that begins on `first`: so many months, by default what the text calls normal (1 year).

    It ends on the day before the corresponding day: an agreement from 1 July lasts until 30 June.
    """
    length = pack.limits.agreement_months.value if months is None else months
    return first, corresponding_day(first, length) - _ONE
