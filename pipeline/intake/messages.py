"""Messages of the national interface (接口报文) as their senders have them: a request, its response, or both in one document.

A request says what is asked (`infno`, `msgid`, `input`), a response what came of it (`infcode`, `inf_refmsgid`, `output`). They
stand in one object, as `{"request": ..., "response": ...}`, or in two documents that the number of the message joins. A row of an
export is a document without input and output. Names of fields are looked for where integrators put them, not only where the
specification has them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, TypeVar

from pipeline.inputs.documents import DECODER, told
from pipeline.inputs.errors import FormError
from pipeline.inputs.forms import DIVISION_IN_CODE, is_missing, text_of
from pipeline.inputs.moments import moment_of, time_text
from topics.dead_letters import Code
from topics.normalisation import normal_code

Document = Mapping[str, Any]
T = TypeVar("T")

_TIMES = ("yyyy-MM-dd HH:mm:ss", "yyyyMMddHHmmssSSS", "yyyyMMddHHmmss", "yyyy-MM-dd HH:mm:ss.SSS", "rfc3339")
_OF_INPUT = ("feedetail", "mdtrtinfo", "diseinfo")
_OF_OUTPUT = ("setlinfo", "setldetail")
_CODED = re.compile(DIVISION_IN_CODE)
_NUMBER = re.compile(r"^(?P<institution>.{12})(?P<time>[0-9]{14})[0-9]{4}$")
"""The number of a message (msgid): institution, time, sequence."""


class Refused(Exception):
    """A message, or a part of one, that says nothing that can be used: a code of the closed list and the reason."""

    def __init__(self, code: Code, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"{code}: {reason}")


def remembering(read: Callable[..., T], most: int) -> Callable[..., T]:
    """Reads so many texts once only, since codes and times stand in message after message.

    What is no text is read each time: a number equals others of another type that are written in another way.
    """
    known = lru_cache(maxsize=most)(read)

    def remembered(value: Any, *how: Any) -> T:
        return (known if type(value) is str else read)(value, *how)

    return remembered


@dataclass(frozen=True, slots=True)
class Told:
    """Where something was said: when (RFC 3339; empty where the message has no time), as which document in the order of arrival,
    at which place of which file, and in the message of which number."""

    time: str
    position: int
    place: str
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """One document. `asked` and `answered` are input and output where they are there; `flat` is a row of an export."""

    told: Told
    infno: str | None
    institution: str | None
    place: str | None
    insured_place: str | None
    failed: str | None
    asked: Document | None
    answered: Document | None
    flat: Document | None

    @property
    def is_response_alone(self) -> bool:
        """Whether only its request says what it is about."""
        return self.asked is None and self.flat is None

    def with_response(self, other: Envelope) -> Envelope:
        """A request together with its response, which stood in a document of its own."""
        return Envelope(
            self.told, self.infno, self.institution or other.institution, self.place or other.place,
            self.insured_place or other.insured_place, other.failed, self.asked, other.answered, self.flat,
        )  # fmt: skip


def read_envelope(document: Document, place: str, position: int) -> Envelope:
    """What a document is. Raises Refused where it is no message."""
    request = _part(document, "request")
    response = _part(document, "response")
    if request is None and response is None:
        request, response, flat = _halves(document)
    else:
        flat = None
    heads = [part for part in (request, response, flat) if part is not None]
    number = _text(heads, "msgid") or _text(heads, "inf_refmsgid")
    made = _NUMBER.match(number or "")
    time = _time(_first(heads, "inf_time")) or _time(_first(heads, "respond_time"))
    coded = made["institution"] if made is not None and _CODED.match(made["institution"].upper()) else None
    institution = _text(heads, "fixmedins_code") or coded
    infcode = _text(heads, "infcode")
    return Envelope(
        told=Told(time or (_time(made["time"]) if made else None) or "", position, place, number),
        infno=(_text(heads, "infno") or "").upper() or None,
        institution=None if institution is None else normal_code(institution),
        place=_text(heads, "mdtrtarea_admvs", "mdtrtarea_admdvs"),
        insured_place=_text(heads, "insuplc_admdvs", "insuplc_admvs", "insu_admdvs"),
        failed=None if infcode is None or infcode.lstrip("0") == "" else infcode,
        asked=None if request is None else _node(request, "input", request if _holds(request, _OF_INPUT) else None),
        answered=None
        if response is None
        else _node(response, "output", response if _holds(response, _OF_OUTPUT) else {}),
        flat=flat,
    )


def _halves(document: Document) -> tuple[Document | None, Document | None, Document | None]:
    asks = "input" in document or _holds(document, _OF_INPUT)
    answers = "output" in document or "infcode" in document or _holds(document, _OF_OUTPUT)
    if asks or answers:
        return (document if asks else None), (document if answers else None), None
    return None, None, document


def _holds(document: Document, names: Sequence[str]) -> bool:
    return any(isinstance(document.get(name), dict | list) for name in names)


def _part(document: Document, name: str) -> Document | None:
    if not isinstance(document.get(name), dict | str):
        return None
    return _node(document, name, None)


def _node(holder: Document, name: str, absent: Document | None) -> Document | None:
    """An object inside a message, which some systems send as the text of one."""
    value = holder.get(name)
    if value is None or (isinstance(value, str) and is_missing(value.strip())):
        return absent
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            value = DECODER.decode(value)
        except json.JSONDecodeError as error:
            raise Refused(
                Code.INVALID_JSON, f"{name}: {error.msg.removesuffix(' at')} at character {error.pos}"
            ) from None
        except Exception as error:
            found = told(error)
            raise Refused(Code(found.kind), f"{name}: {found}") from None
    if isinstance(value, list):
        return {"data": value}
    if not isinstance(value, dict):
        raise Refused(Code.WRONG_TYPE, f"{name}: expected an object, found {type(value).__name__}")
    return value


def _first(chain: Sequence[Document], *names: str) -> Any:
    for name in names:
        for part in chain:
            if part.get(name) is not None:
                return part[name]
    return None


def _text(chain: Sequence[Document], *names: str) -> str | None:
    for name in names:
        for part in chain:
            value = part.get(name)
            if value is None or value == "":
                continue
            try:
                text = _text_of(value)
            except FormError as error:
                raise Refused(Code.INVALID_VALUE, f"{name}: {error}") from None
            if not is_missing(text):
                return text
    return None


_text_of = remembering(partial(text_of, coded=True), 50_000)


def _time(value: Any) -> str | None:
    """A time by which messages are put in order; None for one that cannot be read, which then has no order."""
    return _time_of(value) if isinstance(value, str) else None


@lru_cache(maxsize=10_000)
def _time_of(value: str) -> str | None:
    # A message has the same time in several places, and its response has it again.
    found = moment_of(value.strip(), _TIMES, "+08:00")
    try:
        return None if found is None else time_text(found[0])
    except OverflowError:
        return None


# -- what stands in a message -------------------------------------------------------------------------------------


def objects_of(node: Document | None) -> Iterator[Document]:
    """The objects of a node, those of its lists of one as well, and the node itself: where a field may stand."""
    if node is None:
        return
    for value in node.values():
        if isinstance(value, dict):
            yield value
        elif isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
            yield value[0]
    yield node


def rows_at(node: Document | None, *names: str) -> list[Document] | None:
    """The objects at the first of these names that is there: a list of them, or a single one. None where there is none.

    Raises Refused for a list that holds something else.
    """
    for name in names:
        value = None if node is None else node.get(name)
        if isinstance(value, dict):
            return [value]
        if isinstance(value, list):
            strangers = [item for item in value if not isinstance(item, dict)]
            if strangers:
                raise Refused(Code.WRONG_TYPE, f"{name}: expected objects, found {type(strangers[0]).__name__}")
            if value:
                return value
    return None
