"""Whether one raw Kafka value is a valid claim of wire contract version 1, field by field."""

from __future__ import annotations

import json
import math
import re
from datetime import date
from typing import Any

from .outcome import ENCOUNTERS, blank

LARGEST_VALUE = 1_000_000
DEEPEST_LEVEL = 64
LARGEST_VERSION = 2**63 - 1
LONGEST_CODE = 256
STAFF_CATEGORIES = ("medical", "pharmacy", "nursing", "technical", "settlement_audit", "pharmacy_head")

REGION = re.compile(r"[0-9]{6}")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MONEY = re.compile(r"-?[0-9]{1,16}(\.[0-9]{1,2})?")
TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?(?:[Zz]|[+-]([0-9]{2}):([0-9]{2}))"
)

DeadLetter = tuple[str, str | None]


class PairList(list):
    """The members of one JSON object in the order read, duplicates kept."""


def is_date(text: object) -> bool:
    """A real day of the calendar, written YYYY-MM-DD."""
    if not isinstance(text, str) or not DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_time(text: object) -> bool:
    """RFC 3339: date, T, time to the second at least, and an offset."""
    if not isinstance(text, str):
        return False
    found = TIME.fullmatch(text)
    if not found or not is_date(found[1]):
        return False
    hour, minute, second = int(found[2]), int(found[3]), int(found[4])
    offset_hour, offset_minute = int(found[5] or 0), int(found[6] or 0)
    return hour <= 23 and minute <= 59 and second <= 59 and offset_hour <= 23 and offset_minute <= 59


def is_money(text: object) -> bool:
    """A decimal string: optional minus, 1 to 16 digits, optionally a point and 1 or 2 digits."""
    return isinstance(text, str) and MONEY.fullmatch(text) is not None


def is_filled(text: Any) -> bool:
    """A string that is not blank and not too long."""
    return is_code(text) and not blank(text)


def is_code(text: object) -> bool:
    """A string, blank or not, of at most 256 characters."""
    return isinstance(text, str) and len(text) <= LONGEST_CODE


def is_version(value: object) -> bool:
    """A whole number from 1; true and false are no numbers here."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_VERSION


def is_drug(value: object) -> bool:
    """Null or an object of booleans."""
    return value is None or (isinstance(value, dict) and all(isinstance(v, bool) for v in value.values()))


def depth(text: str) -> int:
    """The deepest nesting of objects and arrays, brackets inside strings left aside."""
    deepest = level = 0
    inside = escaped = False
    for c in text:
        if inside:
            if escaped:
                escaped = False
            elif c == "\\":
                escaped = True
            elif c == '"':
                inside = False
        elif c == '"':
            inside = True
        elif c in "{[":
            level += 1
            deepest = max(deepest, level)
        elif c in "}]":
            level -= 1
    return deepest


def plain(value: object) -> Any:
    """Objects as dicts (the last of equal keys holds), arrays as lists."""
    if isinstance(value, PairList):
        return {key: plain(item) for key, item in value}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def no_constant(name: str) -> None:
    """NaN and the infinities are no JSON."""
    raise ValueError(name)


def finite(text: str) -> float:
    """A number that overflows is no number."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def offending_field(claim: dict) -> str | None:
    """The first required or optional field that is missing or malformed."""
    checks = [
        ("claim_id", is_filled(claim.get("claim_id"))),
        ("claim_version", is_version(claim.get("claim_version", 1))),
        ("region", isinstance(claim.get("region"), str) and REGION.fullmatch(claim["region"]) is not None),
        ("institution_code", is_filled(claim.get("institution_code"))),
        ("physician_code", claim.get("physician_code") is None or is_code(claim["physician_code"])),
        ("encounter_type", claim.get("encounter_type") in ENCOUNTERS),
        ("service_date", is_date(claim.get("service_date"))),
        ("service_start", claim.get("service_start") is None or is_date(claim["service_start"])),
        ("settlement_time", is_time(claim.get("settlement_time"))),
        ("insured_id", is_filled(claim.get("insured_id"))),
        ("insurance_type", is_filled(claim.get("insurance_type"))),
        ("total_amount", is_money(claim.get("total_amount"))),
        ("fund_amount", is_money(claim.get("fund_amount"))),
        ("staff_category", claim.get("staff_category") is None or claim["staff_category"] in STAFF_CATEGORIES),
        ("drug", is_drug(claim.get("drug"))),
    ]
    for name, good in checks:
        if not good:
            return name
    if claim.get("service_start") is not None and claim["service_start"] > claim["service_date"]:
        return "service_start"
    return None


def parse(value: bytes | None) -> PairList | DeadLetter:
    """The members of the top-level object, or what stands in the way."""
    problem: str | None = None
    members: Any = None
    if value is None:
        problem = "null"
    elif not value:
        problem = "empty"
    elif len(value) > LARGEST_VALUE:
        problem = "too_large"
    else:
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError:
            return "utf8", None
        if depth(text) > DEEPEST_LEVEL:
            return "depth", None
        try:
            members = json.loads(text, object_pairs_hook=PairList, parse_constant=no_constant, parse_float=finite)
            json.dumps(plain(members), ensure_ascii=False).encode("utf-8")  # a lone surrogate has no UTF-8 form
        except ValueError:
            return "json", None
        if not isinstance(members, PairList):
            problem = "object"
        elif len({key for key, _ in members}) < len(members):
            problem = "duplicate_key"
    return (problem, None) if problem else members


def judge_bytes(value: bytes | None) -> DeadLetter | dict:
    """The claim with its defaults filled in, or the dead letter's level and, for level `field`, the field."""
    members = parse(value)
    if not isinstance(members, PairList):
        return members
    claim = plain(members)
    field = offending_field(claim)
    if field is not None:
        return "field", field
    return {"claim_version": 1, "physician_code": None, "service_start": None} | claim
