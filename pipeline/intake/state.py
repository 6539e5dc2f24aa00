"""What the intake keeps of a visit, or of halves of a message, as it works with it and as the topic has it (`IntakeState`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.intake.facts import SAYS, Fact, LineFact, SettlementFact, VisitFact
from pipeline.intake.messages import Told
from topics.dead_letters import Headers

_KINDS: dict[str, type[Fact]] = {"visit": VisitFact, "line": LineFact, "settlement": SettlementFact}


@dataclass(frozen=True, slots=True)
class Record:
    """A record of the topic of messages: its offset, its bytes, and the brokers' time of it (milliseconds since 1970 UTC)."""

    offset: int
    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()
    at: int = 0


class Written(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
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


_SAID = {kind: attrgetter(*names) for kind, names in SAYS.items()}


def fact_id(fact: Fact) -> tuple[Any, ...]:
    """By what a fact that came twice is known: all that it says, when, and under which number."""
    told = fact.told
    return told.time, told.number, type(fact), _SAID[type(fact)](fact), getattr(fact, "refunded", None)


# -- as the topic has it ------------------------------------------------------------------------------------------


class _Record(msgspec.Struct, omit_defaults=True, kw_only=True, gc=False):
    offset: int
    key: str | None = None
    value: str
    headers: tuple[tuple[str, str | None], ...] = ()


def _wire_of(name: str, kind: type[Fact]) -> type[msgspec.Struct]:
    """A fact of a kind as the topic has it: what every fact has, and in it what this kind says."""
    says: list[Any] = [
        (item.name, item.type, item.default) if item.default is not msgspec.NODEFAULT else (item.name, item.type)
        for item in msgspec.structs.fields(kind)
        if item.name not in ("key", "told")
    ]
    said = msgspec.defstruct(f"{kind.__name__}Said", says, omit_defaults=True, gc=False)
    members: list[Any] = [("time", str), ("offset", int), ("number", str | None, None), ("said", said)]
    return msgspec.defstruct(
        f"{kind.__name__}Wire", members, kw_only=True, omit_defaults=True, gc=False, tag_field="kind", tag=name
    )


_WIRES = {kind: _wire_of(name, kind) for name, kind in _KINDS.items()}
_KIND_OF = {wire: kind for kind, wire in _WIRES.items()}
_SAIDS = {kind: msgspec.structs.fields(wire)[-1].type for kind, wire in _WIRES.items()}
_ALL = {kind: attrgetter(*said.__struct_fields__) for kind, said in _SAIDS.items()}
if TYPE_CHECKING:
    _Facts = list[Any]
else:
    _Facts = list[_WIRES[VisitFact] | _WIRES[LineFact] | _WIRES[SettlementFact]]


class _State(msgspec.Struct, omit_defaults=True, kw_only=True, gc=False):
    touched: int
    since: int | None = None
    facts: _Facts = []
    written: dict[str, Written] = {}
    held: list[_Record] = []
    told: list[str] = []
    requests: list[_Record] = []
    responses: list[_Record] = []
    done: list[str] = []
    understood: bool = False
    alone: bool = False
    failed: bool = False


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_State).decode


def encode(state: State) -> bytes:
    """The value of a state."""
    return _encode(
        _State(
            touched=state.touched,
            since=state.since,
            facts=[_fact_out(fact) for fact in state.facts],
            written=state.written,
            held=_records_out(state.held.values()),
            told=sorted(state.told),
            requests=_records_out(state.requests),
            responses=_records_out(state.responses),
            done=sorted(state.done),
            understood=state.understood,
            alone=state.alone,
            failed=state.failed,
        )
    )


def decode(key: str, value: bytes, place: Callable[[int], str]) -> State:
    """The state of a key; `place` names the record at an offset."""
    read = _decode(value)
    kind, institution, subject = key.split("|", 2)
    owner = (institution, subject) if kind == "visit" else ("", "")
    return State(
        touched=read.touched,
        since=read.since,
        facts=[_fact_in(owner, fact, place) for fact in read.facts],
        written=read.written,
        held={one.offset: _record_in(one) for one in read.held},
        told=set(read.told),
        requests=[_record_in(one) for one in read.requests],
        responses=[_record_in(one) for one in read.responses],
        done=set(read.done),
        understood=read.understood,
        alone=read.alone,
        failed=read.failed,
    )


def _fact_out(fact: Fact) -> msgspec.Struct:
    kind, told = type(fact), fact.told
    said = _SAIDS[kind](*_ALL[kind](fact))
    return _WIRES[kind](time=told.time, offset=told.position, number=told.number, said=said)


def _fact_in(owner: tuple[str, str], one: Any, place: Callable[[int], str]) -> Fact:
    kind = _KIND_OF[type(one)]
    return kind(owner, Told(one.time, one.offset, place(one.offset), one.number), *_ALL[kind](one.said))


def _records_out(records: Iterable[Record]) -> list[_Record]:
    return [
        _Record(
            offset=record.offset,
            key=None if record.key is None else record.key.decode("latin-1"),
            value=(record.value or b"").decode("latin-1"),
            headers=tuple((name, None if value is None else value.decode("latin-1")) for name, value in record.headers),
        )
        for record in records
    ]


def _record_in(one: _Record) -> Record:
    return Record(
        offset=one.offset,
        value=one.value.encode("latin-1"),
        key=None if one.key is None else one.key.encode("latin-1"),
        headers=[(name, None if value is None else value.encode("latin-1")) for name, value in one.headers],
    )
