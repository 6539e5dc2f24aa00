"""Documents of JSON, the rows that stand in them, and the values that a path names.

A path is names joined by dots. `name[]` is every element of a list, `name[0]` one of them, `name[key=value]` those elements
(or that object) of which a member, or one of its members on the path `key`, has this value; `../name` is a member of the object
that holds the list in which the row stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pipeline.inputs.errors import InputError
from pipeline.inputs.forms import Number
from topics.claims.codec import ClaimError

MAX_DOCUMENT = 64 << 20
"""Characters of one document."""

_READ_CHARS = 1 << 20
_STEP = re.compile(r"(?P<name>[^.\[\]]+)?(?:\[(?P<index>[^\]]*)\])?")
_SPACE = re.compile(r"[ \t\r\n]*")


class Repeated(ValueError):
    """A member that stands twice in one object."""


class _Constant(ValueError):
    """NaN and Infinity, which are no JSON."""


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise Repeated(key)
            seen.add(key)
    return made


def _no_constant(name: str) -> Any:
    raise _Constant(name)


DECODER = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=Number, parse_int=Number, parse_constant=_no_constant
)
"""Numbers stay as they are written; a member that stands twice is refused."""


def read_document(line: bytes) -> dict[str, Any]:
    """The document of a line. Raises ClaimError."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise ClaimError("invalid_utf8", f"byte {error.start} is not UTF-8") from None
    try:
        return checked(DECODER.decode(text), text)
    except json.JSONDecodeError as error:
        raise ClaimError("invalid_json", f"{error.msg.removesuffix(' at')} at character {error.pos}") from None
    except (Repeated, _Constant, RecursionError) as error:
        raise told(error) from None


def told(error: Exception) -> ClaimError:
    """What else than its grammar is wrong with a document."""
    if isinstance(error, Repeated):
        return ClaimError("duplicate_key", f"{error}: stands twice; which one counts cannot be known")
    if isinstance(error, RecursionError):
        return ClaimError("too_deep", "nested too deep")
    return ClaimError("invalid_json", f"{error} is not JSON")


def checked(document: Any, text: str) -> dict[str, Any]:
    """The document that stands in a text if it is an object of characters. Raises ClaimError."""
    if not isinstance(document, dict):
        kind = "number" if isinstance(document, Number) else type(document).__name__
        raise ClaimError("not_an_object", f"expected a JSON object, found {kind}")
    if "\\ud" in text or "\\uD" in text:
        try:
            json.dumps(document, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ClaimError(
                "invalid_json", "an escape names half of a surrogate pair, which is no character"
            ) from None
    return document


def read_documents(chunks: Iterator[bytes], name: str) -> Iterator[tuple[dict[str, Any] | ClaimError, str]]:
    """The documents of an array, or of documents one after the other over any number of lines: each with its text.

    In place of one that is JSON and no object stands what is wrong. Raises InputError where the text is no JSON any more:
    what comes after that cannot be told apart.
    """
    reader = _Reader(chunks, name)
    count = 0
    in_list = reader.next_is("[")
    if in_list:
        reader.skip(1)
    while True:
        if reader.ended():
            if in_list:
                raise InputError(f"{name}: cannot be read beyond document {count:,}: the list is not closed")
            return
        if in_list and reader.next_is("]"):
            reader.skip(1)
            if not reader.ended():
                raise InputError(f"{name}: cannot be read beyond document {count:,}: something follows the list")
            return
        if count and in_list:
            if not reader.next_is(","):
                raise InputError(
                    f"{name}: cannot be read beyond document {count:,}: expected a comma or the end of the list"
                )
            reader.skip(1)
            reader.ended()
        count += 1
        document, text = reader.document(count)
        try:
            yield document if isinstance(document, ClaimError) else checked(document, text), text
        except ClaimError as error:
            yield error, text


class _Reader:
    """A text that is read as far as it is needed."""

    def __init__(self, chunks: Iterator[bytes], name: str) -> None:
        self._chunks = chunks
        self._name = name
        self._text = ""
        self._at = 0
        self._carried = b""
        self._done = False

    def _more(self) -> bool:
        chunk = next(self._chunks, None)
        if chunk is None:
            self._done = True
            rest, self._carried = self._carried, b""
            self._text = self._text[self._at :] + rest.decode("utf-8", "replace")
            self._at = 0
            return bool(rest)
        data = self._carried + chunk
        # A character may be cut in two; three bytes are the most that can wait for the rest of it.
        for cut in range(4):
            whole = data[: len(data) - cut]
            try:
                text = whole.decode()
            except UnicodeDecodeError:
                continue
            self._carried = data[len(whole) :]
            break
        else:
            raise InputError(f"{self._name}: is not UTF-8; if it is in another encoding, say which")
        self._text = self._text[self._at :] + text
        self._at = 0
        return True

    def ended(self) -> bool:
        """Whether nothing but white space follows; skips it."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]  # it matches nothing, too
            if self._at < len(self._text):
                return False
            if (self._done or not self._more()) and self._at >= len(self._text):
                return True

    def next_is(self, mark: str) -> bool:
        """Whether the next character that is no white space is this one."""
        return not self.ended() and self._text[self._at] == mark

    def skip(self, count: int) -> None:
        """Goes on by so many characters."""
        self._at += count

    def document(self, count: int) -> tuple[Any, str]:
        """The next document and its text, or what is wrong with it."""
        wanted = _READ_CHARS
        while True:
            try:
                document, end = DECODER.raw_decode(self._text, self._at)
                if end == len(self._text) and not self._done and self._more_of(wanted):
                    wanted *= 2
                    continue
            except json.JSONDecodeError as error:
                if len(self._text) - self._at > MAX_DOCUMENT:
                    raise InputError(
                        f"{self._name}: document {count:,} has more than {MAX_DOCUMENT >> 20} Mi characters"
                    ) from None
                if not self._done and self._more_of(wanted):
                    wanted *= 2
                    continue
                raise InputError(
                    f"{self._name}: cannot be read beyond document {count - 1:,}: {error.msg} at character "
                    f"{error.pos - self._at} of the next"
                ) from None
            except (Repeated, _Constant) as error:
                end = self._end_of(count)
                text = self._text[self._at : end]
                self._at = end
                return told(error), text
            except RecursionError:
                raise InputError(f"{self._name}: document {count:,} is nested too deep") from None
            text = self._text[self._at : end]
            self._at = end
            return document, text

    def _end_of(self, count: int) -> int:
        """Where a document ends that is JSON, but not one that is taken."""
        wanted = _READ_CHARS
        while True:
            try:
                return json.JSONDecoder().raw_decode(self._text, self._at)[1]
            except json.JSONDecodeError:
                if self._done or not self._more_of(wanted):
                    raise InputError(f"{self._name}: cannot be read beyond document {count - 1:,}") from None
                wanted *= 2

    def _more_of(self, wanted: int) -> bool:
        got = False
        while len(self._text) - self._at < wanted and self._more():
            got = True
        return got or (not self._done and self._more())


# -- paths --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a path: a member's name, and what is taken of it."""

    name: str
    index: str | None


class PathError(ValueError):
    """A path that cannot be read."""


@cache
def compile_path(path: str) -> tuple[Step, ...]:
    """The steps of a path. Raises PathError."""
    if path == ".":
        return ()
    steps = []
    up, rest = 0, path
    while rest.startswith("../"):
        up, rest = up + 1, rest[3:]
    at = 0
    while at < len(rest):
        found = _STEP.match(rest, at)
        if found is None or found.end() == at or found["name"] is None:
            raise PathError(f"{path!r}: cannot be read from character {at + 3 * up + 1} on")
        steps.append(Step(found["name"], found["index"]))
        at = found.end()
        if at < len(rest):
            if rest[at] != "." or at + 1 == len(rest):
                raise PathError(f"{path!r}: cannot be read from character {at + 3 * up + 1} on")
            at += 1
    return (*[Step("..", None)] * up, *steps)


@dataclass(frozen=True, slots=True)
class Row:
    """An object that is a row, and those that hold it, the nearest last."""

    value: dict[str, Any]
    holders: tuple[dict[str, Any], ...] = ()


def rows_of(document: dict[str, Any], paths: Sequence[str]) -> list[Row] | None:
    """The rows of a document by the first path that leads anywhere; None when none does."""
    if not paths:
        return [Row(document)]
    for path in paths:
        found = list(_walk(document, compile_path(path), ()))
        if found:
            return found
    return None


def _walk(value: Any, steps: tuple[Step, ...], holders: tuple[dict[str, Any], ...]) -> Iterator[Row]:
    if not steps:
        if isinstance(value, dict):
            yield Row(value, holders)
        return
    if not isinstance(value, dict):
        return
    for item in _taken(value.get(steps[0].name), steps[0].index, every=True):
        yield from _walk(item, steps[1:], (*holders, value))


def value_at(row: Row, path: str) -> Any:
    """What stands at a path of a row; None where there is nothing. With several elements it is the first of them."""
    steps = compile_path(path)
    holders = row.holders
    value: Any = row.value
    while steps and steps[0].name == "..":
        if not holders:
            return None
        value, holders, steps = holders[-1], holders[:-1], steps[1:]
    for step in steps:
        if not isinstance(value, dict):
            return None
        value = next(iter(_taken(value.get(step.name), step.index, every=False)), None)
    return value


def _taken(value: Any, index: str | None, *, every: bool) -> list[Any]:
    """What of a member a step takes: all elements of a list for rows, the member itself for values."""
    if value is None:
        return []
    if index is None:
        return value if every and isinstance(value, list) else [value]
    elements = value if isinstance(value, list) else [value]
    if index == "":
        return elements
    if index.isdigit():
        return elements[int(index) : int(index) + 1]
    key, _, wanted = index.partition("=")
    steps = compile_path(key)
    return [item for item in elements if isinstance(item, dict) and wanted in map(_said, _every_at(item, steps))]


def _every_at(value: Any, steps: tuple[Step, ...]) -> Iterator[Any]:
    """Whatever stands at a path, in every element of lists on the way."""
    if isinstance(value, list):
        for item in value:
            yield from _every_at(item, steps)
    elif not steps:
        yield value
    elif isinstance(value, dict):
        for item in _taken(value.get(steps[0].name), steps[0].index, every=True):
            yield from _every_at(item, steps[1:])


def _said(value: Any) -> str | None:
    return (
        {True: "true", False: "false"}[value] if isinstance(value, bool) else value if isinstance(value, str) else None
    )
