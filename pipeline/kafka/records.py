"""A consumed record's place, typed: the client's types allow for absent values that consumed records never have."""

from __future__ import annotations

from operator import methodcaller
from typing import cast

from confluent_kafka import Message

Headers = list[tuple[str, bytes | None]]


def place(message: Message) -> tuple[str, int, int]:
    """Topic, partition and offset of a consumed record."""
    return cast("str", message.topic()), cast("int", message.partition()), cast("int", message.offset())


def key(message: Message) -> bytes | None:
    """The record's key as it is on the wire."""
    return message.key()


# The client (2.16) answers with an error pending, which a direct call from Python 3.11 leaves to whatever is called next.
_headers_of = methodcaller("headers")

UNREADABLE_HEADERS = "headers.unreadable"
"""Stands for all headers of a record where the name of one is not UTF-8: the client tells no more of them than that name."""


def headers(message: Message) -> Headers:
    """The record's headers, in order; empty when there are none."""
    try:
        return cast("Headers", _headers_of(message) or [])
    except (UnicodeDecodeError, SystemError) as error:
        cause = error if isinstance(error, UnicodeDecodeError) else error.__cause__
        if not isinstance(cause, UnicodeDecodeError):
            raise
        return [(UNREADABLE_HEADERS, cause.object)]
