"""Dead letters of claims, events, case actions and messages: look at them, and send them again once their cause is gone."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Message

from pipeline.kafka.diagnostics import ClusterError
from pipeline.kafka.producing import Record
from pipeline.kafka.reading import read_to_end
from pipeline.kafka.records import headers, key, place
from pipeline.kafka.transactions import Outgoing, TransactionAborted, TransactionFatal, TransactionWriter
from pipeline.settings.model import Settings
from topics.catalogue import (
    CASE_ACTIONS,
    CASE_ACTIONS_DEAD_LETTER,
    CLAIM_CASES,
    CLAIMS,
    CLAIMS_DEAD_LETTER,
    CLAIMS_REDRIVEN,
    INTERFACE_MESSAGES,
    INTERFACE_MESSAGES_DEAD_LETTER,
    PHYSICIAN_EVENTS,
    PHYSICIAN_EVENTS_DEAD_LETTER,
    TopicSpec,
)
from topics.dead_letters import Code, error_of, opened, without_envelope
from topics.fields import utc_text
from topics.messages.redriven import Redriven

_TIMEOUT_S = 30.0
_AT_ONCE = 1_000
_PREVIEW = 200


class FilterError(ValueError):
    """A --where that cannot be used; the message says what is possible."""


@dataclass(frozen=True, slots=True)
class Box:
    """A topic of dead letters, and the topic whose records they were. Only claims have shadow runs."""

    name: str
    spec: TopicSpec
    origin: TopicSpec

    @property
    def origins(self) -> tuple[str, ...]:
        """The topics whose records lie here: what cannot be taken of the cases lies beside the actions on them."""
        return (self.origin.name, CLAIM_CASES.name) if self.origin is CASE_ACTIONS else (self.origin.name,)

    @property
    def of_claims(self) -> bool:
        """Whether these are claims."""
        return self.origin is CLAIMS

    def topic(self, settings: Settings) -> str:
        """The topic of the letters."""
        return self.spec.prefixed(self._prefix(settings)).name

    def marks(self, settings: Settings) -> str:
        """The topic that tells which of them were sent again."""
        return CLAIMS_REDRIVEN.prefixed(self._prefix(settings)).name

    def mark(self, partition: int, offset: int) -> str:
        """The key of a letter's mark: a claim's names no topic."""
        return "|".join([*([] if self.of_claims else [self.spec.name]), str(partition), str(offset)])

    def _prefix(self, settings: Settings) -> str:
        return settings.output_prefix if self.of_claims else ""


BOXES = {
    box.name: box
    for box in (
        Box("claims", CLAIMS_DEAD_LETTER, CLAIMS),
        Box("events", PHYSICIAN_EVENTS_DEAD_LETTER, PHYSICIAN_EVENTS),
        Box("case-actions", CASE_ACTIONS_DEAD_LETTER, CASE_ACTIONS),
        Box("messages", INTERFACE_MESSAGES_DEAD_LETTER, INTERFACE_MESSAGES),
    )
}


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter. `kind` is the code of its error; `cut` says that its value is only the beginning of the record's;
    `redriven` says it was sent again before. A letter that names no record has an empty `source_topic`."""

    box: Box
    partition: int
    offset: int
    at: dt.datetime
    kind: Code
    reason: str
    source_topic: str
    source_partition: int
    source_offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    cut: bool
    redriven: bool

    def as_json(self) -> dict[str, Any]:
        """For --json: everything but the headers, the value as text where it is UTF-8, and cut short."""
        return {
            "topic": self.box.spec.name,
            "partition": self.partition,
            "offset": self.offset,
            "at": self.at.isoformat(timespec="milliseconds"),
            "kind": self.kind.value,
            "reason": self.reason,
            "source": {"topic": self.source_topic, "partition": self.source_partition, "offset": self.source_offset},
            "key": None if self.key is None else self.key.decode("utf-8", "backslashreplace"),
            "bytes": None if self.value is None else len(self.value),
            "preview": self.preview(),
            "cut": self.cut,
            "redriven": self.redriven,
        }

    @property
    def can_be_sent(self) -> bool:
        """Whether the whole record is here, and where it came from is a topic of its box."""
        return not self.cut and (self.box.of_claims or self.source_topic in ("", *self.box.origins))

    @property
    def goes_to(self) -> str:
        """The topic that it is sent to again: for claims that of the gate, for the others the one that it came from."""
        return self.box.origin.name if self.box.of_claims or not self.source_topic else self.source_topic

    @property
    def error(self) -> str:
        """The header as it stands."""
        return self.reason if self.kind is Code.UNCODED else f"{self.kind}: {self.reason}"

    def preview(self) -> str | None:
        """The beginning of the value, fit for a terminal."""
        if self.value is None:
            return None
        return self.value[:_PREVIEW].decode("utf-8", "backslashreplace")


Condition = Callable[[Letter], bool]

_FIELDS: dict[str, Callable[[Letter], str]] = {
    "kind": lambda letter: letter.kind,
    "error": lambda letter: letter.error,
    "key": lambda letter: (letter.key or b"").decode("utf-8", "replace"),
    "partition": lambda letter: str(letter.partition),
    "offset": lambda letter: str(letter.offset),
    "source.topic": lambda letter: letter.source_topic,
    "source.partition": lambda letter: str(letter.source_partition),
    "source.offset": lambda letter: str(letter.source_offset),
    "redriven": lambda letter: str(letter.redriven).lower(),
}
_WHERE = re.compile(r"(?P<field>[a-z.]+)(?P<operator>!=|=|~)(?P<value>.*)", re.DOTALL)


def parse_where(texts: Iterable[str]) -> Condition:
    """Conditions such as `kind=invalid_value`, `error~fund_amount`, `source.partition!=3`; all of them must hold.

    `=` and `!=` compare, `~` looks for a part. Raises FilterError, also for what no letter can meet.
    """
    conditions: list[Condition] = []
    for text in texts:
        match = _WHERE.fullmatch(text)
        if match is None or match["field"] not in _FIELDS:
            raise FilterError(
                f"--where {text!r}: expected FIELD=VALUE, FIELD!=VALUE or FIELD~PART with FIELD one of {', '.join(_FIELDS)}"
            )
        _check_value(text, match["field"], match["operator"], match["value"])
        conditions.append(_condition(_FIELDS[match["field"]], match["operator"], match["value"]))
    return lambda letter: all(condition(letter) for condition in conditions)


_VALUES: dict[str, tuple[str, ...]] = {"kind": tuple(Code), "redriven": ("true", "false")}
_NUMBERS = ("partition", "offset", "source.partition", "source.offset")


def _check_value(text: str, field: str, operator: str, value: str) -> None:
    """A value that no letter can have is a slip, and must not look like an empty topic."""
    if operator == "~":
        return
    if field in _VALUES and value not in _VALUES[field]:
        raise FilterError(f"--where {text!r}: {field} is one of {', '.join(_VALUES[field])}")
    if field in _NUMBERS and not value.isdecimal():
        raise FilterError(f"--where {text!r}: {field} is a number")
    if field == "error" and value in tuple(Code):
        raise FilterError(
            f"--where {text!r}: an error is compared as a whole ('invalid_json: ...'); give kind=... or error~PART"
        )


def _condition(field: Callable[[Letter], str], operator: str, value: str) -> Condition:
    if operator == "~":
        return lambda letter: value in field(letter)
    return lambda letter: (field(letter) == value) == (operator == "=")


def letters(settings: Settings, where: Condition, box: Box = BOXES["claims"]) -> Iterator[Letter]:
    """The dead letters of a box that meet the conditions. Raises ClusterError."""
    done = _redriven(settings, box)
    for message in read_to_end(settings, box.topic(settings)):
        letter = _letter(message, box, done)
        if where(letter):
            yield letter


def _redriven(settings: Settings, box: Box) -> set[str]:
    return {(key(message) or b"").decode() for message in read_to_end(settings, box.marks(settings))}


def _letter(message: Message, box: Box, done: set[str]) -> Letter:
    every = tuple(headers(message))
    envelope, (kind, reason) = opened(every), error_of(every)
    _, number, position = place(message)
    return Letter(
        box=box,
        partition=number,
        offset=position,
        at=dt.datetime.fromtimestamp(message.timestamp()[1] / 1000, dt.UTC),
        kind=kind,
        reason=reason,
        source_topic="" if envelope is None else envelope.topic,
        source_partition=-1 if envelope is None else envelope.partition,
        source_offset=-1 if envelope is None else envelope.offset,
        key=key(message),
        value=message.value(),
        headers=every,
        cut=envelope is not None and envelope.cut,
        redriven=box.mark(number, position) in done,
    )


def redrive(
    settings: Settings, chosen: Iterable[Letter], progress: Callable[[int], None], box: Box = BOXES["claims"]
) -> int:
    """Sends letters of a box to the topic that they came from, byte for byte, each at most once however often this is run.

    The record and the mark that it was sent are written in one transaction, so a run that is killed can be repeated. A
    second run at the same time ends the first. Returns how many were sent. Raises ClusterError.
    """
    writer = TransactionWriter(settings, f"screening-redrive-{settings.output_prefix}", transaction__timeout__ms=60_000)
    sent = 0
    try:
        writer.start(_TIMEOUT_S)
        # Marks are read after the fence: what an earlier run committed is now final and visible.
        done = _redriven(settings, box)
        waiting = [letter for letter in chosen if box.mark(letter.partition, letter.offset) not in done]
        for start in range(0, len(waiting), _AT_ONCE):
            part = waiting[start : start + _AT_ONCE]
            originals = [
                Outgoing(topic, [_original(letter) for letter in part if letter.goes_to == topic], single=True)
                for topic in dict.fromkeys(letter.goes_to for letter in part)
            ]
            writer.commit((*originals, Outgoing(box.marks(settings), [_mark(letter) for letter in part])))
            sent += len(part)
            progress(sent)
    except (TransactionAborted, TransactionFatal) as error:
        raise ClusterError(f"redrive stopped after {sent} records: {error}; it is safe to run it again") from error
    return sent


def _original(letter: Letter) -> Record:
    """The record as its sender wrote it."""
    return {"key": letter.key, "value": letter.value, "headers": without_envelope(letter.headers)}


def _mark(letter: Letter) -> Record:
    """The record that says that a letter was sent again."""
    mark = Redriven(
        partition=letter.partition,
        offset=letter.offset,
        redriven_at=utc_text(dt.datetime.now(dt.UTC)),
    )
    return {"key": letter.box.mark(letter.partition, letter.offset), "value": mark.model_dump_json()}
