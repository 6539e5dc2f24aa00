"""What can happen to a physician, as the events of the registers: one small function for each kind of history.

The law itself makes the standings out of them (`roster`), so the sample can show nothing that the law would not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from random import Random
from typing import Any

from rules.calendar import corresponding_day, sanction_window
from rules.events import (
    CHINA,
    Agreement,
    AppealFiled,
    AppealUpheld,
    Deduction,
    Event,
    Full12,
    NoticeReceived,
    Registration,
    Reinstatement,
    ReinstatementApplication,
    StatusRecorded,
)

_DAY = dt.timedelta(days=1)
QIANNAN_START = dt.date(2022, 12, 26)
LANZHOU_START, LANZHOU_END = dt.date(2014, 6, 3), dt.date(2019, 4, 30)
_LANZHOU_TERMS = (LANZHOU_START, dt.date(2016, 6, 3), dt.date(2018, 6, 3))

_SIX = "QN-T6-02"
_TWO = "QN-T2-02"
_TWELVE = "QN-T12-02"


class History:
    """The events of one physician as they are made. Ids count up from the physician's own beginning of a name."""

    def __init__(self, region: str, physician_code: str, institution: str, name: str) -> None:
        self.institution = institution
        self.events: list[Event] = []
        self._region = region
        self._code = physician_code
        self._name = name

    def add(self, kind: type[Event], day: dt.date, **fields: Any) -> str:
        """Records an event of a day, that afternoon; returns its id."""
        event_id = f"{self._name}-{len(self.events) + 1}"
        recorded_at = dt.datetime.combine(day, dt.time(16, 30), CHINA)
        common = {"region": self._region, "physician_code": self._code, "institution": self.institution}
        self.events.append(kind(event_id=event_id, date=day, recorded_at=recorded_at, **(common | fields)))
        return event_id

    def deduct(self, day: dt.date, points: int, violation_id: str, cases: int = 1) -> str:
        """Records a decision to deduct points."""
        return self.add(Deduction, day, points=points, violation_id=violation_id, cases=cases)


Maker = Callable[[Random, History], None]
"""Adds the events of one kind of history."""


def _between(rng: Random, first: dt.date, last: dt.date) -> dt.date:
    return first + dt.timedelta(days=rng.randrange((last - first).days + 1))


# -- Qiannan ------------------------------------------------------------------------------------------------------


def _register(rng: Random, history: History) -> None:
    history.add(Registration, QIANNAN_START + dt.timedelta(days=rng.randrange(8)))


def _decided(rng: Random) -> dt.date:
    """Day of a decision; at times one of the awkward ones at the end of a month."""
    if rng.random() < 0.25:
        return rng.choice((dt.date(2023, 5, 31), dt.date(2023, 11, 30), dt.date(2024, 1, 31), dt.date(2024, 2, 29)))
    return _between(rng, dt.date(2023, 3, 1), dt.date(2025, 3, 31))


def _twelve(rng: Random, history: History, decided: dt.date) -> str:
    """Twelve points in two decisions of one year, the second on `decided`; returns the id of the second."""
    earlier = max(dt.date(decided.year, 1, 4), decided - dt.timedelta(days=rng.randrange(10, 40)))
    history.deduct(earlier, 6, _SIX)
    return history.deduct(decided, 6, _SIX)


def normal(rng: Random, history: History) -> None:
    """Registered when the rules began, and nothing since."""
    _register(rng, history)


def registered_later(rng: Random, history: History) -> None:
    """Joined in the middle of the sample's years."""
    history.add(Registration, _between(rng, dt.date(2023, 6, 1), dt.date(2025, 3, 1)))


def training_missing(rng: Random, history: History) -> None:
    """Has a code, but the training is evidenced late or never."""
    history.add(Registration, QIANNAN_START + dt.timedelta(days=rng.randrange(8)), training=False)
    if rng.random() < 0.5:
        history.add(Registration, _between(rng, dt.date(2024, 3, 1), dt.date(2025, 6, 30)))


def cautioned(rng: Random, history: History) -> None:
    """Talked to at 6 points, some warned at 10; 1 January restores the allowance."""
    _register(rng, history)
    year = rng.choice((2023, 2024, 2025))
    first, year_end = _between(rng, dt.date(year, 2, 1), dt.date(year, 11, 30)), dt.date(year, 12, 31)
    history.deduct(first, 6, _SIX)
    if rng.random() < 0.4:
        history.deduct(_between(rng, first + _DAY, year_end), 4, _TWO, cases=2)


def penalised_and_back(rng: Random, history: History) -> None:
    """12 points, a penalty period, some days of waiting, reinstated."""
    _register(rng, history)
    decided = _decided(rng)
    _twelve(rng, history, decided)
    back = sanction_window(decided, 3)[1] + dt.timedelta(days=rng.randrange(8, 60))
    history.add(ReinstatementApplication, back - 5 * _DAY)
    history.add(Reinstatement, back)


def penalised_and_waiting(rng: Random, history: History) -> None:
    """12 points and a penalty period; nobody has asked for reinstatement since."""
    _register(rng, history)
    _twelve(rng, history, _decided(rng))


def penalised_for_a_year(rng: Random, history: History) -> None:
    """12 points in each of two consecutive years: three months first, twelve the second time."""
    _register(rng, history)
    first = _between(rng, dt.date(2023, 3, 1), dt.date(2023, 5, 31))
    _twelve(rng, history, first)
    history.add(Reinstatement, sanction_window(first, 3)[1] + 20 * _DAY)
    _twelve(rng, history, _between(rng, dt.date(2024, 2, 10), dt.date(2024, 8, 31)))


def blacklisted(rng: Random, history: History) -> None:
    """12 points at one time: a penalty period and after it a ban of three years."""
    _register(rng, history)
    history.deduct(_decided(rng), 12, _TWELVE)


def blacklisted_and_returned(rng: Random, history: History) -> None:
    """The register shows a new registration while the ban still runs: people must look."""
    _register(rng, history)
    decided = _decided(rng)
    history.deduct(decided, 12, _TWELVE)
    history.add(Registration, sanction_window(decided, 3)[1] + dt.timedelta(days=rng.randrange(30, 200)))


def reinstated_too_early(rng: Random, history: History) -> None:
    """A reinstatement dated inside the penalty period contradicts the text: people must look."""
    _register(rng, history)
    decided = _decided(rng)
    _twelve(rng, history, decided)
    history.add(Reinstatement, decided + dt.timedelta(days=rng.randrange(15, 60)))


def upheld_late(rng: Random, history: History) -> None:
    """A review request after the seventh working day was upheld all the same: what changes by it goes to people."""
    _register(rng, history)
    decided = _decided(rng)
    decision = _twelve(rng, history, decided)
    history.add(NoticeReceived, decided + 2 * _DAY, ref=decision)
    history.add(AppealFiled, decided + 30 * _DAY, ref=decision)
    history.add(AppealUpheld, decided + 44 * _DAY, ref=decision)


# -- Lanzhou ------------------------------------------------------------------------------------------------------


def lanzhou_normal(_rng: Random, history: History) -> None:
    """Under agreement for the whole time."""
    history.add(Registration, LANZHOU_START)
    for start in _LANZHOU_TERMS:
        history.add(Agreement, start, start=start, end=min(LANZHOU_END, corresponding_day(start, 24) - _DAY))


def lanzhou_suspended(rng: Random, history: History) -> None:
    """6 points: three months' suspension; service goes on by itself afterwards."""
    lanzhou_normal(rng, history)
    decided = _between(rng, dt.date(2018, 7, 20), dt.date(2018, 10, 31))
    history.deduct(decided - dt.timedelta(days=rng.randrange(3, 30)), 5, "LZ-T5-01")
    history.deduct(decided, 1, "LZ-T13-01")


def lanzhou_cancelled(rng: Random, history: History) -> None:
    """10 points: the qualification is cancelled from the next day."""
    lanzhou_normal(rng, history)
    history.deduct(_between(rng, dt.date(2018, 2, 1), dt.date(2018, 10, 31)), 10, "LZ-T10-02")


def lanzhou_expired(rng: Random, history: History) -> None:
    """The agreement ended and was not renewed."""
    history.add(Registration, LANZHOU_START)
    start = _LANZHOU_TERMS[1]
    history.add(Agreement, LANZHOU_START, start=LANZHOU_START, end=start - _DAY)
    history.add(Agreement, start, start=start, end=_between(rng, dt.date(2018, 1, 31), dt.date(2018, 6, 2)))


# -- Xiamen and the national opinion ------------------------------------------------------------------------------


def xiamen_normal(_rng: Random, history: History) -> None:
    """In order throughout, in a place whose text gives no points."""
    history.add(Registration, dt.date(2017, 8, 2))


def xiamen_full_once(rng: Random, history: History) -> None:
    """Reached 12 points once; the source states no effect."""
    xiamen_normal(rng, history)
    first = _between(rng, dt.date(2023, 6, 1), dt.date(2025, 1, 31))
    history.add(Full12, first, period=str(first.year))


def xiamen_blacklisted(rng: Random, history: History) -> None:
    """Reached 12 points twice: blacklisted for good."""
    xiamen_full_once(rng, history)
    second = history.events[-1].date + dt.timedelta(days=rng.randrange(40, 200))
    history.add(Full12, second, period=str(second.year))


def national_normal(_rng: Random, history: History) -> None:
    """On file since the national opinion, in order throughout."""
    history.add(Registration, dt.date(2024, 9, 27))


def national_suspended(rng: Random, history: History) -> None:
    """Filing status suspended for some months, then normal again."""
    national_normal(rng, history)
    first = _between(rng, dt.date(2025, 1, 10), dt.date(2025, 6, 30))
    until = corresponding_day(first, rng.choice((2, 3, 6)))
    history.add(StatusRecorded, first, status="suspended", until=until)


def national_terminated(rng: Random, history: History) -> None:
    """Filing status terminated."""
    national_normal(rng, history)
    first = _between(rng, dt.date(2025, 2, 1), dt.date(2025, 8, 31))
    history.add(StatusRecorded, first, status="terminated")
