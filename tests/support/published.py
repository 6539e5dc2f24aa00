"""The topics of the control plane as they are after a faultless run, written by hand, so that a test can spoil one record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from aiokafka.partitioner import murmur2
from confluent_kafka import Consumer, TopicPartition

from pipeline.control.notices import due_notices, measure_notices
from pipeline.settings.packs import load_pack_set
from rules.changes import diff
from rules.dossier import fold
from rules.duties import duties
from rules.events import Event, encode
from rules.measures import measures
from rules.standing import institution_timeline, statement
from tests.support.cluster import SMALL, Cluster

PACKS = load_pack_set()
Record = dict[str, Any]


def partition(code: str) -> int:
    """Where a physician's or an institution's records lie."""
    return (murmur2(code.encode()) & 0x7FFFFFFF) % SMALL


def owner(event: Event) -> str:
    """The code that an event is keyed by."""
    return (event.institution if event.of_institution else event.physician_code) or ""


def event_record(event: Event, **other: Any) -> Record:
    """An event as its sender writes it."""
    return {"key": owner(event), "value": encode(event), "partition": partition(owner(event)), **other}


def standing_records(events: Iterable[Event]) -> list[Record]:
    """The standings of one dossier, event by event: one record whenever the content changed."""
    known: list[Event] = []
    old: Any = None
    records = []
    for event in events:
        known.append(event)
        new = standing(known)
        if old is None or msgspec.structs.replace(new, revision=old.revision) != old:
            records.append(standing_record(msgspec.structs.replace(new, changed=diff(old, new))))
            old = new
    return records


def standing(known: list[Event]) -> Any:
    """What a dossier's events make, under a revision that counts them."""
    first, file = known[0], fold(known)
    law = PACKS.law(first.region)
    if first.of_institution:
        return institution_timeline(file, law, institution_code=owner(first), region=first.region, revision=len(known))
    return statement(file, law, region=first.region, physician_code=owner(first), revision=len(known)).timeline


def standing_record(timeline: Any, **other: Any) -> Record:
    """A timeline as the control plane publishes it."""
    code = getattr(timeline, "physician_code", None) or timeline.institution_code
    key = f"{timeline.region}|{code}"
    return {"key": key, "value": msgspec.json.encode(timeline), "partition": partition(code), **other}


def notice_records(events: list[Event], today: dt.date) -> list[Record]:
    """Every notice of one physician's or institution's dossier by a day."""
    first, file = events[0], fold(events)
    law = PACKS.law(first.region)
    if first.of_institution:
        told = measure_notices(first.region, owner(first), measures(file, law, owner(first)), today, ())
        return [{"key": name, "value": value, "partition": partition(owner(first))} for name, value in told]
    known = statement(file, law, region=first.region, physician_code=owner(first))
    owed = duties(file, known, law)
    found = due_notices(first.region, owner(first), owed, today, ())
    return [{"key": name, "value": value, "partition": partition(owner(first))} for name, value in found]


def letter_record(source: tuple[str, int, int], value: bytes | None, error: str = "invalid_value: invalid") -> Record:
    """A dead letter of the record at a place."""
    headers = zip(
        ("error", "source.topic", "source.partition", "source.offset"), (error, *map(str, source)), strict=True
    )
    return {"value": value, "headers": [(name, text.encode()) for name, text in headers]}


def commit(cluster: Cluster, group: str, topic: str, offsets: Mapping[int, int]) -> None:
    """Says that a group has come so far."""
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group, "log_level": 0})
    try:
        places = [TopicPartition(topic, number, offset) for number, offset in offsets.items()]
        consumer.commit(offsets=places, asynchronous=False)
    finally:
        consumer.close()
