"""Reads one record as a JSON object, with the same bounds and the same errors for every message that comes from outside."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from pydantic import ValidationError

from topics.dead_letters import Code
from topics.normalisation import without_mark

MAX_DEPTH = 64
"""Levels of nesting that a message may have. No field of a contract needs more than three."""

MAX_VALUE_BYTES = 1_000_000
"""Largest value of a message. What is above is a dead letter, whatever it says."""


class FormError(ValueError):
    """A value that is no message; `code` says what kind of fault it is, `reason` where and why."""

    def __init__(self, code: Code, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"{code}: {reason}")


class JsonObject(dict[str, Any]):
    """A JSON object that remembers a key that stood twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated: str | None = None
        if len(self) != len(pairs):
            seen: set[str] = set()
            self.repeated = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # set.add is None on purpose


def read_object(value: bytes | None, noun: str) -> JsonObject:
    """Reads one value as a JSON object with sane size, depth and keys; `noun` is what it should be, for the reasons.

    Raises FormError, whatever the parser raises.
    """
    if value is None:
        raise FormError(Code.NULL_VALUE, f"the record has no value (a tombstone); {_a(noun)} cannot be deleted")
    if not value.strip():
        raise FormError(Code.EMPTY_VALUE, "the record's value is empty")
    if len(value) > MAX_VALUE_BYTES:
        raise FormError(Code.TOO_LARGE, f"{len(value)} bytes; {_a(noun)} has at most {MAX_VALUE_BYTES}")
    try:
        text = without_mark(value).decode()
    except UnicodeDecodeError as error:
        raise FormError(Code.INVALID_UTF8, f"byte {error.start} is not UTF-8") from None
    if nesting(text) > MAX_DEPTH:
        raise FormError(Code.TOO_DEEP, f"nested deeper than {MAX_DEPTH} levels")
    try:
        fields = json.loads(text, object_pairs_hook=JsonObject, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise FormError(Code.INVALID_JSON, f"{error.msg.removesuffix(' at')} at character {error.pos}") from None
    except ValueError as error:
        raise FormError(Code.INVALID_JSON, str(error).partition(";")[0]) from None
    except Exception as error:
        # Whatever else a parser may raise, it costs this record alone.
        raise FormError(Code.UNREADABLE, f"{type(error).__name__}: {error}") from None
    if not isinstance(fields, JsonObject):
        raise FormError(Code.NOT_AN_OBJECT, f"expected a JSON object, found {type(fields).__name__}")
    if "\\ud" in text or "\\uD" in text:
        try:
            json.dumps(fields, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise FormError(
                Code.INVALID_JSON, "an escape names half of a surrogate pair, which is no character"
            ) from None
    check_once(fields, "")
    return fields


def check_once(item: Any, place: str) -> None:
    """Raises FormError when `item` is an object in which a key stands twice; `place` leads to it."""
    if isinstance(item, JsonObject) and item.repeated is not None:
        raise FormError(Code.DUPLICATE_KEY, f"{place}{item.repeated}: stands twice; which one counts cannot be known")


def form_error(error: ValidationError) -> FormError:
    """Every problem of a model in one line, the code that of the first; values are not repeated, they may be personal."""
    problems = field_problems(error)
    lines = []
    for problem in problems:
        place = ".".join(str(part) for part in problem.place)
        lines.append(f"{place}: {problem.reason}" if place else problem.reason)
    return FormError(problems[0].code, "; ".join(lines))


class FieldProblem(NamedTuple):
    """What is wrong with one field: where it is (names and positions from the outside in), the code and the reason."""

    place: tuple[str | int, ...]
    code: Code
    reason: str


def field_problems(error: ValidationError) -> list[FieldProblem]:
    """Every problem of a model, in the order of the model; values are not repeated, they may be personal."""
    return [
        FieldProblem(problem["loc"], _code_of(problem["type"]), problem["msg"])
        for problem in error.errors(include_input=False, include_url=False)
    ]


def _code_of(kind: str) -> Code:
    if kind == "missing":
        return Code.MISSING_FIELD
    return Code.WRONG_TYPE if kind.endswith("_type") else Code.INVALID_VALUE


def nesting(text: str) -> int:
    """Nesting depth, brackets inside strings left out; 0 where it cannot be over MAX_DEPTH."""
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    inside = escaped = False
    for character in text:
        if inside:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                inside = False
        elif character == '"':
            inside = True
        elif character in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "}]":
            depth -= 1
    return deepest


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
