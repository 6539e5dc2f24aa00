"""Records that are not claims, as careless senders make them: at least one for every kind of dead letter."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

_HUGE_BYTES = 1_100_000


@dataclass(frozen=True, slots=True)
class Broken:
    """A way to spoil a good claim: the kind of dead letter that it becomes, and how it is made from the good one."""

    name: str
    kind: str
    spoil: Callable[[Random, bytes], bytes | None]


def _without(name: str) -> Callable[[Random, bytes], bytes]:
    def spoil(_rng: Random, good: bytes) -> bytes:
        fields = json.loads(good)
        del fields[name]
        return _compact(fields)

    return spoil


def _with(name: str, *values: Any) -> Callable[[Random, bytes], bytes]:
    def spoil(rng: Random, good: bytes) -> bytes:
        fields = json.loads(good)
        fields[name] = rng.choice(values)
        return _compact(fields)

    return spoil


def _literally(name: str, literal: str) -> Callable[[Random, bytes], bytes]:
    """Puts something in a field's place that no JSON writer would write."""

    def spoil(_rng: Random, good: bytes) -> bytes:
        before, _, rest = good.partition(f'"{name}":"'.encode())
        return before + f'"{name}":{literal}'.encode() + rest.partition(b'"')[2]

    return spoil


def _compact(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def _backwards_stay(_rng: Random, good: bytes) -> bytes:
    fields = json.loads(good)
    fields["service_start"] = f"{int(fields['service_date'][:4]) + 1}-01-01"
    return _compact(fields)


BROKEN = (
    Broken("tombstone", "null_value", lambda _rng, _good: None),
    Broken("empty", "empty_value", lambda _rng, _good: b""),
    Broken("blank", "empty_value", lambda _rng, _good: b" \r\n"),
    Broken("huge", "too_large", lambda _rng, good: good[:-1] + b',"scan":"' + b"A" * _HUGE_BYTES + b'"}'),
    Broken("GBK text", "invalid_utf8", lambda _rng, good: good[:-1] + ',"ward":"内科二病区"}'.encode("gb18030")),
    Broken("cut off", "invalid_json", lambda rng, good: good[: rng.randrange(40, len(good) - 20)]),
    Broken("raw newline", "invalid_json", lambda _rng, good: good.replace(b'"insured_id":"P', b'"insured_id":"P\n')),
    Broken("not a number", "invalid_json", _literally("fund_amount", "NaN")),
    Broken("half a surrogate", "invalid_json", _literally("insured_id", '"P\\ud83d"')),
    Broken("two in one", "invalid_json", lambda _rng, good: good + good),
    Broken("CSV line", "invalid_json", lambda _rng, good: ",".join(map(str, json.loads(good).values())).encode()),
    Broken("deep nesting", "too_deep", lambda _rng, good: good[:-1] + b',"x":' + b"[" * 900 + b"]" * 900 + b"}"),
    Broken("array", "not_an_object", lambda _rng, good: b"[" + good + b"]"),
    Broken("text", "not_an_object", lambda _rng, good: json.dumps(good.decode()).encode()),
    Broken("field twice", "duplicate_key", lambda _rng, good: good[:-1] + b',"fund_amount":"0.01"}'),
    Broken("no amount", "missing_field", _without("fund_amount")),
    Broken("no claim id", "missing_field", _without("claim_id")),
    Broken("amount as a number", "wrong_type", _with("fund_amount", 98.7, 120, 1e300)),
    Broken("physician as a number", "wrong_type", _with("physician_code", 522701000017)),
    Broken("version as text", "wrong_type", _with("claim_version", "1", "二")),
    Broken("unknown encounter", "invalid_value", _with("encounter_type", "dental", "OUTPATIENT", "门诊")),
    Broken("impossible date", "invalid_value", _with("service_date", "2023-02-30", "2025-02-29", "20240105", "")),
    Broken("malformed money", "invalid_value", _with("fund_amount", "1,234.50", "¥88.00", "98.705", "", "9" * 40)),
    Broken("unknown region", "invalid_value", _with("region", "5227", "贵州", "")),
    Broken("stay that runs backwards", "invalid_value", _backwards_stay),
    Broken("time without offset", "invalid_value", _with("settlement_time", "2024-03-05T10:00:00", "2024-03-05")),
    Broken("blank id", "invalid_value", _with("claim_id", "", "   ")),
    Broken("version out of range", "invalid_value", _with("claim_version", 0, -1, 2**40)),
)
"""Every way, in the order in which a sample uses them."""


def broken_records(rng: Random, number: int) -> list[Broken]:
    """So many ways to be broken: every one before any comes again, and the huge one once at most."""
    again = [way for way in BROKEN if way.name != "huge"]
    if number < len(BROKEN):
        return rng.sample(again, number)
    return [*BROKEN, *(again[turn % len(again)] for turn in range(number - len(BROKEN)))]
