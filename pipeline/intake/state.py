"""What the intake keeps of a visit, or of halves of a message, as it works with it and as the topic has it (`IntakeState`)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from pipeline.intake.facts import Fact, LineFact, SettlementFact, VisitFact
from pipeline.intake.messages import Told
from topics.dead_letters import Headers

_KINDS: dict[str, type[Fact]] = {"visit": VisitFact, "line": LineFact, "settlement": SettlementFact}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_SAYS = {
    kind: tuple((item.name, item.default) for item in dataclasses.fields(kind) if item.name not in ("key", "told"))
    for kind in _KINDS.values()
}
_DECIMALS = ("amount", "quantity")
_TUPLES = ("others", "doubts")


@dataclass(frozen=True, slots=True)
class Record:
    """A record of the topic of messages: its offset, its bytes, and the brokers' time of it (milliseconds since 1970 UTC)."""

    offset: int
    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()
    at: int = 0


@dataclass(slots=True)
class Written:
    """The newest claim of a settlement that was written; see `IntakeWritten`."""

    version: int
    of: int
    content: str
    reversal: str | None = None


@dataclass(slots=True)
class State:
    """What is known under one key; see `IntakeState`. Records that are held go by their offsets."""

    touched: int = 0
    since: int | None = None
    facts: list[Fact] = field(default_factory=list)
    written: dict[str, Written] = field(default_factory=dict)
    held: dict[int, Record] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    requests: list[Record] = field(default_factory=list)
    responses: list[Record] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    understood: bool = False
    alone: bool = False
    failed: bool = False


def visit_key(institution: str, visit: str) -> str:
    """The key of a visit's state."""
    return f"visit|{institution}|{visit}"


def message_key(institution: str, number: str) -> str:
    """The key of the state of a request and its response."""
    return f"message|{institution}|{number}"


def fact_id(fact: Fact) -> tuple[Any, ...]:
    """By what a fact that came twice is known: all that it says, when, and under which number."""
    return fact.told.time, fact.told.number, fact, getattr(fact, "refunded", None)


# -- as the topic has it ------------------------------------------------------------------------------------------


def encode(state: State) -> bytes:
    """The value of a state."""
    told: dict[str, Any] = {"touched": state.touched}
    if state.since is not None:
        told["since"] = state.since
    if state.facts:
        told["facts"] = [_fact_out(fact) for fact in state.facts]
    if state.written:
        told["written"] = {name: _written_out(one) for name, one in state.written.items()}
    if state.held:
        told["held"] = [_record_out(record) for record in state.held.values()]
    if state.told:
        told["told"] = sorted(state.told)
    if state.requests:
        told["requests"] = [_record_out(record) for record in state.requests]
    if state.responses:
        told["responses"] = [_record_out(record) for record in state.responses]
    if state.done:
        told["done"] = sorted(state.done)
    told |= {name: True for name in ("understood", "alone", "failed") if getattr(state, name)}
    return msgspec.json.encode(told)


def decode(key: str, value: bytes, place: Callable[[int], str]) -> State:
    """The state of a key; `place` names the record at an offset."""
    told = msgspec.json.decode(value)
    kind, institution, subject = key.split("|", 2)
    owner = (institution, subject) if kind == "visit" else ("", "")
    return State(
        touched=told["touched"],
        since=told.get("since"),
        facts=[_fact_in(owner, fact, place) for fact in told.get("facts", ())],
        written={name: Written(**one) for name, one in told.get("written", {}).items()},
        held={one["offset"]: _record_in(one) for one in told.get("held", ())},
        told=set(told.get("told", ())),
        requests=[_record_in(one) for one in told.get("requests", ())],
        responses=[_record_in(one) for one in told.get("responses", ())],
        done=set(told.get("done", ())),
        understood=told.get("understood", False),
        alone=told.get("alone", False),
        failed=told.get("failed", False),
    )


def _fact_out(fact: Fact) -> dict[str, Any]:
    said = {
        name: str(value) if type(value) is Decimal else value
        for name, default in _SAYS[type(fact)]
        if (value := getattr(fact, name)) != default
    }
    number = {} if fact.told.number is None else {"number": fact.told.number}
    return {"kind": _NAMES[type(fact)], "time": fact.told.time, "offset": fact.told.position, **number, "said": said}


def _fact_in(owner: tuple[str, str], one: dict[str, Any], place: Callable[[int], str]) -> Fact:
    said = one["said"]
    for name in _DECIMALS:
        if name in said:
            said[name] = Decimal(said[name])
    for name in _TUPLES:
        if name in said:
            said[name] = tuple(said[name])
    offset = one["offset"]
    told = Told(one["time"], offset, place(offset), one.get("number"))
    return _KINDS[one["kind"]](key=owner, told=told, **said)


def _written_out(one: Written) -> dict[str, Any]:
    made: dict[str, Any] = {"version": one.version, "of": one.of, "content": one.content}
    return made if one.reversal is None else {**made, "reversal": one.reversal}


def _record_out(record: Record) -> dict[str, Any]:
    made: dict[str, Any] = {"offset": record.offset}
    if record.key is not None:
        made["key"] = record.key.decode("latin-1")
    made["value"] = (record.value or b"").decode("latin-1")
    if record.headers:
        made["headers"] = [(name, None if value is None else value.decode("latin-1")) for name, value in record.headers]
    return made


def _record_in(one: dict[str, Any]) -> Record:
    headers: Sequence[Any] = one.get("headers", ())
    key = one.get("key")
    return Record(
        offset=one["offset"],
        value=one["value"].encode("latin-1"),
        key=None if key is None else key.encode("latin-1"),
        headers=[(name, None if value is None else value.encode("latin-1")) for name, value in headers],
    )
