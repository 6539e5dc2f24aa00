"""What a dead letter says of itself: the record that it was, and why it was set aside."""

from __future__ import annotations

from typing import NamedTuple

from confluent_kafka import Message

from pipeline.kafka.records import headers
from topics.catalogue import ERROR_HEADER, SOURCE_OFFSET_HEADER, SOURCE_PARTITION_HEADER, SOURCE_TOPIC_HEADER


class Letter(NamedTuple):
    """The source record's place, and the error."""

    topic: str
    partition: int
    offset: int
    error: str


def letter(message: Message) -> Letter | None:
    """A dead letter's headers; None when they name no record. Of a name that stands twice the last is the product's own."""
    named = {name: (value or b"").decode("utf-8", "replace") for name, value in headers(message)}
    try:
        partition, offset = int(named[SOURCE_PARTITION_HEADER]), int(named[SOURCE_OFFSET_HEADER])
        return Letter(named[SOURCE_TOPIC_HEADER], partition, offset, named.get(ERROR_HEADER, ""))
    except (KeyError, ValueError):
        return None
