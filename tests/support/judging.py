"""The gate in this process, without Kafka: for tests that need many verdicts and no crash."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from typing import Any

import msgspec

from pipeline.screening.gate import Gate, Judged
from pipeline.settings.packs import load_pack_set
from rules.timeline import InstitutionTimeline, PhysicianTimeline
from tests.support.balance import Balance, prove
from tests.support.cluster import Record
from tests.support.register import Register

OF_THE_RUN = ("source", "screened_at", "register")
"""Where and when a claim was judged: two verdicts on the same claim may differ in these."""

SHANTOU = ("shantou-2022-draft",)
AT = "2026-01-02T03:04:05.678Z"


def physician_timeline(message: dict) -> PhysicianTimeline:
    """A physician's standing as the gate reads it off the wire."""
    return msgspec.json.decode(json.dumps(message), type=PhysicianTimeline)


def institution_timeline(message: dict) -> InstitutionTimeline:
    """An institution's standing as the gate reads it off the wire."""
    return msgspec.json.decode(json.dumps(message), type=InstitutionTimeline)


def fill(gate: Gate, register: Register) -> Gate:
    """Puts a register into a gate."""
    for message in register.physicians.values():
        gate.index.put(physician_timeline(message))
    for message in register.institutions.values():
        gate.index.put_institution(institution_timeline(message))
    return gate


def make_gate(register: Register | None = None, shantou_on: bool = True) -> Gate:
    """A gate with a register, by default with every pack switched on."""
    return fill(_compiled(shantou_on).beside(), register or Register())


@functools.cache
def _compiled(shantou_on: bool) -> Gate:
    return Gate(load_pack_set(None, SHANTOU if shantou_on else ()))


def judge(gate: Gate, values: Sequence[bytes | None], *, first: int = 0, stale: bool = False) -> Judged:
    """Judges values as the records `first`, `first` + 1, ... of partition 0."""
    offsets = list(range(first, first + len(values)))
    return gate.judge(
        values, topic="claims", partitions=[0] * len(values), offsets=offsets, screened_at=AT, stale=stale
    )


def verdicts(gate: Gate, values: Sequence[bytes | None], *, stale: bool = False) -> list[dict]:
    """The verdicts on values that are all claims, in their order."""
    judged = judge(gate, values, stale=stale)
    assert not judged.dead_letters, judged.dead_letters[:3]
    return [json.loads(record["value"]) for record in judged.verdicts]


def bare(verdict: dict) -> dict:
    """A verdict without what belongs to the run: place, time and state of the register."""
    return {name: value for name, value in verdict.items() if name not in OF_THE_RUN}


def prove_in_memory(
    values: Sequence[bytes | None], judged: Judged, *registers: Register, shantou_on: bool = True
) -> Balance:
    """The balance of a batch that was judged here."""

    def record(topic: str, number: int, key: Any, value: Any) -> Record:
        raw = [item.encode() if isinstance(item, str) else item for item in (key, value)]
        return Record(topic, 0, number, raw[0], raw[1], (), 0)

    def records(topic: str, made: Sequence[dict]) -> list[Record]:
        return [record(topic, number, item["key"], item["value"]) for number, item in enumerate(made)]

    headers = [
        (("error", str(letter.error).encode()), ("source.topic", b"claims"), ("source.partition", b"0"),
         ("source.offset", str(letter.row).encode()))
        for letter in judged.dead_letters
    ]  # fmt: skip
    read = {
        "claims": [record("claims", number, b"", value) for number, value in enumerate(values)],
        "claim-verdicts": records("claim-verdicts", judged.verdicts),
        "claim-cases": records("claim-cases", judged.cases),
        "claims-dead-letter": [
            Record("claims-dead-letter", 0, number, b"", values[letter.row], headers[number], 0)
            for number, letter in enumerate(judged.dead_letters)
        ],
    }
    return prove(read, registers, shantou_on=shantou_on)
