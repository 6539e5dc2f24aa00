"""What a worked case is: one history and one claim, adapted to events and to a claim's facts.

Cases carry days only: the place in `history` stands for the time of recording (determination G1).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from rules.events import CHINA, NEEDS_INSTITUTION, TYPES, Event
from rules.vocabulary import Subject

Json = dict[str, Any]

REGIONS = {
    "qiannan": "522700",
    "lanzhou": "620100",
    "national": "000000",
    "xiamen": "350200",
    "shantou": "440500",
    "national_points": "990000",
    "jiangxi": "360100",
}
"""Region by which a case of a locality finds its pack."""

SWITCHED_ON = ("shantou-2022-draft", "national-points-model")
"""The packs that are off by default and that worked cases are judged by."""

NOBODY = "(the claim's physician)"
"""Whose events those are of a case whose claim names no physician."""

INSURED = "(the claim's insured person)"
"""Who is insured on a case whose claim does not say."""

_BASE = dt.datetime(2000, 1, 1, tzinfo=CHINA)


class CaseError(ValueError):
    """A case that does not follow the schema; the message names the field."""


@dataclass(frozen=True, slots=True)
class Case:
    """A case, adapted: its events in the order of recording, and its claim's facts.

    `region` is the place of care, the locality's own where the claim names none.
    """

    id: str
    locality: str
    region: str
    events: tuple[Event, ...]
    claim: Json
    day: dt.date
    first_day: dt.date | None
    expect: Json | None


def read_case(data: Any) -> Case:
    """Adapts one case. Raises CaseError for a case that does not follow the schema."""
    if not isinstance(data, dict):
        raise CaseError(f"expected a JSON object, found {type(data).__name__}")
    case_id = str(data.get("id", "(no id)"))
    locality = data.get("locality")
    if locality not in REGIONS:
        raise CaseError(f"locality: {locality!r} found; expected one of {', '.join(REGIONS)}")
    claim = _mapping(data, "claim")
    history = data.get("history")
    if not isinstance(history, list):
        raise CaseError(f"history: expected a list, found {type(history).__name__}")
    day = _date(claim, "service_date")
    as_of = _date(data, "as_of") if data.get("as_of") is not None else dt.date.max
    expect = data.get("expect")
    if expect is not None and not isinstance(expect, dict):
        raise CaseError(f"expect: expected an object, found {type(expect).__name__}")
    code = claim.get("physician_code")
    own = (code.strip() if isinstance(code, str) else "") or NOBODY
    insured = str(claim.get("insured_id") or INSURED)
    events = []
    for place, item in enumerate(history):
        event = _event(item, place, locality, as_of, own, insured)
        if event is not None:
            events.append(event)
    first_day = _date(claim, "service_start") if claim.get("service_start") is not None else None
    region = _region(claim, "claim") or REGIONS[locality]
    return Case(case_id, str(locality), region, tuple(events), claim, day, first_day, expect)


def _mapping(data: Mapping[str, Any], key: str) -> Json:
    value = data.get(key)
    if not isinstance(value, dict):
        raise CaseError(f"{key}: expected an object, found {type(value).__name__}")
    return value


def _date(data: Mapping[str, Any], key: str) -> dt.date:
    value = data.get(key)
    if not isinstance(value, str):
        raise CaseError(f"{key}: expected a day such as 2023-05-10, found {value!r}")
    try:
        return dt.date.fromisoformat(value)
    except ValueError as error:
        raise CaseError(f"{key}: expected a day such as 2023-05-10, found {value!r}") from error


def _region(item: Mapping[str, Any], where: str) -> str | None:
    """The division code that a claim or an event names."""
    code = item.get("region")
    if code is not None and not isinstance(code, str):
        raise CaseError(f"{where}.region: expected a division code such as 522701, found {code!r}")
    return (code or "").strip() or None


def _person(item: Json, where: str) -> str | None:
    """Whom an event concerns where that is not the claim's physician."""
    code = item.get("physician_code")
    if code is not None and not isinstance(code, str):
        raise CaseError(f"{where}.physician_code: expected a code, found {code!r}")
    return (code or "").strip() or None


def _event(item: Any, place: int, locality: str, as_of: dt.date, own: str, insured: str) -> Event | None:
    """The event at a place of the history; None when it was recorded after `as_of` (README T2)."""
    where = f"history[{place}]"
    if not isinstance(item, dict):
        raise CaseError(f"{where}: expected an object, found {type(item).__name__}")
    kind = TYPES.get(item.get("type", ""))
    if kind is None:
        raise CaseError(f"{where}.type: unknown event type {item.get('type')!r}")
    recorded = _date(item, "recorded") if item.get("recorded") is not None else _date(item, "date")
    if recorded > as_of:
        return None
    wire = {key: value for key, value in item.items() if key not in ("id", "recorded")}
    wire["event_id"] = item.get("id") or f"#{place:04d}"
    wire["region"] = _region(item, where) or REGIONS[locality]
    # `recorded` has done its work above; among events of one day the place in the history decides (G1).
    wire["recorded_at"] = (_BASE + dt.timedelta(seconds=place)).isoformat()
    if kind.subject is Subject.INSURED:
        wire.setdefault("insured_id", insured)
    elif kind.subject is None and not kind.of_institution:
        wire["physician_code"] = _person(item, where) or own
    elif item["type"] in NEEDS_INSTITUTION and not item.get("institution"):
        raise CaseError(f"{where}.institution: missing; a {item['type']} needs it")
    try:
        return msgspec.convert(wire, kind)
    except msgspec.ValidationError as error:
        raise CaseError(f"{where} ({item['type']}): {error}") from error
