"""Registers and rosters (医执人员库、执业医师名册) by mapping: rows of a file as events of `physician-events`.

A mapping of `kind: events` says which events a row becomes:

    events:
      - type: registration
        fields: {physician_code: prac_psn_code, institution: fixmedins_code, region: {constant: "522700"},
                 date: {column: begntime, date: yyyy-MM-dd HH:mm:ss}}
      - type: status
        when: {column: hi_dr_flag, values: ["0"], others: ["1"]}      only rows with one of these; any other value is told
        fields: {..., status: {constant: terminated}, date: {column: endtime, date: yyyy-MM-dd HH:mm:ss}}

`ended` says what becomes of those whom a file names no more, when it is compared with the log (`screening register sync`):

    ended: {who: declared, type: status, fields: {status: {constant: terminated}}}

Fields are those of the event's type, read as those of claims are. An event without an `event_id` gets one from what it says, and
one without a `recorded_at` counts as recorded when its day began, so that a register loaded twice counts once. What an event is,
`topics.events.acceptance` says, as for every other event.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import msgspec
from pydantic import Field, ValidationError, model_validator

from pipeline.inputs.errors import FormError, MappingError
from pipeline.inputs.forms import day_text, flag_text, instant_text, is_missing, text_of
from pipeline.inputs.mapping import FieldSource, Part, Source, Words, mapping_text, problems_of, read_yaml
from pipeline.inputs.row_forms import field_value
from pipeline.inputs.rows import NamedRow
from rules.events import NEEDS_INSTITUTION, TYPES
from topics.normalisation import normal_code

_NAMED = ("event_id", "type")
_OF_A_PERSON = ("region", "date", "physician_code")
_CODES = frozenset({"physician_code", "institution"})
_OF_A_SUBJECT = ("insured_id", "department")


class Condition(Part):
    """Rows of which `column` has one of `values`; those with one of `others` are passed over, any other value is told."""

    column: str
    values: Words
    others: Words


class EventSource(Part):
    """One event that a row becomes."""

    type: str
    fields: dict[str, Source]
    when: Condition | None = None

    @model_validator(mode="after")
    def _is_an_event(self) -> EventSource:
        kind = TYPES.get(self.type)
        if kind is None:
            raise ValueError(f"type: no event is called {self.type!r}; those are {', '.join(sorted(TYPES))}")
        known = _kinds(self.type)
        unknown = [name for name in self.fields if name not in known]
        if unknown:
            raise ValueError(f"{self.type} has no field {', '.join(unknown)}; it has {', '.join(known)}")
        nobody = kind.of_institution or kind.subject is not None
        needed = [name for name in _OF_A_PERSON if not (nobody and name == "physician_code")]
        needed += ["institution"] if self.type in NEEDS_INSTITUTION else []
        needed += [field.encode_name for field in msgspec.structs.fields(kind) if field.required]
        missing = [name for name in dict.fromkeys(needed) if name not in self.fields and name not in _NAMED]
        if missing:
            raise ValueError(f"fields: a {self.type} needs {', '.join(missing)}")
        return self


class Ended(Part):
    """The event that ends somebody whom the file does not name any more: `declared` by an institution of the file, or `listed`
    with a status by this mapping. Its fields are the same for everybody; code, institution and day are given."""

    who: Literal["declared", "listed"]
    type: str
    fields: dict[str, Source] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_an_event(self) -> Ended:
        kind = TYPES.get(self.type)
        if kind is None or kind.of_institution or kind.subject is not None:
            raise ValueError(f"type: no event of a person is called {self.type!r}")
        unknown = [name for name in self.fields if name not in _kinds(self.type)]
        if unknown:
            raise ValueError(f"{self.type} has no field {', '.join(unknown)}; it has {', '.join(_kinds(self.type))}")
        moving = [name for name, source in self.fields.items() if source.constant is None]
        if moving:
            raise ValueError(f"fields: {', '.join(moving)}: give a constant, since there is no row")
        given = {*_OF_A_PERSON, "institution", *_NAMED}
        needed = [field.encode_name for field in msgspec.structs.fields(kind) if field.required]
        missing = [name for name in needed if name not in given and name not in self.fields]
        if missing:
            raise ValueError(f"fields: a {self.type} needs {', '.join(missing)}")
        return self


class EventMapping(Part):
    """A mapping of rows to events, as its file has it."""

    name: str
    about: str
    kind: Literal["events"]
    events: tuple[EventSource, ...]
    ended: Ended | None = None
    rows: Words = ()
    sheet: str | None = None
    missing: Words = ()

    def words(self, source: FieldSource) -> tuple[str, ...]:
        """Regular expressions of what is missing in a field."""
        return (*self.missing, *source.missing)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are asked for."""
        asked = [
            column
            for event in self.events
            for source in event.fields.values()
            for column in (*source.names, source.division_in)
            if column
        ]
        return tuple(dict.fromkeys([*asked, *(event.when.column for event in self.events if event.when)]))

    def given(self, constants: Mapping[str, str]) -> EventMapping:
        """The mapping with these fields the same in every row, such as the institution of a roster. Raises MappingError."""
        known = {name for event in self.events for name in _kinds(event.type)}
        wrong = [name for name in constants if name not in known]
        if wrong:
            raise MappingError([f"{self.name}: no event of this mapping has a field {', '.join(wrong)}"])
        fixed = {name: FieldSource(constant=value) for name, value in constants.items()}
        events = [
            event.model_copy(
                update={
                    "fields": {**event.fields, **{name: fixed[name] for name in fixed if name in _kinds(event.type)}}
                }
            )
            for event in self.events
        ]
        return self.model_copy(update={"events": tuple(events)})

    def absent(self, there: Sequence[str]) -> list[str]:
        """Fields that no row can have, since the file lacks their columns, with what would give them."""
        told = []
        for event in self.events:
            for name, source in event.fields.items():
                named = [column for column in (*source.names, source.division_in) if column]
                if named and not source.optional and source.absent is None and not set(named) & set(there):
                    told.append(
                        f"{event.type}.{name}: there is no column {' or '.join(named)}; --set {name}=... gives it"
                    )
        return told


def load_event_mapping(name: str) -> EventMapping:
    """A shipped mapping of events by its name, or one from a YAML file. Raises MappingError with every problem."""
    return parse_event_mapping(*mapping_text(name))


def parse_event_mapping(text: str, where: str) -> EventMapping:
    """Reads a mapping of events from YAML text. Raises MappingError with everything that is wrong."""
    data = read_yaml(text, where)
    if data.get("kind") != "events":
        raise MappingError([f"{where}: kind: expected a mapping of events (`kind: events`)"])
    try:
        return EventMapping.model_validate(data)
    except ValidationError as error:
        raise MappingError(problems_of(error, where)) from None


@dataclass(frozen=True, slots=True)
class MadeEvent:
    """An event made of a row, as JSON; or why none could be made."""

    line: int
    value: bytes
    problem: str | None = None


def events_of(mapping: EventMapping, row: NamedRow, columns: frozenset[str]) -> Iterator[MadeEvent]:
    """What a row becomes, in the order of the mapping."""
    if row.problem is not None:
        yield MadeEvent(row.line, b"", row.problem)
        return
    for event in mapping.events:
        try:
            if event.when is None or _holds(event.when, row.values):
                yield MadeEvent(row.line, json.dumps(_event(mapping, event, row, columns), ensure_ascii=False).encode())
        except FormError as error:
            yield MadeEvent(row.line, b"", f"{event.type}: {error}")


def end_of(mapping: EventMapping, person: tuple[str, str, str | None], day: dt.date, number: int) -> bytes:
    """The event, as JSON, that ends a person (region, code, institution) on a day; `number` is how often that was done before."""
    region, code, institution = person
    ended = mapping.ended
    if ended is None:
        raise ValueError(f"{mapping.name} does not say what ends somebody")
    made: dict[str, Any] = {
        "event_id": ":".join([mapping.name, "ended", region, code, institution or "", str(day), str(number)]),
        "type": ended.type, "region": region, "physician_code": code, "date": str(day),
        "recorded_at": f"{day}T00:00:00+08:00",
    }  # fmt: skip
    if institution is not None:
        made["institution"] = institution
    kinds = _kinds(ended.type)
    for name, source in ended.fields.items():
        made[name] = source.constant if kinds[name] == "text" else _READ[kinds[name]](source.constant, source)
    return json.dumps(made, ensure_ascii=False).encode()


def _holds(when: Condition, values: Mapping[str, Any]) -> bool:
    said = flag_text(values.get(when.column))
    if said is not None and said in when.values:
        return True
    if said is not None and said in when.others:
        return False
    known = ", ".join((*when.values, *when.others))
    found = "empty" if said is None else repr(said)
    raise FormError(f"{when.column} is {found}; the mapping knows {known}")


def _event(mapping: EventMapping, event: EventSource, row: NamedRow, columns: frozenset[str]) -> dict[str, Any]:
    kinds = _kinds(event.type)
    made: dict[str, Any] = {"event_id": None, "type": event.type}
    for name, source in event.fields.items():

        def read(_name: str, source: FieldSource, value: Any, kind: str = kinds[name]) -> Any:
            return _READ[kind](value, source)

        try:
            value = field_value(mapping, name, source, row.values, columns, read)
            if isinstance(value, str) and kinds[name] != "text":
                value = _READ[kinds[name]](value, source)  # a constant, or what a table of codes says
        except FormError as error:
            raise FormError(f"{name}: {error}") from None
        if value is not None:
            made[name] = normal_code(value) if name in _CODES else value
    if made["event_id"] is None:
        said = [str(made.get(name, "")) for name in ("region", "physician_code", "institution", "date")]
        said += [str(made[name]) for name in _OF_A_SUBJECT if name in made]
        made["event_id"] = ":".join([mapping.name, event.type, *said])
    if "recorded_at" not in made and isinstance(made.get("date"), str):
        made["recorded_at"] = f"{made['date']}T00:00:00+08:00"
    return made


@lru_cache(maxsize=64)
def _kinds(type_name: str) -> dict[str, str]:
    """How each field of an event is read, by its name on the wire."""
    info = msgspec.inspect.type_info(TYPES[type_name])
    assert isinstance(info, msgspec.inspect.StructType)
    return {field.encode_name: _kind(field.type) for field in info.fields}


def _kind(shape: msgspec.inspect.Type) -> str:
    parts = shape.types if isinstance(shape, msgspec.inspect.UnionType) else (shape,)
    for part in parts:
        name = _OF_SHAPE.get(type(part))
        if name is not None:
            return name
    return "text"


_OF_SHAPE: dict[type, str] = {
    msgspec.inspect.DateType: "day",
    msgspec.inspect.DateTimeType: "time",
    msgspec.inspect.IntType: "count",
    msgspec.inspect.FloatType: "ratio",
    msgspec.inspect.BoolType: "flag",
}


def _count(value: Any, _source: FieldSource) -> int | None:
    text = text_of(value, coded=True)
    if is_missing(text):
        return None
    if text is None or not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise FormError(f"expected a whole number, found {text!r}")
    return int(text)


def _ratio(value: Any, _source: FieldSource) -> float | None:
    text = value if isinstance(value, float) else text_of(value)
    try:
        return None if is_missing(str(text)) or text is None else float(text)
    except ValueError:
        raise FormError(f"expected a number, found {text!r}") from None


def _flag(value: Any, _source: FieldSource) -> bool | None:
    flag = flag_text(value)
    if flag not in ("0", "1", None):
        raise FormError(f"expected yes or no (1 or 0), found {flag!r}")
    return None if flag is None else flag == "1"


_READ: dict[str, Any] = {
    "text": lambda value, source: text_of(value, coded=source.values is not None),
    "day": day_text,
    "time": instant_text,
    "count": _count,
    "ratio": _ratio,
    "flag": _flag,
}
