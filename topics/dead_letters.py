"""Dead letters (死信): what is wrong with a record, in one closed list of codes, and the envelope that says so.

The envelope is written here (`enclose`) and read here (`opened`), for all topics of dead letters. Its value is the received
bytes, unchanged. Its headers are those received and, after them, `error` (code, colon, reason) and the record's place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

Headers = Sequence[tuple[str, bytes | None]]

ERROR_HEADER = "error"
SOURCE_TOPIC_HEADER = "source.topic"
SOURCE_PARTITION_HEADER = "source.partition"
SOURCE_OFFSET_HEADER = "source.offset"
SOURCE_TOPIC_ID_HEADER = "source.topic_id"
"""Only where the brokers tell it: the id of the topic, since one that was deleted and made again has the old name and offsets."""
CUT_HEADER = "cut"
"""Only where the received record does not fit: `sha256=<hex> bytes=<n>` of the whole value. The value is its beginning."""

ENVELOPE_HEADERS = (ERROR_HEADER, SOURCE_TOPIC_HEADER, SOURCE_PARTITION_HEADER, SOURCE_OFFSET_HEADER)
"""The headers that every letter has, in their order."""

MAX_REASON_BYTES = 8_192
"""Longest reason in bytes; a longer one is cut. A record may be wrong in thousands of places."""

_ENVELOPE_BYTES = 64 * 1024
"""Room for the envelope's own headers and for Kafka's framing. Of a letter shorter than twice as much it is the half."""

LEAST_LETTER_BYTES = 1024
"""No letter needs more: its place, its code, the beginning of the reason, size and hash of the value."""


class Code(StrEnum):
    """Why a record was set aside. Names on the wire never change their meaning."""

    NULL_VALUE = "null_value"
    """The record has no value."""
    EMPTY_VALUE = "empty_value"
    """The value is empty or blank."""
    TOO_LARGE = "too_large"
    """The value is larger than its contract allows."""
    INVALID_UTF8 = "invalid_utf8"
    """The bytes are not UTF-8, such as GBK."""
    INVALID_JSON = "invalid_json"
    """The text is not JSON."""
    TOO_DEEP = "too_deep"
    """Nested deeper than any field of a contract needs."""
    NOT_AN_OBJECT = "not_an_object"
    """JSON, but no object."""
    DUPLICATE_KEY = "duplicate_key"
    """A field stands twice; which one counts cannot be known."""
    MISSING_FIELD = "missing_field"
    """A field that must be there is not."""
    WRONG_TYPE = "wrong_type"
    """A field has another JSON type than its contract says."""
    INVALID_VALUE = "invalid_value"
    """A field has the right type and a value that is not allowed."""
    UNREADABLE = "unreadable"
    """The decoder failed in a way that nobody foresaw; the reason names the exception."""
    UNKNOWN_TYPE = "unknown_type"
    """No such type of event."""
    NO_LEDGER = "no_ledger"
    """The region's rule pack counts no events."""
    OUTSIDE_SCHEME = "outside_scheme"
    """A well-formed event that the region's scheme does not know or does not allow (unknown violation, wrong points)."""
    UNCOUNTABLE = "uncountable"
    """The dossier cannot be counted with this event."""
    DOSSIER_FULL = "dossier_full"
    """The dossier has as many events or bytes as one may have."""
    NO_CASE = "no_case"
    """The action names a case that has not been opened."""
    NOT_POSSIBLE = "not_possible"
    """The action is not possible in the state of its case."""
    CASE_FULL = "case_full"
    """The case has as many actions or bytes as one may have."""
    VISIT_FULL = "visit_full"
    """The visit has as many facts or bytes as one may have."""
    ID_CONFLICT = "id_conflict"
    """The id was used before with other content."""
    NOT_WRITABLE = "not_writable"
    """What follows from the record cannot be written; the brokers refuse it."""
    UNCODED = "uncoded"
    """Only when read: a letter from before there were codes."""


FORM_CODES: tuple[Code, ...] = (
    Code.NULL_VALUE,
    Code.EMPTY_VALUE,
    Code.TOO_LARGE,
    Code.INVALID_UTF8,
    Code.INVALID_JSON,
    Code.TOO_DEEP,
    Code.NOT_AN_OBJECT,
    Code.DUPLICATE_KEY,
    Code.MISSING_FIELD,
    Code.WRONG_TYPE,
    Code.INVALID_VALUE,
)
"""What can be wrong with the form of any message, whatever it says."""


class Envelope(NamedTuple):
    """What a letter says of the record that it was. `cut`: its value is only the beginning of that record's."""

    topic: str
    partition: int
    offset: int
    code: Code
    reason: str
    cut: bool
    topic_id: str | None = None

    @property
    def error(self) -> str:
        """Code and reason as one line."""
        return self.reason if self.code is Code.UNCODED else f"{self.code}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A letter, ready to be sent."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


def enclose(
    code: Code,
    reason: str,
    *,
    topic: str,
    partition: int,
    offset: int,
    key: bytes | None,
    value: bytes | None,
    headers: Headers,
    limit: int,
    topic_id: str | None = None,
) -> Enclosed:
    """The letter of a record whose place in its topic is given; `limit` is the largest record of the topic of dead letters.

    A letter always fits. Where the record is too large for it, received headers go first, then the end of the value, then
    the key; the header `cut` then tells the size and the hash of the whole value, and the place leads to the record itself.
    `limit` is at least LEAST_LETTER_BYTES.
    """
    envelope = min(_ENVELOPE_BYTES, limit // 2)
    room = limit - envelope
    received = list(headers)
    cut = _size(key, value, received) > room
    whole = value or b""
    if cut:
        received = [] if _size(None, None, received) > envelope else received
        key = None if len(key or b"") > envelope else key
        received = [] if _size(key, None, received) > room else received
        if value is not None:
            value = value[: max(0, room - _size(key, None, received))]
    own: list[tuple[str, bytes | None]] = [
        (ERROR_HEADER, f"{code}: {_shortened(reason, envelope // 4)}".encode("utf-8", "backslashreplace")),
        (SOURCE_TOPIC_HEADER, topic.encode()),
        (SOURCE_PARTITION_HEADER, str(partition).encode()),
        (SOURCE_OFFSET_HEADER, str(offset).encode()),
    ]
    if topic_id is not None:
        own.append((SOURCE_TOPIC_ID_HEADER, topic_id.encode()))
    if cut:
        own.append((CUT_HEADER, f"sha256={hashlib.sha256(whole).hexdigest()} bytes={len(whole)}".encode()))
    return Enclosed(key, value, [*received, *own])


def opened(headers: Headers) -> Envelope | None:
    """What a letter's headers say; None when they name no record.

    Headers of the same names that came with the record stand before the envelope's and do not count.
    """
    own = _own(headers)
    named = {name: (value or b"").decode("utf-8", "replace") for name, value in own}
    try:
        topic = named[SOURCE_TOPIC_HEADER]
        partition, offset = int(named[SOURCE_PARTITION_HEADER]), int(named[SOURCE_OFFSET_HEADER])
    except (KeyError, ValueError):
        return None
    code, reason = coded(named.get(ERROR_HEADER, ""))
    return Envelope(topic, partition, offset, code, reason, CUT_HEADER in named, named.get(SOURCE_TOPIC_ID_HEADER))


def error_of(headers: Headers) -> tuple[Code, str]:
    """Code and reason of a letter, also of one that names no record."""
    named = {name: (value or b"").decode("utf-8", "replace") for name, value in _own(headers)}
    return coded(named.get(ERROR_HEADER, ""))


def without_envelope(headers: Headers) -> list[tuple[str, bytes | None]]:
    """The headers that came with the record."""
    own = _own(headers)
    if len(own) < len(headers):
        return list(headers[: len(headers) - len(own)])
    return [(name, value) for name, value in headers if name not in (*ENVELOPE_HEADERS, SOURCE_TOPIC_ID_HEADER)]


def _own(headers: Headers) -> Headers:
    """The envelope's own headers: from the last `error` on. All of them where that is not how the letter was written."""
    names = [name for name, _ in headers]
    if ERROR_HEADER in names:
        suffix = headers[len(names) - 1 - names[::-1].index(ERROR_HEADER) :]
        if {name for name, _ in suffix} >= {*ENVELOPE_HEADERS}:
            return suffix
    return headers


def coded(error: str, otherwise: Code = Code.UNCODED) -> tuple[Code, str]:
    """Code and reason of an error in one line; of one that names no code `otherwise`, and all of it as the reason."""
    name, found, reason = error.partition(": ")
    try:
        code = Code(name)
    except ValueError:
        return otherwise, error
    return (code, reason) if found and code is not Code.UNCODED else (otherwise, error)


def _shortened(reason: str, most: int) -> str:
    raw = reason.encode("utf-8", "backslashreplace")
    most = min(most, MAX_REASON_BYTES)
    if len(raw) <= most:
        return reason
    return raw[: most - 3].decode("utf-8", "ignore") + "..."


def _size(key: bytes | None, value: bytes | None, headers: Headers) -> int:
    return (
        len(key or b"") + len(value or b"") + sum(len(name.encode()) + len(item or b"") + 10 for name, item in headers)
    )
