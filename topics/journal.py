"""The chain of the desk's journal (topic `desk-journal`): how an entry is linked to the one before, and how a break is found.

Pure. Whoever alters, removes or inserts an entry breaks the chain from there on. A cut tail leaves a chain that is whole: it is
found by a head, the number and hash of an entry, that was kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from topics.messages.desk import JournalEntry

NOTHING = "0" * 64
"""What the first entry names as the hash before it."""

Kind = Literal["unreadable", "altered", "missing", "doubled", "cut"]


class Head(NamedTuple):
    """The number and the hash of an entry; (0, 64 zeros) before the first."""

    seq: int
    hash: str


START = Head(0, NOTHING)


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain is not whole. `where` names offsets or numbers of entries."""

    kind: Kind
    where: str
    detail: str


def entry_hash(fields: dict[str, Any]) -> str:
    """The hash of an entry, from its fields as JSON has them; a `hash` among them is left out."""
    rest = {name: value for name, value in fields.items() if name != "hash"}
    text = json.dumps(rest, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def linked(head: Head, fields: dict[str, Any]) -> tuple[JournalEntry, Head]:
    """The entry that follows a head, and the head that it is."""
    whole = {"seq": head.seq + 1, **fields, "previous": head.hash, "hash": NOTHING}
    told = JournalEntry.model_validate(whole).model_dump(mode="json", by_alias=True)
    entry = JournalEntry.model_validate_json(json.dumps({**told, "hash": entry_hash(told)}))
    return entry, Head(entry.seq, entry.hash)


def head_of(value: bytes | None) -> Head:
    """The head that a record is. Raises ValueError for one that is no entry, or whose content is not what its hash says."""
    try:
        entry, fields = JournalEntry.model_validate_json(value or b""), json.loads(value or b"")
    except ValidationError:
        raise ValueError("this is no entry of the journal") from None
    if entry_hash(fields) != entry.hash:
        raise ValueError(f"entry {entry.seq} is not what its hash says")
    return Head(entry.seq, entry.hash)


class Chain:
    """Follows a journal from its first record. `breaks` are told as they are met; `heads` are those kept elsewhere."""

    def __init__(self, heads: Iterable[Head] = ()) -> None:
        self.head = START
        self._kept = {head.seq: head.hash for head in heads}

    def follow(self, where: str, value: bytes | None) -> Iterator[Break]:
        """Takes the next record of the topic."""
        try:
            fields = json.loads(value or b"")
            entry = JournalEntry.model_validate_json(value or b"")
        except (ValueError, RecursionError):
            yield Break("unreadable", where, "this is no entry of the journal")
            return
        if entry_hash(fields) != entry.hash:
            yield Break("altered", where, f"entry {entry.seq} is not what its hash says")
        if entry.seq <= self.head.seq:
            yield Break("doubled", where, f"entry {entry.seq} comes after entry {self.head.seq}")
        elif entry.seq > self.head.seq + 1:
            text = f"entries {self.head.seq + 1} to {entry.seq - 1} are not there"
            yield Break("missing", where, text)
        elif entry.previous != self.head.hash:
            text = f"entry {entry.seq} does not follow from entry {self.head.seq}: one of the two was put in another's place"
            yield Break("altered", where, text)
        kept = self._kept.get(entry.seq)
        if kept is not None and kept != entry.hash:
            yield Break("altered", where, f"entry {entry.seq} had another hash when its head was kept: {kept}")
        self.head = Head(entry.seq, entry.hash)

    def end(self) -> Iterator[Break]:
        """What is wrong at the end of the topic."""
        last = max(self._kept, default=0)
        if last > self.head.seq:
            text = f"a head of entry {last} was kept, and the journal ends with entry {self.head.seq}: its tail was cut off"
            yield Break("cut", f"entries {self.head.seq + 1} to {last}", text)


def read_heads(text: str) -> tuple[Head, ...]:
    """The heads of a file that the desk keeps, a line each. Raises ValueError that names the line that is none."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            told = json.loads(line)
            found.append(Head(int(told["seq"]), str(told["hash"])))
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"line {number} is no head of a journal") from None
    return tuple(found)
