"""Events as strange as senders make them: spoiled bytes, odd fields, odd codes; from one seed always the same."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

GOOD: dict[str, Any] = {
    "event_id": "ev-1",
    "region": "522700",
    "type": "deduction",
    "date": "2023-05-10",
    "recorded_at": "2023-05-10T16:30:00+08:00",
    "physician_code": "D522701000001",
    "institution": "H52270100001",
    "points": 6,
    "violation_id": "QN-T6-02",
}

_TYPES = (
    "registration",
    "deduction",
    "bonus",
    "agreement",
    "status",
    "institution_snapshot",
    "full_12",
    "repair",
    "eclipse",
)
_VALUES: tuple[Any, ...] = (
    None, "", " ", "\u3000", "\ufeff", 0, -1, 6.0, 1e400, 10**30, True, [], {}, ["a"], {"a": 1}, "x" * 256, "x" * 257, "x" * 300,
    "死", "2023-02-30", "0000-01-01", "9999-12-31", "2023-05-10T16:30:00", "2023-05-10T16:30:00Z", "2023-5-1", "\x00", "Qiannan",
    "52270", "５２２７００", " 522700", "522700\n", "440500", "620100", "110000",
)  # fmt: skip
_CODES = (
    "D522701000001 ",
    "d522701000001",
    "\ufeffD522701000001",
    "D5227\u200b01000001",
    "Ｄ522701000001",
    "D|1",
    "D\n1",
    "x" * 300,
)


def _as_json(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode()


def _spoiled(rng: random.Random, text: bytes) -> bytes | None:
    at = rng.randrange(len(text))
    ways: tuple[Callable[[], bytes | None], ...] = (
        lambda: None,
        lambda: b"",
        lambda: b" \n",
        lambda: text[:at],
        lambda: text[:at] + bytes([rng.randrange(256)]) + text[at + 1 :],
        lambda: text.replace(b"QN-T6-02", "黔南".encode("gbk")),
        lambda: b"\xef\xbb\xbf" + text,
        lambda: b'{"x":' * 3_000 + b"1" + b"}" * 3_000,
        lambda: b"[" * 3_000,
        lambda: text[:-1] + b',"deep":' + b"[" * 200 + b"]" * 200 + b"}",
        lambda: text[:-1] + b',"event_id":"ev-2"}',
        lambda: text[:-1] + b',"event_id" : "ev-2"}',
        lambda: text[:-1] + b',"more":{"a":1,"a":2}}',
        lambda: text[:-1] + b',"note":"\\":\\"" }',
        lambda: text[:-1] + b',"note":"\\ud800"}',
        lambda: text[:-1] + b',"big":' + b"9" * 400 + b"}",
        lambda: text[:-1] + b',"points":NaN}',
        lambda: b"[" + text + b"]",
        lambda: text + text,
        lambda: text[:-1] + b',"note":"' + b"x" * 1_000_000 + b'"}',
        lambda: b"17",
        lambda: b'"' + text[1:-1].replace(b'"', b"") + b'"',
        lambda: text.decode().encode("utf-16"),
    )
    return rng.choice(ways)()


def odd_event(seed: int) -> bytes | None:
    """One value of the topic of events: every tenth is good, the others are wrong or only written strangely."""
    rng = random.Random(seed)
    fields = dict(GOOD, event_id=f"ev-{seed}")
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        name = rng.choice(
            (*GOOD, "ref", "cases", "violation_date", "until", "bonus_id", "approved_physicians", "ratio")
        )
        way = rng.randrange(5)
        if way == 0:
            fields.pop(name, None)
        elif way == 1:
            fields["type"] = rng.choice(_TYPES)
        elif way == 2:
            fields[rng.choice(("physician_code", "institution"))] = rng.choice(_CODES)
        else:
            fields[name] = rng.choice(_VALUES)
    text = _as_json(fields)
    return _spoiled(rng, text) if rng.random() < 0.3 else text
