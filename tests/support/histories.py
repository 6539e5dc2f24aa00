"""Random histories of every scheme, dense in month ends, same days, reviews and contradictions. A seed is a history."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import msgspec

from rules.events import CHINA, TYPES, Event
from tests.support.law import pack

START = {"qiannan": 2023, "lanzhou": 2014, "national": 2025, "national_points": 2026, "xiamen": 2017, "shantou": 2022}
_EDGES = [(1, 1), (1, 31), (2, 28), (3, 31), (5, 31), (8, 31), (11, 30), (12, 31)]


def make(kind: str, day: str | dt.date, number: int, **fields: Any) -> Event:
    """An event of the one physician, recorded at nine o'clock of its day plus `number` seconds."""
    date = dt.date.fromisoformat(day) if isinstance(day, str) else day
    recorded = dt.datetime.combine(date, dt.time(9), CHINA) + dt.timedelta(seconds=number)
    wire = {
        "event_id": f"e{number}",
        "region": "000000",
        "date": date.isoformat(),
        "recorded_at": recorded.isoformat(),
        "physician_code": "P-0001",
        "institution": "H1",
        "type": kind,
        **fields,
    }
    return msgspec.convert(wire, TYPES[kind])


def history(locality: str, seed: int) -> list[Event]:
    """Between 3 and 14 events of one physician, in the order of their dates."""
    chance = random.Random(f"{locality}-{seed}")
    days = [_first(locality), *sorted(_day(locality, chance) for _ in range(chance.randint(2, 13)))]
    events: list[Event] = [make("registration", days[0], 0)]
    if locality == "lanzhou":
        events.append(make("agreement", days[0], 100, **_term(days[0])))
    for number, drawn in enumerate(days[1:], 1):
        day = events[-1].date if chance.random() < 0.15 else drawn
        events.append(_GROWERS[locality](chance, day, number, events))
    return sorted(events, key=lambda event: event.date)


def _first(locality: str) -> dt.date:
    return dt.date(START[locality], 6 if locality == "lanzhou" else 1, 3)


def _day(locality: str, chance: random.Random) -> dt.date:
    year = START[locality] + chance.randint(0, 3)
    if chance.random() < 0.3:
        return max(_first(locality), dt.date(year, *chance.choice(_EDGES)))
    return _first(locality) + dt.timedelta(days=chance.randint(0, 1400))


def _term(day: dt.date) -> dict[str, str]:
    return {"start": day.isoformat(), "end": (day + dt.timedelta(days=729)).isoformat()}


def _refs(events: list[Event], kind: str) -> list[str]:
    return [event.event_id for event in events if event.type_name == kind] or ["none"]


def _deduction(chance: random.Random, day: dt.date, number: int, locality: str) -> Event:
    item = chance.choice(pack(locality).ledger.violations)
    cases = chance.choice([1, 1, 1, 2]) if locality == "qiannan" else 1
    points = chance.randint(item.low, item.high) * cases
    return make("deduction", day, number, points=points, violation_id=item.id, cases=cases)


def _qiannan(chance: random.Random, day: dt.date, number: int, events: list[Event]) -> Event:
    roll = chance.random()
    if roll < 0.45:
        return _deduction(chance, day, number, "qiannan")
    if roll < 0.55:
        ground = chance.choice(pack("qiannan").ledger.bonus_grounds)
        return make("bonus", day, number, points=ground.points, bonus_id=ground.id)
    if roll < 0.7:
        return make("reinstatement", day, number)
    if roll < 0.78:
        kind = chance.choice(["registration", "site_declaration", "opt_out"])
        return make(kind, day, number, institution=chance.choice(["H1", "H2"]))
    kind = chance.choice(["notice_received", "appeal_filed", "appeal_upheld", "appeal_upheld", "appeal_rejected"])
    fields: dict[str, Any] = {"ref": chance.choice(_refs(events, "deduction"))}
    if kind == "appeal_upheld":
        fields["revised_points"] = chance.choice([0, 0, 1, 3])
    return make(kind, day, number, **fields)


def _lanzhou(chance: random.Random, day: dt.date, number: int, events: list[Event]) -> Event:
    del events
    roll = chance.random()
    if roll < 0.55:
        return _deduction(chance, day, number, "lanzhou")
    if roll < 0.7:
        return make("registration", day, number)
    if roll < 0.8:
        return make("retraining_passed", day, number)
    start = day + dt.timedelta(days=chance.choice([0, 0, 20, -20]))
    return make("agreement", day, number, **_term(start))


def _national(chance: random.Random, day: dt.date, number: int, events: list[Event]) -> Event:
    roll = chance.random()
    if roll < 0.5:
        until = chance.choice([None, (day + dt.timedelta(days=chance.randint(0, 200))).isoformat()])
        return make("status", day, number, status=chance.choice(["suspended", "terminated"]), until=until)
    if roll < 0.75:
        return make("repair", day, number, new_until=(day + dt.timedelta(days=chance.randint(-20, 60))).isoformat())
    if roll < 0.9:
        return make("status_corrected", day, number, ref=chance.choice(_refs(events, "status")))
    return make("points_recorded", day, number, points=chance.randint(1, 12))


def _national_points(chance: random.Random, day: dt.date, number: int, events: list[Event]) -> Event:
    roll = chance.random()
    if roll < 0.6:
        months = chance.choice([None, 1, 4])
        return make("points_recorded", day, number, points=chance.randint(-2, 12), suspension_months=months)
    if roll < 0.7:
        return make("registration", day, number)
    if roll < 0.8:
        refs = _refs(events, "points_recorded")
        return make("objection_answered", day, number, ref=chance.choice(refs), answer="upheld")
    return _national(chance, day, number, events)


def _xiamen(chance: random.Random, day: dt.date, number: int, events: list[Event]) -> Event:
    del events
    if chance.random() < 0.7:
        return make("full_12", day, number, period=chance.choice(["p1", "p2"]))
    return make("criminal_liability", day, number)


def _shantou(chance: random.Random, day: dt.date, number: int, events: list[Event]) -> Event:
    del events
    return make("prescriber_listed", day, number, institution=chance.choice(["H1", "H2"]))


_GROWERS = {
    "qiannan": _qiannan,
    "lanzhou": _lanzhou,
    "national": _national,
    "national_points": _national_points,
    "xiamen": _xiamen,
    "shantou": _shantou,
}
