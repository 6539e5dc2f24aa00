"""Damaged messages through what the live intake does with a batch: each is counted once, and none spoils what comes after it."""

from __future__ import annotations

import json
import random

from pipeline.intake.classes import load_classes
from pipeline.intake.state import Record
from pipeline.intake.taking import take
from pipeline.intake.visits import Visits
from tests.support.centre_day import a_day, messages_of
from tests.support.fuzzing import Findings, NotAccounted, mutated, spoil

_BEGIN, _DAY_MS, _WAIT_MS = 1_710_000_000_000, 24 * 3_600_000, 600_000
_VISITS = 3


def _visits() -> Visits:
    return Visits("interface-messages", 0, 1, load_classes(), wait_ms=_WAIT_MS, keep_ms=30 * _DAY_MS)


def _day(number: int) -> list[bytes]:
    """The messages of a day of an institution of its own."""
    text = [json.dumps(message, ensure_ascii=False) for message in messages_of(a_day(number, _VISITS), number)]
    codes = ("H52270100001", "H50010100002", "H43010200003")
    return [_own(line, codes, f"{number % 100_000:05}").encode() for line in text]


def _own(line: str, codes: tuple[str, ...], number: str) -> str:
    for code in codes:
        line = line.replace(code, f"{code[:7]}{number}")
    return line


def _damaged(values: list[bytes], rng: random.Random) -> list[bytes | None]:
    made: list[bytes | None] = []
    for value in values:
        chance = rng.random()
        if chance < 0.4:
            made.append(mutated(rng, value))
        elif chance < 0.8:
            message = json.loads(value)
            for _ in range(rng.choice((1, 2, 5))):
                if message:
                    spoil(message, rng)
            made.append(json.dumps(message, ensure_ascii=False).encode())
        else:
            made.append(rng.choice((value, value, None, b"", b"null", b"[]", value + value)))
    rng.shuffle(made)
    return made


def fuzz_live(seed: int, count: int, findings: Findings) -> None:
    """So many damaged messages, some days at a time, each day followed by a good one. Raises NotAccounted."""
    rng = random.Random(f"live {seed}")
    tried = day = 0
    while tried < count:
        known, alone = _visits(), _visits()
        damaged = _damaged([line for number in range(8) for line in _day(day + number)], rng)
        good = _day(50_000 + day)
        now = _BEGIN
        for start in range(0, len(damaged), 50):
            records = [Record(at, value, None, at=now) for at, value in enumerate(damaged[start : start + 50], start)]
            now += rng.choice((1, 1, 1, _WAIT_MS + 1))
            _take(known, records, now, findings, f"live: seed {seed}, day {day}, message {start}")
        later = [Record(at, value, None, at=now) for at, value in enumerate(good, len(damaged))]
        after = {value for _, value in take(known, later, now).claims}
        wanted = {value for _, value in take(alone, later, now).claims}
        if not wanted <= after:
            raise NotAccounted(f"live: seed {seed}, day {day}: good messages behind damaged ones give other claims")
        tried += len(damaged)
        day += 8


def _take(known: Visits, records: list[Record], now: int, findings: Findings, where: str) -> None:
    changes = take(known, records, now)
    counted = changes.tally.records
    if sum(counted.values()) != len(records):
        raise NotAccounted(f"{where}: {len(records)} records, counted {dict(counted)}")
    set_aside = [letter.record.offset for letter in changes.letters]
    if len(set(set_aside)) != len(set_aside):
        raise NotAccounted(f"{where}: a record has two dead letters")
    known.apply(changes)
    for outcome, number in counted.items():
        findings.counts["live message", "dead letter" if outcome == "set_aside" else "taken"] += number
