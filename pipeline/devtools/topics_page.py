"""The reference page of the catalogue, made from the catalogue itself; `make docs` writes it to topics/README.md."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from rules.vocabulary import Reason, Standing
from topics import fields
from topics.access import ROLES
from topics.catalogue import CATALOGUE, INTERFACE_MESSAGES
from topics.catalogue import TopicSpec as Spec
from topics.dead_letters import CUT_HEADER, ENVELOPE_HEADERS, MAX_REASON_BYTES, SOURCE_TOPIC_ID_HEADER, Code
from topics.messages.base import Message, Period

_MOST_IN_LINE = 8
_DAY_MS = 24 * 60 * 60 * 1000

_NAMED = {
    fields.Money: "money (decimal string)",
    fields.Identifier: "string, not blank",
    fields.OptionalCode: "string",
    fields.Region: "string, six digits",
    fields.IsoDate: "date (YYYY-MM-DD)",
    fields.Timestamp: "time (RFC 3339, with offset)",
    fields.PackName: "string, pack@version",
    Period: "[date or null, date or null]",
}

_KEPT = """\
Of a topic that keeps the latest of each key nothing is lost that counts: what it said of a key before has no effect. What is kept
for ever grows; `physician-events` and `case-actions` are the truth from which the rest follows, and small. Offsets of groups are
forgotten when a group has had no member for the brokers' `offsets.retention.minutes`, a week by default. Nothing is lost by that:
workers go on behind the last record that has a verdict or a dead letter, control plane and intake by the progress that they
publish, and the archive by its tables.
"""


def reference() -> str:
    """The page: every topic, and every message with its fields."""
    return "\n".join(_lines()) + "\n"


def _names(specs: Iterable[Spec]) -> str:
    return ", ".join(f"`{spec.name}`" for spec in specs)


def _lines() -> Iterator[str]:
    yield "# Topics and messages"
    yield ""
    yield "Wire contract version 1. JSON in UTF-8; money is a decimal string in yuan; dates are ISO, times RFC 3339 with offset."
    yield "Unknown fields are tolerated. Readers of what the gate writes set `isolation.level=read_committed`."
    yield ""
    yield "This page is made from `topics/catalogue.py` and `topics/messages/` by `make docs`; do not edit it."
    yield ""
    yield "| topic | key | message | partitions | kept | largest record | written by | read by |"
    yield "|---|---|---|---:|---|---:|---|---|"
    for spec in CATALOGUE:
        yield (
            f"| `{spec.name}` | {spec.key.replace('|', ' and ')} | {_link(spec)} | {spec.partitions} | {_kept(spec)} | "
            f"{spec.max_record_bytes // 1024:,} KiB | {spec.owner} | {spec.readers} |"
        )
    yield ""
    yield "## What is kept, and what is lost"
    yield ""
    yield from _KEPT.splitlines()
    yield ""
    yield "| topic | kept | what is lost after that |"
    yield "|---|---|---|"
    for spec in CATALOGUE:
        yield f"| `{spec.name}` | {_kept(spec)} | {_lost(spec)} |"
    yield ""
    yield "## Rights"
    yield ""
    yield "The least that each role needs; `screening topics acls ROLE PRINCIPAL` shows it as rights and grants them."
    yield ""
    yield "| role | runs | reads | writes | consumer group | transactions |"
    yield "|---|---|---|---|---|---|"
    for role in ROLES:
        reads = "every topic" if role.reads == CATALOGUE else _names(role.reads)
        group = f"`{role.group}`" if role.group else ""
        transactions = "yes" if role.transactional else ""
        yield f"| {role.name} | {role.runs} | {reads} | {_names(role.writes)} | {group} | {transactions} |"
    for spec in CATALOGUE:
        yield ""
        yield f"## {spec.name}"
        yield ""
        yield spec.purpose
        yield ""
        yield from _contract(spec)
    for model in _parts():
        yield ""
        yield f"### {model.__name__}"
        yield ""
        yield from _model(model)
    for vocabulary in (Reason, Standing, Code):
        yield ""
        yield f"### {vocabulary.__name__}"
        yield ""
        yield " ".join((vocabulary.__doc__ or "").split())
        yield ""
        yield ", ".join(f"`{member.value}`" for member in vocabulary)


def _link(spec: Spec) -> str:
    return "the received bytes" if spec.model is None else f"[{spec.model.__name__}](#{spec.name})"


def _kept(spec: Spec) -> str:
    if spec.cleanup == "compact":
        return "the latest of each key"
    return "for ever" if spec.retention_ms < 0 else f"{spec.retention_ms // _DAY_MS} days"


def _lost(spec: Spec) -> str:
    passes = spec.cleanup == "delete" and spec.retention_ms >= 0
    return spec.lost or ("the record" if passes else "nothing")


def _contract(spec: Spec) -> Iterator[str]:
    if spec is INTERFACE_MESSAGES:
        yield (
            "The value is a request, its response, or both: as one object with the fields of either, or as "
            '`{"request": ..., "response": ...}`. A request and a response that come apart are joined by the number of the '
            "message (`msgid`, `inf_refmsgid`). Any key is taken; one that is the code of the institution spares a second way."
        )
        return
    if spec.model is None:
        names = ", ".join(f"`{name}`" for name in ENVELOPE_HEADERS)
        yield (
            f"Key and value are the bytes received, unchanged. Headers: those received, then {names} and, of a claim where the "
            f"brokers tell it, `{SOURCE_TOPIC_ID_HEADER}`. `error` is a "
            f"[code](#code), a colon and the reason (at most {MAX_REASON_BYTES:,} bytes). A record that does not fit is "
            f"cut, and `{CUT_HEADER}` tells the hash and the size of its whole value. Letters written before there were "
            f"codes are read as `{Code.UNCODED}`."
        )
        return
    yield from _model(spec.model)


def _model(model: type[Message]) -> Iterator[str]:
    yield " ".join((model.__doc__ or "").split())
    yield ""
    yield "| field | type | |"
    yield "|---|---|---|"
    for name, field in model.model_fields.items():
        yield f"| `{field.alias or name}` | {_type(_annotation(field))} | {_default(field)} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True)
    return _json(f"default {value.value if isinstance(value, Enum) else value!r}")


def _json(text: str) -> str:
    return text.replace("None", "null").replace("()", "[]")


def _annotation(field: FieldInfo) -> Any:
    return Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation


def _type(annotation: Any) -> str:
    for named, words in _NAMED.items():
        if annotation == named or _same(annotation, named):
            return words
    origin = get_origin(annotation)
    return _plain_type(annotation) if origin is None else _generic_type(origin, get_args(annotation))


def _generic_type(origin: Any, arguments: tuple[Any, ...]) -> str:
    if origin is Annotated:
        return _type(arguments[0])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin is tuple:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"object of {_type(arguments[1])}"
    return " or ".join("null" if part is type(None) else _type(part) for part in arguments)


def _plain_type(annotation: type) -> str:
    if issubclass(annotation, Enum):
        if len(annotation) > _MOST_IN_LINE:
            return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
        return ", ".join(f"`{member.value}`" for member in annotation)
    if issubclass(annotation, Message):
        topic = next((spec.name for spec in CATALOGUE if spec.model is annotation), None)
        return f"[{annotation.__name__}](#{topic or annotation.__name__.lower()})"
    return {str: "string", int: "integer", bool: "boolean"}[annotation]


def _same(annotation: Any, named: Any) -> bool:
    """Whether pydantic took the annotation apart into type and metadata, of which nothing but strictness was changed."""
    if get_origin(annotation) is not Annotated or get_origin(named) is not Annotated:
        return False
    mine, theirs = get_args(annotation), get_args(named)
    return mine[0] == theirs[0] and bool(theirs[1:]) and theirs[1] in mine[1:]


def _parts() -> list[type[Message]]:
    """Messages that stand inside others, in the order of their first use."""
    tops = [spec.model for spec in CATALOGUE if spec.model is not None]
    found: list[type[Message]] = []

    def visit(annotation: Any) -> None:
        if isinstance(annotation, type) and issubclass(annotation, Message):
            if annotation not in found and annotation not in tops:
                found.append(annotation)
                walk(annotation)
            return
        for part in get_args(annotation):
            visit(part)

    def walk(model: type[Message]) -> None:
        for field in model.model_fields.values():
            visit(field.annotation)

    for model in tops:
        walk(model)
    return found


if __name__ == "__main__":
    sys.stdout.write(reference())
